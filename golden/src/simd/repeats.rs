//! Blocks of one tile each and of short windows, two at a time: butterflies with weights of their own for each repeat.

use super::{
    dense::{Dense, Quads},
    lanes::Lanes,
    tiles::{Block, TILE},
};

/// The most quads of a short window.
pub(super) const SHORT: usize = 4;

impl Dense {
    /// The quads of the windows, if all blocks are of one tile and short, their lanes read alike, and there are two or more.
    pub(super) fn repeats(&self) -> Option<usize> {
        let alike = matches!(self.operands, Quads::Broadcast) && self.end.is_none();
        let short = self.tiles() == Some(1) && (1..=SHORT).contains(&self.quads);
        (alike && short && self.blocks.len() > 1).then_some(self.quads)
    }

    /// All blocks of Q quads. There are no phases of sums: the next block hides the latency of this one.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places, and a member that the layer has; the step's blocks are
    /// [repeats](Self::repeats) of Q quads.
    #[inline(always)]
    pub(super) unsafe fn run_repeats<L: Lanes, const Q: usize, const WIDE: bool>(
        &self,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: as for this function.
        unsafe {
            match self.rounding.range.is_narrower() {
                true => self.run_clamped::<L, Q, WIDE, true>(frame, member),
                false => self.run_clamped::<L, Q, WIDE, false>(frame, member),
            }
        }
    }

    #[inline(always)]
    unsafe fn run_clamped<L: Lanes, const Q: usize, const WIDE: bool, const CLAMP: bool>(
        &self,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let shift = L::splat_sum(self.rounding.shift as i32);
            let packed = self.packed.of(member);
            let mut rest = &self.blocks[..];
            while let [first, after @ ..] = rest {
                let low = L::shift_right(Self::tile::<L, Q, WIDE>(first, frame, packed), shift);
                let mut high = low;
                rest = after;
                if let [second, after @ ..] = after
                    && second.y == first.y + TILE
                {
                    high = L::shift_right(Self::tile::<L, Q, WIDE>(second, frame, packed), shift);
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
    #[inline(always)]
    unsafe fn tile<L: Lanes, const Q: usize, const WIDE: bool>(
        block: &Block,
        frame: *const i16,
        (weights, bias): (*const i16, *const i32),
    ) -> L::Sums {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let (weights, x) = (weights.add(block.weights), frame.add(block.x));
            let (mut low, mut high) = (L::load_sums(bias.add(block.bias)), L::splat_sum(0));
            for q in 0..Q {
                let weights = L::load(weights.add(32 * q));
                low = L::dot_bytes(low, L::splat_pair(x.add(2 * q)), weights);
                if WIDE {
                    high = L::dot_bytes(high, L::splat_pair(x.add(16 + 2 * q)), weights);
                }
            }
            if WIDE { L::add_sums(low, L::shift_left(high, 8)) } else { low }
        }
    }
}
