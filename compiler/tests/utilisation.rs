//! How busy the lanes are, streams included: what the design asks for, with frames back to back.

use emeuro_compiler::{Machine, Program, UnitConfig, compile};
use emeuro_golden::Emulator;

fn program(network: &str, config: &UnitConfig) -> Program {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/networks");
    let emulator = Emulator::load(format!("{folder}/{network}.yaml")).unwrap();
    compile(&emulator, config).unwrap()
}

fn utilisation(network: &str, config: &UnitConfig) -> f64 {
    let program = program(network, config);
    program.utilisation(Machine::cycles(&program).unwrap().period)
}

#[test]
fn plain_networks_use_nine_tenths_of_sixteen_lanes() {
    for network in ["16-16-8", "20-32-20", "64-16-64", "200-24-200", "512-16-2"] {
        let share = utilisation(network, &UnitConfig::new(16).unwrap());
        assert!(share >= 0.9, "{network}: {share:.3}");
    }
}

/// The fewer lanes, the less the waiting weighs.
#[test]
fn few_lanes_are_always_busy() {
    for network in ["16-16-8", "20-32-20", "64-16-64", "200-24-200", "512-16-2"] {
        for lanes in [1, 2, 4] {
            let share = utilisation(network, &UnitConfig::new(lanes).unwrap());
            assert!(share >= 0.97, "{network} on {lanes} lanes: {share:.3}");
        }
    }
}

/// As many slots as a layer's results need, and no more.
#[test]
fn slots_are_added_where_they_pay() {
    let chosen = |network| program(network, &UnitConfig::new(16).unwrap());
    for network in ["16-16-8", "20-32-20", "64-16-64", "200-24-200", "512-16-2"] {
        let free = chosen(network);
        let clocks = |slots: usize| {
            let config = UnitConfig::new(16).unwrap().with_slots(slots).unwrap().with_pairs(false);
            program(network, &config).clocks() as f64
        };
        if free.slots > 1 {
            assert!(clocks(free.slots) <= 0.95 * clocks(free.slots / 2), "{network}: {} slots", free.slots);
        }
        assert!(clocks(2 * free.slots) > 0.95 * clocks(free.slots), "{network}: {} slots", free.slots);
    }
}

/// A layer waits for the results that it needs, and for no more: with twice the lanes the waiting stays what it was.
#[test]
fn waiting_is_no_longer_than_the_pipeline() {
    for (network, layers) in
        [("16-16-8", 2), ("20-32-20", 2), ("64-16-64", 2), ("200-24-200", 2), ("512-16-2", 2)]
    {
        for lanes in [4, 16, 64] {
            let program = program(network, &UnitConfig::new(lanes).unwrap());
            let waiting: u32 = program.instructions.iter().map(|i| i.issue.delay).sum();
            // Twelve clocks per layer, and the levels of the adder tree.
            let most = layers * (12 + lanes.ilog2());
            assert!(waiting <= most, "{network} on {lanes} lanes: {waiting} clocks of {most}");
        }
    }
}
