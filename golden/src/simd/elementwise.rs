//! Sums, products and activations, 32 words at a time.

use super::{lanes::Lanes, plan::Place, sink::Sink};
use crate::Format;

/// Where the words of an element-wise step are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// The first operand.
    pub(super) a: Place,
    /// The second operand.
    pub(super) b: Place,
    /// The result.
    pub(super) y: Sink,
    /// Vectors of 32 words, the last one padded.
    pub(super) vectors: usize,
}

/// The words that a result is clamped to.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub(super) min: i16,
    pub(super) max: i16,
}

impl Range {
    pub(super) fn of(format: Format) -> Self {
        Self { min: format.min() as i16, max: format.max() as i16 }
    }

    /// Whether narrowing to words of 16 bits does not do it yet.
    pub(super) fn is_narrower(self) -> bool {
        self.max < i16::MAX
    }

    #[inline(always)]
    pub(super) unsafe fn clamp<L: Lanes>(self, words: L::Words) -> L::Words {
        if !self.is_narrower() {
            return words;
        }
        // SAFETY: as for this function.
        unsafe { L::max(L::min(words, L::splat(self.max)), L::splat(self.min)) }
    }
}

/// (a · 2^align₀ + b · 2^align₁) · 2^-shift.
#[derive(Clone, Debug)]
pub(super) struct Add {
    pub(super) places: Places,
    /// 2^align.
    factors: [i16; 2],
    shift: u32,
    range: Range,
}

impl Add {
    pub(super) fn new(places: Places, align: [u32; 2], shift: u32, format: Format) -> Self {
        // No sum reaches 2^23: from there on the result is 0, which no factors give too.
        let (factors, shift) = if shift > 24 { ([0, 0], 24) } else { (align.map(|align| 1 << align), shift) };
        Self { places, factors, shift, range: Range::of(format) }
    }

    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, b, y, vectors } = self.places;
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            if self.factors == [1, 1] && self.shift == 0 {
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

/// a · b · 2^-shift.
#[derive(Clone, Debug)]
pub(super) struct Multiply {
    pub(super) places: Places,
    shift: u32,
    range: Range,
}

impl Multiply {
    pub(super) fn new(places: Places, shift: u32, format: Format) -> Self {
        Self { places, shift, range: Range::of(format) }
    }

    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, b, y, vectors } = self.places;
        // 2^30 and the half of a shift by 31 do not fit a sum: halve both before.
        let before = u32::from(self.shift == 31);
        let shift = self.shift - before;
        // SAFETY: the caller promises the places and the machine.
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

/// max(a, 0).
#[derive(Clone, Debug)]
pub(super) struct Relu {
    pub(super) places: Places,
}

impl Relu {
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, y, vectors, .. } = self.places;
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let zero = L::splat(0);
            for i in 0..vectors {
                y.put::<L>(frame, 32 * i, L::max(L::load(frame.add(a + 32 * i)), zero));
            }
        }
    }
}
