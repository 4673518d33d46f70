//! Fourier transforms of 512 real samples as a network of any number of block stages, without training.
//!
//! A transform of N = P·R numbers with shift α is Z\[q\] = Σᵣ y\[r\]·exp(-2πi·r(q + α)/N). With r = R·m + s and q = u + P·v
//! (Cooley and Tukey, 1965) it is
//!
//! 1. for every s one P-point transform with the same shift: A_u\[s\] = Σₘ y\[R·m + s\]·exp(-2πi·m(u + α)/P),
//! 2. for every u one R-point transform of A_u with shift (u + α)/P.
//!
//! So twiddles need no products of their own: they are the shifts of the next stage. Step 1 is one block of weights for all
//! s; the last stage has one block per transform. Transforms of real numbers with shift 0 or ½ are symmetric: half of
//! their outputs stand for all.

use std::f64::consts::TAU;

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, VectorId,
    WIDEST_ACCUMULATOR, Weights,
};
use emeuro_trainer::Quantisation;

/// Samples of a frame.
const SAMPLES: usize = 512;
/// Bins of a frame.
const BINS: usize = SAMPLES / 2 + 1;
/// Gains that are tried per stage and transform, the best ones by the rounding of that stage alone.
const TRIED: usize = 16;
/// Gains among which these are found: from half the range of the weights to a little above it.
const GAINS: usize = 260;

/// The emulator whose stages have `points` points, of product 512; `[512]` is a single dense layer.
pub(super) fn build(points: &[usize], quantisation: Quantisation) -> Result<Emulator, EmulatorError> {
    assert_eq!(points.iter().product::<usize>(), SAMPLES, "the stages make up the transform");
    let range = Range { bits: quantisation.weight_bits };
    let plan = [range.bits as i32 - 1, range.bits as i32 - 2]
        .map(|last_frac| Planner { range, last_frac }.plan(Transform::ROOT, points, 1.0))
        .into_iter()
        .min_by(|a, b| a.error.total_cmp(&b.error))
        .expect("there are two");
    Ok(Assembly::new(quantisation)?.emulator(&plan)?.with_narrowest_accumulator())
}

/// The integers that weights may be.
#[derive(Clone, Copy)]
struct Range {
    bits: u32,
}

impl Range {
    /// Raw units of a weight of 1, which the range just doesn't hold.
    fn unit(self) -> f64 {
        f64::from(1 << (self.bits - 1))
    }

    /// Weights times `gain` (in units of the range), rounded.
    fn round(self, weights: &[f64], gain: f64) -> Vec<i16> {
        let scale = self.unit() * gain;
        weights.iter().map(|w| (w * scale).round().clamp(-self.unit(), self.unit() - 1.0) as i16).collect()
    }

    /// Power of the rounding error relative to the weights, per output.
    fn error(self, weights: &[f64], gain: f64) -> f64 {
        let scale = self.unit() * gain;
        let rounded = self.round(weights, gain);
        let error: f64 = rounded.iter().zip(weights).map(|(&r, w)| (f64::from(r) / scale - w).powi(2)).sum();
        error / weights.iter().map(|w| w * w).sum::<f64>()
    }
}

/// What is known of the numbers that are transformed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Numbers {
    Real,
    Complex,
}

/// A transform that is still to do: its outputs are the bins `first` + `step`·q.
#[derive(Clone, Copy, Debug)]
struct Transform {
    numbers: Numbers,
    shift: f64,
    first: usize,
    step: usize,
}

/// One row of a stage: output u, its part (0 real, 1 imaginary), its weights: those of the real parts, then of the imaginary ones.
struct Row {
    output: usize,
    part: usize,
    weights: Vec<f64>,
}

impl Transform {
    const ROOT: Self = Self { numbers: Numbers::Real, shift: 0.0, first: 0, step: 1 };

    /// The rows of the transform of `points` points, without those that follow from symmetry.
    fn rows(self, points: usize) -> Vec<Row> {
        let half = match (self.numbers, self.shift == 0.0) {
            (Numbers::Complex, _) => points,
            (Numbers::Real, true) => points / 2 + 1,
            (Numbers::Real, false) => points / 2,
        };
        let parts = |u: usize| if self.child(points, u).numbers == Numbers::Real { 1 } else { 2 };
        let row = |u: usize, part: usize| {
            let angle = |m: usize| TAU * m as f64 * (u as f64 + self.shift) / points as f64;
            let (cos, sin) = ((0..points).map(|m| angle(m).cos()), (0..points).map(|m| angle(m).sin()));
            let weights = match (self.numbers, part) {
                (Numbers::Real, 0) => cos.collect(),
                (Numbers::Real, _) => sin.map(|s| -s).collect(),
                (Numbers::Complex, 0) => cos.chain(sin).collect(),
                (Numbers::Complex, _) => sin.map(|s| -s).chain(cos).collect(),
            };
            Row { output: u, part, weights }
        };
        // Real outputs first, so that the transforms of the next stage lie in two groups.
        let mut order: Vec<usize> = (0..half).collect();
        order.sort_by_key(|&u| parts(u));
        order
            .into_iter()
            .flat_map(|u| (0..parts(u)).map(move |part| (u, part)))
            .map(|(u, part)| row(u, part))
            .collect()
    }

    /// The transform of output `u` of a stage of `points` points.
    fn child(self, points: usize, u: usize) -> Self {
        let shift = (u as f64 + self.shift) / points as f64;
        let real = self.numbers == Numbers::Real && (shift == 0.0 || shift == 0.5);
        Self {
            numbers: if real { Numbers::Real } else { Numbers::Complex },
            shift,
            first: self.first + self.step * u,
            step: self.step * points,
        }
    }
}

/// A transform with its rounded weights.
struct Plan {
    transform: Transform,
    points: usize,
    /// How much larger than in the definition the numbers that it reads are; those that the last stage makes are true.
    gain: f64,
    /// Raw, row by row.
    weights: Vec<i16>,
    /// Binary point of the weights.
    frac: i32,
    /// Of its outputs; empty in the last stage.
    children: Vec<Plan>,
    /// Mean power of the rounding errors of this stage and those below, relative to the outputs.
    error: f64,
}

/// Chooses gains: the product along every path is 1, with the power of two that the last stage's binary point adds.
struct Planner {
    range: Range,
    last_frac: i32,
}

impl Planner {
    fn plan(&self, transform: Transform, stages: &[usize], gain: f64) -> Plan {
        let (points, rest) = (stages[0], &stages[1..]);
        let rows = transform.rows(points);
        let flat =
            |rows: &[&Row]| -> Vec<f64> { rows.iter().flat_map(|r| r.weights.iter().copied()).collect() };
        if rest.is_empty() {
            // In units of the range, weights that undo all gains so far.
            let last = f64::from(self.last_frac).exp2() / self.range.unit() / gain;
            let weights = flat(&rows.iter().collect::<Vec<_>>());
            let error = if last > 1.04 { f64::INFINITY } else { self.range.error(&weights, last) };
            let weights = self.range.round(&weights, last);
            return Plan { transform, points, gain, weights, frac: self.last_frac, children: vec![], error };
        }
        let mut outputs: Vec<usize> = rows.iter().map(|row| row.output).collect();
        outputs.dedup();
        let (mut weights, mut children, mut error) = (vec![], vec![], 0.0);
        for &u in &outputs {
            let own: Vec<&Row> = rows.iter().filter(|row| row.output == u).collect();
            let own = flat(&own);
            let (best, child, least) = self
                .gains(&own)
                .into_iter()
                .map(|(stage, error)| {
                    let child = self.plan(transform.child(points, u), rest, gain * stage);
                    let total = error + child.error;
                    (stage, child, total)
                })
                .min_by(|a, b| a.2.total_cmp(&b.2))
                .expect("gains are tried");
            weights.extend(self.range.round(&own, best));
            children.push(child);
            error += least / outputs.len() as f64;
        }
        Plan { transform, points, gain, weights, frac: self.range.bits as i32 - 1, children, error }
    }

    /// The gains of a stage that round its weights best, with their errors.
    fn gains(&self, weights: &[f64]) -> Vec<(f64, f64)> {
        let gain = |k: usize| 0.5 + 0.51 * k as f64 / GAINS as f64;
        let mut gains: Vec<(f64, f64)> =
            (0..=GAINS).map(|k| (gain(k), self.range.error(weights, gain(k)))).collect();
        gains.sort_by(|a, b| a.1.total_cmp(&b.1));
        gains.truncate(TRIED);
        gains
    }
}

/// The graph as it grows.
struct Assembly {
    builder: EmulatorBuilder,
    quantisation: Quantisation,
    output: Format,
    sources: Vec<VectorId>,
    /// Bin and part (0 real, 1 imaginary) of every word of the sources.
    words: Vec<(usize, usize)>,
}

impl Assembly {
    fn new(quantisation: Quantisation) -> Result<Self, EmulatorError> {
        let bits = quantisation.activation_bits;
        let input = Format::covering(bits, 1.0)?;
        // |X[0]| = 512 only for a constant of full scale; it saturates one step below.
        let output = Format::new(bits, bits as i32 - 10)?;
        let builder = EmulatorBuilder::new("fft", Port::new("samples", SAMPLES, input), WIDEST_ACCUMULATOR)?;
        Ok(Self { builder, quantisation, output, sources: vec![], words: vec![] })
    }

    fn emulator(mut self, plan: &Plan) -> Result<Emulator, EmulatorError> {
        if plan.children.is_empty() {
            self.last(&[plan], VectorId::INPUT, 0, "bins")?;
        } else {
            self.stage(plan, VectorId::INPUT, 0, SAMPLES, 1.0, "stage")?;
        }
        // Im X[0] and Im X[256] are 0 for every input.
        let bits = self.quantisation.weight_bits;
        let weights = Weights { format: Format::new(bits, bits as i32 - 1)?, values: vec![0] };
        let geometry = BlockGeometry { window: vec![1], ..BlockGeometry::dense(SAMPLES, 1) };
        let zero = self.builder.block("zero", VectorId::INPUT, geometry, weights, vec![0], self.output)?;
        self.sources.push(zero);
        let mut order = vec![self.words.len(); 2 * BINS];
        for (word, &(bin, part)) in self.words.iter().enumerate() {
            order[2 * bin + part] = word;
        }
        let port = Port::new("spectrum", 2 * BINS, self.output);
        let spec = OutputSpec { sources: self.sources, lower: vec![], order: Some(order), port };
        self.builder.finish(spec, Provenance::default())
    }

    /// A stage that is not the last, and all below it; the numbers begin at `offset` of `input`, `size` real parts and then, if there
    /// are any, as many imaginary ones, none larger than `largest`.
    fn stage(
        &mut self,
        plan: &Plan,
        input: VectorId,
        offset: usize,
        size: usize,
        largest: f64,
        name: &str,
    ) -> Result<(), EmulatorError> {
        let (points, rest) = (plan.points, size / plan.points);
        let (window, in_step) = match plan.transform.numbers {
            Numbers::Real => (vec![points], vec![rest as i64]),
            Numbers::Complex => (vec![2, points], vec![size as i64, rest as i64]),
        };
        let row = window.iter().product::<usize>();
        let outputs = plan.weights.len() / row;
        let geometry = BlockGeometry {
            offset: offset as i64,
            repeat: vec![rest],
            in_stride: vec![1],
            out_stride: vec![1],
            window,
            in_step,
            outputs,
            out_step: rest as i64,
            shared: true,
        };
        // A sum of `points` numbers on the unit circle, with the gain of its weights.
        let gain = plan.children.iter().map(|child| child.gain).fold(0.0, f64::max) / plan.gain;
        let largest = largest * points as f64 * gain;
        let format = Format::covering(self.quantisation.activation_bits, largest)?;
        let weights_format = Format::new(self.quantisation.weight_bits, plan.frac)?;
        let weights = Weights { format: weights_format, values: plan.weights.clone() };
        let vector = self.builder.block(name, input, geometry, weights, vec![0; outputs], format)?;
        let parts = |child: &Plan| if child.transform.numbers == Numbers::Real { 1 } else { 2 };
        if plan.children.iter().all(|child| child.children.is_empty()) {
            let mut first = 0;
            for numbers in [Numbers::Real, Numbers::Complex] {
                let group: Vec<&Plan> =
                    plan.children.iter().filter(|c| c.transform.numbers == numbers).collect();
                if let Some(child) = group.first() {
                    let kind = if numbers == Numbers::Real { "real" } else { "complex" };
                    let words = group.len() * parts(child) * rest;
                    self.last(&group, vector, first, &format!("{name}_{kind}"))?;
                    first += words;
                }
            }
            return Ok(());
        }
        let mut first = 0;
        for (u, child) in plan.children.iter().enumerate() {
            self.stage(child, vector, first, rest, largest, &format!("{name}_{u}"))?;
            first += parts(child) * rest;
        }
        Ok(())
    }

    /// The last stage: neighbouring transforms of one kind, each with weights of its own, from word `offset` on.
    fn last(
        &mut self,
        group: &[&Plan],
        input: VectorId,
        offset: usize,
        name: &str,
    ) -> Result<(), EmulatorError> {
        let plan = group[0];
        let window = match plan.transform.numbers {
            Numbers::Real => plan.points,
            Numbers::Complex => 2 * plan.points,
        };
        let outputs = plan.weights.len() / window;
        let geometry = BlockGeometry {
            offset: offset as i64,
            repeat: vec![group.len()],
            in_stride: vec![window as i64],
            out_stride: vec![outputs as i64],
            window: vec![window],
            in_step: vec![1],
            outputs,
            out_step: 1,
            shared: false,
        };
        let mut values = vec![];
        for plan in group {
            let rows = plan.transform.rows(plan.points);
            for (row, weights) in rows.iter().zip(plan.weights.chunks_exact(window)) {
                let bin = plan.transform.first + plan.transform.step * row.output;
                // Bins above 256 stand for their mirror images, whose imaginary parts have the other sign.
                let mirrored = bin >= BINS;
                self.words.push((if mirrored { SAMPLES - bin } else { bin }, row.part));
                let negate = mirrored && row.part == 1;
                values.extend(weights.iter().map(|&w| if negate { w.saturating_neg() } else { w }));
            }
        }
        let most = (1i32 << (self.quantisation.weight_bits - 1)) - 1;
        values.iter_mut().for_each(|w| *w = (*w).min(most as i16));
        let weights = Weights { format: Format::new(self.quantisation.weight_bits, plan.frac)?, values };
        let bias = vec![0; group.len() * outputs];
        let vector = self.builder.block(name, input, geometry, weights, bias, self.output)?;
        self.sources.push(vector);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Fft, Split, evaluate};

    fn quantisation(weight_bits: u32) -> Quantisation {
        Quantisation { weight_bits, activation_bits: 16 }
    }

    fn error(points: &[usize], weight_bits: u32) -> f64 {
        let emulator = build(points, quantisation(weight_bits)).unwrap();
        evaluate(&Fft, &emulator, &Fft.frames(Split::Validation, 9, 3)).unwrap().nrmse
    }

    /// With 16-bit weights only the words between the stages are rounded.
    #[test]
    fn any_stages_make_the_transform() {
        for points in
            [&[512][..], &[16, 32], &[32, 16], &[2, 256], &[256, 2], &[8, 8, 8], &[2, 4, 64], &[16, 2, 16]]
        {
            let error = error(points, 16);
            assert!(error < 1e-3, "{points:?}: {error}");
        }
    }

    #[test]
    fn narrow_weights_cost_what_their_rounding_says() {
        for points in [&[16, 32][..], &[8, 8, 8]] {
            let (w4, w8) = (error(points, 4), error(points, 8));
            assert!(w8 < 0.01 && w8 < 0.2 * w4 && w4 < 0.2, "{points:?}: {w4} {w8}");
        }
    }

    /// 2·P·R² - 4R² + 2R² for the second stage: 32 of 16 points and 16 of 32 points differ.
    #[test]
    fn multiply_adds_are_those_of_the_symmetric_transforms() {
        let macs = |points: &[usize]| build(points, quantisation(8)).unwrap().macs();
        assert_eq!(macs(&[16, 32]), 512 * 16 + 7 * 64 * 64 + 2 * 32 * 32 + 1);
        assert_eq!(macs(&[32, 16]), 512 * 32 + 15 * 32 * 32 + 2 * 16 * 16 + 1);
        assert_eq!(macs(&[512]), 512 * 512 + 1);
    }
}
