//! Lucas–Kanade in Rust: a loop over the window of every pixel, and sums of whole rows in vectors.

use emeuro_apps::{Application, OpticalFlow};
use pulp::{Arch, Simd, WithSimd};

use crate::{
    Baseline, Code, Kind,
    real::{Real, mul_add},
};

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
            about: "box sums over all rows at once, in loops without borders, f64",
            tolerance: 1e-9,
            plan: || Code::double(plan::<f64>()),
        },
        Baseline {
            app: "optical_flow",
            name: "row-vectors-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-3,
            plan: || Code::single(plan::<f32>()),
        },
    ]
}

/// Pixels of the rows that have differences: everything is computed for whole rows, one after the other, in loops without borders.
/// The first and the last column mix two rows, and nobody looks at what comes of them.
const AREA: usize = ROWS * PATCH;
/// Pixels of the rows that have flow.
const FIELD: usize = FLOW * PATCH;
/// Room for the reads of windows behind the last row, and for whole vectors.
const BEHIND: usize = 16;

/// Products of differences, and sums of five rows of them.
struct Sums<T> {
    products: [[T; AREA]; 5],
    down: [[T; FIELD + BEHIND]; 5],
    flow: [[T; FIELD]; 2],
}

fn plan<T: Real>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let arch = Arch::new();
    let zero = T::default();
    let (products, down, flow) = ([[zero; AREA]; 5], [[zero; FIELD + BEHIND]; 5], [[zero; FIELD]; 2]);
    let mut sums = Box::new(Sums { products, down, flow });
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
    fn with_simd<S: Simd>(self, simd: S) {
        let Sums { products, down, flow } = self.sums;
        differences(self.patches, products);
        for (products, down) in products.iter().zip(down.iter_mut()) {
            let row = |k: usize| -> &[T; FIELD] { products[k * PATCH..][..FIELD].try_into().expect("rows") };
            let (a, b, c, d, e) = (row(0), row(1), row(2), row(3), row(4));
            for i in 0..FIELD {
                down[i] = ((a[i] + b[i]) + (c[i] + d[i])) + e[i];
            }
        }
        solve(simd, down, flow);
        for (flow, output) in flow.iter().zip(self.output.chunks_exact_mut(FLOW * FLOW)) {
            for (from, to) in flow.chunks_exact(PATCH).zip(output.chunks_exact_mut(FLOW)) {
                to.copy_from_slice(&from[..FLOW]);
            }
        }
    }
}

/// The products of central differences, and of the change between the patches.
#[inline(always)]
fn differences<T: Real>(patches: &[T], products: &mut [[T; AREA]; 5]) {
    let (first, second) = patches.split_at(PATCH * PATCH);
    let at = EDGE * PATCH;
    let (left, here, right) = (&first[at - 1..][..AREA], &first[at..][..AREA], &first[at + 1..][..AREA]);
    let (above, below) = (&first[at - PATCH..][..AREA], &first[at + PATCH..][..AREA]);
    let later = &second[at..][..AREA];
    let half = T::of(0.5);
    let [xx, xy, yy, xt, yt] = products;
    for i in 0..AREA {
        let ix = half * (right[i] - left[i]);
        let iy = half * (below[i] - above[i]);
        let it = later[i] - here[i];
        xx[i] = ix * ix;
        xy[i] = ix * iy;
        yy[i] = iy * iy;
        xt[i] = ix * it;
        yt[i] = iy * it;
    }
}

/// Sums across five columns, and Cramer's rule.
#[inline(always)]
fn solve<S: Simd, T: Real>(simd: S, down: &[[T; FIELD + BEHIND]; 5], flow: &mut [[T; FIELD]; 2]) {
    let [xx, xy, yy, xt, yt] = down;
    let [u, v] = flow;
    let (zero, one) = (T::default(), T::of(1.0 + OpticalFlow::REGULARISATION));
    let lambda = T::of(OpticalFlow::REGULARISATION);
    for i in 0..FIELD {
        let across = |down: &[T; FIELD + BEHIND]| {
            ((down[i + 1] + down[i + 2]) + (down[i + 3] + down[i + 4])) + down[i + 5]
        };
        let (xx, b, yy, xt, yt) = (across(xx), across(xy), across(yy), across(xt), across(yt));
        let (a, d) = (mul_add(simd, lambda, yy, one * xx), mul_add(simd, lambda, xx, one * yy));
        let determinant = mul_add(simd, a, d, -(b * b));
        // Without contrast all sums are 0, and so is the flow.
        let scale = if determinant > zero { T::of(-1.0) / determinant } else { zero };
        u[i] = scale * mul_add(simd, d, xt, -(b * yt));
        v[i] = scale * mul_add(simd, a, yt, -(b * xt));
    }
}
