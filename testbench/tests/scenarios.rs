//! Random scenarios on generated units: resets at any time, frames of every length, registers while frames run. And that
//! faults planted in a generated unit are found.

mod common;

use common::{GeneratedUnit, unit_config};
use emeuro_compiler::{Control, WeightMemory};
use emeuro_testbench::Event;
use emeuro_testbench::{
    Error, Evidence, Fault, Pattern, Recipe, Reset, RtlPolicy, Run, Scenario, Score, Traffic, Transaction,
};

#[test]
fn units_survive_random_scenarios() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut total = Score::default();
    for (network, config) in [
        (2, unit_config(3, 1, Control::None, WeightMemory::Rom)),
        (5, unit_config(16, 4, Control::None, WeightMemory::Rom)),
        (9, unit_config(1, 2, Control::AxiLite, WeightMemory::Rom)),
        (280, unit_config(8, 1, Control::AxiLite, WeightMemory::Ram)),
    ] {
        let unit = GeneratedUnit::sampled(network, config);
        let bench = unit.bench();
        let recipe = Recipe::of(&bench);
        for seed in 0..100 {
            let score = bench.check(&recipe.draw(seed), &Evidence::of_this_test());
            total += score.unwrap_or_else(|error| panic!("network {network}: {error}"));
        }
    }
    assert!(total.frames > 2000 && total.dropped > 1000 && total.resets > 1000, "{total:?}");
    assert!(total.accesses > 2000, "{total:?}");
}

/// File, working and faulty Verilog, and what the bench says about it.
const PLANTED: [(&str, &str, &str, &str); 13] = [
    ("input_loader", "short_seen <= 1'b1;", "short_seen <= 1'b0;", "short_frame is 0, expected 1"),
    ("input_loader", "dropping <= !s_axis_tlast;", "dropping <= 1'b0;", "expected"),
    ("input_loader", "        dropping   <= stream_goes_on_0 && dropping;\n", "", "no beat was accepted"),
    // The rest of a frame that was too long before a reset by software.
    (
        "input_loader",
        "dropping   <= stream_goes_on_0 && dropping;",
        "dropping   <= 1'b0;",
        "short_frame is 1, expected 0",
    ),
    ("stream_control", "            valid  <= 1'b0;\n", "", "tvalid is high in reset"),
    ("control_registers", "cycles + 32'd1", "cycles + 32'd2", "CYCLES cycles reads"),
    ("control_registers", "{31'd0, frame_done}", "{31'd0, arrives}", "FRAMES frames reads"),
    (
        "control_registers",
        "weight_high[7:0] <= write_data[7:0]",
        "weight_high[7:0] <= write_data[8:1]",
        "WEIGHT_HIGH",
    ),
    ("control_registers", "write_strobe[2] && write_data[16]", "write_data[16]", "short_frame"),
    ("control_registers", "resetn && !resetting", "resetn", "expected"),
    (
        "control_registers",
        "            in_flight   <= 3'd0;\n",
        "",
        "STATUS busy reads 0x1, expected 0, for no frame is in it",
    ),
    (
        "control_registers",
        "INPUT_WORDS   : fixed <= 32'd29",
        "INPUT_WORDS   : fixed <= 32'd30",
        "INPUT_WORDS input_words reads 0x1e, expected 0x1d",
    ),
    (
        "control_registers",
        "!(to_control || ",
        "!(",
        "access of 0x08 is answered with SlaveError, expected Okay",
    ),
];

#[test]
fn faults_planted_in_a_unit_are_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    // Building their models takes most of the time: half of them each.
    let (first, second) = PLANTED.split_at(PLANTED.len() / 2);
    std::thread::scope(|scope| {
        for plants in [first, second] {
            scope.spawn(move || plants.iter().for_each(find));
        }
    });
}

fn find(&(file, from, to, expected): &(&str, &str, &str, &str)) {
    let config = unit_config(8, 1, Control::AxiLite, WeightMemory::Ram);
    let mut unit = GeneratedUnit::sampled(280, config);
    let file = format!("sample_{file}.v");
    let source = unit.design.sources.iter_mut().find(|source| source.name == file).unwrap();
    assert!(source.text.contains(from), "{from}");
    source.text = source.text.replacen(from, to, 1);
    let bench = unit.bench();
    let recipe = Recipe::of(&bench);
    let found = (0..60).find_map(|seed| bench.play(&recipe.draw(seed)).err());
    let Some(Error::Failure(failure)) = found else { panic!("{from}: {found:?}") };
    assert!(failure.to_string().contains(expected), "{from}: {failure}");
}

#[test]
fn scenarios_that_make_no_sense_are_refused() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let plain = GeneratedUnit::sampled(5, unit_config(4, 1, Control::None, WeightMemory::Rom));
    let controlled = GeneratedUnit::sampled(280, unit_config(8, 1, Control::AxiLite, WeightMemory::Ram));
    let run = |events: Vec<Event>| Run::new(1, Traffic::full(), events);
    let write = |offset, data| Event::Access(Transaction::write(offset, data));
    let by_register = || Run { reset: Reset::Register, ..run(vec![]) };
    for (unit, runs, expected) in [
        (&plain, vec![run(vec![Event::Frame(vec![])])], "run 0: event 0: a frame of no words"),
        (&plain, vec![run(vec![]), run(vec![write(0, 0)])], "run 1: event 0: an access"),
        (&plain, vec![run(vec![]), by_register()], "run 1: expected a reset by the port"),
        (&controlled, vec![by_register()], "run 0: expected a reset by the port"),
        (&controlled, vec![run(vec![write(0x08, 1)])], "resets the datapath: expected a run"),
        (&controlled, vec![run(vec![write(0x8c, 1)])], "writes a weight"),
    ] {
        let error = unit.bench().play(&Scenario { power_up: 0, runs }).unwrap_err();
        assert!(matches!(error, Error::Stimulus(_)) && error.to_string().contains(expected), "{error}");
    }
    // Neither of these ends by itself.
    let idle = Pattern::Random { idle: 1.0 };
    for traffic in
        [Traffic { input: idle.clone(), ..Traffic::full() }, Traffic { output: idle, ..Traffic::full() }]
    {
        let frame = Event::Frame(vec![0; plain.emulator.input().size()]);
        let scenario = Scenario { power_up: 0, runs: vec![Run::new(1, traffic, vec![frame])] };
        let Err(Error::Failure(failure)) = plain.bench().play(&scenario) else { panic!() };
        assert!(matches!(failure.fault, Fault::Stalled { .. }), "{failure}");
    }
}
