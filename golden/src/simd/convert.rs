//! Physical values to words and back, 32 at a time.

use super::{elementwise::Range, lanes::Lanes, number::Number};

/// What an instruction set does with numbers of a type: by default, what the compiler makes of plain loops.
///
/// # Safety
/// As [`Lanes`], with 32 factors, which are powers of two.
pub(super) trait Convert<V: Number>: Lanes {
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
        // SAFETY: the caller promises the values and the factors.
        let factors = unsafe {
            std::ptr::copy_nonoverlapping(values, all.as_mut_ptr(), count);
            factors.cast::<[V; 32]>().read_unaligned()
        };
        for i in 0..32 {
            unbounded |= u32::from(!all[i].is_bounded());
            words[i] = all[i].nearest(factors[i], range);
        }
        // SAFETY: the words are here.
        (unsafe { Self::load(words.as_ptr()) }, unbounded == 0)
    }

    /// The first `count` words, at most 32, times their factors.
    #[inline(always)]
    unsafe fn dequantise(words: Self::Words, factors: *const V, values: *mut V, count: usize) {
        let (mut raw, mut all) = ([0; 32], [V::of(0.0); 32]);
        // SAFETY: the caller promises the factors, and room for the values.
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
