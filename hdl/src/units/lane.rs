//! One lane: a copy of the working memory, a weight memory and a multiply-accumulate datapath.
//!
//! Every lane keeps its own copy of all vectors and reads it at its own address, so no operand has to be multiplexed
//! between lanes: any offset and stride is just an address. Writes go to all lanes at once.
//!
//! ```text
//!                  +------------------------------------------+
//! operand_address -/-> operand_address -> memory --\           |
//! pattern ---------/------^                ^        +-> mac ---+-/-> sum
//! write_* ---------/-----------------------+       /           |
//! weight_address --/-------------> weights -------/            |
//!                  +------------------------------------------+
//! ```
//!
//! Timing, from the clock of `operand_address` and `weight_address`: `use_held_0` two clocks later; `enable`, `first` and `keep_largest_0`
//! four;
//! the sum holds the product after five.

use super::{
    MemoryStyle, Ram, Rom,
    mac::{Mac, MacShape, keep_largest_wire},
    multiplier::use_held_wire,
    operand_address::{OperandAddress, offset_parameters},
};
use crate::prelude::*;

/// Whatever memory the weights are in.
const LATENCY: &str = "after the addresses: `enable` and `first` 4 clocks, `sum` 5 clocks.";

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Lane {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file with the weights.
    pub weight_file: TextParameter,
    /// Offset per pattern.
    pub offset: Vec<NumberParameter>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Common operand address.
    pub operand_address: Wire<In>,
    /// Selects the lane's offset.
    pub pattern: Wire<In>,
    /// Writes words to memory, one bit per word of a row.
    pub write_enable: Wire<In>,
    /// Which row.
    pub write_address: Wire<In>,
    /// The words.
    pub write_data: Vec<Wire<In>>,
    /// Address of the weight.
    pub weight_address: Wire<In>,
    /// Writes a weight; one wire, or none if the weights are in a ROM, as the two below.
    pub store: Vec<Wire<In>>,
    /// Where to.
    pub store_address: Vec<Wire<In>>,
    /// The weight.
    pub store_data: Vec<Wire<In>>,
    /// Adds the product.
    pub enable: Wire<In>,
    /// Begins a new sum.
    pub first: Wire<In>,
    /// Multiplies with the operand of the clock before; one wire or none.
    pub use_held: Vec<Wire<In>>,
    /// Takes the product only if it is larger than the sum; one wire or none.
    pub keep_largest: Vec<Wire<In>>,
    /// The accumulator.
    pub sum: Wire<Out>,
    lane_address: OperandAddress,
    operands: Ram,
    weights: Rom,
    mac: Mac,
}

impl Lane {
    /// A lane with `memory_words` of memory (a power of two, so that wrapping addresses stay inside) in rows of `row` words,
    /// its `weights` from `weight_file`, and its `offsets`.
    pub fn new(
        shape: MacShape,
        memory_words: usize,
        row: usize,
        weights: Vec<u64>,
        weight_file: &str,
        offsets: &[u64],
    ) -> Self {
        let memory =
            Ram::new(shape.word, memory_words, MemoryStyle::Block).without_collisions().with_rows(row, 1);
        let memory = memory.with_output_register();
        let rom = Rom::new(shape.weight, weights, MemoryStyle::Block, weight_file).with_output_register();
        let address_width = memory.read_address.width();
        Self {
            info: ModuleInfo::new(
                "lane",
                "a copy of the memory, a weight ROM and a multiply-accumulate datapath",
            )
            .latency(LATENCY),
            weight_file: TextParameter::new(weight_file, "Hex file with the weights"),
            offset: offset_parameters(address_width, offsets),
            clock: Default::default(),
            operand_address: Wire::new(address_width, "Operand address of the first lane"),
            pattern: Wire::new(address_bits(offsets.len()), "Selects the offset of this lane"),
            write_enable: Wire::new(row as u32, "Writes words to memory, one bit per word of a row"),
            write_address: Wire::new(memory.write_address.width(), "Which row"),
            write_data: (0..row).map(|k| Wire::new(shape.word, format!("Word {k} of the row"))).collect(),
            weight_address: Wire::new(rom.address.width(), "Address of the weight"),
            store: vec![],
            store_address: vec![],
            store_data: vec![],
            enable: Wire::new(1, "Adds the product"),
            first: Wire::new(1, "Begins a new sum"),
            use_held: use_held_wire(shape),
            keep_largest: keep_largest_wire(shape),
            sum: Wire::new(shape.sum, "The accumulator").signed(),
            lane_address: OperandAddress::new(address_width, offsets),
            operands: memory,
            weights: rom,
            mac: Mac::new(shape),
        }
    }

    /// The same lane with weights that can be written: `store_0`, `store_address_0`, `store_data_0`.
    pub fn with_writable_weights(self) -> Self {
        let weights = self.weights.with_write_port();
        let info = ModuleInfo::new(
            "lane",
            "a copy of the memory, a weight memory and a multiply-accumulate datapath",
        )
        .latency(LATENCY);
        Self {
            info,
            store: vec![Wire::new(1, "Writes a weight")],
            store_address: vec![Wire::new(weights.address.width(), "Where to")],
            store_data: vec![Wire::new(weights.width(), "The weight").signed()],
            weights,
            ..self
        }
    }

    /// The text of the weights' hex file.
    pub fn weights_hex(&self) -> String {
        self.weights.hex()
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        self.operands.clock.next = self.clock.val();
        self.weights.clock.next = self.clock.val();
        self.mac.clock.next = self.clock.val();
        for i in 0..self.offset.len() {
            self.lane_address.offset[i].next = self.offset[i].val();
        }
        self.weights.init_file.next = self.weight_file.val();
        self.lane_address.common.next = self.operand_address.val();
        self.lane_address.pattern.next = self.pattern.val();
        self.operands.read_address.next = self.lane_address.address.val();
        self.operands.write_enable.next = self.write_enable.val();
        self.operands.write_address.next = self.write_address.val();
        for i in 0..self.write_data.len() {
            self.operands.write_data[i].next = self.write_data[i].val();
        }
        self.weights.address.next = self.weight_address.val();
        for i in 0..self.store.len() {
            self.weights.write_enable[i].next = self.store[i].val();
            self.weights.write_address[i].next = self.store_address[i].val();
            self.weights.write_data[i].next = self.store_data[i].val();
        }
        self.mac.operand.next = self.operands.read_data[0].val();
        self.mac.weight.next = self.weights.data.val();
        self.mac.enable.next = self.enable.val();
        self.mac.first.next = self.first.val();
        for i in 0..self.use_held.len() {
            self.mac.use_held[i].next = self.use_held[i].val();
        }
        for i in 0..self.keep_largest.len() {
            self.mac.keep_largest[i].next = self.keep_largest[i].val();
        }
        self.sum.next = self.mac.sum.val();
    }
}
