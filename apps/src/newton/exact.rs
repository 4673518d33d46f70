//! Newton direction with the analytic Hessian and a Cholesky factorisation on fixed-size arrays.

use pulp::{Arch, Simd, WithSimd};

use super::{Function, TERMS, VARIABLES};
use crate::kernel::Kernel;

pub(super) fn plan(function: Function) -> Kernel {
    let arch = Arch::new();
    // Columns of terms: the products with all rows run over contiguous memory.
    let columns: Box<[[f64; TERMS]; VARIABLES]> =
        Box::new(std::array::from_fn(|i| std::array::from_fn(|j| function.rows[j][i])));
    Kernel::new("newton", 2 * VARIABLES, VARIABLES, move |input, output| {
        let (point, gradient) = input.split_at(VARIABLES);
        arch.dispatch(Direction { function: &function, columns: &columns, point, gradient, output });
    })
}

/// The arguments of [`direction`]. A type and not a closure: only a function that must be inlined takes on the vector
/// instructions of its caller.
struct Direction<'a> {
    function: &'a Function,
    columns: &'a [[f64; TERMS]; VARIABLES],
    point: &'a [f64],
    gradient: &'a [f64],
    output: &'a mut [f64],
}

impl WithSimd for Direction<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        direction(self.function, self.columns, self.point, self.gradient, self.output);
    }
}

#[inline(always)]
fn direction(
    function: &Function,
    columns: &[[f64; TERMS]; VARIABLES],
    point: &[f64],
    gradient: &[f64],
    output: &mut [f64],
) {
    let mut arguments = [0.0; TERMS];
    arguments.copy_from_slice(&function.offsets);
    for (column, x) in columns.iter().zip(point) {
        for j in 0..TERMS {
            arguments[j] += column[j] * x;
        }
    }
    let curvatures = arguments.map(curvature);

    // H = Σⱼ curvatureⱼ aⱼ aⱼᵀ, a row at a time in registers. Whole rows cost less than the ragged triangle.
    let mut hessian = [[0.0; VARIABLES]; VARIABLES];
    for (line, column) in hessian.iter_mut().zip(columns) {
        let mut sum = [0.0; VARIABLES];
        for (j, row) in function.rows.iter().enumerate() {
            let scaled = curvatures[j] * column[j];
            for k in 0..VARIABLES {
                sum[k] += scaled * row[k];
            }
        }
        *line = sum;
    }
    solve(&mut hessian, gradient, output);
}

/// sech²(z) = 4e/(1 + e)² with e = exp(-2|z|), which never overflows.
#[inline(always)]
fn curvature(z: f64) -> f64 {
    let e = (-2.0 * z.abs()).exp();
    4.0 * e / ((1.0 + e) * (1.0 + e))
}

/// Solves H d = -g by H = L Lᵀ, right-looking, so that the updates run along rows of the symmetric remainder.
#[inline(always)]
fn solve(h: &mut [[f64; VARIABLES]; VARIABLES], gradient: &[f64], direction: &mut [f64]) {
    // Row k of `h` becomes column k of L; column k's reciprocal pivot is kept apart.
    let mut inverse = [0.0; VARIABLES];
    for k in 0..VARIABLES {
        inverse[k] = 1.0 / h[k][k].sqrt();
        let mut column = h[k];
        for value in &mut column {
            *value *= inverse[k];
        }
        h[k] = column;
        for i in k + 1..VARIABLES {
            let factor = column[i];
            for j in 0..VARIABLES {
                h[i][j] -= factor * column[j];
            }
        }
    }
    let mut rest = [0.0; VARIABLES];
    for (value, g) in rest.iter_mut().zip(gradient) {
        *value = -g;
    }
    for k in 0..VARIABLES {
        let value = rest[k] * inverse[k];
        for j in k + 1..VARIABLES {
            rest[j] -= value * h[k][j];
        }
        rest[k] = value;
    }
    for k in (0..VARIABLES).rev() {
        let known: f64 = (k + 1..VARIABLES).map(|j| h[k][j] * direction[j]).sum();
        direction[k] = (rest[k] - known) * inverse[k];
    }
}
