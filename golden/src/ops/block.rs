//! Block: one small affine function at many places of the input, as in convolutions and butterflies.

use super::{
    Affine, Context, Integers, Known, Numbers, OnWords, Op, Operand, Operation, Record, Text, Weights,
    affine::Sums,
};
use crate::{error::EmulatorError, format::Format, geometry::BlockGeometry, vector::VectorId};

/// What [`BlockGeometry`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<N: Numbers = Integers> {
    /// The operand.
    pub input: VectorId,
    /// Where the block reads and writes.
    pub geometry: BlockGeometry,
    /// Weights and biases.
    pub affine: N::Affine,
}

impl<N: Numbers> Block<N> {
    /// The word of the file format.
    pub const KEYWORD: &'static str = "block";
}

impl<N: Numbers> Operation for Block<N> {
    fn keyword(&self) -> &'static str {
        Self::KEYWORD
    }

    fn operands(&self) -> &[VectorId] {
        std::slice::from_ref(&self.input)
    }

    fn operands_mut(&mut self) -> &mut [VectorId] {
        std::slice::from_mut(&mut self.input)
    }

    fn size(&self, operands: &[usize]) -> Result<usize, EmulatorError> {
        self.geometry.check(operands[0])?;
        Ok(self.geometry.output_len())
    }

    fn macs(&self, size: usize) -> usize {
        size * self.geometry.window_len()
    }
}

impl Block {
    /// `weights` are `[members][sets][outputs][window]`, `bias` is `[members][sets][outputs]`.
    pub(crate) fn new(
        (input, vector): Operand,
        geometry: BlockGeometry,
        values: (Weights, Vec<i64>),
        members: usize,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        geometry.check(vector.size)?;
        let shape = [geometry.weight_sets() * geometry.outputs, geometry.window_len()];
        let affine = Affine::new(values, members, shape, [vector.format, format])?;
        Ok(Self { input, geometry, affine })
    }

    pub(super) fn read(
        record: &mut Record,
        known: &dyn Known,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        record.allow(&[
            "input",
            "offset",
            "repeat",
            "in_stride",
            "out_stride",
            "window",
            "in_step",
            "outputs",
            "out_step",
            "shared",
            "members",
            "weights",
            "bias",
        ])?;
        let operand = record.operand(known)?;
        let geometry = record.geometry()?;
        let row = geometry.window.iter().fold(1, |n: usize, &w| n.saturating_mul(w));
        let values = record.affine(row)?;
        Self::new(operand, geometry, values, record.members(known)?, format)
    }
}

impl OnWords for Block {
    fn affine(&self) -> Option<&Affine> {
        Some(&self.affine)
    }

    fn accumulator_bits(&self, operands: &[Format]) -> Option<u32> {
        Some(super::accumulator_bits(&self.affine, operands[0]))
    }

    fn again(&self, operands: &[Operand], members: usize, format: Format) -> Result<Op, EmulatorError> {
        let (values, members) = self.affine.repeated(members);
        Block::new(operands[0], self.geometry.clone(), values, members, format).map(Op::Block)
    }

    fn compute(&self, at: &mut Context, y: &mut [i16]) {
        let (geometry, sums) = (&self.geometry, Sums::new(&self.affine, at));
        let x = &at.made[self.input.0];
        let per_set = if geometry.shared { 0 } else { geometry.outputs };
        for (repeat, (read, write)) in geometry.origins().enumerate() {
            at.window.clear();
            at.window.extend(geometry.window_offsets().map(|offset| x[(read + offset) as usize]));
            for output in 0..geometry.outputs {
                let word = sums.word(repeat * per_set + output, at.window);
                y[(write + output as i64 * geometry.out_step) as usize] = word;
            }
        }
    }

    fn write(&self, text: &mut Text) {
        text.geometry(&self.geometry);
        text.affine(&self.affine);
    }
}
