//! Newton direction on fixed arrays: vectors of terms for the curvatures, vectors of columns for the Hessian's lower half.

use emeuro_apps::Newton;
use pulp::{Arch, Simd, WithSimd};

use crate::real::{Real, exp, mul_add};

const VARIABLES: usize = Newton::VARIABLES;
/// Terms with those of weight 0 that fill the last vector of 16.
const TERMS: usize = Newton::TERMS.next_multiple_of(16);
/// Columns in the first part of the Hessian's rows; the others have their own loop.
const FIRST: usize = 16;
const REST: usize = VARIABLES - FIRST;
/// Rows of the Hessian that are summed at once.
const BLOCK: usize = 10;

/// The function, in both orders.
struct Function<T> {
    columns: [[T; TERMS]; VARIABLES],
    rows: [[T; VARIABLES]; TERMS],
    offsets: [T; TERMS],
}

pub(super) fn plan<T: Real>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let (rows, offsets) = (Newton::rows(), Newton::offsets());
    let entry = |j: usize, i: usize| rows.get(j).map_or(T::default(), |row| T::of(row[i]));
    let function = Box::new(Function {
        columns: std::array::from_fn(|i| std::array::from_fn(|j| entry(j, i))),
        rows: std::array::from_fn(|j| std::array::from_fn(|i| entry(j, i))),
        offsets: std::array::from_fn(|j| offsets.get(j).map_or(T::default(), |offset| T::of(*offset))),
    });
    let arch = Arch::new();
    move |input, output| arch.dispatch(Direction { function: &function, input, output })
}

/// A type and not a closure: only a function that must be inlined takes on the vector instructions of its caller.
struct Direction<'a, T> {
    function: &'a Function<T>,
    input: &'a [T],
    output: &'a mut [T],
}

impl<T: Real> WithSimd for Direction<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (point, gradient) = self.input.split_at(VARIABLES);
        let curvatures = curvatures(simd, self.function, point);
        let mut hessian = hessian(simd, self.function, &curvatures);
        solve(simd, &mut hessian, gradient, self.output);
    }
}

/// sech²(z) = 4e/(1 + e)² with e = exp(-2|z|), of every term.
#[inline(always)]
fn curvatures<S: Simd, T: Real>(simd: S, function: &Function<T>, point: &[T]) -> [T; TERMS] {
    let mut z = function.offsets;
    for (column, x) in function.columns.iter().zip(point) {
        for j in 0..TERMS {
            z[j] = mul_add(simd, column[j], *x, z[j]);
        }
    }
    for z in &mut z {
        // Beyond, the curvature is 0 in single precision, and next to it in double.
        let e = exp(simd, (T::of(-2.0) * z.abs()).larger(T::of(-80.0)));
        let one = T::of(1.0);
        *z = T::of(4.0) * e / ((one + e) * (one + e));
    }
    z
}

/// Σⱼ curvatureⱼ aⱼ aⱼᵀ: the first 16 columns of all rows, and the last four of the last four, which mirror the others.
#[inline(always)]
fn hessian<S: Simd, T: Real>(
    simd: S,
    function: &Function<T>,
    curvatures: &[T; TERMS],
) -> [[T; VARIABLES]; VARIABLES] {
    let mut hessian = [[T::default(); VARIABLES]; VARIABLES];
    let mut scaled = function.rows;
    for (row, curvature) in scaled.iter_mut().zip(curvatures) {
        for value in row {
            *value *= *curvature;
        }
    }
    // As many rows at once as hide the latency of the sums and leave them in registers.
    for block in 0..VARIABLES / BLOCK {
        let mut sum = [[T::default(); FIRST]; BLOCK];
        for (row, scaled) in function.rows.iter().zip(&scaled).take(Newton::TERMS) {
            let columns: &[T; FIRST] = row[..FIRST].try_into().expect("FIRST columns");
            for (r, sum) in sum.iter_mut().enumerate() {
                for k in 0..FIRST {
                    sum[k] = mul_add(simd, scaled[block * BLOCK + r], columns[k], sum[k]);
                }
            }
        }
        for (r, sum) in sum.iter().enumerate() {
            hessian[block * BLOCK + r][..FIRST].copy_from_slice(sum);
        }
    }
    let mut sum = [[T::default(); REST]; REST];
    for (row, scaled) in function.rows.iter().zip(&scaled).take(Newton::TERMS) {
        let row: &[T; REST] = row[FIRST..].try_into().expect("REST columns");
        for (r, sum) in sum.iter_mut().enumerate() {
            for k in 0..REST {
                sum[k] = mul_add(simd, scaled[FIRST + r], row[k], sum[k]);
            }
        }
    }
    for (r, sum) in sum.iter().enumerate() {
        hessian[FIRST + r][FIRST..].copy_from_slice(sum);
    }
    for i in 0..FIRST {
        for k in FIRST..VARIABLES {
            hessian[i][k] = hessian[k][i];
        }
    }
    hessian
}

/// Solves H d = -g by H = L Lᵀ, right-looking, so that the updates run along rows of the symmetric remainder.
#[inline(always)]
fn solve<S: Simd, T: Real>(
    simd: S,
    h: &mut [[T; VARIABLES]; VARIABLES],
    gradient: &[T],
    direction: &mut [T],
) {
    // Row k of `h` becomes column k of L; column k's reciprocal pivot is kept apart.
    let mut inverse = [T::default(); VARIABLES];
    let mut rest = [T::default(); VARIABLES];
    for (value, g) in rest.iter_mut().zip(gradient) {
        *value = -*g;
    }
    for k in 0..VARIABLES {
        inverse[k] = T::of(1.0) / h[k][k].sqrt();
        let mut column = h[k];
        for value in &mut column {
            *value *= inverse[k];
        }
        h[k] = column;
        // The right-hand side is eliminated with the columns.
        rest[k] *= inverse[k];
        let known = rest[k];
        for i in k + 1..VARIABLES {
            let factor = -column[i];
            rest[i] = mul_add(simd, factor, known, rest[i]);
            for j in 0..VARIABLES {
                h[i][j] = mul_add(simd, factor, column[j], h[i][j]);
            }
        }
    }
    for k in (0..VARIABLES).rev() {
        // Four sums at once: one after the other they would wait for each other.
        let mut sums = [T::default(); 4];
        for j in k + 1..VARIABLES {
            sums[j % 4] = mul_add(simd, h[k][j], direction[j], sums[j % 4]);
        }
        direction[k] = (rest[k] - ((sums[0] + sums[1]) + (sums[2] + sums[3]))) * inverse[k];
    }
}
