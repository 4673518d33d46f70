//! The drain sequencer: tells every result that leaves the reducer its bias, shift, function and address.
//!
//! It follows the same program as the issue sequencer, some clocks later, driven by nothing but `capture`: tiles arrive
//! in the order of the program. While a tile's results pass the head of the drain register, its addresses advance.
//!
//! ```text
//!                   +-------+
//! clock, resetn --->|       |---> valid, to_memory, to_output, parity
//!       capture --->| drain |-/-> bias_address, result_address
//!                   |       |-/-> shift, rectify, narrow, lookup_0, count_0
//!                   +-------+
//! ```
//!
//! Timing: all outputs but `bias_address` belong to the results that are at the heads in the same clock, the first one clock
//! after `capture`. `bias_address` is one clock ahead, so that the bias comes from its ROM together with the result.
//! Between the last result of an instruction and the first `capture` of the next lies at least one clock.

use emeuro_compiler::{DRAIN_LEVELS, Program};

use super::{
    address_generator::AddressGenerator, extend::zero_extended, loop_counters::LoopCounters,
    program_rom::DrainRom, write_port::count_wire,
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
    /// Which output buffer the frame uses.
    pub parity: Wire<Out>,
    /// How many results there are, less 1; one wire, or none if there is always one.
    pub count: Vec<Wire<Out>>,
    rom: DrainRom,
    control: DrainControl,
    counters: LoopCounters,
    biases: AddressGenerator,
    results: AddressGenerator,
}

impl Drain {
    /// The drain sequencer of `program`.
    pub fn new(program: &Program, result_width: u32, bias_width: u32, file: &str) -> Self {
        let rom = DrainRom::new(program, result_width, bias_width, file);
        let widths: Vec<u32> = rom.limit.iter().map(Wire::width).collect();
        Self {
            info: ModuleInfo::new("drain", "follows the program and tells results where they belong")
                .latency("1 clock from `capture` to the fields of the first result."),
            program_file: TextParameter::new(file, "Hex file with the instructions"),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            capture: Wire::new(1, "A tile's results are being captured"),
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
            control: DrainControl::new(&rom),
            counters: LoopCounters::new(&widths),
            biases: AddressGenerator::new(bias_width, DRAIN_LEVELS).with_next_address(),
            results: AddressGenerator::new(result_width, DRAIN_LEVELS),
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
        self.control.clock.next = self.clock.val();
        self.counters.clock.next = self.clock.val();
        self.biases.clock.next = self.clock.val();
        self.results.clock.next = self.clock.val();
        self.control.resetn.next = self.resetn.val();
        self.counters.resetn.next = self.resetn.val();
        self.rom.address.next = self.control.rom_address.val();
        self.control.capture.next = self.capture.val();
        self.control.clocks.next = self.rom.clocks.val();
        self.control.last_clocks.next = self.rom.last_clocks.val();
        for i in 0..self.count.len() {
            self.control.per_clock[i].next = self.rom.per_clock[i].val();
            self.control.last_count[i].next = self.rom.last_count[i].val();
            self.count[i].next = self.control.count[i].val();
        }
        self.control.ends_program.next = self.rom.ends_program.val();
        self.control.loop_level.next = self.counters.level.val();
        self.counters.advance.next = self.control.ends_tile.val();
        for i in 0..3 {
            self.counters.limit[i].next = self.rom.limit[i].val();
        }
        for i in 0..4 {
            self.biases.delta[i].next = self.rom.bias[i + 1].val();
            self.results.delta[i].next = self.rom.result[i + 1].val();
        }
        self.biases.load.next = self.control.load.val();
        self.biases.base.next = self.rom.bias[0].val();
        self.biases.advance.next = self.control.valid.val();
        self.biases.level.next = self.control.level.val();
        self.results.load.next = self.control.load.val();
        self.results.base.next = self.rom.result[0].val();
        self.results.advance.next = self.control.valid.val();
        self.results.level.next = self.control.level.val();
        for i in 0..self.lookup.len() {
            self.lookup[i].next = self.rom.lookup[i].val();
        }
        self.bias_address.next = self.biases.next_address[0].val();
        self.result_address.next = self.results.address.val();
        self.shift.next = self.rom.shift.val();
        self.rectify.next = self.rom.rectify.val();
        self.narrow.next = self.rom.narrow.val();
        self.to_memory.next = self.control.valid.val() & !self.rom.to_output.val();
        self.to_output.next = self.control.valid.val() & self.rom.to_output.val();
        self.parity.next = self.control.parity.val();
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
    clocks: Wire<In>,
    last_clocks: Wire<In>,
    /// One wire, or none if there is always one result per clock; so are the next and `count`.
    per_clock: Vec<Wire<In>>,
    last_count: Vec<Wire<In>>,
    ends_program: Wire<In>,
    loop_level: Wire<In>,
    rom_address: Wire<Out>,
    load: Wire<Out>,
    valid: Wire<Out>,
    level: Wire<Out>,
    ends_tile: Wire<Out>,
    parity: Wire<Out>,
    count: Vec<Wire<Out>>,
    _state: State,
}

#[derive(Clone, Copy, Debug)]
struct State {
    instruction: u64,
    /// The address generators take their bases until the first capture.
    fresh: bool,
    valid: bool,
    index: u64,
    parity: bool,
}

impl State {
    const RESET: Self = Self { instruction: 0, fresh: true, valid: false, index: 0, parity: false };
}

/// Loops above the results of a tile.
const LOOPS: usize = DRAIN_LEVELS - 1;

impl DrainControl {
    fn new(rom: &DrainRom) -> Self {
        Self {
            info: ModuleInfo::new("drain_control", "state machine of the drain sequencer")
                .latency("all outputs belong to the clock of the state that they follow from."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            capture: Wire::new(1, "A tile's results are being captured"),
            clocks: Wire::new(rom.clocks.width(), "Clocks of a tile's results, less 1"),
            last_clocks: Wire::new(rom.clocks.width(), "Clocks of the last tile of a block, less 1"),
            per_clock: like(&rom.per_clock, "Results of a clock, less 1"),
            last_count: like(&rom.last_count, "Results of the last clock of a block, less 1"),
            ends_program: Wire::new(1, "The last instruction"),
            loop_level: Wire::new(address_bits(LOOPS + 1), "Loop that advances after the tile"),
            rom_address: Wire::new(rom.address.width(), "Instruction of the next clock"),
            load: Wire::new(1, "The address generators take their bases"),
            valid: Wire::new(1, "A result is at the head"),
            level: Wire::new(address_bits(DRAIN_LEVELS + 1), "Level that advances after the result"),
            ends_tile: Wire::new(1, "It is the last result of its tile"),
            parity: Wire::new(1, "Which output buffer the frame uses"),
            count: like(&rom.per_clock, "Number of results, less 1"),
            _state: State::RESET,
        }
    }

    fn ends_tile(&self) -> bool {
        let last = if self.loop_level.val().any() { &self.last_clocks } else { &self.clocks };
        self._state.valid && self._state.index == last.val().as_u64()
    }

    fn ends_instruction(&self) -> bool {
        self.ends_tile() && self.loop_level.val().index() == LOOPS
    }

    fn next_instruction(&self) -> u64 {
        match self.ends_instruction() {
            _ if !self.resetn.val().any() => 0,
            true if self.ends_program.val().any() => 0,
            true => self._state.instruction + 1,
            false => self._state.instruction,
        }
    }

    fn next_state(&self) -> State {
        let state = self._state;
        let capture = self.capture.val().any();
        State {
            instruction: self.next_instruction(),
            fresh: self.ends_instruction() || state.fresh && !capture,
            valid: capture || state.valid && !self.ends_tile(),
            index: if capture || !state.valid { 0 } else { state.index + 1 },
            parity: state.parity ^ (self.ends_instruction() && self.ends_program.val().any()),
        }
    }
}

impl Logic for DrainControl {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._state = if self.resetn.val().any() { self.next_state() } else { State::RESET };
        }
        self.rom_address.next = Value::from(self.next_instruction());
        self.load.next = self._state.fresh.into();
        self.valid.next = self._state.valid.into();
        let level = if self.ends_tile() { 1 + self.loop_level.val().as_u64() } else { 0 };
        self.level.next = Value::from(level);
        self.ends_tile.next = self.ends_tile().into();
        self.parity.next = self._state.parity.into();
        let ends_block = self.ends_tile() && self.loop_level.val().any();
        for (i, count) in self.count.iter_mut().enumerate() {
            count.next = if ends_block { self.last_count[i].val() } else { self.per_clock[i].val() };
        }
    }

    fn connect(&mut self) {
        self.count.iter_mut().for_each(|count| count.connect());
        self.rom_address.connect();
        self.load.connect();
        self.valid.connect();
        self.level.connect();
        self.ends_tile.connect();
        self.parity.connect();
    }

    fn hdl(&self) -> Verilog {
        let number = self.rom_address.width();
        let count = match self.count.is_empty() {
            true => String::new(),
            false => format!(
                "assign count_0     = ends_tile && loop_level != {}'d0 ? last_count_0 : per_clock_0;\n",
                self.loop_level.width()
            ),
        };
        let (index, loops, level) = (self.clocks.width(), self.loop_level.width(), self.level.width());
        Verilog::Custom(format!(
            "\
reg [{number_high}:0] instruction;
reg [{index_high}:0] index;
reg fresh;
reg at_head;
reg this_buffer;

wire [{index_high}:0] last = loop_level == {loops}'d0 ? clocks : last_clocks;
wire ends_instruction = ends_tile && loop_level == {loops}'d{levels};
wire ends_frame       = ends_instruction && ends_program;

assign ends_tile   = at_head && index == last;
// In reset the first instruction is read, so that one clock of reset is enough.
assign rom_address = ends_frame || !resetn ? {number}'d0 :
                     ends_instruction ? instruction + {number}'d1 : instruction;
assign load        = fresh;
assign valid       = at_head;
assign level       = ends_tile ? {loop_level} + {level}'d1 : {level}'d0;
assign parity      = this_buffer;
{count}
always @(posedge clock) begin
    if (!resetn) begin
        instruction <= {number}'d0;
        fresh       <= 1'b1;
        at_head     <= 1'b0;
        this_buffer <= 1'b0;
    end else begin
        instruction <= rom_address;
        fresh       <= ends_instruction || (fresh && !capture);
        at_head     <= capture || (at_head && !ends_tile);
        if (ends_frame) begin
            this_buffer <= !this_buffer;
        end
    end
    index <= capture || !at_head ? {index}'d0 : index + {index}'d1;
end",
            number_high = number - 1,
            index_high = index - 1,
            levels = LOOPS,
            loop_level = zero_extended("loop_level", loops, level),
        ))
    }
}
