//! Lucas–Kanade as papers state it: for every pixel, a loop over its window.

use super::{FLOW, MARGIN, PATCH, REGULARISATION, WINDOW};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    Kernel::new("optical_flow", 2 * PATCH * PATCH, 2 * FLOW * FLOW, |input, output| {
        for (pixel, tensor) in tensors(input).iter().enumerate() {
            let (u, v) = tensor.flow();
            output[pixel] = u;
            output[FLOW * FLOW + pixel] = v;
        }
    })
}

/// Sums over a window of the products of derivatives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tensor {
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) yy: f64,
    pub(super) xt: f64,
    pub(super) yt: f64,
}

impl Tensor {
    /// Cramer's rule for the regularised 2×2 system.
    fn flow(self) -> (f64, f64) {
        let lambda = REGULARISATION * (self.xx + self.yy);
        let (a, b, d) = (self.xx + lambda, self.xy, self.yy + lambda);
        let determinant = a * d - b * b;
        if determinant <= 0.0 {
            return (0.0, 0.0);
        }
        ((b * self.yt - d * self.xt) / determinant, (b * self.xt - a * self.yt) / determinant)
    }
}

/// The tensor of every pixel of the flow field, row by row.
pub(super) fn tensors(patches: &[f64]) -> [Tensor; FLOW * FLOW] {
    std::array::from_fn(|pixel| {
        let mut tensor = Tensor::default();
        for dy in 0..WINDOW {
            for dx in 0..WINDOW {
                let x = pixel % FLOW + MARGIN + dx - WINDOW / 2;
                let y = pixel / FLOW + MARGIN + dy - WINDOW / 2;
                let (ix, iy, it) = derivatives(patches, x, y);
                tensor.xx += ix * ix;
                tensor.xy += ix * iy;
                tensor.yy += iy * iy;
                tensor.xt += ix * it;
                tensor.yt += iy * it;
            }
        }
        tensor
    })
}

/// Central differences of the first patch, and the change to the second.
fn derivatives(patches: &[f64], x: usize, y: usize) -> (f64, f64, f64) {
    let first = |x: usize, y: usize| patches[y * PATCH + x];
    let second = |x: usize, y: usize| patches[PATCH * PATCH + y * PATCH + x];
    let ix = (first(x + 1, y) - first(x - 1, y)) / 2.0;
    let iy = (first(x, y + 1) - first(x, y - 1)) / 2.0;
    (ix, iy, second(x, y) - first(x, y))
}
