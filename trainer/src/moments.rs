//! Means and second moments of frames, accumulated in double precision.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, linalg::general_mat_mul, s};

/// Frames that are widened to double precision at a time.
const CHUNK: usize = 2048;

/// Mean of every column.
pub(crate) fn mean(frames: ArrayView2<f32>) -> Array1<f64> {
    let mut sum = Array1::<f64>::zeros(frames.ncols());
    for frame in frames.outer_iter() {
        sum.iter_mut().zip(&frame).for_each(|(s, &v)| *s += f64::from(v));
    }
    sum / frames.nrows() as f64
}

/// aᵀ·b / frames, for matrices whose columns are centred by the caller.
pub(crate) fn product(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Array2<f64> {
    let mut sum = Array2::<f64>::zeros((a.ncols(), b.ncols()));
    for start in (0..a.nrows()).step_by(CHUNK) {
        let rows = s![start..(start + CHUNK).min(a.nrows()), ..];
        // In single precision, rounding would drown the directions in which stiff systems hardly move.
        let [a, b] = [a, b].map(|m| m.slice(rows).mapv(f64::from));
        general_mat_mul(1.0, &a.t(), &b, 1.0, &mut sum);
    }
    sum / a.nrows() as f64
}

/// The frames minus `mean`.
pub(crate) fn centred(frames: ArrayView2<f32>, mean: ArrayView1<f64>) -> Array2<f32> {
    &frames - &mean.mapv(|m| m as f32).insert_axis(Axis(0))
}

/// Eigenvalues, largest first, and the matching eigenvectors as rows, of a symmetric matrix.
///
/// Each vector's largest element is positive, so that the signs do not depend on the solver's whims.
pub(crate) fn eigen(matrix: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let n = matrix.nrows();
    let symmetric = nalgebra::DMatrix::from_fn(n, n, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
    let eigen = nalgebra::SymmetricEigen::new(symmetric);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let values = order.iter().map(|&k| eigen.eigenvalues[k].max(0.0)).collect();
    let mut vectors = Array2::zeros((n, n));
    for (mut row, &k) in vectors.outer_iter_mut().zip(&order) {
        let column = eigen.eigenvectors.column(k);
        let sign = column[column.iamax()].signum();
        row.iter_mut().zip(column.iter()).for_each(|(r, &v)| *r = sign * v);
    }
    (values, vectors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn eigenvectors_diagonalise() {
        let matrix = array![[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]];
        let (values, vectors) = eigen(&matrix);
        assert!(values[0] >= values[1] && values[1] >= values[2]);
        let diagonal = vectors.dot(&matrix).dot(&vectors.t());
        for ((i, j), &d) in diagonal.indexed_iter() {
            let expected = if i == j { values[i] } else { 0.0 };
            assert!((d - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn products_cross_chunks() {
        let a = Array2::from_shape_fn((5000, 2), |(r, c)| (r % 7) as f32 + c as f32);
        let m = mean(a.view());
        let exact: f64 = (0..5000).map(|r| f64::from(r % 7)).sum::<f64>() / 5000.0;
        assert!((m[0] - exact).abs() < 1e-12 && (m[1] - exact - 1.0).abs() < 1e-12);
        let c = centred(a.view(), m.view());
        let p = product(c.view(), c.view());
        assert!((p[(0, 0)] - p[(0, 1)]).abs() < 1e-5 && (p[(0, 0)] - 4.0).abs() < 1e-2);
    }
}
