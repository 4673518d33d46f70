//! All passes in a row.

use emeuro_golden::Emulator;

use crate::{
    OutputBuffer, Program, UnitConfig,
    passes::{isolate, lower, map, place, schedule, select},
    task::Kind,
};

/// Why an emulator cannot become a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A window that would need more loops than the unit has.
    #[error(
        "layer {layer:?}: window: expected at most 2 dimensions that do not lie in line; split the layer in two"
    )]
    Window {
        /// The layer.
        layer: String,
    },
}

/// Compiles `emulator` for a unit of `config`.
///
/// # Errors
/// A layer that the unit has no loops for.
pub fn compile(emulator: &Emulator, config: &UnitConfig) -> Result<Program, CompileError> {
    let mut tasks = isolate::run(select::run(emulator));
    let layout = place::run(&mut tasks);
    let mut roms = lower::Roms::new(config.lanes());
    let mut instructions = vec![];
    for task in &tasks.tasks {
        let shape = map::shape(&tasks, task)
            .map_err(|map::TooManyDimensions| CompileError::Window { layer: task.name.clone() })?;
        let mapping = map::run(&shape, config.lanes());
        instructions.extend(lower::run(&tasks, task, &shape, &mapping, &mut roms));
    }
    let weight_bits = tasks.tasks.iter().map(|task| match &task.kind {
        Kind::Affine { weight_bits, .. } => *weight_bits,
        // Scales are at most 2^6.
        Kind::Scale { .. } => 8,
        Kind::Multiply => 4,
    });
    // A sum is never narrower than the word that it becomes.
    let word_bits = tasks.vectors.iter().map(|v| v.bits).max().unwrap_or(16);
    let mut program = Program {
        name: emulator.name().to_owned(),
        lanes: config.lanes(),
        word_bits,
        input_bits: emulator.input().bits,
        output_bits: emulator.output().port.bits,
        weight_bits: weight_bits.max().unwrap_or(8),
        accumulator_bits: tasks.tasks.iter().map(|task| task.accumulator_bits).fold(word_bits + 2, u32::max),
        input_words: emulator.input().size(),
        input_span: layout.input_span,
        memory_words: layout.memory_words,
        output: OutputBuffer {
            words: layout.output_words,
            order: emulator.output().order.clone(),
            head_start: layout.output_words,
        },
        instructions,
        patterns: roms.patterns,
        weights: roms.weights,
        bias: roms.bias,
        tables: roms.tables,
        macs: emulator.macs(),
    };
    schedule::run(&mut program);
    Ok(program)
}
