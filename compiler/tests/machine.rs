//! Programs against the golden model: every word, on many networks and units.

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{Emulator, Sampler, VectorId, sample_emulator};

fn check(emulator: &Emulator, config: &UnitConfig, seed: u64, frames: usize) {
    let program = compile(emulator, config).unwrap();
    let mut sampler = Sampler::new(seed);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..frames).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let run = Machine::new(&program).run(&inputs).unwrap_or_else(|e| panic!("seed {seed}, {config:?}: {e}"));
    for (frame, (input, output)) in inputs.iter().zip(&run.frames).enumerate() {
        let expected = emulator.run(input).unwrap();
        if *output != expected {
            let layers: Vec<_> = program.instructions.iter().map(|i| &i.layer).collect();
            panic!("seed {seed}, {config:?}, frame {frame}: {output:?} is not {expected:?}; {layers:?}");
        }
    }
}

#[test]
fn sampled_networks_run_on_any_number_of_lanes() {
    for seed in 0..400 {
        let emulator = sample_emulator(seed);
        for lanes in [1, 2, 3, 4, 7, 16, 64] {
            check(&emulator, &UnitConfig::new(lanes).unwrap(), seed, 4);
        }
    }
}

#[test]
fn sampled_networks_run_on_units_of_any_width() {
    for seed in 0..200 {
        let emulator = sample_emulator(seed);
        for (lanes, slots, words_per_beat) in
            [(3, 2, 1), (4, 1, 4), (5, 4, 2), (8, 8, 4), (16, 2, 4), (64, 16, 1)]
        {
            let config = UnitConfig::new(lanes).unwrap();
            let config = config.with_slots(slots).unwrap().with_words_per_beat(words_per_beat).unwrap();
            check(&emulator, &config, seed, 4);
        }
    }
}

#[test]
fn frames_are_taken_in_pairs_where_that_is_faster() {
    let mut paired = 0;
    for seed in 0..200 {
        let emulator = sample_emulator(seed);
        for lanes in [4, 16] {
            let free = UnitConfig::new(lanes).unwrap();
            let never = free.clone().with_pairs(false);
            let [pairs, alone] = [&free, &never].map(|config| compile(&emulator, config).unwrap());
            assert!(alone.paired.is_empty());
            if pairs.paired.is_empty() {
                continue;
            }
            paired += 1;
            let [two, one] = [&pairs, &alone].map(|program| Machine::cycles(program).unwrap());
            assert!(two.period < one.period, "seed {seed}, {lanes} lanes: {two:?}, {one:?}");
        }
    }
    assert!(paired > 50, "{paired}");
}
