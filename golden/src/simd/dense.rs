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
    /// # Safety
    /// As [`Lanes`], with a frame that has the step's places and a member that the layer has.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, frame: *mut i16, member: usize) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let (weights, bias) = self.packed.of(member);
            for block in &self.blocks {
                let x = frame.add(block.x).cast_const();
                let shifts = self.shifts.as_ptr().cast::<i32>().add(block.bias);
                let (weights, bias) = (weights.add(block.weights), bias.add(block.bias));
                macro_rules! block {
                    ($tiles:literal, $wide:literal) => {
                        self.block::<L, $tiles, { if $wide { 1 } else { 2 } }, $wide>(
                            frame, block.y, x, weights, bias, shifts,
                        )
                    };
                    ($tiles:literal, $phases:literal, $wide:literal) => {
                        self.block::<L, $tiles, $phases, $wide>(frame, block.y, x, weights, bias, shifts)
                    };
                }
                // As many independent sums as hide the latency of a dot product.
                match (block.tiles, self.wide) {
                    (1, true) => block!(1, 4, true),
                    (2, true) => block!(2, 2, true),
                    (3, true) => block!(3, 2, true),
                    (4, true) => block!(4, 2, true),
                    (5, true) => block!(5, 1, true),
                    (6, true) => block!(6, 1, true),
                    (7, true) => block!(7, 1, true),
                    (8, true) => block!(8, 1, true),
                    (1, false) => block!(1, 4, false),
                    (2, false) => block!(2, 4, false),
                    (3, false) => block!(3, 4, false),
                    (4, false) => block!(4, 4, false),
                    (5, false) => block!(5, 2, false),
                    (6, false) => block!(6, 2, false),
                    (7, false) => block!(7, 2, false),
                    _ => block!(8, 2, false),
                }
            }
        }
    }

    /// T tiles, in S phases of sums of their own: quad q adds to those of phase q mod S.
    #[inline(always)]
    unsafe fn block<L: Lanes, const T: usize, const S: usize, const WIDE: bool>(
        &self,
        frame: *mut i16,
        y: usize,
        mut x: *const i16,
        mut weights: *const i16,
        bias: *const i32,
        shifts: *const i32,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
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
