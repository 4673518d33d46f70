//! Renders an emulator as YAML.

use std::fmt::Write;

use crate::{
    Emulator, Node, Op, OutputErrors, Port, VectorId,
    ops::{Text, format_map, list, quoted},
};

pub(super) fn render(emulator: &Emulator) -> String {
    let mut text = String::new();
    header(&mut text, emulator);
    text += "layers:\n";
    let mut layers = Text(text);
    for node in emulator.nodes() {
        let name = |v: &VectorId| vector_name(emulator, *v);
        let _ = writeln!(layers.0, "  - name: {}", identifier(&node.name));
        layers.field("op", node.op.keyword());
        match node.op.operands() {
            [input] => layers.field("input", name(input)),
            inputs => layers.field("inputs", list(inputs.iter().map(name))),
        }
        layers.field("format", format_map(node.format));
        node.op.on_words().write(&mut layers);
    }
    let Text(mut text) = layers;
    text += "output:\n";
    let output = &emulator.output;
    let names = |sources: &[VectorId]| list(sources.iter().map(|&v| vector_name(emulator, v)));
    let lower = emulator.levels() - 1;
    if lower > 0 {
        let _ =
            writeln!(text, "  stages: {}", list((0..lower).map(|level| names(emulator.sources_at(level)))));
    }
    let _ = writeln!(text, "  from: {}", names(emulator.sources_at(lower)));
    if let Some(order) = &output.order {
        let _ = writeln!(text, "  order: {}", list(order));
    }
    port(&mut text, &output.port);
    text
}

fn header(text: &mut String, emulator: &Emulator) {
    let provenance = &emulator.provenance;
    let [first, second, third] = super::read::VERSIONS;
    let mut segments = emulator.input.segments.iter().chain(&emulator.output.port.segments);
    let weights = |node: &Node| node.op.affine().is_none_or(|a| a.weights.format.is_signed_of(&[4, 8, 16]));
    let is_old = |node: &Node| {
        node.format.is_signed_of(&[8, 16]) && weights(node) && !matches!(node.op, Op::Maximum(_))
    };
    let version = match segments.all(|s| s.is_plain() && s.ranges.is_empty()) {
        _ if !emulator.nodes().iter().all(is_old) => third,
        true => first,
        false => second,
    };
    let _ = writeln!(text, "emeuro: {version}\nname: {}", identifier(&emulator.name));
    let _ = writeln!(text, "provenance:\n  command: {}", quoted(&provenance.command));
    let _ = writeln!(text, "  seed: {}\n  data: {}", provenance.seed, quoted(&provenance.data));
    for (field, value) in [("nrmse", provenance.nrmse), ("nrmse_float", provenance.nrmse_float)] {
        if let Some(value) = value {
            let _ = writeln!(text, "  {field}: {value:?}");
        }
    }
    if !provenance.outputs.is_empty() {
        *text += "  outputs:\n";
    }
    for OutputErrors { name, nrmse, p95, p99, largest, row } in &provenance.outputs {
        let nrmse = nrmse.map_or_else(String::new, |nrmse| format!("nrmse: {nrmse:?}, "));
        let _ = writeln!(
            text,
            "    - {{name: {}, {nrmse}p95: {p95:?}, p99: {p99:?}, largest: {largest:?}, row: {row}}}",
            quoted(name)
        );
    }
    let _ = writeln!(text, "accumulator: {}\ninput:", emulator.accumulator_bits);
    port(text, &emulator.input);
    if let Some(router) = emulator.router() {
        let scores = vector_name(emulator, router.scores);
        let _ = writeln!(text, "router:\n  scores: {scores}\n  thresholds: {}", list(&router.thresholds));
    }
}

fn port(text: &mut String, port: &Port) {
    let _ = writeln!(text, "  bits: {}\n  segments:", port.bits);
    for s in &port.segments {
        let unit = quoted(&s.unit);
        let _ = write!(
            text,
            "    - {{name: {}, unit: {unit}, size: {}, frac: {}",
            segment_name(&s.name),
            s.size,
            s.frac
        );
        if s.scale != 0 {
            let _ = write!(text, ", scale: {}", s.scale);
        }
        if s.offset != 0.0 {
            let _ = write!(text, ", offset: {:?}", s.offset);
        }
        if !s.ranges.is_empty() {
            let ranges = s.ranges.iter().map(|[low, high]| format!("[{low:?}, {high:?}]"));
            let _ = write!(text, ", ranges: {}", list(ranges));
        }
        text.push_str("}\n");
    }
}

fn vector_name(emulator: &Emulator, vector: VectorId) -> String {
    emulator.maker(vector).map_or_else(|| "input".to_owned(), |node| identifier(&node.name))
}

/// An identifier, quoted where YAML would read it as something else than a string.
fn identifier(name: &str) -> String {
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if special.contains(&name.to_lowercase().as_str()) { quoted(name) } else { name.to_owned() }
}

/// The name of a segment: as [`identifier`], but what YAML 1.1 alone would read as something else has never been quoted here.
fn segment_name(name: &str) -> String {
    let special = ["true", "false", "null"];
    if special.contains(&name.to_lowercase().as_str()) { quoted(name) } else { name.to_owned() }
}
