//! Lucas–Kanade in Rust: a loop over the window of every pixel, and sums of whole rows in vectors.

use emeuro_apps::{Application, OpticalFlow};
use pulp::{Arch, Simd, WithSimd};

use crate::{Baseline, Code, Kind, real::Real};

const PATCH: usize = OpticalFlow::PATCH;
const FLOW: usize = OpticalFlow::FLOW;
const WINDOW: usize = OpticalFlow::WINDOW;
/// Rows of differences that the windows cover.
const ROWS: usize = FLOW + WINDOW - 1;
/// Distance of the windows from the border of a patch.
const EDGE: usize = (PATCH - ROWS) / 2;

pub(crate) fn baselines() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "optical_flow",
            name: "windows",
            kind: Kind::Textbook,
            about: "for every pixel a loop over its 5×5 window, f64, as papers state the algorithm",
            tolerance: 1e-9,
            plan: || Code::of_kernel(OpticalFlow::new().plan_reference()),
        },
        Baseline {
            app: "optical_flow",
            name: "box-sums",
            kind: Kind::Optimised,
            about: "separable box sums over rows, vectorised, f64",
            tolerance: 1e-9,
            plan: || Code::of_kernel(OpticalFlow::new().plan_exact()),
        },
        Baseline {
            app: "optical_flow",
            name: "row-vectors",
            kind: Kind::Optimised,
            about: "box sums over rows padded to the width of vectors, f64",
            tolerance: 1e-9,
            plan: || Code::double(plan::<f64>()),
        },
        Baseline {
            app: "optical_flow",
            name: "row-vectors-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32: a row is one vector of 512 bits",
            tolerance: 1e-3,
            plan: || Code::single(plan::<f32>()),
        },
    ]
}

/// A row as vectors: its columns, and zeros that make the reads of shifted rows whole vectors, too.
type Row<T> = [T; PATCH];
type Padded<T> = [T; PATCH + 8];

/// Sums over columns of five rows, of the five products.
struct Sums<T> {
    down: [[Padded<T>; FLOW]; 5],
}

fn plan<T: Real>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let arch = Arch::new();
    let mut sums = Box::new(Sums { down: [[[T::default(); PATCH + 8]; FLOW]; 5] });
    move |patches, output| arch.dispatch(Flow { patches, output, sums: &mut sums })
}

/// The arguments of the computation. A type and not a closure: only a function that must be inlined takes on the vector
/// instructions of its caller.
struct Flow<'a, T> {
    patches: &'a [T],
    output: &'a mut [T],
    sums: &'a mut Sums<T>,
}

impl<T: Real> WithSimd for Flow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { patches, output, sums } = self;
        let (first, second) = patches.split_at(PATCH * PATCH);
        column_sums(first, second, sums);
        let (u, v) = output.split_at_mut(FLOW * FLOW);
        let mut whole = [[T::default(); PATCH]; 2];
        for row in 0..FLOW {
            solve(sums, row, &mut whole);
            u[row * FLOW..][..FLOW].copy_from_slice(&whole[0][..FLOW]);
            v[row * FLOW..][..FLOW].copy_from_slice(&whole[1][..FLOW]);
        }
    }
}

/// Products of a row, and what five rows of them add up to. Column c is that of pixel c.
#[inline(always)]
fn column_sums<T: Real>(first: &[T], second: &[T], sums: &mut Sums<T>) {
    let mut recent = [[[T::default(); PATCH]; WINDOW]; 5];
    for row in 0..ROWS {
        let products = products(first, second, row + EDGE);
        for (recent, product) in recent.iter_mut().zip(&products) {
            recent[row % WINDOW] = *product;
        }
        if let Some(line) = (row + 1).checked_sub(WINDOW) {
            for (recent, down) in recent.iter().zip(&mut sums.down) {
                for c in 0..PATCH {
                    // In this order two sums can be formed at once.
                    down[line][c] =
                        (recent[0][c] + recent[1][c]) + (recent[2][c] + recent[3][c]) + recent[4][c];
                }
            }
        }
    }
}

#[inline(always)]
fn products<T: Real>(first: &[T], second: &[T], y: usize) -> [Row<T>; 5] {
    // The first and the last column read from the rows beside and are not used.
    let row = |patch: &[T], start: usize| -> Row<T> {
        patch[start..][..PATCH].try_into().expect("a row has PATCH pixels")
    };
    let at = y * PATCH;
    let (left, here, right) = (row(first, at - 1), row(first, at), row(first, at + 1));
    let (above, below, later) = (row(first, at - PATCH), row(first, at + PATCH), row(second, at));
    let half = T::of(0.5);
    let mut products = [[T::default(); PATCH]; 5];
    for c in 0..PATCH {
        let ix = half * (right[c] - left[c]);
        let iy = half * (below[c] - above[c]);
        let it = later[c] - here[c];
        products[0][c] = ix * ix;
        products[1][c] = ix * iy;
        products[2][c] = iy * iy;
        products[3][c] = ix * it;
        products[4][c] = iy * it;
    }
    products
}

/// Sums across five columns, and Cramer's rule for all pixels of a row.
#[inline(always)]
fn solve<T: Real>(sums: &Sums<T>, row: usize, flow: &mut [Row<T>; 2]) {
    let across = |k: usize| -> Row<T> {
        let down = &sums.down[k][row];
        let mut sum = [T::default(); PATCH];
        for c in 0..PATCH {
            let window = &down[c + EDGE..];
            sum[c] = (window[0] + window[1]) + (window[2] + window[3]) + window[4];
        }
        sum
    };
    let (xx, xy, yy, xt, yt) = (across(0), across(1), across(2), across(3), across(4));
    let zero = T::default();
    for c in 0..PATCH {
        let lambda = T::of(OpticalFlow::REGULARISATION) * (xx[c] + yy[c]);
        let (a, b, d) = (xx[c] + lambda, xy[c], yy[c] + lambda);
        let determinant = a * d - b * b;
        // Without contrast all sums are 0, and so is the flow.
        let scale = if determinant > zero { T::of(-1.0) / determinant } else { zero };
        flow[0][c] = scale * (d * xt[c] - b * yt[c]);
        flow[1][c] = scale * (a * yt[c] - b * xt[c]);
    }
}
