//! What the kernels need of a number type of physical values.

use std::fmt::Display;

use super::{
    elementwise::Range,
    kernels::{Infer, Kernels},
    port::{Scale, Scales},
};

/// `f32` or `f64`; the supertrait that seals [`Value`](crate::Value).
pub trait Number: Copy + PartialEq + Display + Into<f64> {
    /// The largest magnitude of a point whose factors are exact, and with which a product that overflows, or twice it, is beyond any word.
    const MOST_POINTS: i32;

    /// The nearest number.
    fn of(value: f64) -> Self;

    /// Whether it is neither infinite nor NaN.
    fn is_bounded(self) -> bool;

    /// The nearest word of `range` to the number times `factor`, a power of two; ties upwards. NaN becomes the least word.
    fn nearest(self, factor: Self, range: Range) -> i16;

    /// A word times `factor`.
    fn times(word: i16, factor: Self) -> Self;

    /// The kernels from and to these numbers.
    fn infer(kernels: &Kernels) -> Infer<Self>;

    /// The factors of a port as these numbers.
    fn scale(scales: &Scales) -> &Scale<Self>;
}

/// `value` within the limits, which are integers that a word of 32 bits holds; NaN becomes the least.
macro_rules! limited {
    ($value:expr, $least:expr, $most:expr) => {{
        let (value, least, most) = ($value, $least, $most);
        let value = if value > least { value } else { least };
        if value < most { value } else { most }
    }};
}

/// The nearest word of `range` to `value` times `factor`, ties upwards.
macro_rules! nearest {
    ($value:expr, $factor:expr, $range:expr) => {{
        // x + 1/2 would round, 2 x does not: floor(x + 1/2) = (floor(2 x) + 1) >> 1. What overflows is beyond the limits, and
        // what underflows has a floor of 0 or -1, which both become 0.
        let [least, most] = [$range.min, $range.max].map(|word| 2.0 * Self::from(word));
        let twice = limited!(($value + $value) * $factor, least, most);
        // SAFETY: within the limits of two words.
        let cut = unsafe { twice.to_int_unchecked::<i32>() };
        let floor = cut - i32::from(cut as Self > twice);
        ((floor + 1) >> 1) as i16
    }};
}

impl Number for f64 {
    // All that ports can have.
    const MOST_POINTS: i32 = 1000;

    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn is_bounded(self) -> bool {
        const EXPONENT: u64 = 0x7ff << 52;
        self.to_bits() & EXPONENT != EXPONENT
    }

    #[inline(always)]
    fn nearest(self, factor: Self, range: Range) -> i16 {
        nearest!(self, factor, range)
    }

    #[inline(always)]
    fn times(word: i16, factor: Self) -> Self {
        Self::from(i32::from(word)) * factor
    }

    fn infer(kernels: &Kernels) -> Infer<Self> {
        kernels.doubles
    }

    fn scale(scales: &Scales) -> &Scale<Self> {
        &scales.doubles
    }
}

impl Number for f32 {
    const MOST_POINTS: i32 = 64;

    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn is_bounded(self) -> bool {
        const EXPONENT: u32 = 0xff << 23;
        self.to_bits() & EXPONENT != EXPONENT
    }

    #[inline(always)]
    fn nearest(self, factor: Self, range: Range) -> i16 {
        nearest!(self, factor, range)
    }

    #[inline(always)]
    fn times(word: i16, factor: Self) -> Self {
        Self::from(word) * factor
    }

    fn infer(kernels: &Kernels) -> Infer<Self> {
        kernels.singles
    }

    fn scale(scales: &Scales) -> &Scale<Self> {
        &scales.singles
    }
}
