//! Renders an emulator as YAML.

use std::fmt::{Display, Write};

use crate::{Activation, Affine, BlockGeometry, Emulator, Format, Op, OutputErrors, Port, VectorId};

pub(super) fn render(emulator: &Emulator) -> String {
    let mut text = String::new();
    header(&mut text, emulator);
    text += "layers:\n";
    for node in &emulator.nodes {
        let _ = writeln!(text, "  - name: {}\n    op: {}", identifier(&node.name), node.op.keyword());
        match &node.op {
            Op::Dense { input, affine } => {
                operand(&mut text, emulator, *input);
                let _ = writeln!(text, "    format: {}", format_map(node.format));
                weights(&mut text, affine, emulator.size(*input));
            }
            Op::Block { input, geometry, affine } => {
                operand(&mut text, emulator, *input);
                let _ = writeln!(text, "    format: {}", format_map(node.format));
                block_geometry(&mut text, geometry);
                weights(&mut text, affine, geometry.window_len());
            }
            Op::Add { inputs, .. } | Op::Multiply { inputs, .. } => {
                let names = inputs.map(|v| vector_name(emulator, v));
                let _ =
                    writeln!(text, "    inputs: {}\n    format: {}", list(names), format_map(node.format));
            }
            Op::Activate { input, activation } => {
                operand(&mut text, emulator, *input);
                let _ = writeln!(text, "    format: {}", format_map(node.format));
                let _ = writeln!(text, "    function: {}", quoted(activation.name()));
                if let Activation::Table { knots, .. } = activation {
                    let _ = writeln!(text, "    knots: {}", list(knots));
                }
            }
        }
    }
    text += "output:\n";
    let output = &emulator.output;
    let names = |sources: &[VectorId]| list(sources.iter().map(|&v| vector_name(emulator, v)));
    if !output.lower.is_empty() {
        let _ = writeln!(text, "  stages: {}", list(output.lower.iter().map(|sources| names(sources))));
    }
    let _ = writeln!(text, "  from: {}", names(&output.sources));
    if let Some(order) = &output.order {
        let _ = writeln!(text, "  order: {}", list(order));
    }
    port(&mut text, &output.port);
    text
}

fn header(text: &mut String, emulator: &Emulator) {
    let provenance = &emulator.provenance;
    let [old, new] = super::read::VERSIONS;
    let segments = || emulator.input.segments.iter().chain(&emulator.output.port.segments);
    let version = if segments().all(|s| s.is_plain() && s.ranges.is_empty()) { old } else { new };
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
    if let Some(router) = &emulator.router {
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

fn operand(text: &mut String, emulator: &Emulator, input: VectorId) {
    let _ = writeln!(text, "    input: {}", vector_name(emulator, input));
}

fn block_geometry(text: &mut String, geometry: &BlockGeometry) {
    let g = geometry;
    let _ = writeln!(text, "    offset: {}\n    repeat: {}", g.offset, list(&g.repeat));
    let _ = writeln!(text, "    in_stride: {}\n    out_stride: {}", list(&g.in_stride), list(&g.out_stride));
    let _ = writeln!(text, "    window: {}\n    in_step: {}", list(&g.window), list(&g.in_step));
    let _ =
        writeln!(text, "    outputs: {}\n    out_step: {}\n    shared: {}", g.outputs, g.out_step, g.shared);
}

fn weights(text: &mut String, affine: &Affine, row: usize) {
    if affine.members > 1 {
        let _ = writeln!(text, "    members: {}", affine.members);
    }
    let _ = writeln!(text, "    weights:\n      format: {}\n      rows:", format_map(affine.weights.format));
    for row in affine.weights.values.chunks(row) {
        let _ = writeln!(text, "        - {}", list(row));
    }
    let _ = writeln!(text, "    bias: {}", list(&affine.bias));
}

fn format_map(format: Format) -> String {
    format!("{{bits: {}, frac: {}}}", format.bits(), format.frac())
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
