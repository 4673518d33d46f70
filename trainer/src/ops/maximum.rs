//! Maximum: y = max(a, b). Where both are equal, derivatives go to the first.

use emeuro_golden::Maximum;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::Floats;

impl OnFloats for Maximum<Floats> {
    fn forward(&self, at: &Forward, mut y: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs;
        Zip::from(&mut y).and(at.value(a)).and(at.value(b)).for_each(|y, &a, &b| *y = a.max(b));
    }

    fn backward(&self, at: &mut Backward) {
        let [a, b] = self.inputs;
        let (p, q, dy) = (at.value(a.index()), at.value(b.index()), at.dy);
        if let Some(dx) = at.delta(a) {
            add_where(dx, dy, p, q, |p, q| p >= q);
        }
        if let Some(dx) = at.delta(b) {
            add_where(dx, dy, p, q, |p, q| p < q);
        }
    }

    fn tangent(&self, at: &Tangent, mut slope: ArrayViewMut2<f32>) {
        let [a, b] = self.inputs;
        let (p, q) = (at.value(a.index()), at.value(b.index()));
        slope.assign(&at.slope(b));
        Zip::from(&mut slope).and(at.slope(a)).and(p).and(q).for_each(|slope, &of_a, &p, &q| {
            if p >= q {
                *slope = of_a;
            }
        });
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let [a, b] = self.inputs;
        let (p, q, ds) = (at.back.value(a.index()), at.back.value(b.index()), at.ds);
        if let Some(dx) = at.delta(a) {
            add_where(dx, ds, p, q, |p, q| p >= q);
        }
        if let Some(dx) = at.delta(b) {
            add_where(dx, ds, p, q, |p, q| p < q);
        }
    }
}

/// Adds derivatives to `to` where `takes` says so of both operands.
fn add_where(
    to: ArrayViewMut2<f32>,
    derivatives: ArrayView2<f32>,
    p: ArrayView2<f32>,
    q: ArrayView2<f32>,
    takes: impl Fn(f32, f32) -> bool,
) {
    Zip::from(to).and(derivatives).and(p).and(q).for_each(|to, &derivative, &p, &q| {
        if takes(p, q) {
            *to += derivative;
        }
    });
}
