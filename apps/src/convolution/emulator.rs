//! The convolution as a network of two dense layers, 512→16→1023, without training.
//!
//! The 1023×512 Toeplitz matrix T of the kernel has singular values that fall fast, because the kernel is smooth: the
//! best approximation of rank 16, T ≈ Σᵢ sᵢ uᵢ vᵢᵀ, is about as exact as the rounding of 8-bit weights. Layer 1 has the rows
//! cᵢ vᵢ, layer 2 the columns (sᵢ/cᵢ) uᵢ. The gains cᵢ share the rounding error out between both layers; layer 2 is then
//! fitted to the rounded layer 1.

use emeuro_golden::{
    Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port, Provenance, Segment, VectorId,
    Weights,
};
use emeuro_trainer::Quantisation;
use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Convolution, RESULT, SAMPLES};
use crate::analytic::with_narrowest_accumulator;
use crate::{Analytic, Kernel};

/// Width of the middle layer.
const RANK: usize = 16;
/// Exponents of the raw scale 2^e of the product of both layers that are tried, for weights of 8 bits.
const EXPONENTS: std::ops::RangeInclusive<i32> = 18..=24;
/// Directions beyond the rank that the subspace iteration carries for its accuracy.
const OVERSAMPLING: usize = 8;
/// Rounds of the subspace iteration; the error falls with (s₂₄/s₁₆)² in each.
const ITERATIONS: usize = 8;

pub(super) fn build(quantisation: Quantisation) -> Result<Analytic, EmulatorError> {
    let Quantisation { weight_bits, activation_bits } = quantisation;
    let toeplitz = toeplitz(&Convolution::kernel());
    let factors = truncated_svd(&toeplitz);
    // Both layers gain as many bits as a weight has more than 8.
    let shift = 2 * (weight_bits as i32 - 8);
    let best = EXPONENTS
        .map(|exponent| quantise(&toeplitz, &factors, exponent + shift, weight_bits))
        .min_by(|a, b| a.error.total_cmp(&b.error))
        .expect("the range is not empty");
    let emulator = with_narrowest_accumulator(|bits| assemble(&best, weight_bits, activation_bits, bits))?;
    Ok(Analytic { emulator, unquantised: unquantised(factors) })
}

fn assemble(
    layers: &Quantised,
    weight_bits: u32,
    word_bits: u32,
    accumulator: u32,
) -> Result<Emulator, EmulatorError> {
    let input = Format::covering(word_bits, 1.0)?;
    let output = Format::covering(word_bits, 1.0)?;
    // How the exponent is split between the two formats changes no raw word: only the name of the middle's unit.
    let first_frac = layers.exponent / 2;
    let mut builder = EmulatorBuilder::new("convolution", port("samples", SAMPLES, input), accumulator)?;
    let first = Weights { format: Format::new(weight_bits, first_frac)?, values: raw(&layers.first) };
    let largest = layers.first.row_iter().map(|row| row.abs().sum()).fold(0.0, f64::max);
    let middle = Format::covering(word_bits, largest * first.format.value(1))?;
    let modes = builder.dense("modes", VectorId::INPUT, first, vec![0; RANK], middle)?;
    let second = Weights {
        format: Format::new(weight_bits, layers.exponent - first_frac)?,
        values: raw(&layers.second),
    };
    let result = builder.dense("result", modes, second, vec![0; RESULT], output)?;
    let spec = OutputSpec {
        sources: vec![result],
        lower: vec![],
        order: None,
        port: port("result", RESULT, output),
    };
    builder.finish(spec, Provenance::default())
}

/// Both layers in floating point.
fn unquantised(factors: Factors) -> Kernel {
    let Factors { left, singular, right } = factors;
    let left = left * DMatrix::from_diagonal(&singular);
    Kernel::new("convolution", SAMPLES, RESULT, move |input, output| {
        let result = &left * (&right * DVector::from_column_slice(input));
        output.copy_from_slice(result.as_slice());
    })
}

fn port(name: &str, size: usize, format: Format) -> Port {
    let segment = Segment { name: name.into(), unit: "1".into(), size, frac: format.frac() };
    Port { bits: format.bits(), segments: vec![segment] }
}

/// T with T·x = kernel ∗ x.
fn toeplitz(kernel: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(RESULT, SAMPLES, |n, i| {
        n.checked_sub(i).and_then(|j| kernel.get(j)).copied().unwrap_or(0.0)
    })
}

/// The first [`RANK`] singular triplets.
struct Factors {
    /// `[1023][16]`.
    left: DMatrix<f64>,
    singular: DVector<f64>,
    /// `[16][512]`.
    right: DMatrix<f64>,
}

/// Randomised subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53, 2011, algorithm 4.4 and §5.1): a small
/// singular value decomposition instead of a large one. The seed is fixed: the result doesn't depend on it.
fn truncated_svd(matrix: &DMatrix<f64>) -> Factors {
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    let start = DMatrix::from_fn(SAMPLES, RANK + OVERSAMPLING, |_, _| StandardNormal.sample(&mut rng));
    let transposed = matrix.transpose();
    let mut basis = (matrix * start).qr().q();
    for _ in 0..ITERATIONS {
        let back = (&transposed * basis).qr().q();
        basis = (matrix * back).qr().q();
    }
    let small = (basis.transpose() * matrix).svd(true, true);
    let (u, v) = (small.u.expect("asked for"), small.v_t.expect("asked for"));
    Factors {
        left: basis * u.columns(0, RANK),
        singular: small.singular_values.rows(0, RANK).into_owned(),
        right: v.rows(0, RANK).into_owned(),
    }
}

/// Both layers with integer weights; their product is 2^exponent · T.
struct Quantised {
    exponent: i32,
    first: DMatrix<f64>,
    second: DMatrix<f64>,
    /// Squared Frobenius norm of what is missing to T: the error power for white noise of power 1.
    error: f64,
}

fn quantise(toeplitz: &DMatrix<f64>, factors: &Factors, exponent: i32, weight_bits: u32) -> Quantised {
    let max_weight = f64::from((1 << (weight_bits - 1)) - 1);
    let scale = f64::from(exponent).exp2();
    let mut first = factors.right.clone();
    for (i, mut row) in first.row_iter_mut().enumerate() {
        // Rounding adds (s/c)²·512/12 in layer 1 and (c/scale)²·1023/12 in layer 2: least at c² = scale·s·√(512/1023),
        // unless one of the two would leave its range.
        let size = factors.singular[i];
        let balanced = (scale * size * (SAMPLES as f64 / RESULT as f64).sqrt()).sqrt();
        let most = max_weight / row.amax();
        let least = scale * size * factors.left.column(i).amax() / max_weight;
        row *= balanced.max(least).min(most);
    }
    first.apply(|weight| *weight = weight.round());
    let gram = &first * first.transpose();
    let inverse = gram.cholesky().expect("the rows are nearly orthogonal").inverse();
    let mut second = (toeplitz * scale) * first.transpose() * inverse;
    second.apply(|weight| *weight = weight.round().clamp(-max_weight - 1.0, max_weight));
    let error = (&second * &first / scale - toeplitz).norm_squared();
    Quantised { exponent, first, second, error }
}

/// Row by row.
fn raw(weights: &DMatrix<f64>) -> Vec<i16> {
    weights.transpose().iter().map(|&weight| weight as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, Split};
    use emeuro_golden::nrmse;

    /// White noise is the hardest: 0.87 % is what rank 16 leaves, 0.6 % is rounding.
    #[test]
    fn every_kind_of_signal_stays_close() {
        let emulator = build(Quantisation::default()).unwrap().emulator;
        let frames = Convolution.frames(Split::Test, 60, 1);
        for (kind, most) in [("white noise", 0.012), ("speech-like", 0.01), ("steps", 0.005)] {
            let frames = frames.of_kind(kind);
            let estimates: Vec<f64> =
                frames.inputs.chunks_exact(SAMPLES).flat_map(|x| emulator.run_values(x).unwrap()).collect();
            let error = nrmse(&frames.targets, &estimates, RESULT);
            assert!(error < most, "{kind}: {error}");
        }
    }

    #[test]
    fn every_width_gives_an_emulator_and_more_bits_a_better_one() {
        let frames = Convolution.frames(Split::Test, 9, 2);
        let error = |weight_bits, activation_bits| {
            let built = build(Quantisation { weight_bits, activation_bits }).unwrap();
            crate::evaluate(&Convolution, &built.emulator, &frames).unwrap().nrmse
        };
        let [w4, w8, w16] = [4, 8, 16].map(|weights| error(weights, 16));
        let narrow = error(8, 8);
        assert!(w4 < 0.2 && w8 < 0.2 * w4 && w16 < w8 && narrow < 0.2, "{w4} {w8} {w16} {narrow}");
    }

    #[test]
    fn without_rounding_only_the_rank_limits() {
        let frames = Convolution.frames(Split::Test, 9, 2);
        let mut kernel = build(Quantisation::default()).unwrap().unquantised;
        let float = crate::Evaluation::of_kernel(&Convolution, &mut kernel, &frames).unwrap();
        assert!(float.kinds[0].1 < 0.01 && float.nrmse < 0.005, "{float:?}");
    }

    #[test]
    fn the_network_has_the_size_of_the_design() {
        assert_eq!(build(Quantisation::default()).unwrap().emulator.macs(), RANK * (SAMPLES + RESULT));
    }

    #[test]
    fn the_singular_triplets_satisfy_their_equations() {
        let toeplitz = toeplitz(&Convolution::kernel());
        let Factors { left, singular, right } = truncated_svd(&toeplitz);
        let weighted = DMatrix::from_diagonal(&singular);
        assert!((&toeplitz * right.transpose() - &left * &weighted).norm() < 1e-9);
        assert!((toeplitz.transpose() * &left - right.transpose() * &weighted).norm() < 1e-5);
        let missing = (&left * weighted * right - &toeplitz).norm() / toeplitz.norm();
        assert!((0.008..0.009).contains(&missing), "{missing}");
    }
}
