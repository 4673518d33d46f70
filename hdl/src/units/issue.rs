//! The issue sequencer: runs through the program and names, clock by clock, what the lanes multiply.
//!
//! It waits for an input frame and a free output buffer where the program says so, then walks through each
//! instruction's loops: one step per clock, a pause of `pad` clocks between tiles, `delay` clocks before the first step. The
//! compiler has chosen delays and pauses so that every operand is in memory when it is read; nothing stalls later.
//!
//! Where the program forks, it goes on with two frames if the other input buffer holds one too; `joined_0` says so to the
//! drain sequencer, from the next clock on until the next fork.
//!
//! A program of several quality levels begins every frame at the level `quality_0` that was there in the clock before. `level_0`
//! tells the drain sequencer, which says `taken_0` when it has begun with the frame too; no other frame begins before.
//!
//! ```text
//!                  +-------+
//! clock, resetn -->|       |-/--> operand_address, pattern
//! input_full ---/->|       |-/--> weight_address
//! output_busy --/->| issue |----> enable, first, complete (tap_0, use_held_0, keep_largest_0)
//!                  |       |----> reserve, release_input, parity, joined_0
//!                  +-------+
//! ```
//!
//! Timing: one clock to load an instruction. Addresses, `enable`, `first` and `complete` belong to the same clock.

use emeuro_compiler::{ISSUE_LEVELS, Program};

use super::{
    address_generator::AddressGenerator,
    extend::zero_extended,
    loop_counters::LoopCounters,
    member_base::MemberBase,
    program_counter::{ProgramCounter, level_wire, program_counter},
    program_rom::IssueRom,
    reducer::Tap,
};
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Issue {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the program's hex file.
    pub program_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// Which input buffers hold a frame.
    pub input_full: Wire<In>,
    /// Which output buffers are in use.
    pub output_busy: Wire<In>,
    /// The level of a frame that begins; one wire, or none if there is one level, as the next.
    pub quality: Vec<Wire<In>>,
    /// The first results of the frame that has begun are captured.
    pub taken: Vec<Wire<In>>,
    /// How far the weights of the frame's member lie behind those of the first; one wire, or none without members.
    pub weight_offset: Vec<Wire<In>>,
    /// Common operand address.
    pub operand_address: Wire<Out>,
    /// Selects the lanes' offsets.
    pub pattern: Wire<Out>,
    /// Weight address.
    pub weight_address: Wire<Out>,
    /// The lanes add a product.
    pub enable: Wire<Out>,
    /// The product is the first of its sum.
    pub first: Wire<Out>,
    /// The step is the last of its tile.
    pub complete: Wire<Out>,
    /// Tap of the adder tree for the tile; one wire or none.
    pub tap: Vec<Wire<Out>>,
    /// The lanes multiply with the operand of the clock before; one wire or none.
    pub use_held: Vec<Wire<Out>>,
    /// The lanes keep the largest product; one wire or none.
    pub keep_largest: Vec<Wire<Out>>,
    /// The output buffer is taken.
    pub reserve: Wire<Out>,
    /// The input buffer is given back.
    pub release_input: Wire<Out>,
    /// Which of the buffers the frame uses.
    pub parity: Wire<Out>,
    /// A second frame has joined at the last fork; one wire, or none if there are no pairs.
    pub joined: Vec<Wire<Out>>,
    /// The level of the frame that has begun last; one wire, or none if there is one level.
    pub level: Vec<Wire<Out>>,
    rom: IssueRom,
    program_counter: ProgramCounter,
    control: IssueControl,
    counters: LoopCounters,
    operands: AddressGenerator,
    weights: AddressGenerator,
    member_base: Vec<MemberBase>,
}

impl Issue {
    /// The issue sequencer of `program`.
    pub fn new(program: &Program, taps: &[Tap], address_width: u32, weight_width: u32, file: &str) -> Self {
        let rom = IssueRom::new(program, taps, address_width, weight_width, file);
        let widths: Vec<u32> = rom.limit.iter().map(Wire::width).collect();
        let element_wise = !rom.multiply.is_empty();
        Self {
            info: ModuleInfo::new("issue", "walks through the program and tells the lanes what to multiply")
                .latency("1 clock to load an instruction."),
            program_file: TextParameter::new(file, "Hex file with the instructions"),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            input_full: Wire::new(2, "Which input buffers hold a frame"),
            output_busy: Wire::new(2, "Which output buffers are in use"),
            quality: level_wire(program, "Level of a frame that begins"),
            taken: only_with_levels(program, "The first results of the frame are captured"),
            weight_offset: rom
                .of_member
                .iter()
                .map(|_| Wire::new(weight_width, "Distance of the member's weights from those of the first"))
                .collect(),
            operand_address: Wire::new(address_width, "Operand address of the first lane"),
            pattern: Wire::new(rom.pattern.width(), "Selects the lanes' offsets"),
            weight_address: Wire::new(weight_width, "Weight address"),
            enable: Wire::new(1, "The lanes add a product"),
            first: Wire::new(1, "It is the first of its sum"),
            complete: Wire::new(1, "It is the last of its tile"),
            tap: rom.tap.iter().map(|t| Wire::new(t.width(), "Tap of the adder tree for the tile")).collect(),
            use_held: element_wise
                .then(|| Wire::new(1, "The lanes multiply with the operand of the clock before"))
                .into_iter()
                .collect(),
            keep_largest: (rom.maximum.iter())
                .map(|_| Wire::new(1, "The lanes keep the largest product"))
                .collect(),
            reserve: Wire::new(1, "The output buffer is taken"),
            release_input: Wire::new(1, "The input buffer is given back"),
            parity: Wire::new(1, "Which of the two buffers the frame uses"),
            joined: rom
                .forks
                .iter()
                .map(|_| Wire::new(1, "A second frame has joined at the last fork"))
                .collect(),
            level: level_wire(program, "Level of the frame that has begun last"),
            program_counter: program_counter(program),
            control: IssueControl::new(&rom, address_width, program),
            counters: LoopCounters::new(&widths),
            operands: AddressGenerator::new(address_width, ISSUE_LEVELS),
            weights: AddressGenerator::new(weight_width, ISSUE_LEVELS),
            member_base: rom.of_member.iter().map(|_| MemberBase::new(weight_width)).collect(),
            rom,
        }
    }

    /// The text of the program's hex file.
    pub fn hex(&self) -> String {
        self.rom.hex()
    }
}

impl Logic for Issue {
    #[hdl_gen]
    fn update(&mut self) {
        self.rom.init_file.next = self.program_file.val();
        self.rom.clock.next = self.clock.val();
        self.program_counter.clock.next = self.clock.val();
        self.control.clock.next = self.clock.val();
        self.counters.clock.next = self.clock.val();
        self.operands.clock.next = self.clock.val();
        self.weights.clock.next = self.clock.val();
        self.program_counter.resetn.next = self.resetn.val();
        self.control.resetn.next = self.resetn.val();
        self.counters.resetn.next = self.resetn.val();
        self.program_counter.finish.next = self.control.finish.val();
        self.program_counter.ends_program.next = self.rom.ends_program.val();
        for i in 0..self.joined.len() {
            self.program_counter.forks[i].next = self.rom.forks[i].val();
            self.program_counter.second[i].next = self.rom.second[i].val();
            self.program_counter.joins[i].next = self.control.joins[i].val();
            self.control.forks[i].next = self.rom.forks[i].val();
            self.joined[i].next = self.control.joined[i].val();
        }
        for i in 0..self.quality.len() {
            self.program_counter.quality[i].next = self.quality[i].val();
            self.program_counter.begins[i].next = self.control.begins[i].val();
            self.control.frame_level[i].next = self.program_counter.level[i].val();
            self.control.taken[i].next = self.taken[i].val();
            self.level[i].next = self.control.begun_level[i].val();
        }
        self.rom.address.next = self.program_counter.rom_address.val();
        self.control.parity.next = self.program_counter.parity.val();
        self.control.input_full.next = self.input_full.val();
        self.control.output_busy.next = self.output_busy.val();
        self.control.delay.next = self.rom.delay.val();
        self.control.pad.next = self.rom.pad.val();
        self.control.reads_input.next = self.rom.reads_input.val();
        self.control.waits_for_input.next = self.rom.waits_for_input.val();
        self.control.reserves_output.next = self.rom.reserves_output.val();
        self.control.releases_input.next = self.rom.releases_input.val();
        self.control.operand_base.next = self.rom.operand[0].val();
        self.control.level.next = self.counters.level.val();
        for i in 0..5 {
            self.counters.limit[i].next = self.rom.limit[i].val();
            self.operands.delta[i].next = self.rom.operand[i + 1].val();
            self.weights.delta[i].next = self.rom.weight[i + 1].val();
        }
        self.counters.advance.next = self.control.step.val();
        self.operands.load.next = self.control.load.val();
        self.operands.base.next = self.control.operand_start.val();
        self.operands.advance.next = self.control.step.val();
        self.operands.level.next = self.counters.level.val();
        self.weights.load.next = self.control.load.val();
        self.weights.base.next = self.rom.weight[0].val();
        for i in 0..self.weight_offset.len() {
            self.member_base[i].base.next = self.rom.weight[0].val();
            self.member_base[i].of_member.next = self.rom.of_member[i].val();
            self.member_base[i].offset.next = self.weight_offset[i].val();
            self.weights.base.next = self.member_base[i].sum.val();
        }
        self.weights.advance.next = self.control.step.val();
        self.weights.level.next = self.counters.level.val();
        self.operand_address.next = self.operands.address.val();
        self.pattern.next = self.rom.pattern.val();
        self.weight_address.next = self.weights.address.val();
        self.enable.next = self.control.step.val();
        self.first.next = self.control.first.val();
        self.complete.next = self.control.complete.val();
        for i in 0..self.tap.len() {
            self.tap[i].next = self.rom.tap[i].val();
        }
        // A tile of an element-wise product has two steps; the second multiplies its operand with that of the first.
        for i in 0..self.use_held.len() {
            self.use_held[i].next = self.rom.multiply[i].val();
            self.enable.next =
                self.control.step.val() & !(self.control.first.val() & self.rom.multiply[i].val());
            self.first.next = self.control.first.val() | self.rom.multiply[i].val();
        }
        for i in 0..self.keep_largest.len() {
            self.keep_largest[i].next = self.rom.maximum[i].val();
        }
        self.reserve.next = self.control.reserve.val();
        self.release_input.next = self.control.release_input.val();
        self.parity.next = self.program_counter.parity.val();
    }
}

/// The state machine of the issue sequencer.
#[derive(LogicBlock)]
struct IssueControl {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    resetn: Wire<In>,
    input_full: Wire<In>,
    output_busy: Wire<In>,
    delay: Wire<In>,
    pad: Wire<In>,
    reads_input: Wire<In>,
    waits_for_input: Wire<In>,
    reserves_output: Wire<In>,
    releases_input: Wire<In>,
    operand_base: Wire<In>,
    parity: Wire<In>,
    level: Wire<In>,
    /// One wire, or none if there are no pairs, as `joins` and `joined`.
    forks: Vec<Wire<In>>,
    /// One wire, or none if there is one level, as `taken`, `begins` and `begun_level`.
    frame_level: Vec<Wire<In>>,
    taken: Vec<Wire<In>>,
    finish: Wire<Out>,
    load: Wire<Out>,
    operand_start: Wire<Out>,
    step: Wire<Out>,
    first: Wire<Out>,
    complete: Wire<Out>,
    reserve: Wire<Out>,
    release_input: Wire<Out>,
    joins: Vec<Wire<Out>>,
    joined: Vec<Wire<Out>>,
    begins: Vec<Wire<Out>>,
    begun_level: Vec<Wire<Out>>,
    /// A frame has begun and none of its results has been captured.
    _pending: bool,
    _begun: u64,
    /// Layers have members.
    _of_members: bool,
    /// No step of the instruction has been taken.
    _is_new: bool,
    _span: u64,
    _state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Load,
    Pause,
    Step,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    first: bool,
    timer: u64,
}

impl State {
    const RESET: Self = Self { phase: Phase::Load, first: true, timer: 0 };
}

/// What a sequencer has besides if frames can join each other.
const JOIN: &str = "\
assign joins_0       = input_full[!parity];
assign joined_0      = has_joined;

// The drain sequencer comes to the fork later.
reg has_joined;

always @(posedge clock) begin
    if (!resetn) begin
        has_joined <= 1'b0;
    end else if (finish && forks_0) begin
        has_joined <= joins_0;
    end
end
";

/// What a sequencer has besides if layers have members: bases are taken until the first step, because the member may become
/// known after the instruction has been loaded.
const IS_NEW: &str = "
// No step of the instruction has been taken.
reg is_new;

always @(posedge clock) begin
    if (!resetn || finish) begin
        is_new <= 1'b1;
    end else if (step) begin
        is_new <= 1'b0;
    end
end
";

/// What a sequencer has besides if frames have quality levels.
fn begun_level(bits: u32) -> String {
    format!(
        "\
assign begins_0      = go;
assign begun_level_0 = begun;

// The drain sequencer comes to the frame later; it would miss the level of one if another began before.
reg pending;
reg [{}:0] begun;

always @(posedge clock) begin
    if (!resetn) begin
        pending <= 1'b0;
        begun   <= {bits}'d0;
    end else if (go && waits_for_input) begin
        pending <= 1'b1;
        begun   <= frame_level_0;
    end else if (taken_0) begin
        pending <= 1'b0;
    end
end
",
        bits - 1
    )
}

/// A wire of units with several levels.
fn only_with_levels<D: Direction>(program: &Program, comment: &str) -> Vec<Wire<D>> {
    (program.levels() > 1).then(|| Wire::new(1, comment)).into_iter().collect()
}

/// Levels of the window loops: the level above them is the end of a tile.
const WINDOW_LEVELS: u64 = 2;

impl IssueControl {
    fn new(rom: &IssueRom, address_width: u32, program: &Program) -> Self {
        Self {
            info: ModuleInfo::new("issue_control", "state machine of the issue sequencer")
                .latency("all outputs belong to the clock of the state that they follow from."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            input_full: Wire::new(2, "Which input buffers hold a frame"),
            output_busy: Wire::new(2, "Which output buffers are in use"),
            delay: Wire::new(rom.delay.width(), "Idle clocks before the first step"),
            pad: Wire::new(rom.pad.width(), "Idle clocks between tiles"),
            reads_input: Wire::new(1, "The operand is the input frame"),
            waits_for_input: Wire::new(1, "Waits for an input frame"),
            reserves_output: Wire::new(1, "Reserves an output buffer"),
            releases_input: Wire::new(1, "Gives the input buffer back at the end"),
            operand_base: Wire::new(address_width, "Address of the first operand"),
            parity: Wire::new(1, "Which of the two buffers the frame uses"),
            level: Wire::new(address_bits(ISSUE_LEVELS + 1), "Loop that advances"),
            forks: rom.forks.iter().map(|_| Wire::new(1, "A second frame may join")).collect(),
            frame_level: level_wire(program, "Level of the frame"),
            taken: only_with_levels(program, "The first results of the frame are captured"),
            finish: Wire::new(1, "The instruction ends"),
            load: Wire::new(1, "The address generators take their bases"),
            operand_start: Wire::new(address_width, "Address of the first operand in this frame's buffer"),
            step: Wire::new(1, "The lanes take a step"),
            first: Wire::new(1, "It is the first step of a tile"),
            complete: Wire::new(1, "It is the last step of a tile"),
            reserve: Wire::new(1, "The output buffer is taken"),
            release_input: Wire::new(1, "The input buffer is given back"),
            joins: rom
                .forks
                .iter()
                .map(|_| Wire::new(1, "The other input buffer holds a frame too"))
                .collect(),
            joined: rom.forks.iter().map(|_| Wire::new(1, "It did so at the last fork")).collect(),
            begins: only_with_levels(program, "An instruction begins"),
            begun_level: level_wire(program, "Level of the frame that has begun last"),
            _pending: false,
            _begun: 0,
            _of_members: program.members.is_some(),
            _is_new: true,
            _span: program.input_span as u64,
            _state: State::RESET,
        }
    }

    fn goes(&self) -> bool {
        let parity = self.parity.val().index();
        let waits =
            self.waits_for_input.val().any() && (!self.input_full.val().get_bit(parity) || self._pending);
        let blocked = self.reserves_output.val().any() && self.output_busy.val().get_bit(parity);
        self._state.phase == Phase::Load && !waits && !blocked
    }

    fn ends_tile(&self) -> bool {
        self._state.phase == Phase::Step && self.level.val().as_u64() >= WINDOW_LEVELS
    }

    fn ends_instruction(&self) -> bool {
        self._state.phase == Phase::Step && self.level.val().index() == ISSUE_LEVELS
    }

    /// Whether the buffer that the frame does not use holds one too.
    fn joins(&self) -> bool {
        self.input_full.val().get_bit(1 - self.parity.val().index())
    }

    fn next_state(&self) -> State {
        let state = self._state;
        let pause = |timer: u64| match timer {
            0 => (Phase::Step, 0),
            n => (Phase::Pause, n - 1),
        };
        let (phase, timer) = match state.phase {
            Phase::Load if self.goes() => pause(self.delay.val().as_u64()),
            Phase::Load => (Phase::Load, 0),
            Phase::Pause => pause(state.timer),
            Phase::Step if self.ends_instruction() => (Phase::Load, 0),
            Phase::Step if self.ends_tile() => pause(self.pad.val().as_u64()),
            Phase::Step => (Phase::Step, 0),
        };
        State { phase, first: if state.phase == Phase::Step { self.ends_tile() } else { state.first }, timer }
    }
}

impl Logic for IssueControl {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let ends_instruction = self.ends_instruction();
            let joins = self.joins();
            for (joined, forks) in self.joined.iter_mut().zip(&self.forks) {
                if !self.resetn.val().any() {
                    joined.next = false.into();
                } else if ends_instruction && forks.val().any() {
                    joined.next = joins.into();
                }
            }
            let steps = self._state.phase == Phase::Step;
            self._is_new = !self.resetn.val().any() || ends_instruction || self._is_new && !steps;
            let state = if self.resetn.val().any() { self.next_state() } else { State::RESET };
            let begins_frame = self.goes() && self.waits_for_input.val().any();
            if let (Some(level), Some(taken)) = (self.frame_level.first(), self.taken.first()) {
                if !self.resetn.val().any() {
                    (self._pending, self._begun) = (false, 0);
                } else if begins_frame {
                    (self._pending, self._begun) = (true, level.val().as_u64());
                } else if taken.val().any() {
                    self._pending = false;
                }
            }
            self._state = state;
        }
        let state = self._state;
        let goes = self.goes();
        self.begins.iter_mut().for_each(|wire| wire.next = goes.into());
        self.begun_level.iter_mut().for_each(|wire| wire.next = Value::from(self._begun));
        let joins = self.joins();
        self.joins.iter_mut().for_each(|wire| wire.next = joins.into());
        self.finish.next = self.ends_instruction().into();
        let loads = match self._of_members {
            true => self._is_new && state.phase != Phase::Step,
            false => state.phase == Phase::Load,
        };
        self.load.next = loads.into();
        let second_buffer = self.reads_input.val().any() && self.parity.val().any();
        let offset = if second_buffer { self._span } else { 0 };
        self.operand_start.next = self.operand_base.val() | offset;
        self.step.next = (state.phase == Phase::Step).into();
        self.first.next = state.first.into();
        self.complete.next = self.ends_tile().into();
        self.reserve.next = (self.goes() && self.reserves_output.val().any()).into();
        self.release_input.next = (self.ends_instruction() && self.releases_input.val().any()).into();
    }

    fn connect(&mut self) {
        self.finish.connect();
        self.load.connect();
        self.operand_start.connect();
        self.step.connect();
        self.first.connect();
        self.complete.connect();
        self.reserve.connect();
        self.release_input.connect();
        self.joins.iter_mut().for_each(|wire| wire.connect());
        self.joined.iter_mut().for_each(|wire| wire.connect());
        self.begins.iter_mut().for_each(|wire| wire.connect());
        self.begun_level.iter_mut().for_each(|wire| wire.connect());
    }

    fn hdl(&self) -> Verilog {
        let address = self.operand_base.width();
        let level = self.level.width();
        let (delay, pad) = (self.delay.width(), self.pad.width());
        let timer = delay.max(pad);
        Verilog::Custom(format!(
            "\
localparam [1:0] LOAD  = 2'd0;
localparam [1:0] PAUSE = 2'd1;
localparam [1:0] STEP  = 2'd2;

reg [1:0] state;
reg [{timer_high}:0] timer;
reg first_step;
{is_new}
wire go = state == LOAD && !(waits_for_input && {unready})
                        && !(reserves_output && output_busy[parity]);
wire ends_tile = step && level >= {level}'d{tile};
wire [{timer_high}:0] idle = state == LOAD ? {delay_name} : {pad_name};

assign finish        = step && level == {level}'d{levels};
assign load          = {load};
assign operand_start = reads_input && parity ? operand_base | {address}'d{span} : operand_base;
assign step          = state == STEP;
assign first         = first_step;
assign complete      = ends_tile;
assign reserve       = go && reserves_output;
assign release_input = finish && releases_input;
{join}{quality}
always @(posedge clock) begin
    if (!resetn) begin
        state      <= LOAD;
        first_step <= 1'b1;
    end else begin
        if (step) begin
            first_step <= ends_tile;
        end
        if (finish) begin
            state <= LOAD;
        end else if (go || ends_tile) begin
            state <= idle == {timer}'d0 ? STEP : PAUSE;
        end else if (state == PAUSE && timer == {timer}'d0) begin
            state <= STEP;
        end
    end
    timer <= state == PAUSE ? timer - {timer}'d1 : idle - {timer}'d1;
end",
            is_new = if self._of_members { IS_NEW } else { "" },
            timer_high = timer - 1,
            tile = WINDOW_LEVELS,
            levels = ISSUE_LEVELS,
            delay_name = zero_extended("delay", delay, timer),
            pad_name = zero_extended("pad", pad, timer),
            span = self._span,
            join = match self.forks.as_slice() {
                [] => "",
                _ => JOIN,
            },
            load = if self._of_members { "is_new && !step" } else { "state == LOAD" },
            unready = match self.taken.as_slice() {
                [] => "!input_full[parity]",
                _ => "(!input_full[parity] || pending)",
            },
            quality = match self.begun_level.as_slice() {
                [] => String::new(),
                [level, ..] => begun_level(level.width()),
            },
        ))
    }
}
