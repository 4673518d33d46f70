//! Maximum: the element-wise larger one of two vectors of one length.

use super::{
    Context, Integers, Known, Numbers, OnWords, Op, Operand, Operation, Record, Text, limits, of_one_length,
    sizes,
};
use crate::{
    error::EmulatorError,
    format::{Format, requantise},
    vector::VectorId,
};

/// y\[i\] = max(a\[i\], b\[i\]).
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum<N: Numbers = Integers> {
    /// The operands.
    pub inputs: [VectorId; 2],
    /// Left shifts that bring the operands to one binary point.
    pub align: N::Align,
    /// Right shift from the larger operand to the output word.
    pub shift: N::Shift,
}

impl<N: Numbers> Maximum<N> {
    /// The word of the file format.
    pub const KEYWORD: &'static str = "maximum";
}

impl<N: Numbers> Operation for Maximum<N> {
    fn keyword(&self) -> &'static str {
        Self::KEYWORD
    }

    fn operands(&self) -> &[VectorId] {
        &self.inputs
    }

    fn operands_mut(&mut self) -> &mut [VectorId] {
        &mut self.inputs
    }

    fn size(&self, operands: &[usize]) -> Result<usize, EmulatorError> {
        of_one_length(operands)
    }

    fn macs(&self, _size: usize) -> usize {
        0
    }
}

impl Maximum {
    pub(crate) fn new([a, b]: [Operand; 2], format: Format) -> Result<Self, EmulatorError> {
        of_one_length(&sizes([a.1, b.1]))?;
        let (align, shift) = limits::alignment([a.1.format, b.1.format], format)?;
        Ok(Self { inputs: [a.0, b.0], align, shift })
    }

    pub(super) fn read(
        record: &mut Record,
        known: &dyn Known,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        record.allow(&["inputs"])?;
        Self::new(record.operands(known)?, format)
    }
}

impl OnWords for Maximum {
    fn again(&self, operands: &[Operand], _members: usize, format: Format) -> Result<Op, EmulatorError> {
        Maximum::new([operands[0], operands[1]], format).map(Op::Maximum)
    }

    fn compute(&self, at: &mut Context, y: &mut [i16]) {
        for (y, (a, b)) in y.iter_mut().zip(at.aligned(self.inputs, self.align)) {
            *y = requantise(a.max(b), self.shift, at.format());
        }
    }

    fn write(&self, _text: &mut Text) {}
}
