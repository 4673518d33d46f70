//! [`GemvU8S8`] of many small matrices, two at a time: blocks of 8 or 16 words to up to 16, as butterflies with weights of their own
//! for each repeat.

use super::{
    gemv_u8s8::{GemvU8S8, Quads},
    tiles::{Block, TILE},
};
use crate::simd::isa::Lanes;

/// The most quads of a short window.
pub(crate) const SHORT: usize = 4;

impl GemvU8S8 {
    /// The quads of the windows, if all blocks are of one tile and short, their lanes read alike, and there are two or more.
    pub(crate) fn batched(&self) -> Option<usize> {
        let alike = matches!(self.operands, Quads::Broadcast) && self.end.is_none();
        let short = self.tiles() == Some(1) && (1..=SHORT).contains(&self.quads);
        (alike && short && self.blocks.len() > 1).then_some(self.quads)
    }

    /// All blocks of Q quads. There are no phases of sums: the next block hides the latency of this one.
    ///
    /// # Safety
    /// *Machine*, *frame*, *member*, and *step*: its blocks are a [batch](Self::batched) of Q quads, and HIGH as its words have high
    /// bytes.
    #[inline(always)]
    pub(crate) unsafe fn run_batched<L: Lanes, const Q: usize, const HIGH: bool>(
        &self,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            match self.rounding.range.is_narrower() {
                true => self.run_clamped::<L, Q, HIGH, true>(frame, member),
                false => self.run_clamped::<L, Q, HIGH, false>(frame, member),
            }
        }
    }

    /// # Safety
    /// As [`run_batched`](Self::run_batched): *machine*, *frame*, *member*, *step*.
    #[inline(always)]
    unsafe fn run_clamped<L: Lanes, const Q: usize, const HIGH: bool, const CLAMP: bool>(
        &self,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let shift = L::splat_sum(self.rounding.shift as i32);
            let packed = self.packed.of(member);
            let mut rest = &self.blocks[..];
            while let [first, after @ ..] = rest {
                let low = L::shift_right(Self::tile::<L, Q, HIGH>(first, frame, packed), shift);
                let mut high = low;
                rest = after;
                if let [second, after @ ..] = after
                    && second.y == first.y + TILE
                {
                    high = L::shift_right(Self::tile::<L, Q, HIGH>(second, frame, packed), shift);
                    rest = after;
                }
                let mut words = L::narrow_in_order(low, high);
                if CLAMP {
                    words = self.rounding.range.clamp::<L>(words);
                }
                self.sink.put::<L>(frame, first.y, words);
            }
        }
    }

    /// The sums of a tile with the weights and biases of a member.
    ///
    /// # Safety
    /// As [`run_batched`](Self::run_batched): *machine*, *frame*, *member*, *step*.
    #[inline(always)]
    unsafe fn tile<L: Lanes, const Q: usize, const HIGH: bool>(
        block: &Block,
        frame: *const i16,
        (weights, bias): (*const i16, *const i32),
    ) -> L::Sums {
        // SAFETY: *machine*, *frame*, *step*, *member*.
        unsafe {
            let (weights, x) = (weights.add(block.weights), frame.add(block.x));
            let (mut low, mut high) = (L::load_sums(bias.add(block.bias)), L::splat_sum(0));
            for q in 0..Q {
                let weights = L::load(weights.add(32 * q));
                low = L::dot_bytes(low, L::splat_pair(x.add(2 * q)), weights);
                if HIGH {
                    high = L::dot_bytes(high, L::splat_pair(x.add(16 + 2 * q)), weights);
                }
            }
            if HIGH { L::add_sums(low, L::shift_left(high, 8)) } else { low }
        }
    }
}
