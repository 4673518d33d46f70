//! Activation functions: fast, branch-free, accurate to a few 1e-7, with their derivatives.

use ndarray::{ArrayView2, ArrayViewMut2, Zip};

/// An activation function of a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// x / (1 + e^-x).
    Silu,
}

impl Function {
    /// The name that the emulator file uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
        }
    }

    /// The function itself, in full precision: what tables are made from.
    #[must_use]
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Silu => x / (1.0 + (-x).exp()),
        }
    }

    /// y = f(x), element by element.
    pub(crate) fn apply(self, x: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
        let zip = Zip::from(y).and(x);
        match self {
            Self::Relu => zip.for_each(|y, &x| *y = x.max(0.0)),
            Self::Tanh => zip.for_each(|y, &x| *y = 2.0 * sigmoid(2.0 * x) - 1.0),
            Self::Sigmoid => zip.for_each(|y, &x| *y = sigmoid(x)),
            Self::Silu => zip.for_each(|y, &x| *y = x * sigmoid(x)),
        }
    }

    /// dx += dy · f'(x), element by element, from whichever of x and y = f(x) is cheaper.
    pub(crate) fn pull_back(
        self,
        x: ArrayView2<f32>,
        y: ArrayView2<f32>,
        dy: ArrayView2<f32>,
        dx: ArrayViewMut2<f32>,
    ) {
        let zip = Zip::from(dx).and(dy);
        match self {
            Self::Relu => zip.and(x).for_each(|dx, &dy, &x| *dx += if x > 0.0 { dy } else { 0.0 }),
            Self::Tanh => zip.and(y).for_each(|dx, &dy, &y| *dx += dy * (1.0 - y * y)),
            Self::Sigmoid => zip.and(y).for_each(|dx, &dy, &y| *dx += dy * y * (1.0 - y)),
            Self::Silu => zip.and(x).for_each(|dx, &dy, &x| {
                let s = sigmoid(x);
                *dx += dy * s * (1.0 + x * (1.0 - s));
            }),
        }
    }

    /// dx += ds · f''(x) · slope, element by element: what the loss of a slope f'(x) · `slope` says about x.
    pub(crate) fn pull_back_slope(
        self,
        x: ArrayView2<f32>,
        slope: ArrayView2<f32>,
        ds: ArrayView2<f32>,
        dx: ArrayViewMut2<f32>,
    ) {
        let zip = Zip::from(dx).and(ds).and(x).and(slope);
        match self {
            Self::Relu => {}
            Self::Tanh => zip.for_each(|dx, &ds, &x, &slope| {
                let y = 2.0 * sigmoid(2.0 * x) - 1.0;
                *dx -= ds * slope * 2.0 * y * (1.0 - y * y);
            }),
            Self::Sigmoid => zip.for_each(|dx, &ds, &x, &slope| {
                let s = sigmoid(x);
                *dx += ds * slope * s * (1.0 - s) * (1.0 - 2.0 * s);
            }),
            Self::Silu => zip.for_each(|dx, &ds, &x, &slope| {
                let s = sigmoid(x);
                *dx += ds * slope * s * (1.0 - s) * (2.0 + x * (1.0 - 2.0 * s));
            }),
        }
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// e^x for |x| ≤ 87, clamped outside; the standard library's call is not vectorised and would dominate training.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, a degree-6 polynomial for e^r and n added to the exponent.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23: adding it leaves the nearest integer in the low mantissa bits
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.0
        + r * (1.0
            + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_67 + r * (0.008_333_334 + r * 0.001_388_889)))));
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    p * f32::from_bits(exponent.wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn functions_agree_with_the_standard_library() {
        let x = Array2::from_shape_fn((1, 4001), |(_, i)| (i as f32 - 2000.0) / 100.0);
        for function in [Function::Relu, Function::Tanh, Function::Sigmoid, Function::Silu] {
            let mut y = Array2::zeros(x.raw_dim());
            function.apply(x.view(), y.view_mut());
            for (&x, &y) in x.iter().zip(&y) {
                let exact = function.value(f64::from(x));
                assert!(
                    (f64::from(y) - exact).abs() < 1e-6 * exact.abs().max(1.0),
                    "{function:?}({x}) = {y}"
                );
            }
        }
    }

    #[test]
    fn exponential_does_not_overflow() {
        assert!(exp(1e9).is_finite());
        assert!(exp(-1e9) > 0.0 && exp(-1e9) < 1e-37);
    }
}
