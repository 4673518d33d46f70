//! Weights and biases of affine layers, packed in tiles of 16 outputs in the order in which kernels read them.

use crate::simd::memory::{Lines, Place};

/// Outputs of one tile.
pub(crate) const TILE: usize = 16;

/// The most tiles of one block.
pub(crate) const MAX_TILES: usize = 8;

/// Tiles that share their operands, with all sums in registers at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Number of tiles, at most [`MAX_TILES`].
    pub(crate) tiles: usize,
    /// The first operand.
    pub(crate) x: Place,
    /// The first word of the result, from its beginning; whole vectors of 32 words are written, each block after those that it overlaps.
    pub(crate) y: usize,
    /// Which operands the lanes read, for layers that do not broadcast.
    pub(crate) pattern: usize,
    /// First word of the weights: `[step][tile]`, 32 words each.
    pub(crate) weights: usize,
    /// First sum of the biases, 16 per tile.
    pub(crate) bias: usize,
}

/// Weights and biases of every member.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    weights: Lines,
    bias: Lines,
    /// Distances of the members' weights and biases.
    strides: [usize; 2],
}

impl Packed {
    /// `weights` and `bias` hold those of `members` one after the other, each of whole lines.
    pub(crate) fn new(weights: Lines, bias: &[i32], members: usize) -> Self {
        let strides = match members {
            1 => [0, 0],
            _ => [weights.words().len() / members, bias.len() / members],
        };
        Self { weights, bias: Lines::from_sums(bias), strides }
    }

    /// Whether there are several members.
    pub(crate) fn has_members(&self) -> bool {
        self.strides != [0, 0]
    }

    /// Words of the weights and biases of a member.
    pub(crate) fn words(&self) -> usize {
        match self.strides {
            [0, 0] => self.weights.words().len() + self.bias.words().len(),
            [weights, bias] => weights + 2 * bias,
        }
    }

    /// Weights and biases of a member.
    ///
    /// # Safety
    /// *Member*.
    #[inline(always)]
    pub(crate) unsafe fn of(&self, member: usize) -> (*const i16, *const i32) {
        // SAFETY: *member*.
        unsafe {
            let bias = self.bias.as_ptr().cast::<i32>();
            (self.weights.as_ptr().add(member * self.strides[0]), bias.add(member * self.strides[1]))
        }
    }
}
