//! Units with quality levels and members against the golden model and their predicted clocks: every level by itself, and
//! random scenarios in which levels change between frames, with resets, wrong frames and accesses to registers.

mod common;

use common::{GeneratedUnit, unit_config};
use emeuro_compiler::{Control, WeightMemory};
use emeuro_golden::{Emulator, Sampler, VectorId, sample_clusters, sample_levels};
use emeuro_testbench::{Evidence, Recipe, RtlPolicy, Score};

const ROM: (Control, WeightMemory) = (Control::None, WeightMemory::Rom);
const WATCHED: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Rom);
const RAM: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Ram);

/// Lanes, slots (0: as many as are worth it), words per beat, memories and control port.
type Shape = (usize, usize, usize, (Control, WeightMemory));

const SHAPES: [Shape; 8] = [
    (4, 0, 1, ROM),
    (8, 2, 2, WATCHED),
    (1, 1, 1, ROM),
    (16, 4, 4, RAM),
    (3, 0, 2, RAM),
    (5, 4, 1, ROM),
    (33, 8, 4, ROM),
    (2, 1, 4, WATCHED),
];

fn check(emulator: Emulator, seed: u64, (lanes, slots, words_per_beat, (control, weights)): Shape) -> Score {
    let mut config = unit_config(lanes, words_per_beat, control, weights);
    if slots > 0 {
        config = config.with_slots(slots).unwrap();
    }
    let unit = GeneratedUnit::new(emulator, &config);
    let place = format!("network {seed}, {config:?}");
    let evidence = Evidence::of_this_test();
    let mut sampler = Sampler::new(seed);
    let word = unit.emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(unit.emulator.input().size(), word)).collect();
    unit.assert_agrees(&place, &inputs, seed, &evidence);
    let bench = unit.bench();
    let recipe = Recipe { clocks_per_frame: unit.cycles().latency as u32, ..Recipe::of(&bench) };
    let mut score = Score::default();
    for scenario in 0..10 {
        score += bench
            .check(&recipe.draw(scenario), &evidence)
            .unwrap_or_else(|error| panic!("{place}, scenario {scenario}: {error}"));
    }
    score
}

#[test]
fn every_level_and_every_change_of_it() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut score = Score::default();
    for (seed, shape) in (0..).zip(SHAPES) {
        score += check(sample_levels(seed), seed, shape);
    }
    assert!(score.frames > 300 && score.resets > 100 && score.dropped > 100, "{score:?}");
}

#[test]
fn every_member() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut score = Score::default();
    for (seed, shape) in (20..).zip(SHAPES) {
        score += check(sample_clusters(seed), seed, shape);
    }
    assert!(score.frames > 300 && score.resets > 100 && score.dropped > 100, "{score:?}");
}
