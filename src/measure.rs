//! Times kernels side by side: one frame each in turn, medians.

use std::time::{Duration, Instant};

/// Median nanoseconds per call of every kernel; kernel k is called with the number of a frame.
///
/// The kernels take turns frame by frame, so that whatever else the machine does hits all of them alike.
pub(crate) fn medians(
    frames: usize,
    budget: Duration,
    kernels: &mut [Box<dyn FnMut(usize) + '_>],
) -> Vec<f64> {
    let mut samples: Vec<Vec<f64>> = kernels.iter().map(|_| vec![]).collect();
    let begin = Instant::now();
    // The first round warms caches and branch predictors and does not count.
    for round in 0.. {
        for frame in 0..frames {
            for (kernel, samples) in kernels.iter_mut().zip(&mut samples) {
                let start = Instant::now();
                kernel(frame);
                let elapsed = start.elapsed();
                if round > 0 || frame > 0 {
                    samples.push(elapsed.as_nanos() as f64);
                }
            }
            if begin.elapsed() > budget && round + frame > 1 {
                return samples.into_iter().map(median).collect();
            }
        }
    }
    unreachable!("rounds do not end")
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
