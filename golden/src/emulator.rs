//! The emulator: a typed graph of fixed-point operations, right by construction.

use crate::{
    EmulatorBuilder, EmulatorError, Format, Graph, Node, Op, OutputErrors, Port, Router, Segment, VectorId,
    plans::Plans,
};

/// The widest accumulator.
pub const WIDEST_ACCUMULATOR: u32 = 48;

/// Accumulator widths that are chosen from, the narrowest first.
const ACCUMULATORS: [u32; 3] = [32, 40, WIDEST_ACCUMULATOR];

/// The output frame: the vectors of a level one after the other, optionally in another order.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
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
    pub(crate) graph: Graph,
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

    /// The operations on vectors, without ports.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The operations, every one after its operands.
    pub fn nodes(&self) -> &[Node] {
        &self.graph.nodes
    }

    /// The same network with other thresholds of its router; nothing changes without a router.
    ///
    /// # Errors
    /// Another number of thresholds than of members, or one that is no word of the scores.
    pub fn with_thresholds(mut self, thresholds: Vec<i16>) -> Result<Self, EmulatorError> {
        let Some(Router { scores, .. }) = self.graph.router.take() else { return Ok(self) };
        let mut builder = EmulatorBuilder::continued(&self, self.accumulator_bits);
        builder.route(scores, thresholds)?;
        Ok(builder.into_open())
    }

    /// The same network with other weights and biases: `other` gives those of the layers (by position) that it wants changed, those
    /// of one member after the other, in the layer's format and at its accumulator's scale.
    ///
    /// # Errors
    /// Other numbers of weights or biases than the layer has, weights that do not fit their format, an accumulator that could
    /// overflow, or a layer without weights.
    pub fn with_integers(
        &self,
        other: impl Fn(usize) -> Option<(Vec<i16>, Vec<i64>)>,
    ) -> Result<Self, EmulatorError> {
        let mut changed = Self { provenance: self.provenance.of_another(), ..self.clone() };
        for index in 0..self.nodes().len() {
            let Some((values, bias)) = other(index) else { continue };
            let node = &mut changed.graph.nodes[index];
            let place = format!("layer {:?}", node.name);
            let Some(affine) = node.op.affine_mut() else {
                return Err(EmulatorError::new(place, format!("op {} has no weights", node.op.keyword())));
            };
            let shape = [affine.bias.len() / affine.members, affine.row()];
            (affine.weights.values, affine.bias) = (values, bias);
            affine.check(shape).map_err(|e| e.within(&place))?;
            changed.check_accumulator(&changed.graph.nodes[index].op).map_err(|e| e.within(&place))?;
        }
        Ok(changed)
    }

    /// Refuses an operation whose accumulator could overflow.
    pub(crate) fn check_accumulator(&self, op: &Op) -> Result<(), EmulatorError> {
        let (needed, allowed) = (self.graph.accumulator_bits(op), self.accumulator_bits);
        if needed > allowed {
            let problem =
                format!("the accumulator could overflow: it needs {needed} bits, {allowed} are allowed");
            return Err(EmulatorError::new("", problem));
        }
        Ok(())
    }

    /// The same network with the narrowest accumulator of 32, 40 and 48 bits that every layer fits.
    #[must_use]
    pub fn with_narrowest_accumulator(self) -> Self {
        let needed = self.nodes().iter().map(|node| self.graph.accumulator_bits(&node.op)).max().unwrap_or(0);
        let narrowest = ACCUMULATORS.into_iter().find(|&bits| bits >= needed);
        Self { accumulator_bits: narrowest.unwrap_or(self.accumulator_bits), ..self }
    }

    /// What picks the member of a frame; none if all frames share all weights.
    pub fn router(&self) -> Option<&Router> {
        self.graph.router.as_ref()
    }

    /// The output frame.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The vectors that are concatenated to the output frame at quality level `level`; those of the highest one for any beyond.
    pub fn sources_at(&self, level: usize) -> &[VectorId] {
        self.graph.sources_at(level)
    }

    /// Number of quality levels, at least 1. Level 0 is the cheapest, the last one is the whole network.
    pub fn levels(&self) -> usize {
        self.graph.levels.len()
    }

    /// The complete emulator of quality level `level` (the highest one for any beyond): the nodes that it needs under their
    /// names, and one level.
    pub fn at_level(&self, level: usize) -> Self {
        Self {
            graph: self.graph.at_level(level),
            provenance: match level + 1 < self.levels() {
                true => self.provenance.of_another(),
                false => self.provenance.clone(),
            },
            ..self.clone()
        }
    }

    /// The vector that node `index` makes.
    ///
    /// # Panics
    /// There is no such node.
    pub fn vector_of(&self, index: usize) -> VectorId {
        self.graph.vector_of(index)
    }

    /// The node that makes `vector`; none for the input, or a vector of another emulator.
    pub fn maker(&self, vector: VectorId) -> Option<&Node> {
        self.graph.maker(vector)
    }

    /// Format of the words of `vector`.
    ///
    /// # Panics
    /// `vector` is of another emulator that has more of them ([`Graph::has`] says so).
    pub fn format(&self, vector: VectorId) -> Format {
        self.graph.vector(vector).format
    }

    /// Length of `vector`.
    ///
    /// # Panics
    /// As [`format`](Self::format).
    pub fn size(&self, vector: VectorId) -> usize {
        self.graph.vector(vector).size
    }

    /// Multiply-accumulates per frame: weights applied, plus one per element-wise product.
    pub fn macs(&self) -> usize {
        self.macs_at(self.levels() - 1)
    }

    /// Multiply-accumulates of a frame at quality level `level`.
    pub fn macs_at(&self, level: usize) -> usize {
        let needed = self.graph.needed_at(level);
        self.nodes().iter().zip(needed).filter(|(_, needed)| *needed).map(|(node, _)| node.macs()).sum()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        let affine = self.nodes().iter().filter_map(|node| node.op.affine());
        affine.map(|affine| affine.weights.values.len() + affine.bias.len()).sum()
    }
}
