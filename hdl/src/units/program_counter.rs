//! The program counter: the number of the instruction, and the buffers of the frame that it works on.
//!
//! Instructions follow each other; after the last one comes the first, with the other of two buffers. A program that can
//! take frames in pairs forks: after the instruction that `forks_0` marks, it goes on at another place if `joins_0` says that a
//! second frame joins the first. Instructions with `second_0` then work on the second frame, which is in the other buffer.
//!
//! ```text
//!                     +---------+
//!     clock, resetn ->|         |
//!            finish ->| program |-/-> rom_address
//!      ends_program ->| counter |---> parity
//! forks_0, second_0 ->|         |
//!           joins_0 ->|         |
//!                     +---------+
//! ```
//!
//! Timing: `rom_address` is the instruction of the next clock, for a ROM with a registered output; `finish` and the fields of the
//! instruction are looked at in the same clock. `parity` belongs to the instruction of this clock.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::program_counter::ProgramCounter;
//!
//! // Two instructions of one clock each; frames take turns in two buffers.
//! let mut counter = ProgramCounter::new(2, None);
//! counter.connect_all();
//! counter.finish.next = true.into();
//! let mut instruction = 0;
//! let seen: Vec<(u64, u64)> = (0..6)
//!     .map(|clock| {
//!         counter.resetn.next = (clock > 0).into();
//!         counter.ends_program.next = (instruction == 1).into();
//!         counter.clock.next = Clock { clk: false };
//!         assert!(simulate(&mut counter, 10));
//!         let here = (instruction, counter.parity.val().as_u64());
//!         instruction = counter.rom_address.val().as_u64();
//!         counter.clock.next = Clock { clk: true };
//!         assert!(simulate(&mut counter, 10));
//!         here
//!     })
//!     .collect();
//! assert_eq!(seen[1..], [(0, 0), (1, 0), (0, 1), (1, 1), (0, 0)]);
//! ```

use emeuro_compiler::Program;

use crate::prelude::*;

/// The counter for `program`.
pub(super) fn program_counter(program: &Program) -> ProgramCounter {
    let pair = (!program.paired.is_empty()).then_some(program.instructions.len());
    ProgramCounter::new(program.all_instructions().count(), pair)
}

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct ProgramCounter {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// The instruction ends.
    pub finish: Wire<In>,
    /// It is the last one.
    pub ends_program: Wire<In>,
    /// A second frame may join after it; one wire, or none if there are no pairs, as the two below.
    pub forks: Vec<Wire<In>>,
    /// It works on the second frame of a pair.
    pub second: Vec<Wire<In>>,
    /// A second frame joins.
    pub joins: Vec<Wire<In>>,
    /// Number of the instruction of the next clock.
    pub rom_address: Wire<Out>,
    /// Which of the buffers the instruction works on.
    pub parity: Wire<Out>,
    _pair: Option<u64>,
    _instruction: u64,
    _buffer: bool,
}

impl ProgramCounter {
    /// A counter for `instructions` instructions, those from `pair` on for what is left of two frames.
    pub fn new(instructions: usize, pair: Option<usize>) -> Self {
        let only_with_pairs = |comment: &str| pair.map(|_| Wire::new(1, comment)).into_iter().collect();
        Self {
            info: ModuleInfo::new("program_counter", format!("number of one of {instructions} instructions"))
                .latency("none; `rom_address` is that of the next clock."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            finish: Wire::new(1, "The instruction ends"),
            ends_program: Wire::new(1, "It is the last one"),
            forks: only_with_pairs("A second frame may join after it"),
            second: only_with_pairs("It works on the second frame of a pair"),
            joins: only_with_pairs("A second frame joins"),
            rom_address: Wire::new(address_bits(instructions), "Instruction of the next clock"),
            parity: Wire::new(1, "Which of the buffers the instruction works on"),
            _pair: pair.map(|first| first as u64),
            _instruction: 0,
            _buffer: false,
        }
    }

    fn is_set(wires: &[Wire<In>]) -> bool {
        wires.first().is_some_and(|wire| wire.val().any())
    }

    fn next_instruction(&self) -> u64 {
        match self._pair {
            _ if !self.resetn.val().any() => 0,
            _ if !self.finish.val().any() => self._instruction,
            _ if self.ends_program.val().any() => 0,
            Some(pair) if Self::is_set(&self.forks) && Self::is_set(&self.joins) => pair,
            _ => self._instruction + 1,
        }
    }
}

impl Logic for ProgramCounter {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let ends_frame = self.finish.val().any() && self.ends_program.val().any();
            // A pair ends with its second frame, and in the buffer in which it began.
            let toggles = ends_frame && !Self::is_set(&self.second);
            self._buffer = self.resetn.val().any() && self._buffer ^ toggles;
            self._instruction = self.next_instruction();
        }
        self.rom_address.next = Value::from(self.next_instruction());
        self.parity.next = (self._buffer ^ Self::is_set(&self.second)).into();
    }

    fn connect(&mut self) {
        self.rom_address.connect();
        self.parity.connect();
    }

    fn hdl(&self) -> Verilog {
        let width = self.rom_address.width();
        let (mut fork, mut toggle, mut parity) = (String::new(), "ends_frame", "this_buffer");
        if let Some(pair) = self._pair {
            fork = format!("                     finish && forks_0 && joins_0 ? {width}'d{pair} :\n");
            // A pair ends with its second frame, and in the buffer in which it began.
            (toggle, parity) = ("ends_frame && !second_0", "this_buffer ^ second_0");
        }
        Verilog::Custom(format!(
            "\
reg [{high}:0] instruction;
reg this_buffer;

wire ends_frame = finish && ends_program;

// One clock of reset is enough: the first instruction is read in it.
assign rom_address = !resetn || ends_frame ? {width}'d0 :
{fork}                     finish ? instruction + {width}'d1 : instruction;
assign parity      = {parity};

always @(posedge clock) begin
    instruction <= rom_address;
    if (!resetn) begin
        this_buffer <= 1'b0;
    end else if ({toggle}) begin
        this_buffer <= !this_buffer;
    end
end",
            high = width - 1,
        ))
    }
}
