//! Lookup in piecewise-linear tables, 32 words at a time: `activate` layers with a table. Two knots per word are gathered at once
//! and weighed by a dot product.

use super::elementwise::Places;
use crate::{Format, simd::isa::Lanes};

/// A table of 2^k + 1 knots.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub(crate) places: Places,
    /// The knots and one word more, that pairs may be read from any knot.
    knots: Vec<i16>,
    /// Bits of the remainder.
    low: u32,
    /// What makes words offsets from the smallest one, by exclusive or: the sign of 16 bits; added: 2^7 of 8 bits.
    bits: u32,
    /// Two segments whose steps fit words: no table is needed.
    two: Option<[i16; 4]>,
}

impl Lookup {
    pub(crate) fn new(places: Places, knots: &[i16], input: Format) -> Self {
        let low = input.bits() - (knots.len() - 1).ilog2();
        let step = |i: usize| i16::try_from(i32::from(knots[i + 1]) - i32::from(knots[i])).ok();
        let two = match (low, step(0), step(1)) {
            (15, Some(left), Some(right)) => Some([knots[0], left, knots[1], right]),
            _ => None,
        };
        let knots = knots.iter().copied().chain([0]).collect();
        Self { places, knots, low, bits: input.bits(), two }
    }

    /// The bits of its operands; none if it has two segments, which need no table.
    pub(crate) fn bits(&self) -> Option<u32> {
        self.two.is_none().then_some(self.bits)
    }

    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, y, vectors, .. } = self.places;
        // SAFETY: *machine*, *frame*; *local*: a segment is below 2^k, so that two knots follow it.
        unsafe {
            if let Some([from_left, left, from_right, right]) = self.two.map(|two| two.map(|w| L::splat(w))) {
                let rest = L::splat(i16::MAX);
                for i in 0..vectors {
                    let x = L::load(frame.add(a + 32 * i));
                    let step = L::mul_rounded(L::and(x, rest), L::select_negative(x, left, right));
                    let from = L::select_negative(x, from_left, from_right);
                    y.put::<L>(frame, 32 * i, L::add(from, step));
                }
                return;
            }
            let (offset, mask) = match self.bits {
                16 => (L::splat(i16::MIN), L::splat(-1)),
                _ => (L::splat(128), L::splat(255)),
            };
            // 2^low - 1: the weights of the two knots are this less the remainder, plus one, and the remainder.
            let ones = L::splat(((1u32 << self.low) - 1) as i16);
            let half = L::splat_sum(if self.low == 0 { 0 } else { 1 << (self.low - 1) });
            let (zero, low, sixteen) = (L::splat(0), L::splat_sum(self.low as i32), L::splat_sum(16));
            for i in 0..vectors {
                // Padding is not a word of 8 bits: the mask keeps its segment inside the table.
                let u = L::and(L::add(L::load(frame.add(a + 32 * i)), offset), mask);
                let rest = L::and(u, ones);
                let segments = L::interleave(L::shift_right_logical(u, self.low), zero);
                let weights = L::interleave(L::sub(ones, rest), rest);
                let mut sums = [half; 2];
                for h in 0..2 {
                    let knots = L::gather_pairs(self.knots.as_ptr(), L::as_sums(segments[h]));
                    let from = L::shift_right(L::shift_left(L::as_sums(knots), 16), sixteen);
                    sums[h] = L::shift_right(L::dot(L::add_sums(half, from), knots, weights[h]), low);
                }
                y.put::<L>(frame, 32 * i, L::narrow(sums[0], sums[1]));
            }
        }
    }
}
