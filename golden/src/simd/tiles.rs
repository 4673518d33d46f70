//! Sums of affine layers in tiles of 16 outputs: what they start from, and how they become words.

use super::{elementwise::Range, lanes::Lanes, memory::Lines, plan::Place, sink::Sink};
use crate::Format;

/// Outputs of one tile.
pub(super) const TILE: usize = 16;

/// The most tiles of one block.
pub(super) const MAX_TILES: usize = 8;

/// Tiles that share their operands, with all sums in registers at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Number of tiles, at most [`MAX_TILES`].
    pub(super) tiles: usize,
    /// The first operand.
    pub(super) x: Place,
    /// The first word of the result, from its beginning; whole vectors of 32 words are written, each block after those that it overlaps.
    pub(super) y: usize,
    /// Which operands the lanes read, for layers that do not broadcast.
    pub(super) pattern: usize,
    /// First word of the weights: `[step][tile]`, 32 words each.
    pub(super) weights: usize,
    /// First sum of the biases, 16 per tile.
    pub(super) bias: usize,
}

/// From sums to words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    pub(super) shift: u32,
    pub(super) range: Range,
}

impl Rounding {
    pub(super) fn new(shift: u32, format: Format) -> Self {
        Self { shift, range: Range::of(format) }
    }

    /// What is added before the shift.
    pub(super) fn half(self) -> i64 {
        if self.shift == 0 { 0 } else { 1 << (self.shift - 1) }
    }

    /// Puts the words of sums that are shifted already.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the sink's places.
    #[inline(always)]
    pub(super) unsafe fn put<L: Lanes, const T: usize>(
        self,
        sums: [L::Sums; T],
        frame: *mut i16,
        sink: &Sink,
        at: usize,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let mut t = 0;
            while t < T {
                let words = L::narrow_in_order(sums[t], sums[if t + 1 < T { t + 1 } else { t }]);
                sink.put::<L>(frame, at + TILE * t, self.range.clamp::<L>(words));
                t += 2;
            }
        }
    }

    /// The same into a vector that has `end` words and others after them.
    ///
    /// # Safety
    /// As [`Lanes`], with so many words.
    #[inline(always)]
    pub(super) unsafe fn put_until<L: Lanes, const T: usize>(
        self,
        sums: [L::Sums; T],
        y: *mut i16,
        at: usize,
        end: usize,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let mut t = 0;
            while t < T {
                let words = L::narrow_in_order(sums[t], sums[if t + 1 < T { t + 1 } else { t }]);
                let (words, at) = (self.range.clamp::<L>(words), at + TILE * t);
                match at + 32 <= end {
                    true => L::store(y.add(at), words),
                    false => L::store_first(y.add(at), words, end - at),
                }
                t += 2;
            }
        }
    }
}

/// Weights and biases of every member.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    weights: Lines,
    bias: Lines,
    /// Distances of the members' weights and biases.
    strides: [usize; 2],
}

impl Packed {
    /// `weights` and `bias` hold those of `members` one after the other, each of whole lines.
    pub(super) fn new(weights: Lines, bias: &[i32], members: usize) -> Self {
        let strides = match members {
            1 => [0, 0],
            _ => [weights.words().len() / members, bias.len() / members],
        };
        Self { weights, bias: Lines::from_sums(bias), strides }
    }

    /// Words of the weights and biases of a member.
    pub(super) fn words(&self) -> usize {
        match self.strides {
            [0, 0] => self.weights.words().len() + self.bias.words().len(),
            [weights, bias] => weights + 2 * bias,
        }
    }

    /// Weights and biases of a member.
    #[inline(always)]
    pub(super) unsafe fn of(&self, member: usize) -> (*const i16, *const i32) {
        // SAFETY: the caller promises a member.
        unsafe {
            let bias = self.bias.as_ptr().cast::<i32>();
            (self.weights.as_ptr().add(member * self.strides[0]), bias.add(member * self.strides[1]))
        }
    }
}
