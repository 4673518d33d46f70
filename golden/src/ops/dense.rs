//! Dense: every output is an affine function of all inputs.

use super::{
    Affine, Context, Integers, Known, Numbers, OnWords, Op, Operand, Operation, Record, Text, Weights,
    affine::Sums,
};
use crate::{error::EmulatorError, format::Format, vector::VectorId};

/// y\[o\] = Σ_i W\[o\]\[i\] · x\[i\] + b\[o\].
#[derive(Clone, Debug, PartialEq)]
pub struct Dense<N: Numbers = Integers> {
    /// The operand.
    pub input: VectorId,
    /// Its length.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Weights and biases.
    pub affine: N::Affine,
}

impl<N: Numbers> Dense<N> {
    /// The word of the file format.
    pub const KEYWORD: &'static str = "dense";
}

impl<N: Numbers> Operation for Dense<N> {
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
        if operands != [self.inputs] {
            return Err(EmulatorError::expected(
                "input",
                format_args!("a vector of {} words", self.inputs),
                format_args!("{operands:?}"),
            ));
        }
        Ok(self.outputs)
    }

    fn macs(&self, _size: usize) -> usize {
        self.inputs * self.outputs
    }
}

impl Dense {
    /// As many outputs as `weights`, `[members][outputs][inputs]`, has rows; `bias` is `[members][outputs]`.
    pub(crate) fn new(
        (input, vector): Operand,
        (weights, bias): (Weights, Vec<i64>),
        members: usize,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        let inputs = vector.size;
        let outputs = weights.values.len().div_ceil(inputs * members);
        let affine = Affine::new((weights, bias), members, [outputs, inputs], [vector.format, format])?;
        Ok(Self { input, inputs, outputs, affine })
    }

    pub(super) fn read(
        record: &mut Record,
        known: &dyn Known,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        record.allow(&["input", "members", "weights", "bias"])?;
        let operand = record.operand(known)?;
        let values = record.affine(operand.1.size)?;
        Self::new(operand, values, record.members(known)?, format)
    }
}

impl OnWords for Dense {
    fn affine(&self) -> Option<&Affine> {
        Some(&self.affine)
    }

    fn accumulator_bits(&self, operands: &[Format]) -> Option<u32> {
        Some(super::accumulator_bits(&self.affine, operands[0]))
    }

    fn again(&self, operands: &[Operand], members: usize, format: Format) -> Result<Op, EmulatorError> {
        let (values, members) = self.affine.repeated(members);
        Dense::new(operands[0], values, members, format).map(Op::Dense)
    }

    fn compute(&self, at: &mut Context, y: &mut [i16]) {
        let sums = Sums::new(&self.affine, at);
        for (row, y) in y.iter_mut().enumerate() {
            *y = sums.word(row, &at.made[self.input.0]);
        }
    }

    fn write(&self, text: &mut Text) {
        text.affine(&self.affine);
    }
}
