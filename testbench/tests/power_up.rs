//! What a unit holds at power-up does not show after reset: many states, the same clocks, bit for bit.

mod common;

use common::{GeneratedUnit, design, options, unit_config};
use emeuro_compiler::{Control, WeightMemory};
use emeuro_testbench::{
    Error, Failure, Fault, FrameShape, PowerUp, Recipe, RtlPolicy, Scenario, Traffic, UnitBench,
};

/// All zeros, all ones, and random states.
fn power_ups(random: u64) -> Vec<PowerUp> {
    [PowerUp::Zeros, PowerUp::Ones].into_iter().chain((0..random).map(PowerUp::Random)).collect()
}

#[test]
fn outputs_of_units_do_not_depend_on_the_power_up_state() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (network, config) in [
        (2, unit_config(4, 1, Control::None, WeightMemory::Rom)),
        (5, unit_config(1, 1, Control::None, WeightMemory::Rom)),
        (7, unit_config(16, 4, Control::None, WeightMemory::Rom).with_slots(2).unwrap()),
        (9, unit_config(7, 2, Control::AxiLite, WeightMemory::Rom)),
        (280, unit_config(8, 1, Control::AxiLite, WeightMemory::Ram)),
    ] {
        let unit = GeneratedUnit::sampled(network, config);
        let bench = unit.bench();
        let recipe = Recipe { runs: 2..=3, ..Recipe::of(&bench) };
        for seed in 0..3 {
            let score = bench.check_power_up(&recipe.draw(seed), &power_ups(30));
            let score = score.unwrap_or_else(|e| panic!("network {network}: {e}"));
            assert!(score.words > 0 && score.resets >= 64);
        }
    }
}

#[test]
fn a_register_without_reset_is_noticed() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let shape =
        FrameShape { input_words: 4, input_bits: 16, output_words: 4, output_bits: 16, words_per_beat: 1 };
    let design = design("frame_mirror");
    let scenario = Scenario::of_frames(3, Traffic::full(), &[vec![1, 2, 3, 4], vec![5, 6, 7, 8]]);
    let bench = |flags: &[&str]| {
        let mut options = options();
        options.verilator_flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mirrored = |frame: &[i16]| Ok(frame.iter().rev().copied().collect());
        UnitBench::new(&design, &options, shape, mirrored).unwrap().with_watchdog(1000)
    };
    assert_eq!(bench(&[]).check_power_up(&scenario, &power_ups(10)).unwrap().frames, 24);
    // Wrong words from some states; right words from all, but not in the same clocks.
    for (bug, right, at) in [("INDEX", 1..=11, 12), ("HOLD", 12..=12, 1)] {
        let bench = bench(&[&format!("+define+BUG_{bug}_WITHOUT_RESET")]);
        let plays = power_ups(10).into_iter().map(|state| bench.play_watched(&scenario, state, |_| {}));
        assert!(right.contains(&plays.filter(Result::is_ok).count()), "{bug}");
        let checked = bench.check_power_up(&scenario, &power_ups(10));
        let Err(Error::Failure(failure)) = checked else { panic!("{bug}: {checked:?}") };
        let Failure { fault: Fault::PowerUp { power_ups, .. }, clock, .. } = &*failure else {
            panic!("{failure}")
        };
        assert_eq!((*power_ups, *clock), ((PowerUp::Zeros, PowerUp::Ones), at), "{failure}");
        assert!(failure.to_string().contains("depends on the power-up state"), "{failure}");
    }
}

#[test]
fn states_are_what_they_are_called() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = common::build("widths");
    let port = model.output("uninitialised").unwrap();
    let state = |power_up: PowerUp| {
        emeuro_testbench::Sim::new(&model, emeuro_testbench::Roms::None, power_up).unwrap().get(port)
    };
    assert_eq!((state(PowerUp::Zeros), state(PowerUp::Ones)), (0, 0xffff_ffff));
    assert_ne!(state(PowerUp::Random(1)), state(PowerUp::Random(2)));
}
