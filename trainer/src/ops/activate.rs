//! Activate: y = f(x), element by element.

use emeuro_golden::Activate;
use ndarray::ArrayViewMut2;

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::Floats;

impl OnFloats for Activate<Floats> {
    fn forward(&self, at: &Forward, y: ArrayViewMut2<f32>) {
        self.function.apply(at.value(self.input), y);
    }

    fn backward(&self, at: &mut Backward) {
        let (x, y, dy) = (at.value(self.input.index()), at.value(at.index), at.dy);
        if let Some(dx) = at.delta(self.input) {
            self.function.pull_back(x, y, dy, dx);
        }
    }

    fn tangent(&self, at: &Tangent, mut slope: ArrayViewMut2<f32>) {
        slope.fill(0.0);
        let (x, y) = (at.value(self.input.index()), at.value(at.index));
        self.function.pull_back(x, y, at.slope(self.input), slope);
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let (x, y) = (at.back.value(self.input.index()), at.back.value(at.back.index));
        let (ds, slope) = (at.ds, at.slope(self.input));
        if let Some(dx) = at.delta(self.input) {
            self.function.pull_back(x, y, ds, dx);
        }
        if let Some(dx) = at.back.delta(self.input) {
            self.function.pull_back_slope(x, slope, ds, dx);
        }
    }
}
