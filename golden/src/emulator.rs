//! The emulator: a typed graph of fixed-point operations, right by construction.

use crate::{Activation, BlockGeometry, Format};

/// The longest vector and the most weights per row that are accepted: 2^16 words.
pub const MAX_VECTOR: usize = 1 << 16;

/// The largest requantising shift.
pub const MAX_SHIFT: u32 = 40;

/// Names a vector of the graph: 0 is the input, k the output of node k - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VectorId(pub(crate) usize);

impl VectorId {
    /// The input vector.
    pub const INPUT: Self = Self(0);

    /// Position in the order of computation; 0 is the input.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Part of a frame that has one meaning and one binary point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What the words are, for example `position`.
    pub name: String,
    /// The physical unit, `1` if there is none.
    pub unit: String,
    /// Number of words.
    pub size: usize,
    /// Binary point of a word: value = raw · 2^-frac.
    pub frac: i32,
}

/// The words of an input or output frame.
///
/// Layers see all words in the format of the first segment; other binary points are accounted for in the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Width of a word, 8 or 16.
    pub bits: u32,
    /// The parts of a frame, in order.
    pub segments: Vec<Segment>,
}

impl Port {
    /// Number of words in a frame.
    pub fn size(&self) -> usize {
        self.segments.iter().map(|s| s.size).sum()
    }

    /// The format of every word of a frame, in order.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        let bits = self.bits;
        self.segments.iter().flat_map(move |s| {
            std::iter::repeat_n(Format::new(bits, s.frac).expect("ports are checked when built"), s.size)
        })
    }
}

/// A matrix of weights, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Width and binary point of every weight.
    pub format: Format,
    /// `[outputs][inputs]` for dense layers, `[sets][outputs][window]` for blocks.
    pub values: Vec<i16>,
}

/// Weights and biases: `acc = bias + Σ weight · x`, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affine {
    /// The weights.
    pub weights: Weights,
    /// One per row of the weights, at the accumulator's scale 2^-(weight frac + input frac).
    pub bias: Vec<i64>,
    /// Right shift from the accumulator to the output word.
    pub shift: u32,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Every output is an affine function of all inputs.
    Dense {
        /// The operand.
        input: VectorId,
        /// Weights and biases.
        affine: Affine,
    },
    /// An affine block at many places of the input.
    Block {
        /// The operand.
        input: VectorId,
        /// Where the block reads and writes.
        geometry: BlockGeometry,
        /// Weights and biases.
        affine: Affine,
    },
    /// Element-wise sum of two vectors of one length.
    Add {
        /// The operands.
        inputs: [VectorId; 2],
        /// Left shifts that bring the operands to one binary point.
        align: [u32; 2],
        /// Right shift from the sum to the output word.
        shift: u32,
    },
    /// Element-wise product of two vectors of one length.
    Multiply {
        /// The operands.
        inputs: [VectorId; 2],
        /// Right shift from the product to the output word.
        shift: u32,
    },
    /// A function of every element.
    Activate {
        /// The operand.
        input: VectorId,
        /// The function.
        activation: Activation,
    },
}

impl Op {
    /// The vectors that the operation reads.
    pub fn operands(&self) -> Vec<VectorId> {
        match self {
            Self::Dense { input, .. } | Self::Block { input, .. } | Self::Activate { input, .. } => {
                vec![*input]
            }
            Self::Add { inputs, .. } | Self::Multiply { inputs, .. } => inputs.to_vec(),
        }
    }

    /// The word of the file format for the operation.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Block { .. } => "block",
            Self::Add { .. } => "add",
            Self::Multiply { .. } => "multiply",
            Self::Activate { .. } => "activate",
        }
    }
}

/// One named operation and the vector that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Unique name.
    pub name: String,
    /// The operation.
    pub op: Op,
    /// Format of the output words.
    pub format: Format,
    /// Number of output words.
    pub size: usize,
}

impl Node {
    /// Multiply-accumulates per frame: weights applied, or one per element-wise product.
    pub fn macs(&self) -> usize {
        match &self.op {
            Op::Dense { affine, .. } => affine.weights.values.len(),
            Op::Block { geometry, .. } => geometry.output_len() * geometry.window_len(),
            Op::Multiply { .. } => self.size,
            Op::Add { .. } | Op::Activate { .. } => 0,
        }
    }
}

/// The output frame: vectors one after the other, optionally in another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The vectors that are concatenated.
    pub sources: Vec<VectorId>,
    /// Word i of the frame is word `order[i]` of the concatenation; none is the identity.
    pub order: Option<Vec<usize>>,
    /// The words of the frame.
    pub port: Port,
}

/// Where an emulator comes from. Without a date, so that the same command makes the same bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The command that makes the file.
    pub command: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// What it was trained, calibrated and tested on.
    pub data: String,
    /// Emulation error: golden model against exact code, held-out frames.
    pub nrmse: Option<f64>,
    /// Modelling error: the network in floating point against exact code, held-out frames.
    pub nrmse_float: Option<f64>,
}

/// A quantised network that stands in for a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Emulator {
    pub(crate) name: String,
    pub(crate) provenance: Provenance,
    pub(crate) accumulator_bits: u32,
    pub(crate) input: Port,
    pub(crate) nodes: Vec<Node>,
    pub(crate) output: Output,
}

impl Emulator {
    /// The name, fit for a Verilog identifier.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The same network with another provenance.
    pub fn with_provenance(self, provenance: Provenance) -> Self {
        Self { provenance, ..self }
    }

    /// The accumulator width that no layer exceeds.
    pub fn accumulator_bits(&self) -> u32 {
        self.accumulator_bits
    }

    /// The input frame.
    pub fn input(&self) -> &Port {
        &self.input
    }

    /// The operations, every one after its operands.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The output frame.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The vector that node `index` makes.
    pub fn vector_of(&self, index: usize) -> VectorId {
        assert!(index < self.nodes.len(), "node {index} of {}", self.nodes.len());
        VectorId(index + 1)
    }

    /// The node that makes `vector`; none for the input.
    pub fn maker(&self, vector: VectorId) -> Option<&Node> {
        vector.0.checked_sub(1).map(|index| &self.nodes[index])
    }

    /// Format of the words of `vector`.
    pub fn format(&self, vector: VectorId) -> Format {
        match self.maker(vector) {
            Some(node) => node.format,
            None => self.input.formats().next().expect("ports are checked when built"),
        }
    }

    /// Length of `vector`.
    pub fn size(&self, vector: VectorId) -> usize {
        self.maker(vector).map_or(self.input.size(), |node| node.size)
    }

    /// Multiply-accumulates per frame: weights applied, plus one per element-wise product.
    pub fn macs(&self) -> usize {
        self.nodes.iter().map(Node::macs).sum()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| match &node.op {
                Op::Dense { affine, .. } | Op::Block { affine, .. } => {
                    affine.weights.values.len() + affine.bias.len()
                }
                _ => 0,
            })
            .sum()
    }
}
