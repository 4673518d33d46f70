//! From the emulator of scaled outputs that vary to that of all outputs in their own units.

use emeuro_golden::{Affine, Emulator, Format, OutputSpec, Port, Provenance, VectorId, Weights};

use super::ports::Segment;
use crate::{Result, rebuild};

/// Outputs in the order of the frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outputs {
    pub(super) segments: Vec<Segment>,
    /// Of every segment: varying outputs were trained as multiples of 2^exponent.
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

/// The emulator of all outputs: binary points moved by the exponents, constants added.
pub(super) fn finish(emulator: &Emulator, outputs: &Outputs, provenance: Provenance) -> Result<Emulator> {
    let Port { bits, segments: trained } = &emulator.output().port;
    let mut builder = rebuild::copy(emulator, |_| None)?;
    let mut trained = trained.iter();
    let mut constants: Vec<i16> = vec![];
    let mut segments = vec![];
    for (segment, exponent) in outputs.segments.iter().zip(&outputs.exponents) {
        let frac = match segment.constant {
            true => {
                let format = Format::covering(*bits, segment.largest)?;
                let values = &outputs.constants[segment.columns.clone()];
                constants.extend(values.iter().map(|value| format.quantise(value.unwrap_or(0.0))));
                format.frac()
            }
            false => trained.next().map_or(0, |segment| segment.frac) - exponent,
        };
        let (name, size) = (segment.name.clone(), segment.size());
        segments.push(emeuro_golden::Segment { name, unit: String::from("1"), size, frac });
    }
    let output = emulator.output();
    let mut sources = output.sources.clone();
    let mut lower = output.lower.clone();
    let mut order = None;
    if !constants.is_empty() {
        let vector = add_constants(&mut builder, emulator, constants)?;
        lower.iter_mut().chain([&mut sources]).for_each(|level| level.push(vector));
        let (mut varying, mut constant) = (0.., outputs.varying().len()..);
        let mut place = |is_constant: bool| if is_constant { constant.next() } else { varying.next() };
        order = Some(outputs.constants.iter().filter_map(|value| place(value.is_some())).collect());
    }
    let spec = OutputSpec { sources, lower, order, port: Port { bits: *bits, segments } };
    Ok(builder.finish(spec, provenance)?)
}

/// A layer that gives `words` whatever the input: it reads what the lowest quality level computes, with weights of zero.
fn add_constants(
    builder: &mut emeuro_golden::EmulatorBuilder,
    emulator: &Emulator,
    words: Vec<i16>,
) -> Result<VectorId> {
    let read = emulator.output().sources_at(0)[0];
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
