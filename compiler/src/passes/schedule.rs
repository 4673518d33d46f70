//! schedule: the shortest delays with which every operand is there in time.

use std::collections::HashMap;

use crate::{Instruction, Program, timing};

pub(crate) const DESCRIPTION: &str = "Sets the delay before every instruction so that operands are written before they are read and results never collide.";

/// Sets flags and delays of all instructions. Those in `program.paired` follow the first `head` ones.
pub(crate) fn run(program: &mut Program, head: usize) {
    let mut instructions = std::mem::take(&mut program.instructions);
    let alone = instructions.len();
    let paired: Vec<usize> = (0..head).chain(alone..alone + program.paired.len()).collect();
    let has_pairs = !program.paired.is_empty();
    instructions.append(&mut program.paired);
    set_flags(&mut instructions[..alone]);
    if has_pairs {
        let mut both: Vec<Instruction> = paired.iter().map(|&i| instructions[i].clone()).collect();
        set_flags(&mut both);
        instructions.splice(alone.., both.split_off(head));
        let fork = &mut instructions[head - 1];
        (fork.issue.forks, fork.drain.forks) = (true, true);
    }
    let alone: Vec<usize> = (0..alone).collect();
    let mut clock = Schedule::new(program);
    // What can follow what: the first instruction waits for the last one of what was there before.
    let rounds: &[&[usize]] =
        if has_pairs { &[&alone, &alone, &paired, &paired, &alone] } else { &[&alone, &alone] };
    for order in rounds {
        clock.begin();
        for &index in *order {
            clock.append(&mut instructions[index]);
        }
    }
    run_levels(program, &mut instructions, &mut clock);
    // With the final delays: after how many writes the output may begin to leave.
    let mut head_start = 0;
    for order in if has_pairs { vec![&alone, &paired] } else { vec![&alone] } {
        clock.begin();
        order.iter().for_each(|&index| clock.run(&instructions[index]));
        let frames = clock.output.iter().filter(|output| !output.writes.is_empty());
        head_start = frames.map(|output| clock.head_start(program, output)).fold(head_start, usize::max);
    }
    program.output.writes = clock.output[0].writes.len();
    program.output.head_start = head_start;
    program.paired = instructions.split_off(alone.len());
    program.instructions = instructions;
}

/// Delays of the lower levels, and their outputs. Every level can follow every other, of which the highest has the
/// instructions `highest`.
fn run_levels(program: &mut Program, highest: &mut [Instruction], clock: &mut Schedule) {
    if program.lower.is_empty() {
        return;
    }
    let mut lower = std::mem::take(&mut program.lower);
    lower.iter_mut().for_each(|level| set_flags(&mut level.instructions));
    let levels = lower.len() + 1;
    for (before, after) in (0..levels).flat_map(|before| (0..levels).map(move |after| (before, after))) {
        for level in [before, after] {
            clock.begin();
            let instructions = lower.get_mut(level).map_or(&mut *highest, |level| &mut level.instructions);
            instructions.iter_mut().for_each(|instruction| clock.append(instruction));
        }
    }
    for level in &mut lower {
        clock.begin();
        level.instructions.iter().for_each(|instruction| clock.run(instruction));
        level.writes = clock.output[0].writes.len();
        level.head_start = clock.head_start(program, &clock.output[0]);
    }
    program.lower = lower;
}

fn set_flags(instructions: &mut [Instruction]) {
    if let Some(first) = instructions.first_mut() {
        first.issue.waits_for_input = true;
    }
    if let Some(last) = instructions.last_mut() {
        (last.issue.last, last.drain.last) = (true, true);
    }
    for second in [false, true] {
        if let Some(i) = instructions.iter().rposition(|i| i.second == second && i.issue.reads_input) {
            instructions[i].issue.releases_input = true;
        }
        if let Some(i) = instructions.iter().position(|i| i.second == second && i.drain.to_output) {
            instructions[i].issue.reserves_output = true;
        }
    }
}

/// What has been issued so far.
struct Schedule {
    patterns: Vec<Vec<i64>>,
    head_to_write: i64,
    /// Words of a row of memory and of the output buffer.
    rows: [i64; 2],
    address_mask: i64,
    /// Clock after the last step of the instruction before, padding included.
    free: i64,
    /// First clock in which the next instruction may capture its results.
    capture: i64,
    /// Last clock in which a word of each memory row is in the write register. A row must not be read while any of its
    /// words is written.
    written: HashMap<i64, i64>,
    /// First clock of a step that can use the weights of the member that the frame was routed to.
    member: i64,
    /// The output buffers of the frames: one, or two for a pair.
    output: [Written; 2],
}

/// What has been written to an output buffer.
#[derive(Clone, Debug, Default)]
struct Written {
    /// Last clock in which a word of each row is in the write register.
    rows: HashMap<i64, i64>,
    /// Clocks of all writes.
    writes: Vec<i64>,
}

impl Schedule {
    fn new(program: &Program) -> Self {
        Self {
            patterns: program.patterns.clone(),
            head_to_write: i64::from(program.head_to_write()),
            rows: [program.memory_row() as i64, program.output_row() as i64],
            address_mask: (1 << program.address_bits()) - 1,
            free: 0,
            capture: 0,
            written: HashMap::new(),
            member: 0,
            output: Default::default(),
        }
    }

    /// A frame or pair begins. It reads its input and what it has written itself, nothing of what was there before.
    fn begin(&mut self) {
        self.written.clear();
        self.output = Default::default();
    }

    /// Gives the instruction the delay that it needs after what has been issued, and issues it.
    fn append(&mut self, instruction: &mut Instruction) {
        instruction.issue.delay = instruction.issue.delay.max(self.delay(instruction));
        self.run(instruction);
    }

    /// The smallest delay of `instruction` after what has been issued.
    fn delay(&self, instruction: &Instruction) -> u32 {
        let start = self.free + i64::from(timing::LOAD);
        let mut earliest = start;
        if !instruction.issue.reads_input {
            let offsets = &self.patterns[instruction.issue.pattern];
            for (clock, address) in steps(instruction) {
                for &offset in offsets {
                    let row = ((address + offset) & self.address_mask) / self.rows[0];
                    if let Some(written) = self.written.get(&row) {
                        earliest = earliest.max(written + i64::from(timing::WRITE_TO_READ) - clock);
                    }
                }
            }
        }
        if instruction.issue.of_member {
            earliest = earliest.max(self.member);
        }
        earliest = earliest.max(self.capture - first_capture(instruction));
        (earliest - start) as u32
    }

    fn run(&mut self, instruction: &Instruction) {
        let issue = &instruction.issue;
        let start = self.free + i64::from(timing::LOAD) + i64::from(issue.delay);
        let drain = &instruction.drain;
        let mut capture = start + first_capture(instruction);
        let interval = (issue.steps() + issue.pad as usize) as i64;
        let (mut address, tiles) = (drain.result.base, drain.counts[0]);
        for tile in 0..issue.tiles() {
            let ends_loop = tile % tiles == tiles - 1;
            let results = if ends_loop { drain.last_results } else { drain.results };
            let clocks = drain.clocks(results);
            for group in 0..clocks {
                let write = capture + i64::from(timing::CAPTURE_TO_HEAD) + group as i64 + self.head_to_write;
                if drain.to_output {
                    let output = &mut self.output[usize::from(instruction.second)];
                    output.rows.insert(address / self.rows[1], write);
                    output.writes.push(write);
                } else if drain.to_router {
                    self.member = write + i64::from(timing::SCORE_TO_STEP);
                } else {
                    self.written.insert((address & self.address_mask) / self.rows[0], write);
                }
                let level = if group + 1 < clocks { 0 } else { 1 + loop_level(tile, &drain.counts) };
                address += drain.result.deltas.get(level).copied().unwrap_or(0);
            }
            self.capture = capture + clocks as i64 + i64::from(timing::DRAIN_SWITCH);
            capture += interval;
        }
        self.free = start + issue.cycles() as i64;
    }
}

impl Schedule {
    /// The fewest writes after which the output frame can leave beat by beat without overtaking a write. Nothing stalls
    /// between the first and the last write of a frame, so their distances are fixed.
    fn head_start(&self, program: &Program, output: &Written) -> usize {
        let writes = &output.writes;
        let per_beat = program.config.words_per_beat();
        let order = program.output.order.is_some();
        let delay = i64::from(timing::WRITE_TO_OUTPUT_READ + if order { timing::OUTPUT_ORDER } else { 0 });
        let address = |word: usize| program.output.order.as_ref().map_or(word, |order| order[word]) as i64;
        let first_read = (0..program.output.frame_words())
            .map(|word| {
                let written = output.rows[&(address(word) / self.rows[1])];
                written + i64::from(timing::WRITE_TO_READ) - (word / per_beat) as i64
            })
            .max()
            .unwrap_or(0);
        writes.iter().position(|write| write + delay >= first_read).map_or(writes.len(), |last| last + 1)
    }
}

/// The loop that advances after iteration `flat` of a nest, innermost 0; `counts.len()` when the nest ends.
fn loop_level(flat: usize, counts: &[usize]) -> usize {
    let mut next = flat + 1;
    for (level, &count) in counts.iter().enumerate() {
        if !next.is_multiple_of(count) {
            return level;
        }
        next /= count;
    }
    counts.len()
}

/// Clocks from the first step to the first capture.
fn first_capture(instruction: &Instruction) -> i64 {
    let steps = instruction.issue.steps() as i64;
    steps - 1 + i64::from(timing::ISSUE_TO_SUM + instruction.drain.reduce)
}

/// Clock, from the first step on, and common operand address of every step.
fn steps(instruction: &Instruction) -> impl Iterator<Item = (i64, i64)> {
    let issue = &instruction.issue;
    let per_tile = issue.steps();
    let mut address = issue.operand.base;
    (0..issue.tiles() * per_tile).map(move |flat| {
        let clock = flat + flat / per_tile * issue.pad as usize;
        let here = address;
        let level = loop_level(flat, &issue.counts);
        address += issue.operand.deltas.get(level).copied().unwrap_or(0);
        (clock as i64, here)
    })
}
