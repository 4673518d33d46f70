//! The two number types of physical values, and how to have something for each.

use std::fmt::Display;

/// `f32` or `f64`; the supertrait that seals [`Value`](crate::Value).
pub trait Number: Copy + PartialEq + Display + Into<f64> {
    /// The nearest number.
    fn of(value: f64) -> Self;

    /// Whether it is neither infinite nor NaN.
    fn is_bounded(self) -> bool;

    /// That of this type.
    fn pick<F: Family>(both: &Both<F>) -> &F::Of<Self>;
}

/// A type for every number type, as the kernels from and to these numbers.
pub trait Family {
    /// Its type for the numbers `V`.
    type Of<V>;
}

/// What there is for each of the number types.
#[derive(Clone, Copy, Debug)]
pub struct Both<F: Family> {
    /// For double precision.
    pub doubles: F::Of<f64>,
    /// For single precision.
    pub singles: F::Of<f32>,
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn is_bounded(self) -> bool {
        const EXPONENT: u64 = 0x7ff << 52;
        self.to_bits() & EXPONENT != EXPONENT
    }

    #[inline(always)]
    fn pick<F: Family>(both: &Both<F>) -> &F::Of<Self> {
        &both.doubles
    }
}

impl Number for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn is_bounded(self) -> bool {
        const EXPONENT: u32 = 0xff << 23;
        self.to_bits() & EXPONENT != EXPONENT
    }

    #[inline(always)]
    fn pick<F: Family>(both: &Both<F>) -> &F::Of<Self> {
        &both.singles
    }
}
