//! Physical values to words and back, 32 at a time.

use super::{lanes::Lanes, range::Range};
use crate::number::Number;

/// A number type as kernels convert it: a word to a number and back, by a factor.
pub(crate) trait Scaled: Number {
    /// The largest magnitude of a point whose factors are exact, and with which a product that overflows, or twice it, is beyond any word.
    const MOST_POINTS: i32;

    /// The nearest word of `range` to the number times `factor`, a power of two; ties upwards. NaN becomes the least word.
    fn nearest(self, factor: Self, range: Range) -> i16;

    /// A word times `factor`.
    fn times(word: i16, factor: Self) -> Self;
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
        // SAFETY: *local*: within the limits of two words.
        let cut = unsafe { twice.to_int_unchecked::<i32>() };
        let floor = cut - i32::from(cut as Self > twice);
        ((floor + 1) >> 1) as i16
    }};
}

impl Scaled for f64 {
    // All that ports can have.
    const MOST_POINTS: i32 = 1000;

    #[inline(always)]
    fn nearest(self, factor: Self, range: Range) -> i16 {
        nearest!(self, factor, range)
    }

    #[inline(always)]
    fn times(word: i16, factor: Self) -> Self {
        Self::from(i32::from(word)) * factor
    }
}

impl Scaled for f32 {
    const MOST_POINTS: i32 = 64;

    #[inline(always)]
    fn nearest(self, factor: Self, range: Range) -> i16 {
        nearest!(self, factor, range)
    }

    #[inline(always)]
    fn times(word: i16, factor: Self) -> Self {
        Self::from(word) * factor
    }
}

/// What an instruction set does with numbers of a type: by default, what the compiler makes of plain loops.
///
/// # Safety
/// *Machine*, and *reach*: 32 factors, which are powers of two, and as many values as a function says.
pub(crate) trait Convert<V: Scaled>: Lanes {
    /// The nearest words of `range` to the first `count` values (of at most 32) times their factors, ties upwards, and whether
    /// all the values are finite.
    #[inline(always)]
    unsafe fn quantise(
        values: *const V,
        factors: *const V,
        range: Range,
        count: usize,
    ) -> (Self::Words, bool) {
        let (mut all, mut words, mut unbounded) = ([V::of(0.0); 32], [0; 32], 0);
        // SAFETY: *reach*, of the values and the factors.
        let factors = unsafe {
            std::ptr::copy_nonoverlapping(values, all.as_mut_ptr(), count);
            factors.cast::<[V; 32]>().read_unaligned()
        };
        for i in 0..32 {
            unbounded |= u32::from(!all[i].is_bounded());
            words[i] = all[i].nearest(factors[i], range);
        }
        // SAFETY: *machine*; *local*: there are 32 words.
        (unsafe { Self::load(words.as_ptr()) }, unbounded == 0)
    }

    /// The first `count` words, at most 32, times their factors.
    #[inline(always)]
    unsafe fn dequantise(words: Self::Words, factors: *const V, values: *mut V, count: usize) {
        let (mut raw, mut all) = ([0; 32], [V::of(0.0); 32]);
        // SAFETY: *machine*; *reach*, of the factors and the values.
        unsafe {
            Self::store(raw.as_mut_ptr(), words);
            let factors = factors.cast::<[V; 32]>().read_unaligned();
            for i in 0..32 {
                all[i] = V::times(raw[i], factors[i]);
            }
            std::ptr::copy_nonoverlapping(all.as_ptr(), values, count);
        }
    }
}
