//! Programs against the golden model: every word, on many networks and numbers of lanes.

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{Emulator, Sampler, VectorId, sample_emulator};

fn check(emulator: &Emulator, lanes: usize, seed: u64, frames: usize) {
    let program = compile(emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
    let mut sampler = Sampler::new(seed);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..frames).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let run =
        Machine::new(&program).run(&inputs).unwrap_or_else(|e| panic!("seed {seed}, {lanes} lanes: {e}"));
    for (frame, (input, output)) in inputs.iter().zip(&run.frames).enumerate() {
        let expected = emulator.run(input).unwrap();
        if *output != expected {
            let layers: Vec<_> = program.instructions.iter().map(|i| &i.layer).collect();
            panic!("seed {seed}, {lanes} lanes, frame {frame}: {output:?} is not {expected:?}; {layers:?}");
        }
    }
}

#[test]
fn sampled_networks_run_on_any_number_of_lanes() {
    for seed in 0..400 {
        let emulator = sample_emulator(seed);
        for lanes in [1, 2, 3, 4, 7, 16, 64] {
            check(&emulator, lanes, seed, 4);
        }
    }
}
