//! schedule: the shortest delays with which every operand is there in time.

use std::collections::HashMap;

use crate::{Instruction, Program, timing};

pub(crate) const DESCRIPTION: &str = "Sets the delay before every instruction so that operands are written before they are read and results never collide.";

/// Sets flags and delays of all instructions.
pub(crate) fn run(program: &mut Program) {
    set_flags(&mut program.instructions);
    let mut clock = Schedule::new(program);
    let count = program.instructions.len();
    // The second round is the steady state: the first instruction then follows the last one of the frame before.
    for round in 0..2 {
        for index in 0..count {
            let delay = clock.delay(&program.instructions[index], index == 0);
            let issue = &mut program.instructions[index].issue;
            issue.delay = if round == 0 { delay } else { delay.max(issue.delay) };
            clock.run(&program.instructions[index]);
        }
    }
    program.output.writes = clock.output_writes.len();
    program.output.head_start = clock.head_start(program);
}

fn set_flags(instructions: &mut [Instruction]) {
    instructions[0].issue.waits_for_input = true;
    let last = instructions.len() - 1;
    (instructions[last].issue.last, instructions[last].drain.last) = (true, true);
    if let Some(i) = instructions.iter().rposition(|i| i.issue.reads_input) {
        instructions[i].issue.releases_input = true;
    }
    if let Some(i) = instructions.iter().position(|i| i.drain.to_output) {
        instructions[i].issue.reserves_output = true;
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
    /// The same for rows of the output buffer.
    output: HashMap<i64, i64>,
    /// Clocks in which the output buffer is written.
    output_writes: Vec<i64>,
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
            output: HashMap::new(),
            output_writes: vec![],
        }
    }

    /// The smallest delay of `instruction` after what has been issued.
    fn delay(&mut self, instruction: &Instruction, begins_frame: bool) -> u32 {
        if begins_frame {
            // A frame reads its input and what it has written itself, nothing of the frame before.
            self.written.clear();
            self.output.clear();
            self.output_writes.clear();
        }
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
                    self.output.insert(address / self.rows[1], write);
                    self.output_writes.push(write);
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
    fn head_start(&self, program: &Program) -> usize {
        let writes = &self.output_writes;
        let per_beat = program.config.words_per_beat();
        let order = program.output.order.is_some();
        let delay = i64::from(timing::WRITE_TO_OUTPUT_READ + if order { timing::OUTPUT_ORDER } else { 0 });
        let address = |word: usize| program.output.order.as_ref().map_or(word, |order| order[word]) as i64;
        let first_read = (0..program.output.frame_words())
            .map(|word| {
                let written = self.output[&(address(word) / self.rows[1])];
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
