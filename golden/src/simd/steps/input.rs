//! Where the words of the input frame go: nowhere but to where steps read them.

use crate::simd::{isa::Lanes, memory::Place};

/// The places of the input's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    /// The words, if a step reads them.
    pub(crate) words: Option<Place>,
    /// Their bytes, if a step reads these; as in a [`Sink`](super::epilogue::Sink).
    pub(crate) bytes: Option<Place>,
    /// What is flipped in words before they are split.
    pub(crate) sign: i16,
}

impl Input {
    /// Puts 32 words where the input's word `at` begins, a multiple of 32.
    ///
    /// # Safety
    /// *Machine*, *frame*, with the input's places in it.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Lanes>(&self, frame: *mut i16, at: usize, words: L::Words) {
        // SAFETY: *machine*, *frame*.
        unsafe {
            if let Some(place) = self.words {
                L::store(frame.add(place + at), words);
            }
            if let Some(bytes) = self.bytes {
                L::store(frame.add(bytes + at), L::split(L::xor(words, L::splat(self.sign))));
            }
        }
    }
}
