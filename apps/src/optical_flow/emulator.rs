//! Lucas–Kanade as a network that has the structure of the algorithm, without training: differences, products, box sums, and a
//! closed form for the 2×2 system, all of them blocks, element-wise products and tables.
//!
//! With t = 1.02·(Sxx + Syy), c = (Sxx - Syy)/t, s = -2·Sxy/t, p = Sxt/t and q = Syt/t, the regularised system has the solution
//!
//! u = ((1 - c)·p + s·q)·w, v = ((1 + c)·q + s·p)·w, w = -2/((1 - c)·(1 + c) - s²).
//!
//! Every quotient is a product with a table of 1/t. Sums of a window reach from below 0.002 to above 5, more than a word of
//! 16 bits can hold with few per mille of error, so they exist twice: *fine* ones that saturate, and *coarse* ones. The
//! tables share 1/t between them, so that the sum of both products is the quotient wherever the trace lies.
//!
//! There are three levels of quality, which share differences, products and the coarse sums down the columns. Level 0 has one
//! scale of sums between the two, and 1/t in one word, the sum of both shares. Level 1 has both scales, from the coarse columns.
//! Level 2 has fine columns for the fine sums.

use emeuro_golden::{Emulator, EmulatorError};
use emeuro_trainer::Quantisation;

use super::graph::{Graph, Vector, along};
use super::{FLOW, MARGIN, PATCH, REGULARISATION, WINDOW, structure};
use crate::Analytic;

/// Distance from the border of the patch of the area where differences are needed.
const EDGE: usize = MARGIN - WINDOW / 2;
/// Words of that area. Its lines, and those of all sums, lie as far apart as those of a patch: the few words between them
/// mean nothing, but without gaps every layer is a single loop, and neighbouring results can be written together.
const AREA: usize = (FLOW + WINDOW - 1) * PATCH - 2 * EDGE;
/// Words of the sums down the columns of the windows.
const COLUMNS: usize = AREA - (WINDOW - 1) * PATCH;
/// Words of the sums over the windows.
const WINDOWS: usize = COLUMNS - (WINDOW - 1);
/// The trace at which the fine sums hand over to the coarse ones; fine sums reach up to twice as far.
const HANDOVER: f64 = 0.25;
/// The handover is a ramp that begins at this share of it: within it, both are exact.
const RAMP: f64 = 0.8;
/// The largest -w: beyond, at pixels that are ill-conditioned, flows are underestimated.
const MOST: f64 = 16.0;

/// 1/t with t = (1 + 2λ)·trace.
pub(crate) fn reciprocal(trace: f64) -> f64 {
    if trace > 0.0 { 1.0 / ((1.0 + 2.0 * REGULARISATION) * trace) } else { 0.0 }
}

/// The coarse sums' share of 1/t.
pub(crate) fn coarse_share(trace: f64) -> f64 {
    ((trace / HANDOVER - RAMP) / (1.0 - RAMP)).clamp(0.0, 1.0)
}

/// w of the determinant 1 - c² - s².
pub(crate) fn factor(determinant: f64) -> f64 {
    -(2.0 / determinant.max(2.0 / MOST))
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let emulator = Graph::new(quantisation)?.emulator()?.with_narrowest_accumulator();
    Ok(Analytic { emulator, unquantised: structure::plan() })
}

/// Sums over the windows, ready to be divided.
struct Sums {
    reciprocal: Vector,
    /// As [`NUMERATORS`] says.
    numerators: [Vector; 4],
}

/// The sums that are divided by t, and their weights: the mixed one is -2·Sxy.
const NUMERATORS: [(&str, f64); 4] = [("difference", 1.0), ("mixed", -2.0), ("xt", 1.0), ("yt", 1.0)];

/// The quotients, in the same order, and their binary points: the first two are at most 1, flows may be larger.
const QUOTIENTS: [(&str, i32); 4] = [("c", 15), ("s", 15), ("p", NORMALISED), ("q", NORMALISED)];

/// Formats of one scale of the sums, in binary points for words of 16 bits.
#[derive(Clone, Copy)]
struct Scale {
    name: &'static str,
    /// Of sums over the whole window.
    window: i32,
    /// Of the trace, whose words begin at 0 with the most negative number.
    trace: i32,
    /// Of 1/t.
    reciprocal: i32,
    /// This scale's share of 1/t.
    share: fn(f64) -> f64,
}

const FINE: Scale =
    Scale { name: "fine", window: 16, trace: 17, reciprocal: 5, share: |trace| 1.0 - coarse_share(trace) };

const COARSE: Scale = Scale { name: "coarse", window: 12, trace: 13, reciprocal: 12, share: coarse_share };

/// Binary points of sums down the columns of a window.
const FINE_COLUMN: i32 = 16;
const COARSE_COLUMN: i32 = 14;

/// Binary points of level 0: of its only scale of sums, and of 1/t in one word, which holds 1/t at a trace of 0.002.
const ROUGH_WINDOW: i32 = 13;
const ROUGH_RECIPROCAL: i32 = 6;

/// Binary points, for words of 16 bits: of products of differences, of normalised sums, of 1 ± c and the determinant, of w, and
/// of the flow.
const PRODUCT: i32 = 16;
const NORMALISED: i32 = 14;
const GAIN: i32 = 14;
const FACTOR: i32 = 10;
const RESULT: i32 = 13;

/// The recipe.
impl Graph {
    fn emulator(mut self) -> Result<Emulator, EmulatorError> {
        let products = self.products()?;
        let columns = self.columns("coarse", products, COARSE_COLUMN)?;
        let rough = self.rough_quotients(columns)?;
        let rough = self.solve("rough_", rough)?;

        let coarse = self.sums(&COARSE, columns)?;
        let shared = self.sums(&Scale { name: "shared", ..FINE }, columns)?;
        let quotients = self.quotients("shared_", &shared, &coarse)?;
        let better = self.solve("shared_", quotients)?;

        let columns = self.columns("fine", products, FINE_COLUMN)?;
        let fine = self.sums(&FINE, columns)?;
        let quotients = self.quotients("", &fine, &coarse)?;
        let flow = self.solve("", quotients)?;

        let line = |line: usize| {
            let first = line / FLOW * WINDOWS + line % FLOW * PATCH;
            first..first + FLOW
        };
        let order = Some((0..2 * FLOW).flat_map(line).collect());
        let [sources, rough, better] =
            [flow, rough, better].map(|vectors| vectors.map(|vector| vector.id).to_vec());
        let format = self.format(RESULT)?;
        self.finish(sources, vec![rough, better], order, format)
    }

    /// Products of derivatives over the area: xx + yy, xx - yy, xy, xt, yt.
    fn products(&mut self) -> Result<[Vector; 5], EmulatorError> {
        let pixel = |x: usize, y: usize| y * PATCH + x;
        let word = self.input.format.frac();
        let (left, above, here) = (pixel(EDGE - 1, EDGE), pixel(EDGE, EDGE - 1), pixel(EDGE, EDGE));
        let over = |first, distance| along(AREA, first, 2, distance);
        let ix = self.taps("ix", over(left, 2), [-0.5, 0.5], word)?;
        let iy = self.taps("iy", over(above, 2 * PATCH), [-0.5, 0.5], word)?;
        let it = self.taps("it", over(here, PATCH * PATCH), [-1.0, 1.0], word - 1)?;
        let negative_iy = self.taps("negative_iy", over(above, 2 * PATCH), [0.5, -0.5], word)?;
        let xx = self.multiply("xx", ix, ix, PRODUCT)?;
        let yy = self.multiply("yy", iy, iy, PRODUCT)?;
        let negative_yy = self.multiply("negative_yy", iy, negative_iy, PRODUCT)?;
        Ok([
            self.add("trace", xx, yy, PRODUCT - 1)?,
            self.add("difference", xx, negative_yy, PRODUCT)?,
            self.multiply("xy", ix, iy, PRODUCT)?,
            self.multiply("xt", ix, it, PRODUCT)?,
            self.multiply("yt", iy, it, PRODUCT)?,
        ])
    }

    /// Sums of `products` down the columns of all windows.
    fn columns(
        &mut self,
        name: &str,
        products: [Vector; 5],
        frac: i32,
    ) -> Result<[Vector; 5], EmulatorError> {
        let format = self.format(frac)?;
        let mut sums = products;
        for (product, sum) in ["trace", "difference", "mixed", "xt", "yt"].iter().zip(&mut sums) {
            let name = format!("{name}_{product}_columns");
            *sum = self.block(&name, *sum, along(COLUMNS, 0, WINDOW, PATCH), &[1.0; WINDOW], 0.0, format)?;
        }
        Ok(sums)
    }

    /// A scale's share of 1/t from the column sums of the trace.
    fn reciprocal(&mut self, scale: &Scale, columns: Vector) -> Result<Vector, EmulatorError> {
        // Weights of 4 bits make no finer sums than this.
        let Quantisation { weight_bits, activation_bits } = self.quantisation();
        let finest = columns.format.frac() + weight_bits as i32 - 2 + 16 - activation_bits as i32;
        let frac = scale.trace.min(finest);
        let format = self.format(frac)?;
        // The trace is never negative: the whole range is for what lies above 0.
        let zero = format.value(format.min() as i16);
        let trace = self.windows(&format!("{}_trace", scale.name), columns, 1.0, zero, frac)?;
        let share = |word: f64| reciprocal(word - zero) * (scale.share)(word - zero);
        self.table(&format!("{}_reciprocal", scale.name), trace, share, scale.reciprocal)
    }

    /// Sums over all windows from those of their columns.
    fn sums(&mut self, scale: &Scale, columns: [Vector; 5]) -> Result<Sums, EmulatorError> {
        let [trace, numerators @ ..] = columns;
        let reciprocal = self.reciprocal(scale, trace)?;
        Ok(Sums { reciprocal, numerators: self.numerators(scale.name, scale.window, numerators)? })
    }

    /// The sums that are divided by t, from those of their columns.
    fn numerators(
        &mut self,
        prefix: &str,
        frac: i32,
        columns: [Vector; 4],
    ) -> Result<[Vector; 4], EmulatorError> {
        let mut sums = columns;
        for ((name, weight), sum) in NUMERATORS.into_iter().zip(&mut sums) {
            *sum = self.windows(&format!("{prefix}_{name}"), *sum, weight, 0.0, frac)?;
        }
        Ok(sums)
    }

    /// Sums over whole windows from those of their columns, times `weight`, plus `bias`.
    fn windows(
        &mut self,
        name: &str,
        input: Vector,
        weight: f64,
        bias: f64,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        self.block(name, input, along(WINDOWS, 0, WINDOW, 1), &[weight; WINDOW], bias, format)
    }

    /// The quotients of one scale of sums and one word of 1/t, which is the sum of both shares.
    fn rough_quotients(&mut self, columns: [Vector; 5]) -> Result<[Vector; 4], EmulatorError> {
        let [trace, numerators @ ..] = columns;
        let scale = |name, scale| Scale { name, reciprocal: ROUGH_RECIPROCAL, ..scale };
        let small = self.reciprocal(&scale("rough_fine", FINE), trace)?;
        let large = self.reciprocal(&scale("rough_coarse", COARSE), trace)?;
        let reciprocal = self.add("rough_reciprocal", small, large, ROUGH_RECIPROCAL)?;
        let mut quotients = self.numerators("rough", ROUGH_WINDOW, numerators)?;
        for ((name, frac), quotient) in QUOTIENTS.into_iter().zip(&mut quotients) {
            *quotient = self.multiply(&format!("rough_{name}"), *quotient, reciprocal, frac)?;
        }
        Ok(quotients)
    }

    /// The quotients of sums and t, from both scales.
    fn quotients(&mut self, prefix: &str, fine: &Sums, coarse: &Sums) -> Result<[Vector; 4], EmulatorError> {
        let mut quotients = fine.numerators;
        for (((name, frac), large), quotient) in
            QUOTIENTS.into_iter().zip(coarse.numerators).zip(&mut quotients)
        {
            let small = self.multiply(&format!("{prefix}fine_{name}"), *quotient, fine.reciprocal, frac)?;
            let large = self.multiply(&format!("{prefix}coarse_{name}"), large, coarse.reciprocal, frac)?;
            *quotient = self.add(&format!("{prefix}{name}"), small, large, frac)?;
        }
        Ok(quotients)
    }

    /// u and v from c, s, p and q.
    fn solve(&mut self, prefix: &str, quotients: [Vector; 4]) -> Result<[Vector; 2], EmulatorError> {
        let [c, s, p, q] = quotients;
        let name = |what: &str| format!("{prefix}{what}");
        // 1 - c and 1 + c are tables, since they join the layers that make their operands or are as cheap as a product.
        let less = self.table(&name("less"), c, |c| (1.0 - c).clamp(0.0, 2.0), GAIN)?;
        let more = self.table(&name("more"), less, |less| (2.0 - less).clamp(0.0, 2.0), GAIN)?;
        let square = self.table(&name("square"), s, |s| -s * s, GAIN)?;
        let product = self.multiply(&name("product"), less, more, GAIN)?;
        let determinant = self.add(&name("determinant"), product, square, GAIN)?;
        let w = self.table(&name("factor"), determinant, factor, FACTOR)?;
        let mut flow = |what: &str, gain: Vector, own: Vector, other: Vector| {
            let first = self.multiply(&name(&format!("{what}_own")), gain, own, NORMALISED)?;
            let second = self.multiply(&name(&format!("{what}_other")), s, other, NORMALISED)?;
            let sum = self.add(&name(&format!("{what}_sum")), first, second, NORMALISED)?;
            self.multiply(&name(what), sum, w, RESULT)
        };
        Ok([flow("u", less, p, q)?, flow("v", more, q, p)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, OpticalFlow, Split, evaluate};

    #[test]
    fn every_width_gives_an_emulator_and_more_bits_a_better_one() {
        let frames = OpticalFlow.frames(Split::Test, 64, 2);
        let error = |weight_bits, activation_bits| {
            let built = build(Quantisation { weight_bits, activation_bits }).unwrap();
            evaluate(&OpticalFlow, &built.emulator, &frames).unwrap().nrmse
        };
        let [w4, w8, w16] = [4, 8, 16].map(|weights| error(weights, 16));
        // All weights are halves up to 2.
        assert!(w4 < 0.01 && w8 == w4 && w16 == w4, "{w4} {w8} {w16}");
        assert!(error(8, 8) > w8);
    }

    #[test]
    fn every_level_is_better_and_costs_more() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        let frames = OpticalFlow.frames(Split::Test, 640, 3);
        let errors =
            [0, 1, 2].map(|level| evaluate(&OpticalFlow, &emulator.at_level(level), &frames).unwrap().nrmse);
        assert!(errors.is_sorted_by(|worse, better| better < worse), "{errors:?}");
        assert!(errors[0] < 0.03 && errors[1] < 0.02 && errors[2] < 0.01, "{errors:?}");
        assert!([0, 1, 2].map(|level| emulator.macs_at(level)).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn both_scales_share_the_reciprocal() {
        for k in 1..4000 {
            let trace = f64::from(k) / 1000.0;
            let shares: f64 = [FINE, COARSE].iter().map(|scale| (scale.share)(trace)).sum();
            assert!((shares - 1.0).abs() < 1e-12, "{trace}: {shares}");
        }
        assert_eq!((FINE.share)(HANDOVER), 0.0);
        assert_eq!((COARSE.share)(HANDOVER * RAMP), 0.0);
    }

    #[test]
    fn patches_without_contrast_have_no_flow() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        for level in [-1.0, 0.0, 0.25] {
            let flow = emulator.run_values(&[level; 2 * PATCH * PATCH]).unwrap();
            assert!(flow.iter().all(|&value| value == 0.0), "{level}: {flow:?}");
        }
    }
}
