//! A noisy signal is smoothed by a Gaussian, block by block.
//!
//! ```text
//! cargo run --release --example convolution               # steps with noise
//! cargo run --release --example convolution signal.csv    # one number per row
//! EMEURO_MODE=check:20 cargo run --release --example convolution
//! ```
//!
//! What is emulated is the convolution of 512 samples with 512 taps, which the exact code computes by its definition.

mod program;

use std::{process::ExitCode, sync::LazyLock};

use emeuro_regions::approximate;
use program::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BLOCK: usize = 512;
const TAPS: usize = 512;

/// A bell of standard deviation 32 and sum 1.
static KERNEL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let bell = |j: usize| (-(j as f64 - 255.5).powi(2) / (2.0 * 32.0 * 32.0)).exp();
    let sum: f64 = (0..TAPS).map(bell).sum();
    (0..TAPS).map(|j| bell(j) / sum).collect()
});

/// The whole convolution of a block of samples between -1 and 1: it is longer than the block.
#[approximate(samples = BLOCK, result = BLOCK + TAPS - 1, out(result))]
fn convolve(samples: &[f64], result: &mut [f64]) {
    result.fill(0.0);
    for (i, sample) in samples.iter().enumerate() {
        for (value, tap) in result[i..].iter_mut().zip(KERNEL.iter()) {
            *value += sample * tap;
        }
    }
}

/// The smoothed signal, as long as the signal: blocks overlap and are added.
fn smooth(signal: &[f64]) -> Vec<f64> {
    let largest = signal.iter().fold(f64::MIN_POSITIVE, |largest, value| value.abs().max(largest));
    let mut sum = vec![0.0; signal.len() + BLOCK + TAPS];
    let mut block = [0.0; BLOCK];
    let mut result = [0.0; BLOCK + TAPS - 1];
    for (index, part) in signal.chunks(BLOCK).enumerate() {
        block.fill(0.0);
        block.iter_mut().zip(part).for_each(|(place, value)| *place = value / largest);
        convolve(&block, &mut result);
        sum[index * BLOCK..].iter_mut().zip(&result).for_each(|(sum, value)| *sum += largest * value);
    }
    // The middle of the kernel is where a sample was.
    sum[TAPS / 2..][..signal.len()].to_vec()
}

/// Levels that change every now and then, and as much noise.
fn noisy_steps() -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut level = 0.0;
    let sample = |n: usize| {
        if n.is_multiple_of(2000) {
            level = rng.random_range(-3.0..3.0);
        }
        level + rng.random_range(-2.0..2.0)
    };
    (0..60_000).map(sample).collect()
}

/// Root mean square of the differences between neighbours.
fn roughness(signal: &[f64]) -> f64 {
    let squares = signal.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    (squares.sum::<f64>() / signal.len() as f64).sqrt()
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up("convolve", "convolution")?;
    let signal = match std::env::args().nth(1) {
        Some(path) => program::read_rows(&path, 1)?.concat(),
        None => noisy_steps(),
    };
    let mut smoothed = vec![];
    program::compare(region, 1, || {
        smoothed = smooth(&signal);
        smoothed.clone()
    })?;
    println!(
        "From one sample to the next: {:.4} before, {:.4} after.",
        roughness(&signal),
        roughness(&smoothed)
    );
    Ok(())
}
