//! Product of two vectors of one length, 32 words at a time: `multiply` layers.

use super::elementwise::Places;
use crate::{
    Format,
    simd::isa::{Lanes, Range},
};

/// a · b · 2^-shift.
#[derive(Clone, Debug)]
pub(crate) struct Multiply {
    pub(crate) places: Places,
    shift: u32,
    range: Range,
}

impl Multiply {
    pub(crate) fn new(places: Places, shift: u32, format: Format) -> Self {
        Self { places, shift, range: Range::of(format) }
    }

    /// The right shift of the products.
    pub(crate) fn shift(&self) -> u32 {
        self.shift
    }

    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, b, y, vectors } = self.places;
        // 2^30 and the half of a shift by 31 do not fit a sum: halve both before.
        let before = u32::from(self.shift == 31);
        let shift = self.shift - before;
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            let half = L::splat_sum(if shift == 0 { 0 } else { 1 << (shift - 1) });
            let (shift, one) = (L::splat_sum(shift as i32), L::splat_sum(1));
            for i in 0..vectors {
                let (p, q) = (L::load(frame.add(a + 32 * i)), L::load(frame.add(b + 32 * i)));
                let products = L::interleave(L::mul_low(p, q), L::mul_high(p, q));
                let (mut low, mut high) = (L::as_sums(products[0]), L::as_sums(products[1]));
                if before == 1 {
                    (low, high) = (L::shift_right(low, one), L::shift_right(high, one));
                }
                let low = L::shift_right(L::add_sums(low, half), shift);
                let high = L::shift_right(L::add_sums(high, half), shift);
                y.put::<L>(frame, 32 * i, self.range.clamp::<L>(L::narrow(low, high)));
            }
        }
    }
}
