//! Epilogue of all layers: from sums to words by rounding and saturation, with the ReLU and the bytes that the next layer reads.

use super::tiles::TILE;
use crate::{
    Format,
    simd::{
        isa::{Lanes, Range},
        memory::Place,
    },
};

/// From sums to words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounding {
    pub(crate) shift: u32,
    pub(crate) range: Range,
}

impl Rounding {
    pub(crate) fn new(shift: u32, format: Format) -> Self {
        Self { shift, range: Range::of(format) }
    }

    /// What is added before the shift.
    pub(crate) fn half(self) -> i64 {
        if self.shift == 0 { 0 } else { 1 << (self.shift - 1) }
    }

    /// Puts the words of sums that are shifted already.
    ///
    /// # Safety
    /// *Machine*, *frame*, with the sink's places in it.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Lanes, const T: usize>(
        self,
        sums: [L::Sums; T],
        frame: *mut i16,
        sink: &Sink,
        at: usize,
    ) {
        // SAFETY: *machine*, *frame*.
        unsafe {
            let mut t = 0;
            while t < T {
                let words = L::narrow_in_order(sums[t], sums[if t + 1 < T { t + 1 } else { t }]);
                sink.put::<L>(frame, at + TILE * t, self.range.clamp::<L>(words));
                t += 2;
            }
        }
    }

    /// The same into a vector that has `end` words and others after them.
    ///
    /// # Safety
    /// *Machine*, and *reach*: `end` words at `y`.
    #[inline(always)]
    pub(crate) unsafe fn put_until<L: Lanes, const T: usize>(
        self,
        sums: [L::Sums; T],
        y: *mut i16,
        at: usize,
        end: usize,
    ) {
        // SAFETY: *machine*, *reach*.
        unsafe {
            let mut t = 0;
            while t < T {
                let words = L::narrow_in_order(sums[t], sums[if t + 1 < T { t + 1 } else { t }]);
                let (words, at) = (self.range.clamp::<L>(words), at + TILE * t);
                match at + 32 <= end {
                    true => L::store(y.add(at), words),
                    false => L::store_first(y.add(at), words, end - at),
                }
                t += 2;
            }
        }
    }
}

/// The places of a vector's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sink {
    /// The vector itself.
    pub(crate) y: Place,
    /// Its rectified words, a vector of their own.
    pub(crate) relu: Option<Place>,
    /// The bytes of its words, or of the rectified ones: 32 low bytes and 32 high bytes for every 32 words, the signed byte
    /// offset by 128.
    pub(crate) bytes: Option<Place>,
    /// What is flipped in words before they are split: the sign of words of 16 or of 8 bits.
    pub(crate) sign: i16,
}

impl Sink {
    /// Puts 32 words where the vector's word `at` begins; a multiple of 32 if there are bytes.
    ///
    /// # Safety
    /// *Machine*, *frame*, with the sink's places in it.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Lanes>(&self, frame: *mut i16, at: usize, mut words: L::Words) {
        // SAFETY: *machine*, *frame*.
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
