//! The write registers of the lanes' memory and of the output buffer.
//!
//! Results of the layers and words of the input frame share the write port of the lanes' memory; results go first, and
//! the input waits (`blocked`). Both memories are written row by row: results and input words find their places in a row
//! by the low bits of their addresses. Results that come together lie in one row.
//!
//! ```text
//!                  +------------+
//!  clock, resetn ->|            |--> blocked
//!      to_memory ->|            |
//!      to_output ->| write_port |--> memory_enable, memory_address, memory_data_*
//!  result_* ----/->|            |
//!  input_* -----/->|            |--> output_enable, output_address, output_data_*
//!                  +------------+
//! ```
//!
//! Timing: one clock.

use super::extend::{sign_extended, slice, zero_extended};
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
    /// The results go to the lanes' memory.
    pub to_memory: Wire<In>,
    /// The results go to the output buffer.
    pub to_output: Wire<In>,
    /// Which output buffer.
    pub parity: Wire<In>,
    /// Address of the first result.
    pub result_address: Wire<In>,
    /// How many results there are, less 1; one wire, or none if there is always one.
    pub count: Vec<Wire<In>>,
    /// The results.
    pub result: Vec<Wire<In>>,
    /// Input words are there.
    pub input_valid: Wire<In>,
    /// Address of the first input word.
    pub input_address: Wire<In>,
    /// The input words.
    pub word: Vec<Wire<In>>,
    /// The input has to wait.
    pub blocked: Wire<Out>,
    /// Writes the lanes' memory, one bit per word of a row.
    pub memory_enable: Wire<Out>,
    /// Which row.
    pub memory_address: Wire<Out>,
    /// The words.
    pub memory_data: Vec<Wire<Out>>,
    /// Writes the output buffer, one bit per word of a row.
    pub output_enable: Wire<Out>,
    /// Which row.
    pub output_address: Wire<Out>,
    /// The words.
    pub output_data: Vec<Wire<Out>>,
}

/// The widths of the write port. Numbers of words are powers of two, and either memory has at least two rows.
#[derive(Clone, Copy, Debug)]
pub struct WriteShape {
    /// Bits of a result address: the wider of the two below.
    pub result_address: u32,
    /// Bits of a word's address in the lanes' memory.
    pub memory_address: u32,
    /// Bits of a word's address in one output buffer.
    pub output_address: u32,
    /// Bits of a word in memory.
    pub word: u32,
    /// Bits of an input word.
    pub input: u32,
    /// Bits of an output word.
    pub output: u32,
    /// Results that can come together.
    pub slots: usize,
    /// Input words that come together.
    pub beat: usize,
    /// Words of a row of the lanes' memory, at least `slots` and `beat`.
    pub memory_row: usize,
    /// Words of a row of the output buffer, at least `slots`.
    pub output_row: usize,
}

impl WritePort {
    /// A write port of the given widths.
    pub fn new(shape: WriteShape) -> Self {
        let words = |count: usize, width: u32, comment: &str| -> Vec<Wire<In>> {
            (0..count).map(|k| Wire::new(width, format!("{comment} {k}")).signed()).collect()
        };
        let data = |count: usize, width: u32| -> Vec<Wire<Out>> {
            (0..count).map(|k| Wire::new(width, format!("Word {k} of the row")).signed()).collect()
        };
        let output_rows = shape.output_address + 1 - shape.output_row.ilog2();
        Self {
            info: ModuleInfo::new("write_port", "write registers of the memory and of the output buffer")
                .latency("1 clock."),
            clock: Default::default(),
            resetn: Wire::new(1, "Synchronous reset, active low"),
            to_memory: Wire::new(1, "The results go to the lanes' memory"),
            to_output: Wire::new(1, "The results go to the output buffer"),
            parity: Wire::new(1, "Which output buffer"),
            result_address: Wire::new(shape.result_address, "Address of the first result"),
            count: count_wire(shape.slots, "Number of results, less 1"),
            result: words(shape.slots, shape.word, "Result"),
            input_valid: Wire::new(1, "Input words are there"),
            input_address: Wire::new(shape.memory_address, "Address of the first input word"),
            word: words(shape.beat, shape.input, "Input word"),
            blocked: Wire::new(1, "The input has to wait in this clock"),
            memory_enable: Wire::new(shape.memory_row as u32, "Writes the lanes' memory, one bit per word"),
            memory_address: Wire::new(shape.memory_address - shape.memory_row.ilog2(), "Which row"),
            memory_data: data(shape.memory_row, shape.word),
            output_enable: Wire::new(shape.output_row as u32, "Writes the output buffer, one bit per word"),
            output_address: Wire::new(output_rows, "Which row; the top bit is the buffer"),
            output_data: data(shape.output_row, shape.output),
        }
    }

    /// The places in a row of `row` words that the results take.
    fn result_places(&self, row: usize) -> u64 {
        let first = self.result_address.val().index() % row;
        let count = 1 + self.count.first().map_or(0, |count| count.val().index());
        (0..count).fold(0, |places, k| places | 1 << ((first + k) % row))
    }

    /// The result for place `place` of a row.
    fn result_at(&self, place: usize) -> Value {
        let single = self.count.first().is_none_or(|count| !count.val().any());
        self.result[if single { 0 } else { place % self.result.len() }].val()
    }
}

/// The wire with the number of words that come together, less 1; none if there is always one.
pub(crate) fn count_wire<D: Direction>(slots: usize, comment: &str) -> Vec<Wire<D>> {
    (slots > 1).then(|| Wire::new(address_bits(slots), comment)).into_iter().collect()
}

impl Logic for WritePort {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let resetn = self.resetn.val().any();
            let to_memory = self.to_memory.val().any();
            let (row, beat) = (self.memory_data.len(), self.word.len());
            let input_places = ((1 << beat) - 1) << (self.input_address.val().index() % row / beat * beat);
            let places = match (resetn, to_memory, self.input_valid.val().any()) {
                (true, true, _) => self.result_places(row),
                (true, false, true) => input_places,
                _ => 0,
            };
            self.memory_enable.next = Value::from(places);
            let address = if to_memory { &self.result_address } else { &self.input_address };
            self.memory_address.next = Value::from(address.val().as_u64() >> row.ilog2());
            for place in 0..row {
                let word = if to_memory { self.result_at(place) } else { self.word[place % beat].val() };
                self.memory_data[place].next = Value::signed(word.as_i64());
            }
            let row = self.output_data.len();
            let to_output = resetn && self.to_output.val().any();
            self.output_enable.next = Value::from(if to_output { self.result_places(row) } else { 0 });
            let bits = self.output_address.width() - 1;
            let low = (self.result_address.val().as_u64() >> row.ilog2()) & ((1 << bits) - 1);
            self.output_address.next = Value::from(self.parity.val().as_u64() << bits | low);
            for place in 0..row {
                self.output_data[place].next = self.result_at(place);
            }
        }
        self.blocked.next = self.to_memory.val();
    }

    fn connect(&mut self) {
        self.blocked.connect();
        self.memory_enable.connect();
        self.memory_address.connect();
        self.memory_data.iter_mut().for_each(|word| word.connect());
        self.output_enable.connect();
        self.output_address.connect();
        self.output_data.iter_mut().for_each(|word| word.connect());
    }

    fn hdl(&self) -> Verilog {
        let (word, output) = (self.result[0].width(), self.output_data[0].width());
        let (row, beat) = (self.memory_data.len(), self.word.len());
        let (declarations, results) = self.places("memory", row);
        let (more, output_results) = self.places("output", self.output_data.len());
        let (more, output_results) = match row == self.output_data.len() {
            // The same places in both memories.
            true => (String::new(), results.clone()),
            false => (more, output_results),
        };
        let inputs: Vec<String> = (0..row)
            .map(|place| match (row / beat, row.ilog2(), beat.ilog2()) {
                (1, ..) => "input_valid".to_owned(),
                (parts, high, low) => {
                    let (part, bits) = (slice("input_address", high - 1, low), parts.ilog2());
                    format!("input_valid & ({part} == {bits}'d{})", place / beat)
                }
            })
            .collect();
        let cut = if output == word { String::new() } else { format!("[{}:0]", output - 1) };
        let mut writes = String::new();
        let bit = |row: usize, place: usize| if row == 1 { String::new() } else { format!("[{place}]") };
        for place in 0..row {
            writes += &format!(
                "    memory_enable{} <= resetn & (to_memory ? {} : {});\n",
                bit(row, place),
                results[place],
                inputs[place]
            );
        }
        writes += &format!(
            "    memory_address <= to_memory ? {} : {};\n",
            rows("result_address", self.result_address.width(), self.input_address.width(), row.ilog2()),
            rows("input_address", self.input_address.width(), self.input_address.width(), row.ilog2()),
        );
        for place in 0..row {
            let name = format!("word_{}", place % beat);
            let extended = sign_extended(&name, self.word[0].width(), word);
            writes +=
                &format!("    memory_data_{place} <= to_memory ? {} : {extended};\n", self.placed(place, ""));
        }
        let output_row = self.output_data.len();
        let buffer_bits = self.output_address.width() - 1 + output_row.ilog2();
        writes += "\n";
        for (place, result) in output_results.iter().enumerate() {
            writes +=
                &format!("    output_enable{} <= resetn & to_output & {result};\n", bit(output_row, place));
        }
        writes += &format!(
            "    output_address <= {{parity, {}}};\n",
            rows("result_address", self.result_address.width(), buffer_bits, output_row.ilog2())
        );
        for place in 0..output_row {
            writes += &format!("    output_data_{place} <= {};\n", self.placed(place, &cut));
        }
        // Input words always begin at a multiple of their number.
        let mut unused = match beat.ilog2() {
            0 => String::new(),
            1 => "wire unused = input_address[0];\n".to_owned(),
            low => format!("wire unused = &{{1'b0, input_address[{}:0]}};\n", low - 1),
        };
        // The router's scores may have more addresses than either memory.
        let (address, used) = (self.result_address.width(), self.input_address.width().max(buffer_bits));
        if used < address {
            let bits = slice("result_address", address - 1, used);
            unused += &format!("wire unused_address = &{{1'b0, {bits}}};\n");
        }
        Verilog::Custom(format!(
            "\
{declarations}{more}{unused}assign blocked = to_memory;

// Before the first clock nothing may be written: words of a row that belong to no vector stay 0.
initial begin
    memory_enable = {memory_row}'d0;
    output_enable = {output_row}'d0;
end

always @(posedge clock) begin
{writes}end",
            memory_row = row,
        ))
    }
}

impl WritePort {
    /// Declarations, and per place of a row of `row` words the condition under which a result goes there.
    fn places(&self, name: &str, row: usize) -> (String, Vec<String>) {
        if row == 1 {
            return (String::new(), vec!["1'b1".to_owned()]);
        }
        let bits = row.ilog2();
        let low = slice("result_address", bits - 1, 0);
        let Some(count) = self.count.first() else {
            return (String::new(), (0..row).map(|place| format!("({low} == {bits}'d{place})")).collect());
        };
        let count = zero_extended("count_0", count.width(), bits);
        let distance = |place: usize| format!("{name}_distance_{place}");
        let declarations: String = (0..row)
            .map(|place| format!("wire [{}:0] {} = {bits}'d{place} - {low};\n", bits - 1, distance(place)))
            .collect();
        let places = (0..row).map(|place| format!("({} <= {count})", distance(place))).collect();
        (format!("// How far every place of a row is behind the first result.\n{declarations}\n"), places)
    }

    /// The result for a place of a row: a single result goes wherever its address says.
    fn placed(&self, place: usize, cut: &str) -> String {
        match place % self.result.len() {
            0 => format!("result_0{cut}"),
            k => format!("(count_0 == {}'d0 ? result_0{cut} : result_{k}{cut})", self.count[0].width()),
        }
    }
}

/// The row number in the low `used` bits of an address of `width` bits, with rows of 2^`low` words.
fn rows(name: &str, width: u32, used: u32, low: u32) -> String {
    match (low, used) {
        (0, used) if used == width => name.to_owned(),
        (low, used) => slice(name, used - 1, low),
    }
}
