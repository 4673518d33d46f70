//! The convolution through a bottleneck, without training: 512→rank→1023, or 512→rank→spline→1023.
//!
//! The 1023×512 Toeplitz matrix T of the kernel has singular values that fall fast, because the kernel is smooth. Its best
//! approximation of some rank is two dense layers. As the result is smooth, too, the second can stop at the coefficients of a
//! spline with a knot every few samples; the samples between the knots are then one shared block of weights, B.
//!
//! Layer 1 has the rows cᵢvᵢ of the singular vectors. The gains cᵢ share the rounding error out between both dense layers;
//! layer 2 is fitted to the rounded layer 1 and the rounded B.

use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, VectorId,
    WIDEST_ACCUMULATOR, Weights,
};
use emeuro_trainer::Quantisation;
use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Convolution;

/// Samples of the signal.
const SAMPLES: usize = 512;
/// Samples of the result.
const RESULT: usize = 1023;
/// Exponents of the raw scale 2^e of the product of both dense layers that are tried, for weights of 8 bits.
const EXPONENTS: std::ops::RangeInclusive<i32> = 16..=24;
/// Directions beyond the rank that the subspace iteration carries for its accuracy.
const OVERSAMPLING: usize = 8;
/// Rounds of the subspace iteration.
const ITERATIONS: usize = 8;
/// Distance over which the result is correlated: its autocorrelation is exp(-(d/64)²) for white noise, σ of the kernel being 32.
const CORRELATION: f64 = 64.0;

/// How the last layer unfolds a spline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spline {
    /// Samples between two knots.
    pub(super) knots: usize,
    /// Coefficients that a sample depends on: 4 make the spline cubic, 6 quintic.
    pub(super) taps: usize,
}

/// The emulator of rank `rank`.
pub(super) fn build(
    rank: usize,
    spline: Option<Spline>,
    quantisation: Quantisation,
) -> Result<Emulator, EmulatorError> {
    let bits = quantisation.weight_bits;
    let toeplitz = toeplitz(&Convolution::kernel());
    let unfolding = spline.map(|spline| Unfolding::new(spline, bits)).transpose()?;
    // Both layers gain as many bits as a weight has more than 8.
    let shift = 2 * (bits as i32 - 8);
    let target = match &unfolding {
        None => toeplitz,
        Some(unfolding) => unfolding.coefficients(&toeplitz),
    };
    let spread = unfolding.as_ref().map(|u| u.matrix());
    let factors = Factors::new(&target, spread.as_ref(), rank);
    let best = EXPONENTS
        .map(|exponent| quantise(&target, spread.as_ref(), &factors, exponent + shift, bits))
        .min_by(|a, b| a.error.total_cmp(&b.error))
        .expect("the range is not empty");
    Ok(assemble(&best, unfolding.as_ref(), quantisation)?.with_narrowest_accumulator())
}

fn assemble(
    layers: &Layers,
    unfolding: Option<&Unfolding>,
    quantisation: Quantisation,
) -> Result<Emulator, EmulatorError> {
    let Quantisation { weight_bits, activation_bits: word_bits } = quantisation;
    let word = Format::covering(word_bits, 1.0)?;
    // How the exponent is split between the two formats changes no raw word: only the name of the middle's unit.
    let first_frac = layers.exponent / 2;
    let mut builder =
        EmulatorBuilder::new("convolution", Port::new("samples", SAMPLES, word), WIDEST_ACCUMULATOR)?;
    let first = Weights { format: Format::new(weight_bits, first_frac)?, values: raw(&layers.first) };
    let largest = largest_sum(&layers.first) * first.format.value(1);
    let middle = Format::covering(word_bits, largest)?;
    let modes = builder.dense("modes", VectorId::INPUT, first, vec![0; layers.first.nrows()], middle)?;
    let format = Format::new(weight_bits, layers.exponent - first_frac)?;
    let second = Weights { format, values: raw(&layers.second) };
    let bias = vec![0; layers.second.nrows()];
    let (result, order) = match unfolding {
        None => (builder.dense("result", modes, second, bias, word)?, None),
        Some(unfolding) => {
            let scale = f64::from(-layers.exponent).exp2();
            let largest = largest_sum(&(&layers.second * &layers.first)) * scale;
            let spline =
                builder.dense("spline", modes, second, bias, Format::covering(word_bits, largest)?)?;
            let result = unfolding.add_to(&mut builder, spline, word)?;
            (result, Some((0..RESULT).collect()))
        }
    };
    let port = Port::new("result", RESULT, word);
    let spec = OutputSpec { sources: vec![result], lower: vec![], order, port };
    builder.finish(spec, Provenance::default())
}

/// What inputs of 1 can make of the largest row.
fn largest_sum(weights: &DMatrix<f64>) -> f64 {
    weights.row_iter().map(|row| row.abs().sum()).fold(0.0, f64::max)
}

/// T with T·x = kernel ∗ x.
fn toeplitz(kernel: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(RESULT, SAMPLES, |n, i| {
        n.checked_sub(i).and_then(|j| kernel.get(j)).copied().unwrap_or(0.0)
    })
}

/// The rounded block that makes samples of spline coefficients.
struct Unfolding {
    spline: Spline,
    format: Format,
    /// `[knots][taps]`, raw.
    weights: Vec<Vec<i16>>,
}

impl Unfolding {
    fn new(spline: Spline, weight_bits: u32) -> Result<Self, EmulatorError> {
        let format = Format::new(weight_bits, weight_bits as i32 - 1)?;
        let Spline { knots, taps } = spline;
        let phase = |phase: usize| {
            let weight = |tap: usize| b_spline(taps, phase as f64 / knots as f64 + (taps - 1 - tap) as f64);
            let exact: Vec<f64> =
                (0..taps).map(|tap| weight(tap) * f64::from(format.frac()).exp2()).collect();
            round_together(&exact, knots, format)
        };
        Ok(Self { spline, format, weights: (0..knots).map(phase).collect() })
    }

    /// How often the block is applied.
    fn repeats(&self) -> usize {
        RESULT.div_ceil(self.spline.knots)
    }

    /// B: the result of coefficients.
    fn matrix(&self) -> DMatrix<f64> {
        let Spline { knots, taps } = self.spline;
        DMatrix::from_fn(RESULT, self.repeats() + taps - 1, |n, k| {
            let tap = k.checked_sub(n / knots).filter(|&tap| tap < taps);
            tap.map_or(0.0, |tap| self.format.value(self.weights[n % knots][tap]))
        })
    }

    /// The coefficients that unfold to the columns of `result` in least squares.
    fn coefficients(&self, result: &DMatrix<f64>) -> DMatrix<f64> {
        let matrix = self.matrix();
        let mut gram = matrix.transpose() * &matrix;
        // The outermost coefficients hardly matter: without this they would be large and cancel.
        let ridge = 1e-6 * gram.trace() / gram.nrows() as f64;
        (0..gram.nrows()).for_each(|i| gram[(i, i)] += ridge);
        let inverse = gram.cholesky().expect("a sum of squares with a ridge").inverse();
        inverse * (matrix.transpose() * result)
    }

    fn add_to(
        &self,
        builder: &mut EmulatorBuilder,
        coefficients: VectorId,
        word: Format,
    ) -> Result<VectorId, EmulatorError> {
        let Spline { knots, taps } = self.spline;
        let geometry = BlockGeometry {
            offset: 0,
            repeat: vec![self.repeats()],
            in_stride: vec![1],
            out_stride: vec![knots as i64],
            window: vec![taps],
            in_step: vec![1],
            outputs: knots,
            out_step: 1,
            shared: true,
        };
        let weights = Weights { format: self.format, values: self.weights.concat() };
        builder.block("result", coefficients, geometry, weights, vec![0; knots], word)
    }
}

/// The uniform B-spline of order `order` (degree + 1) with knots 0, 1, …, `order` at `x` (de Boor's recurrence).
fn b_spline(order: usize, x: f64) -> f64 {
    if order == 1 {
        return f64::from(u8::from((0.0..1.0).contains(&x)));
    }
    let (n, left, right) = (order as f64, b_spline(order - 1, x), b_spline(order - 1, x - 1.0));
    (x * left + (n - x) * right) / (n - 1.0)
}

/// Rounds every weight up or down so that the errors cancel in what the block reads: neighbouring coefficients, `knots` samples apart, are
/// nearly equal.
fn round_together(exact: &[f64], knots: usize, format: Format) -> Vec<i16> {
    let correlation = |i: usize, j: usize| (-(((i.abs_diff(j) * knots) as f64 / CORRELATION).powi(2))).exp();
    let rounded = |choice: usize| -> Vec<f64> {
        let up = |tap: usize| f64::from(u8::from(choice >> tap & 1 == 1));
        let value = |(tap, w): (usize, &f64)| (w.floor() + up(tap)).min(f64::from(format.max()));
        exact.iter().enumerate().map(value).collect()
    };
    let power = |choice: &usize| -> f64 {
        let errors: Vec<f64> = rounded(*choice).iter().zip(exact).map(|(r, e)| r - e).collect();
        let row =
            |i: usize| (0..errors.len()).map(|j| errors[i] * errors[j] * correlation(i, j)).sum::<f64>();
        (0..errors.len()).map(row).sum()
    };
    let best = (0..1 << exact.len()).min_by(|a, b| power(a).total_cmp(&power(b))).unwrap_or(0);
    rounded(best).into_iter().map(|w| w as i16).collect()
}

/// The first singular triplets of what the network computes.
struct Factors {
    singular: Vec<f64>,
    /// `[rank][512]`.
    right: DMatrix<f64>,
}

impl Factors {
    /// Of `spread`·`target`, by randomised subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53, 2011, algorithm 4.4 and
    /// §5.1). The seed is fixed: the result doesn't depend on it.
    fn new(target: &DMatrix<f64>, spread: Option<&DMatrix<f64>>, rank: usize) -> Self {
        let matrix = match spread {
            None => target.clone(),
            Some(spread) => spread * target,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(16);
        let start = DMatrix::from_fn(SAMPLES, rank + OVERSAMPLING, |_, _| StandardNormal.sample(&mut rng));
        let transposed = matrix.transpose();
        let mut basis = (&matrix * start).qr().q();
        for _ in 0..ITERATIONS {
            let back = (&transposed * basis).qr().q();
            basis = (&matrix * back).qr().q();
        }
        let small = (basis.transpose() * matrix).svd(false, true);
        let right = small.v_t.expect("asked for").rows(0, rank).into_owned();
        Self { singular: small.singular_values.iter().take(rank).copied().collect(), right }
    }
}

/// Both dense layers with integer weights; their product is 2^exponent times the target.
struct Layers {
    exponent: i32,
    first: DMatrix<f64>,
    second: DMatrix<f64>,
    /// Squared Frobenius norm of what is missing in the result: the error power for white noise of power 1.
    error: f64,
}

fn quantise(
    target: &DMatrix<f64>,
    spread: Option<&DMatrix<f64>>,
    factors: &Factors,
    exponent: i32,
    weight_bits: u32,
) -> Layers {
    let max_weight = f64::from((1 << (weight_bits - 1)) - 1);
    let scale = f64::from(exponent).exp2();
    let mut first = factors.right.clone();
    for (i, mut row) in first.row_iter_mut().enumerate() {
        // Rounding adds (s/c)²·512/12 in layer 1 and (c/scale)²·rows/12 in layer 2: least at c² = scale·s·√(512/rows), unless one of the
        // two would leave its range.
        let left = target * row.transpose();
        let balanced = (scale * factors.singular[i] * (SAMPLES as f64 / target.nrows() as f64).sqrt()).sqrt();
        let most = max_weight / row.amax();
        let least = scale * left.amax() / max_weight;
        row *= balanced.max(least).min(most);
    }
    first.apply(|weight| *weight = weight.round());
    let gram = &first * first.transpose();
    let fitted = gram.cholesky().map(|gram| (target * scale) * first.transpose() * gram.inverse());
    // Rows that round to 0 leave nothing to fit to.
    let mut second = fitted.unwrap_or_else(|| DMatrix::zeros(target.nrows(), first.nrows()));
    second.apply(|weight| *weight = weight.round().clamp(-max_weight - 1.0, max_weight));
    let missing = &second * &first / scale - target;
    let error = match spread {
        None => missing.norm_squared(),
        Some(spread) => (spread * missing).norm_squared(),
    };
    Layers { exponent, first, second, error }
}

/// Row by row.
fn raw(weights: &DMatrix<f64>) -> Vec<i16> {
    weights.transpose().iter().map(|&weight| weight as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Split, evaluate};

    fn error(rank: usize, spline: Option<Spline>, weight_bits: u32) -> f64 {
        let emulator = build(rank, spline, Quantisation { weight_bits, activation_bits: 16 }).unwrap();
        evaluate(&Convolution, &emulator, &Convolution.frames(Split::Validation, 30, 2)).unwrap().nrmse
    }

    const CUBIC: Option<Spline> = Some(Spline { knots: 16, taps: 4 });

    #[test]
    fn more_rank_and_more_bits_err_less() {
        let [low, high] = [8, 16].map(|rank| error(rank, None, 16));
        assert!(high < 0.002 && high < 0.2 * low, "{low} {high}");
        let [w4, w8] = [4, 8].map(|bits| error(16, None, bits));
        assert!(high < w8 && w8 < 0.006 && w8 < 0.2 * w4, "{w4} {w8} {high}");
    }

    #[test]
    fn a_spline_unfolds_to_the_same_for_a_fraction_of_the_multiply_adds() {
        let (dense, spline) = (error(16, None, 16), error(16, CUBIC, 16));
        assert!(spline < 1.3 * dense, "{dense} {spline}");
        let macs = |spline| build(16, spline, Quantisation::default()).unwrap().macs();
        assert_eq!(macs(None), 16 * (SAMPLES + RESULT));
        assert_eq!(macs(CUBIC), 16 * SAMPLES + 67 * 16 + 64 * 16 * 4);
    }

    #[test]
    fn b_splines_sum_to_one_and_are_known_in_the_middle() {
        assert!((b_spline(4, 2.0) - 2.0 / 3.0).abs() < 1e-15);
        assert!((b_spline(6, 3.0) - 66.0 / 120.0).abs() < 1e-15);
        for order in [4, 6] {
            let sum: f64 = (0..order).map(|k| b_spline(order, 0.3 + k as f64)).sum();
            assert!((sum - 1.0).abs() < 1e-14, "{order}: {sum}");
        }
    }
}
