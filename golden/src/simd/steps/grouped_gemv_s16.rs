//! Matrices by vectors with words of 16 bits, one for each group of repeats that read alike: dense layers with weights of 16 bits, and
//! blocks at any places. Sums of more than 32 bits are in two parts.

use super::{
    epilogue::{Rounding, Sink},
    tiles::{Block, Packed},
};
use crate::simd::{isa::Lanes, memory::Lines};

/// Where the lanes of a tile find their pairs of words.
#[derive(Clone, Debug)]
pub(crate) enum Operands {
    /// All lanes read one pair after the other.
    Broadcast,
    /// Every lane reads a pair of its own out of 32 words.
    Permuted {
        /// `[pattern][pair]`: where the 32 words begin, from the block's first operand.
        starts: Vec<usize>,
        /// `[pattern][pair]`: 64 bytes as of [`Lanes::permute`].
        bytes: Lines,
    },
    /// Every lane reads a pair of its own from anywhere.
    Gathered {
        /// `[pattern][pair]`: 16 distances in words from the block's first operand.
        index: Lines,
    },
}

/// How sums of more than 32 bits are kept in two: high · 2^low + low, of dot products with the two parts of every weight.
///
/// The low sums are carried into the high ones before they could overflow. The high sums wrap; as the whole sum fits 32 bits
/// without its low bits, they are right in the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carry {
    /// Bits of the low sums after a carry.
    pub(crate) low: u32,
    /// Pairs after which the low sums still fit.
    pub(crate) pairs: usize,
}

/// An affine layer.
#[derive(Clone, Debug)]
pub(crate) struct GroupedGemv {
    /// Pairs of words of a window.
    pub(crate) pairs: usize,
    pub(crate) blocks: Vec<Block>,
    pub(crate) operands: Operands,
    pub(crate) packed: Packed,
    /// None if the sums fit 32 bits.
    pub(crate) carry: Option<Carry>,
    /// Of the high sums, if there are two.
    pub(crate) rounding: Rounding,
    pub(crate) sink: Sink,
}

/// A pair of words for every lane.
pub(crate) trait Operand {
    /// The operands from `first` on, as numbered among all pairs of all patterns.
    fn of(operands: &Operands, first: usize) -> Self;
    /// # Safety
    /// *Machine*, *frame*, and *step*: a pair of the window of a block that begins at `x`.
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words;
}

/// See [`Operands::Broadcast`].
pub(crate) struct Broadcast;

impl Operand for Broadcast {
    #[inline(always)]
    fn of(_: &Operands, _: usize) -> Self {
        Self
    }

    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe { L::splat_pair(x.add(2 * pair)) }
    }
}

/// See [`Operands::Permuted`].
pub(crate) struct Permuted {
    starts: *const usize,
    bytes: *const u8,
}

impl Operand for Permuted {
    #[inline(always)]
    fn of(operands: &Operands, first: usize) -> Self {
        let Operands::Permuted { starts, bytes } = operands else { unreachable!("operands are permuted") };
        let bytes = bytes.as_ptr().cast::<u8>().wrapping_add(64 * first);
        Self { starts: starts.as_ptr().wrapping_add(first), bytes }
    }

    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe { L::permute(L::load(x.add(*self.starts.add(pair))), self.bytes.add(64 * pair)) }
    }
}

/// See [`Operands::Gathered`].
pub(crate) struct Gathered(*const i32);

impl Operand for Gathered {
    #[inline(always)]
    fn of(operands: &Operands, first: usize) -> Self {
        let Operands::Gathered { index } = operands else { unreachable!("operands are gathered") };
        Self(index.as_ptr().cast::<i32>().wrapping_add(16 * first))
    }

    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe { L::gather_pairs(x, L::load_sums(self.0.add(16 * pair))) }
    }
}

impl GroupedGemv {
    /// A block of T tiles, in S phases of sums of their own: pair p adds to those of phase p mod S.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: one of its blocks, of T tiles, whose operands O are.
    #[inline(always)]
    pub(crate) unsafe fn block<L: Lanes, O: Operand, const T: usize, const S: usize>(
        &self,
        block: &Block,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            let (mut weights, bias) = (weights.add(block.weights), bias.add(block.bias));
            let (x, y) = (frame.add(block.x).cast_const(), block.y);
            let operand = O::of(&self.operands, block.pattern * self.pairs);
            let mut sums = [[L::splat_sum(0); T]; S];
            for t in 0..T {
                sums[0][t] = L::load_sums(bias.add(16 * t));
            }
            let mut pair = 0;
            while pair + S <= self.pairs {
                for s in 0..S {
                    let words = operand.pair::<L>(x, pair + s);
                    for t in 0..T {
                        sums[s][t] = L::dot(sums[s][t], words, L::load(weights.add(32 * (s * T + t))));
                    }
                }
                (pair, weights) = (pair + S, weights.add(32 * S * T));
            }
            while pair < self.pairs {
                let words = operand.pair::<L>(x, pair);
                for t in 0..T {
                    sums[0][t] = L::dot(sums[0][t], words, L::load(weights.add(32 * t)));
                }
                (pair, weights) = (pair + 1, weights.add(32 * T));
            }
            let shift = L::splat_sum(self.rounding.shift as i32);
            for t in 0..T {
                for s in 1..S {
                    sums[0][t] = L::add_sums(sums[0][t], sums[s][t]);
                }
                sums[0][t] = L::shift_right(sums[0][t], shift);
            }
            self.rounding.put::<L, T>(sums[0], frame, &self.sink, y);
        }
    }

    /// The same for sums in two parts.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: as of [`block`](Self::block), and it [carries](Carry).
    #[inline(always)]
    pub(crate) unsafe fn block_of_parts<L: Lanes, O: Operand, const T: usize, const S: usize>(
        &self,
        block: &Block,
        carry: Carry,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            let (mut weights, bias) = (weights.add(block.weights), bias.add(block.bias));
            let (x, y) = (frame.add(block.x).cast_const(), block.y);
            let operand = O::of(&self.operands, block.pattern * self.pairs);
            let zero = L::splat_sum(0);
            let (mut highs, mut lows) = ([zero; T], [zero; T]);
            for t in 0..T {
                highs[t] = L::load_sums(bias.add(16 * t));
                lows[t] = L::load_sums(bias.add(16 * (T + t)));
            }
            let low = L::splat_sum(carry.low as i32);
            let mut pair = 0;
            while pair < self.pairs {
                let end = self.pairs.min(pair + carry.pairs);
                let (mut high_of, mut low_of) = ([[zero; T]; S], [[zero; T]; S]);
                (high_of[0], low_of[0]) = (highs, lows);
                while pair + S <= end {
                    for s in 0..S {
                        let words = operand.pair::<L>(x, pair + s);
                        let weights = weights.add(64 * s * T);
                        for t in 0..T {
                            high_of[s][t] = L::dot(high_of[s][t], words, L::load(weights.add(32 * t)));
                            low_of[s][t] = L::dot(low_of[s][t], words, L::load(weights.add(32 * (T + t))));
                        }
                    }
                    (pair, weights) = (pair + S, weights.add(64 * S * T));
                }
                while pair < end {
                    let words = operand.pair::<L>(x, pair);
                    for t in 0..T {
                        high_of[0][t] = L::dot(high_of[0][t], words, L::load(weights.add(32 * t)));
                        low_of[0][t] = L::dot(low_of[0][t], words, L::load(weights.add(32 * (T + t))));
                    }
                    (pair, weights) = (pair + 1, weights.add(64 * T));
                }
                for t in 0..T {
                    for s in 1..S {
                        high_of[0][t] = L::add_sums(high_of[0][t], high_of[s][t]);
                        low_of[0][t] = L::add_sums(low_of[0][t], low_of[s][t]);
                    }
                    highs[t] = L::add_sums(high_of[0][t], L::shift_right(low_of[0][t], low));
                    lows[t] = L::low_bits(low_of[0][t], carry.low);
                }
            }
            let shift = L::splat_sum(self.rounding.shift as i32);
            for t in 0..T {
                highs[t] = L::shift_right(highs[t], shift);
            }
            self.rounding.put::<L, T>(highs, frame, &self.sink, y);
        }
    }
}
