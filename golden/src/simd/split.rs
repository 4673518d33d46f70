//! Words as bytes, for dot products of bytes.

use super::{lanes::Lanes, plan::Place};

/// Words split in low and high bytes: 32 low bytes and 32 high bytes for every 32 words, the signed byte offset by 128.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// The words.
    pub(super) x: Place,
    /// The bytes.
    pub(super) y: Place,
    /// Vectors of 32 words.
    pub(super) vectors: usize,
    /// What is flipped in every word: the sign of words of 16 or of 8 bits.
    pub(super) sign: i16,
}

impl Split {
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let sign = L::splat(self.sign);
            for i in 0..self.vectors {
                let words = L::xor(L::load(frame.add(self.x + 32 * i)), sign);
                L::store(frame.add(self.y + 32 * i), L::split(words));
            }
        }
    }
}
