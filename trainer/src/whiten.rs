//! Partial whitening of inputs: the coordinates in which the float phase trains.
//!
//! z = c · diag(λ + ridge·λ̄)^-power · Uᵀ · S⁻¹ · (x - mean): every input segment is brought to unit size (S), the principal axes
//! (U, λ) are scaled partially. A power of ½ would be full whitening, which learns fastest but lets directions of almost no
//! variance have huge weights, and those ruin low-precision weights after folding; ¼ ("half-whitening") is the measured
//! compromise. Working in the principal axes instead of rotating back makes Adam's per-weight step sizes per-direction step sizes.

use ndarray::{Array1, Array2, ArrayView2};

use crate::moments;

/// How far the inputs are whitened during float training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whitening {
    /// Exponent of the inverse eigenvalues: 0 is none, ¼ half, ½ full whitening.
    pub power: f64,
    /// Added to every eigenvalue, relative to their mean.
    pub ridge: f64,
}

impl Default for Whitening {
    fn default() -> Self {
        Self { power: 0.25, ridge: 1e-4 }
    }
}

/// Principal directions with less than this share of the mean variance are rounding noise of the data.
const NOISE: f64 = 1e-8;

/// The principal axes of frames: what is costly about whitening many inputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axes {
    mean: Array1<f64>,
    /// What brings every input's segment to unit size.
    scales: Vec<f64>,
    /// Variances along the axes, the largest first.
    values: Array1<f64>,
    /// `[axes, inputs]`.
    vectors: Array2<f64>,
}

impl Axes {
    /// Of `[frames, inputs]`; `segments` are the sizes of input segments with units of their own.
    pub(crate) fn new(inputs: ArrayView2<f32>, segments: &[usize]) -> Self {
        let mean = moments::mean(inputs);
        let centred = moments::centred(inputs, mean.view());
        let mut covariance = moments::product(centred.view(), centred.view());
        let mut scales = Vec::with_capacity(inputs.ncols());
        let mut start = 0;
        for &size in segments {
            let variance = (start..start + size).map(|i| covariance[(i, i)]).sum::<f64>() / size as f64;
            let scale = if variance > 0.0 { 1.0 / variance.sqrt() } else { 1.0 };
            scales.extend(std::iter::repeat_n(scale, size));
            start += size;
        }
        covariance.indexed_iter_mut().for_each(|((i, j), c)| *c *= scales[i] * scales[j]);
        let (values, vectors) = moments::eigen(&covariance);
        Self { mean, scales, values, vectors }
    }
}

/// The affine map z = matrix · (x - mean) from physical inputs to training coordinates.
#[derive(Clone, Debug)]
pub(crate) struct Preconditioner {
    pub(crate) mean: Array1<f64>,
    /// `[coordinates, inputs]`, at most as many coordinates as inputs.
    pub(crate) matrix: Array2<f64>,
    /// `[inputs, coordinates]`: matrix · inverse = 1.
    pub(crate) inverse: Array2<f64>,
    /// Variance of every coordinate over the frames it was made from.
    pub(crate) variances: Array1<f64>,
    /// The factor that the map is, where elements must stay what they are because others than dense nodes read them.
    factor: Option<f64>,
}

impl Preconditioner {
    /// From training inputs `[frames, inputs]`; `segments` are the sizes of input segments with units of their own.
    pub(crate) fn new(inputs: ArrayView2<f32>, segments: &[usize], whitening: &Whitening) -> Self {
        Self::along(&Axes::new(inputs, segments), whitening)
    }

    /// From the axes of training inputs.
    pub(crate) fn along(axes: &Axes, whitening: &Whitening) -> Self {
        let Axes { mean, scales, values, vectors } = axes;
        let inputs = mean.len();
        // Segments of unit size make this 1 unless all inputs are constant.
        let average = if values.sum() > 0.0 { values.sum() / values.len() as f64 } else { 1.0 };
        let kept = values.iter().take_while(|&&v| v > NOISE * average).count().max(1);
        let gains: Vec<f64> = values
            .iter()
            .take(kept)
            .map(|v| (v + whitening.ridge * average).powf(-whitening.power))
            .collect();
        let total: f64 = values.iter().zip(&gains).map(|(v, g)| v * g * g).sum();
        // Unit variance on average over the coordinates: the scale that weight initialisation expects.
        let common = if total > 0.0 { (kept as f64 / total).sqrt() } else { 1.0 };
        let matrix =
            Array2::from_shape_fn((kept, inputs), |(k, i)| common * gains[k] * vectors[(k, i)] * scales[i]);
        let inverse =
            Array2::from_shape_fn((inputs, kept), |(i, k)| vectors[(k, i)] / (common * gains[k] * scales[i]));
        let variances = (0..kept).map(|k| values[k] * (common * gains[k]).powi(2)).collect();
        Self { mean: mean.clone(), matrix, inverse, variances, factor: None }
    }

    /// Nothing but one factor for all inputs, which brings them to unit size: windows of blocks and products see elements alike.
    pub(crate) fn uniform(inputs: ArrayView2<f32>, scaled: bool) -> Self {
        let squares = inputs.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / inputs.len().max(1) as f64;
        let factor = if scaled && squares > 0.0 { 1.0 / squares.sqrt() } else { 1.0 };
        let matrix = Array2::eye(inputs.ncols()) * factor;
        let inverse = Array2::eye(inputs.ncols()) / factor;
        let mean = moments::mean(inputs);
        let centred = moments::centred(inputs, mean.view());
        let variances = centred.columns().into_iter().map(|column| {
            column.iter().map(|&v| (f64::from(v) * factor).powi(2)).sum::<f64>() / column.len() as f64
        });
        let variances = variances.collect();
        Self { mean: Array1::zeros(inputs.ncols()), matrix, inverse, variances, factor: Some(factor) }
    }

    /// The weights and biases on physical inputs of a layer whose `weights` are on training coordinates.
    pub(crate) fn fold(&self, weights: &mut Array2<f64>, bias: &mut Array1<f64>) {
        match self.factor {
            Some(factor) => *weights *= factor,
            None => {
                *weights = weights.dot(&self.matrix);
                *bias -= &weights.dot(&self.mean);
            }
        }
    }

    /// Training coordinates of `inputs`.
    pub(crate) fn apply(&self, inputs: ArrayView2<f32>) -> Array2<f32> {
        match self.factor {
            Some(factor) => inputs.mapv(|v| v * factor as f32),
            None => moments::centred(inputs, self.mean.view()).dot(&self.matrix.mapv(|v| v as f32).t()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    /// Two segments of very different size; the first is strongly correlated.
    fn inputs() -> Array2<f32> {
        Array2::from_shape_fn((2000, 4), |(r, c)| {
            let (u, v) = ((r as f32 * 0.37).sin(), (r as f32 * 1.93).cos());
            [u + 5.0, u + 0.01 * v, 1000.0 * v, 300.0 * (r as f32 * 0.11).sin()][c]
        })
    }

    #[test]
    fn half_whitening_takes_the_square_root_of_the_spread() {
        let x = inputs();
        let spread = |power| {
            let p = Preconditioner::new(x.view(), &[2, 2], &Whitening { power, ridge: 0.0 });
            assert!((p.variances.mean().unwrap() - 1.0).abs() < 1e-9);
            p.variances[0] / p.variances[2]
        };
        assert!((spread(0.5) - 1.0).abs() < 1e-9);
        assert!((spread(0.25) - spread(0.0).sqrt()).abs() < 1e-6 * spread(0.0));
    }

    #[test]
    fn coordinates_have_the_stated_moments() {
        let x = inputs();
        let p = Preconditioner::new(x.view(), &[2, 2], &Whitening::default());
        let unit = p.matrix.dot(&p.inverse);
        assert!(unit.indexed_iter().all(|((i, j), &u)| (u - f64::from(u8::from(i == j))).abs() < 1e-9));
        let z = p.apply(x.view());
        assert!(z.mean_axis(Axis(0)).unwrap().iter().all(|m| m.abs() < 1e-3));
        let covariance = moments::product(z.view(), z.view());
        for ((i, j), &c) in covariance.indexed_iter() {
            let expected = if i == j { p.variances[i] } else { 0.0 };
            let size = (p.variances[i] * p.variances[j]).sqrt();
            assert!((c - expected).abs() < 1e-2 * size + 1e-6, "{i} {j}: {c}");
        }
    }

    #[test]
    fn constant_inputs_are_harmless() {
        let x = Array2::from_elem((10, 3), 2.5f32);
        let p = Preconditioner::new(x.view(), &[3], &Whitening::default());
        assert!(p.matrix.iter().all(|v| v.is_finite()));
        assert!(p.apply(x.view()).iter().all(|v| v.abs() < 1e-6));
    }
}
