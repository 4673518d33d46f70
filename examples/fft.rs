//! The spectrogram of a sound: which frequency is the loudest, piece by piece.
//!
//! ```text
//! cargo run --release --example fft              # a sweep from 200 to 7000 Hz
//! cargo run --release --example fft voice.wav    # the first channel
//! EMEURO_MODE=emulate:0 cargo run --release --example fft
//! ```
//!
//! What is emulated is the Fourier transform of 512 samples, which the exact code computes with `realfft`: the best there is in Rust.

mod program;

use std::{cell::RefCell, f64::consts::TAU, process::ExitCode};

use emeuro_regions::approximate;
use program::Result;
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

const SAMPLES: usize = 512;
const BINS: usize = SAMPLES / 2 + 1;

/// Samples and their rate, 1/s.
struct Sound {
    samples: Vec<f64>,
    rate: f64,
}

impl Sound {
    fn sweep() -> Self {
        let rate = 16_000.0;
        let mut phase = 0.0;
        let sample = |n: i32| {
            let seconds = f64::from(n) / rate;
            phase += TAU * 200.0 * 35f64.powf(seconds / 4.0) / rate;
            0.6 * f64::sin(phase) + 0.1 * f64::sin(TAU * 1000.0 * seconds)
        };
        Self { samples: (0..64_000).map(sample).collect(), rate }
    }

    fn read(path: &str) -> Result<Self> {
        let failed = |e: hound::Error| format!("{path}: {e}");
        let mut reader = hound::WavReader::open(path).map_err(failed)?;
        let format = reader.spec();
        let all: std::result::Result<Vec<f64>, hound::Error> = match format.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().map(|s| s.map(f64::from)).collect(),
            hound::SampleFormat::Int => {
                let scale = 0.5f64.powi(i32::from(format.bits_per_sample) - 1);
                reader.samples::<i32>().map(|s| s.map(|s| scale * f64::from(s))).collect()
            }
        };
        let samples: Vec<f64> =
            all.map_err(failed)?.into_iter().step_by(usize::from(format.channels.max(1))).collect();
        if samples.len() < SAMPLES {
            return Err(format!("{path}: expected {SAMPLES} samples or more, found {}", samples.len()).into());
        }
        Ok(Self { samples, rate: f64::from(format.sample_rate) })
    }
}

/// Plans and buffers of one thread.
struct Plan {
    transform: std::sync::Arc<dyn RealToComplex<f64>>,
    samples: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

thread_local! {
    static PLAN: RefCell<Plan> = RefCell::new({
        let transform = RealFftPlanner::new().plan_fft_forward(SAMPLES);
        let (samples, bins) = (transform.make_input_vec(), transform.make_output_vec());
        Plan { scratch: transform.make_scratch_vec(), transform, samples, bins }
    });
}

/// The Fourier transform, real and imaginary part of every bin.
#[approximate]
fn spectrum(samples: &[f64; SAMPLES]) -> [f64; 2 * BINS] {
    PLAN.with_borrow_mut(|plan| {
        plan.samples.copy_from_slice(samples);
        plan.transform
            .process_with_scratch(&mut plan.samples, &mut plan.bins, &mut plan.scratch)
            .expect("the buffers are those of the plan");
        std::array::from_fn(|i| if i % 2 == 0 { plan.bins[i / 2].re } else { plan.bins[i / 2].im })
    })
}

/// The spectra of pieces that overlap by half, each faded in and out (Hann's window).
fn spectrogram(sound: &Sound) -> Vec<f64> {
    let window: [f64; SAMPLES] = std::array::from_fn(|n| 0.5 - 0.5 * (TAU * n as f64 / SAMPLES as f64).cos());
    let mut spectra = vec![];
    for start in (0..=sound.samples.len() - SAMPLES).step_by(SAMPLES / 2) {
        spectra.extend(spectrum(&std::array::from_fn(|n| window[n] * sound.samples[start + n])));
    }
    spectra
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up("spectrum", "fft")?;
    let sound = match std::env::args().nth(1) {
        Some(path) => Sound::read(&path)?,
        None => Sound::sweep(),
    };
    let mut spectra = vec![];
    program::compare(region, 1, || {
        spectra = spectrogram(&sound);
        spectra.clone()
    })?;
    let pieces: Vec<&[f64]> = spectra.chunks_exact(2 * BINS).collect();
    for (index, piece) in pieces.iter().enumerate().step_by(pieces.len().div_ceil(8)) {
        let power = |bin: usize| piece[2 * bin].hypot(piece[2 * bin + 1]);
        let loudest = (1..BINS).max_by(|&a, &b| power(a).total_cmp(&power(b))).unwrap_or(0);
        let seconds = (index * SAMPLES / 2) as f64 / sound.rate;
        println!("{seconds:7.2} s {:7.0} Hz", loudest as f64 * sound.rate / SAMPLES as f64);
    }
    Ok(())
}
