//! Activate: a function of every element.

use super::{Activation, Context, Integers, Known, Numbers, OnWords, Op, Operand, Operation, Record, Text};
use crate::{error::EmulatorError, format::Format, vector::VectorId};

/// y\[i\] = f(x\[i\]).
#[derive(Clone, Debug, PartialEq)]
pub struct Activate<N: Numbers = Integers> {
    /// The operand.
    pub input: VectorId,
    /// The function.
    pub function: N::Function,
}

impl<N: Numbers> Activate<N> {
    /// The word of the file format.
    pub const KEYWORD: &'static str = "activate";
}

impl<N: Numbers> Operation for Activate<N> {
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
        Ok(operands[0])
    }

    fn macs(&self, _size: usize) -> usize {
        0
    }
}

impl Activate {
    pub(crate) fn new(
        (input, vector): Operand,
        function: Activation,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        function.check(vector.format, format)?;
        Ok(Self { input, function })
    }

    pub(super) fn read(
        record: &mut Record,
        known: &dyn Known,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        record.allow(&["input", "function", "knots"])?;
        let operand = record.operand(known)?;
        Self::new(operand, record.activation()?, format)
    }
}

impl OnWords for Activate {
    fn again(&self, operands: &[Operand], _members: usize, format: Format) -> Result<Op, EmulatorError> {
        Activate::new(operands[0], self.function.clone(), format).map(Op::Activate)
    }

    fn compute(&self, at: &mut Context, y: &mut [i16]) {
        let format = at.formats[self.input.0];
        for (y, &x) in y.iter_mut().zip(&at.made[self.input.0]) {
            *y = self.function.apply(x, format);
        }
    }

    fn write(&self, text: &mut Text) {
        text.activation(&self.function);
    }
}
