//! Lucas–Kanade as a network that has the structure of the algorithm, without training: differences, products, box sums, and a
//! closed form for the 2×2 system, all of them blocks, element-wise products and tables.
//!
//! With t = 1.02·(Sxx + Syy), c = (Sxx - Syy)/t, s = -2·Sxy/t, p = Sxt/t and q = Syt/t, the regularised system has the solution
//!
//! u = (p - c·p + s·q)·w, v = (q + c·q + s·p)·w, w = -2/(1 - c² - s²).
//!
//! Every quotient is a product with a table of 1/t. Sums of a window reach from below 0.002 to above 5, more than a word of
//! 16 bits can hold with few per mille of error, so they exist twice: *fine* ones that saturate, and *coarse* ones. The
//! tables share 1/t between them, so that the sum of both products is the quotient wherever the trace lies.

use emeuro_golden::{
    Activation, BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port,
    Provenance, Segment, VectorId, Weights,
};
use emeuro_trainer::Quantisation;

use super::{FLOW, MARGIN, PATCH, REGULARISATION, WINDOW, structure};
use crate::Analytic;
use crate::analytic::with_narrowest_accumulator;

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
pub(super) const MOST: f64 = 16.0;

/// 1/t with t = (1 + 2λ)·trace.
pub(super) fn reciprocal(trace: f64) -> f64 {
    if trace > 0.0 { 1.0 / ((1.0 + 2.0 * REGULARISATION) * trace) } else { 0.0 }
}

/// The coarse sums' share of 1/t.
fn coarse_share(trace: f64) -> f64 {
    ((trace / HANDOVER - RAMP) / (1.0 - RAMP)).clamp(0.0, 1.0)
}

/// w of c² + s².
pub(super) fn factor(squares: f64) -> f64 {
    -(2.0 / (1.0 - squares).max(2.0 / MOST))
}

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let emulator = with_narrowest_accumulator(|bits| Assembly::new(quantisation, bits)?.emulator())?;
    Ok(Analytic { emulator, unquantised: structure::plan() })
}

/// The graph as it grows.
struct Assembly {
    builder: EmulatorBuilder,
    quantisation: Quantisation,
    input: Vector,
}

#[derive(Clone, Copy)]
struct Vector {
    id: VectorId,
    format: Format,
}

/// Vectors of sums over the windows: D is Sxx - Syy, S is -2·Sxy.
struct Sums {
    reciprocal: Vector,
    difference: Vector,
    mixed: Vector,
    xt: Vector,
    yt: Vector,
}

/// Formats of one scale of the sums, in binary points for words of 16 bits.
struct Scale {
    name: &'static str,
    /// Of sums down the columns of a window.
    column: i32,
    /// Of sums over the whole window.
    window: i32,
    /// Of the trace, whose words begin at 0 with the most negative number.
    trace: i32,
    /// Of 1/t.
    reciprocal: i32,
    /// This scale's share of 1/t.
    share: fn(f64) -> f64,
}

const FINE: Scale = Scale {
    name: "fine",
    column: 16,
    window: 16,
    trace: 17,
    reciprocal: 5,
    share: |trace| 1.0 - coarse_share(trace),
};

const COARSE: Scale =
    Scale { name: "coarse", column: 14, window: 12, trace: 13, reciprocal: 12, share: coarse_share };

/// Binary points, for words of 16 bits: of products of differences, and of the normalised sums.
const PRODUCT: i32 = 16;
const NORMALISED: i32 = 13;

/// `count` neighbouring results from windows of `window` words that are `step` apart, the first at `offset`.
fn along(count: usize, offset: usize, window: usize, step: usize) -> BlockGeometry {
    BlockGeometry {
        offset: offset as i64,
        repeat: vec![count],
        in_stride: vec![1],
        out_stride: vec![1],
        window: vec![window],
        in_step: vec![step as i64],
        outputs: 1,
        out_step: 1,
        shared: true,
    }
}

impl Assembly {
    fn new(quantisation: Quantisation, accumulator: u32) -> Result<Self, EmulatorError> {
        let input = Format::covering(quantisation.activation_bits, 1.0)?;
        let segment = |name: &str| Segment {
            name: name.into(),
            unit: "1".into(),
            size: PATCH * PATCH,
            frac: input.frac(),
        };
        let port = Port { bits: input.bits(), segments: vec![segment("first"), segment("second")] };
        let builder = EmulatorBuilder::new("optical_flow", port, accumulator)?;
        Ok(Self { builder, quantisation, input: Vector { id: VectorId::INPUT, format: input } })
    }

    fn emulator(mut self) -> Result<Emulator, EmulatorError> {
        let [xx, yy, negative_yy, xy, xt, yt] = self.products()?;
        let trace = self.add("trace", xx, yy, PRODUCT - 1)?;
        let difference = self.add("difference", xx, negative_yy, PRODUCT)?;
        let products = [trace, difference, xy, xt, yt];
        let fine = self.sums(&FINE, products)?;
        let coarse = self.sums(&COARSE, products)?;
        let [c, s, p, q] = [
            ("c", fine.difference, coarse.difference),
            ("s", fine.mixed, coarse.mixed),
            ("p", fine.xt, coarse.xt),
            ("q", fine.yt, coarse.yt),
        ]
        .map(|(name, small, large)| (name, [(small, fine.reciprocal), (large, coarse.reciprocal)]));
        let [c, s, p, q] = [self.quotient(c)?, self.quotient(s)?, self.quotient(p)?, self.quotient(q)?];
        let [u, v] = self.solve(c, s, p, q)?;
        let format = self.format(NORMALISED)?;
        let segment =
            Segment { name: "flow".into(), unit: "px".into(), size: 2 * FLOW * FLOW, frac: format.frac() };
        let port = Port { bits: format.bits(), segments: vec![segment] };
        let line = |line: usize| {
            let first = line / FLOW * WINDOWS + line % FLOW * PATCH;
            first..first + FLOW
        };
        let order = Some((0..2 * FLOW).flat_map(line).collect());
        self.builder.finish(
            OutputSpec { sources: vec![u.id, v.id], lower: vec![], order, port },
            Provenance::default(),
        )
    }

    /// Products of derivatives over the area: xx, yy, -yy, xy, xt, yt.
    fn products(&mut self) -> Result<[Vector; 6], EmulatorError> {
        let pixel = |x: usize, y: usize| y * PATCH + x;
        let word = self.input.format.frac();
        let (left, above, here) = (pixel(EDGE - 1, EDGE), pixel(EDGE, EDGE - 1), pixel(EDGE, EDGE));
        let ix = self.taps("ix", left, 2, [-0.5, 0.5], word)?;
        let iy = self.taps("iy", above, 2 * PATCH, [-0.5, 0.5], word)?;
        let negative_iy = self.taps("negative_iy", above, 2 * PATCH, [0.5, -0.5], word)?;
        let it = self.taps("it", here, PATCH * PATCH, [-1.0, 1.0], word - 1)?;
        Ok([
            self.multiply("xx", ix, ix, PRODUCT)?,
            self.multiply("yy", iy, iy, PRODUCT)?,
            self.multiply("negative_yy", iy, negative_iy, PRODUCT)?,
            self.multiply("xy", ix, iy, PRODUCT)?,
            self.multiply("xt", ix, it, PRODUCT)?,
            self.multiply("yt", iy, it, PRODUCT)?,
        ])
    }

    /// A weighted sum of two pixels that are `distance` apart, for every pixel of the area, from `offset` on.
    fn taps(
        &mut self,
        name: &str,
        offset: usize,
        distance: usize,
        weights: [f64; 2],
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let geometry = along(AREA, offset, 2, distance);
        let format = Format::new(self.quantisation.activation_bits, frac)?;
        self.block(name, self.input, geometry, &weights, 0.0, format)
    }

    /// Sums of `products` (trace, difference, xy, xt, yt) over all windows.
    fn sums(&mut self, scale: &Scale, products: [Vector; 5]) -> Result<Sums, EmulatorError> {
        let names = ["trace", "difference", "mixed", "xt", "yt"];
        let mut sums = products;
        for (name, sum) in names.iter().zip(&mut sums) {
            *sum = self.columns(&format!("{}_{name}_columns", scale.name), *sum, scale.column)?;
        }
        let [trace, difference, xy, xt, yt] = sums;
        let name = |what: &str| format!("{}_{what}", scale.name);
        let trace_format = self.format(scale.trace)?;
        // The trace is never negative: the whole range is for what lies above 0.
        let zero = trace_format.value(trace_format.min() as i16);
        let trace = self.windows(&name("trace"), trace, 1.0, zero, scale.trace)?;
        let share = |word: f64| reciprocal(word - zero) * (scale.share)(word - zero);
        Ok(Sums {
            reciprocal: self.table(&name("reciprocal"), trace, share, scale.reciprocal)?,
            difference: self.windows(&name("difference"), difference, 1.0, 0.0, scale.window)?,
            mixed: self.windows(&name("mixed"), xy, -2.0, 0.0, scale.window)?,
            xt: self.windows(&name("xt"), xt, 1.0, 0.0, scale.window)?,
            yt: self.windows(&name("yt"), yt, 1.0, 0.0, scale.window)?,
        })
    }

    /// Sums down the columns of all windows.
    fn columns(&mut self, name: &str, input: Vector, frac: i32) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        self.block(name, input, along(COLUMNS, 0, WINDOW, PATCH), &[1.0; WINDOW], 0.0, format)
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

    /// The quotient of a sum and t, from both scales.
    fn quotient(&mut self, (name, sums): (&str, [(Vector, Vector); 2])) -> Result<Vector, EmulatorError> {
        let [fine, coarse] = sums;
        let fine = self.multiply(&format!("fine_{name}"), fine.0, fine.1, NORMALISED)?;
        let coarse = self.multiply(&format!("coarse_{name}"), coarse.0, coarse.1, NORMALISED)?;
        self.add(name, fine, coarse, NORMALISED)
    }

    /// u and v.
    fn solve(&mut self, c: Vector, s: Vector, p: Vector, q: Vector) -> Result<[Vector; 2], EmulatorError> {
        // Squares are at most 1, their sum is little more.
        let cc = self.multiply("cc", c, c, 15)?;
        let ss = self.multiply("ss", s, s, 15)?;
        let squares = self.add("squares", cc, ss, 14)?;
        let w = self.table("factor", squares, factor, 10)?;
        let format = self.format(NORMALISED)?;
        let negative_c = self.block("negative_c", c, along(WINDOWS, 0, 1, 1), &[-1.0], 0.0, format)?;
        let mut flow = |name: &str, along: Vector, across: Vector, c: Vector| {
            let first = self.multiply(&format!("{name}_c"), c, along, NORMALISED)?;
            let second = self.multiply(&format!("{name}_s"), s, across, NORMALISED)?;
            let sum = self.add(&format!("{name}_own"), along, first, NORMALISED)?;
            let sum = self.add(&format!("{name}_sum"), sum, second, NORMALISED)?;
            self.multiply(name, sum, w, NORMALISED)
        };
        Ok([flow("u", p, q, negative_c)?, flow("v", q, p, c)?])
    }

    /// The format with binary point `frac` for words of 16 bits, and the same range for others.
    fn format(&self, frac: i32) -> Result<Format, EmulatorError> {
        let bits = self.quantisation.activation_bits;
        Format::new(bits, frac - 16 + bits as i32)
    }

    /// Weights up to ±2.
    fn weights(&self, values: &[f64]) -> Result<Weights, EmulatorError> {
        let bits = self.quantisation.weight_bits;
        let format = Format::new(bits, bits as i32 - 2)?;
        Ok(Weights { format, values: values.iter().map(|&value| format.quantise(value)).collect() })
    }

    fn block(
        &mut self,
        name: &str,
        input: Vector,
        geometry: BlockGeometry,
        weights: &[f64],
        bias: f64,
        format: Format,
    ) -> Result<Vector, EmulatorError> {
        let weights = self.weights(weights)?;
        let frac = weights.format.frac() + input.format.frac();
        let bias = (bias * f64::from(frac).exp2()).round() as i64;
        let id = self.builder.block(name, input.id, geometry, weights, vec![bias], format)?;
        Ok(Vector { id, format })
    }

    fn multiply(&mut self, name: &str, a: Vector, b: Vector, frac: i32) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        let id = self.builder.multiply(name, a.id, b.id, format)?;
        Ok(Vector { id, format })
    }

    fn add(&mut self, name: &str, a: Vector, b: Vector, frac: i32) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        let id = self.builder.add(name, a.id, b.id, format)?;
        Ok(Vector { id, format })
    }

    fn table(
        &mut self,
        name: &str,
        input: Vector,
        f: impl Fn(f64) -> f64,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        let table = Activation::table(name, f, input.format, format)?;
        let id = self.builder.activate(name, input.id, table, format)?;
        Ok(Vector { id, format })
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
