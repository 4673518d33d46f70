//! Memory with one write port and one synchronous read port.
//!
//! A word that is read in the cycle in which it is written reads as what it was before (read-old). Few block RAMs do that
//! between two ports, so that synthesis adds about 2 flip-flops and 2 look-up tables per bit; where the surroundings
//! never use such a word, [`Ram::without_collisions`] saves them, and a word that is used all the same is wrong in
//! simulation, too. All words are 0 at the start, so that simulators with four states read no unknowns. The depth need
//! not be a power of two; beyond it, writes are lost and words read as 0 in the Rust simulation and as anything in
//! hardware, so addresses must stay below the depth. For constant contents there is [`Rom`](super::Rom).
//!
//! ```text
//!                     +-------+
//!          clock ---->|       |
//!   write_enable ---->|       |
//!  write_address -/-->|  ram  |
//!     write_data -/-->|       |
//!   read_address -/-->|       |-/--> read_data
//!                     +-------+
//! ```
//!
//! Timing: one cycle from `read_address` to `read_data`; a word can be read from the cycle after its write on.
//!
//! ```text
//!                 __    __    __    __
//! clock        __|  |__|  |__|  |__|  |__
//! write        X 5=a X     X     X
//! read_address X 5   X 5   X     X
//! read_data    X     X old X a   X
//! ```
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::{MemoryStyle, Ram};
//!
//! let mut ram = Ram::new(16, 100, MemoryStyle::Block);
//! ram.connect_all();
//! ram.write_enable.next = true.into();
//! ram.write_address.next = 42.into();
//! ram.write_data.next = 1234.into();
//! ram.read_address.next = 42.into();
//! for expected in [0, 1234] {
//!     for clk in [false, true] {
//!         ram.clock.next = Clock { clk };
//!         assert!(simulate(&mut ram, 10));
//!     }
//!     assert_eq!(ram.read_data.val(), expected);
//! }
//! ```

use rust_hdl_core::prelude::*;

use super::{MemoryStyle, rom::enabled};
use crate::{ModuleInfo, Value, Wire, address_bits};

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Ram {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Writes in this cycle.
    pub write_enable: Wire<In>,
    /// Index of the word to write.
    pub write_address: Wire<In>,
    /// The word to write.
    pub write_data: Wire<In>,
    /// Index of the word to read.
    pub read_address: Wire<In>,
    /// Reads in this cycle; one wire, or none if every cycle reads.
    pub read_enable: Vec<Wire<In>>,
    /// The word, one cycle later.
    pub read_data: Wire<Out>,
    _memory: Vec<u64>,
    _style: MemoryStyle,
    _collides: bool,
}

impl Ram {
    /// A memory of `depth` words (at least 1) of `width` bits (1 to 64), all 0.
    pub fn new(width: u32, depth: usize, style: MemoryStyle) -> Self {
        let depth = depth.max(1);
        Self {
            info: Self::describe(
                width,
                depth,
                "A word that is read while it is written reads as it was before.",
            ),
            clock: Default::default(),
            write_enable: Wire::new(1, "Writes in this cycle"),
            write_address: Wire::new(address_bits(depth), "Index of the word to write"),
            write_data: Wire::new(width, "The word to write"),
            read_address: Wire::new(address_bits(depth), "Index of the word to read"),
            read_enable: vec![],
            read_data: Wire::new(width, "The word, one cycle later"),
            _memory: vec![0; depth],
            _style: style,
            _collides: true,
        }
    }

    /// The same memory for surroundings that never use a word read in the cycle in which it is written.
    pub fn without_collisions(mut self) -> Self {
        self._collides = false;
        let note = "A word that is read while it is written is undefined.";
        self.info = Self::describe(self.width(), self.depth(), note);
        self
    }

    /// The same memory with a `read_enable_0`: without it, `read_data` stays.
    pub fn with_read_enable(mut self) -> Self {
        self.read_enable = vec![Wire::new(1, "Reads in this cycle")];
        self
    }

    fn describe(width: u32, depth: usize, collisions: &str) -> ModuleInfo {
        ModuleInfo::new("ram", format!("{depth} words of {width} bits, one write and one read port"))
            .prose(format!("{collisions} All words are 0 at the start."))
            .latency("1 cycle from `read_address` to `read_data`.")
            .limits("an address beyond the last word reads as anything.")
    }

    /// The number of words.
    pub fn depth(&self) -> usize {
        self._memory.len()
    }

    /// The width of a word in bits.
    pub fn width(&self) -> u32 {
        self.read_data.width()
    }
}

impl Logic for Ram {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            // The read comes first: it sees the word before the write.
            let word = self._memory.get(self.read_address.val().index());
            let word = word.copied().unwrap_or(0);
            let collides =
                self.write_enable.val().any() && self.write_address.val() == self.read_address.val();
            // Undefined words are inverted: certainly wrong, and the same in every run.
            let word = if collides && !self._collides { !word } else { word };
            if self.read_enable.iter().all(|enable| enable.val().any()) {
                self.read_data.next = Value::new(self.width(), word);
            }
            if self.write_enable.val().any()
                && let Some(word) = self._memory.get_mut(self.write_address.val().index())
            {
                *word = self.write_data.val().as_u64();
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let style = self._style.attribute("ram");
        let width = self.width();
        let depth = self.depth();
        let (high, last) = (width - 1, depth - 1);
        let indent = if self.read_enable.is_empty() { "" } else { "    " };
        let (check, undefined) = if self._collides {
            ("", String::new())
        } else {
            // Not x: an operand that a zero weight cancels would poison the sum in simulators with four states.
            let undefined = format!(
                "
`ifndef SYNTHESIS
{indent}    if (write_enable && write_address == read_address) begin
{indent}        read_data <= ~memory[read_address];
{indent}    end
`endif"
            );
            ("(* no_rw_check *) ", undefined)
        };
        Verilog::Custom(format!(
            "\
{check}{style}reg [{high}:0] memory [0:{last}];

integer index;
initial begin
    for (index = 0; index < {depth}; index = index + 1) begin
        memory[index] = {{{width}{{1'b0}}}};
    end
end

always @(posedge clock) begin
    if (write_enable) begin
        memory[write_address] <= write_data;
    end
    {read}
end",
            read = enabled(&self.read_enable, &format!("read_data <= memory[read_address];{undefined}")),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn tick(ram: &mut Ram) {
        for clk in [false, true] {
            ram.clock.next = Clock { clk };
            assert!(simulate(ram, 10));
        }
    }

    #[test]
    fn reads_what_was_there_before_the_write() {
        compare(Ram::new(12, 5, MemoryStyle::Auto), |old| old);
    }

    #[test]
    fn spoils_what_is_read_while_it_is_written() {
        compare(Ram::new(12, 5, MemoryStyle::Auto).without_collisions(), |old| !old & 0xfff);
    }

    /// Random accesses against an array; `collision` says what a word reads as while it is written.
    fn compare(mut ram: Ram, collision: fn(u64) -> u64) {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        ram.connect_all();
        let mut model = [0u64; 5];
        for _ in 0..2000 {
            let (write, from, to): (bool, usize, usize) =
                (random.random(), random.random_range(0..5), random.random_range(0..5));
            let data = random.random_range(0..1 << 12);
            ram.write_enable.next = write.into();
            ram.write_address.next = Value::from(to as u64);
            ram.write_data.next = Value::from(data);
            ram.read_address.next = Value::from(from as u64);
            let old = model[from];
            let expected = if write && from == to { collision(old) } else { old };
            if write {
                model[to] = data;
            }
            tick(&mut ram);
            assert_eq!(ram.read_data.val(), expected);
        }
    }
}
