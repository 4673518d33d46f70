//! The operations of a network in floating point, one a file under the name that it has in the golden model: values, derivatives
//! and slopes.

mod activate;
mod add;
mod block;
mod dense;
mod maximum;
mod multiply;

use emeuro_golden::{Op, VectorId};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use crate::network::Floats;

/// What an operation is in floating point, over the frames of a batch.
pub(crate) trait OnFloats {
    /// Computes its vector.
    fn forward(&self, at: &Forward, y: ArrayViewMut2<f32>);

    /// Adds what the loss says about its vector to what it says about its operands, and says what it says about its parameters.
    fn backward(&self, at: &mut Backward);

    /// Computes the slope of its vector along a direction, from those of its operands.
    fn tangent(&self, at: &Tangent, slope: ArrayViewMut2<f32>);

    /// As [`backward`](Self::backward), which comes before it, for what the loss says about its slope.
    fn tangent_backward(&self, at: &mut TangentBackward);
}

/// What a vector is computed from.
pub(crate) struct Forward<'a> {
    pub(crate) parameters: &'a [f32],
    pub(crate) rows: usize,
    /// The vectors before it.
    pub(crate) before: &'a [Array2<f32>],
}

/// What derivatives are computed from.
pub(crate) struct Backward<'a> {
    pub(crate) parameters: &'a [f32],
    pub(crate) rows: usize,
    /// All vectors.
    pub(crate) values: &'a [Array2<f32>],
    /// Which of them it is.
    pub(crate) index: usize,
    /// Derivatives by it.
    pub(crate) dy: ArrayView2<'a, f32>,
    /// Derivatives by those before it.
    pub(crate) before: &'a mut [Array2<f32>],
    /// Those before this one are inputs: nobody asks for derivatives by the data, and they would be the dearest ones.
    pub(crate) inputs: usize,
    pub(crate) gradient: &'a mut [f32],
}

/// What slopes are computed from.
pub(crate) struct Tangent<'a> {
    pub(crate) parameters: &'a [f32],
    pub(crate) rows: usize,
    /// All vectors.
    pub(crate) values: &'a [Array2<f32>],
    /// Which of them it is.
    pub(crate) index: usize,
    /// Slopes of those before it.
    pub(crate) before: &'a [Array2<f32>],
}

/// What derivatives of a loss of slopes are computed from.
pub(crate) struct TangentBackward<'a> {
    pub(crate) back: Backward<'a>,
    /// Slopes of all vectors.
    pub(crate) slopes: &'a [Array2<f32>],
    /// Derivatives by its slope.
    pub(crate) ds: ArrayView2<'a, f32>,
    /// Derivatives by the slopes of those before it.
    pub(crate) before: &'a mut [Array2<f32>],
}

impl<'a> Forward<'a> {
    pub(crate) fn value(&self, v: VectorId) -> ArrayView2<'a, f32> {
        self.before[v.index()].slice(s![..self.rows, ..])
    }
}

impl<'a> Backward<'a> {
    /// A vector's values.
    pub(crate) fn value(&self, i: usize) -> ArrayView2<'a, f32> {
        self.values[i].slice(s![..self.rows, ..])
    }

    /// Where derivatives by an operand go; none if nobody asks for them.
    pub(crate) fn delta(&mut self, v: VectorId) -> Option<ArrayViewMut2<'_, f32>> {
        (v.index() >= self.inputs).then(|| self.before[v.index()].slice_mut(s![..self.rows, ..]))
    }
}

impl<'a> Tangent<'a> {
    pub(crate) fn value(&self, i: usize) -> ArrayView2<'a, f32> {
        self.values[i].slice(s![..self.rows, ..])
    }

    pub(crate) fn slope(&self, v: VectorId) -> ArrayView2<'a, f32> {
        self.before[v.index()].slice(s![..self.rows, ..])
    }
}

impl<'a> TangentBackward<'a> {
    /// Slopes of a vector.
    pub(crate) fn slope(&self, v: VectorId) -> ArrayView2<'a, f32> {
        self.slopes[v.index()].slice(s![..self.back.rows, ..])
    }

    /// Where derivatives by the slope of an operand go; none if nobody asks for them.
    pub(crate) fn delta(&mut self, v: VectorId) -> Option<ArrayViewMut2<'_, f32>> {
        (v.index() >= self.back.inputs).then(|| self.before[v.index()].slice_mut(s![..self.back.rows, ..]))
    }
}

/// What an operation is in floating point.
pub(crate) fn on_floats(op: &Op<Floats>) -> &dyn OnFloats {
    match op {
        Op::Dense(dense) => dense,
        Op::Block(block) => block,
        Op::Add(add) => add,
        Op::Multiply(multiply) => multiply,
        Op::Maximum(maximum) => maximum,
        Op::Activate(activate) => activate,
    }
}
