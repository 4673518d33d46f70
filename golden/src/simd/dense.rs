//! Dense layers with weights of up to 8 bits, as dot products of bytes.
//!
//! A word x of 16 bits is 256 · h + l - 2^15 with unsigned bytes h and l, so that Σ w · x is 256 · Σ w · h + Σ w · l less
//! 2^15 · Σ w, which the bias takes along. Every weight is loaded once for both. Words of 8 bits are l - 2^7.

use super::{
    lanes::Lanes,
    memory::Lines,
    sink::Sink,
    tiles::{Block, Packed, Rounding},
};

/// A dense layer whose operand is split in bytes.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    /// Quads of words of the operand.
    pub(super) quads: usize,
    /// Whether the words have high bytes.
    pub(super) wide: bool,
    pub(super) blocks: Vec<Block>,
    pub(super) packed: Packed,
    pub(super) rounding: Rounding,
    /// The shift of every output, as the biases.
    pub(super) shifts: Lines,
    pub(super) sink: Sink,
    /// Words of the result after which others follow that are not of this step.
    pub(super) end: Option<usize>,
}

impl Dense {
    /// A block of T tiles, in S phases of sums of their own: quad q adds to those of phase q mod S.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places, a member that the layer has, and one of its blocks, of T tiles.
    #[inline(always)]
    pub(super) unsafe fn block<L: Lanes, const T: usize, const S: usize, const WIDE: bool>(
        &self,
        block: &Block,
        frame: *mut i16,
        member: usize,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            let (mut weights, bias) = (weights.add(block.weights), bias.add(block.bias));
            let shifts = self.shifts.as_ptr().cast::<i32>().add(block.bias);
            let (mut x, y) = (frame.add(block.x).cast_const(), block.y);
            let zero = L::splat_sum(0);
            let (mut low, mut high) = ([[zero; T]; S], [[zero; T]; S]);
            for t in 0..T {
                low[0][t] = L::load_sums(bias.add(16 * t));
            }
            macro_rules! quad {
                ($q:literal) => {
                    let (l, h) = (L::splat_pair(x.add(2 * $q)), L::splat_pair(x.add(16 + 2 * $q)));
                    for t in 0..T {
                        let weights = L::load(weights.add(32 * ($q * T + t)));
                        low[$q % S][t] = L::dot_bytes(low[$q % S][t], l, weights);
                        if WIDE {
                            high[$q % S][t] = L::dot_bytes(high[$q % S][t], h, weights);
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
                (x, weights) = (x.add(32), weights.add(32 * 8 * T));
            }
            let rest = self.quads % 8;
            if rest >= 4 {
                quad!(0);
                quad!(1);
                quad!(2);
                quad!(3);
                (x, weights) = (x.add(8), weights.add(32 * 4 * T));
            }
            if rest & 2 > 0 {
                quad!(0);
                quad!(1);
                (x, weights) = (x.add(4), weights.add(32 * 2 * T));
            }
            if rest & 1 > 0 {
                quad!(0);
            }
            let mut sums = [zero; T];
            for t in 0..T {
                for s in 1..S {
                    low[0][t] = L::add_sums(low[0][t], low[s][t]);
                    high[0][t] = L::add_sums(high[0][t], high[s][t]);
                }
                sums[t] = match WIDE {
                    true => L::add_sums(low[0][t], L::shift_left(high[0][t], 8)),
                    false => low[0][t],
                };
                sums[t] = L::shift_right(sums[t], L::load_sums(shifts.add(16 * t)));
            }
            match self.end {
                None => self.rounding.put::<L, T>(sums, frame, &self.sink, y),
                Some(end) => self.rounding.put_until::<L, T>(sums, frame.add(self.sink.y), y, end),
            }
        }
    }
}
