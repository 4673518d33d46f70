//! Full linear convolution of 512 samples with a fixed smoothing kernel of 512 taps.

mod emulator;
mod exact;
mod reference;
mod variable;

use crate::application::{Application, Signal};
use crate::frames::{Frames, Source, Split, stream};
use crate::kernel::Kernel;
use crate::recipe::Recipe;
use crate::signals::{self, SPEECH, STEPS, WHITE_NOISE};

/// Samples of the signal.
const SAMPLES: usize = 512;
/// Taps of the kernel.
const TAPS: usize = 512;
/// Samples of the result.
const RESULT: usize = SAMPLES + TAPS - 1;
/// Standard deviation of the kernel, samples.
const SIGMA: f64 = 32.0;

/// The `convolution` application; frames are white noise, speech-like sounds and steps in turn.
///
/// Input: 512 samples in [-1, 1]. Output: the 1023 samples of the full convolution.
/// The kernel is a Gaussian, h\[j\] ∝ exp(-(j - 255.5)² / 2σ²) with σ = 32, of sum 1: outputs stay in [-1, 1].
#[derive(Clone, Copy, Debug, Default)]
pub struct Convolution;

impl Convolution {
    /// Samples of the signal.
    pub const SAMPLES: usize = SAMPLES;
    /// Samples of the result.
    pub const RESULT: usize = RESULT;

    /// The application; it has no settings.
    pub fn new() -> Convolution {
        Convolution
    }

    /// The 512 taps of the kernel.
    pub fn kernel() -> Vec<f64> {
        let centre = (TAPS - 1) as f64 / 2.0;
        let bell: Vec<f64> =
            (0..TAPS).map(|j| (-(j as f64 - centre).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
        let sum: f64 = bell.iter().sum();
        bell.iter().map(|tap| tap / sum).collect()
    }
}

impl Application for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn title(&self) -> &'static str {
        "Convolution of 512 samples with a fixed Gaussian of 512 taps"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[Signal { name: "samples", unit: "1", size: SAMPLES }]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "result", unit: "1", size: RESULT }]
    }

    fn plan_exact(&self) -> Kernel {
        exact::plan(&Convolution::kernel())
    }

    fn plan_reference(&self) -> Kernel {
        reference::plan(Convolution::kernel())
    }

    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        Frames::generate(self, count, |frame, samples| {
            let mut rng = stream(Source::Convolution, split, seed, frame);
            match frame % 3 {
                0 => {
                    signals::white_noise(&mut rng, samples);
                    WHITE_NOISE
                }
                1 => {
                    signals::speech(&mut rng, samples);
                    SPEECH
                }
                _ => {
                    signals::steps(&mut rng, samples);
                    STEPS
                }
            }
        })
    }

    fn recipe(&self) -> crate::Result<Recipe> {
        Ok(Recipe::Analytic { build: emulator::build, test: 1500 })
    }

    fn search_space(&self) -> crate::Result<crate::SearchSpace> {
        crate::search::convolution_space()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::relative_error;

    #[test]
    fn both_kernels_agree() {
        let frames = Convolution.frames(Split::Test, 6, 1);
        let mut reference = Convolution.plan_reference();
        let mut output = [0.0; RESULT];
        let rows = frames.inputs.chunks_exact(SAMPLES).zip(frames.targets.chunks_exact(RESULT));
        for (input, target) in rows {
            reference.run(input, &mut output).unwrap();
            assert!(relative_error(target, &output) < 1e-12);
        }
    }

    #[test]
    fn an_impulse_returns_the_kernel_where_it_stands() {
        let mut input = [0.0; SAMPLES];
        input[100] = 1.0;
        let mut output = [0.0; RESULT];
        Convolution.exact(&input, &mut output).unwrap();
        let mut truth = [0.0; RESULT];
        truth[100..100 + TAPS].copy_from_slice(&Convolution::kernel());
        assert!(relative_error(&output, &truth) < 1e-12);
    }

    #[test]
    fn the_kernel_is_a_bell_of_sum_one_and_width_sigma() {
        let kernel = Convolution::kernel();
        let sum: f64 = kernel.iter().sum();
        let variance: f64 = kernel.iter().enumerate().map(|(j, tap)| tap * (j as f64 - 255.5).powi(2)).sum();
        assert!((sum - 1.0).abs() < 1e-12 && (variance.sqrt() - SIGMA).abs() < 1e-6);
    }
}
