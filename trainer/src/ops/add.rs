//! Add: y = a + b.

use emeuro_golden::Add;
use ndarray::ArrayViewMut2;

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::Floats;

impl OnFloats for Add<Floats> {
    fn forward(&self, at: &Forward, mut y: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs;
        y.assign(&at.value(a));
        y += &at.value(b);
    }

    fn backward(&self, at: &mut Backward) {
        let dy = at.dy;
        for v in self.inputs {
            if let Some(mut dx) = at.delta(v) {
                dx += &dy;
            }
        }
    }

    fn tangent(&self, at: &Tangent, mut slope: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs;
        slope.assign(&at.slope(a));
        slope += &at.slope(b);
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let ds = at.ds;
        for v in self.inputs {
            if let Some(mut dx) = at.delta(v) {
                dx += &ds;
            }
        }
    }
}
