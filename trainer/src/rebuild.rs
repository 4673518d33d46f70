//! An emulator with other integers: the same graph, formats, shifts, router and ports.

use emeuro_golden::{Emulator, EmulatorBuilder, Op, OutputSpec, Port, VectorId, Weights};

use crate::Result;

/// Weights and biases of a layer, those of one member after the other.
pub(crate) type Integers = (Vec<i16>, Vec<i64>);

/// `emulator` with the integers that `other` gives for the layers (by position) that it wants changed.
pub(crate) fn rebuild(emulator: &Emulator, other: impl Fn(usize) -> Option<Integers>) -> Result<Emulator> {
    let output = emulator.output().clone();
    let spec =
        OutputSpec { sources: output.sources, lower: output.lower, order: output.order, port: output.port };
    Ok(copy(emulator, emulator.input().clone(), other)?.finish(spec, emulator.provenance().of_another())?)
}

/// The same without an output yet, for an input port whose words are the same to layers.
pub(crate) fn copy(
    emulator: &Emulator,
    input: Port,
    other: impl Fn(usize) -> Option<Integers>,
) -> Result<EmulatorBuilder> {
    let mut builder = EmulatorBuilder::new(emulator.name(), input, emulator.accumulator_bits())?;
    for (index, node) in emulator.nodes().iter().enumerate() {
        let integers = || {
            let affine = node.op.affine()?;
            let (values, bias) =
                other(index).unwrap_or_else(|| (affine.weights.values.clone(), affine.bias.clone()));
            Some((Weights { format: affine.weights.format, values }, bias))
        };
        let (name, format) = (&node.name, node.format);
        let made = match (&node.op, integers()) {
            (Op::Dense { input, .. }, Some((weights, bias))) if node.is_of_members() => {
                builder.dense_of_members(name, *input, weights, bias, format)
            }
            (Op::Dense { input, .. }, Some((weights, bias))) => {
                builder.dense(name, *input, weights, bias, format)
            }
            (Op::Block { input, geometry, .. }, Some((weights, bias))) if node.is_of_members() => {
                builder.block_of_members(name, *input, geometry.clone(), weights, bias, format)
            }
            (Op::Block { input, geometry, .. }, Some((weights, bias))) => {
                builder.block(name, *input, geometry.clone(), weights, bias, format)
            }
            (Op::Add { inputs: [a, b], .. }, _) => builder.add(name, *a, *b, format),
            (Op::Multiply { inputs: [a, b], .. }, _) => builder.multiply(name, *a, *b, format),
            (Op::Activate { input, activation }, _) => {
                builder.activate(name, *input, activation.clone(), format)
            }
            // Dense and block layers always have integers.
            (Op::Dense { .. } | Op::Block { .. }, None) => continue,
        }?;
        route(emulator, &mut builder, made)?;
    }
    Ok(builder)
}

/// Adds the router as soon as its scores are there.
fn route(emulator: &Emulator, builder: &mut EmulatorBuilder, made: VectorId) -> Result<()> {
    if let Some(router) = emulator.router().filter(|router| router.scores == made) {
        builder.route(router.scores, router.thresholds.clone())?;
    }
    Ok(())
}
