//! Builds an emulator node by node; nothing invalid gets through.

use crate::{
    Activation, Affine, BlockGeometry, Emulator, EmulatorError, Format, MAX_SHIFT, MAX_VECTOR, Node, Op,
    Output, OutputErrors, Port, Provenance, Router, Segment, VectorId, Weights, accumulator_bits,
    plans::Plans,
};

/// The most members that a router can choose from.
pub const MAX_MEMBERS: usize = 256;

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
        if !(16..=48).contains(&accumulator_bits) {
            let problem = format!("expected 16..=48 bits, found {accumulator_bits}");
            return Err(EmulatorError::new("accumulator", problem));
        }
        check_port("input", &input)?;
        let no_port = Port { bits: input.bits, segments: vec![] };
        let no_output = Output { sources: vec![], lower: vec![], order: None, port: no_port };
        let emulator = Emulator {
            name: name.to_owned(),
            provenance: Provenance::default(),
            accumulator_bits,
            input,
            nodes: vec![],
            router: None,
            output: no_output,
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

    /// A node of another emulator with operands and a name of this one, and without a router.
    pub(crate) fn append(&mut self, node: Node) -> Result<VectorId, EmulatorError> {
        self.place(&node.name)?;
        self.push(&node.name, node.op, node.format, node.size)
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
        self.any_dense(name, input, weights, bias, format, 1)
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
        self.any_dense(name, input, weights, bias, format, members)
    }

    fn any_dense(
        &mut self,
        name: &str,
        input: VectorId,
        weights: Weights,
        bias: Vec<i64>,
        format: Format,
        members: usize,
    ) -> Result<VectorId, EmulatorError> {
        let place = self.place(name)?;
        self.check_operand(&place, input)?;
        let inputs = self.emulator.size(input);
        let geometry = BlockGeometry::dense(inputs, weights.values.len().div_ceil(inputs * members));
        let affine = self.check_affine(&place, input, &geometry, members, (weights, bias), format)?;
        self.push(name, Op::Dense { input, affine }, format, geometry.output_len())
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
        let place = self.place(name)?;
        self.check_operand(&place, input)?;
        geometry.check(self.emulator.size(input)).map_err(|e| within(&place, e))?;
        let affine = self.check_affine(&place, input, &geometry, members, values, format)?;
        let size = geometry.output_len();
        self.push(name, Op::Block { input, geometry, affine }, format, size)
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
        self.check_operand("router", scores)?;
        if self.emulator.router.is_some() {
            return wrong("scores", "expected one router".to_owned());
        }
        let (size, format) = (self.emulator.size(scores), self.emulator.format(scores));
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
        self.emulator.router = Some(Router { scores, thresholds });
        Ok(())
    }

    /// Number of members of the router, for a layer called `name`.
    pub(crate) fn members(&self, name: &str) -> Result<usize, EmulatorError> {
        let missing =
            || EmulatorError::new(format!("layer {name:?}: members"), "expected a router before it");
        self.emulator.router.as_ref().map(Router::members).ok_or_else(missing)
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
        let place = self.place(name)?;
        let size = self.check_pair(&place, a, b)?;
        let fracs = [a, b].map(|v| self.emulator.format(v).frac());
        let common = fracs[0].max(fracs[1]);
        let align = fracs.map(|frac| (common - frac) as u32);
        if align.iter().any(|&a| a > 6) {
            let problem = format!("fracs {} and {} are more than 6 bits apart", fracs[0], fracs[1]);
            return Err(EmulatorError::new(format!("{place}: inputs"), problem));
        }
        let shift = check_shift(&place, common, format)?;
        self.push(name, Op::Add { inputs: [a, b], align, shift }, format, size)
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
        let place = self.place(name)?;
        let size = self.check_pair(&place, a, b)?;
        let frac = self.emulator.format(a).frac() + self.emulator.format(b).frac();
        let shift = check_shift(&place, frac, format)?;
        if shift > 31 {
            return Err(EmulatorError::new(format!("{place}: format"), format!("shift {shift} exceeds 31")));
        }
        self.push(name, Op::Multiply { inputs: [a, b], shift }, format, size)
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
        let place = self.place(name)?;
        self.check_operand(&place, input)?;
        activation.check(self.emulator.format(input), format).map_err(|e| within(&place, e))?;
        let size = self.emulator.size(input);
        self.push(name, Op::Activate { input, activation }, format, size)
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
            let problem = format!("expected {expected} words in all, found {}", spec.port.size());
            return Err(EmulatorError::new("output: segments", problem));
        }
        if spec.port.bits != format.bits() {
            let problem =
                format!("expected the {} bits of its vectors, found {}", format.bits(), spec.port.bits);
            return Err(EmulatorError::new("output: bits", problem));
        }
        self.check_router(&spec)?;
        self.check_all_used(&spec)?;
        for (field, value) in [("nrmse", provenance.nrmse), ("nrmse_float", provenance.nrmse_float)] {
            if let Some(value) = value.filter(|v| !v.is_finite() || *v < 0.0) {
                let problem = format!("expected a number that is not negative, found {value}");
                return Err(EmulatorError::new(format!("provenance: {field}"), problem));
            }
        }
        check_output_errors(&provenance.outputs, spec.port.size())?;
        let OutputSpec { sources, lower, order, port } = spec;
        self.emulator.output = Output { sources, lower, order, port };
        self.emulator.provenance = provenance;
        Ok(self.emulator)
    }

    /// Length of a vector; 0 if there is none.
    pub(crate) fn size(&self, vector: VectorId) -> usize {
        if vector.0 <= self.emulator.nodes.len() { self.emulator.size(vector) } else { 0 }
    }

    /// Format and number of words of the concatenated vectors, which all levels share.
    fn check_sources(&self, spec: &OutputSpec) -> Result<(Format, usize), EmulatorError> {
        let total = |sources: &[VectorId]| sources.iter().map(|&v| self.emulator.size(v)).sum::<usize>();
        let stage = |k: usize| format!("output: stages[{k}]");
        let levels = std::iter::once(("output: from".to_owned(), &spec.sources))
            .chain(spec.lower.iter().enumerate().map(|(k, sources)| (stage(k), sources)));
        let mut first = None;
        for (place, sources) in levels {
            for &source in sources {
                self.check_operand("output", source)?;
                let first = *first.get_or_insert(source);
                if self.emulator.format(source) != self.emulator.format(first) {
                    let names = (self.vector_name(first), self.vector_name(source));
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
                let problem = format!("expected {expected} words as at the highest level, found {found}");
                return Err(EmulatorError::new(place, problem));
            }
        }
        let first = first.expect("every level has at least one vector");
        Ok((self.emulator.format(first), total(&spec.sources)))
    }

    /// The scores are for the router alone, and a router is for layers of members.
    fn check_router(&self, spec: &OutputSpec) -> Result<(), EmulatorError> {
        let Some(Router { scores, .. }) = self.emulator.router else { return Ok(()) };
        let layer = self.emulator.nodes.iter().find(|node| node.op.operands().contains(&scores));
        let leaves = spec.lower.iter().chain([&spec.sources]).flatten().any(|&v| v == scores);
        let reader =
            layer.map(|node| format!("layer {:?}", node.name)).or(leaves.then(|| "the output".to_owned()));
        if let Some(reader) = reader {
            let problem = format!(
                "expected {:?} to be read by the router alone, {reader} reads it",
                self.vector_name(scores)
            );
            return Err(EmulatorError::new("router: scores", problem));
        }
        if !self.emulator.nodes.iter().any(Node::is_of_members) {
            return Err(EmulatorError::new("router", "expected a layer of members after it"));
        }
        Ok(())
    }

    fn check_all_used(&self, spec: &OutputSpec) -> Result<(), EmulatorError> {
        let nodes = &self.emulator.nodes;
        let sources = spec.lower.iter().chain([&spec.sources]).flatten().copied();
        let scores = self.emulator.router.iter().map(|router| router.scores);
        let used: Vec<VectorId> =
            nodes.iter().flat_map(|n| n.op.operands()).chain(sources).chain(scores).collect();
        match (1..=nodes.len()).map(VectorId).find(|v| !used.contains(v)) {
            Some(v) => {
                Err(EmulatorError::new(format!("layer {:?}", self.vector_name(v)), "its result is not used"))
            }
            None => Ok(()),
        }
    }

    fn vector_name(&self, vector: VectorId) -> &str {
        self.emulator.maker(vector).map_or("input", |node| &node.name)
    }

    fn push(&mut self, name: &str, op: Op, format: Format, size: usize) -> Result<VectorId, EmulatorError> {
        if format.bits() == 4 {
            let problem = "4-bit words are for weights; expected 8 or 16 bits";
            return Err(EmulatorError::new(format!("layer {name:?}: format"), problem));
        }
        self.emulator.nodes.push(Node { name: name.to_owned(), op, format, size });
        Ok(VectorId(self.emulator.nodes.len()))
    }

    fn place(&self, name: &str) -> Result<String, EmulatorError> {
        let place = format!("layer {name:?}");
        check_identifier(&place, name)?;
        if name == "input" || self.emulator.nodes.iter().any(|node| node.name == name) {
            return Err(EmulatorError::new(place, "the name is taken"));
        }
        Ok(place)
    }

    fn check_operand(&self, place: &str, vector: VectorId) -> Result<(), EmulatorError> {
        if vector.0 <= self.emulator.nodes.len() {
            return Ok(());
        }
        Err(EmulatorError::new(format!("{place}: input"), "the operand belongs to another emulator"))
    }

    fn check_pair(&self, place: &str, a: VectorId, b: VectorId) -> Result<usize, EmulatorError> {
        self.check_operand(place, a)?;
        self.check_operand(place, b)?;
        let sizes = [a, b].map(|v| self.emulator.size(v));
        if sizes[0] == sizes[1] {
            return Ok(sizes[0]);
        }
        let problem = format!("expected two vectors of one length, found {} and {}", sizes[0], sizes[1]);
        Err(EmulatorError::new(format!("{place}: inputs"), problem))
    }

    fn check_affine(
        &self,
        place: &str,
        input: VectorId,
        geometry: &BlockGeometry,
        members: usize,
        (weights, bias): (Weights, Vec<i64>),
        format: Format,
    ) -> Result<Affine, EmulatorError> {
        let rows = members * geometry.weight_sets() * geometry.outputs;
        let row = geometry.window_len();
        if rows == 0 || weights.values.len() != rows * row {
            let problem =
                format!("expected {rows} rows of {row} values, found {} values", weights.values.len());
            return Err(EmulatorError::new(format!("{place}: weights"), problem));
        }
        if bias.len() != rows {
            let problem = format!("expected {rows} values, found {}", bias.len());
            return Err(EmulatorError::new(format!("{place}: bias"), problem));
        }
        if let Some(i) = weights.values.iter().position(|&w| !weights.format.holds(i64::from(w))) {
            let problem = format!("{} does not fit {} bits", weights.values[i], weights.format.bits());
            return Err(EmulatorError::new(format!("{place}: weights[{}][{}]", i / row, i % row), problem));
        }
        let operand = self.emulator.format(input);
        let shift = check_shift(place, weights.format.frac() + operand.frac(), format)?;
        let affine = Affine { weights, bias, members, shift };
        let needed = accumulator_bits(&affine, row, operand);
        if needed > self.emulator.accumulator_bits {
            let problem = format!(
                "the accumulator could overflow: it needs {needed} bits, {} are allowed",
                self.emulator.accumulator_bits
            );
            return Err(EmulatorError::new(place, problem));
        }
        Ok(affine)
    }
}

fn within(place: &str, error: EmulatorError) -> EmulatorError {
    EmulatorError::new(format!("{place}: {}", error.place), error.problem)
}

fn check_shift(place: &str, frac: i32, format: Format) -> Result<u32, EmulatorError> {
    match u32::try_from(frac - format.frac()) {
        Ok(shift) if shift <= MAX_SHIFT => Ok(shift),
        _ => {
            let problem =
                format!("expected a frac of {}..={frac}, found {}", frac - MAX_SHIFT as i32, format.frac());
            Err(EmulatorError::new(format!("{place}: format"), problem))
        }
    }
}

fn check_identifier(place: &str, name: &str) -> Result<(), EmulatorError> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let valid = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
    if valid && name.len() <= 64 {
        return Ok(());
    }
    let problem =
        format!("expected up to 64 letters, digits and underscores, the first no digit, found {name:?}");
    Err(EmulatorError::new(place, problem))
}

fn check_port(place: &str, port: &Port) -> Result<(), EmulatorError> {
    if !matches!(port.bits, 8 | 16) {
        return Err(EmulatorError::new(
            format!("{place}: bits"),
            format!("expected 8 or 16, found {}", port.bits),
        ));
    }
    let mut total = 0usize;
    for segment in &port.segments {
        let place = format!("{place}: segment {:?}", segment.name);
        check_identifier(&place, &segment.name)?;
        Format::new(port.bits, segment.frac).map_err(|e| within(&place, e))?;
        total = total.saturating_add(segment.size);
        if segment.size == 0 || total > MAX_VECTOR {
            let problem = format!("expected 1..={MAX_VECTOR} words in all, found {}", segment.size);
            return Err(EmulatorError::new(format!("{place}: size"), problem));
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
        let problem = format!("expected -{MAX_SCALE}..={MAX_SCALE}, found {scale}");
        return Err(EmulatorError::new(format!("{place}: scale"), problem));
    }
    if offset.is_nan() || offset.abs() > MAX_OFFSET {
        let problem = format!("expected -{MAX_OFFSET:e}..={MAX_OFFSET:e}, found {offset:e}");
        return Err(EmulatorError::new(format!("{place}: offset"), problem));
    }
    if !ranges.is_empty() && ranges.len() != *size {
        let problem = format!("expected one per word, {size}, or none, found {}", ranges.len());
        return Err(EmulatorError::new(format!("{place}: ranges"), problem));
    }
    let finite = |[low, high]: &[f64; 2]| low.is_finite() && high.is_finite() && low <= high;
    if let Some(i) = ranges.iter().position(|range| !finite(range)) {
        let problem = format!("expected the least and the largest value, found {:?}", ranges[i]);
        return Err(EmulatorError::new(format!("{place}: ranges[{i}]"), problem));
    }
    Ok(())
}

/// Errors of all outputs or of none, which are numbers.
fn check_output_errors(outputs: &[OutputErrors], size: usize) -> Result<(), EmulatorError> {
    if !outputs.is_empty() && outputs.len() != size {
        let problem = format!("expected one entry for each of the {size} outputs, found {}", outputs.len());
        return Err(EmulatorError::new("provenance: outputs", problem));
    }
    for (index, OutputErrors { nrmse, p95, p99, largest, .. }) in outputs.iter().enumerate() {
        for (field, value) in
            [("nrmse", *nrmse), ("p95", Some(*p95)), ("p99", Some(*p99)), ("largest", Some(*largest))]
        {
            if let Some(value) = value.filter(|v| !v.is_finite() || *v < 0.0) {
                let problem = format!("expected a number that is not negative, found {value}");
                return Err(EmulatorError::new(format!("provenance: outputs[{index}]: {field}"), problem));
            }
        }
    }
    Ok(())
}
