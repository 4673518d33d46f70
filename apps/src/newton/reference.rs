//! Newton direction without derivatives in closed form: the Hessian by finite differences of the function, then Cholesky.
//!
//! The gradient is an input of the region, for both kernels: the tilt of the tilted family is known only through it.

#![expect(clippy::needless_range_loop, reason = "the indices are the notation of the algorithm")]

use super::{Function, VARIABLES};
use crate::kernel::Kernel;

/// Step of the differences: the fourth root of the machine epsilon balances rounding against truncation.
const STEP: f64 = 1.2e-4;

pub(super) fn plan(function: Function) -> Kernel {
    Kernel::new("newton", 2 * VARIABLES, VARIABLES, move |input, output| {
        let (point, gradient) = input.split_at(VARIABLES);
        let mut factor = hessian(&function, point);
        cholesky(&mut factor);
        substitute(&factor, gradient, output);
    })
}

/// Central second differences.
fn hessian(function: &Function, point: &[f64]) -> [[f64; VARIABLES]; VARIABLES] {
    let mut x = [0.0; VARIABLES];
    x.copy_from_slice(point);
    let mut shifted = |i: usize, by_i: f64, j: usize, by_j: f64| {
        let (old_i, old_j) = (x[i], x[j]);
        x[i] += by_i;
        x[j] += by_j;
        let value = function.value(&x);
        x[j] = old_j;
        x[i] = old_i;
        value
    };
    let h = STEP;
    let mut hessian = [[0.0; VARIABLES]; VARIABLES];
    for i in 0..VARIABLES {
        for j in 0..=i {
            let differences =
                shifted(i, h, j, h) - shifted(i, h, j, -h) - shifted(i, -h, j, h) + shifted(i, -h, j, -h);
            hessian[i][j] = differences / (4.0 * h * h);
            hessian[j][i] = hessian[i][j];
        }
    }
    hessian
}

/// Overwrites the lower triangle with L of H = L Lᵀ (Golub and Van Loan, §4.2).
fn cholesky(h: &mut [[f64; VARIABLES]; VARIABLES]) {
    for j in 0..VARIABLES {
        for k in 0..j {
            h[j][j] -= h[j][k] * h[j][k];
        }
        h[j][j] = h[j][j].sqrt();
        for i in j + 1..VARIABLES {
            for k in 0..j {
                h[i][j] -= h[i][k] * h[j][k];
            }
            h[i][j] /= h[j][j];
        }
    }
}

/// Solves L Lᵀ d = -g.
fn substitute(l: &[[f64; VARIABLES]; VARIABLES], gradient: &[f64], direction: &mut [f64]) {
    for i in 0..VARIABLES {
        let known: f64 = (0..i).map(|k| l[i][k] * direction[k]).sum();
        direction[i] = (-gradient[i] - known) / l[i][i];
    }
    for i in (0..VARIABLES).rev() {
        let known: f64 = (i + 1..VARIABLES).map(|k| l[k][i] * direction[k]).sum();
        direction[i] = (direction[i] - known) / l[i][i];
    }
}
