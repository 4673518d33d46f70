//! All passes in a row, and the search for the mappings that make the shortest program.

use emeuro_golden::Emulator;

use crate::{
    Limits, MAX_SLOTS, OutputBuffer, Program, UnitConfig, WeightMemory,
    limits::{self, Excess},
    passes::{
        isolate, lower,
        map::{self, Mapping},
        place::{self, Layout},
        schedule, select,
    },
    task::{Task, Tasks},
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
    /// A network that needs more than the unit's limits.
    #[error(transparent)]
    Limit(#[from] Excess),
}

/// Compiles `emulator` for a unit of `config`.
///
/// # Errors
/// A layer that the unit has no loops for, or one that needs more than the limits of `config`.
pub fn compile(emulator: &Emulator, config: &UnitConfig) -> Result<Program, CompileError> {
    let tasks = isolate::run(select::run(emulator));
    limits::widths(emulator, &tasks, config.limits())?;
    let program = match config.slots() {
        Some(slots) => with_slots(emulator, config, &tasks, slots)?,
        None => with_slots_as_needed(emulator, config, &tasks)?,
    };
    limits::weight_words(&program, |lanes| {
        let other = config.clone().with_limits(Limits::default()).with_lanes(lanes).ok()?;
        Some(compile(emulator, &other).ok()?.weights[0].len())
    })?;
    Ok(program)
}

/// The best program with as many slots as shorten it noticeably.
fn with_slots_as_needed(
    emulator: &Emulator,
    config: &UnitConfig,
    tasks: &Tasks,
) -> Result<Program, CompileError> {
    let mut best = with_slots(emulator, config, tasks, 1)?;
    while best.slots * 2 <= config.lanes().min(MAX_SLOTS) {
        let wider = with_slots(emulator, config, tasks, best.slots * 2)?;
        if frame_clocks(&wider) as f64 > frame_clocks(&best) as f64 * (1.0 - WORTHWHILE) {
            break;
        }
        best = wider;
    }
    Ok(best)
}

/// The share of a frame's clocks that twice the slots have to save.
const WORTHWHILE: f64 = 0.05;

/// Clocks of a frame, frames back to back: computing or streaming, whatever is longer.
fn frame_clocks(program: &Program) -> usize {
    program.clocks().max(program.input_beats()).max(program.output_beats())
}

/// The best program for a unit with `slots` slots, or with one if no layer can use more.
fn with_slots(
    emulator: &Emulator,
    config: &UnitConfig,
    unplaced: &Tasks,
    slots: usize,
) -> Result<Program, CompileError> {
    let mut tasks = unplaced.clone();
    let layout = place::run(&mut tasks, config.row_words(slots));
    let shape_of = |task: &Task| {
        map::shape(&tasks, task)
            .map_err(|map::TooManyDimensions| CompileError::Window { layer: task.name.clone() })
    };
    let shapes = tasks.tasks.iter().map(shape_of).collect::<Result<Vec<_>, _>>()?;
    let candidates: Vec<Vec<Mapping>> =
        shapes.iter().map(|shape| map::run(shape, config.lanes(), slots)).collect();
    let assemble = |choice: &[usize]| {
        let mut roms = lower::Roms::new(config.lanes(), slots, config.weights());
        let mut instructions = vec![];
        for (index, task) in tasks.tasks.iter().enumerate() {
            let mapping = &candidates[index][choice[index]];
            instructions.extend(lower::run(&tasks, task, &shapes[index], mapping, &mut roms));
        }
        let mut program = empty(emulator, config, slots, &tasks, &layout);
        (program.instructions, program.patterns) = (instructions, roms.patterns);
        (program.weights, program.bias, program.tables) = (roms.weights, roms.bias, roms.tables);
        schedule::run(&mut program);
        program
    };
    let counts: Vec<usize> = candidates.iter().map(Vec::len).collect();
    let program = search(&counts, assemble);
    let uses_one = program.instructions.iter().all(|i| i.drain.per_clock == 1);
    if slots > 1 && uses_one { with_slots(emulator, config, unplaced, 1) } else { Ok(program) }
}

/// Up to so many combinations of mappings are all tried.
const ALL: usize = 64;

/// The best choice of one mapping per task, judged by the whole program: a mapping that is not the cheapest by itself can be,
/// if it lets the next task begin earlier. Few combinations are all tried; with many, every task in turn tries all of its
/// mappings until none helps.
fn search(counts: &[usize], assemble: impl Fn(&[usize]) -> Program) -> Program {
    let combinations = counts.iter().fold(1usize, |product, &count| product.saturating_mul(count));
    if combinations <= ALL {
        let choice = |mut index: usize| -> Vec<usize> {
            let digit = |&count: &usize| {
                let digit = index % count;
                index /= count;
                digit
            };
            counts.iter().map(digit).collect()
        };
        let programs = (0..combinations).map(|index| assemble(&choice(index)));
        return programs.min_by_key(Program::clocks).expect("every task has a mapping");
    }
    let mut choice = vec![0; counts.len()];
    let mut best = assemble(&choice);
    loop {
        let before = best.clocks();
        for task in 0..counts.len() {
            for mapping in 0..counts[task] {
                if mapping == choice[task] {
                    continue;
                }
                let mut other = choice.clone();
                other[task] = mapping;
                let program = assemble(&other);
                if program.clocks() < best.clocks() {
                    (best, choice) = (program, other);
                }
            }
        }
        if best.clocks() == before {
            return best;
        }
    }
}

/// The program of `emulator` without instructions and ROM contents.
fn empty(emulator: &Emulator, config: &UnitConfig, slots: usize, tasks: &Tasks, layout: &Layout) -> Program {
    let weight_bits = tasks.tasks.iter().map(Task::weight_bits);
    let word_bits = tasks.word_bits();
    // Weights that come later are proven for the emulator's accumulators, not for those that the first ones need.
    let promised = match config.weights() {
        WeightMemory::Rom => 0,
        WeightMemory::Ram => emulator.accumulator_bits(),
    };
    let sum_bits = tasks.tasks.iter().map(|task| task.sum_bits(word_bits));
    Program {
        name: emulator.name().to_owned(),
        config: config.clone(),
        slots,
        word_bits,
        input_bits: emulator.input().bits,
        output_bits: emulator.output().port.bits,
        weight_bits: weight_bits.max().unwrap_or(8),
        accumulator_bits: sum_bits.fold(promised.max(word_bits + 2), u32::max),
        input_words: emulator.input().size(),
        input_span: layout.input_span,
        memory_words: layout.memory_words,
        output: OutputBuffer {
            words: layout.output_words,
            order: emulator.output().order.clone(),
            writes: 0,
            head_start: 0,
        },
        instructions: vec![],
        patterns: vec![],
        weights: vec![],
        bias: vec![],
        tables: vec![],
        macs: emulator.macs(),
    }
}
