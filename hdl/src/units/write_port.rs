//! The write registers of the lanes' memory and of the output buffer.
//!
//! Results of the layers and words of the input frame share the write port of the lanes' memory; results go first, and
//! the input waits (`blocked`).
//!
//! ```text
//!                  +------------+
//!  clock, resetn ->|            |--> blocked
//!      to_memory ->|            |
//!      to_output ->| write_port |--> memory_enable, memory_address, memory_data
//!  result_* ----/->|            |
//!  input_* -----/->|            |--> output_enable, output_address, output_data
//!                  +------------+
//! ```
//!
//! Timing: one clock.

use super::extend::sign_extended;
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct WritePort {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub resetn: Wire<In>,
    /// The result goes to the lanes' memory.
    pub to_memory: Wire<In>,
    /// The result goes to the output buffer.
    pub to_output: Wire<In>,
    /// Which output buffer.
    pub parity: Wire<In>,
    /// Address of the result.
    pub result_address: Wire<In>,
    /// The result.
    pub result: Wire<In>,
    /// An input word is there.
    pub input_valid: Wire<In>,
    /// Address of the input word.
    pub input_address: Wire<In>,
    /// The input word.
    pub word: Wire<In>,
    /// The input has to wait.
    pub blocked: Wire<Out>,
    /// Writes the lanes' memory.
    pub memory_enable: Wire<Out>,
    /// Where to.
    pub memory_address: Wire<Out>,
    /// The word.
    pub memory_data: Wire<Out>,
    /// Writes the output buffer.
    pub output_enable: Wire<Out>,
    /// Where to.
    pub output_address: Wire<Out>,
    /// The word.
    pub output_data: Wire<Out>,
}

/// The widths of the write port.
#[derive(Clone, Copy, Debug)]
pub struct WriteShape {
    /// Bits of a result address: the wider of the two below.
    pub result_address: u32,
    /// Bits of an address of the lanes' memory.
    pub memory_address: u32,
    /// Bits of an address in one output buffer.
    pub output_address: u32,
    /// Bits of a word in memory.
    pub word: u32,
    /// Bits of an input word.
    pub input: u32,
    /// Bits of an output word.
    pub output: u32,
}

impl WritePort {
    /// A write port of the given widths.
    pub fn new(shape: WriteShape) -> Self {
        Self {
            info: ModuleInfo::new("write_port", "write registers of the memory and of the output buffer")
                .latency("1 clock."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            to_memory: Wire::new(1, "The result goes to the lanes' memory"),
            to_output: Wire::new(1, "The result goes to the output buffer"),
            parity: Wire::new(1, "Which output buffer"),
            result_address: Wire::new(shape.result_address, "Address of the result"),
            result: Wire::new(shape.word, "The result").signed(),
            input_valid: Wire::new(1, "An input word is there"),
            input_address: Wire::new(shape.memory_address, "Address of the input word"),
            word: Wire::new(shape.input, "The input word").signed(),
            blocked: Wire::new(1, "The input has to wait in this clock"),
            memory_enable: Wire::new(1, "Writes the lanes' memory"),
            memory_address: Wire::new(shape.memory_address, "Where to"),
            memory_data: Wire::new(shape.word, "The word").signed(),
            output_enable: Wire::new(1, "Writes the output buffer"),
            output_address: Wire::new(shape.output_address + 1, "Where to; the top bit is the buffer"),
            output_data: Wire::new(shape.output, "The word").signed(),
        }
    }
}

impl Logic for WritePort {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let resetn = self.resetn.val().any();
            let to_memory = self.to_memory.val().any();
            self.memory_enable.next = (resetn && (to_memory || self.input_valid.val().any())).into();
            self.memory_address.next =
                if to_memory { self.result_address.val() } else { self.input_address.val() };
            self.memory_data.next =
                Value::signed(if to_memory { self.result.val() } else { self.word.val() }.as_i64());
            self.output_enable.next = (resetn && self.to_output.val().any()).into();
            let bits = self.output_address.width() - 1;
            let low = self.result_address.val().as_u64() & ((1 << bits) - 1);
            self.output_address.next = Value::from(self.parity.val().as_u64() << bits | low);
            self.output_data.next = self.result.val();
        }
        self.blocked.next = self.to_memory.val();
    }

    fn connect(&mut self) {
        self.blocked.connect();
        self.memory_enable.connect();
        self.memory_address.connect();
        self.memory_data.connect();
        self.output_enable.connect();
        self.output_address.connect();
        self.output_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let (word, input, output) = (self.result.width(), self.word.width(), self.output_data.width());
        let address = self.result_address.width();
        let low = |bits: u32| if bits == address { String::new() } else { format!("[{}:0]", bits - 1) };
        let extended = sign_extended("word", input, word);
        let cut = if output == word { String::new() } else { format!("[{}:0]", output - 1) };
        Verilog::Custom(format!(
            "\
assign blocked = to_memory;

always @(posedge clock) begin
    memory_enable  <= resetn & (to_memory | input_valid);
    memory_address <= to_memory ? result_address{memory} : input_address;
    memory_data    <= to_memory ? result : {extended};

    output_enable  <= resetn & to_output;
    output_address <= {{parity, result_address{buffer}}};
    output_data    <= result{cut};
end",
            memory = low(self.memory_address.width()),
            buffer = low(self.output_address.width() - 1),
        ))
    }
}
