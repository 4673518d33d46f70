//! Builds an emulator node by node; nothing invalid gets through.

use crate::{
    Activate, Activation, Add, Block, BlockGeometry, Dense, Emulator, EmulatorError, Format, Graph, Kind,
    MAX_MEMBERS, MAX_VECTOR, Maximum, Multiply, Node, Op, Output, OutputErrors, Port, Provenance, Router,
    Segment, Vector, VectorId, WIDEST_ACCUMULATOR, Weights,
    graph::check_identifier,
    ops::{Known, Record, find},
    plans::Plans,
};

/// The largest magnitude of a port's scale: products by 2^(scale ± 32) are exact.
const MAX_SCALE: i32 = 900;

/// The largest magnitude of a port's offset: no finite number less an offset is infinite.
const MAX_OFFSET: f64 = 1e250;

/// What the output frame is made of; see [`Output`].
#[derive(Clone, Debug)]
pub struct OutputSpec {
    /// The vectors that are concatenated at the highest quality level.
    pub sources: Vec<VectorId>,
    /// Those at every lower level, the lowest first; empty if there is one level.
    pub lower: Vec<Vec<VectorId>>,
    /// Word i of the frame is word `order[i]` of the concatenation; none is the identity.
    pub order: Option<Vec<usize>>,
    /// The words of the frame.
    pub port: Port,
}

/// Builds an [`Emulator`].
///
/// ```
/// use emeuro_golden::*;
/// let word = Format::new(16, 12)?;
/// let mut builder = EmulatorBuilder::new("swap", Port::new("x", 2, word), 32)?;
/// let weights = Weights { format: Format::new(8, 6)?, values: vec![0, 64, 64, 0] };
/// let y = builder.dense("swapped", VectorId::INPUT, weights, vec![0, 0], word)?;
/// let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 2, word) };
/// let emulator = builder.finish(output, Provenance::default())?;
/// assert_eq!(emulator.run(&[3, 5])?, [5, 3]);
/// # Ok::<(), EmulatorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EmulatorBuilder {
    emulator: Emulator,
}

impl EmulatorBuilder {
    /// An emulator without nodes yet. `accumulator_bits` (16..=48) is the width that every layer is proven to fit.
    ///
    /// # Errors
    /// A name that is not an identifier, an accumulator width out of range, or an invalid port.
    pub fn new(name: &str, input: Port, accumulator_bits: u32) -> Result<Self, EmulatorError> {
        check_identifier("name", name)?;
        if !(16..=WIDEST_ACCUMULATOR).contains(&accumulator_bits) {
            return Err(EmulatorError::expected(
                "accumulator",
                format_args!("16..={WIDEST_ACCUMULATOR} bits"),
                accumulator_bits,
            ));
        }
        check_port("input", &input)?;
        let format = input.formats().next().expect("a checked port has a segment");
        let graph = Graph::new(vec![Vector { size: input.size(), format }]);
        let no_port = Port { bits: input.bits, segments: vec![] };
        let emulator = Emulator {
            name: name.to_owned(),
            provenance: Provenance::default(),
            accumulator_bits,
            input,
            graph,
            output: Output { order: None, port: no_port },
            plans: Plans::default(),
        };
        Ok(Self { emulator })
    }

    /// Goes on with the nodes of `emulator`, whose output is open again; every layer fits `accumulator_bits` or what
    /// `emulator` allows, whichever is more.
    pub(crate) fn continued(emulator: &Emulator, accumulator_bits: u32) -> Self {
        let accumulator_bits = accumulator_bits.max(emulator.accumulator_bits);
        Self { emulator: Emulator { accumulator_bits, ..emulator.clone() } }
    }

    /// The emulator as it is, with the output that it began with.
    pub(crate) fn into_open(self) -> Emulator {
        self.emulator
    }

    /// Goes on with the nodes and the router of `emulator`, whose output is open again, and whose input words mean what `input`
    /// says.
    ///
    /// # Errors
    /// An invalid port, or one whose words are others to the layers.
    pub fn reopened(emulator: &Emulator, input: Port) -> Result<Self, EmulatorError> {
        check_port("input", &input)?;
        let (expected, found) = (&emulator.input, &input);
        if !found.formats().eq(expected.formats()) {
            return Err(EmulatorError::new("input", "expected words of the formats that the layers read"));
        }
        Ok(Self { emulator: Emulator { input, ..emulator.clone() } })
    }

    /// A node of another emulator by a name of this one, on operands of this one.
    ///
    /// `members` is the number of members for each of which the node, if it has weights and they are the same for all, is to have
    /// weights of its own, which begin alike; 1 leaves them shared.
    ///
    /// # Errors
    /// As those of [`dense`](Self::dense) and the other operations.
    pub fn copy(
        &mut self,
        name: &str,
        node: &Node,
        operand: impl Fn(VectorId) -> VectorId,
        members: usize,
    ) -> Result<VectorId, EmulatorError> {
        let place = self.emulator.graph.place(name)?;
        let graph = &self.emulator.graph;
        let operands = node.op.operands().iter().map(|&v| {
            let v = operand(v);
            Ok((v, graph.operand(v)?))
        });
        let of_members = members > 1 || node.is_of_members();
        let expected = if of_members { graph.members().map_err(|e| e.within(&place))? } else { 1 };
        let op = operands
            .collect::<Result<Vec<_>, _>>()
            .and_then(|operands| node.op.on_words().again(&operands, members, node.format))
            .map_err(|e| e.within(&place))?;
        if let Some(found) = op.affine().map(|affine| affine.members).filter(|&found| found != expected) {
            return Err(EmulatorError::expected(
                format!("{place}: members"),
                format_args!("{expected} as the router has"),
                found,
            ));
        }
        self.push(name, op, node.format)
    }

    /// The layer that a record of a file describes.
    pub(crate) fn read(&mut self, mut record: Record) -> Result<VectorId, EmulatorError> {
        let name = record.name().to_owned();
        let place = format!("layer {name:?}");
        let op = record
            .format()
            .and_then(|format| Ok((format, Op::read(&mut record, &self.emulator.graph, format)?)));
        let (format, op) = op.map_err(|e| e.within(&place))?;
        self.push(&name, op, format)
    }

    /// The input, or the vector of an earlier layer.
    pub(crate) fn find(&self, name: &str, place: &str) -> Result<VectorId, EmulatorError> {
        find(&self.emulator.graph, name, place).map(|(id, _)| id)
    }

    /// An operation on operands of this emulator.
    fn make<const K: usize>(
        &mut self,
        name: &str,
        operands: [VectorId; K],
        format: Format,
        make: impl FnOnce([(VectorId, Vector<Format>); K]) -> Result<Op, EmulatorError>,
    ) -> Result<VectorId, EmulatorError> {
        let place = self.emulator.graph.place(name)?;
        for vector in operands {
            self.emulator.graph.operand(vector).map_err(|e| e.within(&place))?;
        }
        let op = make(operands.map(|vector| (vector, self.emulator.graph.vector(vector))));
        self.push(name, op.map_err(|e| e.within(&place))?, format)
    }

    fn push(&mut self, name: &str, op: Op, format: Format) -> Result<VectorId, EmulatorError> {
        let place = self.emulator.graph.place(name)?;
        self.emulator.check_accumulator(&op).map_err(|e| e.within(&place))?;
        if format.kind() == Kind::Bipolar {
            let problem = "words of -1 and 1 are for weights; expected a number of bits";
            return Err(EmulatorError::new(format!("{place}: format"), problem));
        }
        self.emulator.graph.push(name, op, format)
    }

    /// A dense layer: `weights` are `[outputs][inputs]`, `bias` has one value per output.
    ///
    /// # Errors
    /// Wrong shapes, words outside their formats, an impossible shift, or an accumulator that could overflow.
    pub fn dense(
        &mut self,
        name: &str,
        input: VectorId,
        weights: Weights,
        bias: Vec<i64>,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.any_dense(name, input, (weights, bias), format, 1)
    }

    /// A dense layer with weights of its own for every member: `weights` are `[members][outputs][inputs]`, `bias` is
    /// `[members][outputs]`.
    ///
    /// # Errors
    /// As [`dense`](Self::dense), and an emulator without a router yet.
    pub fn dense_of_members(
        &mut self,
        name: &str,
        input: VectorId,
        weights: Weights,
        bias: Vec<i64>,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        let members = self.members(name)?;
        self.any_dense(name, input, (weights, bias), format, members)
    }

    fn any_dense(
        &mut self,
        name: &str,
        input: VectorId,
        values: (Weights, Vec<i64>),
        format: Format,
        members: usize,
    ) -> Result<VectorId, EmulatorError> {
        self.make(name, [input], format, |[x]| Dense::new(x, values, members, format).map(Op::Dense))
    }

    /// A block layer: `weights` are `[sets][outputs][window]`, `bias` is `[sets][outputs]`.
    ///
    /// # Errors
    /// As [`dense`](Self::dense), and a geometry that leaves its vectors or writes a word twice.
    pub fn block(
        &mut self,
        name: &str,
        input: VectorId,
        geometry: BlockGeometry,
        weights: Weights,
        bias: Vec<i64>,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.any_block(name, input, geometry, (weights, bias), format, 1)
    }

    /// A block layer with weights of its own for every member: `weights` are `[members][sets][outputs][window]`, `bias` is
    /// `[members][sets][outputs]`.
    ///
    /// # Errors
    /// As [`block`](Self::block), and an emulator without a router yet.
    pub fn block_of_members(
        &mut self,
        name: &str,
        input: VectorId,
        geometry: BlockGeometry,
        weights: Weights,
        bias: Vec<i64>,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        let members = self.members(name)?;
        self.any_block(name, input, geometry, (weights, bias), format, members)
    }

    fn any_block(
        &mut self,
        name: &str,
        input: VectorId,
        geometry: BlockGeometry,
        values: (Weights, Vec<i64>),
        format: Format,
        members: usize,
    ) -> Result<VectorId, EmulatorError> {
        let block = |[x]: [_; 1]| Block::new(x, geometry, values, members, format).map(Op::Block);
        self.make(name, [input], format, block)
    }

    /// Lets the largest word of `scores` pick one of as many members; layers [of members](Self::dense_of_members) that are
    /// added later have weights of their own for each. `thresholds` are the least scores of familiar inputs. Nothing but the
    /// router reads `scores`.
    ///
    /// # Errors
    /// A second router, fewer than 2 or more than 256 scores, another number of thresholds than of scores, or a threshold that
    /// is no word of the scores.
    pub fn route(&mut self, scores: VectorId, thresholds: Vec<i16>) -> Result<(), EmulatorError> {
        let wrong =
            |place: &str, problem: String| Err(EmulatorError::new(format!("router: {place}"), problem));
        let graph = &mut self.emulator.graph;
        let Vector { size, format } = graph.operand(scores).map_err(|e| e.within("router"))?;
        if graph.router.is_some() {
            return wrong("scores", "expected one router".to_owned());
        }
        if scores == VectorId::INPUT || !(2..=MAX_MEMBERS).contains(&size) {
            return wrong("scores", format!("expected a layer of 2..={MAX_MEMBERS} words, found {size}"));
        }
        if thresholds.len() != size {
            return wrong("thresholds", format!("expected {size} values, found {}", thresholds.len()));
        }
        if let Some(i) = thresholds.iter().position(|&t| !format.holds(i64::from(t))) {
            return wrong(
                &format!("thresholds[{i}]"),
                format!("{} does not fit {} bits", thresholds[i], format.bits()),
            );
        }
        graph.router = Some(Router { scores, thresholds });
        Ok(())
    }

    /// Number of members of the router, for a layer called `name`.
    fn members(&self, name: &str) -> Result<usize, EmulatorError> {
        self.emulator.graph.members().map_err(|e| e.within(&format!("layer {name:?}")))
    }

    /// The element-wise sum `a + b`.
    ///
    /// # Errors
    /// Different lengths, binary points more than 6 bits apart, or an impossible shift.
    pub fn add(
        &mut self,
        name: &str,
        a: VectorId,
        b: VectorId,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.make(name, [a, b], format, |operands| Add::new(operands, format).map(Op::Add))
    }

    /// The element-wise product `a · b`.
    ///
    /// # Errors
    /// Different lengths or an impossible shift.
    pub fn multiply(
        &mut self,
        name: &str,
        a: VectorId,
        b: VectorId,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.make(name, [a, b], format, |operands| Multiply::new(operands, format).map(Op::Multiply))
    }

    /// The element-wise larger one of `a` and `b`.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn maximum(
        &mut self,
        name: &str,
        a: VectorId,
        b: VectorId,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.make(name, [a, b], format, |operands| Maximum::new(operands, format).map(Op::Maximum))
    }

    /// `activation` of every element of `input`.
    ///
    /// # Errors
    /// A ReLU that changes the format, a table of the wrong length or with words that do not fit.
    pub fn activate(
        &mut self,
        name: &str,
        input: VectorId,
        activation: Activation,
        format: Format,
    ) -> Result<VectorId, EmulatorError> {
        self.make(name, [input], format, |[x]| Activate::new(x, activation, format).map(Op::Activate))
    }

    /// The finished emulator.
    ///
    /// # Errors
    /// Sources of different formats, an order that is not a list of their words, a port of another length or width,
    /// or a vector that nothing uses.
    pub fn finish(mut self, spec: OutputSpec, provenance: Provenance) -> Result<Emulator, EmulatorError> {
        let (format, total) = self.check_sources(&spec)?;
        if let Some((i, word)) = spec.order.iter().flatten().enumerate().find(|(_, word)| **word >= total) {
            return Err(EmulatorError::new(
                format!("output: order[{i}]"),
                format!("{word} is not below {total}"),
            ));
        }
        check_port("output", &spec.port)?;
        let expected = spec.order.as_ref().map_or(total, Vec::len);
        if spec.port.size() != expected {
            return Err(EmulatorError::expected(
                "output: segments",
                format_args!("{expected} words in all"),
                spec.port.size(),
            ));
        }
        if format.kind() != Kind::Signed {
            let name = self.emulator.graph.name(spec.sources[0]);
            let problem = format!("expected vectors in two's complement, {name:?} has {format}");
            return Err(EmulatorError::new("output: bits", problem));
        }
        if spec.port.bits != format.bits() {
            return Err(EmulatorError::expected(
                "output: bits",
                format_args!("the {} bits of its vectors", format.bits()),
                spec.port.bits,
            ));
        }
        let OutputSpec { sources, mut lower, order, port } = spec;
        lower.push(sources);
        self.emulator.graph.levels = lower;
        self.check_router()?;
        self.check_all_used()?;
        for (field, value) in [("nrmse", provenance.nrmse), ("nrmse_float", provenance.nrmse_float)] {
            if let Some(value) = value.filter(|v| !v.is_finite() || *v < 0.0) {
                return Err(EmulatorError::expected(
                    format!("provenance: {field}"),
                    "a number that is not negative",
                    value,
                ));
            }
        }
        check_output_errors(&provenance.outputs, port.size())?;
        self.emulator.output = Output { order, port };
        self.emulator.provenance = provenance;
        Ok(self.emulator)
    }

    /// Format and number of words of the concatenated vectors, which all levels share.
    fn check_sources(&self, spec: &OutputSpec) -> Result<(Format, usize), EmulatorError> {
        let graph = &self.emulator.graph;
        let total = |sources: &[VectorId]| sources.iter().map(|&v| self.emulator.size(v)).sum::<usize>();
        let stage = |k: usize| format!("output: stages[{k}]");
        let levels = std::iter::once(("output: from".to_owned(), &spec.sources))
            .chain(spec.lower.iter().enumerate().map(|(k, sources)| (stage(k), sources)));
        let mut first = None;
        for (place, sources) in levels {
            for &source in sources {
                self.emulator.graph.operand(source).map_err(|e| e.within("output"))?;
                let first = *first.get_or_insert(source);
                if self.emulator.format(source) != self.emulator.format(first) {
                    let names = (graph.name(first), graph.name(source));
                    let problem =
                        format!("expected vectors of one format, {:?} and {:?} differ", names.0, names.1);
                    return Err(EmulatorError::new(place, problem));
                }
            }
            if sources.is_empty() {
                return Err(EmulatorError::new(place, "expected at least one vector"));
            }
            let (expected, found) = (total(&spec.sources), total(sources));
            if found != expected {
                return Err(EmulatorError::expected(
                    place,
                    format_args!("{expected} words as at the highest level"),
                    found,
                ));
            }
        }
        let first = first.expect("every level has at least one vector");
        Ok((self.emulator.format(first), total(&spec.sources)))
    }

    /// The scores are for the router alone, and a router is for layers of members.
    fn check_router(&self) -> Result<(), EmulatorError> {
        let graph = &self.emulator.graph;
        let Some(Router { scores, .. }) = graph.router else { return Ok(()) };
        let layer = graph.readers(scores).next().map(|reader| format!("layer {:?}", graph.name(reader)));
        let leaves = graph.levels.iter().flatten().any(|&v| v == scores);
        if let Some(reader) = layer.or(leaves.then(|| "the output".to_owned())) {
            let problem = format!(
                "expected {:?} to be read by the router alone, {reader} reads it",
                graph.name(scores)
            );
            return Err(EmulatorError::new("router: scores", problem));
        }
        if !graph.nodes.iter().any(Node::is_of_members) {
            return Err(EmulatorError::new("router", "expected a layer of members after it"));
        }
        Ok(())
    }

    fn check_all_used(&self) -> Result<(), EmulatorError> {
        let graph = &self.emulator.graph;
        let unused = |v| EmulatorError::new(format!("layer {:?}", graph.name(v)), "its result is not used");
        graph.unread().map_or(Ok(()), |v| Err(unused(v)))
    }
}

fn check_port(place: &str, port: &Port) -> Result<(), EmulatorError> {
    if !matches!(port.bits, 8 | 16) {
        return Err(EmulatorError::expected(format!("{place}: bits"), "8 or 16", port.bits));
    }
    let mut total = 0usize;
    for segment in &port.segments {
        let place = format!("{place}: segment {:?}", segment.name);
        check_identifier(&place, &segment.name)?;
        Format::new(port.bits, segment.frac).map_err(|e| e.within(&place))?;
        total = total.saturating_add(segment.size);
        if segment.size == 0 || total > MAX_VECTOR {
            return Err(EmulatorError::expected(
                format!("{place}: size"),
                format_args!("1..={MAX_VECTOR} words in all"),
                segment.size,
            ));
        }
        check_values(&place, segment)?;
    }
    if total == 0 {
        return Err(EmulatorError::new(format!("{place}: segments"), "expected at least one"));
    }
    Ok(())
}

/// Scale, offset and ranges of a segment.
fn check_values(place: &str, segment: &Segment) -> Result<(), EmulatorError> {
    let Segment { size, scale, offset, ranges, .. } = segment;
    if scale.checked_abs().is_none_or(|scale| scale > MAX_SCALE) {
        return Err(EmulatorError::expected(
            format!("{place}: scale"),
            format_args!("-{MAX_SCALE}..={MAX_SCALE}"),
            scale,
        ));
    }
    if offset.is_nan() || offset.abs() > MAX_OFFSET {
        return Err(EmulatorError::expected(
            format!("{place}: offset"),
            format_args!("-{MAX_OFFSET:e}..={MAX_OFFSET:e}"),
            format_args!("{offset:e}"),
        ));
    }
    if !ranges.is_empty() && ranges.len() != *size {
        return Err(EmulatorError::expected(
            format!("{place}: ranges"),
            format_args!("one per word, {size}, or none"),
            ranges.len(),
        ));
    }
    let finite = |[low, high]: &[f64; 2]| low.is_finite() && high.is_finite() && low <= high;
    if let Some(i) = ranges.iter().position(|range| !finite(range)) {
        return Err(EmulatorError::expected(
            format!("{place}: ranges[{i}]"),
            "the least and the largest value",
            format_args!("{:?}", ranges[i]),
        ));
    }
    Ok(())
}

/// Errors of all outputs or of none, which are numbers.
fn check_output_errors(outputs: &[OutputErrors], size: usize) -> Result<(), EmulatorError> {
    if !outputs.is_empty() && outputs.len() != size {
        return Err(EmulatorError::expected(
            "provenance: outputs",
            format_args!("one entry for each of the {size} outputs"),
            outputs.len(),
        ));
    }
    for (index, OutputErrors { nrmse, p95, p99, largest, .. }) in outputs.iter().enumerate() {
        for (field, value) in
            [("nrmse", *nrmse), ("p95", Some(*p95)), ("p99", Some(*p99)), ("largest", Some(*largest))]
        {
            if let Some(value) = value.filter(|v| !v.is_finite() || *v < 0.0) {
                return Err(EmulatorError::expected(
                    format!("provenance: outputs[{index}]: {field}"),
                    "a number that is not negative",
                    value,
                ));
            }
        }
    }
    Ok(())
}
