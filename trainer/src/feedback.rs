//! Rounding weights: to the nearest, or with error feedback, where each weight's rounding error is made up for by the weights not
//! yet rounded.
//!
//! The optimal-brain-surgeon update in the form of Frantar et al., "GPTQ" (2023): with H the second moments of a layer's inputs
//! and U the upper Cholesky factor of H⁻¹, rounding column j by e moves the columns k > j by -e·U[j,k]/U[j,j]. Neighbouring inputs
//! that are almost equal (a rope's vertices) make this far better than rounding to the nearest: what matters is not each
//! weight but what the row does to real inputs, and that stays within a fraction of the nearest rounding's error.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, linalg::general_mat_mul, s};
use rayon::prelude::*;

use crate::rounding::Grid;

/// Columns that are rounded one by one before the rest is updated by one matrix product.
const BLOCK: usize = 32;

/// Rows that one task rounds.
const ROWS: usize = 16;

/// How errors spread over the columns of one layer.
#[derive(Clone, Debug)]
pub(crate) struct Feedback {
    /// Column order: loud inputs first, because their errors cost most and then all others are left to make up for them.
    order: Vec<usize>,
    /// U[j,k] / U[j,j] in that order.
    influence: Array2<f32>,
}

impl Feedback {
    /// From centred second moments of the layer's inputs; `damping` is added to their diagonal relative to its mean.
    ///
    /// `None` if the inputs have no spread: then there is nothing to feed back.
    pub(crate) fn new(moments: &Array2<f64>, damping: f64) -> Option<Self> {
        let n = moments.nrows();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| moments[(b, b)].total_cmp(&moments[(a, a)]).then(a.cmp(&b)));
        let mean = (0..n).map(|i| moments[(i, i)]).sum::<f64>() / n as f64;
        let damped = nalgebra::DMatrix::from_fn(n, n, |i, j| {
            moments[(order[i], order[j])] + if i == j { damping * mean } else { 0.0 }
        });
        let lower = nalgebra::Cholesky::new(nalgebra::Cholesky::new(damped)?.inverse())?.l();
        let influence = Array2::from_shape_fn((n, n), |(j, k)| (lower[(k, j)] / lower[(j, j)]) as f32);
        influence.iter().all(|v| v.is_finite()).then_some(Self { order, influence })
    }
}

/// The rounding of one layer's weights.
#[derive(Clone, Debug)]
pub(crate) struct Rounder {
    pub(crate) grid: Grid,
    pub(crate) feedback: Option<Feedback>,
}

impl Rounder {
    /// Writes the values that stand for `weights` `[outputs, inputs]` to `rounded`. Weights that are on the grid already stay.
    pub(crate) fn round(&self, weights: ArrayView2<f32>, mut rounded: ArrayViewMut2<f32>) {
        match &self.feedback {
            None => rounded.zip_mut_with(&weights, |r, &w| *r = self.grid.round(w)),
            Some(feedback) => {
                let parts = rounded.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter();
                parts
                    .zip(weights.axis_chunks_iter(Axis(0), ROWS).into_par_iter())
                    .for_each(|(rounded, weights)| self.round_rows(feedback, weights, rounded));
            }
        }
    }

    fn round_rows(&self, feedback: &Feedback, weights: ArrayView2<f32>, mut rounded: ArrayViewMut2<f32>) {
        let n = weights.ncols();
        let mut rest = Array2::from_shape_fn(weights.dim(), |(row, j)| weights[(row, feedback.order[j])]);
        let mut errors = Array2::zeros((weights.nrows(), BLOCK));
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            for (mut rest, mut errors) in rest.outer_iter_mut().zip(errors.outer_iter_mut()) {
                let rest = rest.as_slice_mut().expect("rows of a row-major matrix");
                for j in start..end {
                    let value = self.grid.round(rest[j]);
                    let error = rest[j] - value;
                    (rest[j], errors[j - start]) = (value, error);
                    let influence = feedback.influence.slice(s![j, j + 1..end]);
                    rest[j + 1..end].iter_mut().zip(&influence).for_each(|(r, u)| *r -= error * u);
                }
            }
            general_mat_mul(
                -1.0,
                &errors.slice(s![.., ..end - start]),
                &feedback.influence.slice(s![start..end, end..]),
                1.0,
                &mut rest.slice_mut(s![.., end..]),
            );
        }
        for (j, &k) in feedback.order.iter().enumerate() {
            rounded.column_mut(k).assign(&rest.column(j));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_golden::Format;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn rounder(feedback: Option<Feedback>, bits: u32) -> Rounder {
        Rounder { grid: Grid::new(Format::new(bits, 0).unwrap()), feedback }
    }

    #[test]
    fn correlated_inputs_gain_much() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let n = 100;
        let weights = Array2::from_shape_simple_fn((40, n), || rng.random_range(-20.0f32..20.0));
        let moments = Array2::from_shape_fn((n, n), |(i, j)| 0.95f64.powi((i as i32 - j as i32).abs()));
        let error = |rounder: Rounder| {
            let mut rounded = Array2::zeros(weights.raw_dim());
            rounder.round(weights.view(), rounded.view_mut());
            assert!(rounded.iter().all(|w| w.fract() == 0.0));
            let mut again = Array2::zeros(weights.raw_dim());
            rounder.round(rounded.view(), again.view_mut());
            assert_eq!(rounded, again);
            let e = (&rounded - &weights).mapv(f64::from);
            (&e.dot(&moments) * &e).sum()
        };
        let (fed_back, nearest) = (error(rounder(Feedback::new(&moments, 1e-6), 8)), error(rounder(None, 8)));
        assert!(fed_back < 0.3 * nearest, "{fed_back} {nearest}");
    }

    #[test]
    fn range_is_kept_and_dead_inputs_are_harmless() {
        assert!(Feedback::new(&Array2::zeros((3, 3)), 1e-2).is_none());
        let weights = Array2::from_elem((2, 3), 9.7);
        let mut rounded = Array2::zeros((2, 3));
        rounder(Feedback::new(&Array2::eye(3), 1e-2), 4).round(weights.view(), rounded.view_mut());
        assert!(rounded.iter().all(|&w| w == 7.0));
    }
}
