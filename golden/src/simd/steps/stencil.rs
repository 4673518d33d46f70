//! Stencil, 32 repeats at a time: blocks with shared weights whose neighbouring repeats read and write neighbouring words, such as
//! box sums, gradients and butterflies.

use super::{epilogue::Rounding, tiles::Packed};
use crate::simd::isa::Lanes;

/// Outputs whose sums are in registers at once.
const OUTPUTS: usize = 4;

/// How the pairs of window elements are brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// They are neighbours: what is loaded are the pairs of every second repeat.
    Neighbours,
    /// The words of every pair interleave as those of the pair before do 32 repeats later: only the last is new.
    Rolling,
    /// The words of every pair interleave.
    Any,
}

impl Pairing {
    /// The pairing of `pairs`, of which the last may be one element twice; then that becomes two as well.
    pub(crate) fn of(pairs: &mut [[usize; 2]]) -> Self {
        let [first, second] = pairs[0];
        let gap = second.wrapping_sub(first);
        let last = pairs.len() - 1;
        let is = |p: usize, pair: [usize; 2]| {
            pair[1] == pair[0].wrapping_add(gap) || (p == last && pair[0] == pair[1])
        };
        let even = pairs.iter().enumerate().all(|(p, &pair)| is(p, pair));
        let rolling = pairs.iter().enumerate().all(|(p, pair)| pair[0] == first + 32 * p);
        let pairing = match (even, gap) {
            (true, 1) => Self::Neighbours,
            (true, 2..=32) if rolling && pairs.len() > 1 => Self::Rolling,
            _ => return Self::Any,
        };
        pairs[last][1] = pairs[last][0] + gap;
        pairing
    }
}

/// A block along lines of repeats.
#[derive(Clone, Debug)]
pub(crate) struct Stencil {
    /// Where lines read and write their first words.
    pub(crate) lines: Vec<[usize; 2]>,
    /// Repeats of a line.
    pub(crate) repeats: usize,
    /// `[pair]`: distances of the two window elements of a pair; the last may be one element twice, with one weight zero.
    pub(crate) pairs: Vec<[usize; 2]>,
    pub(crate) pairing: Pairing,
    /// Distances of the outputs of one repeat.
    pub(crate) outputs: Vec<usize>,
    /// Whether whole vectors may be written at the end of a line.
    pub(crate) whole: bool,
    /// Weights `[output][pair]` of two words, biases `[output]`.
    pub(crate) packed: Packed,
    pub(crate) rounding: Rounding,
}

/// The most pairs of a block with one output whose weights stay in registers.
pub(crate) const SINGLE: usize = 4;

impl Stencil {
    /// The number of pairs of a block with one output, if its weights stay in registers.
    #[inline(always)]
    pub(crate) fn single(&self) -> Option<usize> {
        (self.outputs.len() == 1 && self.pairs.len() <= SINGLE).then_some(self.pairs.len())
    }

    /// # Safety
    /// *Machine*, *frame*, *step*, *member*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16, member: usize) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            for &[x, y] in &self.lines {
                let (x, y) = (frame.add(x).cast_const(), frame.add(y));
                let mut first = 0;
                while first < self.outputs.len() {
                    let four = first + OUTPUTS <= self.outputs.len() && L::TILES >= OUTPUTS;
                    match four {
                        true => self.line::<L, OUTPUTS>(x, y, weights, bias, first),
                        false => self.line::<L, 1>(x, y, weights, bias, first),
                    }
                    first += if four { OUTPUTS } else { 1 };
                }
            }
        }
    }

    /// One output of P pairs.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: [single](Self::single) with P pairs, which come together as W has it.
    #[inline(always)]
    pub(crate) unsafe fn run_single<L: Lanes, W: Way, const P: usize>(&self, frame: *mut i16, member: usize) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (packed, bias) = self.packed.of(member);
            let (bias, shift) = (L::splat_sum(*bias), L::splat_sum(self.rounding.shift as i32));
            let (mut weights, mut pairs) = ([L::splat(0); P], [[0; 2]; P]);
            for p in 0..P {
                weights[p] = L::splat_pair(packed.add(2 * p));
                pairs[p] = *self.pairs.get_unchecked(p);
            }
            for &[x, y] in &self.lines {
                let (x, y) = (frame.add(x).cast_const(), frame.add(y));
                let mut kept = [[L::splat(0); 2]; P];
                if W::ROLLING {
                    for p in 0..P - 1 {
                        kept[p + 1] = W::pair::<L>(x, pairs[p]);
                    }
                }
                let mut repeat = 0;
                while repeat < self.repeats {
                    let x = x.add(repeat);
                    let mut sums = [bias; 2];
                    for p in 0..P {
                        if W::ROLLING && p + 1 < P {
                            kept[p] = kept[p + 1];
                        } else {
                            kept[p] = W::pair::<L>(x, pairs[p]);
                        }
                        for h in 0..2 {
                            sums[h] = L::dot(sums[h], kept[p][h], weights[p]);
                        }
                    }
                    let sums = [L::shift_right(sums[0], shift), L::shift_right(sums[1], shift)];
                    let words = self.rounding.range.clamp::<L>(W::narrow::<L>(sums[0], sums[1]));
                    match self.repeats - repeat {
                        left @ 0..32 if !self.whole => L::store_first(y.add(repeat), words, left),
                        _ => L::store(y.add(repeat), words),
                    }
                    repeat += 32;
                }
            }
        }
    }

    /// N outputs of all repeats of a line.
    ///
    /// # Safety
    /// *Machine*, and *reach*: a line at `x` and `y`, weights and biases of N outputs from `first` on.
    #[inline(always)]
    unsafe fn line<L: Lanes, const N: usize>(
        &self,
        x: *const i16,
        y: *mut i16,
        weights: *const i16,
        bias: *const i32,
        first: usize,
    ) {
        // SAFETY: *machine*, *reach*.
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
                for (p, &pair) in self.pairs.iter().enumerate() {
                    let words = Each::pair::<L>(x.add(repeat), pair);
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

/// The words of a pair for 32 repeats, and what order that makes; see [`Pairing`].
pub(crate) trait Way {
    /// Whether only the words of the last pair are new.
    const ROLLING: bool = false;

    /// # Safety
    /// *Machine*, and *reach*: 32 words at both distances from `x`.
    #[inline(always)]
    unsafe fn pair<L: Lanes>(x: *const i16, [a, b]: [usize; 2]) -> [L::Words; 2] {
        // SAFETY: *machine*, *reach*.
        unsafe { L::interleave(L::load(x.add(a)), L::load(x.add(b))) }
    }

    /// # Safety
    /// *Machine*.
    #[inline(always)]
    unsafe fn narrow<L: Lanes>(a: L::Sums, b: L::Sums) -> L::Words {
        // SAFETY: *machine*.
        unsafe { L::narrow(a, b) }
    }
}

/// See [`Pairing::Any`].
pub(crate) struct Each;

impl Way for Each {}

/// See [`Pairing::Rolling`].
pub(crate) struct Rolling;

impl Way for Rolling {
    const ROLLING: bool = true;
}

/// See [`Pairing::Neighbours`].
pub(crate) struct Neighbours;

impl Way for Neighbours {
    #[inline(always)]
    unsafe fn pair<L: Lanes>(x: *const i16, [a, b]: [usize; 2]) -> [L::Words; 2] {
        // SAFETY: *machine*, *reach*.
        unsafe { [L::load(x.add(a)), L::load(x.add(b))] }
    }

    #[inline(always)]
    unsafe fn narrow<L: Lanes>(a: L::Sums, b: L::Sums) -> L::Words {
        // SAFETY: *machine*.
        unsafe { L::narrow_in_turns(a, b) }
    }
}
