//! Affine layers as dot products of pairs of words: dense layers, and blocks at any places.

use super::{
    lanes::Lanes,
    memory::Lines,
    sink::Sink,
    tiles::{Block, Packed, Rounding},
};

/// Where the lanes of a tile find their pairs of words.
#[derive(Clone, Debug)]
pub(super) enum Operands {
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

/// An affine layer.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Pairs of words of a window.
    pub(super) pairs: usize,
    pub(super) blocks: Vec<Block>,
    pub(super) operands: Operands,
    pub(super) packed: Packed,
    pub(super) rounding: Rounding,
    pub(super) sink: Sink,
}

/// A pair of words for every lane.
trait Operand {
    /// # Safety
    /// As [`Lanes`], with a pair of the window.
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words;
}

struct Broadcast;

impl Operand for Broadcast {
    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: the caller promises a pair of the window.
        unsafe { L::splat_pair(x.add(2 * pair)) }
    }
}

struct Permuted {
    starts: *const usize,
    bytes: *const u8,
}

impl Operand for Permuted {
    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: the caller promises a pair of the window.
        unsafe { L::permute(L::load(x.add(*self.starts.add(pair))), self.bytes.add(64 * pair)) }
    }
}

struct Gathered(*const i32);

impl Operand for Gathered {
    #[inline(always)]
    unsafe fn pair<L: Lanes>(&self, x: *const i16, pair: usize) -> L::Words {
        // SAFETY: the caller promises a pair of the window.
        unsafe { L::gather_pairs(x, L::load_sums(self.0.add(16 * pair))) }
    }
}

impl Groups {
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places and a member that the layer has.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16, member: usize) {
        // SAFETY: the caller promises the places and the machine; the patterns of the blocks are those of the operands.
        unsafe {
            match &self.operands {
                Operands::Broadcast => self.all::<L, _>(frame, member, |_| Broadcast),
                Operands::Permuted { starts, bytes } => {
                    let (starts, bytes) = (starts.as_ptr(), bytes.as_ptr().cast::<u8>());
                    self.all::<L, _>(frame, member, |first| Permuted {
                        starts: starts.wrapping_add(first),
                        bytes: bytes.wrapping_add(64 * first),
                    });
                }
                Operands::Gathered { index } => {
                    let index = index.as_ptr().cast::<i32>();
                    self.all::<L, _>(frame, member, |first| Gathered(index.wrapping_add(16 * first)));
                }
            }
        }
    }

    /// All blocks; `operand` makes the operand whose first pair is given.
    #[inline(always)]
    unsafe fn all<L: Lanes, O: Operand>(&self, frame: *mut i16, member: usize, operand: impl Fn(usize) -> O) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            for block in &self.blocks {
                let x = frame.add(block.x).cast_const();
                let (weights, bias) = (weights.add(block.weights), bias.add(block.bias));
                let operand = operand(block.pattern * self.pairs);
                macro_rules! block {
                    ($tiles:literal, $phases:literal) => {
                        self.block::<L, O, $tiles, $phases>(operand, x, frame, block.y, weights, bias)
                    };
                }
                // As many independent sums as hide the latency of a dot product.
                match block.tiles {
                    1 => block!(1, 2),
                    2 => block!(2, 2),
                    3 if L::TILES >= 4 => block!(3, 2),
                    4 if L::TILES >= 4 => block!(4, 2),
                    5 if L::TILES >= 8 => block!(5, 2),
                    6 if L::TILES >= 8 => block!(6, 2),
                    7 if L::TILES >= 8 => block!(7, 1),
                    8 if L::TILES >= 8 => block!(8, 1),
                    _ => unreachable!("blocks have no more tiles than the registers"),
                }
            }
        }
    }

    /// T tiles, in S phases of sums of their own: pair p adds to those of phase p mod S.
    #[inline(always)]
    unsafe fn block<L: Lanes, O: Operand, const T: usize, const S: usize>(
        &self,
        operand: O,
        x: *const i16,
        frame: *mut i16,
        y: usize,
        mut weights: *const i16,
        bias: *const i32,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
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
}
