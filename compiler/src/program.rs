//! The program of a unit: what its ROMs hold.

use std::ops::Range;

use emeuro_golden::Router;

use crate::{UnitConfig, WeightMemory, timing};

/// An address that walks through a nest of loops without a multiplier: at the end of every loop a constant is added.
///
/// Level 0 is the innermost loop. When level k advances and all loops below it start again, `deltas[k]` is added.
/// Addresses wrap at the width of their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressGenerator {
    /// Address of the first element.
    pub base: i64,
    /// What to add when level k advances, innermost first.
    pub deltas: Vec<i64>,
}

impl AddressGenerator {
    /// From the number of iterations and the distance of neighbouring elements of every level, innermost first.
    pub fn new(base: i64, levels: &[(usize, i64)]) -> Self {
        let mut back = 0;
        let deltas = levels
            .iter()
            .map(|&(count, distance)| {
                let delta = distance - back;
                back += (count as i64 - 1) * distance;
                delta
            })
            .collect();
        Self { base, deltas }
    }
}

/// Loop levels of the issue sequencer: inner and outer window, tile, block, outer block.
pub const ISSUE_LEVELS: usize = 5;

/// Loop levels of the drain sequencer: result of a tile, tile, block, outer block.
pub const DRAIN_LEVELS: usize = 4;

/// What the steps of a tile make of their operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Σ operand · weight.
    Sum,
    /// The product of the two operands.
    Product,
    /// The largest operand · weight.
    Maximum,
}

/// The half of an instruction that reads: which operands and weights the lanes multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Idle clocks before the first step, after loading.
    pub delay: u32,
    /// Iterations per level: inner window, outer window, tiles, blocks, outer blocks.
    pub counts: [usize; ISSUE_LEVELS],
    /// Idle clocks between two tiles, for the drain register to empty.
    pub pad: u32,
    /// Common operand address, one level per loop.
    pub operand: AddressGenerator,
    /// Weight address, one level per loop.
    pub weight: AddressGenerator,
    /// Which offsets the lanes add to the common operand address.
    pub pattern: usize,
    /// What becomes of the operands of a tile.
    pub combine: Combine,
    /// The operand is the input frame: its address depends on which of the two buffers holds the frame.
    pub reads_input: bool,
    /// Waits for an input frame; set on the first instruction.
    pub waits_for_input: bool,
    /// Reserves an output buffer; set on the first instruction that writes the output.
    pub reserves_output: bool,
    /// The last instruction that reads the input: its buffer becomes free.
    pub releases_input: bool,
    /// The weights are those of the member that the frame was routed to: [`Members::weight_words`] further per member.
    pub of_member: bool,
    /// After it, the unit goes on with [`Program::paired`] if the other input buffer holds a frame too.
    pub forks: bool,
    /// The last instruction of the program.
    pub last: bool,
}

impl Issue {
    /// Steps of one tile.
    pub fn steps(&self) -> usize {
        self.counts[0] * self.counts[1]
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.counts[2..].iter().product()
    }

    /// The words of every lane's weight memory that are read, from the first to the one behind the last.
    pub fn weight_words(&self) -> Range<usize> {
        let mut last = self.weight.base;
        let mut back = 0;
        for (&count, delta) in self.counts.iter().zip(&self.weight.deltas) {
            let distance = delta + back;
            back += (count as i64 - 1) * distance;
            last += (count as i64 - 1) * distance;
        }
        self.weight.base as usize..last as usize + 1
    }

    /// Clocks from the first step to the last.
    pub fn cycles(&self) -> usize {
        self.tiles() * (self.steps() + self.pad as usize) - self.pad as usize
    }
}

/// What happens to a requantised sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Nothing.
    Identity,
    /// max(0, x).
    Relu,
    /// Interpolation in table `0`.
    Table(usize),
}

/// The half of an instruction that writes: which results a tile has and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Every result is the sum over 2^`reduce` neighbouring lanes.
    pub reduce: u32,
    /// Results per tile.
    pub results: usize,
    /// Results of the last tile of every block.
    pub last_results: usize,
    /// Results that leave together in a clock: as many as the unit has slots, or 1 where they do not lie side by side.
    pub per_clock: usize,
    /// Iterations per level: tiles, blocks, outer blocks.
    pub counts: [usize; DRAIN_LEVELS - 1],
    /// Bias address, one level per clock of a tile and loop.
    pub bias: AddressGenerator,
    /// Address of the first result of a clock, one level per clock of a tile and loop.
    pub result: AddressGenerator,
    /// Requantising shift.
    pub shift: u32,
    /// Width that the result saturates to, 8 or 16.
    pub bits: u32,
    /// What happens to the result before it is written.
    pub function: Function,
    /// The result goes to the output buffer instead of the lanes' memory.
    pub to_output: bool,
    /// The result is a score and goes to the router, which knows its member by its address.
    pub to_router: bool,
    /// The biases are those of the member that the frame was routed to: [`Members::bias_words`] further per member.
    pub of_member: bool,
    /// After it, the results of [`Program::paired`] come if the issue sequencer has gone on there.
    pub forks: bool,
    /// The last instruction of the program.
    pub last: bool,
}

impl Drain {
    /// Clocks in which `results` results leave.
    pub fn clocks(&self, results: usize) -> usize {
        results.div_ceil(self.per_clock)
    }
}

/// One instruction: a nest of loops over tiles of multiply-accumulates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The layer that it belongs to.
    pub layer: String,
    /// What is read and multiplied.
    pub issue: Issue,
    /// What is reduced and written.
    pub drain: Drain,
    /// It works on the second frame of a pair.
    pub second: bool,
}

impl Instruction {
    /// Clocks in the issue sequencer: loading, the delay, and from the first step to the last.
    pub fn clocks(&self) -> usize {
        (timing::LOAD + self.issue.delay) as usize + self.issue.cycles()
    }
}

/// A table function: intercept and slope per segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The function's name, for people.
    pub function: String,
    /// Width of the input word.
    pub input_bits: u32,
    /// Value at the beginning of each of the 2^k segments.
    pub values: Vec<i16>,
    /// Difference to the next segment's value.
    pub slopes: Vec<i32>,
}

impl Table {
    /// Binary logarithm of the number of segments.
    pub fn segments_log2(&self) -> u32 {
        self.values.len().ilog2()
    }
}

/// The output buffer: what a frame looks like and in which order its words leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputBuffer {
    /// Words that the program writes per frame.
    pub words: usize,
    /// Address of every word of the output frame, if not simply 0, 1, 2, ….
    pub order: Option<Vec<usize>>,
    /// Clocks per frame in which the program writes words.
    pub writes: usize,
    /// After how many of them the frame may begin to leave, so that no word leaves before it is written.
    pub head_start: usize,
}

impl OutputBuffer {
    /// Words of an output frame.
    pub fn frame_words(&self) -> usize {
        self.order.as_ref().map_or(self.words, Vec::len)
    }
}

/// A quality level below the highest: its own instructions on the same weights, biases, offsets and tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The instructions for one frame, in order.
    pub instructions: Vec<Instruction>,
    /// Clocks per frame in which they write words of the output.
    pub writes: usize,
    /// After how many of them the frame may begin to leave.
    pub head_start: usize,
    /// Useful multiply-accumulates per frame.
    pub macs: usize,
}

/// Layers that have weights and biases per member, of which every frame uses those of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The score of a member from which on a frame is familiar to it. As many as there are members.
    pub thresholds: Vec<i16>,
    /// Words of a member's weights in every lane: so far lie the weights of two members apart.
    pub weight_words: usize,
    /// Words of a member's biases in every slot.
    pub bias_words: usize,
}

impl Members {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.thresholds.len()
    }
}

/// Everything that makes a unit compute one emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The emulator's name.
    pub name: String,
    /// The choices for the unit.
    pub config: UnitConfig,
    /// Width of a word in the lanes' memory: the widest vector.
    pub word_bits: u32,
    /// Width of an input word.
    pub input_bits: u32,
    /// Width of an output word.
    pub output_bits: u32,
    /// Width of a weight in the ROMs.
    pub weight_bits: u32,
    /// Width of the accumulators: what the widest sum needs, rounding included; with writable weights, what the emulator
    /// allows.
    pub accumulator_bits: u32,
    /// Results that the unit can post-process and write per clock, a power of two.
    pub slots: usize,
    /// Words of an input frame.
    pub input_words: usize,
    /// Distance of the two input buffers, a power of two; the first begins at 0.
    pub input_span: usize,
    /// Words of the lanes' memory.
    pub memory_words: usize,
    /// The output buffer; the second copy begins at the next power of two.
    pub output: OutputBuffer,
    /// The instructions for one frame, in order; at the highest level, if there are several.
    pub instructions: Vec<Instruction>,
    /// The quality levels below the highest, lowest first.
    pub lower: Vec<Level>,
    /// The members that frames are routed to, if there are any.
    pub members: Option<Members>,
    /// How a second frame joins the first after the instruction that [forks](Issue::forks), which all before it belong to:
    /// the other instructions for both frames, whose layers take turns, so that the lanes work on one frame while results
    /// of the other are on their way. Empty if that saves too little.
    pub paired: Vec<Instruction>,
    /// Offset that a lane adds to the common operand address, `[pattern][lane]`.
    pub patterns: Vec<Vec<i64>>,
    /// Weight ROM of every lane, `[lane][address]`.
    pub weights: Vec<Vec<i16>>,
    /// Bias ROM of every slot, `[slot][address]`: biases with the rounding constant 2^(shift-1) of their layer.
    pub bias: Vec<Vec<i64>>,
    /// Table functions.
    pub tables: Vec<Table>,
    /// Useful multiply-accumulates per frame; at the highest level, if there are several.
    pub macs: usize,
}

impl Program {
    /// All instructions as they lie in the program ROMs: those for one frame, those for the rest of two, then those of the
    /// lower levels, lowest first.
    pub fn all_instructions(&self) -> impl Iterator<Item = &Instruction> + Clone {
        let lower = self.lower.iter().flat_map(|level| &level.instructions);
        self.instructions.iter().chain(&self.paired).chain(lower)
    }

    /// Whether any instruction makes this of its operands.
    pub fn combines(&self, combine: Combine) -> bool {
        self.all_instructions().any(|i| i.issue.combine == combine)
    }

    /// The same program for a unit with a router.
    pub(crate) fn with_members(self, router: Option<&Router>) -> Self {
        let members = router.map(|router| Members {
            thresholds: router.thresholds.clone(),
            weight_words: 0,
            bias_words: 0,
        });
        Self { members, ..self }
    }

    /// Number of quality levels.
    pub fn levels(&self) -> usize {
        self.lower.len() + 1
    }

    /// Where the instructions of a level begin in the program ROMs; a level above the highest is the highest.
    pub fn entry(&self, level: usize) -> usize {
        match level < self.lower.len() {
            true => {
                let before = self.lower[..level].iter().map(|level| level.instructions.len()).sum::<usize>();
                self.instructions.len() + self.paired.len() + before
            }
            false => 0,
        }
    }

    /// The instructions of a level for one frame, in order.
    pub fn instructions_at(&self, level: usize) -> &[Instruction] {
        self.lower.get(level).map_or(&self.instructions, |level| &level.instructions)
    }

    /// Clocks in which a frame of a level writes words of the output, and after how many of them it may begin to leave.
    pub fn writes_at(&self, level: usize) -> (usize, usize) {
        let highest = (self.output.writes, self.output.head_start);
        self.lower.get(level).map_or(highest, |level| (level.writes, level.head_start))
    }

    /// Useful multiply-accumulates per frame of a level.
    pub fn macs_at(&self, level: usize) -> usize {
        self.lower.get(level).map_or(self.macs, |level| level.macs)
    }

    /// The instructions before the fork, which are the same whether a second frame joins or not.
    pub fn head(&self) -> &[Instruction] {
        let fork = self.instructions.iter().position(|i| i.issue.forks);
        &self.instructions[..fork.map_or(0, |last| last + 1)]
    }

    /// Clocks of the instructions for one frame that comes alone.
    pub fn clocks_alone(&self) -> usize {
        self.instructions.iter().map(Instruction::clocks).sum()
    }

    /// Clocks of all instructions per frame, rounded up: the period, if neither stream is slower.
    pub fn clocks(&self) -> usize {
        match self.paired.as_slice() {
            [] => self.clocks_alone(),
            paired => self.head().iter().chain(paired).map(Instruction::clocks).sum::<usize>().div_ceil(2),
        }
    }

    /// Share of the lanes' clocks that do useful multiply-accumulates, if a frame takes `period` clocks.
    pub fn utilisation(&self, period: u64) -> f64 {
        self.macs as f64 / (self.lanes() as f64 * period as f64)
    }

    /// Number of lanes.
    pub fn lanes(&self) -> usize {
        self.config.lanes()
    }

    /// Beginning of the names of all modules and files.
    pub fn prefix(&self) -> &str {
        self.config.prefix().unwrap_or(&self.name)
    }

    /// Width of a bias in its memory: what the widest one needs, or that of a sum if others can be written.
    pub fn bias_bits(&self) -> u32 {
        match self.config.weights() {
            WeightMemory::Rom => {
                self.bias.iter().flatten().map(|&b| signed_bits(b)).max().unwrap_or(2).max(2)
            }
            WeightMemory::Ram => self.accumulator_bits,
        }
    }

    /// Clocks from the head of the drain register to the write register.
    pub fn head_to_write(&self) -> u32 {
        crate::timing::HEAD_TO_WRITE + if self.tables.is_empty() { 0 } else { crate::timing::TABLE }
    }

    /// Clocks from the write of the last word of the head start to the first word at the output.
    pub fn write_to_output(&self) -> u32 {
        let order = if self.output.order.is_some() { crate::timing::OUTPUT_ORDER } else { 0 };
        crate::timing::WRITE_TO_OUTPUT + order
    }

    /// Width of an address of the lanes' memory.
    pub fn address_bits(&self) -> u32 {
        (self.memory_words.next_power_of_two().ilog2()).max(1)
    }

    /// Words of a row of the lanes' memory: what is written in one clock at most.
    pub fn memory_row(&self) -> usize {
        self.config.row_words(self.slots)
    }

    /// Words of a row of the output buffers: what is written or read in one clock at most. With an order, every word of a
    /// beat is read on its own.
    pub fn output_row(&self) -> usize {
        if self.output.order.is_some() { self.slots } else { self.config.row_words(self.slots) }
    }

    /// Distance of the two output buffers, at least two rows.
    pub fn output_span(&self) -> usize {
        self.output.words.next_power_of_two().max(2 * self.output_row())
    }

    /// Beats of an input frame.
    pub fn input_beats(&self) -> usize {
        self.input_words.div_ceil(self.config.words_per_beat())
    }

    /// Beats of an output frame.
    pub fn output_beats(&self) -> usize {
        self.output.frame_words().div_ceil(self.config.words_per_beat())
    }

    /// Lanes that any instruction uses; the others are not built.
    pub fn used_lanes(&self) -> usize {
        self.all_instructions().map(|i| i.drain.results << i.drain.reduce).max().unwrap_or(1)
    }
}

/// The bits of a number in two's complement.
fn signed_bits(value: i64) -> u32 {
    65 - if value < 0 { value.leading_ones() } else { value.leading_zeros() }
}
