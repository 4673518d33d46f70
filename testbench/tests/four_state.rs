//! Units in a simulator that knows X: one clock of reset is enough, from power-up as in the middle of anything.

mod common;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common::icarus::{Run, is_there_or_skip};
use common::{GeneratedUnit, fixture, fixtures, sampled_unit};
use emeuro_compiler::{Control, UnitFile};
use emeuro_golden::Sampler;

/// Resets after these clocks of anything; the level changes from one to the next where it is a port.
fn runs(unit: &GeneratedUnit, disturbed: impl IntoIterator<Item = u64>) -> Vec<Run> {
    let levels = unit.program.levels();
    let level = |number: usize| match unit.program.config.control() {
        Control::None => number % levels,
        Control::AxiLite => levels - 1,
    };
    disturbed
        .into_iter()
        .enumerate()
        .map(|(number, disturbed)| Run { disturbed, level: level(number) })
        .collect()
}

/// From power-up, and after at most `count` other times within two frames.
fn check(unit: &GeneratedUnit, place: &str, count: u64) {
    let within = 2 * unit.cycles().latency + 20;
    let mut sampler = Sampler::new(within);
    let disturbed: Vec<u64> = match within <= count {
        true => (0..within).collect(),
        false => (0..count).map(|_| sampler.range(1, within as i64) as u64).collect(),
    };
    let runs = runs(unit, [0].into_iter().chain(disturbed));
    unit.check_from_x(&runs).unwrap_or_else(|error| panic!("{place}, {:?}: {error}", unit.program.config));
}

/// A level that comes from a register is unknown in the clock in which that register is reset.
#[test]
fn a_level_behind_a_register() {
    if !is_there_or_skip() {
        return;
    }
    let config = UnitFile::load(fixtures().join("reset_one_clock.unit.yaml")).unwrap().config;
    let unit = GeneratedUnit::new(fixture("reset_one_clock.yaml"), &config);
    check(&unit, "reset_one_clock", 100);
}

#[test]
fn units_of_every_kind() {
    if !is_there_or_skip() {
        return;
    }
    for seed in 0..18 {
        check(&sampled_unit(seed), &format!("unit {seed}"), 10);
    }
}

#[test]
#[ignore = "minutes; for a release build"]
fn many_units_reset_in_every_state() {
    if !is_there_or_skip() {
        return;
    }
    // A simulation takes one core.
    let next = AtomicU64::new(1000);
    let check_all = || {
        while let seed @ ..1150 = next.fetch_add(1, Relaxed) {
            check(&sampled_unit(seed), &format!("unit {seed}"), 100);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(check_all)));
}

/// Every register that decides whether something happens is needed: without its reset, the bench sees it.
#[test]
fn a_register_without_reset_is_noticed() {
    if !is_there_or_skip() {
        return;
    }
    let config = UnitFile::load(fixtures().join("reset_one_clock.unit.yaml")).unwrap().config;
    let unit = GeneratedUnit::new(fixture("reset_one_clock.yaml"), &config);
    for (module, reset) in [
        ("program_counter", "!resetn ? 2'd0 :"),
        ("stream_control", "full   <= 2'b00;"),
        ("stream_control", "count  <= 1'd0;"),
        ("input_loader", "buffers    <= 2'b00;"),
        ("control_registers", "quality <= 1'd1;"),
        ("control_registers", "resetting <= 1'b0;"),
        ("axi_lite", "s_axi_awready <= 1'b0;"),
        ("issue_control", "state      <= LOAD;"),
        ("issue_control", "pending <= 1'b0;"),
        ("drain_control", "fresh <= 1'b1;"),
        ("loop_counters", "counter_0 <= 1'd0;"),
    ] {
        let mut bad = GeneratedUnit {
            design: unit.design.clone(),
            emulator: unit.emulator.clone(),
            program: unit.program.clone(),
        };
        let mut sources = bad.design.sources.iter_mut();
        let source = sources.find(|source| source.name.ends_with(&format!("_{module}.v"))).unwrap();
        assert!(source.text.contains(reset), "{module}: {reset}\n{}", source.text);
        // The reset comes first.
        source.text = source.text.replacen(reset, "", 1);
        assert!(bad.check_from_x(&runs(&bad, [0, 10, 20, 30, 40])).is_err(), "{module}: {reset}");
    }
}
