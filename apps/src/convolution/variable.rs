//! Convolution with any kernel of 512 taps: the kernel is the weights.
//!
//! Emulators of all kernels have one topology and the same formats up to a common binary point, which no hardware sees: a unit with
//! writable weights that was made for one kernel becomes that of another by writing weights.
//!
//! A first block copies the samples between zeros, so that no window leaves the vector. Then every part of 128 words of the
//! result is a block with the taps that it needs; in the middle that is all of them, at the ends a quarter.
//!
//! Taps are scaled so that the largest uses the whole range of a weight. The rest of the scale, which makes the scale of both layers
//! a power of two and keeps every sum within its word, is the weight of the copy. Nothing can saturate but full scale itself.
//! Rounding errors of neighbouring taps have opposite signs, so that low frequencies hardly see them.

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, VectorId,
    Weights,
};
use emeuro_trainer::Quantisation;

use super::{Convolution, RESULT, SAMPLES, TAPS, exact};
use crate::{AppError, Application, BuildOptions, Built, Frames, Result, Split, evaluate};

/// Words of the result that one block makes; the last makes one less.
const PART: usize = 128;
/// Sums of the magnitudes of taps and copy, in raw units of 8-bit weights, that a word of the result holds: log2.
const LARGEST_SUM: i32 = 12;
/// Share of a tap's rounding error that the next tap makes up for: signals have more power at low frequencies than at high ones.
const FEEDBACK: f64 = 0.7;
/// Frames that the error is measured with.
const TEST_FRAMES: usize = 1500;

impl Convolution {
    /// The emulator that convolves with `kernel` instead: 512 numbers that are not all 0.
    ///
    /// Emulators of two kernels differ in weights and in the binary point of the result.
    ///
    /// # Errors
    /// [`AppError::ConvolutionKernel`] for taps that are not 512 numbers, or so large or small that no binary point serves.
    pub fn emulator_of(kernel: &[f64], quantisation: Quantisation) -> Result<Emulator> {
        let scaled = Scaled::new(kernel, quantisation.weight_bits)?;
        assemble(&scaled, quantisation).map_err(|e| AppError::ConvolutionKernel(e.to_string()))
    }

    /// The same with its errors on test frames of the application; `source` says in the provenance where the kernel comes from.
    ///
    /// # Errors
    /// As [`emulator_of`](Self::emulator_of).
    pub fn build_of(kernel: &[f64], source: &str, options: &BuildOptions) -> Result<Built> {
        let emulator = Self::emulator_of(kernel, options.quantisation)?;
        let test = Self::frames_of(kernel, Split::Test, TEST_FRAMES, options.seed)?;
        let test_errors = evaluate(&Convolution, &emulator, &test)?;
        let mut command = format!("emeuro train convolution --kernel {source} --seed {}", options.seed);
        if options.quantisation != Quantisation::default() {
            let Quantisation { weight_bits, activation_bits } = options.quantisation;
            command += &format!(" --quantisation w{weight_bits}a{activation_bits}");
        }
        let provenance = Provenance {
            command,
            seed: options.seed,
            data: format!(
                "analytic, nothing was trained; {TEST_FRAMES} test frames of seed {}",
                options.seed
            ),
            nrmse: Some((test_errors.nrmse * 1e6).round() / 1e6),
            nrmse_float: Some(0.0),
            outputs: vec![],
        };
        let emulator = emulator.with_provenance(provenance);
        Ok(Built { emulator, test: test_errors, nrmse_float: 0.0, history: vec![] })
    }

    /// The frames of the application with the results of another kernel.
    ///
    /// # Errors
    /// [`AppError::ConvolutionKernel`] for taps that are not 512 numbers.
    pub fn frames_of(kernel: &[f64], split: Split, count: usize, seed: u64) -> Result<Frames> {
        check(kernel)?;
        let mut frames = Convolution.frames(split, count, seed);
        let mut plan = exact::plan(kernel);
        let rows = frames.inputs.chunks_exact(SAMPLES).zip(frames.targets.chunks_exact_mut(RESULT));
        for (input, target) in rows {
            plan.run(input, target)?;
        }
        Ok(frames)
    }
}

fn check(kernel: &[f64]) -> Result<()> {
    let wrong = |problem: String| Err(AppError::ConvolutionKernel(problem));
    if kernel.len() != TAPS {
        return wrong(format!("expected {TAPS} taps, found {}", kernel.len()));
    }
    match kernel.iter().position(|tap| !tap.is_finite()) {
        Some(tap) => wrong(format!("tap {tap} is {}, expected a number", kernel[tap])),
        None if kernel.iter().all(|&tap| tap == 0.0) => wrong("all taps are 0".to_owned()),
        None => Ok(()),
    }
}

/// A kernel as integers.
struct Scaled {
    taps: Vec<i16>,
    /// The weight of a copied sample.
    copy: i16,
    /// Binary point of the taps if that of the copy is one less than the width of a weight: taps · copy is the kernel.
    frac: i32,
}

impl Scaled {
    fn new(kernel: &[f64], weight_bits: u32) -> Result<Self> {
        check(kernel)?;
        let (low, high) = (-f64::from(1 << (weight_bits - 1)), f64::from((1 << (weight_bits - 1)) - 1));
        let peak = kernel.iter().fold(0.0f64, |peak, tap| peak.max(tap.abs()));
        let sum: f64 = kernel.iter().map(|tap| tap.abs()).sum();
        let largest_sum = largest_sum(weight_bits);
        // Both layers together: as much as the result holds, and as the weights can be.
        let by_sum = largest_sum - sum.log2();
        let by_weights = (-high * high / low / peak).log2();
        let frac = by_sum.min(by_weights).floor();
        if !(-32.0..=32.0).contains(&frac) {
            return Err(AppError::ConvolutionKernel(format!("no binary point holds taps up to {peak}")));
        }
        // Rounding of the taps can make the sum a little larger.
        let candidates = [frac, frac - 1.0].map(|frac| {
            let gain = -low * frac.exp2();
            let copy = (gain * peak / high).ceil().clamp(1.0, high);
            let mut error = 0.0;
            let mut round = |tap: f64| {
                let wanted = tap + FEEDBACK * error;
                let rounded = wanted.round().clamp(low, high);
                error = wanted - rounded;
                rounded
            };
            let taps: Vec<f64> = kernel.iter().map(|tap| round(tap * gain / copy)).collect();
            let total: f64 = taps.iter().map(|tap| tap.abs() * copy / -low).sum();
            (frac, copy, taps, total)
        });
        let fits = |total: f64| total <= largest_sum.exp2();
        let (frac, copy, taps, _) =
            candidates.into_iter().find(|(.., total)| fits(*total)).ok_or_else(|| {
                AppError::ConvolutionKernel("the sum of its taps exceeds every word".to_owned())
            })?;
        Ok(Self {
            taps: taps.into_iter().map(|tap| tap as i16).collect(),
            copy: copy as i16,
            frac: frac as i32,
        })
    }
}

/// log2 of what a word of the result holds, for weights of other widths as well.
fn largest_sum(weight_bits: u32) -> f64 {
    f64::from(LARGEST_SUM + weight_bits as i32 - 8)
}

fn assemble(kernel: &Scaled, quantisation: Quantisation) -> std::result::Result<Emulator, EmulatorError> {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    // Full scale saturates one step below.
    let word = Format::new(activation_bits, activation_bits as i32 - 1)?;
    // Wide enough for every kernel: 512 products.
    let accumulator = (weight_bits + activation_bits + 8).next_multiple_of(8).max(32);
    let mut builder = EmulatorBuilder::new("convolution", Port::new("samples", SAMPLES, word), accumulator)?;

    let geometry = BlockGeometry {
        repeat: vec![SAMPLES],
        in_stride: vec![1],
        out_stride: vec![1],
        window: vec![1],
        outputs: 3,
        out_step: SAMPLES as i64,
        ..BlockGeometry::dense(SAMPLES, 3)
    };
    let weights = Weights {
        format: Format::new(weight_bits, weight_bits as i32 - 1)?,
        values: vec![0, kernel.copy, 0],
    };
    let padded = builder.block("padded", VectorId::INPUT, geometry, weights, vec![0; 3], word)?;

    let format = Format::new(weight_bits, kernel.frac)?;
    let shift = LARGEST_SUM + weight_bits as i32 - 8;
    let result = Format::new(activation_bits, kernel.frac + word.frac() - shift)?;
    let mut sources = vec![];
    for first in (0..RESULT).step_by(PART) {
        let count = PART.min(RESULT - first);
        // Taps of which at least one word of the part has a sample.
        let taps = first.saturating_sub(SAMPLES - 1)..(first + count).min(TAPS);
        let geometry = BlockGeometry {
            offset: (SAMPLES + first + 1 - taps.end) as i64,
            repeat: vec![count],
            in_stride: vec![1],
            out_stride: vec![1],
            ..BlockGeometry::dense(taps.len(), 1)
        };
        let values = kernel.taps[taps].iter().rev().copied().collect();
        let name = format!("part_{}", first / PART);
        sources.push(builder.block(&name, padded, geometry, Weights { format, values }, vec![0], result)?);
    }
    let spec = OutputSpec { sources, lower: vec![], order: None, port: Port::new("result", RESULT, result) };
    builder.finish(spec, Provenance::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    type Draw = fn(&mut ChaCha8Rng, &mut [f64]);

    /// A bell of random width and place.
    fn bell(rng: &mut impl Rng, taps: &mut [f64]) {
        let (width, middle) = (rng.random_range(4.0..100.0), rng.random_range(0.0..512.0));
        taps.iter_mut()
            .enumerate()
            .for_each(|(j, tap)| *tap = (-((j as f64 - middle) / width).powi(2) / 2.0).exp());
    }

    /// Noise that dies away, as in a room.
    fn reverberation(rng: &mut impl Rng, taps: &mut [f64]) {
        signals::white_noise(rng, taps);
        let time = rng.random_range(20.0..300.0);
        taps.iter_mut().enumerate().for_each(|(j, tap)| *tap *= (-(j as f64) / time).exp());
    }

    /// Nothing is fitted: every kernel, every signal is new to the emulator. Scales of kernels differ by many powers of two.
    #[test]
    fn every_kind_of_kernel_stays_below_two_per_cent() {
        let kinds: [(&str, Draw); 5] = [
            ("white", |rng, taps| signals::white_noise(rng, taps)),
            ("bell", |rng, taps| bell(rng, taps)),
            ("vocal tract", |rng, taps| signals::impulse_response(rng, taps)),
            ("speech-like", |rng, taps| signals::speech(rng, taps)),
            ("reverberation", |rng, taps| reverberation(rng, taps)),
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (kind, draw) in kinds {
            let (mut squares, mut worst): (f64, f64) = (0.0, 0.0);
            for round in 0..12 {
                let mut kernel = vec![0.0; TAPS];
                draw(&mut rng, &mut kernel);
                let scale = rng.random_range(-12.0f64..12.0).exp2();
                kernel.iter_mut().for_each(|tap| *tap *= scale);
                let emulator = Convolution::emulator_of(&kernel, Quantisation::default()).unwrap();
                let frames = Convolution::frames_of(&kernel, Split::Test, 12, 100 + round).unwrap();
                let error = evaluate(&Convolution, &emulator, &frames).unwrap().nrmse;
                squares += error * error / 12.0;
                worst = worst.max(error);
            }
            println!("{kind}: {:.3} %, worst {:.3} %", 100.0 * squares.sqrt(), 100.0 * worst);
            assert!(worst < 0.02, "{kind}: {worst}");
        }
    }

    #[test]
    fn impulses_and_constants_are_kernels_and_do_not_saturate() {
        let mut impulse = vec![0.0; TAPS];
        impulse[37] = -3.0;
        for kernel in [impulse, vec![0.01; TAPS], vec![-1e6; TAPS]] {
            let emulator = Convolution::emulator_of(&kernel, Quantisation::default()).unwrap();
            let input = [0.999; SAMPLES];
            let mut truth = [0.0; RESULT];
            exact::plan(&kernel).run(&input, &mut truth).unwrap();
            let peak = truth.iter().fold(0.0f64, |peak, value| peak.max(value.abs()));
            for (value, truth) in emulator.run_values(&input).unwrap().iter().zip(truth) {
                assert!((value - truth).abs() < 0.012 * peak, "{value}, not {truth}");
            }
        }
    }

    #[test]
    fn all_kernels_have_one_topology() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut white = vec![0.0; TAPS];
        signals::white_noise(&mut rng, &mut white);
        let [a, b] = [&white, &Convolution::kernel()]
            .map(|kernel| Convolution::emulator_of(kernel, Quantisation::default()).unwrap());
        assert_eq!((a.macs(), a.levels(), a.accumulator_bits()), (328_577, 1, 32));
        assert_eq!(a.accumulator_bits(), b.accumulator_bits());
        for (a, b) in a.nodes().iter().zip(b.nodes()) {
            let shift = |node: &emeuro_golden::Node| node.op.affine().map(|affine| affine.shift);
            assert_eq!((&a.name, a.size, shift(a)), (&b.name, b.size, shift(b)));
        }
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        let message = |kernel: &[f64]| {
            Convolution::emulator_of(kernel, Quantisation::default()).unwrap_err().to_string()
        };
        assert_eq!(message(&[1.0; 3]), "kernel: expected 512 taps, found 3");
        assert_eq!(message(&[0.0; TAPS]), "kernel: all taps are 0");
        let mut kernel = [1.0; TAPS];
        kernel[7] = f64::NAN;
        assert_eq!(message(&kernel), "kernel: tap 7 is NaN, expected a number");
        assert!(message(&[1e-300; TAPS]).starts_with("kernel: no binary point"));
    }

    #[test]
    fn wider_weights_are_closer() {
        let frames = Convolution.frames(Split::Test, 6, 3);
        let error = |weight_bits| {
            let quantisation = Quantisation { weight_bits, activation_bits: 16 };
            let emulator = Convolution::emulator_of(&Convolution::kernel(), quantisation).unwrap();
            evaluate(&Convolution, &emulator, &frames).unwrap().nrmse
        };
        let [w4, w8, w16] = [4, 8, 16].map(error);
        assert!(w4 < 0.1 && w8 < w4 && w16 < w8, "{w4} {w8} {w16}");
    }
}
