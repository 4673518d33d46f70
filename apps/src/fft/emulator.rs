//! The Fourier transform as a network of two block stages, 16×32, without training.
//!
//! With n = 32·m + r and k = p + 16·q (Cooley and Tukey, 1965),
//! X\[p + 16q\] = Σᵣ exp(-2πi·r(p + 16q)/512) · Yₚ\[r\], where Yₚ\[r\] = Σₘ x\[32m + r\] exp(-2πi·mp/16).
//! Stage 1 computes Y: 32 times one shared 16-point transform of real numbers, 16→16. Stage 2 has the twiddles in its
//! weights and one block per p: 32→32 for p = 0 and 8, whose Y are real, 64→64 for p = 1 … 7; X\[512 - k\] = X\[k\]* gives
//! the p above 8. That makes 38 912 multiply-adds.
//!
//! The product of the two gains of a p must be a power of two, each gain alone is free: it is
//! searched, so that the few different weights of stage 1 lie close to integers and those of stage 2 use their whole
//! range. Stage 2 is then fitted to the rounded stage 1 and takes up part of its error.

use std::f64::consts::TAU;

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, Segment,
    VectorId, Weights,
};
use emeuro_trainer::Quantisation;

use super::{BINS, SAMPLES, two_stage};
use crate::Analytic;
use crate::analytic::with_narrowest_accumulator;

/// Points of a transform of stage 1.
pub(super) const POINTS: usize = 16;
/// How many there are, which is the number of points of a transform of stage 2.
pub(super) const PHASES: usize = 32;
/// Gains of stage 2 that are tried, relative to 1 weight: below, its range is wasted; above, too many weights saturate.
const GAINS: (f64, f64) = (0.8125, 1.03125);
/// How many are tried: weights of 8 bits change about every 0.0004.
const GAIN_STEPS: usize = 560;

/// The integers that weights may be.
#[derive(Clone, Copy)]
struct Range {
    bits: u32,
}

impl Range {
    /// Raw weight units of a weight of 1 at the finest binary point, which just doesn't hold it.
    fn unit(self) -> f64 {
        f64::from(1 << (self.bits - 1))
    }

    /// The binary point of weights up to 1.
    fn frac(self) -> i32 {
        self.bits as i32 - 1
    }

    fn round(self, weight: f64) -> i16 {
        weight.round().clamp(-self.unit(), self.unit() - 1.0) as i16
    }
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    let range = Range { bits: weight_bits };
    let real = search(range, &[0, 8]);
    let complex = search(range, &[1, 2, 3, 4, 5, 6, 7]);
    let emulator =
        with_narrowest_accumulator(|bits| assemble(range, activation_bits, bits, &real, &complex))?;
    Ok(Analytic { emulator, unquantised: two_stage::plan() })
}

fn assemble(
    range: Range,
    word_bits: u32,
    accumulator: u32,
    real: &Search,
    complex: &Search,
) -> Result<Emulator, EmulatorError> {
    let input = Format::covering(word_bits, 1.0)?;
    // |X[0]| = 512 only for a constant of full scale; it saturates one step below.
    let output = Format::new(word_bits, word_bits as i32 - 10)?;
    let mut builder = EmulatorBuilder::new("fft", port("samples", SAMPLES, input), accumulator)?;

    let first = Weights { format: Format::new(range.bits, range.frac())?, values: stage_1(real, complex) };
    let largest = largest_sum(&first.values, POINTS) * first.format.value(1);
    let middle = Format::covering(word_bits, largest)?;
    let short = builder.block("short", VectorId::INPUT, short_geometry(), first, vec![0; POINTS], middle)?;

    let stage_2 = |search: &Search| -> Result<Weights, EmulatorError> {
        let values = search.channels.iter().flat_map(|channel| channel.second.iter().copied()).collect();
        Ok(Weights { format: Format::new(range.bits, search.exponent - range.frac())?, values })
    };
    let bias = vec![0; 2 * PHASES];
    let real_bins = builder.block("real", short, real_geometry(), stage_2(real)?, bias, output)?;
    let bias = vec![0; 7 * 2 * PHASES];
    let complex_bins =
        builder.block("complex", short, complex_geometry(), stage_2(complex)?, bias, output)?;
    // Im X[0] and Im X[256] are 0 for every input.
    let nothing = Weights { format: Format::new(range.bits, range.frac())?, values: vec![0] };
    let geometry = BlockGeometry { window: vec![1], ..BlockGeometry::dense(SAMPLES, 1) };
    let zero = builder.block("zero", VectorId::INPUT, geometry, nothing, vec![0], output)?;

    let spec = OutputSpec {
        sources: vec![real_bins, complex_bins, zero],
        lower: vec![],
        order: Some(order()),
        port: port("spectrum", 2 * BINS, output),
    };
    builder.finish(spec, Provenance::default())
}

fn port(name: &str, size: usize, format: Format) -> Port {
    let segment = Segment { name: name.into(), unit: "1".into(), size, frac: format.frac() };
    Port { bits: format.bits(), segments: vec![segment] }
}

/// Stage 1 reads every 32nd sample and writes word o of repeat r to 32·o + r.
///
/// Word 0 is Y₀, word 1 is Y₈, words 2p and 2p + 1 are the real and imaginary part of Yₚ.
fn short_geometry() -> BlockGeometry {
    BlockGeometry {
        offset: 0,
        repeat: vec![PHASES],
        in_stride: vec![1],
        out_stride: vec![1],
        window: vec![POINTS],
        in_step: vec![PHASES as i64],
        outputs: POINTS,
        out_step: PHASES as i64,
        shared: true,
    }
}

fn real_geometry() -> BlockGeometry {
    stage_2_geometry(0, 2, PHASES)
}

fn complex_geometry() -> BlockGeometry {
    stage_2_geometry(2 * PHASES, 7, 2 * PHASES)
}

/// One square block after the other.
fn stage_2_geometry(offset: usize, repeats: usize, size: usize) -> BlockGeometry {
    BlockGeometry {
        offset: offset as i64,
        repeat: vec![repeats],
        in_stride: vec![size as i64],
        out_stride: vec![size as i64],
        window: vec![size],
        in_step: vec![1],
        outputs: size,
        out_step: 1,
        shared: false,
    }
}

/// Natural order: for every real number of the frame, the word of (real, complex, zero) that holds it.
fn order() -> Vec<usize> {
    let zero = SAMPLES;
    let mut order = vec![zero; 2 * BINS];
    let mut word = 0;
    for p in [0, 8, 1, 2, 3, 4, 5, 6, 7] {
        for (bin, part) in outputs(p) {
            order[2 * bin + part] = word;
            word += 1;
        }
    }
    order
}

/// What the outputs of the block of `p` are: bin and part (0 real, 1 imaginary). Bins above 256 stand for their mirror
/// images, whose imaginary parts have the other sign.
fn outputs(p: usize) -> Vec<(usize, usize)> {
    (0..PHASES)
        .map(|q| p + POINTS * q)
        .filter(|&k| !p.is_multiple_of(8) || k < BINS)
        .map(|k| k.min(SAMPLES - k))
        .flat_map(|bin| [(bin, 0), (bin, 1)])
        .filter(|&(bin, part)| part == 0 || !bin.is_multiple_of(SAMPLES / 2))
        .collect()
}

/// exp(-2πi·angle/512) for an angle below 512: real and imaginary part.
pub(super) fn root(angle: usize) -> [f64; 2] {
    let turn = TAU * angle as f64 / SAMPLES as f64;
    [turn.cos(), -turn.sin()]
}

/// Rows of stage 1 that make Yₚ: one for p = 0 and 8, real and imaginary for the others; gain 1.
fn first_rows(p: usize) -> Vec<[f64; POINTS]> {
    let parts = if p.is_multiple_of(8) { 1 } else { 2 };
    (0..parts).map(|part| std::array::from_fn(|m| root(PHASES * m * p % SAMPLES)[part])).collect()
}

/// The rounded weights of one p.
#[derive(Clone)]
struct Channel {
    /// `[1 or 2][16]`.
    first: Vec<i16>,
    /// `[32 or 64][32 or 64]`.
    second: Vec<i16>,
    /// Squared Frobenius norm of product minus transform: the error power for white noise of power 1.
    error: f64,
}

/// The best weights of several p that share a format in stage 2.
struct Search {
    /// log2 of the product of both raw weights that means 1.
    exponent: i32,
    channels: Vec<Channel>,
}

fn search(range: Range, group: &[usize]) -> Search {
    let candidates = [2 * range.frac() - 1, 2 * range.frac()].map(|exponent| Search {
        exponent,
        channels: group.iter().map(|&p| best_channel(range, p, exponent)).collect(),
    });
    let error = |search: &Search| search.channels.iter().map(|channel| channel.error).sum::<f64>();
    let [a, b] = candidates;
    if error(&a) <= error(&b) { a } else { b }
}

fn best_channel(range: Range, p: usize, exponent: i32) -> Channel {
    let scale = f64::from(exponent).exp2();
    let step = (GAINS.1 - GAINS.0) / GAIN_STEPS as f64;
    let rows = first_rows(p);
    let roots: Vec<[f64; 2]> = (0..SAMPLES).map(root).collect();
    let mut tried = std::collections::HashSet::new();
    (0..=GAIN_STEPS)
        .map(|k| scale / (range.unit() * (GAINS.0 + step * k as f64)))
        .map(|gain| rows.iter().flatten().map(|weight| range.round(weight * gain)).collect())
        // Many gains round to the same weights.
        .filter(|first: &Vec<i16>| tried.insert(first.clone()))
        .map(|first| fit_channel(range, p, scale, &roots, first))
        .min_by(|a, b| a.error.total_cmp(&b.error))
        .expect("the search has steps")
}

/// Rounds the stage 2 that makes the best of `first`, and measures the product.
fn fit_channel(range: Range, p: usize, scale: f64, roots: &[[f64; 2]], first: Vec<i16>) -> Channel {
    let rows: Vec<&[i16]> = first.chunks_exact(POINTS).collect();
    let dot =
        |a: &[i16], b: &dyn Fn(usize) -> f64| -> f64 { (0..POINTS).map(|m| f64::from(a[m]) * b(m)).sum() };
    let gram: Vec<Vec<f64>> =
        rows.iter().map(|a| rows.iter().map(|b| dot(a, &|m| f64::from(b[m]))).collect()).collect();
    let bins = outputs(p);
    let mut second = vec![0; bins.len() * rows.len() * PHASES];
    let mut error = 0.0;
    for (o, &(bin, part)) in bins.iter().enumerate() {
        for r in 0..PHASES {
            // Least squares: the combination of `rows` closest to this output's weights of the samples 32m + r.
            let target = |m: usize| scale * roots[(PHASES * m + r) * bin % SAMPLES][part];
            let right: Vec<f64> = rows.iter().map(|row| dot(row, &target)).collect();
            let weights = solve(&gram, &right);
            let weights: Vec<i16> = weights.iter().map(|&weight| range.round(weight)).collect();
            for m in 0..POINTS {
                let product: f64 =
                    weights.iter().zip(&rows).map(|(&w, row)| f64::from(w) * f64::from(row[m])).sum();
                error += ((product - target(m)) / scale).powi(2);
            }
            for (part, weight) in weights.into_iter().enumerate() {
                second[(o * rows.len() + part) * PHASES + r] = weight;
            }
        }
    }
    Channel { first, second, error }
}

/// Solves a symmetric system of one or two equations.
fn solve(gram: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    match right {
        [single] => vec![single / gram[0][0]],
        _ => {
            let determinant = gram[0][0] * gram[1][1] - gram[0][1] * gram[1][0];
            vec![
                (gram[1][1] * right[0] - gram[0][1] * right[1]) / determinant,
                (gram[0][0] * right[1] - gram[1][0] * right[0]) / determinant,
            ]
        }
    }
}

/// Rows of stage 1 in the order of its outputs.
fn stage_1(real: &Search, complex: &Search) -> Vec<i16> {
    let channels = real.channels.iter().chain(&complex.channels);
    channels.flat_map(|channel| channel.first.iter().copied()).collect()
}

/// Largest sum of magnitudes of a row: what full-scale inputs can make of it.
fn largest_sum(weights: &[i16], row: usize) -> f64 {
    let sums = weights.chunks_exact(row).map(|row| row.iter().map(|w| f64::from(w.abs())).sum());
    sums.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Fft, Split};
    use emeuro_golden::nrmse;

    fn estimates(emulator: &Emulator, inputs: &[f64]) -> Vec<f64> {
        inputs.chunks_exact(SAMPLES).flat_map(|input| emulator.run_values(input).unwrap()).collect()
    }

    #[test]
    fn every_kind_of_signal_stays_below_half_a_per_cent() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        let frames = Fft.frames(Split::Test, 60, 1);
        for kind in ["white noise", "sinusoids", "speech-like"] {
            let frames = frames.of_kind(kind);
            let error = nrmse(&frames.targets, &estimates(&emulator, &frames.inputs), 2 * BINS);
            assert!(error < 0.005, "{kind}: {error}");
        }
    }

    #[test]
    fn every_width_gives_an_emulator_and_more_bits_a_better_one() {
        let frames = Fft.frames(Split::Test, 9, 2);
        let error = |weight_bits, activation_bits| {
            let built = build(Quantisation { weight_bits, activation_bits }).unwrap();
            nrmse(&frames.targets, &estimates(&built.emulator, &frames.inputs), 2 * BINS)
        };
        let [w4, w8, w16] = [4, 8, 16].map(|weights| error(weights, 16));
        let narrow = error(8, 8);
        assert!(w4 < 0.2 && w8 < 0.2 * w4 && w16 < w8 && narrow < 0.2, "{w4} {w8} {w16} {narrow}");
    }

    #[test]
    fn the_network_has_the_size_of_the_design() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        assert_eq!(emulator.macs(), 32 * 16 * 16 + 7 * 64 * 64 + 2 * 32 * 32 + 1);
    }

    #[test]
    fn every_word_of_the_frame_has_its_output() {
        let mut order = order();
        let zeros = order.iter().filter(|&&word| word == SAMPLES).count();
        assert_eq!((zeros, order[1], order[2 * BINS - 1]), (2, SAMPLES, SAMPLES));
        order.sort_unstable();
        order.dedup();
        assert_eq!(order, (0..=SAMPLES).collect::<Vec<_>>());
    }
}
