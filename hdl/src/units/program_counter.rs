//! The program counter: the number of the instruction, and the buffers of the frame that it works on.
//!
//! Instructions follow each other; after the last one comes the first, with the other of two buffers. A program that can
//! take frames in pairs forks: after the instruction that `forks_0` marks, it goes on at another place if `joins_0` says that a
//! second frame joins the first. Instructions with `second_0` then work on the second frame, which is in the other buffer.
//!
//! A program of several quality levels has an entry for each. Until `begins_0` says that the frame's first instruction has begun,
//! the counter stands at the entry of the level `quality_0`; then that level is the frame's. Reset leads to the highest level
//! whatever `quality_0` is, which may come from a register that is reset in the same clock.
//!
//! ```text
//!                     +---------+
//!     clock, resetn ->|         |
//!            finish ->| program |-/-> rom_address
//!      ends_program ->| counter |---> parity
//! forks_0, second_0 ->|         |
//!           joins_0 ->|         |-/-> level_0, waits_0
//!         quality_0 -/>|         |
//!          begins_0 ->|         |
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
    let counter = ProgramCounter::new(program.all_instructions().count(), pair);
    match program.levels() {
        1 => counter,
        levels => counter.with_entries((0..levels).map(|level| program.entry(level) as u64).collect()),
    }
}

/// The wire with the quality level of a frame; none in units with one level.
pub(super) fn level_wire<D: Direction>(program: &Program, comment: &str) -> Vec<Wire<D>> {
    let levels = program.levels();
    (levels > 1).then(|| Wire::new(address_bits(levels), comment)).into_iter().collect()
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
    /// The level of a frame that begins, the lowest being 0; one wire, or none if there is one level, as the next.
    pub quality: Vec<Wire<In>>,
    /// The first instruction of the frame begins, or any after it.
    pub begins: Vec<Wire<In>>,
    /// Number of the instruction of the next clock.
    pub rom_address: Wire<Out>,
    /// Which of the buffers the instruction works on.
    pub parity: Wire<Out>,
    /// The level of the frame; one wire, or none if there is one level, as the next.
    pub level: Vec<Wire<Out>>,
    /// The first instruction of the frame has not begun.
    pub waits: Vec<Wire<Out>>,
    /// Of every level.
    _entries: Vec<u64>,
    _level: u64,
    _waits: bool,
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
            quality: vec![],
            begins: vec![],
            rom_address: Wire::new(address_bits(instructions), "Instruction of the next clock"),
            parity: Wire::new(1, "Which of the buffers the instruction works on"),
            level: vec![],
            waits: vec![],
            _entries: vec![0],
            _level: 0,
            _waits: true,
            _pair: pair.map(|first| first as u64),
            _instruction: 0,
            _buffer: false,
        }
    }

    /// The same counter for several levels, lowest first, which begin with these instructions.
    pub fn with_entries(self, entries: Vec<u64>) -> Self {
        let bits = address_bits(entries.len());
        Self {
            quality: vec![Wire::new(bits, "Level of a frame that begins; too high a number is the highest")],
            begins: vec![Wire::new(1, "The first instruction of the frame begins, or any after it")],
            level: vec![Wire::new(bits, "Level of the frame")],
            waits: vec![Wire::new(1, "The first instruction of the frame has not begun")],
            _entries: entries,
            ..self
        }
    }

    /// The level that a frame would have if it began now.
    fn chosen(&self) -> usize {
        self.quality.first().map_or(0, |quality| quality.val().index()).min(self.highest())
    }

    fn highest(&self) -> usize {
        self._entries.len() - 1
    }

    /// Whether the counter stands at the entry of `quality` in the next clock, unless it is reset.
    fn follows(&self) -> bool {
        let ends_frame = self.finish.val().any() && self.ends_program.val().any();
        let stays = self._waits && !Self::is_set(&self.begins) && self._entries.len() > 1;
        ends_frame || stays
    }

    fn is_set(wires: &[Wire<In>]) -> bool {
        wires.first().is_some_and(|wire| wire.val().any())
    }

    fn next_instruction(&self) -> u64 {
        match self._pair {
            _ if !self.resetn.val().any() => self._entries[self.highest()],
            _ if self.follows() => self._entries[self.chosen()],
            _ if !self.finish.val().any() => self._instruction,
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
            if !self.resetn.val().any() {
                self._level = self.highest() as u64;
            } else if self.follows() {
                self._level = self.chosen() as u64;
            }
            let begins = Self::is_set(&self.begins);
            self._waits = !self.resetn.val().any() || ends_frame || self._waits && !begins;
        }
        self.level.iter_mut().for_each(|level| level.next = Value::from(self._level));
        self.waits.iter_mut().for_each(|waits| waits.next = self._waits.into());
        self.rom_address.next = Value::from(self.next_instruction());
        self.parity.next = (self._buffer ^ Self::is_set(&self.second)).into();
    }

    fn connect(&mut self) {
        self.rom_address.connect();
        self.parity.connect();
        self.level.iter_mut().for_each(|wire| wire.connect());
        self.waits.iter_mut().for_each(|wire| wire.connect());
    }

    fn hdl(&self) -> Verilog {
        let width = self.rom_address.width();
        let (mut fork, mut toggle, mut parity) = (String::new(), "ends_frame", "this_buffer");
        if let Some(pair) = self._pair {
            fork = format!("                     finish && forks_0 && joins_0 ? {width}'d{pair} :\n");
            // A pair ends with its second frame, and in the buffer in which it began.
            (toggle, parity) = ("ends_frame && !second_0", "this_buffer ^ second_0");
        }
        let (mut levels, mut registers) = (String::new(), String::new());
        let mut begin = format!("!resetn || ends_frame ? {width}'d0 :");
        if self._entries.len() > 1 {
            levels = self.level_wires();
            registers = self.level_registers();
            // The level may come from a register that is reset in this clock, too.
            begin = format!(
                "!resetn ? {width}'d{} :\n                     follows ? entry :",
                self._entries[self.highest()]
            );
        }
        Verilog::Custom(format!(
            "\
reg [{high}:0] instruction;
reg this_buffer;

wire ends_frame = finish && ends_program;
{levels}
// One clock of reset is enough: the first instruction is read in it.
assign rom_address = {begin}
{fork}                     finish ? instruction + {width}'d1 : instruction;
assign parity      = {parity};

always @(posedge clock) begin
    instruction <= rom_address;
{registers}    if (!resetn) begin
        this_buffer <= 1'b0;
    end else if ({toggle}) begin
        this_buffer <= !this_buffer;
    end
end",
            high = width - 1,
        ))
    }
}

impl ProgramCounter {
    /// What chooses and keeps the level.
    fn level_registers(&self) -> String {
        format!(
            "    if (!resetn) begin
        this_level <= {}'d{};
    end else if (follows) begin
        this_level <= chosen;
    end
    if (!resetn || ends_frame) begin
        at_entry <= 1'b1;
    end else if (begins_0) begin
        at_entry <= 1'b0;
    end
",
            address_bits(self._entries.len()),
            self.highest()
        )
    }

    /// Declarations of a counter with several levels.
    fn level_wires(&self) -> String {
        let (width, bits) = (self.rom_address.width(), address_bits(self._entries.len()));
        let highest = self.highest();
        let entries: String = self._entries[..highest]
            .iter()
            .enumerate()
            .map(|(level, entry)| format!("quality_0 == {bits}'d{level} ? {width}'d{entry} :\n             "))
            .collect();
        let chosen = match highest + 1 == 1 << bits {
            true => "quality_0".to_owned(),
            false => format!("quality_0 < {bits}'d{highest} ? quality_0 : {bits}'d{highest}"),
        };
        format!(
            "
// Until the frame begins, the program follows the level that is asked for.
reg at_entry;
reg [{high}:0] this_level;
wire follows = ends_frame || (at_entry && !begins_0);
wire [{high}:0] chosen = {chosen};
wire [{address_high}:0] entry =
             {entries}{width}'d{last};

assign level_0     = this_level;
assign waits_0     = at_entry;
",
            high = bits - 1,
            address_high = width - 1,
            last = self._entries[highest],
        )
    }
}
