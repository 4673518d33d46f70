//! Generated units of sampled networks against the golden model, and their lint.

mod common;

use common::{GeneratedUnit, fixture};
use emeuro_compiler::UnitConfig;
use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, VectorId,
    Weights, sample_emulator,
};
use emeuro_testbench::{Evidence, RtlPolicy};

fn check(seed: u64, lanes: usize) {
    check_unit(&sample_emulator(seed), seed, &UnitConfig::new(lanes).unwrap());
}

fn check_unit(emulator: &Emulator, seed: u64, config: &UnitConfig) {
    let Some(_) = RtlPolicy::current().verilator_or_skip() else { return };
    let unit = GeneratedUnit::new(emulator.clone(), config);
    let mut sampler = Sampler::new(seed);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let place = format!("network {seed}, {config:?}");
    unit.assert_agrees(&place, &inputs, seed, &Evidence::of_this_test());
}

#[test]
fn sampled_networks_on_few_lanes() {
    for seed in 0..6 {
        check(seed, 1 + seed as usize % 4);
    }
}

#[test]
fn sampled_networks_on_many_lanes() {
    for seed in 6..12 {
        check(seed, 7 + 9 * (seed as usize % 2));
    }
}

#[test]
fn sampled_networks_on_units_of_any_width() {
    let shapes = [(3, 2, 1), (4, 1, 4), (5, 4, 2), (8, 8, 4), (16, 2, 2), (16, 4, 1), (64, 16, 4), (1, 1, 2)];
    for (seed, (lanes, slots, words_per_beat)) in (20..).zip(shapes) {
        let config = UnitConfig::new(lanes).unwrap().with_slots(slots).unwrap();
        check_unit(&sample_emulator(seed), seed, &config.with_words_per_beat(words_per_beat).unwrap());
    }
}

/// A wide sum takes the adder tree's last level, a single product its first: tiles of both are in the tree together, and
/// each must be captured at its own level and nowhere else.
#[test]
fn independent_layers_of_different_depth_follow_each_other() {
    let word = Format::new(16, 8).unwrap();
    let port = |size| Port::new("x", size, word);
    let mut sampler = Sampler::new(1);
    let mut weights = |count: usize| Weights {
        format: Format::new(8, 7).unwrap(),
        values: (0..count).map(|_| sampler.range(-128, 127) as i16).collect(),
    };
    let mut builder = EmulatorBuilder::new("depths", port(64), 32).unwrap();
    let one = |offset| BlockGeometry { offset, ..BlockGeometry::dense(1, 1) };
    let mut sources = vec![];
    for (name, wide) in [("a", true), ("b", false), ("c", false), ("d", true), ("e", false)] {
        let made = match wide {
            true => builder.dense(name, VectorId::INPUT, weights(64), vec![77], word),
            false => {
                builder.block(name, VectorId::INPUT, one(sources.len() as i64), weights(1), vec![-9], word)
            }
        };
        sources.push(made.unwrap());
    }
    let output = OutputSpec { sources, lower: vec![], order: None, port: port(5) };
    let emulator = builder.finish(output, Provenance::default()).unwrap();
    for lanes in [4, 16] {
        check_unit(&emulator, 1, &UnitConfig::new(lanes).unwrap());
    }
}

/// Dimensions of a window that lie in line, the fastest first.
#[test]
fn a_window_in_ascending_order() {
    for (lanes, words_per_beat) in [(1, 1), (3, 2), (8, 4)] {
        let config = UnitConfig::new(lanes).unwrap().with_words_per_beat(words_per_beat).unwrap();
        check_unit(&fixture("window_line_ascending.yaml"), 1, &config);
    }
}

/// Under all kinds of traffic, so that a second frame sometimes comes in time and sometimes does not.
#[test]
fn frames_in_pairs() {
    for (seed, words_per_beat) in [(1005, 1), (1061, 1), (1054, 4)] {
        let config = UnitConfig::new(16).unwrap().with_words_per_beat(words_per_beat).unwrap();
        let emulator = sample_emulator(seed);
        assert!(!emeuro_compiler::compile(&emulator, &config).unwrap().paired.is_empty(), "network {seed}");
        check_unit(&emulator, seed, &config);
    }
}
