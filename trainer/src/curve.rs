//! What an activation of a network computes: a function that has a name, or the table of an emulator.

use std::sync::Arc;

use emeuro_golden::{Activation, Format};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use crate::Function;

/// A function of one element with its derivatives.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// One of the functions that networks are built with.
    Named(Function),
    /// A piecewise-linear table, by whatever function it was made.
    Interpolated(Arc<Interpolated>),
}

/// A function that is linear between equidistant knots, and constant outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolated {
    name: String,
    /// Position of the first knot.
    first: f32,
    /// Knots per unit.
    density: f32,
    knots: Vec<f32>,
}

impl From<Function> for Curve {
    fn from(function: Function) -> Self {
        Self::Named(function)
    }
}

impl Curve {
    /// The function of an emulator's activation, between words of `input` and words of `output`.
    pub(crate) fn of(activation: &Activation, input: Format, output: Format) -> Self {
        let Activation::Table { function, knots } = activation else { return Self::Named(Function::Relu) };
        let known =
            [Function::Tanh, Function::Sigmoid, Function::Silu].into_iter().find(|f| f.name() == function);
        known.map_or_else(
            || {
                let step = (input.max() - input.min() + 1) as f32 / (knots.len() - 1) as f32;
                Self::Interpolated(Arc::new(Interpolated {
                    name: function.clone(),
                    first: input.value(input.min() as i16) as f32,
                    density: 2f32.powi(input.frac()) / step,
                    knots: knots.iter().map(|&knot| output.value(knot) as f32).collect(),
                }))
            },
            Self::Named,
        )
    }

    /// The function, if it has a name.
    pub(crate) fn named(&self) -> Option<Function> {
        match self {
            Self::Named(function) => Some(*function),
            Self::Interpolated(_) => None,
        }
    }

    /// The name that the emulator file uses.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(function) => function.name(),
            Self::Interpolated(table) => &table.name,
        }
    }

    /// The function itself, in full precision: what tables are made from.
    pub(crate) fn value(&self, x: f64) -> f64 {
        match self {
            Self::Named(function) => function.value(x),
            Self::Interpolated(table) => f64::from(table.value(x as f32)),
        }
    }

    /// y = f(x), element by element.
    pub(crate) fn apply(&self, x: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
        match self {
            Self::Named(function) => function.apply(x, y),
            Self::Interpolated(table) => Zip::from(y).and(x).for_each(|y, &x| *y = table.value(x)),
        }
    }

    /// dx += dy · f'(x), element by element, from whichever of x and y = f(x) is cheaper.
    pub(crate) fn pull_back(
        &self,
        x: ArrayView2<f32>,
        y: ArrayView2<f32>,
        dy: ArrayView2<f32>,
        dx: ArrayViewMut2<f32>,
    ) {
        match self {
            Self::Named(function) => function.pull_back(x, y, dy, dx),
            Self::Interpolated(table) => {
                Zip::from(dx).and(dy).and(x).for_each(|dx, &dy, &x| *dx += dy * table.derivative(x));
            }
        }
    }

    /// dx += ds · f''(x) · slope, element by element: what the loss of a slope f'(x) · `slope` says about x.
    pub(crate) fn pull_back_slope(
        &self,
        x: ArrayView2<f32>,
        slope: ArrayView2<f32>,
        ds: ArrayView2<f32>,
        dx: ArrayViewMut2<f32>,
    ) {
        // Where a table has a second derivative, it is zero.
        if let Self::Named(function) = self {
            function.pull_back_slope(x, slope, ds, dx);
        }
    }
}

impl Interpolated {
    /// The segment of `x`, and where in it, 0 to 1.
    fn place(&self, x: f32) -> (usize, f32) {
        let position = ((x - self.first) * self.density).clamp(0.0, (self.knots.len() - 1) as f32);
        let segment = (position as usize).min(self.knots.len() - 2);
        (segment, position - segment as f32)
    }

    fn value(&self, x: f32) -> f32 {
        let (segment, share) = self.place(x);
        let (from, to) = (self.knots[segment], self.knots[segment + 1]);
        from + (to - from) * share
    }

    fn derivative(&self, x: f32) -> f32 {
        let position = (x - self.first) * self.density;
        if position < 0.0 || position > (self.knots.len() - 1) as f32 {
            return 0.0;
        }
        let (segment, _) = self.place(x);
        (self.knots[segment + 1] - self.knots[segment]) * self.density
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_table_of_any_function_is_followed_with_its_slope() {
        let (input, output) = (Format::new(16, 12).unwrap(), Format::new(16, 9).unwrap());
        let table = Activation::table("square", |x| x * x, input, output).unwrap();
        let curve = Curve::of(&table, input, output);
        assert_eq!((curve.name(), curve.named()), ("square", None));
        let x = Array2::from_shape_fn((1, 1500), |(_, i)| (i as f32 - 750.0) / 100.0);
        let (mut y, mut dx) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        curve.apply(x.view(), y.view_mut());
        curve.pull_back(x.view(), y.view(), Array2::ones(x.raw_dim()).view(), dx.view_mut());
        for ((&x, &y), &dx) in x.iter().zip(&y).zip(&dx) {
            let golden = output.value(table.apply(input.quantise(f64::from(x)), input)) as f32;
            // Half a word of x by the slope, and a word of y.
            assert!((y - golden).abs() < 3e-3, "{x}: {y} {golden}");
            assert!((dx - 2.0 * x).abs() < 0.13, "{x}: {dx}");
        }
        assert_eq!(Curve::of(&Activation::Relu, input, input), Function::Relu.into());
        let silu = Activation::table("silu", |x| Function::Silu.value(x), input, output).unwrap();
        assert_eq!(Curve::of(&silu, input, output), Function::Silu.into());
    }
}
