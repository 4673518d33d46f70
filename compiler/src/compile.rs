//! All passes in a row, and the search for the mappings that make the shortest program.

use emeuro_golden::Emulator;

use crate::{
    Instruction, Limits, MAX_SLOTS, Machine, OutputBuffer, Program, UnitConfig, WeightMemory,
    limits::{self, Excess},
    machine::STEADY,
    passes::{
        isolate, lower,
        map::{self, Mapping, Shape},
        pair::{self, Turn},
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
    let alone = match config.slots() {
        Some(slots) => with_slots(emulator, config, &tasks, slots)?,
        None => with_slots_as_needed(emulator, config, &tasks)?,
    };
    let program = with_pairs_if_faster(emulator, config, &tasks, alone)?;
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

/// The share of a frame's clocks that twice the slots, or pairs of frames, have to save.
const WORTHWHILE: f64 = 0.05;

/// Clocks of a frame, frames back to back: computing or streaming, whatever is longer.
fn frame_clocks(program: &Program) -> usize {
    program.clocks().max(program.input_beats()).max(program.output_beats())
}

/// The best program for a unit with `slots` slots, or with one if no layer can use more.
fn with_slots(
    emulator: &Emulator,
    config: &UnitConfig,
    tasks: &Tasks,
    slots: usize,
) -> Result<Program, CompileError> {
    let program = Assembly::new(emulator, config, tasks, slots, false)?.best();
    let uses_one = program.instructions.iter().all(|i| i.drain.per_clock == 1);
    if slots > 1 && uses_one { with_slots(emulator, config, tasks, 1) } else { Ok(program) }
}

/// The best program that takes frames in pairs, or `alone` if they are not noticeably faster.
fn with_pairs_if_faster(
    emulator: &Emulator,
    config: &UnitConfig,
    tasks: &Tasks,
    alone: Program,
) -> Result<Program, CompileError> {
    if !config.pairs() || !may_gain_from_pairs(&alone) {
        return Ok(alone);
    }
    let paired = Assembly::new(emulator, config, tasks, alone.slots, true)?.best();
    let words = |program: &Program| program.weights[0].len();
    let fits = config.limits().weight_words.is_none_or(|most| words(&paired) <= most.max(words(&alone)));
    Ok(if fits && gains(&paired, &alone) { paired } else { alone })
}

/// Everything that a program is put together from, and the ways to do so.
struct Assembly<'a> {
    emulator: &'a Emulator,
    config: &'a UnitConfig,
    slots: usize,
    alone: Placed,
    pairs: Option<Placed>,
    /// Of every task.
    mappings: Vec<Vec<Mapping>>,
}

impl<'a> Assembly<'a> {
    fn new(
        emulator: &'a Emulator,
        config: &'a UnitConfig,
        tasks: &Tasks,
        slots: usize,
        in_pairs: bool,
    ) -> Result<Self, CompileError> {
        let row = config.row_words(slots);
        let alone = Placed::new(tasks.clone(), pair::alone(tasks), row)?;
        let pairs = match in_pairs {
            true => {
                let (both, turns) = pair::run(tasks);
                Some(Placed::new(both, turns, row)?)
            }
            false => None,
        };
        let mappings = alone.shapes.iter().map(|shape| map::run(shape, config.lanes(), slots)).collect();
        Ok(Self { emulator, config, slots, alone, pairs, mappings })
    }

    fn best(&self) -> Program {
        let counts: Vec<usize> = self.mappings.iter().map(Vec::len).collect();
        search(&counts, |choice| self.program(choice))
    }

    /// The program with one mapping per task.
    fn program(&self, choice: &[usize]) -> Program {
        let mappings: Vec<&Mapping> =
            self.mappings.iter().zip(choice).map(|(all, &index)| &all[index]).collect();
        let mut roms = lower::Roms::new(self.config.lanes(), self.slots, self.config.weights());
        let mut contents = vec![lower::Contents::default(); mappings.len()];
        let mut program = empty(self.emulator, self.config, self.slots, &self.alone);
        let alone = self.alone.lower(&mappings, &mut roms, &mut contents);
        let head = alone[0].len();
        program.instructions = alone.concat();
        if let Some(pairs) = &self.pairs {
            program.paired = pairs.lower(&mappings, &mut roms, &mut contents)[1..].concat();
            program.memory_words = program.memory_words.max(pairs.layout.memory_words);
        }
        program.patterns = roms.patterns;
        (program.weights, program.bias, program.tables) = (roms.weights, roms.bias, roms.tables);
        schedule::run(&mut program, head);
        program
    }
}

/// Tasks with places and loops.
struct Placed {
    tasks: Tasks,
    /// Which task of which frame every task is.
    turns: Vec<Turn>,
    layout: Layout,
    shapes: Vec<Shape>,
}

impl Placed {
    fn new(mut tasks: Tasks, turns: Vec<Turn>, row: usize) -> Result<Self, CompileError> {
        let layout = place::run(&mut tasks, row);
        let shape_of = |task: &Task| {
            map::shape(&tasks, task)
                .map_err(|map::TooManyDimensions| CompileError::Window { layer: task.name.clone() })
        };
        let shapes = tasks.tasks.iter().map(shape_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { tasks, turns, layout, shapes })
    }

    /// The instructions of every task, with a mapping and ROM contents per task of one frame.
    fn lower(
        &self,
        mappings: &[&Mapping],
        roms: &mut lower::Roms,
        contents: &mut [lower::Contents],
    ) -> Vec<Vec<Instruction>> {
        let tasks = self.turns.iter().zip(self.tasks.tasks.iter().zip(&self.shapes));
        let lower = |(turn, (task, shape)): (&Turn, (&Task, &Shape))| {
            let contents = &mut contents[turn.task];
            let lowered = lower::run(&self.tasks, task, shape, mappings[turn.task], roms, contents);
            lowered.into_iter().map(|i| Instruction { second: turn.frame == 1, ..i }).collect()
        };
        tasks.map(lower).collect()
    }
}

/// Whether pairs could be worth their while: if no clock were idle, and if frames depend on results that they have to
/// wait for.
fn may_gain_from_pairs(program: &Program) -> bool {
    let idle: usize = program.instructions.iter().map(|i| i.issue.delay as usize).sum();
    let depends = program.instructions.iter().any(|i| !i.issue.reads_input);
    depends && idle as f64 > program.clocks() as f64 * WORTHWHILE
}

/// Whether frames back to back pass through `paired` noticeably faster than through `alone`, streams included,
/// and keep doing so.
fn gains(paired: &Program, alone: &Program) -> bool {
    let period = |program: &Program, frames: usize| Machine::period(program, frames).ok();
    match (period(paired, STEADY), period(paired, MANY), period(alone, STEADY)) {
        (Some(few), Some(many), Some(alone)) => {
            few == many && many as f64 <= alone as f64 * (1.0 - WORTHWHILE)
        }
        _ => false,
    }
}

/// Many more frames than it should take to reach the steady state.
const MANY: usize = 31;

/// What a program is judged by: clocks of a frame in a row of frames, then those of a frame alone.
fn clocks(program: &Program) -> (usize, usize) {
    (program.clocks(), program.clocks_alone())
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
        return programs.min_by_key(clocks).expect("every task has a mapping");
    }
    let mut choice = vec![0; counts.len()];
    let mut best = assemble(&choice);
    loop {
        let before = clocks(&best);
        for task in 0..counts.len() {
            for mapping in 0..counts[task] {
                if mapping == choice[task] {
                    continue;
                }
                let mut other = choice.clone();
                other[task] = mapping;
                let program = assemble(&other);
                if clocks(&program) < clocks(&best) {
                    (best, choice) = (program, other);
                }
            }
        }
        if clocks(&best) == before {
            return best;
        }
    }
}

/// The program of `emulator` without instructions and ROM contents.
fn empty(emulator: &Emulator, config: &UnitConfig, slots: usize, placed: &Placed) -> Program {
    let Placed { tasks, layout, .. } = placed;
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
        paired: vec![],
        patterns: vec![],
        weights: vec![],
        bias: vec![],
        tables: vec![],
        macs: emulator.macs(),
    }
}
