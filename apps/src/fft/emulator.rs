//! The Fourier transform as a network of three block stages, 8×8×8, in three levels of quality, without training.
//!
//! With n = 64·a + 8·b + c and k = p + 8·q + 64·r (Cooley and Tukey, 1965),
//! X\[k\] = Σ_c exp(-2πi·ck/512) · Z_pq\[c\], where Z_pq\[c\] = Σ_b exp(-2πi·b(p + 8q)/64) · Y_p\[b, c\] and
//! Y_p\[b, c\] = Σ_a x\[64a + 8b + c\] exp(-2πi·ap/8).
//! Stage 1 computes Y: 64 times one shared 8-point transform of real numbers. Stages 2 and 3 have the twiddles in their weights:
//! 16→16 where their operands are complex, 8→8 where they are real; X\[512 - k\] = X\[k\]* gives the rest. That makes
//! 4096 + 7168 + 8064 multiply-adds, level 0.
//!
//! The product of the gains of all three stages must be the same power of two for every p and q, each gain alone is free: they are
//! searched, so that the few different weights of stages 1 and 2 lie close to integers and those of stage 3 use their whole
//! range. Stage 3 is then fitted to the rounded stages before it and takes up part of their error.
//!
//! Level 1 adds what rounding has taken from the weights of stage 3: the same blocks once more, with the rest as their weights and a
//! finer binary point. Level 2 does so in stage 2, too.

use std::f64::consts::TAU;

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, VectorId,
    WIDEST_ACCUMULATOR, Weights,
};
use emeuro_trainer::Quantisation;
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::{BINS, SAMPLES, three_stage};
use crate::Analytic;

/// Points of a transform of every stage.
pub(super) const POINTS: usize = 8;
/// Positions of the samples within a transform of stage 1; stages 2 and 3 have as many operands each.
pub(super) const POSITIONS: usize = POINTS * POINTS;
/// Gains that are tried, relative to 1 weight: below, its range is wasted; above, too many weights saturate.
const GAINS: (f64, f64) = (0.75, 1.03125);
/// How many are tried in stage 2.
const GAIN_STEPS: usize = 300;
/// How many are tried in stage 1.
const FIRST_GAINS: usize = 8;

/// How much finer than the other the binary point of an addend may be.
const FINER: i32 = 6;

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

    fn round(self, weight: f64) -> f64 {
        weight.round().clamp(-self.unit(), self.unit() - 1.0)
    }
}

/// exp(-2πi·angle/512): real and imaginary part.
pub(super) fn root(angle: usize) -> [f64; 2] {
    let turn = TAU * (angle % SAMPLES) as f64 / SAMPLES as f64;
    [turn.cos(), -turn.sin()]
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    let range = Range { bits: weight_bits };
    let branches: Vec<Branch> = BRANCHES.into_par_iter().map(|p| best_branch(range, p)).collect();
    let emulator = assemble(range, activation_bits, &branches)?.with_narrowest_accumulator();
    Ok(Analytic { emulator, unquantised: three_stage::plan() })
}

/// The p of stage 1, in the order of its words: those whose Y are real come first.
const BRANCHES: [usize; 5] = [0, 4, 1, 2, 3];

/// The m = p + 8·q of a p, in the order of the words of stage 2; the others follow from symmetry. Those whose Z are real come first.
fn residues(p: usize) -> Vec<usize> {
    match p {
        0 => vec![0, 32, 8, 16, 24],
        4 => vec![4, 12, 20, 28],
        _ => (0..POINTS).map(|q| p + POINTS * q).collect(),
    }
}

/// Whether Y of this p, or Z of this m, is real for every input.
fn is_real(residue: usize, period: usize) -> bool {
    (2 * residue).is_multiple_of(period)
}

/// The outputs of the block of `m`: bin and part (0 real, 1 imaginary). Bins above 256 stand for their mirror images, whose
/// imaginary parts have the other sign.
fn outputs(m: usize) -> Vec<(usize, usize)> {
    (0..POINTS)
        .map(|r| m + POSITIONS * r)
        .filter(|&k| !is_real(m, POSITIONS) || k < BINS)
        .flat_map(|k| [(k, 0), (k, 1)])
        .filter(|&(k, part)| part == 0 || !k.is_multiple_of(SAMPLES / 2))
        .collect()
}

/// The real rows of a product with a complex number `factor`: as many as the result has parts, by the parts of the operand.
fn product_rows(factor: [f64; 2], operand_parts: usize, parts: std::ops::Range<usize>) -> DMatrix<f64> {
    let [re, im] = factor;
    let full = DMatrix::from_row_slice(2, 2, &[re, -im, im, re]);
    full.view((parts.start, 0), (parts.len(), operand_parts)).into_owned()
}

fn parts(real: bool) -> usize {
    if real { 1 } else { 2 }
}

/// The weights of one p, in raw units.
struct Branch {
    /// Stage 1: `[parts][8]`.
    first: DMatrix<f64>,
    channels: Vec<Channel>,
    error: f64,
}

/// The weights of one m, in raw units; stage 2 as the gains would have them and rounded.
struct Channel {
    m: usize,
    /// Stage 2: `[parts of Z][parts of Y · 8]`.
    second: DMatrix<f64>,
    second_rounded: DMatrix<f64>,
    /// Stage 3, fitted to the rounded stage 2: `[outputs][parts of Z · 8]`.
    third: DMatrix<f64>,
    /// The same, fitted to stage 2 with its correction.
    third_corrected: DMatrix<f64>,
    /// Squared Frobenius norm of product minus transform on level 0: the error power for white noise of power 1.
    error: f64,
}

/// log2 of the product of the raw weights of all stages that means 1.
fn exponent(range: Range) -> i32 {
    3 * range.frac() - 1
}

/// Rows of stage 1 that make Y_p, gain 1.
fn first_rows(p: usize) -> DMatrix<f64> {
    DMatrix::from_fn(parts(is_real(p, POINTS)), POINTS, |part, a| root(POSITIONS * a * p)[part])
}

/// Rounded rows of stage 1 that are closest to a multiple of the exact ones.
fn first_candidates(range: Range, p: usize) -> Vec<DMatrix<f64>> {
    let exact = first_rows(p);
    let mut tried: Vec<(f64, DMatrix<f64>)> = vec![];
    for k in 0..=GAIN_STEPS {
        let gain = range.unit() * (0.5 + 0.53 * k as f64 / GAIN_STEPS as f64);
        let rounded = exact.map(|weight| range.round(weight * gain));
        if tried.last().is_none_or(|(_, last)| *last != rounded) {
            let fitted = rounded.dot(&exact) / exact.norm_squared();
            tried.push(((&rounded / fitted - &exact).norm(), rounded));
        }
    }
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let good = tried.partition_point(|(error, _)| *error <= 1.5 * tried[0].0 + 1e-9).max(FIRST_GAINS);
    tried.truncate(good);
    // Where many are as good as the best, gains that are far from each other.
    tried.sort_by(|a, b| a.1.norm().total_cmp(&b.1.norm()));
    let step = tried.len().div_ceil(FIRST_GAINS);
    tried.into_iter().step_by(step).map(|(_, rows)| rows).collect()
}

fn best_branch(range: Range, p: usize) -> Branch {
    let branches = first_candidates(range, p).into_iter().map(|first| {
        let channels: Vec<Channel> =
            residues(p).into_iter().map(|m| best_channel(range, p, m, &first)).collect();
        let error = channels.iter().map(|channel| channel.error).sum();
        Branch { first, channels, error }
    });
    branches.min_by(|a, b| a.error.total_cmp(&b.error)).expect("there are candidates")
}

fn best_channel(range: Range, p: usize, m: usize, first: &DMatrix<f64>) -> Channel {
    let step = (GAINS.1 - GAINS.0) / GAIN_STEPS as f64;
    let sums = Sums::new(range, p, m, first);
    (0..=GAIN_STEPS)
        .map(|k| sums.channel(range, range.unit() * (GAINS.0 + step * k as f64)))
        .min_by(|a, b| a.error.total_cmp(&b.error))
        .expect("the search has steps")
}

/// What the search for the gain of one m needs.
struct Sums<'a> {
    m: usize,
    first: &'a DMatrix<f64>,
    /// Stage 2 with gain 1: `[parts of Z][parts of Y · 8]`.
    second: DMatrix<f64>,
    /// Z for c = 0 out of the samples \[a, b\], at the scale of the product: `[parts of Z][64]`.
    exact: DMatrix<f64>,
    /// Stage 3 with gain 1: `[outputs · 8][parts of Z]`, one row per output and c.
    turns: DMatrix<f64>,
    scale: f64,
}

impl<'a> Sums<'a> {
    fn new(range: Range, p: usize, m: usize, first: &'a DMatrix<f64>) -> Self {
        let (y, z) = (parts(is_real(p, POINTS)), parts(is_real(m, POSITIONS)));
        let mut second = DMatrix::zeros(z, y * POINTS);
        for b in 0..POINTS {
            let rows = product_rows(root(POINTS * b * m), y, 0..z);
            (0..y).for_each(|part| second.set_column(part * POINTS + b, &rows.column(part)));
        }
        let scale = f64::from(exponent(range)).exp2();
        let exact = DMatrix::from_fn(z, POSITIONS, |part, i| {
            let (a, b) = (i / POINTS, i % POINTS);
            scale * root(POSITIONS * a * p + POINTS * b * m)[part]
        });
        let bins = outputs(m);
        let mut turns = DMatrix::zeros(bins.len() * POINTS, z);
        for (o, &(k, part)) in bins.iter().enumerate() {
            for c in 0..POINTS {
                let sign = if part == 1 && k >= BINS { -1.0 } else { 1.0 };
                turns.set_row(o * POINTS + c, &(product_rows(root(c * k), z, part..part + 1).row(0) * sign));
            }
        }
        Self { m, first, second, exact, turns, scale }
    }

    /// The best weights with the gain `gain` in stage 2.
    fn channel(&self, range: Range, gain: f64) -> Channel {
        let second = &self.second * gain;
        let second_rounded = second.map(|weight| range.round(weight));
        let (third, gram, missing) = self.fit(&second_rounded);
        let error = third.map(|weight| range.round(weight)) - &third;
        let rounding = (&error * gram).component_mul(&error).sum();
        let projection = (&self.turns * missing).norm_squared();
        Channel {
            m: self.m,
            third: self.by_output(&third),
            third_corrected: self.by_output(&self.fit(&second).0),
            second,
            second_rounded,
            error: (rounding + projection) / self.scale.powi(2),
        }
    }

    /// Least squares: stage 3 for the given stage 2, the Gram matrix of the Z that it makes, and what is missing to the exact Z.
    fn fit(&self, second: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>, DMatrix<f64>) {
        let y = self.first.nrows();
        let made = DMatrix::from_fn(second.nrows(), POSITIONS, |part, i| {
            let (a, b) = (i / POINTS, i % POINTS);
            (0..y).map(|from| second[(part, from * POINTS + b)] * self.first[(from, a)]).sum::<f64>()
        });
        let gram: DMatrix<f64> = &made * made.transpose();
        let inverse = gram.clone().try_inverse().expect("the parts of Z are independent");
        let mixture = &self.exact * made.transpose() * inverse;
        let missing = &self.exact - &mixture * &made;
        (&self.turns * mixture, gram, missing)
    }

    /// `[outputs · 8][parts]` to `[outputs][parts · 8]`.
    fn by_output(&self, weights: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(weights.nrows() / POINTS, weights.ncols() * POINTS, |o, i| {
            weights[(o * POINTS + i % POINTS, i / POINTS)]
        })
    }
}

/// A vector of the graph.
#[derive(Clone, Copy)]
struct Vector {
    id: VectorId,
    format: Format,
}

/// Channels whose blocks have one size: name, and what makes their Z.
type Group<'a> = (&'static str, Vector, usize, &'a [&'a Channel]);

fn assemble(range: Range, word_bits: u32, branches: &[Branch]) -> Result<Emulator, EmulatorError> {
    let mut graph = Graph::new(range, word_bits)?;
    let (real, complex) = branches.split_at(2);
    let of_real: Vec<&Channel> = real.iter().flat_map(|branch| &branch.channels).collect();
    let of_complex: Vec<&Channel> = complex.iter().flat_map(|branch| &branch.channels).collect();
    // Channels with real Z, with complex Z of real Y, with complex Z of complex Y.
    let (ends, mixed) = of_real.split_at(2);
    let groups = |real: Vector, complex: Vector| -> [Group<'_>; 3] {
        [("real", real, 0, ends), ("mixed", real, 2 * POINTS, mixed), ("complex", complex, 0, &of_complex)]
    };

    let short = graph.short(branches)?;
    let rounded = |channel: &Channel| channel.second_rounded.clone();
    let real_sums = graph.middle("real_sums", short, real, rounded, i32::MAX)?;
    let complex_sums = graph.middle("complex_sums", short, complex, rounded, i32::MAX)?;
    let [level_0, level_1] = graph.ends("", groups(real_sums, complex_sums), |channel| &channel.third)?;

    let rest = |channel: &Channel| &channel.second - &channel.second_rounded;
    let real_rest = graph.middle("real_sums_rest", short, real, rest, real_sums.format.frac() + FINER)?;
    let complex_rest =
        graph.middle("complex_sums_rest", short, complex, rest, complex_sums.format.frac() + FINER)?;
    let real_sums = graph.add("real_sums_exact", real_sums, real_rest)?;
    let complex_sums = graph.add("complex_sums_exact", complex_sums, complex_rest)?;
    let [_, level_2] =
        graph.ends("exact_", groups(real_sums, complex_sums), |channel| &channel.third_corrected)?;

    let channels = of_real.iter().chain(&of_complex).map(|channel| channel.m);
    graph.finish([level_0, level_1, level_2], channels)
}

/// The graph as it grows.
struct Graph {
    builder: EmulatorBuilder,
    range: Range,
    word_bits: u32,
    input: Vector,
    /// One word that is always 0.
    zero: VectorId,
    output: Format,
}

impl Graph {
    fn new(range: Range, word_bits: u32) -> Result<Self, EmulatorError> {
        let format = Format::covering(word_bits, 1.0)?;
        let mut builder =
            EmulatorBuilder::new("fft", Port::new("samples", SAMPLES, format), WIDEST_ACCUMULATOR)?;
        // |X[0]| = 512 only for a constant of full scale; it saturates one step below.
        let output = Format::new(word_bits, word_bits as i32 - 10)?;
        // Im X[0] and Im X[256] are 0 for every input.
        let nothing = Weights { format: Format::new(range.bits, range.frac())?, values: vec![0] };
        let geometry = BlockGeometry { window: vec![1], ..BlockGeometry::dense(SAMPLES, 1) };
        let zero = builder.block("zero", VectorId::INPUT, geometry, nothing, vec![0], output)?;
        let input = Vector { id: VectorId::INPUT, format };
        Ok(Self { builder, range, word_bits, input, zero, output })
    }

    /// Stage 1: word 64·o + 8b + c is output o at (b, c). Outputs are the parts of Y, branch by branch.
    fn short(&mut self, branches: &[Branch]) -> Result<Vector, EmulatorError> {
        let geometry = BlockGeometry {
            offset: 0,
            repeat: vec![POSITIONS],
            in_stride: vec![1],
            out_stride: vec![1],
            window: vec![POINTS],
            in_step: vec![POSITIONS as i64],
            outputs: POINTS,
            out_step: POSITIONS as i64,
            shared: true,
        };
        let rows: Vec<DMatrix<f64>> =
            branches.iter().map(|branch| &branch.first / self.range.unit()).collect();
        let largest = rows.iter().map(largest_sum).fold(0.0, f64::max);
        let format = Format::covering(self.word_bits, largest)?;
        self.block("short", self.input, geometry, rows.iter(), format)
    }

    /// Stage 2 of neighbouring branches of one kind, with the weights `select` of every channel: word 8·o + c of a branch is
    /// output o at c. Outputs are the parts of Z, channel by channel. Words have no finer binary point than `finest`.
    fn middle(
        &mut self,
        name: &str,
        short: Vector,
        branches: &[Branch],
        select: impl Fn(&Channel) -> DMatrix<f64>,
        finest: i32,
    ) -> Result<Vector, EmulatorError> {
        let parts = branches[0].first.nrows();
        let outputs = parts * POINTS;
        let geometry = BlockGeometry {
            offset: if parts == 1 { 0 } else { 2 * POSITIONS as i64 },
            repeat: vec![branches.len(), POINTS],
            in_stride: vec![(parts * POSITIONS) as i64, 1],
            out_stride: vec![(outputs * POINTS) as i64, 1],
            window: vec![parts, POINTS],
            in_step: vec![POSITIONS as i64, POINTS as i64],
            outputs,
            out_step: POINTS as i64,
            shared: false,
        };
        let unit = self.range.unit();
        let mut largest: f64 = 0.0;
        let mut rows = vec![];
        for branch in branches {
            let of_branch: Vec<DMatrix<f64>> =
                branch.channels.iter().map(|channel| select(channel) / unit).collect();
            for weights in &of_branch {
                for row in weights.row_iter() {
                    // The sum of magnitudes over all samples: what full-scale inputs can make of it.
                    let sample = |a: usize, b: usize| -> f64 {
                        (0..parts).map(|part| row[part * POINTS + b] * branch.first[(part, a)] / unit).sum()
                    };
                    let samples = (0..POSITIONS).map(|i| sample(i / POINTS, i % POINTS).abs());
                    largest = largest.max(samples.sum());
                }
            }
            // Every c has the same weights.
            (0..POINTS).for_each(|_| rows.extend(of_branch.iter().cloned()));
        }
        let format = Format::covering(self.word_bits, largest)?;
        let format = Format::new(self.word_bits, format.frac().min(finest))?;
        self.block(name, short, geometry, rows.iter(), format)
    }

    /// Stage 3 of all channels with rounded weights, and the sum with what rounding has taken.
    fn ends(
        &mut self,
        prefix: &str,
        groups: [Group<'_>; 3],
        third: impl Fn(&Channel) -> &DMatrix<f64>,
    ) -> Result<[Vec<Vector>; 2], EmulatorError> {
        let unit = f64::from(exponent(self.range) - 2 * self.range.frac()).exp2();
        let mut levels = [vec![], vec![]];
        for (name, sums, offset, channels) in groups {
            let size = third(channels[0]).nrows();
            let geometry = BlockGeometry {
                offset: offset as i64,
                repeat: vec![channels.len()],
                in_stride: vec![size as i64],
                out_stride: vec![size as i64],
                window: vec![size],
                in_step: vec![1],
                outputs: size,
                out_step: 1,
                shared: false,
            };
            let range = self.range;
            let rounded: Vec<DMatrix<f64>> =
                channels.iter().map(|channel| third(channel).map(|weight| range.round(weight))).collect();
            let rest: Vec<DMatrix<f64>> = channels
                .iter()
                .zip(&rounded)
                .map(|(channel, rounded)| (third(channel) - rounded) / unit)
                .collect();
            let rounded: Vec<DMatrix<f64>> = rounded.iter().map(|weights| weights / unit).collect();
            let coarse =
                self.block(&format!("{prefix}{name}"), sums, geometry.clone(), rounded.iter(), self.output)?;
            // Rests are less than a hundredth of what they belong to.
            let finer = Format::new(self.word_bits, self.output.frac() + FINER)?;
            let fine = self.block(&format!("{prefix}{name}_rest"), sums, geometry, rest.iter(), finer)?;
            levels[1].push(self.add(&format!("{prefix}{name}_exact"), coarse, fine)?);
            levels[0].push(coarse);
        }
        Ok(levels)
    }

    fn block<'a>(
        &mut self,
        name: &str,
        input: Vector,
        geometry: BlockGeometry,
        rows: impl Iterator<Item = &'a DMatrix<f64>> + Clone,
        format: Format,
    ) -> Result<Vector, EmulatorError> {
        let largest = rows.clone().map(|rows| rows.amax()).fold(0.0, f64::max);
        let point = Format::covering(self.range.bits, largest)?;
        let values = rows
            .flat_map(|rows| {
                rows.transpose().iter().map(|&weight| point.quantise(weight)).collect::<Vec<_>>()
            })
            .collect();
        let bias = vec![0; geometry.weight_sets() * geometry.outputs];
        let weights = Weights { format: point, values };
        let id = self.builder.block(name, input.id, geometry, weights, bias, format)?;
        Ok(Vector { id, format })
    }

    /// The sum, in the format of `a`; `b` may have a finer one, but not by more than an addition takes.
    fn add(&mut self, name: &str, a: Vector, b: Vector) -> Result<Vector, EmulatorError> {
        let id = self.builder.add(name, a.id, b.id, a.format)?;
        Ok(Vector { id, format: a.format })
    }

    fn finish(
        self,
        levels: [Vec<Vector>; 3],
        channels: impl Iterator<Item = usize>,
    ) -> Result<Emulator, EmulatorError> {
        let [level_0, level_1, level_2] =
            levels.map(|vectors| vectors.iter().map(|vector| vector.id).chain([self.zero]).collect());
        let spec = OutputSpec {
            sources: level_2,
            lower: vec![level_0, level_1],
            order: Some(order(channels)),
            port: Port::new("spectrum", 2 * BINS, self.output),
        };
        self.builder.finish(spec, Provenance::default())
    }
}

/// Largest sum of magnitudes of a row.
fn largest_sum(rows: &DMatrix<f64>) -> f64 {
    rows.row_iter().map(|row| row.abs().sum()).fold(0.0, f64::max)
}

/// Natural order: for every real number of the frame, the word of (real, mixed, complex, zero) that holds it.
fn order(channels: impl Iterator<Item = usize>) -> Vec<usize> {
    let zero = SAMPLES;
    let mut order = vec![zero; 2 * BINS];
    for (word, (k, part)) in channels.flat_map(outputs).enumerate() {
        order[2 * k.min(SAMPLES - k) + part] = word;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Fft, Split, evaluate};

    #[test]
    fn every_level_is_better_and_costs_more_for_every_kind_of_signal() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        let frames = Fft.frames(Split::Test, 150, 1);
        let levels: Vec<_> =
            (0..3).map(|level| evaluate(&Fft, &emulator.at_level(level), &frames).unwrap()).collect();
        let stages = [64 * 8 * 8, 3 * 8 * 16 * 16 + 2 * 8 * 8 * 8, 31 * 16 * 16 + 2 * 8 * 8];
        let macs = [[1, 1, 1], [1, 1, 2], [1, 2, 2]]
            .map(|times: [usize; 3]| times.iter().zip(stages).map(|(n, macs)| n * macs).sum::<usize>() + 1);
        assert_eq!([0, 1, 2].map(|level| emulator.macs_at(level)), macs);
        for (evaluation, most) in levels.iter().zip([0.005, 0.003, 0.002]) {
            assert!(evaluation.kinds.iter().all(|(_, error)| *error < most), "{evaluation:?}");
        }
        for (worse, better) in levels.iter().zip(&levels[1..]) {
            assert!(better.kinds.iter().zip(&worse.kinds).all(|(a, b)| a.1 < b.1), "{better:?}, {worse:?}");
        }
    }

    #[test]
    fn every_width_gives_an_emulator_and_more_bits_a_better_one() {
        let frames = Fft.frames(Split::Test, 9, 2);
        let error = |weight_bits, activation_bits| {
            let built = build(Quantisation { weight_bits, activation_bits }).unwrap();
            evaluate(&Fft, &built.emulator, &frames).unwrap().nrmse
        };
        let [w4, w8, w16] = [4, 8, 16].map(|weights| error(weights, 16));
        let narrow = error(8, 8);
        assert!(w4 < 0.2 && w8 < 0.2 * w4 && w16 <= w8 && narrow < 0.4, "{w4} {w8} {w16} {narrow}");
    }

    #[test]
    fn every_word_of_the_frame_has_its_output() {
        let mut order = order(BRANCHES.into_iter().flat_map(residues));
        let zeros = order.iter().filter(|&&word| word == SAMPLES).count();
        assert_eq!((zeros, order[1], order[2 * BINS - 1]), (2, SAMPLES, SAMPLES));
        order.sort_unstable();
        order.dedup();
        assert_eq!(order, (0..=SAMPLES).collect::<Vec<_>>());
    }
}
