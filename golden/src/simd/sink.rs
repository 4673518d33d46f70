//! Where the words of a vector go: to the vector, and to what is made of it at once.

use super::{lanes::Lanes, plan::Place};

/// The places of a vector's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sink {
    /// The vector itself.
    pub(super) y: Place,
    /// Its rectified words, a vector of their own.
    pub(super) relu: Option<Place>,
    /// The bytes of its words, or of the rectified ones: 32 low bytes and 32 high bytes for every 32 words, the signed byte
    /// offset by 128.
    pub(super) bytes: Option<Place>,
    /// What is flipped in words before they are split: the sign of words of 16 or of 8 bits.
    pub(super) sign: i16,
}

impl Sink {
    /// Puts 32 words where the vector's word `at` begins; a multiple of 32 if there are bytes.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places.
    #[inline(always)]
    pub(super) unsafe fn put<L: Lanes>(&self, frame: *mut i16, at: usize, mut words: L::Words) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            L::store(frame.add(self.y + at), words);
            if let Some(relu) = self.relu {
                words = L::max(words, L::splat(0));
                L::store(frame.add(relu + at), words);
            }
            if let Some(bytes) = self.bytes {
                L::store(frame.add(bytes + at), L::split(L::xor(words, L::splat(self.sign))));
            }
        }
    }
}
