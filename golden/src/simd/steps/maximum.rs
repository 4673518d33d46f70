//! Larger words of two vectors of one length, 32 words at a time: `maximum` layers.

use super::elementwise::{Places, aligned};
use crate::{
    Format,
    simd::isa::{Lanes, Range},
};

/// max(a · 2^align₀, b · 2^align₁) · 2^-shift. No shift and no rounding makes the larger of two numbers the smaller one, so each
/// operand is a word before they are compared.
#[derive(Clone, Debug)]
pub(crate) struct Maximum {
    pub(crate) places: Places,
    /// 2^align of one operand and 0 for the other.
    factors: [[i16; 2]; 2],
    shift: u32,
    range: Range,
}

impl Maximum {
    pub(crate) fn new(places: Places, align: [u32; 2], shift: u32, format: Format) -> Self {
        let ([a, b], shift) = aligned(align, shift);
        Self { places, factors: [[a, 0], [0, b]], shift, range: Range::of(format) }
    }

    /// Whether no operand is shifted.
    pub(crate) fn is_plain(&self) -> bool {
        self.factors == [[1, 0], [0, 1]] && self.shift == 0
    }

    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, b, y, vectors } = self.places;
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            if self.is_plain() {
                for i in 0..vectors {
                    let larger = L::max(L::load(frame.add(a + 32 * i)), L::load(frame.add(b + 32 * i)));
                    y.put::<L>(frame, 32 * i, self.range.clamp::<L>(larger));
                }
                return;
            }
            let half = L::splat_sum(if self.shift == 0 { 0 } else { 1 << (self.shift - 1) });
            let shift = L::splat_sum(self.shift as i32);
            let factors = self.factors.each_ref().map(|factors| L::splat_pair(factors.as_ptr()));
            for i in 0..vectors {
                let pairs = L::interleave(L::load(frame.add(a + 32 * i)), L::load(frame.add(b + 32 * i)));
                let [p, q] = factors.map(|factors| {
                    let [low, high] = pairs.map(|pairs| L::shift_right(L::dot(half, pairs, factors), shift));
                    L::narrow(low, high)
                });
                y.put::<L>(frame, 32 * i, self.range.clamp::<L>(L::max(p, q)));
            }
        }
    }
}
