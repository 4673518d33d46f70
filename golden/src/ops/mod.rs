//! The operations of a graph, one a file: what it is called, which shapes and formats it takes, how much work it is, what it
//! computes on words, and what it looks like in a file.
//!
//! Their structure is the same for every kind of [`Numbers`]; what [`Integers`] mean is here, floating point is the trainer's.

mod activate;
mod add;
mod affine;
mod block;
mod dense;
mod limits;
mod maximum;
mod multiply;
mod record;
mod table;

use std::fmt::Debug;

use crate::{
    error::EmulatorError,
    format::Format,
    vector::{Vector, VectorId},
};

pub use activate::Activate;
pub use add::Add;
pub use affine::{Affine, Weights, accumulator_bits};
pub use block::Block;
pub use dense::Dense;
pub use limits::{MAX_ALIGNMENT, MAX_PRODUCT_SHIFT, MAX_SHIFT};
pub use maximum::Maximum;
pub use multiply::Multiply;
pub(crate) use record::{Known, Record, Text, find, format_map, list, quoted};
pub use table::{Activation, MAX_SEGMENTS_LOG2, TABLE_ERROR};

/// What the operations of a graph carry beside its structure.
pub trait Numbers: Clone + Debug + PartialEq {
    /// What the elements of a vector are.
    type Format: Copy + Debug + PartialEq;
    /// Weights and biases.
    type Affine: Clone + Debug + PartialEq;
    /// How two operands are brought to one scale.
    type Align: Clone + Debug + PartialEq;
    /// How a result is brought to the scale of its vector.
    type Shift: Clone + Debug + PartialEq;
    /// A function of one element.
    type Function: Clone + Debug + PartialEq;
}

/// The numbers of an emulator: words in fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integers;

impl Numbers for Integers {
    type Format = Format;
    type Affine = Affine;
    type Align = [u32; 2];
    type Shift = u32;
    type Function = Activation;
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op<N: Numbers = Integers> {
    /// Every output is an affine function of all inputs.
    Dense(Dense<N>),
    /// An affine block at many places of the input.
    Block(Block<N>),
    /// Element-wise sum of two vectors of one length.
    Add(Add<N>),
    /// Element-wise product of two vectors of one length.
    Multiply(Multiply<N>),
    /// Element-wise maximum of two vectors of one length.
    Maximum(Maximum<N>),
    /// A function of every element.
    Activate(Activate<N>),
}

/// What an operation is, whatever its numbers are.
pub(crate) trait Operation {
    /// The word of the file format.
    fn keyword(&self) -> &'static str;

    /// The vectors that it reads, in order.
    fn operands(&self) -> &[VectorId];

    /// The same, to be renamed.
    fn operands_mut(&mut self) -> &mut [VectorId];

    /// The shape rule: the length of its vector from those of its operands.
    fn size(&self, operands: &[usize]) -> Result<usize, EmulatorError>;

    /// Multiply-accumulates that make a vector of `size` words.
    fn macs(&self, size: usize) -> usize;
}

/// What an operation is on words.
pub(crate) trait OnWords: Operation {
    /// Weights and biases, if it has any.
    fn affine(&self) -> Option<&Affine> {
        None
    }

    /// The overflow bound: the width of the widest sum of products, for operands of these formats; none without such sums.
    fn accumulator_bits(&self, _operands: &[Format]) -> Option<u32> {
        None
    }

    /// The same operation on other operands, with its weights for each of `members`, if it has any.
    fn again(&self, operands: &[Operand], members: usize, format: Format) -> Result<Op, EmulatorError>;

    /// The integer meaning: fills the vector `y`.
    fn compute(&self, at: &mut Context, y: &mut [i16]);

    /// Its fields in the file, behind those of its operands and its format.
    fn write(&self, text: &mut Text);
}

/// An operand and what it is.
pub(crate) type Operand = (VectorId, Vector<Format>);

/// What a node is computed from.
pub(crate) struct Context<'a> {
    /// The vectors before it.
    pub(crate) made: &'a [Vec<i16>],
    /// Their formats, and after them that of the node.
    pub(crate) formats: &'a [Format],
    /// The member of the frame.
    pub(crate) member: usize,
    /// Whether its sums fit 32 bits; sums of 64 bits are equal and slower.
    pub(crate) narrow: bool,
    /// Room for the inputs of one application of a block.
    pub(crate) window: &'a mut Vec<i16>,
}

impl Context<'_> {
    /// The format of the node's own words.
    pub(crate) fn format(&self) -> Format {
        self.formats[self.made.len()]
    }

    /// The elements of two operands at one binary point, pair by pair.
    fn aligned(&self, inputs: [VectorId; 2], align: [u32; 2]) -> impl Iterator<Item = (i64, i64)> {
        let [a, b] = inputs.map(|vector| &self.made[vector.0]);
        a.iter().zip(b).map(move |(&a, &b)| (i64::from(a) << align[0], i64::from(b) << align[1]))
    }
}

/// Calls for whatever operation it is.
macro_rules! each {
    ($op:expr, $operation:ident => $body:expr) => {
        match $op {
            Op::Dense($operation) => $body,
            Op::Block($operation) => $body,
            Op::Add($operation) => $body,
            Op::Multiply($operation) => $body,
            Op::Maximum($operation) => $body,
            Op::Activate($operation) => $body,
        }
    };
}

impl<N: Numbers> Op<N> {
    fn operation(&self) -> &dyn Operation {
        each!(self, operation => operation)
    }

    /// The word of the file format for the operation.
    pub fn keyword(&self) -> &'static str {
        self.operation().keyword()
    }

    /// The vectors that the operation reads, in order.
    pub fn operands(&self) -> &[VectorId] {
        self.operation().operands()
    }

    pub(crate) fn operands_mut(&mut self) -> &mut [VectorId] {
        each!(self, operation => operation.operands_mut())
    }

    /// The length of its vector, from those of its operands.
    pub(crate) fn size(&self, operands: &[usize]) -> Result<usize, EmulatorError> {
        self.operation().size(operands)
    }

    /// Multiply-accumulates that make its vector of `size` words.
    pub fn macs(&self, size: usize) -> usize {
        self.operation().macs(size)
    }
}

impl Op {
    pub(crate) fn on_words(&self) -> &dyn OnWords {
        each!(self, operation => operation)
    }

    /// The weights and biases, if the operation has any.
    pub fn affine(&self) -> Option<&Affine> {
        self.on_words().affine()
    }

    pub(crate) fn affine_mut(&mut self) -> Option<&mut Affine> {
        match self {
            Self::Dense(dense) => Some(&mut dense.affine),
            Self::Block(block) => Some(&mut block.affine),
            Self::Add(_) | Self::Multiply(_) | Self::Maximum(_) | Self::Activate(_) => None,
        }
    }

    /// The operation that a record of a file describes, and its operands' checks.
    pub(crate) fn read(
        record: &mut Record,
        known: &dyn Known,
        format: Format,
    ) -> Result<Self, EmulatorError> {
        match record.op() {
            Dense::<Integers>::KEYWORD => Dense::read(record, known, format).map(Self::Dense),
            Block::<Integers>::KEYWORD => Block::read(record, known, format).map(Self::Block),
            Add::<Integers>::KEYWORD => Add::read(record, known, format).map(Self::Add),
            Multiply::<Integers>::KEYWORD => Multiply::read(record, known, format).map(Self::Multiply),
            Maximum::<Integers>::KEYWORD => Maximum::read(record, known, format).map(Self::Maximum),
            Activate::<Integers>::KEYWORD => Activate::read(record, known, format).map(Self::Activate),
            other => Err(EmulatorError::expected(
                "op",
                "dense, block, add, multiply, maximum or activate",
                format_args!("{other:?}"),
            )),
        }
    }
}

/// Both operands of an operation on two vectors of one length.
fn of_one_length(operands: &[usize]) -> Result<usize, EmulatorError> {
    let problem = |found: &str| format!("expected two vectors of one length, found {found}");
    match *operands {
        [a, b] if a == b => Ok(a),
        [a, b] => Err(EmulatorError::new("inputs", problem(&format!("{a} and {b}")))),
        _ => Err(EmulatorError::new("inputs", problem(&format!("{} vectors", operands.len())))),
    }
}

/// The sizes of operands.
fn sizes<F, const K: usize>(operands: [Vector<F>; K]) -> [usize; K] {
    operands.map(|operand| operand.size)
}
