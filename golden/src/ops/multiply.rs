//! Multiply: the element-wise product of two vectors of one length.

use super::{
    Context, Integers, Known, MAX_PRODUCT_SHIFT, Numbers, OnWords, Op, Operand, Operation, Record, Text,
    limits, of_one_length, sizes,
};
use crate::{
    error::EmulatorError,
    format::{Format, requantise},
    vector::VectorId,
};

/// y\[i\] = a\[i\] · b\[i\].
#[derive(Clone, Debug, PartialEq)]
pub struct Multiply<N: Numbers = Integers> {
    /// The operands.
    pub inputs: [VectorId; 2],
    /// Right shift from the product to the output word.
    pub shift: N::Shift,
}

impl<N: Numbers> Multiply<N> {
    /// The word of the file format.
    pub const KEYWORD: &'static str = "multiply";
}

impl<N: Numbers> Operation for Multiply<N> {
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

    fn macs(&self, size: usize) -> usize {
        size
    }
}

impl Multiply {
    pub(crate) fn new([a, b]: [Operand; 2], format: Format) -> Result<Self, EmulatorError> {
        of_one_length(&sizes([a.1, b.1]))?;
        let shift = limits::shift(a.1.format.frac() + b.1.format.frac(), format)?;
        if shift > MAX_PRODUCT_SHIFT {
            let problem = format!("shift {shift} exceeds {MAX_PRODUCT_SHIFT}");
            return Err(EmulatorError::new("format", problem));
        }
        Ok(Self { inputs: [a.0, b.0], shift })
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

impl OnWords for Multiply {
    fn again(&self, operands: &[Operand], _members: usize, format: Format) -> Result<Op, EmulatorError> {
        Multiply::new([operands[0], operands[1]], format).map(Op::Multiply)
    }

    fn compute(&self, at: &mut Context, y: &mut [i16]) {
        let [a, b] = self.inputs.map(|vector| &at.made[vector.0]);
        for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
            *y = requantise(i64::from(a) * i64::from(b), self.shift, at.format());
        }
    }

    fn write(&self, _text: &mut Text) {}
}
