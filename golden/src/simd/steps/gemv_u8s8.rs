//! Matrix by vector with unsigned bytes as operands and signed bytes as weights: dense layers with weights of up to 8 bits, and blocks
//! with weights of their own.
//!
//! A word x of 16 bits is 256 · h + l - 2^15 with unsigned bytes h and l, so that Σ w · x is 256 · Σ w · h + Σ w · l less
//! 2^15 · Σ w, which the bias takes along. Every weight is loaded once for both. Words of 8 bits are l - 2^7.

use std::sync::Arc;

use super::{
    epilogue::{Rounding, Sink},
    tiles::{Block, Packed},
};
use crate::simd::{isa::Lanes, memory::Lines};

/// Where the lanes of a tile find their quads of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Quads {
    /// All lanes read one quad after the other.
    Broadcast,
    /// Four lanes read four quads, all fours the same: one load for four quads. See [`gemv_u8s8_split_k`](super::gemv_u8s8_split_k).
    SplitK,
    /// Every lane reads a quad of its own out of the bytes of 32 words.
    Permuted {
        /// `[pattern][quad]`: where the bytes of the 32 words begin, in words from the block's first operand.
        starts: Vec<usize>,
        /// `[pattern][quad][low, high]`: 64 bytes as of [`Lanes::permute_bytes`].
        bytes: Lines,
    },
}

/// An affine layer whose operand is split in bytes.
#[derive(Clone, Debug)]
pub(crate) struct GemvU8S8 {
    /// Quads of words of a window.
    pub(crate) quads: usize,
    pub(crate) operands: Quads,
    /// Whether the words have high bytes.
    pub(crate) high: bool,
    pub(crate) blocks: Vec<Block>,
    pub(crate) packed: Arc<Packed>,
    pub(crate) rounding: Rounding,
    /// The shift of every output, as the biases.
    pub(crate) shifts: Arc<Lines>,
    pub(crate) sink: Sink,
    /// Words of the result after which others follow that are not of this step.
    pub(crate) end: Option<usize>,
}

/// The kernel of a step, compiled for the number of its tiles and where its operands are.
///
/// # Safety
/// *Machine*, *frame*, *member*, and *step*: the one that the kernel was chosen for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GemvU8S8Kernel {
    /// Of a frame.
    pub(crate) one: unsafe fn(&GemvU8S8, [*mut i16; 1], usize),
    /// Of two frames, if their sums fit the registers.
    pub(crate) two: Option<unsafe fn(&GemvU8S8, [*mut i16; 2], usize)>,
}

/// The low and the high bytes of a quad of words for every lane.
pub(crate) trait Quad: Copy {
    /// Whether most steps have many blocks: then the loop over them is compiled as one with a block, instead of calls.
    const MANY: bool;
    /// The operands of a block, which begin at `x`; `first` is their number among all quads of all patterns.
    fn of(quads: &Quads, x: *const i16, first: usize) -> Self;
    /// # Safety
    /// *Machine*, *frame*, and *step*: a quad of the window, less than 8 after the last [step](Self::step).
    unsafe fn bytes<L: Lanes>(self, quad: usize) -> [L::Words; 2];
    /// Goes on by 8, or by less within 8.
    fn step(&mut self, quads: usize);
}

/// See [`Quads::Broadcast`].
#[derive(Clone, Copy)]
pub(crate) struct Same(*const i16);

impl Quad for Same {
    const MANY: bool = false;

    #[inline(always)]
    fn of(_: &Quads, x: *const i16, _: usize) -> Self {
        Self(x)
    }

    #[inline(always)]
    unsafe fn bytes<L: Lanes>(self, quad: usize) -> [L::Words; 2] {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe { [L::splat_pair(self.0.add(2 * quad)), L::splat_pair(self.0.add(16 + 2 * quad))] }
    }

    #[inline(always)]
    fn step(&mut self, quads: usize) {
        self.0 = self.0.wrapping_add(if quads == 8 { 32 } else { 2 * quads });
    }
}

/// See [`Quads::Permuted`].
#[derive(Clone, Copy)]
pub(crate) struct Own {
    x: *const i16,
    starts: *const usize,
    bytes: *const u8,
}

impl Quad for Own {
    const MANY: bool = true;

    #[inline(always)]
    fn of(quads: &Quads, x: *const i16, first: usize) -> Self {
        let Quads::Permuted { starts, bytes } = quads else { unreachable!("operands are permuted") };
        let bytes = bytes.as_ptr().cast::<u8>().wrapping_add(128 * first);
        Self { x, starts: starts.as_ptr().wrapping_add(first), bytes }
    }

    #[inline(always)]
    unsafe fn bytes<L: Lanes>(self, quad: usize) -> [L::Words; 2] {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            let bytes = L::load(self.x.add(*self.starts.add(quad)));
            let index = self.bytes.add(128 * quad);
            [L::permute_bytes(bytes, index), L::permute_bytes(bytes, index.add(64))]
        }
    }

    #[inline(always)]
    fn step(&mut self, quads: usize) {
        (self.starts, self.bytes) = (self.starts.wrapping_add(quads), self.bytes.wrapping_add(128 * quads));
    }
}

impl GemvU8S8 {
    /// The number of tiles of every block; none if they differ.
    pub(crate) fn tiles(&self) -> Option<usize> {
        let tiles = self.blocks.first()?.tiles;
        self.blocks.iter().all(|block| block.tiles == tiles).then_some(tiles)
    }

    /// The step as several, each with blocks of one number of tiles.
    pub(crate) fn apart(self) -> Vec<Self> {
        let alike = self.blocks.chunk_by(|a, b| a.tiles == b.tiles);
        alike.map(|blocks| Self { blocks: blocks.to_vec(), ..self.clone() }).collect()
    }

    /// A block of T tiles for F frames, in S phases of sums of their own: quad q adds to those of phase q mod S.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: one of its blocks, of T tiles, whose operands Q are, and HIGH as its words have
    /// high bytes.
    #[inline(always)]
    pub(crate) unsafe fn block<
        L: Lanes,
        Q: Quad,
        const T: usize,
        const S: usize,
        const F: usize,
        const HIGH: bool,
    >(
        &self,
        block: &Block,
        frames: [*mut i16; F],
        member: usize,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            let (mut weights, bias) = (weights.add(block.weights), bias.add(block.bias));
            let shifts = self.shifts.as_ptr().cast::<i32>().add(block.bias);
            let mut x = [Q::of(&self.operands, frames[0].add(block.x), block.pattern * self.quads); F];
            for f in 1..F {
                x[f] = Q::of(&self.operands, frames[f].add(block.x), block.pattern * self.quads);
            }
            let zero = L::splat_sum(0);
            let (mut low, mut high) = ([[[zero; T]; F]; S], [[[zero; T]; F]; S]);
            for f in 0..F {
                for t in 0..T {
                    low[0][f][t] = L::load_sums(bias.add(16 * t));
                }
            }
            macro_rules! quad {
                ($q:literal) => {
                    let mut bytes = [[L::splat(0); 2]; F];
                    for f in 0..F {
                        bytes[f] = x[f].bytes::<L>($q);
                    }
                    for t in 0..T {
                        let weights = L::load(weights.add(32 * ($q * T + t)));
                        for f in 0..F {
                            let [l, h] = bytes[f];
                            low[$q % S][f][t] = L::dot_bytes(low[$q % S][f][t], l, weights);
                            if HIGH {
                                high[$q % S][f][t] = L::dot_bytes(high[$q % S][f][t], h, weights);
                            }
                        }
                    }
                };
            }
            for _ in 0..self.quads / 8 {
                quad!(0);
                quad!(1);
                quad!(2);
                quad!(3);
                quad!(4);
                quad!(5);
                quad!(6);
                quad!(7);
                for x in &mut x {
                    x.step(8);
                }
                weights = weights.add(32 * 8 * T);
            }
            let rest = self.quads % 8;
            if rest >= 4 {
                quad!(0);
                quad!(1);
                quad!(2);
                quad!(3);
                for x in &mut x {
                    x.step(4);
                }
                weights = weights.add(32 * 4 * T);
            }
            if rest & 2 > 0 {
                quad!(0);
                quad!(1);
                for x in &mut x {
                    x.step(2);
                }
                weights = weights.add(32 * 2 * T);
            }
            if rest & 1 > 0 {
                quad!(0);
            }
            macro_rules! finish {
                ($f:expr) => {
                    let mut sums = [zero; T];
                    for t in 0..T {
                        let (mut l, mut h) = (low[0][$f][t], high[0][$f][t]);
                        for s in 1..S {
                            l = L::add_sums(l, low[s][$f][t]);
                            h = L::add_sums(h, high[s][$f][t]);
                        }
                        let sum = if HIGH { L::add_sums(l, L::shift_left(h, 8)) } else { l };
                        sums[t] = L::shift_right(sum, L::load_sums(shifts.add(16 * t)));
                    }
                    let frame = frames[$f];
                    match self.end {
                        None => self.rounding.put::<L, T>(sums, frame, &self.sink, block.y),
                        Some(end) => {
                            self.rounding.put_until::<L, T>(sums, frame.add(self.sink.y), block.y, end);
                        }
                    }
                };
            }
            // No loop: all sums stay in registers.
            finish!(0);
            if F == 2 {
                finish!(F - 1);
            }
        }
    }
}
