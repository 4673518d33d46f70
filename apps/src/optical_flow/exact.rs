//! Lucas–Kanade with separable box sums: five products per pixel, summed down and then across, solved in one pass.

#![expect(clippy::needless_range_loop, reason = "the indices are the notation of the algorithm")]

use pulp::{Arch, Simd, WithSimd};

use super::{FLOW, MARGIN, PATCH, REGULARISATION, WINDOW};
use crate::kernel::Kernel;

/// Side of the area where differences are needed.
const AREA: usize = FLOW + WINDOW - 1;
/// Its distance from the border of the patch.
const EDGE: usize = MARGIN - WINDOW / 2;

type Products = [[[f64; AREA]; AREA]; 5];

pub(super) fn plan() -> Kernel {
    let arch = Arch::new();
    let mut products: Box<Products> = Box::new([[[0.0; AREA]; AREA]; 5]);
    Kernel::new("optical_flow", 2 * PATCH * PATCH, 2 * FLOW * FLOW, move |input, output| {
        arch.dispatch(Flow { patches: input, output, products: &mut products });
    })
}

/// The arguments of [`flow`]. A type and not a closure: only a function that must be inlined takes on the vector
/// instructions of its caller.
struct Flow<'a> {
    patches: &'a [f64],
    output: &'a mut [f64],
    products: &'a mut Products,
}

impl WithSimd for Flow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        flow(self.patches, self.output, self.products);
    }
}

#[inline(always)]
fn flow(patches: &[f64], output: &mut [f64], products: &mut Products) {
    let (first, second) = patches.split_at(PATCH * PATCH);
    for row in 0..AREA {
        let line = |patch: &'_ [f64], row: usize| -> [f64; PATCH] {
            patch[row * PATCH..][..PATCH].try_into().expect("a line has PATCH pixels")
        };
        let y = row + EDGE;
        let (above, here, below) = (line(first, y - 1), line(first, y), line(first, y + 1));
        let later = line(second, y);
        for column in 0..AREA {
            let x = column + EDGE;
            let ix = 0.5 * (here[x + 1] - here[x - 1]);
            let iy = 0.5 * (below[x] - above[x]);
            let it = later[x] - here[x];
            products[0][row][column] = ix * ix;
            products[1][row][column] = ix * iy;
            products[2][row][column] = iy * iy;
            products[3][row][column] = ix * it;
            products[4][row][column] = iy * it;
        }
    }
    let (u, v) = output.split_at_mut(FLOW * FLOW);
    for row in 0..FLOW {
        let sums: [[f64; FLOW]; 5] = std::array::from_fn(|k| {
            let lines = &products[k][row..row + WINDOW];
            let mut down = [0.0; AREA];
            for line in lines {
                for column in 0..AREA {
                    down[column] += line[column];
                }
            }
            let mut across = [0.0; FLOW];
            for shift in 0..WINDOW {
                for column in 0..FLOW {
                    across[column] += down[column + shift];
                }
            }
            across
        });
        let [xx, xy, yy, xt, yt] = sums;
        let (u, v) = (&mut u[row * FLOW..][..FLOW], &mut v[row * FLOW..][..FLOW]);
        for column in 0..FLOW {
            let trace = xx[column] + yy[column];
            let lambda = REGULARISATION * trace;
            let (a, b, d) = (xx[column] + lambda, xy[column], yy[column] + lambda);
            // Without contrast all sums are 0, and so is the flow.
            let determinant = a * d - b * b;
            let scale = if determinant > 0.0 { -1.0 / determinant } else { 0.0 };
            u[column] = scale * (d * xt[column] - b * yt[column]);
            v[column] = scale * (a * yt[column] - b * xt[column]);
        }
    }
}
