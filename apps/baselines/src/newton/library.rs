//! Newton direction with nalgebra: H = Aᵀ diag(sech²) A, factorised by its Cholesky.

use emeuro_apps::Newton;
use nalgebra::{SMatrix, SVector};

const VARIABLES: usize = Newton::VARIABLES;
const TERMS: usize = Newton::TERMS;

pub(super) fn plan() -> impl FnMut(&[f64], &mut [f64]) + Send + 'static {
    let rows = Newton::rows();
    let rows = Box::new(SMatrix::<f64, TERMS, VARIABLES>::from_fn(|j, i| rows[j][i]));
    let columns = Box::new(rows.transpose());
    let offsets = SVector::<f64, TERMS>::from_vec(Newton::offsets());
    let mut scaled = rows.clone();
    move |input, output| {
        let (point, gradient) = input.split_at(VARIABLES);
        let point = SVector::<f64, VARIABLES>::from_column_slice(point);
        let mut curvatures = offsets;
        curvatures.gemv(1.0, &rows, &point, 1.0);
        curvatures.apply(|z| {
            let e = (-2.0 * z.abs()).exp();
            *z = 4.0 * e / ((1.0 + e) * (1.0 + e));
        });
        for (mut scaled, column) in scaled.column_iter_mut().zip(rows.column_iter()) {
            scaled.copy_from(&column.component_mul(&curvatures));
        }
        let mut hessian = SMatrix::<f64, VARIABLES, VARIABLES>::zeros();
        hessian.gemm(1.0, &columns, &scaled, 0.0);
        let gradient = SVector::<f64, VARIABLES>::from_column_slice(gradient);
        match hessian.cholesky() {
            Some(factor) => output.copy_from_slice((-factor.solve(&gradient)).as_slice()),
            // Rounding has made a Hessian near 0 indefinite: no direction is better than another.
            None => output.fill(f64::NAN),
        }
    }
}
