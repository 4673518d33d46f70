//! The compiler's view of an emulator: tasks on vectors that have a place.

use emeuro_golden::{Activation, BlockGeometry, Format};

/// Where a vector lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The input frame.
    Input,
    /// The lanes' memory.
    Memory,
    /// The output buffer.
    Output,
    /// The router, which chooses the member with the largest word.
    Router,
}

/// A vector between tasks.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) size: usize,
    pub(crate) bits: u32,
    pub(crate) place: Place,
    /// Address at its place; set by the placing pass.
    pub(crate) address: usize,
}

/// Index of a vector.
pub(crate) type VectorIndex = usize;

/// What a task computes before requantising.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Weights applied to one vector; of every member one set, after the other.
    Affine { geometry: BlockGeometry, weights: Vec<i16>, weight_bits: u32, bias: Vec<i64>, members: usize },
    /// Σ operand · scale over one or two vectors, element by element.
    Scale { scales: Vec<i16> },
    /// The product of two vectors, element by element.
    Multiply,
    /// The largest of operand · scale over two vectors, element by element.
    Maximum { scales: Vec<i16> },
}

/// One operation of the unit.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) sources: Vec<VectorIndex>,
    pub(crate) target: VectorIndex,
    /// Right shift of the sum.
    pub(crate) shift: u32,
    /// Format after requantising, before the activation.
    pub(crate) format: Format,
    pub(crate) activation: Option<Activation>,
    /// Accumulator bits that the task needs.
    pub(crate) accumulator_bits: u32,
}

impl Task {
    /// Width of the weights that the task needs.
    pub(crate) fn weight_bits(&self) -> u32 {
        match &self.kind {
            Kind::Affine { weight_bits, .. } => *weight_bits,
            // Scales are at most 2^6.
            Kind::Scale { .. } | Kind::Maximum { .. } => 8,
            Kind::Multiply => 4,
        }
    }

    /// Whether it has weights and biases per member.
    pub(crate) fn is_of_members(&self) -> bool {
        matches!(self.kind, Kind::Affine { members: 2.., .. })
    }

    /// Width of the accumulators that the task needs in a unit with words of `word_bits`: a sum is never narrower than
    /// the word that it becomes.
    pub(crate) fn sum_bits(&self, word_bits: u32) -> u32 {
        self.accumulator_bits.max(word_bits + 2)
    }
}

/// All tasks of an emulator.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    pub(crate) vectors: Vec<Vector>,
    pub(crate) tasks: Vec<Task>,
    /// The vectors of the output frame.
    pub(crate) outputs: Vec<VectorIndex>,
}

impl Tasks {
    /// Width of the widest vector.
    pub(crate) fn word_bits(&self) -> u32 {
        self.vectors.iter().map(|v| v.bits).max().unwrap_or(16)
    }

    /// A new vector of the same size and width, in memory.
    pub(crate) fn twin(&mut self, of: VectorIndex) -> VectorIndex {
        let twin = Vector { place: Place::Memory, ..self.vectors[of].clone() };
        self.vectors.push(twin);
        self.vectors.len() - 1
    }

    /// A task that copies `source` to `target`.
    pub(crate) fn copy(&self, source: VectorIndex, target: VectorIndex, name: String) -> Task {
        let format = Format::new(self.vectors[source].bits, 0).expect("vectors have 8 or 16 bits");
        Task {
            name,
            kind: Kind::Scale { scales: vec![1] },
            sources: vec![source],
            target,
            shift: 0,
            format,
            activation: None,
            accumulator_bits: format.bits() + 1,
        }
    }
}
