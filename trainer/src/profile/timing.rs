//! How long a call of an emulator takes on this machine.

use std::{hint::black_box, time::Instant};

use emeuro_golden::{Emulator, Runner};
use ndarray::ArrayView2;

/// Calls between two looks at the clock: one call may be shorter than a look.
const CALLS: usize = 50;

/// Looks.
const ROUNDS: usize = 41;

/// Seconds per call of the golden model at its highest quality level: the median over rounds.
pub(super) fn seconds_per_call(emulator: &Emulator, inputs: ArrayView2<f64>) -> f64 {
    let inputs: Vec<Vec<f64>> = inputs.outer_iter().take(CALLS).map(|row| row.to_vec()).collect();
    let mut output = vec![0.0; emulator.output().port.size()];
    let mut runner = Runner::new(emulator);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for input in inputs.iter().cycle().take(CALLS) {
                // What has been trained on these inputs takes them.
                let _ = runner.infer_values(black_box(input), &mut output);
                black_box(&output);
            }
            start.elapsed().as_secs_f64() / CALLS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
