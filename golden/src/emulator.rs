//! The emulator: a typed graph of fixed-point operations, right by construction.

use crate::{
    Activation, BlockGeometry, EmulatorBuilder, EmulatorError, Format, OutputErrors, Port, Segment,
    plans::Plans,
};

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
    /// The weights, those of one member after the other.
    pub weights: Weights,
    /// One per row of the weights, at the accumulator's scale 2^-(weight frac + input frac).
    pub bias: Vec<i64>,
    /// Sets of weights and biases of which the [`Router`] picks one per frame; 1 if all frames share them.
    pub members: usize,
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

impl Affine {
    /// Weights of one member.
    pub fn weights_of(&self, member: usize) -> &[i16] {
        let size = self.weights.values.len() / self.members;
        &self.weights.values[member * size..][..size]
    }

    /// Biases of one member.
    pub fn bias_of(&self, member: usize) -> &[i64] {
        let size = self.bias.len() / self.members;
        &self.bias[member * size..][..size]
    }
}

impl Op {
    /// The weights and biases, if the operation has any.
    pub fn affine(&self) -> Option<&Affine> {
        match self {
            Self::Dense { affine, .. } | Self::Block { affine, .. } => Some(affine),
            Self::Add { .. } | Self::Multiply { .. } | Self::Activate { .. } => None,
        }
    }

    /// The vectors that the operation reads.
    pub fn operands(&self) -> Vec<VectorId> {
        match self {
            Self::Dense { input, .. } | Self::Block { input, .. } | Self::Activate { input, .. } => {
                vec![*input]
            }
            Self::Add { inputs, .. } | Self::Multiply { inputs, .. } => inputs.to_vec(),
        }
    }

    pub(crate) fn operands_mut(&mut self) -> impl Iterator<Item = &mut VectorId> {
        match self {
            Self::Dense { input, .. } | Self::Block { input, .. } | Self::Activate { input, .. } => {
                std::slice::from_mut(input).iter_mut()
            }
            Self::Add { inputs, .. } | Self::Multiply { inputs, .. } => inputs.iter_mut(),
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
            Op::Dense { affine, .. } => affine.weights.values.len() / affine.members,
            Op::Block { geometry, .. } => geometry.output_len() * geometry.window_len(),
            Op::Multiply { .. } => self.size,
            Op::Add { .. } | Op::Activate { .. } => 0,
        }
    }

    /// Whether the weights depend on the member that the [`Router`] picks.
    pub fn is_of_members(&self) -> bool {
        self.op.affine().is_some_and(|affine| affine.members > 1)
    }
}

/// Picks the member whose weights a frame is computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// One word per member: the largest wins, the first of equals.
    pub scores: VectorId,
    /// An input is *familiar* if the winner's score is at least this, one per member.
    pub thresholds: Vec<i16>,
}

impl Router {
    /// Number of members.
    pub fn members(&self) -> usize {
        self.thresholds.len()
    }

    /// What the words of the scores say.
    pub fn select(&self, scores: &[i16]) -> Selected {
        let better = |best: usize, member: usize| if scores[member] > scores[best] { member } else { best };
        let member = (0..scores.len()).fold(0, better);
        Selected { member, familiar: scores[member] >= self.thresholds[member] }
    }
}

/// What a [`Router`] says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The member whose weights the frame is computed with.
    pub member: usize,
    /// Whether the input is like those that the member was trained on.
    pub familiar: bool,
}

/// The output frame: vectors one after the other, optionally in another order.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The vectors that are concatenated at the highest quality level.
    pub sources: Vec<VectorId>,
    /// Those at every lower level, the lowest first.
    pub lower: Vec<Vec<VectorId>>,
    /// Word i of the frame is word `order[i]` of the concatenation; none is the identity.
    pub order: Option<Vec<usize>>,
    /// The words of the frame.
    pub port: Port,
}

impl Output {
    /// The vectors that are concatenated at quality level `level`; the highest one for any beyond.
    pub fn sources_at(&self, level: usize) -> &[VectorId] {
        self.lower.get(level).unwrap_or(&self.sources)
    }
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
    /// Emulation errors of all outputs in the order of the frame, rows counted from 1 in what it was tested on; none if nobody has kept them.
    pub outputs: Vec<OutputErrors>,
}

impl Provenance {
    /// Of what gives other outputs: those that were measured are not its own.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self { outputs: vec![], ..self.clone() }
    }
}

/// A quantised network that stands in for a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Emulator {
    pub(crate) name: String,
    pub(crate) provenance: Provenance,
    pub(crate) accumulator_bits: u32,
    pub(crate) input: Port,
    pub(crate) nodes: Vec<Node>,
    pub(crate) router: Option<Router>,
    pub(crate) output: Output,
    /// How its runners compute it.
    pub(crate) plans: Plans,
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

    /// What every output is called: as in the provenance, otherwise after its segment, with its index if the segment has more.
    pub fn output_names(&self) -> Vec<String> {
        if !self.provenance.outputs.is_empty() {
            return self.provenance.outputs.iter().map(|output| output.name.clone()).collect();
        }
        let name = |(segment, index): (&Segment, usize)| match segment.size {
            1 => segment.name.clone(),
            _ => format!("{}[{index}]", segment.name),
        };
        self.output.port.words().map(name).collect()
    }

    /// The input frame.
    pub fn input(&self) -> &Port {
        &self.input
    }

    /// The operations, every one after its operands.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The same network with other thresholds of its router; nothing changes without a router.
    ///
    /// # Errors
    /// Another number of thresholds than of members, or one that is no word of the scores.
    pub fn with_thresholds(mut self, thresholds: Vec<i16>) -> Result<Self, EmulatorError> {
        let Some(Router { scores, .. }) = self.router.take() else { return Ok(self) };
        let mut builder = EmulatorBuilder::continued(&self, self.accumulator_bits);
        builder.route(scores, thresholds)?;
        Ok(builder.into_open())
    }

    /// What picks the member of a frame; none if all frames share all weights.
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref()
    }

    /// The output frame.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Number of quality levels, at least 1. Level 0 is the cheapest, the last one is the whole network.
    pub fn levels(&self) -> usize {
        self.output.lower.len() + 1
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
        self.macs_at(self.levels() - 1)
    }

    /// Multiply-accumulates of a frame at quality level `level`.
    pub fn macs_at(&self, level: usize) -> usize {
        let needed = self.needed_at(level);
        self.nodes.iter().zip(needed).filter(|(_, needed)| *needed).map(|(node, _)| node.macs()).sum()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.nodes
            .iter()
            .filter_map(|node| node.op.affine())
            .map(|affine| affine.weights.values.len() + affine.bias.len())
            .sum()
    }
}
