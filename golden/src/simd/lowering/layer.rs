//! An affine layer, dense or a block, as the lowering sees it: where its windows are, and how wide its sums.

use super::width::Width;
use crate::{
    Affine, BlockGeometry, Emulator, Format, VectorId, accumulator_bits, simd::steps::epilogue::Rounding,
};

/// A dense or block layer and where its windows are.
#[derive(Clone)]
pub(super) struct Layer<'a> {
    pub(super) input: VectorId,
    pub(super) geometry: BlockGeometry,
    pub(super) affine: &'a Affine,
    pub(super) rounding: Rounding,
    /// Format of the operand.
    pub(super) operand: Format,
    pub(super) width: Width,
    /// For every repeat, its first operand and its first word of the result.
    pub(super) origins: Vec<[usize; 2]>,
    /// For every window element, the distance from the first operand.
    pub(super) offsets: Vec<i64>,
}

impl<'a> Layer<'a> {
    pub(super) fn new(
        emulator: &Emulator,
        input: VectorId,
        geometry: BlockGeometry,
        affine: &'a Affine,
        format: Format,
    ) -> Self {
        let operand = emulator.format(input);
        let width = Width::of(accumulator_bits(affine, operand), affine.shift);
        let origins = geometry.origins().map(|(read, write)| [read as usize, write as usize]).collect();
        let offsets = geometry.window_offsets().collect();
        let rounding = Rounding::new(affine.shift, format);
        Self { input, affine, rounding, operand, width, origins, offsets, geometry }
    }

    /// Words of a window.
    pub(super) fn window(&self) -> usize {
        self.offsets.len()
    }

    /// The first operand of the first repeat.
    pub(super) fn first(&self) -> usize {
        self.origins[0][0]
    }

    /// Whether the words of a window follow each other.
    pub(super) fn is_contiguous(&self) -> bool {
        self.offsets.iter().enumerate().all(|(i, &offset)| offset == i as i64)
    }

    /// Whether one dot product of bytes per output does it.
    pub(super) fn fits_bytes(&self) -> bool {
        let one = self.origins.len() == 1 && (self.geometry.outputs == 1 || self.geometry.out_step == 1);
        one && self.is_contiguous() && self.affine.weights.format.fits(8)
    }

    /// Puts the windows one after the other, padded to pairs: the operands that they are made of.
    pub(super) fn gather(&mut self) -> Vec<usize> {
        let padded = self.window().next_multiple_of(2);
        let mut words = vec![];
        for [read, _] in &mut self.origins {
            let window = self.offsets.iter().map(|offset| (*read as i64 + offset) as usize);
            let first = words.len();
            words.extend(window);
            words.resize(first + padded, *read);
            *read = first;
        }
        self.offsets = (0..self.offsets.len() as i64).collect();
        words
    }

    /// The row of the weights of an output.
    pub(super) fn row(&self, [repeat, output]: [usize; 2]) -> usize {
        if self.geometry.shared { output } else { repeat * self.geometry.outputs + output }
    }

    /// What layers must share to be computed as one: place and length of the operand, members, and width of the result.
    pub(super) fn kinship(&self) -> [usize; 5] {
        let range = self.rounding.range.max as usize;
        [self.input.0, self.first(), self.window(), self.affine.members, range]
    }

    /// Number of outputs of a repeat.
    pub(super) fn outputs(&self) -> usize {
        self.geometry.outputs
    }

    pub(super) fn pairs(&self) -> usize {
        self.window().div_ceil(2)
    }

    /// The two window elements of a pair.
    pub(super) fn pair(&self, pair: usize) -> [i64; 2] {
        let first = self.offsets[2 * pair];
        [first, self.offsets.get(2 * pair + 1).copied().unwrap_or(first)]
    }
}
