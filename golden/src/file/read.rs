//! Parses YAML into an emulator; the builder does the checking.

use std::path::Path;

use serde::Deserialize;

use crate::{
    Activation, BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, FileError, Format, OutputErrors,
    OutputSpec, Port, Provenance, Segment, VectorId, Weights,
    text::{Aliases, from_yaml},
};

/// The versions of the file format: the second one has scales, offsets and ranges of ports.
pub(super) const VERSIONS: [u32; 2] = [1, 2];

/// What the files are, in messages.
pub(super) const KIND: &str = "an emulator file";

pub(super) fn parse(text: &str, path: &Path) -> Result<Emulator, FileError> {
    let syntax = |message| FileError::Syntax { path: path.to_owned(), message };
    // The version decides how the rest is to be understood, so it is looked at alone first. Other programs write anchors.
    let Version { emeuro } = from_yaml(text, KIND, Aliases::Followed).map_err(syntax)?;
    let invalid = |source| FileError::Invalid { path: path.to_owned(), source };
    if !VERSIONS.contains(&emeuro) {
        let [old, new] = VERSIONS;
        let problem = format!("expected version {old} or {new} of the file format, found {emeuro}");
        return Err(invalid(EmulatorError::new("emeuro", problem)));
    }
    let file: File = from_yaml(text, KIND, Aliases::Followed).map_err(syntax)?;
    build(file).map_err(invalid)
}

#[derive(Deserialize)]
struct Version {
    emeuro: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "emeuro")]
    _version: u32,
    name: String,
    provenance: ProvenanceFields,
    accumulator: u32,
    input: PortFields,
    router: Option<RouterFields>,
    layers: Vec<Layer>,
    output: OutputFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceFields {
    command: String,
    seed: u64,
    data: String,
    nrmse: Option<f64>,
    nrmse_float: Option<f64>,
    #[serde(default)]
    outputs: Vec<OutputErrorFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputErrorFields {
    name: String,
    nrmse: Option<f64>,
    p95: f64,
    p99: f64,
    largest: f64,
    row: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortFields {
    bits: u32,
    segments: Vec<SegmentFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentFields {
    name: String,
    unit: String,
    size: usize,
    frac: i32,
    #[serde(default)]
    scale: i32,
    #[serde(default)]
    offset: f64,
    #[serde(default)]
    ranges: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterFields {
    scores: String,
    thresholds: Vec<i16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFields {
    stages: Option<Vec<Vec<String>>>,
    from: Vec<String>,
    order: Option<Vec<usize>>,
    bits: u32,
    segments: Vec<SegmentFields>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct FormatFields {
    bits: u32,
    frac: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightFields {
    format: FormatFields,
    rows: Vec<Vec<i16>>,
}

/// All fields that some operation has; [`Layer::take`] asks for the ones that this operation needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    name: String,
    op: String,
    format: FormatFields,
    input: Option<String>,
    inputs: Option<Vec<String>>,
    offset: Option<i64>,
    repeat: Option<Vec<usize>>,
    in_stride: Option<Vec<i64>>,
    out_stride: Option<Vec<i64>>,
    window: Option<Vec<usize>>,
    in_step: Option<Vec<i64>>,
    outputs: Option<usize>,
    out_step: Option<i64>,
    shared: Option<bool>,
    members: Option<usize>,
    weights: Option<WeightFields>,
    bias: Option<Vec<i64>>,
    function: Option<String>,
    knots: Option<Vec<i16>>,
}

impl Layer {
    fn error(&self, field: &str, problem: impl Into<String>) -> EmulatorError {
        EmulatorError::new(format!("layer {:?}: {field}", self.name), problem)
    }

    fn need<T>(&self, field: &str, value: Option<T>) -> Result<T, EmulatorError> {
        value.ok_or_else(|| self.error(field, format!("missing; op {} needs it", self.op)))
    }

    /// Refuses fields that the operation does not have.
    fn allow(&self, fields: &[&str]) -> Result<(), EmulatorError> {
        let given = [
            ("input", self.input.is_some()),
            ("inputs", self.inputs.is_some()),
            ("offset", self.offset.is_some()),
            ("repeat", self.repeat.is_some()),
            ("in_stride", self.in_stride.is_some()),
            ("out_stride", self.out_stride.is_some()),
            ("window", self.window.is_some()),
            ("in_step", self.in_step.is_some()),
            ("outputs", self.outputs.is_some()),
            ("out_step", self.out_step.is_some()),
            ("shared", self.shared.is_some()),
            ("members", self.members.is_some()),
            ("weights", self.weights.is_some()),
            ("bias", self.bias.is_some()),
            ("function", self.function.is_some()),
            ("knots", self.knots.is_some()),
        ];
        match given.iter().find(|(field, given)| *given && !fields.contains(field)) {
            Some((field, _)) => {
                Err(self
                    .error(field, format!("not a field of op {}; expected {}", self.op, fields.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// Whether the layer has weights for each of the router's members; their number must be right.
    fn is_of_members(&self, builder: &EmulatorBuilder) -> Result<bool, EmulatorError> {
        let Some(found) = self.members else { return Ok(false) };
        let expected = builder.members(&self.name)?;
        if found != expected {
            return Err(
                self.error("members", format!("expected {expected} as the router has, found {found}"))
            );
        }
        Ok(true)
    }

    /// Weights in rows of `row` values, and biases.
    fn weights(&mut self, row: usize) -> Result<(Weights, Vec<i64>), EmulatorError> {
        let fields = self.weights.take();
        let WeightFields { format, rows } = self.need("weights", fields)?;
        let format =
            format_of(format).map_err(|e| self.error(&format!("weights: {}", e.place), e.problem))?;
        if let Some(i) = rows.iter().position(|values| values.len() != row) {
            let problem = format!("expected {row} values, found {}", rows[i].len());
            return Err(self.error(&format!("weights: rows[{i}]"), problem));
        }
        let bias = self.bias.take();
        let bias = self.need("bias", bias)?;
        Ok((Weights { format, values: rows.concat() }, bias))
    }

    fn geometry(&mut self) -> Result<BlockGeometry, EmulatorError> {
        let (repeat, window) = (self.repeat.take(), self.window.take());
        let (in_stride, out_stride, in_step) =
            (self.in_stride.take(), self.out_stride.take(), self.in_step.take());
        Ok(BlockGeometry {
            offset: self.need("offset", self.offset)?,
            repeat: self.need("repeat", repeat)?,
            in_stride: self.need("in_stride", in_stride)?,
            out_stride: self.need("out_stride", out_stride)?,
            window: self.need("window", window)?,
            in_step: self.need("in_step", in_step)?,
            outputs: self.need("outputs", self.outputs)?,
            out_step: self.need("out_step", self.out_step)?,
            shared: self.need("shared", self.shared)?,
        })
    }

    fn activation(&mut self) -> Result<Activation, EmulatorError> {
        let function = self.function.take();
        let function = self.need("function", function)?;
        match (function.as_str(), self.knots.take()) {
            ("relu", None) => Ok(Activation::Relu),
            ("relu", Some(_)) => Err(self.error("knots", "not a field of relu")),
            (_, Some(knots)) => Ok(Activation::Table { function, knots }),
            (_, None) => Err(self.error("knots", format!("missing; {function:?} is a table"))),
        }
    }
}

fn build(file: File) -> Result<Emulator, EmulatorError> {
    let input = port(file.input.bits, file.input.segments);
    let mut builder = EmulatorBuilder::new(&file.name, input, file.accumulator)?;
    let mut names = vec!["input".to_owned()];
    let mut router = file.router;
    if let Some(RouterFields { scores, .. }) = &router
        && file.layers.iter().all(|layer| layer.name != *scores)
    {
        let problem = format!("expected the name of a layer, found {scores:?}");
        return Err(EmulatorError::new("router: scores", problem));
    }
    for mut layer in file.layers {
        let made = push(&mut builder, &names, &mut layer)?;
        assert_eq!(made.index(), names.len());
        if let Some(RouterFields { thresholds, .. }) = router.take_if(|router| router.scores == layer.name) {
            builder.route(made, thresholds)?;
        }
        names.push(layer.name);
    }
    let all = |from: &[String], place: &str| {
        from.iter().map(|name| find(&names, name, place)).collect::<Result<Vec<VectorId>, _>>()
    };
    let stages = file.output.stages.unwrap_or_default();
    let lower = stages.iter().enumerate().map(|(k, from)| all(from, &format!("output: stages[{k}]")));
    let spec = OutputSpec {
        sources: all(&file.output.from, "output: from")?,
        lower: lower.collect::<Result<_, _>>()?,
        order: file.output.order,
        port: port(file.output.bits, file.output.segments),
    };
    let p = file.provenance;
    let outputs = p.outputs.into_iter().map(|fields| {
        let OutputErrorFields { name, nrmse, p95, p99, largest, row } = fields;
        OutputErrors { name, nrmse, p95, p99, largest, row }
    });
    let provenance = Provenance {
        command: p.command,
        seed: p.seed,
        data: p.data,
        nrmse: p.nrmse,
        nrmse_float: p.nrmse_float,
        outputs: outputs.collect(),
    };
    builder.finish(spec, provenance)
}

fn push(
    builder: &mut EmulatorBuilder,
    names: &[String],
    layer: &mut Layer,
) -> Result<VectorId, EmulatorError> {
    let name = layer.name.clone();
    let format = format_of(layer.format).map_err(|e| layer.error(&e.place, e.problem))?;
    match layer.op.as_str() {
        "dense" => {
            layer.allow(&["input", "members", "weights", "bias"])?;
            let input = operand(names, layer)?;
            let (weights, bias) = layer.weights(builder.size(input))?;
            match layer.is_of_members(builder)? {
                true => builder.dense_of_members(&name, input, weights, bias, format),
                false => builder.dense(&name, input, weights, bias, format),
            }
        }
        "block" => {
            layer.allow(&[
                "input",
                "offset",
                "repeat",
                "in_stride",
                "out_stride",
                "window",
                "in_step",
                "outputs",
                "out_step",
                "shared",
                "members",
                "weights",
                "bias",
            ])?;
            let input = operand(names, layer)?;
            let geometry = layer.geometry()?;
            let (weights, bias) =
                layer.weights(geometry.window.iter().fold(1, |n: usize, &w| n.saturating_mul(w)))?;
            match layer.is_of_members(builder)? {
                true => builder.block_of_members(&name, input, geometry, weights, bias, format),
                false => builder.block(&name, input, geometry, weights, bias, format),
            }
        }
        "add" | "multiply" => {
            layer.allow(&["inputs"])?;
            let inputs = layer.inputs.take();
            let inputs = layer.need("inputs", inputs)?;
            let [a, b] = inputs.as_slice() else {
                return Err(layer.error("inputs", format!("expected 2 names, found {}", inputs.len())));
            };
            let place = format!("layer {name:?}: inputs");
            let (a, b) = (find(names, a, &place)?, find(names, b, &place)?);
            if layer.op == "add" {
                builder.add(&name, a, b, format)
            } else {
                builder.multiply(&name, a, b, format)
            }
        }
        "activate" => {
            layer.allow(&["input", "function", "knots"])?;
            let input = operand(names, layer)?;
            let activation = layer.activation()?;
            builder.activate(&name, input, activation, format)
        }
        other => {
            Err(layer
                .error("op", format!("expected dense, block, add, multiply or activate, found {other:?}")))
        }
    }
}

fn operand(names: &[String], layer: &mut Layer) -> Result<VectorId, EmulatorError> {
    let input = layer.input.take();
    let input = layer.need("input", input)?;
    find(names, &input, &format!("layer {:?}: input", layer.name))
}

fn find(names: &[String], name: &str, place: &str) -> Result<VectorId, EmulatorError> {
    match names.iter().position(|n| n == name) {
        Some(index) => Ok(VectorId(index)),
        None => {
            Err(EmulatorError::new(place, format!("expected \"input\" or an earlier layer, found {name:?}")))
        }
    }
}

fn format_of(fields: FormatFields) -> Result<Format, EmulatorError> {
    Format::new(fields.bits, fields.frac)
}

fn port(bits: u32, segments: Vec<SegmentFields>) -> Port {
    let segment = |s: SegmentFields| {
        let SegmentFields { name, unit, size, frac, scale, offset, ranges } = s;
        Segment { name, unit, size, frac, scale, offset, ranges }
    };
    Port { bits, segments: segments.into_iter().map(segment).collect() }
}
