//! The Fourier transform of 512 real samples.

mod emulator;
mod exact;
mod reference;
mod three_stage;

use crate::application::{Application, Signal};
use crate::frames::{Frames, Source, Split, stream};
use crate::kernel::Kernel;
use crate::recipe::Recipe;
use crate::signals::{self, SINUSOIDS, SPEECH, WHITE_NOISE};

/// Samples per frame.
const SAMPLES: usize = 512;
/// Bins of the spectrum of a real signal.
const BINS: usize = SAMPLES / 2 + 1;

/// The `fft` application; frames are white noise, sinusoids and speech-like sounds in turn.
///
/// Input: 512 samples in [-1, 1]. Output: the 257 bins X\[0..=256\] of the unnormalised transform
/// X\[k\] = Σ x\[n\] exp(-2πi·kn/512), interleaved (Re X\[0\], Im X\[0\], Re X\[1\], …), as FFTW's r2c writes them;
/// Im X\[0\] and Im X\[256\] are 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fft;

impl Fft {
    /// Samples per frame.
    pub const SAMPLES: usize = SAMPLES;

    /// The application; it has no settings.
    pub fn new() -> Fft {
        Fft
    }
}

impl Application for Fft {
    fn name(&self) -> &'static str {
        "fft"
    }

    fn title(&self) -> &'static str {
        "Fourier transform of 512 real samples"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[Signal { name: "samples", unit: "1", size: SAMPLES }]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "spectrum", unit: "1", size: 2 * BINS }]
    }

    fn plan_exact(&self) -> Kernel {
        exact::plan()
    }

    fn plan_reference(&self) -> Kernel {
        reference::plan()
    }

    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        Frames::generate(self, count, |frame, samples| {
            let mut rng = stream(Source::Fft, split, seed, frame);
            match frame % 3 {
                0 => {
                    signals::white_noise(&mut rng, samples);
                    WHITE_NOISE
                }
                1 => {
                    signals::sinusoids(&mut rng, samples);
                    SINUSOIDS
                }
                _ => {
                    signals::speech(&mut rng, samples);
                    SPEECH
                }
            }
        })
    }

    fn recipe(&self) -> crate::Result<Recipe> {
        Ok(Recipe::Analytic { build: emulator::build, test: 1500 })
    }

    fn search_space(&self) -> crate::Result<crate::SearchSpace> {
        Ok(crate::search::fft_space())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::relative_error;
    use std::f64::consts::TAU;

    fn definition(samples: &[f64]) -> Vec<f64> {
        let angle = |n: usize, k: usize| TAU * ((n * k) % SAMPLES) as f64 / SAMPLES as f64;
        let sum = |k: usize, f: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(n, sample)| sample * f(angle(n, k))).sum()
        };
        (0..BINS).flat_map(|k| [sum(k, f64::cos), -sum(k, f64::sin)]).collect()
    }

    #[test]
    fn both_kernels_agree_with_the_definition() {
        let frames = Fft.frames(Split::Test, 6, 1);
        let (mut exact, mut reference) = (Fft.plan_exact(), Fft.plan_reference());
        let mut output = [0.0; 2 * BINS];
        for input in frames.inputs.chunks_exact(SAMPLES) {
            let truth = definition(input);
            exact.run(input, &mut output).unwrap();
            assert!(relative_error(&output, &truth) < 1e-12);
            reference.run(input, &mut output).unwrap();
            assert!(relative_error(&output, &truth) < 1e-12);
        }
    }

    #[test]
    fn a_cosine_of_bin_five_has_256_there() {
        let input: Vec<f64> = (0..SAMPLES).map(|n| (TAU * 5.0 * n as f64 / SAMPLES as f64).cos()).collect();
        let mut output = [0.0; 2 * BINS];
        Fft.exact(&input, &mut output).unwrap();
        assert!((output[10] - 256.0).abs() < 1e-9);
        let rest: f64 = output.iter().enumerate().filter(|(i, _)| *i != 10).map(|(_, x)| x.abs()).sum();
        assert!(rest < 1e-9);
    }
}
