//! Blocks with shared weights whose neighbouring repeats read and write neighbouring words, such as box sums and butterflies:
//! 32 repeats at a time.

use super::{
    lanes::Lanes,
    tiles::{Packed, Rounding},
};

/// Outputs whose sums are in registers at once.
const OUTPUTS: usize = 4;

/// A block along lines of repeats.
#[derive(Clone, Debug)]
pub(super) struct Taps {
    /// Where lines read and write their first words.
    pub(super) lines: Vec<[usize; 2]>,
    /// Repeats of a line.
    pub(super) repeats: usize,
    /// `[pair]`: distances of the two window elements of a pair; the last may be one element twice, with one weight zero.
    pub(super) pairs: Vec<[usize; 2]>,
    /// Distances of the outputs of one repeat.
    pub(super) outputs: Vec<usize>,
    /// Whether whole vectors may be written at the end of a line.
    pub(super) whole: bool,
    /// Weights `[output][pair]` of two words, biases `[output]`.
    pub(super) packed: Packed,
    pub(super) rounding: Rounding,
}

impl Taps {
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places and a member that the layer has.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16, member: usize) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            for &[x, y] in &self.lines {
                let (x, y) = (frame.add(x).cast_const(), frame.add(y));
                let mut first = 0;
                while first + OUTPUTS <= self.outputs.len() && L::TILES >= OUTPUTS {
                    self.line::<L, OUTPUTS>(x, y, weights, bias, first);
                    first += OUTPUTS;
                }
                while first < self.outputs.len() {
                    self.line::<L, 1>(x, y, weights, bias, first);
                    first += 1;
                }
            }
        }
    }

    /// N outputs of all repeats of a line.
    #[inline(always)]
    unsafe fn line<L: Lanes, const N: usize>(
        &self,
        x: *const i16,
        y: *mut i16,
        weights: *const i16,
        bias: *const i32,
        first: usize,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let shift = L::splat_sum(self.rounding.shift as i32);
            let stride = 2 * self.pairs.len();
            let weights = weights.add(first * stride);
            let mut repeat = 0;
            while repeat < self.repeats {
                let mut sums = [[L::splat_sum(0); 2]; N];
                for n in 0..N {
                    sums[n] = [L::splat_sum(*bias.add(first + n)); 2];
                }
                for (p, &[a, b]) in self.pairs.iter().enumerate() {
                    let words = L::interleave(L::load(x.add(repeat + a)), L::load(x.add(repeat + b)));
                    for n in 0..N {
                        let weights = L::splat_pair(weights.add(n * stride + 2 * p));
                        for h in 0..2 {
                            sums[n][h] = L::dot(sums[n][h], words[h], weights);
                        }
                    }
                }
                for n in 0..N {
                    let [low, high] = [L::shift_right(sums[n][0], shift), L::shift_right(sums[n][1], shift)];
                    let words = self.rounding.range.clamp::<L>(L::narrow(low, high));
                    let (at, left) =
                        (y.add(*self.outputs.get_unchecked(first + n) + repeat), self.repeats - repeat);
                    match left < 32 && !self.whole {
                        true => L::store_first(at, words, left),
                        false => L::store(at, words),
                    }
                }
                repeat += 32;
            }
        }
    }
}
