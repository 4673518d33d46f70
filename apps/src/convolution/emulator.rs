//! The convolution at several rates, in three levels of quality, without training.
//!
//! The result is smooth, so that few numbers say everything about it. They are found and unfolded in steps:
//!
//! 1. *moments*: sum and slope of every 8 samples. Exact, the weights are small integers.
//! 2. *coarse*: the first four polynomial moments of every 64 samples, from those of 8.
//! 3. *knots*: from them, the coefficients of a cubic spline with a knot every 16 samples. Least squares.
//! 4. *grid*: values of the spline every 4 samples, by the refinement of B-splines, whose weights are exact, too.
//! 5. *result*: a straight line between two of them. Exact.
//!
//! That is level 0. Level 1 adds what two more moments of every 64 samples say about the knots. Level 2 adds what all moments
//! of 8 samples say about what is still missing, mostly the rounding of 8-bit weights, and draws parabolas. Coefficients of
//! every layer are fitted to the rounded layers before it and rounded so that errors cancel in the result
//! ([`round_between`]). Where the kernel has no weight, the result is the constant 0.

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, Segment,
    VectorId, Weights,
};
use emeuro_trainer::Quantisation;
use nalgebra::DMatrix;

use super::{Convolution, RESULT, SAMPLES};
use crate::analytic::{block_matrix, with_narrowest_accumulator};
use crate::rounding::round_between;
use crate::{Analytic, Kernel};

/// Samples of a chunk whose sum and slope are taken.
const CHUNK: usize = 16;
/// Samples of a block whose polynomial moments are taken.
const BLOCK: usize = 64;
/// Moments of a block on level 0, and on level 1.
const MOMENTS: [usize; 2] = [4, 6];
/// Samples between two knots of the spline.
const KNOTS: usize = 16;
/// Samples between two points of the grid.
const GRID: usize = 4;
/// Words of the result that are 0 at either end: 3.5 standard deviations of the kernel from its middle and beyond.
const SILENCE: usize = 140;
/// Words between them.
const SOUND: usize = 744;
/// Power of noise with a correlation of 100 samples beside that of white noise, for which errors are made small.

/// A linear layer, or the sum of two vectors. Vectors are counted as nodes are, the input is 0.
enum Node {
    Block { name: &'static str, input: usize, geometry: BlockGeometry, weights: Weights, format: Format },
    Add { name: &'static str, inputs: [usize; 2], format: Format },
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let design = Design::new(quantisation)?;
    let emulator = with_narrowest_accumulator(|bits| design.assemble(bits))?;
    let matrix = design.unquantised;
    let unquantised = Kernel::new("convolution", SAMPLES, RESULT, move |input, output| {
        let sound = &matrix * nalgebra::DVector::from_column_slice(input);
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
    /// What makes the vectors out of the samples, as far as it is needed: `[words][512]`.
    maps: Vec<DMatrix<f64>>,
    /// The result of every level, lowest first.
    results: Vec<usize>,
    /// `[744][512]`: the highest level with all its layers, before the rounding of their weights.
    unquantised: DMatrix<f64>,
}

impl Design {
    fn new(quantisation: Quantisation) -> Result<Self, EmulatorError> {
        let input = Format::covering(quantisation.activation_bits, 1.0)?;
        let mut design = Self {
            quantisation,
            nodes: vec![],
            formats: vec![input],
            maps: vec![DMatrix::identity(SAMPLES, SAMPLES)],
            results: vec![],
            unquantised: DMatrix::zeros(0, 0),
        };
        design.run()?;
        Ok(design)
    }

    fn run(&mut self) -> Result<(), EmulatorError> {
        let truth = toeplitz(&Convolution::kernel());
        let lines = Unfolding::new(2, self.quantisation.weight_bits)?;
        let parabolas = Unfolding::new(3, self.quantisation.weight_bits)?;

        let lines_of = self.moments("slopes", &[0, 1])?;
        let knots = self.spline("coarse_knots", lines_of, &truth, &lines)?;
        self.unfold(["coarse_grid", "coarse_result"], knots, &lines)?;

        let curvatures = self.moments("curvatures", &[2])?;
        let missing = &truth - &lines.matrix * &self.maps[knots];
        let correction = self.spline("curved", curvatures, &missing, &lines)?;
        let knots = self.add("fine_knots", [knots, correction])?;
        self.unfold(["fine_grid", "fine_result"], knots, &lines)?;

        let missing = &truth - &parabolas.matrix * &self.maps[knots];
        let correction = self.spline("correction", lines_of, &missing, &parabolas)?;
        let knots = self.add("half_corrected", [knots, correction])?;
        let missing = &truth - &parabolas.matrix * &self.maps[knots];
        let correction = self.spline("curved_correction", curvatures, &missing, &parabolas)?;
        let knots = self.add("knots", [knots, correction])?;
        self.unfold(["grid", "result"], knots, &parabolas)?;
        Ok(())
    }

    /// Moments of every chunk.
    fn moments(&mut self, name: &'static str, degrees: &[usize]) -> Result<usize, EmulatorError> {
        let geometry = chunks(SAMPLES / CHUNK, CHUNK, degrees.len());
        // Orthogonal polynomials in integers of about the same size.
        let rows = DMatrix::from_fn(degrees.len(), CHUNK, |row, i| {
            let place = 2.0 * i as f64 - (CHUNK as f64 - 1.0);
            [8.0, place, (place * place - 85.0) / 4.0][degrees[row]]
        });
        let format = Format::new(self.quantisation.weight_bits, 0)?;
        self.block(name, 0, geometry, weights(&rows, format), None)
    }

    /// Coefficients of the spline out of `source`: what makes `unfolding` of them come closest to `truth`.
    fn spline(
        &mut self,
        name: &'static str,
        source: usize,
        truth: &DMatrix<f64>,
        unfolding: &Unfolding,
    ) -> Result<usize, EmulatorError> {
        let map = &self.maps[source];
        let (target, right_gram) = fit(truth, &unfolding.matrix, map);
        let format = Format::covering(self.quantisation.weight_bits, target.amax())?;
        let unit = f64::from(format.frac()).exp2();
        let target0 = target.clone();
        let left_gram = unfolding.matrix.transpose() * &unfolding.matrix;
        let range = (f64::from(format.min()), f64::from(format.max()));
        let rounded = round_between(&(target * unit), &left_gram, &right_gram, range) / unit;
        eprintln!(
            "{name}: amax {} raw {} fro {} err plain {} kron {}",
            target0.amax(),
            target0.amax() * unit,
            (&unfolding.matrix * &target0 * map).norm(),
            (&unfolding.matrix * ((&target0 * unit).map(f64::round) / unit - &target0) * map).norm(),
            (&unfolding.matrix * (&rounded - &target0) * map).norm()
        );
        let geometry = BlockGeometry::dense(map.nrows(), rounded.nrows());
        let word =
            Format::new(self.quantisation.activation_bits, self.quantisation.activation_bits as i32 - 2)?;
        self.block(name, source, geometry, weights(&rounded, format), Some(word))
    }

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

    /// Adds a layer; without a format, the finest that holds every result of samples in [-1, 1].
    fn block(
        &mut self,
        name: &'static str,
        input: usize,
        geometry: BlockGeometry,
        weights: Weights,
        format: Option<Format>,
    ) -> Result<usize, EmulatorError> {
        let map = block_matrix(&geometry, &weights, self.maps[input].nrows()) * &self.maps[input];
        let largest = map.row_iter().map(|row| row.abs().sum()).fold(0.0, f64::max);
        let format = match format {
            Some(format) => format,
            None => Format::covering(self.quantisation.activation_bits, largest)?,
        };
        self.nodes.push(Node::Block { name, input, geometry, weights, format });
        self.formats.push(format);
        self.maps.push(map);
        Ok(self.nodes.len())
    }

    fn add(&mut self, name: &'static str, inputs: [usize; 2]) -> Result<usize, EmulatorError> {
        let format = self.formats[inputs[0]];
        self.nodes.push(Node::Add { name, inputs, format });
        self.formats.push(format);
        self.maps.push(&self.maps[inputs[0]] + &self.maps[inputs[1]]);
        Ok(self.nodes.len())
    }

    fn assemble(&self, accumulator: u32) -> Result<Emulator, EmulatorError> {
        let mut builder =
            EmulatorBuilder::new("convolution", port("samples", SAMPLES, self.formats[0]), accumulator)?;
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
        let [.., last] = self.results[..] else { unreachable!("there are three levels") };
        let output = self.formats[last];
        let nothing = Weights { format: Format::new(self.quantisation.weight_bits, 2)?, values: vec![0] };
        let geometry = BlockGeometry { window: vec![1], ..BlockGeometry::dense(SAMPLES, 1) };
        let silence = builder.block("silence", VectorId::INPUT, geometry, nothing, vec![0], output)?;
        let mut levels: Vec<Vec<VectorId>> =
            self.results.iter().map(|&result| vec![vectors[result], silence]).collect();
        let sources = levels.pop().expect("there are three levels");
        let order =
            (0..RESULT).map(|n| n.checked_sub(SILENCE).map_or(SOUND, |word| word.min(SOUND))).collect();
        let spec =
            OutputSpec { sources, lower: levels, order: Some(order), port: port("result", RESULT, output) };
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

/// Orthonormal polynomials of some degrees over a block, one per row.
fn polynomials(degrees: std::ops::Range<usize>) -> DMatrix<f64> {
    let middle = (BLOCK as f64 - 1.0) / 2.0;
    let powers =
        DMatrix::from_fn(BLOCK, degrees.end, |i, degree| ((i as f64 - middle) / middle).powi(degree as i32));
    powers.qr().q().columns(degrees.start, degrees.len()).transpose()
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
fn fit(truth: &DMatrix<f64>, left: &DMatrix<f64>, right: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let signals = covariance() * right.transpose();
    let right_gram = right * &signals;
    let mut left_gram = left.transpose() * left;
    let ridge: f64 = std::env::var("RIDGE").map_or(1e-7, |r| r.parse().unwrap());
    let t = left_gram.trace() / left_gram.nrows() as f64 * ridge;
    (0..left_gram.nrows()).for_each(|i| left_gram[(i, i)] += t);
    let inverse = |gram: &DMatrix<f64>| gram.clone().cholesky().expect("layers are independent").inverse();
    let target = inverse(&left_gram) * left.transpose() * (truth * signals) * inverse(&right_gram);
    (target, right_gram)
}

/// Of white noise with a share of slow noise.
fn covariance() -> DMatrix<f64> {
    let low: f64 = std::env::var("LOW").map_or(0.1, |r| r.parse().unwrap());
    DMatrix::from_fn(SAMPLES, SAMPLES, |i, j| {
        let slow = low * (-(i.abs_diff(j) as f64) / 100.0).exp();
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

fn port(name: &str, size: usize, format: Format) -> Port {
    let segment = Segment { name: name.into(), unit: "1".into(), size, frac: format.frac() };
    Port { bits: format.bits(), segments: vec![segment] }
}
