//! Executes a program clock by clock: the meaning of every field, and the exact number of clocks.
//!
//! The machine works on values and events instead of registers and wires, so it is an independent statement of what the
//! generated hardware does. Its streams are ideal: input words are always there, output words are always taken.

use std::collections::VecDeque;

use crate::{Combine, Drain, Function, Instruction, Issue, Members, Program, timing};

/// A program that no hardware could run: the compiler never makes one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    /// A tile arrives before the results of the tile before have left the drain register.
    #[error(
        "layer {layer:?}: a tile is captured at clock {clock} while results of another are still leaving"
    )]
    Collision {
        /// The layer.
        layer: String,
        /// The clock.
        clock: u64,
    },
    /// A frame reaches the fork of the program before the results of the one before it have passed it.
    #[error("clock {clock}: a fork is reached while results have not passed it")]
    Fork {
        /// The clock.
        clock: u64,
    },
    /// A layer of members begins before the router knows which member the frame is for.
    #[error("layer {layer:?}: begins at clock {clock}, before its member is known")]
    Member {
        /// The layer.
        layer: String,
        /// The clock.
        clock: u64,
    },
    /// Nothing happens any more and frames are missing.
    #[error("no output word for {0} clocks")]
    Stuck(u64),
    /// An input frame of the wrong length.
    #[error("frame {frame}: expected {expected} words, found {found}")]
    Length {
        /// Which frame.
        frame: usize,
        /// Words of an input frame.
        expected: usize,
        /// Words that were given.
        found: usize,
    },
}

/// Clocks of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycles {
    /// From the clock of the first accepted input word to that of the last output word of the same frame, both counted,
    /// the unit being idle before.
    pub latency: u64,
    /// Between the last output words of frames that follow each other without a pause: half of what two frames take,
    /// rounded up, since frames in the first and the second buffer may take turns in being faster.
    pub period: u64,
}

/// What a run has produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The output frames.
    pub frames: Vec<Vec<i16>>,
    /// Clock of every frame's first input word.
    pub first_inputs: Vec<u64>,
    /// Clock of every frame's last output word.
    pub last_outputs: Vec<u64>,
    /// The member that every frame was routed to, and whether it is familiar; nothing of a frame that is not routed.
    pub routed: Vec<Option<Routed>>,
}

/// What the router has made of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The member with the largest score.
    pub member: usize,
    /// Whether that score reaches the member's threshold.
    pub familiar: bool,
}

/// Frames after which the pipeline of input, computation and output is in its steady state.
pub(crate) const STEADY: usize = 8;

/// A unit that executes one program.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    program: &'a Program,
    /// The quality level of every frame that has not begun, in turn; after the last one, all are of its level.
    levels: VecDeque<usize>,
    clock: u64,
    memory: Vec<i16>,
    output: Vec<i16>,
    input_full: [bool; 2],
    output_busy: [bool; 2],
    output_full: [bool; 2],
    /// Writes of the present frame to its output buffer.
    output_writes: usize,
    loader: Loader,
    issue: IssueState,
    /// The level of a frame that has begun and of which no result has been captured, in a unit with several levels.
    pending: Option<usize>,
    router: RouterState,
    /// Whether a second frame has joined, at the last fork whose results have not left; none if there is no such fork.
    joined: Option<bool>,
    sums: Vec<i64>,
    captures: VecDeque<(u64, Vec<i64>)>,
    drain: DrainState,
    writes: VecDeque<Write>,
    streamer: Streamer,
}

#[derive(Clone, Debug, Default)]
struct Loader {
    beat: usize,
    parity: usize,
}

#[derive(Clone, Debug, Default)]
struct IssueState {
    instruction: usize,
    parity: usize,
    phase: Phase,
    counters: [usize; crate::program::ISSUE_LEVELS],
    operand: i64,
    weight: i64,
    /// The frame's instructions have not begun.
    waits: bool,
    /// The weight address would not yet be that of the frame's member.
    is_early: bool,
}

/// The scores of a frame so far, and the member of the last one.
#[derive(Clone, Debug, Default)]
struct RouterState {
    scores: usize,
    best: Option<(i16, usize)>,
    member: usize,
    /// First clock in which an address of its weights can be loaded.
    valid: u64,
}

#[derive(Clone, Debug, Default)]
enum Phase {
    #[default]
    Load,
    Delay(u32),
    Step,
    Pad(u32),
}

#[derive(Clone, Debug, Default)]
struct DrainState {
    instruction: usize,
    parity: usize,
    /// The level of the frame.
    level: usize,
    /// Nothing of the frame has been captured.
    waits: bool,
    /// Frames that have left.
    frames: usize,
    tile: [usize; 3],
    bias: i64,
    result: i64,
    /// First clock in which the next tile may be captured.
    free: u64,
    begun: bool,
}

#[derive(Clone, Debug)]
struct Write {
    clock: u64,
    /// Address of the first word.
    address: usize,
    /// Words that lie side by side.
    words: Vec<i16>,
    target: Target,
}

/// Where a word goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Memory,
    /// The output, at this level.
    Output(usize),
    /// The router, which routes this frame.
    Router(usize),
}

#[derive(Clone, Debug, Default)]
struct Streamer {
    beat: usize,
    parity: usize,
    /// Beats on their way through the order ROM.
    reads: VecDeque<Read>,
    frame: Vec<i16>,
}

#[derive(Clone, Debug)]
struct Read {
    clock: u64,
    addresses: Vec<usize>,
    parity: usize,
    ends_frame: bool,
}

impl<'a> Machine<'a> {
    /// A unit after reset.
    pub fn new(program: &'a Program) -> Self {
        Self {
            program,
            levels: VecDeque::new(),
            clock: 0,
            memory: vec![0; 1 << program.address_bits()],
            output: vec![0; 2 * program.output_span()],
            input_full: [false; 2],
            output_busy: [false; 2],
            output_full: [false; 2],
            output_writes: 0,
            loader: Loader::default(),
            issue: IssueState { waits: true, ..IssueState::default() },
            pending: None,
            router: RouterState::default(),
            joined: None,
            sums: vec![0; program.lanes()],
            captures: VecDeque::new(),
            drain: DrainState { waits: true, ..DrainState::default() },
            writes: VecDeque::new(),
            streamer: Streamer::default(),
        }
    }

    /// Latency of a single frame and period of frames back to back, all at the highest level.
    ///
    /// # Errors
    /// See [`MachineError`].
    pub fn cycles(program: &Program) -> Result<Cycles, MachineError> {
        Machine::cycles_at(program, program.levels() - 1)
    }

    /// As [`cycles`](Machine::cycles), all frames being of one level.
    ///
    /// # Errors
    /// See [`MachineError`].
    pub fn cycles_at(program: &Program, level: usize) -> Result<Cycles, MachineError> {
        let zeros = vec![0; program.input_words];
        let alone = Machine::new(program).run_at(std::slice::from_ref(&zeros), &[level])?;
        Ok(Cycles {
            latency: alone.last_outputs[0] - alone.first_inputs[0] + 1,
            // The pipeline of input, computation and output is full after a few frames.
            period: Machine::period(program, STEADY, level)?,
        })
    }

    /// Half of what two frames after `before` others take, rounded up, all being back to back, more than one after them.
    pub(crate) fn period(program: &Program, before: usize, level: usize) -> Result<u64, MachineError> {
        let zeros = vec![0; program.input_words];
        let outputs = Machine::new(program).run_at(&vec![zeros; before + 4], &[level])?.last_outputs;
        Ok((outputs[before + 1] - outputs[before - 1]).div_ceil(2))
    }

    /// Runs `inputs` back to back at the highest level.
    ///
    /// # Errors
    /// See [`MachineError`].
    pub fn run(self, inputs: &[Vec<i16>]) -> Result<Run, MachineError> {
        let highest = self.program.levels() - 1;
        self.run_at(inputs, &[highest])
    }

    /// As [`run`](Machine::run), each frame at its own quality level: a level above the highest is the highest, and frames
    /// beyond the last level given are of that level.
    ///
    /// # Errors
    /// See [`MachineError`].
    pub fn run_at(mut self, inputs: &[Vec<i16>], levels: &[usize]) -> Result<Run, MachineError> {
        self.levels = levels.iter().map(|&level| level.min(self.program.lower.len())).collect();
        self.issue.instruction = self.program.entry(self.level());
        for (frame, words) in inputs.iter().enumerate() {
            if words.len() != self.program.input_words {
                let (expected, found) = (self.program.input_words, words.len());
                return Err(MachineError::Length { frame, expected, found });
            }
        }
        let mut run = Run {
            frames: vec![],
            first_inputs: vec![],
            last_outputs: vec![],
            routed: vec![None; inputs.len()],
        };
        let mut words = inputs.iter().flatten().copied().peekable();
        let most: u64 = self.program.all_instructions().map(|i| i.issue.cycles() as u64 + 200).sum();
        let patience = most + 4 * (self.program.input_words + self.program.output.frame_words()) as u64;
        let mut last_progress = 0;
        while run.frames.len() < inputs.len() {
            self.tick(&mut words, &mut run)?;
            if let Some(&progress) = run.last_outputs.last() {
                last_progress = progress;
            }
            if self.clock.saturating_sub(last_progress) > 2 * patience {
                return Err(MachineError::Stuck(2 * patience));
            }
        }
        Ok(run)
    }

    /// One clock. Everything reads the state before the clock edge; changes take effect in the next clock.
    fn tick(
        &mut self,
        words: &mut std::iter::Peekable<impl Iterator<Item = i16>>,
        run: &mut Run,
    ) -> Result<(), MachineError> {
        let (input_full, output_busy, output_full) = (self.input_full, self.output_busy, self.output_full);
        let pending = self.pending.is_some();
        self.capture()?;
        self.stream_out(output_full, run);
        let loaded = self.accept(input_full, words, run);
        self.step(input_full, output_busy, pending)?;
        self.write_back(run);
        // A beat that was accepted in this clock is in the write register in the next and in the memory after it.
        if let Some((address, words)) = loaded {
            let clock = self.clock + 1;
            self.writes.push_front(Write { clock, address, words, target: Target::Memory });
        }
        self.clock += 1;
        Ok(())
    }

    /// The instruction at a place of the program ROMs.
    fn instruction(&self, index: usize) -> &'a Instruction {
        self.program.all_instructions().nth(index).expect("an instruction of the program")
    }

    /// The level of the next frame.
    fn level(&self) -> usize {
        self.levels.front().copied().unwrap_or(self.program.lower.len())
    }

    /// Memory writes of this clock are seen by the steps of the next.
    fn write_back(&mut self, run: &mut Run) {
        while let Some(write) = self.writes.front().filter(|w| w.clock == self.clock).cloned() {
            self.writes.pop_front();
            let range = write.address..write.address + write.words.len();
            match write.target {
                Target::Memory => self.memory[range].copy_from_slice(&write.words),
                Target::Router(frame) => run.routed[frame] = self.score(write.words[0], write.address),
                Target::Output(level) => {
                    let (writes, head_start) = self.program.writes_at(level);
                    self.output[range].copy_from_slice(&write.words);
                    self.output_writes += 1;
                    if self.output_writes == head_start {
                        self.output_full[write.address / self.program.output_span()] = true;
                    }
                    if self.output_writes == writes {
                        self.output_writes = 0;
                    }
                }
            }
        }
    }

    /// The router gets the score of a member; with the last one of a frame it knows where that goes.
    fn score(&mut self, word: i16, member: usize) -> Option<Routed> {
        let thresholds = self.program.members.as_ref().map_or(&[][..], |members| &members.thresholds);
        let router = &mut self.router;
        let (best, first) = router.best.unwrap_or((word, member));
        router.best = Some(if (word, first) > (best, member) { (word, member) } else { (best, first) });
        router.scores += 1;
        if router.scores < thresholds.len() {
            return None;
        }
        let (best, member) = router.best.take()?;
        router.scores = 0;
        router.member = member;
        // Its address is loaded in the clock before the first step.
        router.valid = self.clock + u64::from(timing::SCORE_TO_STEP) - 1;
        Some(Routed { member, familiar: best >= thresholds[member] })
    }

    fn accept(
        &mut self,
        full: [bool; 2],
        words: &mut std::iter::Peekable<impl Iterator<Item = i16>>,
        run: &mut Run,
    ) -> Option<(usize, Vec<i16>)> {
        // Results of the post-processor go first.
        let blocked = self.writes.iter().any(|w| w.clock == self.clock + 1 && w.target == Target::Memory);
        if blocked || full[self.loader.parity] || words.peek().is_none() {
            return None;
        }
        if self.loader.beat == 0 {
            run.first_inputs.push(self.clock);
        }
        let per_beat = self.program.config.words_per_beat();
        let first = self.loader.beat * per_beat;
        let beat = words.take(per_beat.min(self.program.input_words - first)).collect();
        let address = first + self.loader.parity * self.program.input_span;
        self.loader.beat += 1;
        if self.loader.beat == self.program.input_beats() {
            self.input_full[self.loader.parity] = true;
            self.loader = Loader { beat: 0, parity: 1 - self.loader.parity };
        }
        Some((address, beat))
    }

    fn step(
        &mut self,
        input_full: [bool; 2],
        output_busy: [bool; 2],
        pending: bool,
    ) -> Result<(), MachineError> {
        let Instruction { layer, issue, drain, second } = self.instruction(self.issue.instruction);
        let parity = self.issue.parity ^ usize::from(*second);
        match self.issue.phase {
            Phase::Load => {
                let waits = issue.waits_for_input && (!input_full[parity] || pending)
                    || issue.reserves_output && output_busy[parity];
                if waits {
                    return Ok(());
                }
                if issue.reserves_output {
                    self.output_busy[parity] = true;
                }
                if std::mem::take(&mut self.issue.waits) {
                    self.begin_frame();
                }
                let buffer = if issue.reads_input { parity * self.program.input_span } else { 0 };
                self.issue.operand = issue.operand.base + buffer as i64;
                self.issue.counters = Default::default();
                self.issue.phase = if issue.delay == 0 { Phase::Step } else { Phase::Delay(issue.delay) };
                self.load_weight();
            }
            Phase::Delay(left) => {
                self.issue.phase = if left == 1 { Phase::Step } else { Phase::Delay(left - 1) };
                self.load_weight();
            }
            Phase::Pad(left) => {
                self.issue.phase = if left == 1 { Phase::Step } else { Phase::Pad(left - 1) };
            }
            Phase::Step => {
                if self.issue.is_early {
                    return Err(MachineError::Member { layer: layer.clone(), clock: self.clock });
                }
                self.multiply(issue);
                let level = advance(&mut self.issue.counters, &issue.counts);
                if level >= 2 {
                    let clock = self.clock + u64::from(timing::ISSUE_TO_SUM + drain.reduce);
                    self.captures.push_back((clock, std::mem::take(&mut self.sums)));
                    self.sums = vec![0; self.program.lanes()];
                }
                match issue.operand.deltas.get(level) {
                    Some(delta) => {
                        self.issue.operand += delta;
                        self.issue.weight += issue.weight.deltas[level];
                        if level >= 2 && issue.pad > 0 {
                            self.issue.phase = Phase::Pad(issue.pad);
                        }
                    }
                    None => return self.next_instruction(issue, parity, input_full),
                }
            }
        }
        Ok(())
    }

    /// The first instruction of a frame begins.
    fn begin_frame(&mut self) {
        if !self.program.lower.is_empty() {
            self.pending = Some(self.level());
            if self.levels.len() > 1 {
                self.levels.pop_front();
            }
        }
    }

    /// Until the first step, the weight address follows the router.
    fn load_weight(&mut self) {
        let Instruction { issue, .. } = self.instruction(self.issue.instruction);
        self.issue.is_early = issue.of_member && self.clock < self.router.valid;
        self.issue.weight = issue.weight.base + self.member_base(issue.of_member, |m| m.weight_words);
    }

    /// How far the words of the frame's member lie behind those of the first.
    fn member_base(&self, of_member: bool, words: fn(&Members) -> usize) -> i64 {
        let members = self.program.members.as_ref().filter(|_| of_member);
        members.map_or(0, |members| (self.router.member * words(members)) as i64)
    }

    /// The instruction that worked on buffers `parity` ends.
    fn next_instruction(
        &mut self,
        issue: &Issue,
        parity: usize,
        input_full: [bool; 2],
    ) -> Result<(), MachineError> {
        if issue.releases_input {
            self.input_full[parity] = false;
        }
        let mut next = IssueState {
            instruction: self.issue.instruction + 1,
            parity: self.issue.parity,
            ..IssueState::default()
        };
        if issue.last {
            // The next frame is in the buffer after that of the frame that has just ended.
            (next.instruction, next.parity) = (self.program.entry(self.level()), 1 - parity);
            next.waits = true;
        }
        if issue.forks {
            let joins = input_full[1 - parity];
            if joins {
                next.instruction = self.program.instructions.len();
            }
            if self.joined.replace(joins).is_some() {
                return Err(MachineError::Fork { clock: self.clock });
            }
        }
        self.issue = next;
        Ok(())
    }

    /// All lanes' products of one step. What is in the write register in this clock is not yet seen, and spoils its row.
    fn multiply(&mut self, issue: &Issue) {
        let mask = (self.memory.len() - 1) as i64;
        let row = self.program.memory_row();
        let written =
            self.writes.front().filter(|write| write.clock == self.clock && write.target == Target::Memory);
        let written_row = written.map(|write| write.address / row);
        let read = |address: i64| {
            let address = (address & mask) as usize;
            let word = self.memory[address];
            i64::from(if Some(address / row) == written_row { !word } else { word })
        };
        for (lane, sum) in self.sums.iter_mut().enumerate() {
            let address = self.issue.operand + self.program.patterns[issue.pattern][lane];
            let weighted =
                || read(address) * i64::from(self.program.weights[lane][self.issue.weight as usize]);
            let is_first = self.issue.counters[0] == 0;
            match issue.combine {
                Combine::Sum => *sum += weighted(),
                Combine::Product if is_first => {}
                Combine::Product => *sum = read(address) * read(address - issue.operand.deltas[0]),
                Combine::Maximum if is_first => *sum = weighted(),
                Combine::Maximum => *sum = weighted().max(*sum),
            }
        }
    }

    fn capture(&mut self) -> Result<(), MachineError> {
        let Some(at) = self.captures.iter().position(|(clock, _)| *clock == self.clock) else {
            return Ok(());
        };
        let (_, sums) = self.captures.remove(at).expect("the position was just found");
        if std::mem::take(&mut self.drain.waits) {
            self.drain.level = self.pending.take().unwrap_or(self.program.lower.len());
            self.drain.instruction = self.program.entry(self.drain.level);
        }
        let Instruction { layer, drain, second, .. } = self.instruction(self.drain.instruction);
        let parity = self.drain.parity ^ usize::from(*second);
        if at != 0 || self.clock < self.drain.free {
            return Err(MachineError::Collision { layer: layer.clone(), clock: self.clock });
        }
        if !self.drain.begun {
            self.drain.begun = true;
            let bias = drain.bias.base + self.member_base(drain.of_member, |m| m.bias_words);
            (self.drain.bias, self.drain.result) = (bias, drain.result.base);
        }
        let ends_loop = self.drain.tile[0] + 1 == drain.counts[0];
        let results = if ends_loop { drain.last_results } else { drain.results };
        let mut tile = self.drain.tile;
        let tile_level = 1 + advance(&mut tile, &drain.counts);
        self.drain.tile = tile;
        let ends_instruction = tile_level == drain.result.deltas.len();
        let groups = drain.clocks(results);
        for group in 0..groups {
            let is_last = group + 1 == groups;
            let first = group * drain.per_clock;
            let slots = 0..drain.per_clock.min(results - first);
            let words = slots
                .map(|slot| self.post_process(drain, slot, sum_of(&sums, first + slot, drain.reduce)))
                .collect();
            let head = self.clock + u64::from(timing::CAPTURE_TO_HEAD) + group as u64;
            let clock = head + u64::from(self.program.head_to_write());
            let result = self.drain.result as usize;
            let (address, target) = match (drain.to_output, drain.to_router) {
                (true, _) => (result + parity * self.program.output_span(), Target::Output(self.drain.level)),
                (_, true) => (result, Target::Router(self.drain.frames)),
                _ => (result & (self.memory.len() - 1), Target::Memory),
            };
            self.writes.push_back(Write { clock, address, words, target });
            let level = if is_last { tile_level } else { 0 };
            self.drain.result += drain.result.deltas.get(level).copied().unwrap_or(0);
            self.drain.bias += drain.bias.deltas.get(level).copied().unwrap_or(0);
        }
        self.drain.free = self.clock + groups as u64;
        if ends_instruction {
            self.drain.free += u64::from(timing::DRAIN_SWITCH);
            self.drain.begun = false;
            let joins = drain.forks && self.joined.take() == Some(true);
            self.drain.waits = drain.last;
            self.drain.frames += usize::from(drain.last);
            self.drain.instruction = match (drain.last, joins) {
                (true, _) => 0,
                (_, true) => self.program.instructions.len(),
                _ => self.drain.instruction + 1,
            };
            self.drain.parity = if drain.last { 1 - parity } else { self.drain.parity };
            self.drain.tile = [0; 3];
        }
        Ok(())
    }

    fn post_process(&self, drain: &Drain, slot: usize, sum: i64) -> i16 {
        let largest = (1i64 << (drain.bits - 1)) - 1;
        let word = ((sum + self.program.bias[slot][self.drain.bias as usize]) >> drain.shift)
            .clamp(-largest - 1, largest) as i16;
        match drain.function {
            Function::Identity => word,
            Function::Relu => word.max(0),
            Function::Table(index) => {
                let table = &self.program.tables[index];
                let low = table.input_bits - table.segments_log2();
                let unsigned = (i32::from(word) + (1 << (table.input_bits - 1))) as usize;
                let (segment, rest) = (unsigned >> low, (unsigned & ((1 << low) - 1)) as i64);
                let half = if low == 0 { 0 } else { 1i64 << (low - 1) };
                let step = (i64::from(table.slopes[segment]) * rest + half) >> low;
                (i64::from(table.values[segment]) + step) as i16
            }
        }
    }

    fn stream_out(&mut self, full: [bool; 2], run: &mut Run) {
        let Streamer { beat, parity, .. } = self.streamer;
        let order = u64::from(self.program.write_to_output() - timing::WRITE_TO_OUTPUT);
        if full[parity] {
            let output = &self.program.output;
            let per_beat = self.program.config.words_per_beat();
            let words = beat * per_beat..((beat + 1) * per_beat).min(output.frame_words());
            let address = |word: usize| output.order.as_ref().map_or(word, |order| order[word]);
            let ends_frame = beat + 1 == self.program.output_beats();
            let (clock, addresses) = (self.clock + order, words.map(address).collect());
            self.streamer.reads.push_back(Read { clock, addresses, parity, ends_frame });
            (self.streamer.beat, self.streamer.parity) = match ends_frame {
                true => (0, 1 - parity),
                false => (beat + 1, parity),
            };
        }
        let now = self.clock;
        if let Some(read) = self.streamer.reads.pop_front_if(|read| read.clock == now) {
            self.read_beat(&read, run);
        }
    }

    fn read_beat(&mut self, read: &Read, run: &mut Run) {
        let buffer = &self.output[read.parity * self.program.output_span()..];
        self.streamer.frame.extend(read.addresses.iter().map(|&address| buffer[address]));
        if read.ends_frame {
            let clocks = timing::WRITE_TO_OUTPUT - timing::WRITE_TO_OUTPUT_READ;
            run.last_outputs.push(self.clock + u64::from(clocks));
            run.frames.push(std::mem::take(&mut self.streamer.frame));
            (self.output_full[read.parity], self.output_busy[read.parity]) = (false, false);
        }
    }
}

/// Advances nested counters, innermost first, and returns the level that advanced; `counts.len()` if all ended.
fn advance(counters: &mut [usize], counts: &[usize]) -> usize {
    for (level, (counter, &count)) in counters.iter_mut().zip(counts).enumerate() {
        *counter += 1;
        if *counter < count {
            return level;
        }
        *counter = 0;
    }
    counts.len()
}

fn sum_of(sums: &[i64], result: usize, reduce: u32) -> i64 {
    sums[result << reduce..(result + 1) << reduce].iter().sum()
}
