//! Words split in planes of low and high bytes: the operands of [`gemv_u8s8`](super::gemv_u8s8) that no kernel has made with the
//! words.

use crate::simd::{isa::Lanes, memory::Place};

/// What makes a signed word of `bits` an offset from the smallest one, by exclusive or.
pub(crate) fn sign(bits: u32) -> i16 {
    if bits == 16 { i16::MIN } else { 1 << 7 }
}

/// Words split in low and high bytes: 32 low bytes and 32 high bytes for every 32 words, the signed byte offset by 128.
#[derive(Clone, Debug)]
pub(crate) struct SplitBytes {
    /// The words.
    pub(crate) x: Place,
    /// The bytes.
    pub(crate) y: Place,
    /// Vectors of 32 words.
    pub(crate) vectors: usize,
    /// What is flipped in every word: the sign of words of 16 or of 8 bits.
    pub(crate) sign: i16,
}

impl SplitBytes {
    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            let sign = L::splat(self.sign);
            for i in 0..self.vectors {
                let words = L::xor(L::load(frame.add(self.x + 32 * i)), sign);
                L::store(frame.add(self.y + 32 * i), L::split(words));
            }
        }
    }
}
