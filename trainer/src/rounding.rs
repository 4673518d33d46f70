//! Fixed-point rounding inside float passes: what a word of the hardware can hold, as a float.

use emeuro_golden::{Activation, Format};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

/// What happens to the vector of one node.
#[derive(Clone, Debug)]
pub(crate) enum Rounding {
    /// Nothing: it is rounded already.
    Exact,
    /// Rounding to a format.
    Grid(Grid),
    /// The activation is a table over all words of its operand.
    Table(Lookup),
}

/// The values of a [`Format`]: round half up, saturate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    step: f32,
    inverse: f32,
    min: f32,
    max: f32,
}

impl Grid {
    pub(crate) fn new(format: Format) -> Self {
        let step = 2f32.powi(-format.frac());
        Self { step, inverse: 1.0 / step, min: format.min() as f32, max: format.max() as f32 }
    }

    /// The nearest value.
    #[inline(always)]
    pub(crate) fn round(&self, v: f32) -> f32 {
        // Truncation is floor for the non-negative offset from the least word, and unlike floor it vectorises.
        let offset = (v * self.inverse).clamp(self.min, self.max) - self.min + 0.5;
        (offset as i32 as f32 + self.min) * self.step
    }

    /// `v` within the range of values.
    #[inline(always)]
    pub(crate) fn clamp(&self, v: f32) -> f32 {
        v.clamp(self.min * self.step, self.max * self.step)
    }
}

/// The nearest multiple of 1/`unit`, as biases are rounded to the scale of their accumulator.
pub(crate) fn round_bias(bias: f32, unit: f32) -> f32 {
    (bias * unit + 0.5).floor() / unit
}

/// The result of a table activation for every word of its operand.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    inverse: f32,
    min: f32,
    values: Vec<f32>,
}

impl Lookup {
    pub(crate) fn new(activation: &Activation, input: Format, output: Format) -> Self {
        let values = (input.min()..=input.max())
            .map(|raw| output.value(activation.apply(raw as i16, input)) as f32)
            .collect();
        Self { inverse: 2f32.powi(input.frac()), min: input.min() as f32, values }
    }

    /// y = f(x) for operands that are words already.
    pub(crate) fn apply(&self, x: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
        let last = self.values.len() - 1;
        Zip::from(y)
            .and(x)
            .for_each(|y, &x| *y = self.values[((x * self.inverse - self.min) as usize).min(last)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_rounds_like_the_golden_model() {
        for (bits, frac) in [(8, 5), (16, 12), (4, -1)] {
            let format = Format::new(bits, frac).unwrap();
            let grid = Grid::new(format);
            for k in -4000..4000 {
                let v = k as f32 / 64.0 * 2f32.powi(7 - frac);
                let golden = format.value(format.quantise(f64::from(v))) as f32;
                assert_eq!(grid.round(v), golden, "{v} in {format:?}");
            }
        }
    }

    #[test]
    fn lookup_is_the_table() {
        let (input, output) = (Format::new(16, 12).unwrap(), Format::new(16, 15).unwrap());
        let activation = Activation::table("tanh", f64::tanh, input, output).unwrap();
        let lookup = Lookup::new(&activation, input, output);
        let x = ndarray::Array2::from_shape_fn((1, 65536), |(_, i)| (i as f32 - 32768.0) / 4096.0);
        let mut y = ndarray::Array2::zeros((1, 65536));
        lookup.apply(x.view(), y.view_mut());
        for (i, &y) in y.iter().enumerate() {
            let golden = output.value(activation.apply((i as i32 - 32768) as i16, input));
            assert_eq!(f64::from(y), golden);
        }
    }
}
