//! Rounds a matrix in the middle of a product so that the product suffers least.

use nalgebra::DMatrix;

/// Integers `low..=high` that make `left · integers · right` as close to `left · target · right` as a greedy choice can.
///
/// `left_gram` is leftᵀ·left, `right_gram` is right·covariance·rightᵀ of the signals that come in; both are symmetric and positive
/// definite. Entries are rounded one after the other, row by row; after each, those still to come are moved to the least-squares
/// optimum that makes up for its rounding (Babai's nearest plane, Combinatorica 6, 1986, for the lattice that both Grams span;
/// Frantar et al., ICLR 2023, for layers of networks). Rounded entry by entry alone, errors would add up in the directions that matter.
pub(crate) fn round_between(
    target: &DMatrix<f64>,
    left_gram: &DMatrix<f64>,
    right_gram: &DMatrix<f64>,
    (low, high): (f64, f64),
) -> DMatrix<f64> {
    let (down, across) = (spreading(left_gram), spreading(right_gram));
    let (rows, columns) = target.shape();
    let mut rest = target.clone();
    let mut rounded = DMatrix::zeros(rows, columns);
    for i in 0..rows {
        let row = rest.row(i).into_owned();
        let mut wanted = row.clone();
        for j in 0..columns {
            rounded[(i, j)] = wanted[j].round().clamp(low, high);
            let error = wanted[j] - rounded[(i, j)];
            (j + 1..columns).for_each(|k| wanted[k] -= error * across[(j, k)]);
        }
        let error = row - rounded.row(i);
        for below in i + 1..rows {
            let share = down[(i, below)];
            rest.row_mut(below).zip_apply(&error, |value, error| *value -= share * error);
        }
    }
    rounded
}

/// Row i: by how much an error of 1 in entry i has to lower the later entries.
fn spreading(gram: &DMatrix<f64>) -> DMatrix<f64> {
    let size = gram.nrows();
    // A trace of noise keeps a Gram that is nearly singular invertible.
    let noise = DMatrix::identity(size, size) * (1e-9 * gram.trace() / size as f64);
    let inverse = (gram + noise).cholesky().expect("Grams are positive definite").inverse();
    let mut upper = inverse.cholesky().expect("so are their inverses").l().transpose();
    for (i, mut row) in upper.row_iter_mut().enumerate() {
        let diagonal = row[i];
        row /= diagonal;
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries that stand side by side are smoothed by both factors: errors of opposite signs cancel.
    #[test]
    fn the_product_is_closer_than_with_plain_rounding() {
        let smooth = |rows: usize, columns: usize| {
            DMatrix::from_fn(rows, columns, |i, j| (-((i as f64 / 4.0 - j as f64) / 2.0).powi(2)).exp())
        };
        let (left, right) = (smooth(40, 10), smooth(48, 12).transpose());
        let target = DMatrix::from_fn(10, 12, |i, j| 9.0 * ((i * 7 + j * 3) as f64).sin());
        let range = (-128.0, 127.0);
        let chosen =
            round_between(&target, &(left.transpose() * &left), &(&right * right.transpose()), range);
        let plain = target.map(f64::round);
        let error = |integers: &DMatrix<f64>| (&left * (integers - &target) * &right).norm();
        assert!(chosen.iter().all(|value| value.fract() == 0.0));
        assert!(error(&chosen) < 0.5 * error(&plain), "{} {}", error(&chosen), error(&plain));
    }

    #[test]
    fn without_correlation_it_is_plain_rounding_in_the_range() {
        let target = DMatrix::from_row_slice(2, 2, &[1.6, -300.0, 0.2, 200.0]);
        let identity = DMatrix::identity(2, 2);
        let rounded = round_between(&target, &identity, &identity, (-128.0, 127.0));
        assert_eq!(rounded, DMatrix::from_row_slice(2, 2, &[2.0, -128.0, 0.0, 127.0]));
    }
}
