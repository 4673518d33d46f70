//! What kernels for `f32` and `f64` need of a number.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// `f32` or `f64`.
pub(crate) trait Real:
    Copy
    + Default
    + PartialOrd
    + Send
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// The nearest number.
    fn of(value: f64) -> Self;
    fn abs(self) -> Self;
    fn larger(self, other: Self) -> Self;
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// 2^self for an integral value between the exponents of the format, from its bits.
    fn power_of_two(self) -> Self;
    /// The nearest integer, ties to even, for values of up to a million.
    fn rounded(self) -> Self;
    /// 1/√self to 4 %, from the bits: halving the exponent halves the logarithm (Lomont, 2003).
    fn inverse_sqrt_guess(self) -> Self;
    /// As many numbers as the widest vector has.
    type Vector<S: pulp::Simd>: Copy;
    /// The whole vectors at the beginning of a slice.
    fn vectors<S: pulp::Simd>(values: &[Self]) -> &[Self::Vector<S>];
    fn vectors_mut<S: pulp::Simd>(values: &mut [Self]) -> &mut [Self::Vector<S>];
    fn splat<S: pulp::Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// a·b + c of every number.
    fn mul_add_vectors<S: pulp::Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// 1.5·2^m, m bits of mantissa: in the last bits of a sum with it stands the nearest integer.
    const ALIGNING: Self;
    /// Terms of Taylor's series that [`exp`] needs for the precision of the format.
    const EXP_TERMS: usize;
    /// Newton's steps that [`inverse_sqrt`] needs for it.
    const INVERSE_SQRT_STEPS: usize;
}

/// The same for both formats; `pulp` are its names for the vectors of this one and for what is done with them.
macro_rules! real {
    ($real:ident {
        EXP_TERMS: $exp_terms:literal,
        INVERSE_SQRT_STEPS: $inverse_sqrt_steps:literal,
        inverse_sqrt_guess: $guess:literal,
        pulp: $vector:ident $as_simd:ident $as_mut_simd:ident $splat:ident $mul_add_e:ident,
    }) => {
        impl Real for $real {
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $real
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                self.mul_add(factor, term)
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                const BIAS: $real = ($real::MAX_EXP - 1) as $real;
                $real::from_bits((self + Self::ALIGNING + BIAS).to_bits() << ($real::MANTISSA_DIGITS - 1))
            }
            #[inline(always)]
            fn rounded(self) -> Self {
                (self + Self::ALIGNING) - Self::ALIGNING
            }
            #[inline(always)]
            fn inverse_sqrt_guess(self) -> Self {
                $real::from_bits($guess - (self.to_bits() >> 1))
            }
            type Vector<S: pulp::Simd> = S::$vector;
            #[inline(always)]
            fn vectors<S: pulp::Simd>(values: &[Self]) -> &[S::$vector] {
                S::$as_simd(values).0
            }
            #[inline(always)]
            fn vectors_mut<S: pulp::Simd>(values: &mut [Self]) -> &mut [S::$vector] {
                S::$as_mut_simd(values).0
            }
            #[inline(always)]
            fn splat<S: pulp::Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn mul_add_vectors<S: pulp::Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                simd.$mul_add_e(a, b, c)
            }
            const ALIGNING: Self = 1.5 * (1u64 << ($real::MANTISSA_DIGITS - 1)) as $real;
            const EXP_TERMS: usize = $exp_terms;
            const INVERSE_SQRT_STEPS: usize = $inverse_sqrt_steps;
        }
    };
}

real!(f32 {
    EXP_TERMS: 7,
    INVERSE_SQRT_STEPS: 3,
    inverse_sqrt_guess: 0x5f37_5a86,
    pulp: f32s as_simd_f32s as_mut_simd_f32s splat_f32s mul_add_e_f32s,
});

real!(f64 {
    EXP_TERMS: 13,
    INVERSE_SQRT_STEPS: 4,
    inverse_sqrt_guess: 0x5fe6_eb50_c7b5_37a9,
    pulp: f64s as_simd_f64s as_mut_simd_f64s splat_f64s mul_add_e_f64s,
});

/// `a·b + c`, in one rounding where the machine has the instruction for it and where it is fast.
#[inline(always)]
pub(crate) fn mul_add<S: pulp::Simd, T: Real>(_: S, a: T, b: T, c: T) -> T {
    if S::IS_SCALAR { a * b + c } else { a.mul_add(b, c) }
}

/// 1/√x for x > 0 without a root or a division, which take several times as long as all of these steps.
#[inline(always)]
pub(crate) fn inverse_sqrt<S: pulp::Simd, T: Real>(simd: S, x: T) -> T {
    let half = T::of(0.5);
    let mut y = x.inverse_sqrt_guess();
    for _ in 0..T::INVERSE_SQRT_STEPS {
        // y + y·(1 - x·y²)/2
        let rest = mul_add(simd, -(x * y), y, T::of(1.0));
        y = mul_add(simd, y * half, rest, y);
    }
    y
}

/// exp(x) for x between -80 and 0, without branches: loops over it vectorise. x = k·ln 2 + r, Taylor's series for r.
#[inline(always)]
pub(crate) fn exp<S: pulp::Simd, T: Real>(simd: S, x: T) -> T {
    // ln 2 in two parts, of which the first times an integer is exact in single precision.
    let (high, low) = (T::of(0.693_359_375), T::of(-2.121_944_400_546_905_8e-4));
    let k = (x * T::of(std::f64::consts::LOG2_E)).rounded();
    let r = mul_add(simd, k, -low, mul_add(simd, k, -high, x));
    let mut sum = T::of(INVERSE_FACTORIALS[T::EXP_TERMS]);
    for coefficient in INVERSE_FACTORIALS[..T::EXP_TERMS].iter().rev() {
        sum = mul_add(simd, sum, r, T::of(*coefficient));
    }
    sum * k.power_of_two()
}

/// 1/n!
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut inverse = [1.0; 14];
    let mut n = 1;
    while n < inverse.len() {
        inverse[n] = inverse[n - 1] / n as f64;
        n += 1;
    }
    inverse
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_roots_are_right_to_the_last_digits() {
        let simd = pulp::Scalar::new();
        for i in -900..900 {
            let x = f64::from(i) * 0.01;
            let x = 10f64.powf(x);
            assert!((inverse_sqrt(simd, x) * x.sqrt() - 1.0).abs() < 1e-15, "{x}");
            let single = f64::from(inverse_sqrt(simd, x as f32));
            assert!((single * f64::from(x as f32).sqrt() - 1.0).abs() < 3e-7, "{x}");
        }
    }

    #[test]
    fn exp_is_right_to_the_last_digits() {
        let simd = pulp::Scalar::new();
        for i in 0..=8000 {
            let x = -0.01 * f64::from(i);
            let truth = x.exp();
            assert!((exp(simd, x) / truth - 1.0).abs() < 1e-15 * 3.0, "{x}");
            let single = f64::from(exp(simd, x as f32));
            assert!((single / f64::from(x as f32).exp() - 1.0).abs() < 3e-7, "{x}");
        }
    }
}
