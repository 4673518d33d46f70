//! How long a frame takes on this processor.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Time for one measurement.
const TIME: Duration = Duration::from_millis(60);

/// Median nanoseconds of `compute`, which is called with the numbers of `frames` frames in turn and returns something of its result.
pub(super) fn median_ns(frames: usize, mut compute: impl FnMut(usize) -> f64) -> f64 {
    let begin = Instant::now();
    let mut samples = vec![];
    // The first call warms caches and does not count.
    black_box(compute(0));
    while samples.len() < 3 || begin.elapsed() < TIME {
        let frame = samples.len() % frames.max(1);
        let start = Instant::now();
        black_box(compute(frame));
        samples.push(start.elapsed().as_nanos() as f64);
    }
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
