//! Sum of two vectors of one length, 32 words at a time: `add` layers.

use super::elementwise::{Places, aligned};
use crate::{
    Format,
    simd::isa::{Lanes, Range},
};

/// (a · 2^align₀ + b · 2^align₁) · 2^-shift.
#[derive(Clone, Debug)]
pub(crate) struct Add {
    pub(crate) places: Places,
    /// 2^align.
    factors: [i16; 2],
    shift: u32,
    range: Range,
}

impl Add {
    pub(crate) fn new(places: Places, align: [u32; 2], shift: u32, format: Format) -> Self {
        let (factors, shift) = aligned(align, shift);
        Self { places, factors, shift, range: Range::of(format) }
    }

    /// Whether no operand and no sum is shifted.
    pub(crate) fn is_plain(&self) -> bool {
        self.factors == [1, 1] && self.shift == 0
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
                    let sum =
                        L::add_saturating(L::load(frame.add(a + 32 * i)), L::load(frame.add(b + 32 * i)));
                    y.put::<L>(frame, 32 * i, self.range.clamp::<L>(sum));
                }
                return;
            }
            let half = L::splat_sum(if self.shift == 0 { 0 } else { 1 << (self.shift - 1) });
            let (factors, shift) = (L::splat_pair(self.factors.as_ptr()), L::splat_sum(self.shift as i32));
            for i in 0..vectors {
                let pairs = L::interleave(L::load(frame.add(a + 32 * i)), L::load(frame.add(b + 32 * i)));
                let low = L::shift_right(L::dot(half, pairs[0], factors), shift);
                let high = L::shift_right(L::dot(half, pairs[1], factors), shift);
                y.put::<L>(frame, 32 * i, self.range.clamp::<L>(L::narrow(low, high)));
            }
        }
    }
}
