//! Parses YAML into an emulator; the builder does the checking.

use std::path::Path;

use serde::Deserialize;

use crate::{
    Emulator, EmulatorBuilder, EmulatorError, FileError, OutputErrors, OutputSpec, Port, Provenance, Segment,
    VectorId,
    ops::Record,
    text::{Aliases, from_yaml},
};

/// The versions of the file format: the second one has scales, offsets and ranges of ports, the third one words of any width and
/// kind, and `maximum`.
pub(super) const VERSIONS: [u32; 3] = [1, 2, 3];

/// What the files are, in messages.
pub(super) const KIND: &str = "an emulator file";

pub(super) fn parse(text: &str, path: &Path) -> Result<Emulator, FileError> {
    let syntax = |message| FileError::Syntax { path: path.to_owned(), message };
    // The version decides how the rest is to be understood, so it is looked at alone first. Other programs write anchors.
    let Version { emeuro } = from_yaml(text, KIND, Aliases::Followed).map_err(syntax)?;
    let invalid = |source| FileError::Invalid { path: path.to_owned(), source };
    if !VERSIONS.contains(&emeuro) {
        let [first, .., last] = VERSIONS;
        let problem = format!("expected version {first} to {last} of the file format, found {emeuro}");
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
    layers: Vec<Record>,
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

fn build(file: File) -> Result<Emulator, EmulatorError> {
    let input = port(file.input.bits, file.input.segments);
    let mut builder = EmulatorBuilder::new(&file.name, input, file.accumulator)?;
    let mut router = file.router;
    if let Some(RouterFields { scores, .. }) = &router
        && file.layers.iter().all(|layer| layer.name() != scores)
    {
        return Err(EmulatorError::expected(
            "router: scores",
            "the name of a layer",
            format_args!("{scores:?}"),
        ));
    }
    for layer in file.layers {
        let scored = router.take_if(|router| router.scores == layer.name());
        let made = builder.read(layer)?;
        if let Some(RouterFields { thresholds, .. }) = scored {
            builder.route(made, thresholds)?;
        }
    }
    let all = |from: &[String], place: &str| {
        from.iter().map(|name| builder.find(name, place)).collect::<Result<Vec<VectorId>, _>>()
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

fn port(bits: u32, segments: Vec<SegmentFields>) -> Port {
    let segment = |s: SegmentFields| {
        let SegmentFields { name, unit, size, frac, scale, offset, ranges } = s;
        Segment { name, unit, size, frac, scale, offset, ranges }
    };
    Port { bits, segments: segments.into_iter().map(segment).collect() }
}
