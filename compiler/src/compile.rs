//! All passes in a row, and the search for the mappings that make the shortest program.

use std::collections::HashMap;

use emeuro_golden::{Emulator, Format};

use crate::{
    Instruction, Level, Limits, MAX_SLOTS, Machine, OutputBuffer, Program, UnitConfig, WeightMemory,
    limits::{self, Excess},
    machine::STEADY,
    passes::{
        isolate, lower,
        map::{self, Mapping, Shape},
        pair::{self, Turn},
        place::{self, Layout},
        schedule, select, straighten,
    },
    task::{Place, Task, Tasks},
};

/// Why an emulator cannot become a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A window that would need more loops than the unit has.
    #[error(
        "layer {layer:?}: window: expected at most 2 dimensions that do not lie in line; split the layer in two"
    )]
    Window {
        /// The layer.
        layer: String,
    },
    /// Words or weights that the unit has no data paths for.
    #[error("{place}: has {found}; units take {takes}; {nearest}")]
    Format {
        /// The layer, and which of its numbers.
        place: String,
        /// What it has.
        found: Format,
        /// What units take.
        takes: &'static str,
        /// The nearest thing that they take.
        nearest: String,
    },
    /// A network that needs more than the unit's limits.
    #[error(transparent)]
    Limit(#[from] Excess),
}

/// Compiles `emulator` for a unit of `config`.
///
/// # Errors
/// A layer that the unit has no loops or data paths for, or one that needs more than the limits of `config`.
pub fn compile(emulator: &Emulator, config: &UnitConfig) -> Result<Program, CompileError> {
    check_formats(emulator)?;
    let levels = levels(emulator);
    limits::widths(emulator, levels.iter().map(|level| &level.tasks), config.limits())?;
    let alone = match config.slots() {
        Some(slots) => with_slots(emulator, config, &levels, slots, false)?,
        None => with_slots_as_needed(emulator, config, &levels)?,
    };
    let program = with_pairs_if_faster(emulator, config, &levels, alone)?;
    limits::weight_words(&program, |lanes| {
        let other = config.clone().with_limits(Limits::default()).with_lanes(lanes).ok()?;
        Some(compile(emulator, &other).ok()?.weights[0].len())
    })?;
    Ok(program)
}

/// Refuses words and weights that units have no data paths for.
fn check_formats(emulator: &Emulator) -> Result<(), CompileError> {
    let check = |place: String, found: Format, widths: &[u32], takes: &'static str| {
        if found.is_signed_of(widths) {
            return Ok(());
        }
        let nearest = widths.iter().find(|&&bits| found.fits(bits)).map_or_else(
            || "no width of theirs holds all of these words".to_owned(),
            |bits| format!("{bits} bits hold all of these words"),
        );
        Err(CompileError::Format { place, found, takes, nearest })
    };
    for node in emulator.nodes() {
        let place = format!("layer {:?}", node.name);
        if let Some(affine) = node.op.affine() {
            let takes = "weights of 4, 8 or 16 bits in two's complement";
            check(format!("{place}: weights"), affine.weights.format, &[4, 8, 16], takes)?;
        }
        check(place, node.format, &[8, 16], "words of 8 or 16 bits in two's complement")?;
    }
    Ok(())
}

/// What has to be done at a quality level.
struct LevelTasks {
    tasks: Tasks,
    macs: usize,
}

/// The work of every level, the highest first, then from the lowest up.
fn levels(emulator: &Emulator) -> Vec<LevelTasks> {
    let tasks = |emulator: &Emulator| LevelTasks {
        tasks: isolate::run(straighten::run(select::run(emulator))),
        macs: emulator.macs(),
    };
    match emulator.levels() - 1 {
        0 => vec![tasks(emulator)],
        highest => std::iter::once(highest).chain(0..highest).map(|k| tasks(&emulator.at_level(k))).collect(),
    }
}

/// The best program with as many slots as shorten it noticeably.
fn with_slots_as_needed(
    emulator: &Emulator,
    config: &UnitConfig,
    levels: &[LevelTasks],
) -> Result<Program, CompileError> {
    let mut best = with_slots(emulator, config, levels, 1, false)?;
    while best.slots * 2 <= config.lanes().min(MAX_SLOTS) {
        let wider = with_slots(emulator, config, levels, best.slots * 2, false)?;
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

/// The best program for a unit with `slots` slots, or with one if no layer uses more; with frames one by one or in pairs.
fn with_slots(
    emulator: &Emulator,
    config: &UnitConfig,
    levels: &[LevelTasks],
    slots: usize,
    in_pairs: bool,
) -> Result<Program, CompileError> {
    let program = Assembly::new(emulator, config, levels, slots, in_pairs)?.best();
    let uses_one = program.all_instructions().all(|i| i.drain.per_clock == 1);
    if slots > 1 && uses_one { with_slots(emulator, config, levels, 1, in_pairs) } else { Ok(program) }
}

/// The best program that takes frames in pairs, or `alone` if they are not noticeably faster. Frames of one pair would have
/// to be of one level and member, so units with several of them take frames one by one.
fn with_pairs_if_faster(
    emulator: &Emulator,
    config: &UnitConfig,
    levels: &[LevelTasks],
    alone: Program,
) -> Result<Program, CompileError> {
    let has_choices = alone.levels() > 1 || alone.members.is_some();
    if has_choices || !config.pairs() || !may_gain_from_pairs(&alone) {
        return Ok(alone);
    }
    let paired = with_slots(emulator, config, levels, alone.slots, true)?;
    let words = |program: &Program| program.weights[0].len();
    let fits = config.limits().weight_words.is_none_or(|most| words(&paired) <= most.max(words(&alone)));
    Ok(if fits && gains(&paired, &alone) { paired } else { alone })
}

/// Everything that a program is put together from, and the ways to do so.
struct Assembly<'a> {
    emulator: &'a Emulator,
    config: &'a UnitConfig,
    slots: usize,
    /// The highest level.
    alone: Placed,
    pairs: Option<Placed>,
    /// The levels below, lowest first.
    lower: Vec<Placed>,
}

impl<'a> Assembly<'a> {
    fn new(
        emulator: &'a Emulator,
        config: &'a UnitConfig,
        levels: &[LevelTasks],
        slots: usize,
        in_pairs: bool,
    ) -> Result<Self, CompileError> {
        let row = config.row_words(slots);
        let placed =
            |level: &LevelTasks| Placed::new(level.tasks.clone(), pair::alone(&level.tasks), row, level.macs);
        let pairs = match in_pairs {
            true => {
                let (both, turns) = pair::run(&levels[0].tasks);
                Some(Placed::new(both, turns, row, levels[0].macs)?)
            }
            false => None,
        };
        let lower = levels[1..].iter().map(placed).collect::<Result<_, _>>()?;
        Ok(Self { emulator, config, slots, alone: placed(&levels[0])?, pairs, lower })
    }

    /// The mappings of the highest level make it the shortest program that is found; the levels below keep what they share
    /// with it, since every layer has one set of weights.
    fn best(&self) -> Program {
        let mappings = self.alone.mappings(self.config.lanes(), self.slots);
        let highest = search(&mappings, |chosen| self.program(&self.alone, chosen, &[]));
        let mut known = self.alone.by_name(&highest);
        let mut chosen: Vec<Vec<Mapping>> = vec![];
        for level in self.lower.iter().rev() {
            let mut mappings = level.mappings(self.config.lanes(), self.slots);
            for (task, mappings) in level.tasks.tasks.iter().zip(&mut mappings) {
                // A layer whose results lie elsewhere may need another one, and weights of its own.
                let same = known.get(&task.name).filter(|same| mappings.contains(same));
                if let Some(same) = same {
                    *mappings = vec![same.clone()];
                }
            }
            let best = search(&mappings, |chosen| self.program(level, chosen, &[]));
            let best: Vec<Mapping> = best.into_iter().cloned().collect();
            for (name, mapping) in level.by_name(&best.iter().collect::<Vec<_>>()) {
                known.entry(name).or_insert(mapping);
            }
            chosen.insert(0, best);
        }
        self.program(&self.alone, &highest, &chosen)
    }

    /// The program with one mapping per task of the level `highest` and of those below.
    fn program(&self, highest: &Placed, mappings: &[&Mapping], lower: &[Vec<Mapping>]) -> Program {
        let members = self.emulator.router().map_or(0, |router| router.thresholds.len());
        let mut roms = lower::Roms::new(self.config.lanes(), self.slots, members, self.config.weights());
        let mut contents = lower::Contents::default();
        let mut program = self.empty();
        let alone = highest.lower(mappings, &mut roms, &mut contents);
        let head = alone[0].len();
        program.instructions = alone.concat();
        if let Some(pairs) = &self.pairs {
            program.paired = pairs.lower(mappings, &mut roms, &mut contents)[1..].concat();
            program.memory_words = program.memory_words.max(pairs.layout.memory_words);
        }
        for (level, mappings) in self.lower.iter().zip(lower) {
            let mappings: Vec<&Mapping> = mappings.iter().collect();
            let instructions = level.lower(&mappings, &mut roms, &mut contents).concat();
            program.lower.push(Level { instructions, writes: 0, head_start: 0, macs: level.macs });
        }
        fill(&mut program, roms);
        schedule::run(&mut program, head);
        program
    }

    /// The program without instructions and ROM contents.
    fn empty(&self) -> Program {
        let (emulator, config) = (self.emulator, self.config);
        let levels = || std::iter::once(&self.alone).chain(&self.lower);
        let tasks = || levels().flat_map(|level| &level.tasks.tasks);
        let word_bits = levels().map(|level| level.tasks.word_bits()).fold(0, u32::max);
        // Weights that come later are proven for the emulator's accumulators, not for those that the first ones need.
        let promised = match config.weights() {
            WeightMemory::Rom => 0,
            WeightMemory::Ram => emulator.accumulator_bits(),
        };
        let sum_bits = tasks().map(|task| task.sum_bits(word_bits));
        Program {
            name: emulator.name().to_owned(),
            config: config.clone(),
            slots: self.slots,
            word_bits,
            input_bits: emulator.input().bits,
            output_bits: emulator.output().port.bits,
            weight_bits: tasks().map(Task::weight_bits).max().unwrap_or(8),
            accumulator_bits: sum_bits.fold(promised.max(word_bits + 2), u32::max),
            input_words: emulator.input().size(),
            input_span: self.alone.layout.input_span,
            memory_words: levels().map(|level| level.layout.memory_words).fold(0, usize::max),
            output: OutputBuffer {
                words: self.alone.layout.output_words,
                order: emulator.output().order.clone(),
                writes: 0,
                head_start: 0,
            },
            instructions: vec![],
            lower: vec![],
            members: None,
            paired: vec![],
            patterns: vec![],
            weights: vec![],
            bias: vec![],
            tables: vec![],
            macs: self.alone.macs,
        }
        .with_members(emulator.router())
    }
}

/// Puts the contents of all ROMs into a program: what is shared, then member after member.
fn fill(program: &mut Program, roms: lower::Roms) {
    let lower::Images { mut weights, mut bias } = roms.shared;
    let (first_weight, first_bias) = (weights[0].len() as i64, bias[0].len() as i64);
    let levels = program.lower.iter_mut().flat_map(|level| &mut level.instructions);
    for instruction in program.instructions.iter_mut().chain(levels) {
        if instruction.issue.of_member {
            instruction.issue.weight.base += first_weight;
            instruction.drain.bias.base += first_bias;
        }
    }
    if let (Some(members), Some(first)) = (&mut program.members, roms.members.first()) {
        (members.weight_words, members.bias_words) = (first.weights[0].len(), first.bias[0].len());
    }
    for member in roms.members {
        weights.iter_mut().zip(member.weights).for_each(|(rom, words)| rom.extend(words));
        bias.iter_mut().zip(member.bias).for_each(|(rom, words)| rom.extend(words));
    }
    (program.weights, program.bias) = (weights, bias);
    (program.patterns, program.tables) = (roms.patterns, roms.tables);
}

/// Tasks with places and loops.
struct Placed {
    tasks: Tasks,
    /// Which task of which frame every task is.
    turns: Vec<Turn>,
    layout: Layout,
    shapes: Vec<Shape>,
    macs: usize,
}

impl Placed {
    fn new(mut tasks: Tasks, turns: Vec<Turn>, row: usize, macs: usize) -> Result<Self, CompileError> {
        let layout = place::run(&mut tasks, row);
        let shape_of = |task: &Task| {
            map::shape(&tasks, task)
                .map_err(|map::TooManyDimensions| CompileError::Window { layer: task.name.clone() })
        };
        let shapes = tasks.tasks.iter().map(shape_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { tasks, turns, layout, shapes, macs })
    }

    /// The ways to spread every task over lanes and slots.
    fn mappings(&self, lanes: usize, slots: usize) -> Vec<Vec<Mapping>> {
        let of_task = |(task, shape): (&Task, &Shape)| {
            // The router takes one score per clock.
            let is_routed = self.tasks.vectors[task.target].place == Place::Router;
            map::run(shape, lanes, if is_routed { 1 } else { slots })
        };
        self.tasks.tasks.iter().zip(&self.shapes).map(of_task).collect()
    }

    /// The tasks' mappings by their names.
    fn by_name(&self, mappings: &[&Mapping]) -> HashMap<String, Mapping> {
        let named = |(task, mapping): (&Task, &&Mapping)| (task.name.clone(), (*mapping).clone());
        self.tasks.tasks.iter().zip(mappings).map(named).collect()
    }

    /// The instructions of every task, with a mapping per task of one frame and ROM contents.
    fn lower(
        &self,
        mappings: &[&Mapping],
        roms: &mut lower::Roms,
        contents: &mut lower::Contents,
    ) -> Vec<Vec<Instruction>> {
        let tasks = self.turns.iter().zip(self.tasks.tasks.iter().zip(&self.shapes));
        let lower = |(turn, (task, shape)): (&Turn, (&Task, &Shape))| {
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
    let period = |program: &Program, frames: usize| Machine::period(program, frames, 0).ok();
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
fn search(mappings: &[Vec<Mapping>], assemble: impl Fn(&[&Mapping]) -> Program) -> Vec<&Mapping> {
    let named = |choice: &[usize]| -> Vec<&Mapping> {
        mappings.iter().zip(choice).map(|(all, &index)| &all[index]).collect()
    };
    let judge = |choice: &[usize]| clocks(&assemble(&named(choice)));
    let counts: Vec<usize> = mappings.iter().map(Vec::len).collect();
    let combinations = counts.iter().fold(1usize, |product, &count| product.saturating_mul(count));
    if combinations == 1 {
        return named(&vec![0; counts.len()]);
    }
    if combinations <= ALL {
        let choice = |mut index: usize| -> Vec<usize> {
            let digit = |&count: &usize| {
                let digit = index % count;
                index /= count;
                digit
            };
            counts.iter().map(digit).collect()
        };
        let choices = (0..combinations).map(choice);
        return named(&choices.min_by_key(|choice| judge(choice)).expect("every task has a mapping"));
    }
    let mut choice = vec![0; counts.len()];
    let mut best = judge(&choice);
    loop {
        let before = best;
        for task in 0..counts.len() {
            for mapping in 0..counts[task] {
                if mapping == choice[task] {
                    continue;
                }
                let mut other = choice.clone();
                other[task] = mapping;
                let clocks = judge(&other);
                if clocks < best {
                    (best, choice) = (clocks, other);
                }
            }
        }
        if best == before {
            return named(&choice);
        }
    }
}
