//! The drain sequencer: tells every result that leaves the reducer its bias, shift, function and address.
//!
//! It follows the same program as the issue sequencer, some clocks later, driven by nothing but `capture`: tiles arrive
//! in the order of the program; at its fork, `joined_0` says whether those of a second frame come too. In a program of several
//! quality levels, `frame_level_0` is that of the frame whose results come next, and `taken_0` says that they come. While a tile's
//! results pass the head of the drain register, its addresses advance.
//!
//! ```text
//!                   +-------+
//! clock, resetn --->|       |---> valid, to_memory, to_output, parity
//!       capture --->| drain |-/-> bias_address, result_address
//!      joined_0 --->|       |-/-> shift, rectify, narrow, lookup_0, count_0
//!                   +-------+
//! ```
//!
//! The sequencer names a result one clock before it is at the head, so that the bias ROM reads with an address from a
//! register; what belongs to the head waits for it in a register.
//!
//! Timing: all outputs but `bias_address` belong to the results that are at the heads in the same clock, the first one clock
//! after `capture`. `bias_address` is one clock ahead, so that the bias comes from its ROM together with the result.
//! Between the last result of an instruction and the first `capture` of the next lies at least one clock.

use emeuro_compiler::{DRAIN_LEVELS, Program};

use super::{
    address_generator::AddressGenerator,
    loop_counters::LoopCounters,
    member_base::MemberBase,
    program_counter::{ProgramCounter, level_wire, program_counter},
    program_rom::DrainRom,
    write_port::count_wire,
};
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Drain {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the program's hex file.
    pub program_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// A tile's results are being captured.
    pub capture: Wire<In>,
    /// A second frame has joined at the fork; one wire, or none if there are no pairs.
    pub joined: Vec<Wire<In>>,
    /// The level of the frame whose results come next; one wire, or none if there is one level, as `taken` and `level`.
    pub frame_level: Vec<Wire<In>>,
    /// How far the biases of the frame's member lie behind those of the first; one wire, or none without members.
    pub bias_offset: Vec<Wire<In>>,
    /// The first results of a frame are captured.
    pub taken: Vec<Wire<Out>>,
    /// The level of the results.
    pub level: Vec<Wire<Out>>,
    /// 0 or number of the table; one wire or none.
    pub lookup: Vec<Wire<Out>>,
    /// Bias of the result of the next clock.
    pub bias_address: Wire<Out>,
    /// Address of the result.
    pub result_address: Wire<Out>,
    /// Requantising shift.
    pub shift: Wire<Out>,
    /// Negative results become 0.
    pub rectify: Wire<Out>,
    /// Results saturate to 8 bits.
    pub narrow: Wire<Out>,
    /// The result goes to the lanes' memory.
    pub to_memory: Wire<Out>,
    /// The result goes to the output buffer.
    pub to_output: Wire<Out>,
    /// The result is a score; one wire, or none without members.
    pub to_router: Vec<Wire<Out>>,
    /// Which output buffer the frame uses.
    pub parity: Wire<Out>,
    /// How many results there are, less 1; one wire, or none if there is always one.
    pub count: Vec<Wire<Out>>,
    rom: DrainRom,
    program_counter: ProgramCounter,
    control: DrainControl,
    counters: LoopCounters,
    biases: AddressGenerator,
    results: AddressGenerator,
    member_base: Vec<MemberBase>,
    head: DrainHead,
}

impl Drain {
    /// The drain sequencer of `program`.
    pub fn new(program: &Program, result_width: u32, bias_width: u32, file: &str) -> Self {
        let rom = DrainRom::new(program, result_width, bias_width, file);
        let mut widths = vec![rom.clocks.width()];
        widths.extend(rom.limit.iter().map(Wire::width));
        Self {
            info: ModuleInfo::new("drain", "follows the program and tells results where they belong")
                .latency("1 clock from `capture` to the fields of the first result."),
            program_file: TextParameter::new(file, "Hex file with the instructions"),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            capture: Wire::new(1, "A tile's results are being captured"),
            joined: like(&rom.forks, "A second frame has joined at the fork"),
            frame_level: level_wire(program, "Level of the frame whose results come next"),
            taken: (program.levels() > 1)
                .then(|| Wire::new(1, "The first results of a frame are captured"))
                .into_iter()
                .collect(),
            level: level_wire(program, "Level of the results"),
            bias_offset: rom
                .of_member
                .iter()
                .map(|_| Wire::new(bias_width, "Distance of the member's biases from those of the first"))
                .collect(),
            to_router: like(&rom.to_router, "The result is a score"),
            lookup: like(&rom.lookup, "0, or number of the table"),
            bias_address: Wire::new(bias_width, "Bias of the result of the next clock"),
            result_address: Wire::new(result_width, "Address of the result"),
            shift: Wire::new(rom.shift.width(), "Requantising shift"),
            rectify: Wire::new(1, "Negative results become 0"),
            narrow: Wire::new(1, "Results saturate to 8 bits"),
            to_memory: Wire::new(1, "The result goes to the lanes' memory"),
            to_output: Wire::new(1, "The result goes to the output buffer"),
            parity: Wire::new(1, "Which output buffer the frame uses"),
            count: count_wire(program.slots, "Number of results, less 1"),
            program_counter: program_counter(program),
            control: DrainControl::new(),
            counters: LoopCounters::new(&widths).with_last_limit(),
            biases: AddressGenerator::new(bias_width, DRAIN_LEVELS),
            results: AddressGenerator::new(result_width, DRAIN_LEVELS),
            member_base: rom.of_member.iter().map(|_| MemberBase::new(bias_width)).collect(),
            head: DrainHead::new(&rom, result_width, program),
            rom,
        }
    }

    /// The text of the program's hex file.
    pub fn hex(&self) -> String {
        self.rom.hex()
    }
}

impl Logic for Drain {
    #[hdl_gen]
    fn update(&mut self) {
        self.rom.init_file.next = self.program_file.val();
        self.rom.clock.next = self.clock.val();
        self.program_counter.clock.next = self.clock.val();
        self.control.clock.next = self.clock.val();
        self.counters.clock.next = self.clock.val();
        self.biases.clock.next = self.clock.val();
        self.results.clock.next = self.clock.val();
        self.head.clock.next = self.clock.val();
        self.program_counter.resetn.next = self.resetn.val();
        self.control.resetn.next = self.resetn.val();
        self.counters.resetn.next = self.resetn.val();
        self.head.resetn.next = self.resetn.val();
        self.program_counter.finish.next = self.control.finish.val();
        self.program_counter.ends_program.next = self.rom.ends_program.val();
        for i in 0..self.joined.len() {
            self.program_counter.forks[i].next = self.rom.forks[i].val();
            self.program_counter.second[i].next = self.rom.second[i].val();
            self.program_counter.joins[i].next = self.joined[i].val();
        }
        for i in 0..self.frame_level.len() {
            self.program_counter.quality[i].next = self.frame_level[i].val();
            self.program_counter.begins[i].next = self.capture.val();
            self.taken[i].next = self.capture.val() & self.program_counter.waits[i].val();
        }
        self.rom.address.next = self.program_counter.rom_address.val();
        self.control.capture.next = self.capture.val();
        self.control.level.next = self.counters.level.val();
        self.counters.advance.next = self.control.advance.val();
        self.counters.limit[0].next = self.rom.clocks.val();
        self.counters.last_limit[0].next = self.rom.last_clocks.val();
        for i in 0..3 {
            self.counters.limit[i + 1].next = self.rom.limit[i].val();
        }
        for i in 0..4 {
            self.biases.delta[i].next = self.rom.bias[i + 1].val();
            self.results.delta[i].next = self.rom.result[i + 1].val();
        }
        self.biases.load.next = self.control.load.val();
        self.biases.base.next = self.rom.bias[0].val();
        for i in 0..self.bias_offset.len() {
            self.member_base[i].base.next = self.rom.bias[0].val();
            self.member_base[i].of_member.next = self.rom.of_member[i].val();
            self.member_base[i].offset.next = self.bias_offset[i].val();
            self.biases.base.next = self.member_base[i].sum.val();
            self.head.routes[i].next = self.rom.to_router[i].val();
            self.to_router[i].next = self.head.to_router[i].val();
        }
        self.biases.advance.next = self.control.advance.val();
        self.biases.level.next = self.counters.level.val();
        self.results.load.next = self.control.load.val();
        self.results.base.next = self.rom.result[0].val();
        self.results.advance.next = self.control.advance.val();
        self.results.level.next = self.counters.level.val();
        self.bias_address.next = self.biases.address.val();

        comment!("One clock later the result is at the head");
        self.head.valid.next = self.control.advance.val();
        self.head.goes_out.next = self.rom.to_output.val();
        self.head.address.next = self.results.address.val();
        self.head.shift_in.next = self.rom.shift.val();
        self.head.rectify_in.next = self.rom.rectify.val();
        self.head.narrow_in.next = self.rom.narrow.val();
        self.head.buffer.next = self.program_counter.parity.val();
        for i in 0..self.level.len() {
            self.head.level_in[i].next = self.program_counter.level[i].val();
            self.level[i].next = self.head.level[i].val();
        }
        for i in 0..self.lookup.len() {
            self.head.lookup_in[i].next = self.rom.lookup[i].val();
            self.lookup[i].next = self.head.lookup[i].val();
        }
        self.head.ends_block.next = self.control.ends_block.val();
        for i in 0..self.count.len() {
            self.head.per_clock[i].next = self.rom.per_clock[i].val();
            self.head.last_count[i].next = self.rom.last_count[i].val();
            self.count[i].next = self.head.count[i].val();
        }
        self.to_memory.next = self.head.to_memory.val();
        self.to_output.next = self.head.to_output.val();
        self.result_address.next = self.head.result_address.val();
        self.shift.next = self.head.shift.val();
        self.rectify.next = self.head.rectify.val();
        self.narrow.next = self.head.narrow.val();
        self.parity.next = self.head.parity.val();
    }
}

/// Wires as wide as `wires`.
fn like<D: Direction>(wires: &[Wire<Out>], comment: &str) -> Vec<Wire<D>> {
    wires.iter().map(|wire| Wire::new(wire.width(), comment)).collect()
}

/// The state machine of the drain sequencer.
#[derive(LogicBlock)]
struct DrainControl {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    resetn: Wire<In>,
    capture: Wire<In>,
    level: Wire<In>,
    finish: Wire<Out>,
    load: Wire<Out>,
    advance: Wire<Out>,
    ends_block: Wire<Out>,
    _state: State,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// The address generators take their bases until the first capture.
    fresh: bool,
    /// More results of the tile follow.
    busy: bool,
}

impl State {
    const RESET: Self = Self { fresh: true, busy: false };
}

impl DrainControl {
    fn new() -> Self {
        Self {
            info: ModuleInfo::new("drain_control", "state machine of the drain sequencer")
                .latency("all outputs belong to the clock of the state that they follow from."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            capture: Wire::new(1, "A tile's results are being captured"),
            level: Wire::new(address_bits(DRAIN_LEVELS + 1), "Loop that advances after this result"),
            finish: Wire::new(1, "The instruction ends"),
            load: Wire::new(1, "The address generators take their bases"),
            advance: Wire::new(1, "A result is at the head in the next clock"),
            ends_block: Wire::new(1, "The results of this clock are the last of their block"),
            _state: State::RESET,
        }
    }

    fn advances(&self) -> bool {
        self.capture.val().any() || self._state.busy
    }

    fn ends_instruction(&self) -> bool {
        self.advances() && self.level.val().index() == DRAIN_LEVELS
    }

    fn next_state(&self) -> State {
        let state = self._state;
        State {
            fresh: self.ends_instruction() || state.fresh && !self.capture.val().any(),
            busy: self.advances() && !self.level.val().any(),
        }
    }
}

impl Logic for DrainControl {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = if self.resetn.val().any() { self.next_state() } else { State::RESET };
        }
        self.finish.next = self.ends_instruction().into();
        self.load.next = (self._state.fresh && !self.capture.val().any()).into();
        self.advance.next = self.advances().into();
        self.ends_block.next = (self.level.val().as_u64() > 1).into();
    }

    fn connect(&mut self) {
        self.finish.connect();
        self.load.connect();
        self.advance.connect();
        self.ends_block.connect();
    }

    fn hdl(&self) -> Verilog {
        let level = self.level.width();
        Verilog::Custom(format!(
            "\
reg fresh;
reg busy;

assign finish     = advance && level == {level}'d{DRAIN_LEVELS};
assign load       = fresh && !capture;
assign advance    = capture || busy;
assign ends_block = level > {level}'d1;

always @(posedge clock) begin
    if (!resetn) begin
        fresh <= 1'b1;
        busy  <= 1'b0;
    end else begin
        fresh <= finish || (fresh && !capture);
        busy  <= advance && level == {level}'d0;
    end
end",
        ))
    }
}

/// The registers with what belongs to the results at the heads.
#[derive(LogicBlock)]
struct DrainHead {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    resetn: Wire<In>,
    valid: Wire<In>,
    goes_out: Wire<In>,
    address: Wire<In>,
    shift_in: Wire<In>,
    rectify_in: Wire<In>,
    narrow_in: Wire<In>,
    buffer: Wire<In>,
    ends_block: Wire<In>,
    /// One wire, or none if there is always one result per clock; so are the next and `count`.
    per_clock: Vec<Wire<In>>,
    last_count: Vec<Wire<In>>,
    /// One wire, or none without tables.
    lookup_in: Vec<Wire<In>>,
    /// One wire, or none if there is one level.
    level_in: Vec<Wire<In>>,
    /// One wire, or none without members.
    routes: Vec<Wire<In>>,
    to_memory: Wire<Out>,
    to_output: Wire<Out>,
    result_address: Wire<Out>,
    shift: Wire<Out>,
    rectify: Wire<Out>,
    narrow: Wire<Out>,
    parity: Wire<Out>,
    count: Vec<Wire<Out>>,
    lookup: Vec<Wire<Out>>,
    level: Vec<Wire<Out>>,
    to_router: Vec<Wire<Out>>,
}

impl DrainHead {
    fn new(rom: &DrainRom, result_width: u32, program: &Program) -> Self {
        Self {
            info: ModuleInfo::new("drain_head", "registers with what belongs to the results at the heads")
                .latency("1 clock."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            valid: Wire::new(1, "Results are at the heads in the next clock"),
            goes_out: Wire::new(1, "They go to the output buffer"),
            address: Wire::new(result_width, "Address of the first"),
            shift_in: Wire::new(rom.shift.width(), "Requantising shift"),
            rectify_in: Wire::new(1, "Negative results become 0"),
            narrow_in: Wire::new(1, "Results saturate to 8 bits"),
            buffer: Wire::new(1, "Which output buffer the frame uses"),
            ends_block: Wire::new(1, "They are the last of their block"),
            per_clock: like(&rom.per_clock, "Results of a clock, less 1"),
            last_count: like(&rom.last_count, "Results of the last clock of a block, less 1"),
            lookup_in: like(&rom.lookup, "0, or number of the table"),
            level_in: level_wire(program, "Level of the frame"),
            routes: like(&rom.to_router, "They are scores"),
            to_memory: Wire::new(1, "The results go to the lanes' memory"),
            to_output: Wire::new(1, "The results go to the output buffer"),
            result_address: Wire::new(result_width, "Address of the first result"),
            shift: Wire::new(rom.shift.width(), "Requantising shift"),
            rectify: Wire::new(1, "Negative results become 0"),
            narrow: Wire::new(1, "Results saturate to 8 bits"),
            parity: Wire::new(1, "Which output buffer the frame uses"),
            count: like(&rom.per_clock, "Number of results, less 1"),
            lookup: like(&rom.lookup, "0, or number of the table"),
            level: level_wire(program, "Level of the results"),
            to_router: like(&rom.to_router, "The results are scores"),
        }
    }
}

impl Logic for DrainHead {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let valid = self.valid.val().any() && self.resetn.val().any();
            let routes = self.routes.first().is_some_and(|routes| routes.val().any());
            self.to_memory.next = (valid && !routes && !self.goes_out.val().any()).into();
            self.to_router.iter_mut().for_each(|wire| wire.next = (valid && routes).into());
            self.to_output.next = (valid && self.goes_out.val().any()).into();
            self.result_address.next = self.address.val();
            self.shift.next = self.shift_in.val();
            self.rectify.next = self.rectify_in.val();
            self.narrow.next = self.narrow_in.val();
            self.parity.next = self.buffer.val();
            for (i, count) in self.count.iter_mut().enumerate() {
                let ends_block = self.ends_block.val().any();
                count.next = if ends_block { self.last_count[i].val() } else { self.per_clock[i].val() };
            }
            for (lookup, input) in self.lookup.iter_mut().zip(&self.lookup_in) {
                lookup.next = input.val();
            }
            for (level, input) in self.level.iter_mut().zip(&self.level_in) {
                level.next = input.val();
            }
        }
    }

    fn connect(&mut self) {
        self.to_memory.connect();
        self.to_output.connect();
        self.result_address.connect();
        self.shift.connect();
        self.rectify.connect();
        self.narrow.connect();
        self.parity.connect();
        self.count.iter_mut().for_each(|wire| wire.connect());
        self.lookup.iter_mut().for_each(|wire| wire.connect());
        self.level.iter_mut().for_each(|wire| wire.connect());
        self.to_router.iter_mut().for_each(|wire| wire.connect());
    }

    fn hdl(&self) -> Verilog {
        let mut optional = String::new();
        if !self.count.is_empty() {
            optional += "    count_0        <= ends_block ? last_count_0 : per_clock_0;\n";
        }
        if !self.lookup.is_empty() {
            optional += "    lookup_0       <= lookup_in_0;\n";
        }
        if !self.level.is_empty() {
            optional += "    level_0        <= level_in_0;\n";
        }
        let mut not_routed = "";
        if !self.to_router.is_empty() {
            optional += "    to_router_0    <= resetn & valid & routes_0;\n";
            not_routed = " & ~routes_0";
        }
        let unused = if self.count.is_empty() { "wire unused = ends_block;\n\n" } else { "" };
        Verilog::Custom(format!(
            "\
{unused}always @(posedge clock) begin
    to_memory      <= resetn & valid & ~goes_out{not_routed};
    to_output      <= resetn & valid & goes_out;
    result_address <= address;
    shift          <= shift_in;
    rectify        <= rectify_in;
    narrow         <= narrow_in;
    parity         <= buffer;
{optional}end"
        ))
    }
}
