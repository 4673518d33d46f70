//! Read-only memory with a synchronous read port, filled from a hex file; on request with a write port.
//!
//! The contents live in Rust, for simulation and for [`Rom::hex`]; the Verilog reads them with `$readmemh` from the file
//! that the parameter `INIT_FILE` names. (Contents inside the Verilog make synthesis quadratically slow.) ROMs of one
//! shape share one module, whatever they hold. The depth need not be a power of two; a word beyond it reads as 0 in the
//! Rust simulation and as anything in hardware, so an address must stay below the depth.
//!
//! [`Rom::with_write_port`] makes it a memory that begins with the file's contents and can be changed. A word that is read
//! in the cycle in which it is written is undefined (certainly wrong in simulation), as in block RAM.
//!
//! ```text
//!              +-------------------+
//!   clock ---->|                   |
//!              |  rom #(INIT_FILE) |
//! address -/-->|                   |-/--> data
//!              +-------------------+
//! ```
//!
//! Timing: one cycle from `address` to `data`, a new address every cycle.
//!
//! ```text
//!            __    __    __    __
//! clock   __|  |__|  |__|  |__|  |__
//! address  X a0  X a1  X a2  X
//! data     X     X m[a0]X m[a1]X m[a2]
//! ```
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::{MemoryStyle, Rom};
//!
//! let mut rom = Rom::new(8, vec![0x11, 0x22, 0x33], MemoryStyle::Block, "square.hex");
//! assert_eq!(rom.hex(), "11\n22\n33\n");
//!
//! rom.connect_all();
//! rom.address.next = 2.into();
//! for clk in [false, true] {
//!     rom.clock.next = Clock { clk };
//!     assert!(simulate(&mut rom, 10));
//! }
//! assert_eq!(rom.data.val(), 0x33);
//! ```

use rust_hdl_core::prelude::*;

use super::MemoryStyle;
use crate::value::mask;
use crate::{ModuleInfo, TextParameter, Value, Wire, address_bits};

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Rom {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file.
    pub init_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Index of the word to read.
    pub address: Wire<In>,
    /// Reads in this cycle; one wire, or none if every cycle reads.
    pub read_enable: Vec<Wire<In>>,
    /// The word, one cycle later.
    pub data: Wire<Out>,
    /// Writes in this cycle; one wire, or none if nothing can be written, as the two below.
    pub write_enable: Vec<Wire<In>>,
    /// Index of the word to write.
    pub write_address: Vec<Wire<In>>,
    /// The word to write.
    pub write_data: Vec<Wire<In>>,
    _contents: Vec<u64>,
    _style: MemoryStyle,
    /// The word before the output register, if there is one.
    _behind: Option<u64>,
}

impl Rom {
    /// A ROM with one word of `width` bits (1 to 64) for every element of `contents`, of which the low `width` bits
    /// count: signed words are cast with `as u64`. No contents are one word of 0.
    ///
    /// `init_file` is what the parameter `INIT_FILE` holds: the name of the file that [`hex`](Self::hex) goes into.
    pub fn new(width: u32, contents: Vec<u64>, style: MemoryStyle, init_file: impl Into<String>) -> Self {
        let mut contents: Vec<u64> = contents.into_iter().map(|word| word & mask(width)).collect();
        if contents.is_empty() {
            contents.push(0);
        }
        let mut rom = Self {
            info: ModuleInfo::new("rom", ""),
            init_file: TextParameter::new(init_file, "Hex file with the contents"),
            clock: Default::default(),
            address: Wire::new(address_bits(contents.len()), "Index of the word"),
            read_enable: vec![],
            data: Wire::new(width, "The word, one cycle later"),
            write_enable: vec![],
            write_address: vec![],
            write_data: vec![],
            _contents: contents,
            _style: style,
            _behind: None,
        };
        rom.describe();
        rom
    }

    /// The same ROM with a `read_enable_0`: without it, `data` stays.
    pub fn with_read_enable(mut self) -> Self {
        self.read_enable = vec![Wire::new(1, "Reads in this cycle")];
        self
    }

    /// The same ROM with a register behind it: `data` comes 2 cycles after `address`. Block RAM gives its words late in the
    /// clock; a register between it and what follows makes both faster. Not together with a read enable.
    pub fn with_output_register(mut self) -> Self {
        self._behind = Some(0);
        self.data = Wire::new(self.width(), "The word, two cycles later");
        self.describe();
        self
    }

    /// The same contents with a write port: `write_enable_0`, `write_address_0`, `write_data_0`.
    pub fn with_write_port(mut self) -> Self {
        let (depth, width) = (self.depth(), self.width());
        self.write_enable = vec![Wire::new(1, "Writes in this cycle")];
        self.write_address = vec![Wire::new(address_bits(depth), "Index of the word to write")];
        self.write_data = vec![Wire::new(width, "The word to write")];
        self.describe();
        self
    }

    fn describe(&mut self) {
        let (depth, width) = (self.depth(), self.width());
        let contents = "The contents come from a hex file with one word per line.";
        let (name, access, prose) = match self.write_enable.is_empty() {
            true => ("rom", "read-only", contents.to_owned()),
            false => {
                let note = "A word that is read while it is written is undefined.";
                ("loaded_ram", "one write and one read port", format!("{contents} {note}"))
            }
        };
        let (register, cycles) = match self._behind {
            None => ("", "1 cycle"),
            Some(_) => (", with an output register", "2 cycles"),
        };
        self.info = ModuleInfo::new(name, format!("{depth} words of {width} bits, {access}{register}"))
            .prose(prose)
            .latency(format!("{cycles} from `address` to `data`; a new address every cycle."))
            .limits("an address beyond the last word reads as anything.");
    }

    /// The number of words.
    pub fn depth(&self) -> usize {
        self._contents.len()
    }

    /// The width of a word in bits.
    pub fn width(&self) -> u32 {
        self.data.width()
    }

    /// The words that the hex file holds, or what was written over them in the Rust simulation; unsigned.
    pub fn contents(&self) -> &[u64] {
        &self._contents
    }

    /// The text of the hex file: one word per line, every digit written.
    pub fn hex(&self) -> String {
        hex(&self._contents, self.width())
    }
}

/// Words as `$readmemh` reads them: one per line, every digit of the width written.
pub fn hex(words: &[u64], width: u32) -> String {
    let digits = width.div_ceil(4) as usize;
    words.iter().map(|word| format!("{:0digits$x}\n", word & mask(width))).collect()
}

/// The Verilog that fills `memory` of `depth` words from the file `INIT_FILE`. The bounds make a short file an error.
pub(crate) fn initial_contents(depth: usize) -> String {
    format!(
        "\
// A tool that looks at this module alone finds no file name.
initial begin
    if (INIT_FILE != \"\") begin
        $readmemh(INIT_FILE, memory, 0, {});
    end
end",
        depth - 1
    )
}

/// A statement of a clocked block, under the read enable if there is one.
pub(crate) fn enabled(read_enable: &[Wire<In>], statement: &str) -> String {
    match read_enable {
        [] => statement.to_owned(),
        _ => format!("if (read_enable_0) begin\n        {statement}\n    end"),
    }
}

impl Rom {
    /// Where a word is written in this cycle, and the word.
    fn written(&self) -> Option<(usize, u64)> {
        let ports = self.write_enable.iter().zip(&self.write_address).zip(&self.write_data);
        let mut writes = ports.filter(|((enable, _), _)| enable.val().any());
        writes.next().map(|((_, address), data)| (address.val().index(), data.val().as_u64()))
    }
}

impl Logic for Rom {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let (written, address) = (self.written(), self.address.val().index());
        if self.read_enable.iter().all(|enable| enable.val().any()) {
            let word = self._contents.get(address).copied().unwrap_or(0);
            // Undefined words are inverted: certainly wrong, and the same in every run.
            let collides = written.is_some_and(|(target, _)| target == address);
            let word = if collides { !word } else { word };
            let word = self._behind.as_mut().map_or(word, |behind| std::mem::replace(behind, word));
            self.data.next = Value::new(self.width(), word);
        }
        if let Some((target, data)) = written
            && let Some(word) = self._contents.get_mut(target)
        {
            *word = data;
        }
    }

    fn connect(&mut self) {
        self.data.connect();
    }

    fn hdl(&self) -> Verilog {
        let is_writable = !self.write_enable.is_empty();
        let attribute = self._style.attribute(if is_writable { "ram" } else { "rom" });
        let (high, last) = (self.width() - 1, self.depth() - 1);
        let indent = if self.read_enable.is_empty() { "" } else { "    " };
        let (register, target, shift) = match self._behind {
            None => (String::new(), "data", ""),
            Some(_) => (format!("reg [{high}:0] word;\n"), "word", "\n    data <= word;"),
        };
        let (check, write, undefined) = match is_writable {
            false => ("", "", String::new()),
            true => (
                "(* no_rw_check *) ",
                "    if (write_enable_0) begin\n        memory[write_address_0] <= write_data_0;\n    end\n",
                format!(
                    "
`ifndef SYNTHESIS
{indent}    if (write_enable_0 && write_address_0 == address) begin
{indent}        {target} <= ~memory[address];
{indent}    end
`endif"
                ),
            ),
        };
        let read = format!("{target} <= memory[address];{undefined}{shift}");
        Verilog::Custom(format!(
            "\
{check}{attribute}reg [{high}:0] memory [0:{last}];
{register}
{contents}

always @(posedge clock) begin
{write}    {read}
end",
            contents = initial_contents(self.depth()),
            read = enabled(&self.read_enable, &read),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(rom: &mut Rom) {
        for clk in [false, true] {
            rom.clock.next = Clock { clk };
            assert!(simulate(rom, 10));
        }
    }

    #[test]
    fn reads_one_cycle_later() {
        let contents: Vec<u64> = (0..5).map(|index| index * 1000 + 7).collect();
        let mut rom = Rom::new(16, contents.clone(), MemoryStyle::Auto, "x.hex");
        rom.connect_all();
        rom.address.next = 0.into();
        tick(&mut rom);
        for index in 0..8 {
            let before = rom.data.val();
            rom.address.next = Value::from(index);
            assert!(simulate(&mut rom, 10));
            assert_eq!(rom.data.val(), before, "no change without a clock edge");
            tick(&mut rom);
            assert_eq!(rom.data.val(), contents.get(index as usize).copied().unwrap_or(0));
        }
    }

    #[test]
    fn cuts_words_to_the_width() {
        let rom = Rom::new(5, vec![-1i64 as u64, -16i64 as u64, 7], MemoryStyle::Auto, "x.hex");
        assert_eq!(rom.contents(), [31, 16, 7]);
        assert_eq!(rom.hex(), "1f\n10\n07\n");
        assert_eq!(Rom::new(64, vec![u64::MAX], MemoryStyle::Auto, "x.hex").hex(), "ffffffffffffffff\n");
        assert_eq!(Rom::new(1, vec![], MemoryStyle::Auto, "x.hex").hex(), "0\n");
    }
}
