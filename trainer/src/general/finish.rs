//! From the emulator of what was trained, scaled numbers and outputs that vary, to that of all numbers in their own units.

use emeuro_golden::{
    Affine, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights,
};

use super::ports::Segment;
use crate::Result;

/// Outputs in the order of the frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outputs {
    pub(super) segments: Vec<Segment>,
    /// Of every segment: varying outputs, less the offset, were trained as multiples of 2^exponent.
    pub(super) exponents: Vec<i32>,
    /// Of every output: its value if it is constant.
    pub(super) constants: Vec<Option<f64>>,
}

impl Outputs {
    /// Columns that vary.
    pub(super) fn varying(&self) -> Vec<usize> {
        (0..self.constants.len()).filter(|&column| self.constants[column].is_none()).collect()
    }
}

/// The emulator of all numbers: scales, offsets and ranges of its ports, and constants added.
pub(super) fn finish(
    emulator: &Emulator,
    inputs: &[Segment],
    outputs: &Outputs,
    provenance: Provenance,
) -> Result<Emulator> {
    let Port { bits, segments: trained } = emulator.input();
    let segments =
        inputs.iter().zip(trained).map(|(segment, trained)| segment.port(trained.frac, segment.scale()));
    let input = Port { bits: *bits, segments: segments.collect() };
    let mut builder = EmulatorBuilder::reopened(emulator, input)?;
    let port = output_port(&emulator.output().port, outputs)?;
    let words = port.conversions().zip(&outputs.constants);
    let constants: Vec<i16> =
        words.filter_map(|(word, constant)| constant.map(|v| word.quantise(v))).collect();
    let mut levels: Vec<Vec<VectorId>> =
        (0..emulator.levels()).map(|level| emulator.sources_at(level).to_vec()).collect();
    let mut order = None;
    if !constants.is_empty() {
        let vector = add_constants(&mut builder, emulator, constants)?;
        levels.iter_mut().for_each(|level| level.push(vector));
        let (mut varying, mut constant) = (0.., outputs.varying().len()..);
        let mut place = |is_constant: bool| if is_constant { constant.next() } else { varying.next() };
        order = Some(outputs.constants.iter().filter_map(|value| place(value.is_some())).collect());
    }
    let sources = levels.pop().unwrap_or_default();
    Ok(builder.finish(OutputSpec { sources, lower: levels, order, port }, provenance)?)
}

/// The port of all outputs, from that of those that vary.
fn output_port(trained: &Port, outputs: &Outputs) -> Result<Port> {
    let mut varying = trained.segments.iter();
    let mut segments = vec![];
    for (segment, &exponent) in outputs.segments.iter().zip(&outputs.exponents) {
        let frac = match segment.constant {
            true => {
                Format::covering(trained.bits, segment.span.largest() * f64::from(-exponent).exp2())?.frac()
            }
            false => varying.next().map_or(0, |trained| trained.frac),
        };
        // The binary point alone where it can be said by that: it is the same word.
        let point = frac - exponent;
        segments.push(match Format::new(trained.bits, point) {
            Ok(_) => segment.port(point, 0),
            Err(_) => segment.port(frac, exponent),
        });
    }
    Ok(Port { bits: trained.bits, segments })
}

/// A layer that gives `words` whatever the input: it reads what the lowest quality level computes, with weights of zero.
fn add_constants(builder: &mut EmulatorBuilder, emulator: &Emulator, words: Vec<i16>) -> Result<VectorId> {
    let read = emulator.sources_at(0)[0];
    let format = emulator.format(read);
    let bits = emulator
        .nodes()
        .iter()
        .find_map(|node| node.op.affine())
        .map_or(8, |Affine { weights, .. }| weights.format.bits());
    let weights =
        Weights { format: Format::new(bits, 0)?, values: vec![0; words.len() * emulator.size(read)] };
    let bias = words.into_iter().map(i64::from).collect();
    Ok(builder.dense("constants", read, weights, bias, format)?)
}
