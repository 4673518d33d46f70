//! Where the words of the input frame go: nowhere but to where steps read them.

use super::{lanes::Lanes, plan::Place};

/// The places of the input's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    /// The words, if a step reads them.
    pub(super) words: Option<Place>,
    /// Their bytes, if a step reads these; as in a [`Sink`](super::sink::Sink).
    pub(super) bytes: Option<Place>,
    /// What is flipped in words before they are split.
    pub(super) sign: i16,
}

impl Input {
    /// Puts 32 words where the input's word `at` begins, a multiple of 32.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places.
    #[inline(always)]
    pub(super) unsafe fn put<L: Lanes>(&self, frame: *mut i16, at: usize, words: L::Words) {
        // SAFETY: the caller promises the places and the machine.
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
