//! The convolution at several rates, in three levels of quality, without training.
//!
//! The result is smooth, so that few numbers say everything about it. They are found and unfolded in steps:
//!
//! 1. *slopes*: sum and slope of every 16 samples. Exact, the weights are small integers.
//! 2. *knots*: from them, the coefficients of a cubic spline with a knot every 16 samples. Least squares.
//! 3. *grid*: values of the spline every 4 samples, by the refinement of B-splines. Exact, the weights are multiples of 1/64.
//! 4. *result*: a straight line between two of them. Exact, too.
//!
//! That is level 0, whose error for white noise is what sums and slopes say nothing about. Level 1 adds the curvature of every 16
//! samples. Level 2 adds what is still missing to the knots, mostly the rounding of their 8-bit weights, with finer weights on the
//! same numbers, and draws parabolas. Weights of the knots are fitted to the rounded layers before them and rounded so that
//! errors cancel in the result ([`round_between`]). Where the kernel has no weight, the result is the constant 0.

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, VectorId,
    WIDEST_ACCUMULATOR, Weights,
};
use emeuro_trainer::Quantisation;
use nalgebra::{DMatrix, DVector};

use super::{Convolution, RESULT, SAMPLES};
use crate::analytic::block_matrix;
use crate::rounding::round_between;
use crate::{Analytic, Kernel};

/// Samples of a chunk whose moments are taken.
const CHUNK: usize = 16;
/// Weight of a sample in the sum of its chunk. With this one, the knots' weights use their whole range.
const SUM: f64 = 7.0;
/// Samples between two knots of the spline.
const KNOTS: usize = 16;
/// Samples between two points of the grid.
const GRID: usize = 4;
/// Words of the result that are 0 at either end: 3.6 standard deviations of the kernel from its middle and beyond.
const SILENCE: usize = 140;
/// Words that are not, so many that the last knots have weight in them.
const SOUND: usize = 744;
/// Power of slow noise beside that of white noise, for which errors are made small, and its correlation in samples.
const SLOW: (f64, f64) = (0.3, 100.0);

/// Least weight of a knot in the result, as a share of the mean one, below which it is made small.
const RIDGE: f64 = 5e-4;
/// How much finer than the other the binary point of an addend may be.
const FINER: i32 = 6;

/// A linear layer, or the sum of two vectors. Vectors are counted as nodes are, the input is 0.
enum Node {
    Block { name: &'static str, input: usize, geometry: BlockGeometry, weights: Weights, format: Format },
    Add { name: &'static str, inputs: [usize; 2], format: Format },
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let mut design = Design::new(quantisation)?;
    let matrix = design.run()?;
    let emulator = design.assemble()?.with_narrowest_accumulator();
    let unquantised = Kernel::new("convolution", SAMPLES, RESULT, move |input, output| {
        let sound = &matrix * DVector::from_column_slice(input);
        output.fill(0.0);
        output[SILENCE..][..SOUND].copy_from_slice(sound.as_slice());
    });
    Ok(Analytic { emulator, unquantised })
}

/// The layers as they are designed, one after the other.
struct Design {
    quantisation: Quantisation,
    nodes: Vec<Node>,
    /// Formats of the vectors.
    formats: Vec<Format>,
    /// What makes the vectors out of the samples, up to the knots: `[words][512]`.
    maps: Vec<DMatrix<f64>>,
    /// The result of every level, lowest first.
    results: Vec<usize>,
}

impl Design {
    fn new(quantisation: Quantisation) -> Result<Self, EmulatorError> {
        Ok(Self {
            quantisation,
            nodes: vec![],
            formats: vec![Format::covering(quantisation.activation_bits, 1.0)?],
            maps: vec![DMatrix::identity(SAMPLES, SAMPLES)],
            results: vec![],
        })
    }

    /// Designs all levels; returns the highest as a matrix `[744][512]` without the rounding of its weights.
    fn run(&mut self) -> Result<DMatrix<f64>, EmulatorError> {
        let truth = toeplitz(&Convolution::kernel());
        let lines = Unfolding::new(2, self.quantisation.weight_bits)?;
        let parabolas = Unfolding::new(3, self.quantisation.weight_bits)?;

        let slopes = self.moments("slopes", &[0, 1])?;
        let knots = self.knots("rough_knots", slopes, &truth, &lines)?;
        self.unfold(["rough_grid", "rough_result"], knots, &lines)?;

        let curvatures = self.moments("curvatures", &[2])?;
        let knots = self.correct(["bends", "curved_knots"], knots, curvatures, &truth, &lines)?;
        self.unfold(["curved_grid", "curved_result"], knots, &lines)?;

        let knots = self.correct(["slopes_rest", "sloped_knots"], knots, slopes, &truth, &parabolas)?;
        let knots = self.correct(["curvatures_rest", "knots"], knots, curvatures, &truth, &parabolas)?;
        self.unfold(["grid", "result"], knots, &parabolas)?;

        let heights = [slopes, curvatures].map(|vector| self.maps[vector].nrows());
        let mut moments = self.maps[slopes].clone().resize_vertically(heights.iter().sum(), 0.0);
        moments.rows_mut(heights[0], heights[1]).copy_from(&self.maps[curvatures]);
        let (knots, _) = fit(&truth, &parabolas.matrix, &moments, 1e-9);
        Ok(&parabolas.matrix * knots * moments)
    }

    /// Moments of every chunk.
    fn moments(&mut self, name: &'static str, degrees: &[usize]) -> Result<usize, EmulatorError> {
        let geometry = chunks(SAMPLES / CHUNK, CHUNK, degrees.len());
        // Orthogonal polynomials in integers of about the same size.
        let rows = DMatrix::from_fn(degrees.len(), CHUNK, |row, i| {
            let place = 2.0 * i as f64 - (CHUNK as f64 - 1.0);
            [SUM, place, (place * place - 85.0) / 4.0][degrees[row]]
        });
        let format = Format::new(self.quantisation.weight_bits, 0)?;
        self.block(name, 0, geometry, weights(&rows, format), i32::MAX)
    }

    /// Coefficients of the spline out of `source`: what makes `unfolding` of them come closest to `truth`.
    fn knots(
        &mut self,
        name: &'static str,
        source: usize,
        truth: &DMatrix<f64>,
        unfolding: &Unfolding,
    ) -> Result<usize, EmulatorError> {
        let map = &self.maps[source];
        let (target, right_gram) = fit(truth, &unfolding.matrix, map, RIDGE);
        let format = Format::covering(self.quantisation.weight_bits, target.amax())?;
        let unit = f64::from(format.frac()).exp2();
        let left_gram = unfolding.matrix.transpose() * &unfolding.matrix;
        let range = (f64::from(format.min()), f64::from(format.max()));
        let rounded = round_between(&(target * unit), &left_gram, &right_gram, range) / unit;
        let geometry = BlockGeometry::dense(map.nrows(), rounded.nrows());
        // Knots go a little beyond the samples; an addition takes corrections that are at most so much finer.
        let finest = self.quantisation.activation_bits as i32 - 2 + FINER;
        self.block(name, source, geometry, weights(&rounded, format), finest)
    }

    /// Adds to `knots` what `source` knows about what is missing to `truth`.
    fn correct(
        &mut self,
        [name, sum]: [&'static str; 2],
        knots: usize,
        source: usize,
        truth: &DMatrix<f64>,
        unfolding: &Unfolding,
    ) -> Result<usize, EmulatorError> {
        let missing = truth - &unfolding.matrix * &self.maps[knots];
        let correction = self.knots(name, source, &missing, unfolding)?;
        let format = self.formats[knots];
        self.nodes.push(Node::Add { name: sum, inputs: [knots, correction], format });
        self.formats.push(format);
        self.maps.push(&self.maps[knots] + &self.maps[correction]);
        Ok(self.nodes.len())
    }

    /// The result out of the knots: the end of a level.
    fn unfold(
        &mut self,
        names: [&'static str; 2],
        knots: usize,
        unfolding: &Unfolding,
    ) -> Result<(), EmulatorError> {
        let bits = self.quantisation.activation_bits;
        let mut vector = knots;
        // Results stay within ±1, where full scale saturates one step below.
        for ((name, (geometry, weights)), frac) in names.into_iter().zip(unfolding.layers.clone()).zip([2, 1])
        {
            let format = Format::new(bits, bits as i32 - frac)?;
            self.nodes.push(Node::Block { name, input: vector, geometry, weights, format });
            vector = self.nodes.len();
            self.formats.push(format);
            self.maps.push(DMatrix::zeros(0, 0));
        }
        self.results.push(vector);
        Ok(())
    }

    /// Adds a layer in the finest format that holds every result of samples in [-1, 1], but no finer than `finest`.
    fn block(
        &mut self,
        name: &'static str,
        input: usize,
        geometry: BlockGeometry,
        weights: Weights,
        finest: i32,
    ) -> Result<usize, EmulatorError> {
        let map = block_matrix(&geometry, &weights, self.maps[input].nrows()) * &self.maps[input];
        let largest = map.row_iter().map(|row| row.abs().sum()).fold(0.0, f64::max);
        let bits = self.quantisation.activation_bits;
        let format = Format::new(bits, Format::covering(bits, largest)?.frac().min(finest))?;
        self.nodes.push(Node::Block { name, input, geometry, weights, format });
        self.formats.push(format);
        self.maps.push(map);
        Ok(self.nodes.len())
    }

    fn assemble(&self) -> Result<Emulator, EmulatorError> {
        let mut builder = EmulatorBuilder::new(
            "convolution",
            Port::new("samples", SAMPLES, self.formats[0]),
            WIDEST_ACCUMULATOR,
        )?;
        // First of all, since the frame begins with it.
        let [.., last] = self.results[..] else { unreachable!("there are three levels") };
        let output = self.formats[last];
        let nothing = Weights { format: Format::new(self.quantisation.weight_bits, 2)?, values: vec![0] };
        let geometry = BlockGeometry { window: vec![1], ..BlockGeometry::dense(SAMPLES, 1) };
        let silence = builder.block("silence", VectorId::INPUT, geometry, nothing, vec![0], output)?;
        let mut vectors = vec![VectorId::INPUT];
        for node in &self.nodes {
            vectors.push(match node {
                Node::Block { name, input, geometry, weights, format } => {
                    let bias = vec![0; geometry.weight_sets() * geometry.outputs];
                    builder.block(name, vectors[*input], geometry.clone(), weights.clone(), bias, *format)?
                }
                Node::Add { name, inputs: [a, b], format } => {
                    builder.add(name, vectors[*a], vectors[*b], *format)?
                }
            });
        }
        let mut levels: Vec<Vec<VectorId>> =
            self.results.iter().map(|&result| vec![vectors[result], silence]).collect();
        let sources = levels.pop().expect("there are three levels");
        let order =
            (0..RESULT).map(|n| n.checked_sub(SILENCE).map_or(SOUND, |word| word.min(SOUND))).collect();
        let spec = OutputSpec {
            sources,
            lower: levels,
            order: Some(order),
            port: Port::new("result", RESULT, output),
        };
        builder.finish(spec, Provenance::default())
    }
}

/// `repeats` neighbouring blocks of `width` words with `outputs` results each.
fn chunks(repeats: usize, width: usize, outputs: usize) -> BlockGeometry {
    BlockGeometry {
        offset: 0,
        repeat: vec![repeats],
        in_stride: vec![width as i64],
        out_stride: vec![outputs as i64],
        window: vec![width],
        in_step: vec![1],
        outputs,
        out_step: 1,
        shared: true,
    }
}

/// From coefficients of the spline to the words of the result.
struct Unfolding {
    layers: [(BlockGeometry, Weights); 2],
    /// `[744][knots]`.
    matrix: DMatrix<f64>,
}

impl Unfolding {
    /// Draws curves of `order` between the points of the grid: 2 for straight lines, 3 for parabolas.
    fn new(order: usize, weight_bits: u32) -> Result<Self, EmulatorError> {
        let result = refinement(SOUND / GRID, GRID, order, weight_bits)?;
        let points = SOUND / GRID + order - 1;
        let ratio = KNOTS / GRID;
        let grid = refinement(points.div_ceil(ratio), ratio, 4, weight_bits)?;
        let knots = points.div_ceil(ratio) + 3;
        let [near, far] = [(&grid, knots), (&result, grid.0.output_len())]
            .map(|((geometry, weights), inputs)| block_matrix(geometry, weights, inputs));
        Ok(Self { layers: [grid, result], matrix: far * near })
    }
}

/// `ratio` values between every two coefficients of a B-spline of `order`, for `repeats` coefficients.
///
/// A B-spline is the sum of `ratio` times narrower ones, weighted with a box of that width convolved `order` times with itself.
fn refinement(
    repeats: usize,
    ratio: usize,
    order: usize,
    weight_bits: u32,
) -> Result<(BlockGeometry, Weights), EmulatorError> {
    let mut mask = vec![1.0];
    for _ in 0..order {
        let share = |i: usize| -> f64 { (0..ratio).filter_map(|k| mask.get(i.checked_sub(k)?)).sum() };
        mask = (0..mask.len() + ratio - 1).map(share).collect();
    }
    let gain = (ratio as f64).powi(order as i32 - 1);
    let window = mask.len().div_ceil(ratio);
    let rows = DMatrix::from_fn(ratio, window, |phase, tap| {
        mask.get(phase + ratio * (window - 1 - tap)).copied().unwrap_or(0.0) / gain
    });
    let geometry =
        BlockGeometry { in_stride: vec![1], window: vec![window], ..chunks(repeats, ratio, ratio) };
    Ok((geometry, weights(&rows, Format::covering(weight_bits, rows.amax())?)))
}

/// The matrix C that makes left · C · right come closest to `truth` for the signals that errors are made small for, and
/// what [`round_between`] has to know about `right`.
fn fit(
    truth: &DMatrix<f64>,
    left: &DMatrix<f64>,
    right: &DMatrix<f64>,
    ridge: f64,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let signals = covariance() * right.transpose();
    let right_gram = right * &signals;
    let mut left_gram = left.transpose() * left;
    // The first and the last knot hardly count. Without the ridge, their weights would decide the range of all.
    let ridge = ridge * left_gram.trace() / left_gram.nrows() as f64;
    (0..left_gram.nrows()).for_each(|knot| left_gram[(knot, knot)] += ridge);
    let inverse = |gram: &DMatrix<f64>| gram.clone().cholesky().expect("layers are independent").inverse();
    let target = inverse(&left_gram) * left.transpose() * (truth * signals) * inverse(&right_gram);
    (target, right_gram)
}

/// Of white noise with a share of slow noise.
fn covariance() -> DMatrix<f64> {
    DMatrix::from_fn(SAMPLES, SAMPLES, |i, j| {
        let slow = SLOW.0 * (-(i.abs_diff(j) as f64) / SLOW.1).exp();
        slow + if i == j { 1.0 } else { 0.0 }
    })
}

/// The rows of T with T·x = kernel ∗ x that are not silent.
fn toeplitz(kernel: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(SOUND, SAMPLES, |n, i| {
        (SILENCE + n).checked_sub(i).and_then(|j| kernel.get(j)).copied().unwrap_or(0.0)
    })
}

/// Row by row.
fn weights(rows: &DMatrix<f64>, format: Format) -> Weights {
    Weights { format, values: rows.transpose().iter().map(|&weight| format.quantise(weight)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Split, evaluate};

    #[test]
    fn every_level_is_better_and_costs_more_for_every_kind_of_signal() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        let frames = Convolution.frames(Split::Test, 300, 1);
        let levels: Vec<_> =
            (0..3).map(|level| evaluate(&Convolution, &emulator.at_level(level), &frames).unwrap()).collect();
        assert_eq!([0, 1, 2].map(|level| emulator.macs_at(level)), [6465, 8577, 14121]);
        // Means of all kinds, then white noise, speech-like sounds, steps.
        let most =
            [[0.0015, 0.012, 0.002, 0.0012], [0.0012, 0.007, 0.0018, 0.0011], [2.5e-4, 2e-3, 4e-4, 2e-4]];
        for (evaluation, most) in levels.iter().zip(most) {
            let errors = [evaluation.nrmse].into_iter().chain(evaluation.kinds.iter().map(|kind| kind.1));
            assert!(errors.zip(most).all(|(error, most)| error < most), "{evaluation:?}");
        }
        for (worse, better) in levels.iter().zip(&levels[1..]) {
            assert!(better.nrmse < worse.nrmse, "{better:?}, {worse:?}");
            assert!(better.kinds.iter().zip(&worse.kinds).all(|(a, b)| a.1 < b.1), "{better:?}, {worse:?}");
        }
    }

    #[test]
    fn every_width_gives_an_emulator_and_more_bits_a_better_one() {
        let frames = Convolution.frames(Split::Test, 9, 2);
        let error = |weight_bits, activation_bits| {
            let built = build(Quantisation { weight_bits, activation_bits }).unwrap();
            evaluate(&Convolution, &built.emulator, &frames).unwrap().nrmse
        };
        let [w4, w8, w16] = [4, 8, 16].map(|weights| error(weights, 16));
        let narrow = error(8, 8);
        assert!(w4 < 0.2 && w8 < 0.2 * w4 && w16 < w8 && narrow < 0.2, "{w4} {w8} {w16} {narrow}");
    }

    #[test]
    fn without_rounding_hardly_anything_is_missing() {
        let frames = Convolution.frames(Split::Test, 9, 2);
        let mut kernel = build(Quantisation::default()).unwrap().unquantised;
        let float = crate::Evaluation::of_kernel(&Convolution, &mut kernel, &frames).unwrap();
        assert!(float.kinds[0].1 < 0.002 && float.nrmse < 2e-4, "{float:?}");
    }

    #[test]
    fn refinement_of_a_straight_line_is_a_straight_line() {
        for order in [2, 3, 4] {
            let (geometry, weights) = refinement(5, 4, order, 8).unwrap();
            let knots = 5 + geometry.window_len() - 1;
            let line = DVector::from_fn(knots, |i, _| i as f64);
            let points = block_matrix(&geometry, &weights, knots) * line;
            let steps = points.as_slice().windows(2).map(|pair| pair[1] - pair[0]);
            assert!(steps.into_iter().all(|step| step == 0.25), "{points}");
        }
    }
}
