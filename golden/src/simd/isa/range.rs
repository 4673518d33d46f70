//! The words that a result saturates to.

use super::lanes::Lanes;
use crate::Format;

/// The words that a result is clamped to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The least.
    pub(crate) min: i16,
    /// The largest.
    pub(crate) max: i16,
}

impl Range {
    /// The words of a format.
    pub(crate) fn of(format: Format) -> Self {
        Self { min: format.min() as i16, max: format.max() as i16 }
    }

    /// The words of so many bits.
    pub(crate) fn of_bits(bits: u32) -> Self {
        Self { min: (-1i32 << (bits - 1)) as i16, max: ((1i32 << (bits - 1)) - 1) as i16 }
    }

    /// Whether narrowing to words of 16 bits does not do it yet.
    #[inline(always)]
    pub(crate) fn is_narrower(self) -> bool {
        self.max < i16::MAX
    }

    /// The nearest words of the range.
    ///
    /// # Safety
    /// *Machine*.
    #[inline(always)]
    pub(crate) unsafe fn clamp<L: Lanes>(self, words: L::Words) -> L::Words {
        if !self.is_narrower() {
            return words;
        }
        // SAFETY: *machine*.
        unsafe { L::max(L::min(words, L::splat(self.max)), L::splat(self.min)) }
    }
}
