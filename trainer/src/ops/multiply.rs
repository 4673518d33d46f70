//! Multiply: y = a · b, element by element.

use emeuro_golden::Multiply;
use ndarray::{ArrayViewMut2, Zip};

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::Floats;

impl OnFloats for Multiply<Floats> {
    fn forward(&self, at: &Forward, y: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs.map(|v| at.value(v));
        Zip::from(y).and(a).and(b).for_each(|y, a, b| *y = a * b);
    }

    fn backward(&self, at: &mut Backward) {
        let (dy, [a, b]) = (at.dy, self.inputs);
        for (v, other) in [(a, b), (b, a)] {
            let other = at.value(other.index());
            if let Some(dx) = at.delta(v) {
                Zip::from(dx).and(dy).and(other).for_each(|dx, dy, other| *dx += dy * other);
            }
        }
    }

    fn tangent(&self, at: &Tangent, slope: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs.map(|v| at.value(v.index()));
        let [da, db] = self.inputs.map(|v| at.slope(v));
        Zip::from(slope).and(a).and(b).and(da).and(db).for_each(|s, a, b, da, db| *s = da * b + a * db);
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let (ds, [a, b]) = (at.ds, self.inputs);
        for (v, other) in [(a, b), (b, a)] {
            let (value, slope) = (at.back.value(other.index()), at.slope(other));
            if let Some(dx) = at.delta(v) {
                Zip::from(dx).and(ds).and(value).for_each(|dx, ds, value| *dx += ds * value);
            }
            if let Some(dx) = at.back.delta(v) {
                Zip::from(dx).and(ds).and(slope).for_each(|dx, ds, slope| *dx += ds * slope);
            }
        }
    }
}
