//! Dense: Y = X·Wᵀ + b.

use emeuro_golden::Dense;
use ndarray::{ArrayViewMut2, Axis, linalg::general_mat_mul};

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::{Floats, bias, bias_mut, weights, weights_mut};

impl OnFloats for Dense<Floats> {
    fn forward(&self, at: &Forward, mut y: ArrayViewMut2<f32>) {
        let weights = weights(&self.affine, at.parameters);
        general_mat_mul(1.0, &at.value(self.input), &weights.t(), 0.0, &mut y);
        let bias = bias(&self.affine, at.parameters);
        y.rows_mut().into_iter().for_each(|mut row| row += &bias);
    }

    fn backward(&self, at: &mut Backward) {
        let (x, dy) = (at.value(self.input.index()), at.dy);
        general_mat_mul(1.0, &dy.t(), &x, 0.0, &mut weights_mut(&self.affine, at.gradient));
        bias_mut(&self.affine, at.gradient).assign(&dy.sum_axis(Axis(0)));
        let weights = weights(&self.affine, at.parameters);
        if let Some(mut dx) = at.delta(self.input) {
            general_mat_mul(1.0, &dy, &weights, 1.0, &mut dx);
        }
    }

    fn tangent(&self, at: &Tangent, mut slope: ArrayViewMut2<f32>) {
        let weights = weights(&self.affine, at.parameters);
        general_mat_mul(1.0, &at.slope(self.input), &weights.t(), 0.0, &mut slope);
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let (slope, ds) = (at.slope(self.input), at.ds);
        general_mat_mul(1.0, &ds.t(), &slope, 1.0, &mut weights_mut(&self.affine, at.back.gradient));
        let weights = weights(&self.affine, at.back.parameters);
        if let Some(mut dx) = at.delta(self.input) {
            general_mat_mul(1.0, &ds, &weights, 1.0, &mut dx);
        }
    }
}
