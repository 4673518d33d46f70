//! Newton direction on fixed arrays: vectors of terms for the curvatures, vectors of columns for the Hessian's lower half, and its
//! factors without roots, L D Lᵀ.

#![expect(clippy::needless_range_loop, reason = "the indices are the notation of the algorithm")]

use emeuro_apps::Newton;
use pulp::{Arch, Simd, WithSimd};

use crate::real::{Real, exp, mul_add};

const VARIABLES: usize = Newton::VARIABLES;
/// Terms with those of weight 0 that fill the last vector of 16.
const TERMS: usize = Newton::TERMS.next_multiple_of(16);
/// Columns with those that fill the last vector of 16. One of them is the right-hand side.
const WIDTH: usize = VARIABLES.next_multiple_of(16);
/// Rows of the Hessian that are summed at once.
const BLOCK: usize = 4;

/// Rows that begin where a vector does.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Row<T>([T; WIDTH]);

/// The function, in both orders.
struct Function<T> {
    columns: [[T; TERMS]; VARIABLES],
    rows: [Row<T>; Newton::TERMS],
    offsets: [T; TERMS],
}

/// The function and memory for one direction.
struct Memory<T> {
    function: Function<T>,
    scaled: [Row<T>; Newton::TERMS],
    hessian: [Row<T>; VARIABLES],
}

impl<T: Real> Memory<T> {
    fn new() -> Box<Self> {
        let (rows, offsets) = (Newton::rows(), Newton::offsets());
        let zero = T::default();
        let entry = |j: usize, i: usize| rows.get(j).and_then(|row| row.get(i)).map_or(zero, |a| T::of(*a));
        Box::new(Self {
            function: Function {
                columns: std::array::from_fn(|i| std::array::from_fn(|j| entry(j, i))),
                rows: std::array::from_fn(|j| Row(std::array::from_fn(|i| entry(j, i)))),
                offsets: std::array::from_fn(|j| offsets.get(j).map_or(zero, |offset| T::of(*offset))),
            },
            scaled: [Row([zero; WIDTH]); Newton::TERMS],
            hessian: [Row([zero; WIDTH]); VARIABLES],
        })
    }
}

pub(super) fn plan<T: Real>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let mut memory = Memory::new();
    let arch = Arch::new();
    move |input, output| arch.dispatch(Direction { memory: &mut memory, input, output })
}

/// A type and not a closure: only a function that must be inlined takes on the vector instructions of its caller.
struct Direction<'a, T> {
    memory: &'a mut Memory<T>,
    input: &'a [T],
    output: &'a mut [T],
}

impl<T: Real> WithSimd for Direction<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (point, gradient) = self.input.split_at(VARIABLES);
        let Memory { function, scaled, hessian } = self.memory;
        let curvatures = curvatures(simd, function, point);
        for ((scaled, row), curvature) in scaled.iter_mut().zip(&function.rows).zip(&curvatures) {
            let (curvature, zero) = (T::splat(simd, *curvature), T::splat(simd, T::default()));
            for (scaled, row) in T::vectors_mut::<S>(&mut scaled.0).iter_mut().zip(T::vectors::<S>(&row.0)) {
                *scaled = T::mul_add_vectors(simd, curvature, *row, zero);
            }
        }
        sum(simd, &function.rows, scaled, hessian);
        for (row, g) in hessian.iter_mut().zip(gradient) {
            row.0[VARIABLES] = -*g;
        }
        solve(simd, hessian, self.output);
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

/// Σⱼ curvatureⱼ aⱼ aⱼᵀ: vectors of columns up to the diagonal, the others mirrored.
#[inline(always)]
fn sum<S: Simd, T: Real>(
    simd: S,
    rows: &[Row<T>; Newton::TERMS],
    scaled: &[Row<T>; Newton::TERMS],
    hessian: &mut [Row<T>; VARIABLES],
) {
    let lanes = WIDTH / T::vectors::<S>(&rows[0].0).len();
    for v in 0..VARIABLES.div_ceil(lanes) {
        let first = v * lanes / BLOCK * BLOCK;
        for block in (first..VARIABLES).step_by(BLOCK) {
            // Two sums per row: one after the other they would wait for each other.
            let mut sums = [[T::splat(simd, T::default()); BLOCK]; 2];
            for (rows, scaled) in rows.chunks_exact(2).zip(scaled.chunks_exact(2)) {
                for k in 0..2 {
                    let columns = T::vectors::<S>(&rows[k].0)[v];
                    for r in 0..BLOCK {
                        let factor = T::splat(simd, scaled[k].0[block + r]);
                        sums[k][r] = T::mul_add_vectors(simd, factor, columns, sums[k][r]);
                    }
                }
            }
            let one = T::splat(simd, T::of(1.0));
            for r in 0..BLOCK {
                let sum = T::mul_add_vectors(simd, sums[0][r], one, sums[1][r]);
                T::vectors_mut::<S>(&mut hessian[block + r].0)[v] = sum;
            }
        }
    }
    for i in 0..VARIABLES {
        for j in i / lanes * lanes + lanes..VARIABLES {
            hessian[i].0[j] = hessian[j].0[i];
        }
    }
}

/// Solves H d = r, where r is the column behind H, by H = L D Lᵀ: rows of D Lᵀ take the place of those of H, and D⁻¹ L⁻¹ r that of r.
#[inline(always)]
fn solve<S: Simd, T: Real>(simd: S, h: &mut [Row<T>; VARIABLES], direction: &mut [T]) {
    let vectors = T::vectors::<S>(&h[0].0).len();
    let lanes = WIDTH / vectors;
    let used = (VARIABLES + 1).div_ceil(lanes);
    let mut inverse = [T::default(); VARIABLES];
    for k in 0..VARIABLES {
        let pivot = h[k];
        inverse[k] = T::of(1.0) / pivot.0[k];
        for i in k + 1..VARIABLES {
            let factor = T::splat(simd, -(pivot.0[i] * inverse[k]));
            let row = T::vectors_mut::<S>(&mut h[i].0);
            for v in i / lanes..used {
                row[v] = T::mul_add_vectors(simd, factor, T::vectors::<S>(&pivot.0)[v], row[v]);
            }
        }
    }
    let mut rest: [T; VARIABLES] = std::array::from_fn(|i| h[i].0[VARIABLES]);
    for k in (0..VARIABLES).rev() {
        direction[k] = rest[k] * inverse[k];
        for i in 0..k {
            rest[i] = mul_add(simd, -h[i].0[k], direction[k], rest[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_apps::{Application, Split};

    /// Whatever the width of the vectors, the blocks fit together.
    #[test]
    fn scalars_and_vectors_find_the_direction() {
        let frames = Newton::new().frames(Split::Test, 2, 3);
        for (input, target) in frames.inputs.chunks_exact(40).zip(frames.targets.chunks_exact(20)) {
            let mut found = vec![[0.0; VARIABLES]; 3];
            Direction { memory: &mut Memory::new(), input, output: &mut found[0] }
                .with_simd(pulp::Scalar::new());
            Arch::new().dispatch(Direction { memory: &mut Memory::new(), input, output: &mut found[1] });
            #[cfg(target_arch = "x86_64")]
            match pulp::x86::V3::try_new() {
                Some(v3) => Simd::vectorize(
                    v3,
                    Direction { memory: &mut Memory::new(), input, output: &mut found[2] },
                ),
                None => found.truncate(2),
            }
            #[cfg(not(target_arch = "x86_64"))]
            found.truncate(2);
            let largest = target.iter().fold(0.0f64, |most, d| most.max(d.abs()));
            for found in found {
                let error = found.iter().zip(target).fold(0.0f64, |most, (f, t)| most.max((f - t).abs()));
                assert!(error < 1e-12 * largest, "{error}");
            }
        }
    }
}
