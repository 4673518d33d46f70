//! Memory with one write port and one synchronous read port.
//!
//! Several words can form a row: a write puts any of a row's words into memory at once, a read takes one word of a row or
//! several that lie side by side. The memory then stays one block RAM with an enable per word; behind it, the words that are
//! read are selected.
//!
//! A word that is read in the cycle in which its row is written reads as what it was before (read-old). Few block RAMs do that
//! between two ports, so that synthesis adds about 2 flip-flops and 2 look-up tables per bit; where the surroundings
//! never use such a word, [`Ram::without_collisions`] saves them, and a word that is used all the same is wrong in
//! simulation, too. All words are 0 at the start, so that simulators with four states read no unknowns. The depth need
//! not be a power of two; beyond it, writes are lost and words read as 0 in the Rust simulation and as anything in
//! hardware, so addresses must stay below the depth. For constant contents there is [`Rom`](super::Rom).
//!
//! ```text
//!                     +-------+
//!          clock ---->|       |
//!   write_enable -/-->|       |
//!  write_address -/-->|  ram  |
//!   write_data_* -/-->|       |
//!   read_address -/-->|       |-/--> read_data_*
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
//! ram.write_data[0].next = 1234.into();
//! ram.read_address.next = 42.into();
//! for expected in [0, 1234] {
//!     for clk in [false, true] {
//!         ram.clock.next = Clock { clk };
//!         assert!(simulate(&mut ram, 10));
//!     }
//!     assert_eq!(ram.read_data[0].val(), expected);
//! }
//! ```

use rust_hdl_core::prelude::*;

use super::{MemoryStyle, extend::slice, rom::enabled};
use crate::{ModuleInfo, Value, Wire, address_bits};

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Ram {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Writes in this cycle, one bit per word of a row.
    pub write_enable: Wire<In>,
    /// Index of the row to write.
    pub write_address: Wire<In>,
    /// The words to write.
    pub write_data: Vec<Wire<In>>,
    /// Index of the word to read, or of a group of words.
    pub read_address: Wire<In>,
    /// Reads in this cycle; one wire, or none if every cycle reads.
    pub read_enable: Vec<Wire<In>>,
    /// The words, one cycle later.
    pub read_data: Vec<Wire<Out>>,
    _memory: Vec<u64>,
    _style: MemoryStyle,
    _collides: bool,
    /// The words before the output register, if there is one.
    _behind: Option<Vec<u64>>,
}

impl Ram {
    /// A memory of `depth` words (at least 1) of `width` bits (1 to 64), all 0.
    pub fn new(width: u32, depth: usize, style: MemoryStyle) -> Self {
        let depth = depth.max(1);
        Self {
            info: ModuleInfo::new("ram", ""),
            clock: Default::default(),
            write_enable: Wire::new(1, ""),
            write_address: Wire::new(1, ""),
            write_data: vec![],
            read_address: Wire::new(1, ""),
            read_enable: vec![],
            read_data: vec![Wire::new(width, "")],
            _memory: vec![0; depth],
            _style: style,
            _collides: true,
            _behind: None,
        }
        .with_rows(1, 1)
    }

    /// The same memory with rows of `row` words, of which any can be written at once and `read` neighbours are read at once.
    /// Both are powers of two, `read` at most `row`; the depth is a multiple of `row`.
    pub fn with_rows(mut self, row: usize, read: usize) -> Self {
        let (width, depth) = (self.width(), self.depth());
        let several = |words: usize, one: &str, many: &str| -> Vec<String> {
            if words == 1 { vec![one.into()] } else { (0..words).map(|k| format!("{many} {k}")).collect() }
        };
        self.write_enable = Wire::new(row as u32, "Writes in this cycle, one bit per word of a row");
        self.write_address = Wire::new(address_bits(depth / row), "Index of the row to write");
        let comments = several(row, "The word to write", "To write: word");
        self.write_data = comments.into_iter().map(|comment| Wire::new(width, comment)).collect();
        let reads = if read == 1 { "Index of the word to read" } else { "Index of the words to read" };
        self.read_address = Wire::new(address_bits(depth / read), reads);
        let comments = several(read, "The word, one cycle later", "One cycle later: word");
        self.read_data = comments.into_iter().map(|comment| Wire::new(width, comment)).collect();
        self.describe();
        self
    }

    /// The same memory for surroundings that never use a word read in the cycle in which it is written.
    pub fn without_collisions(mut self) -> Self {
        self._collides = false;
        self.describe();
        self
    }

    /// The same memory with a `read_enable_0`: without it, `read_data` stays.
    pub fn with_read_enable(mut self) -> Self {
        self.read_enable = vec![Wire::new(1, "Reads in this cycle")];
        self
    }

    /// The same memory with a register behind it, in front of the selection from a row: `read_data` comes 2 cycles after
    /// `read_address`. Block RAM gives its words late in the clock; a register between it and what follows makes both faster.
    /// Not together with a read enable.
    pub fn with_output_register(mut self) -> Self {
        self._behind = Some(vec![0; self.read_data.len()]);
        self.describe();
        self
    }

    fn describe(&mut self) {
        let (width, depth, row) = (self.width(), self.depth(), self.row());
        let collisions = match self._collides {
            true => "A word that is read while it is written reads as it was before.",
            false if row == 1 => "A word that is read while it is written is undefined.",
            false => "A word that is read while any word of its row is written is undefined.",
        };
        let rows = if row == 1 { String::new() } else { format!(" in rows of {row}") };
        let (register, cycles) = match self._behind {
            None => ("", "1 cycle"),
            Some(_) => (" with an output register", "2 cycles"),
        };
        let summary = format!("{depth} words of {width} bits{rows}, one write and one read port{register}");
        self.info = ModuleInfo::new("ram", summary)
            .prose(format!("{collisions} All words are 0 at the start."))
            .latency(format!("{cycles} from `read_address` to `read_data`."))
            .limits("an address beyond the last word reads as anything.");
    }

    /// Words of a row.
    fn row(&self) -> usize {
        self.write_data.len()
    }

    /// The number of words.
    pub fn depth(&self) -> usize {
        self._memory.len()
    }

    /// The width of a word in bits.
    pub fn width(&self) -> u32 {
        self.read_data[0].width()
    }
}

impl Logic for Ram {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (row, read) = (self.row(), self.read_data.len());
            let (width, written) = (self.width(), self.write_address.val().index());
            let first = self.read_address.val().index() * read;
            let collides = self.write_enable.val().any() && written == first / row;
            // The read comes first: it sees the words before the write.
            if self.read_enable.iter().all(|enable| enable.val().any()) {
                for (k, data) in self.read_data.iter_mut().enumerate() {
                    let word = self._memory.get(first + k).copied().unwrap_or(0);
                    // Undefined words are inverted: certainly wrong, and the same in every run.
                    let word = if collides && !self._collides { !word } else { word };
                    let word =
                        self._behind.as_mut().map_or(word, |behind| std::mem::replace(&mut behind[k], word));
                    data.next = Value::new(width, word);
                }
            }
            for (k, data) in self.write_data.iter().enumerate() {
                if self.write_enable.val().get_bit(k)
                    && let Some(word) = self._memory.get_mut(written * row + k)
                {
                    *word = data.val().as_u64();
                }
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.iter_mut().for_each(|word| word.connect());
    }

    fn hdl(&self) -> Verilog {
        let style = self._style.attribute("ram");
        let (width, row, read) = (self.width(), self.row(), self.read_data.len());
        let (bits, rows) = (width as usize * row, self.depth() / row);
        let parts = row / read;
        let address = self.read_address.width();
        // Of a read address, the low bits say which part of a row.
        let (read_row, part) = match (parts, rows) {
            (1, _) => ("read_address".to_owned(), None),
            (_, 1) => ("1'd0".to_owned(), Some("read_address".to_owned())),
            _ => {
                let low = parts.ilog2();
                let part = slice("read_address", low - 1, 0);
                (slice("read_address", address - 1, low), Some(part))
            }
        };
        let registered = self._behind.is_some();
        let target = match (parts * read, registered) {
            (1, false) => "read_data_0",
            (_, false) => "words",
            (_, true) => "read_words",
        };
        let indent = if self.read_enable.is_empty() { "" } else { "    " };
        let (check, undefined) = if self._collides {
            ("", String::new())
        } else {
            // Not x: an operand that a zero weight cancels would poison the sum in simulators with four states.
            let written = if row == 1 { "write_enable" } else { "|write_enable" };
            let undefined = format!(
                "
`ifndef SYNTHESIS
{indent}    if ({written} && write_address == {read_row}) begin
{indent}        {target} <= ~memory[{read_row}];
{indent}    end
`endif"
            );
            ("(* no_rw_check *) ", undefined)
        };
        let remember = match (&part, registered) {
            (None, _) => String::new(),
            (Some(part), false) => format!("\n{indent}    part <= {part};"),
            (Some(part), true) => format!("\n    read_part <= {part};\n    part <= read_part;"),
        };
        let (register, remember) = match (registered, parts * read) {
            (false, _) => (String::new(), remember),
            (true, 1) => {
                (format!("reg [{}:0] read_words;\n", bits - 1), "\n    read_data_0 <= read_words;".to_owned())
            }
            (true, _) => {
                let part_register = if parts == 1 {
                    String::new()
                } else {
                    format!("reg [{}:0] read_part;\n", parts.ilog2() - 1)
                };
                let words = format!("reg [{}:0] read_words;\n", bits - 1);
                (words + &part_register, format!("{remember}\n    words <= read_words;"))
            }
        };
        let statement = format!("{target} <= memory[{read_row}];{undefined}{remember}");
        let statement = enabled(&self.read_enable, &statement);
        let writes: String = (0..row)
            .map(|k| match row {
                1 => "    if (write_enable) begin\n        memory[write_address] <= write_data_0;\n    end\n".to_owned(),
                _ => {
                    let (high, low) = ((k + 1) * width as usize - 1, k * width as usize);
                    format!(
                        "    if (write_enable[{k}]) begin\n        memory[write_address][{high}:{low}] <= write_data_{k};\n    end\n"
                    )
                }
            })
            .collect();
        Verilog::Custom(format!(
            "\
{check}{style}reg [{high}:0] memory [0:{last}];
{register}{selection}
integer index;
initial begin
    for (index = 0; index < {rows}; index = index + 1) begin
        memory[index] = {{{bits}{{1'b0}}}};
    end
end

always @(posedge clock) begin
{writes}    {statement}
end",
            high = bits - 1,
            last = rows - 1,
            selection = selection(width, parts, read),
        ))
    }
}

/// The Verilog that takes one of `parts` parts, of `read` words of `width` bits, from a row.
fn selection(width: u32, parts: usize, read: usize) -> String {
    if parts == 1 && read == 1 {
        return String::new();
    }
    let width = width as usize;
    let mut text = format!("reg [{}:0] words;\n", width * parts * read - 1);
    let range = |word: usize| format!("words[{}:{}]", (word + 1) * width - 1, word * width);
    if parts == 1 {
        let assign = |k: usize| format!("assign read_data_{k} = {};\n", range(k));
        return text + "\n" + &(0..read).map(assign).collect::<String>();
    }
    let bits = parts.ilog2();
    let high = bits - 1;
    text += &format!("reg [{high}:0] part;\n\nalways @(*) begin\n    case (part)\n");
    for part in 0..parts {
        let label = if part + 1 == parts { "default".to_owned() } else { format!("{bits}'d{part}") };
        let assigns: String =
            (0..read).map(|k| format!("            read_data_{k} = {};\n", range(part * read + k))).collect();
        text += &format!("        {label}: begin\n{assigns}        end\n");
    }
    text + "    endcase\nend\n"
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
            ram.write_data[0].next = Value::from(data);
            ram.read_address.next = Value::from(from as u64);
            let old = model[from];
            let expected = if write && from == to { collision(old) } else { old };
            if write {
                model[to] = data;
            }
            tick(&mut ram);
            assert_eq!(ram.read_data[0].val(), expected);
        }
    }
}
