//! The program ROMs: one wide word per instruction, taken apart into named fields.
//!
//! The issue and the drain sequencer run through the program at different times, so each has a ROM with the fields that
//! it needs. A ROM is read synchronously; sequencers address it with the next instruction's number.
//!
//! ```text
//!              +-----------+
//!    clock --->|           |---> field
//!              |    rom    |-/-> field
//!  address -/->|           |-/-> ...
//!              +-----------+
//! ```
//!
//! Timing: one clock.

use emeuro_compiler::{AddressGenerator, Combine, Function, Instruction, Program};

use super::{
    extend::slice,
    reducer::{Tap, tap_index},
    rom::initial_contents,
};
use crate::prelude::*;

/// The fields of all instructions, one column per field, in the order of the word, least significant first.
#[derive(Clone, Debug, Default)]
struct Columns {
    values: Vec<Vec<u64>>,
}

impl Columns {
    /// A field that is as wide as its largest value.
    fn field(&mut self, comment: &str, values: impl IntoIterator<Item = u64>) -> Wire<Out> {
        let values: Vec<u64> = values.into_iter().collect();
        let largest = values.iter().copied().max().unwrap_or(0);
        self.field_of(64 - largest.leading_zeros(), comment, values)
    }

    /// A field of `width` bits; of every value the low bits count.
    fn field_of(&mut self, width: u32, comment: &str, values: impl IntoIterator<Item = u64>) -> Wire<Out> {
        self.values.push(values.into_iter().collect());
        Wire::new(width.max(1), comment)
    }

    /// Base and deltas of an address generator.
    fn generator<'a>(
        &mut self,
        width: u32,
        comment: &str,
        generators: impl Iterator<Item = &'a AddressGenerator> + Clone,
    ) -> Vec<Wire<Out>> {
        let levels = generators.clone().next().map_or(0, |g| g.deltas.len());
        let base = |g: &AddressGenerator| g.base as u64;
        let mut wires = vec![self.field_of(width, &format!("{comment}: base"), generators.clone().map(base))];
        for k in 0..levels {
            let deltas = generators.clone().map(|g| g.deltas[k] as u64);
            wires.push(self.field_of(width, &format!("{comment}: delta of level {}", k), deltas));
        }
        wires
    }

    /// Where a second frame may join; nothing if there are no pairs.
    fn forks(&mut self, program: &Program, forks: impl Fn(&Instruction) -> bool) -> Vec<Wire<Out>> {
        self.flag_of_pairs(program, "A second frame may join after it", forks)
    }

    /// What works on the second frame of a pair; nothing if there are no pairs.
    fn second(&mut self, program: &Program) -> Vec<Wire<Out>> {
        self.flag_of_pairs(program, "Works on the second frame of a pair", |i| i.second)
    }

    fn flag_of_pairs(
        &mut self,
        program: &Program,
        comment: &str,
        flag: impl Fn(&Instruction) -> bool,
    ) -> Vec<Wire<Out>> {
        match program.paired.is_empty() {
            true => vec![],
            false => vec![self.field(comment, program.all_instructions().map(|i| flag(i).into()))],
        }
    }

    /// A flag of units with members; nothing in others.
    fn of_members(
        &mut self,
        program: &Program,
        comment: &str,
        flag: impl Fn(&Instruction) -> bool,
    ) -> Vec<Wire<Out>> {
        match program.members {
            None => vec![],
            Some(_) => vec![self.field(comment, program.all_instructions().map(|i| flag(i).into()))],
        }
    }

    /// Which instructions make this of their operands; nothing if none does.
    fn combines(&mut self, program: &Program, combine: Combine, comment: &str) -> Vec<Wire<Out>> {
        match program.combines(combine) {
            false => vec![],
            true => {
                let flags = program.all_instructions().map(|i| (i.issue.combine == combine).into());
                vec![self.field(comment, flags)]
            }
        }
    }

    /// One hexadecimal line per instruction.
    fn hex(&self, widths: &[u32]) -> String {
        let depth = self.values.first().map_or(0, Vec::len);
        let line = |i: usize| {
            let columns = self.values.iter().zip(widths);
            let mut bits: Vec<bool> =
                columns.flat_map(|(values, &w)| (0..w).map(move |b| (values[i] >> b) & 1 == 1)).collect();
            bits.resize(bits.len().next_multiple_of(4), false);
            let digit = |nibble: &[bool]| nibble.iter().rev().fold(0, |n, &bit| 2 * n + u32::from(bit));
            let digits = bits.chunks(4).rev().filter_map(|nibble| char::from_digit(digit(nibble), 16));
            digits.chain(['\n']).collect::<String>()
        };
        (0..depth).map(line).collect()
    }
}

/// The Verilog of a ROM whose words are the given fields.
fn body(fields: &[(String, u32)], depth: usize) -> String {
    let mut low = 0;
    let mut assigns = String::new();
    for (name, width) in fields {
        assigns += &format!("assign {name} = {};\n", slice("word", low + width - 1, low));
        low += width;
    }
    format!(
        "\
reg [{high}:0] memory [0:{last}];
reg [{high}:0] word;

{contents}

always @(posedge clock) begin
    word <= memory[address];
end

{assigns}",
        high = low - 1,
        last = depth - 1,
        contents = initial_contents(depth),
    )
}

/// Implements a ROM from the names of its fields, in the order of its columns.
macro_rules! program_rom {
    ($name:ident, scalars: [$($scalar:ident),*], vectors: [$($vector:ident),*]) => {
        impl $name {
            fn fields(&self) -> Vec<(String, u32)> {
                let mut fields = vec![$((stringify!($scalar).to_owned(), self.$scalar.width())),*];
                $(for (i, wire) in self.$vector.iter().enumerate() {
                    fields.push((format!(concat!(stringify!($vector), "_{}"), i), wire.width()));
                })*
                fields
            }

            fn wires(&mut self) -> Vec<&mut Wire<Out>> {
                let mut wires = vec![$(&mut self.$scalar),*];
                $(wires.extend(self.$vector.iter_mut());)*
                wires
            }

            /// The text of the hex file: one instruction per line.
            pub fn hex(&self) -> String {
                let widths: Vec<u32> = self.fields().into_iter().map(|(_, width)| width).collect();
                self._columns.hex(&widths)
            }
        }

        impl Logic for $name {
            fn update(&mut self) {
                if self.clock.pos_edge() {
                    let address = self.address.val().index();
                    let columns = std::mem::take(&mut self._columns);
                    for (wire, column) in self.wires().into_iter().zip(&columns.values) {
                        wire.next = Value::from(column.get(address).copied().unwrap_or(0));
                    }
                    self._columns = columns;
                }
            }

            fn connect(&mut self) {
                self.wires().into_iter().for_each(|wire| wire.connect());
            }

            fn hdl(&self) -> Verilog {
                Verilog::Custom(body(&self.fields(), self._columns.values[0].len()))
            }
        }
    };
}

/// The fields of the issue sequencer; see [`emeuro_compiler::Issue`].
#[derive(LogicBlock)]
pub struct IssueRom {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file.
    pub init_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Number of the instruction.
    pub address: Wire<In>,
    /// Idle clocks before the first step.
    pub delay: Wire<Out>,
    /// Idle clocks between tiles.
    pub pad: Wire<Out>,
    /// The operand is the input frame.
    pub reads_input: Wire<Out>,
    /// Waits for an input frame.
    pub waits_for_input: Wire<Out>,
    /// Reserves an output buffer.
    pub reserves_output: Wire<Out>,
    /// Gives the input buffer back.
    pub releases_input: Wire<Out>,
    /// The last instruction.
    pub ends_program: Wire<Out>,
    /// The lanes' offsets.
    pub pattern: Wire<Out>,
    /// Tap of the adder tree; one wire, or none if there is one tap.
    pub tap: Vec<Wire<Out>>,
    /// Element-wise product; one wire or none, as the next.
    pub multiply: Vec<Wire<Out>>,
    /// Element-wise maximum.
    pub maximum: Vec<Wire<Out>>,
    /// A second frame may join; one wire, or none if there are no pairs, as the next.
    pub forks: Vec<Wire<Out>>,
    /// It works on the second frame of a pair.
    pub second: Vec<Wire<Out>>,
    /// Weights are those of the frame's member; one wire, or none without members.
    pub of_member: Vec<Wire<Out>>,
    /// Iterations less 1, per loop.
    pub limit: Vec<Wire<Out>>,
    /// Operand address: base, then deltas.
    pub operand: Vec<Wire<Out>>,
    /// Weight address: base, then deltas.
    pub weight: Vec<Wire<Out>>,
    _columns: Columns,
}

program_rom!(
    IssueRom,
    scalars: [delay, pad, reads_input, waits_for_input, reserves_output, releases_input, ends_program, pattern],
    vectors: [tap, multiply, maximum, forks, second, of_member, limit, operand, weight]
);

impl IssueRom {
    /// The issue fields of `program`, with operand and weight addresses of the given widths.
    pub fn new(program: &Program, taps: &[Tap], address_width: u32, weight_width: u32, file: &str) -> Self {
        let issue = || program.all_instructions().map(|i| &i.issue);
        let count = program.all_instructions().count();
        let mut c = Columns::default();
        let info =
            ModuleInfo::new("issue_rom", format!("issue fields of {count} instructions")).latency("1 clock.");
        let levels = emeuro_compiler::ISSUE_LEVELS;
        Self {
            info,
            init_file: TextParameter::new(file, "Hex file with the instructions"),
            clock: Default::default(),
            address: Wire::new(address_bits(count), "Number of the instruction"),
            delay: c.field("Idle clocks before the first step", issue().map(|i| i.delay.into())),
            pad: c.field("Idle clocks between tiles", issue().map(|i| i.pad.into())),
            reads_input: c.field("The operand is the input frame", issue().map(|i| i.reads_input.into())),
            waits_for_input: c.field("Waits for an input frame", issue().map(|i| i.waits_for_input.into())),
            reserves_output: c.field("Reserves an output buffer", issue().map(|i| i.reserves_output.into())),
            releases_input: c.field("Gives the input buffer back", issue().map(|i| i.releases_input.into())),
            ends_program: c.field("The last instruction", issue().map(|i| i.last.into())),
            pattern: c.field_of(
                address_bits(program.patterns.len()),
                "Selects the lanes' offsets",
                issue().map(|i| i.pattern as u64),
            ),
            tap: match taps.len() {
                1 => vec![],
                n => {
                    let indices = program.all_instructions().map(|i| tap_index(taps, &i.drain) as u64);
                    vec![c.field_of(address_bits(n), "Tap of the adder tree", indices)]
                }
            },
            multiply: c.combines(program, Combine::Product, "Multiplies operands with each other"),
            maximum: c.combines(program, Combine::Maximum, "Keeps the largest product"),
            forks: c.forks(program, |i| i.issue.forks),
            second: c.second(program),
            of_member: c
                .of_members(program, "Weights are those of the frame's member", |i| i.issue.of_member),
            limit: (0..levels)
                .map(|k| {
                    let limits = issue().map(|i| i.counts[k] as u64 - 1);
                    c.field(&format!("Iterations of loop {k}, less 1"), limits)
                })
                .collect(),
            operand: c.generator(address_width, "Operand address", issue().map(|i| &i.operand)),
            weight: c.generator(weight_width, "Weight address", issue().map(|i| &i.weight)),
            _columns: c,
        }
    }
}

/// The fields of the drain sequencer; see [`emeuro_compiler::Drain`].
#[derive(LogicBlock)]
pub struct DrainRom {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file.
    pub init_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Number of the instruction.
    pub address: Wire<In>,
    /// Clocks of a tile's results, less 1.
    pub clocks: Wire<Out>,
    /// Clocks of the last tile of a block, less 1.
    pub last_clocks: Wire<Out>,
    /// Requantising shift.
    pub shift: Wire<Out>,
    /// Negative results become 0.
    pub rectify: Wire<Out>,
    /// Results saturate to 8 bits.
    pub narrow: Wire<Out>,
    /// Results go to the output buffer.
    pub to_output: Wire<Out>,
    /// The last instruction.
    pub ends_program: Wire<Out>,
    /// 0 or number of the table; one wire, or none without tables.
    pub lookup: Vec<Wire<Out>>,
    /// Results of a clock, less 1; one wire, or none if there is always one.
    pub per_clock: Vec<Wire<Out>>,
    /// Results of the last clock of a block, less 1; one wire or none.
    pub last_count: Vec<Wire<Out>>,
    /// A second frame may join; one wire, or none if there are no pairs, as the next.
    pub forks: Vec<Wire<Out>>,
    /// It works on the second frame of a pair.
    pub second: Vec<Wire<Out>>,
    /// Results are scores; one wire, or none without members, as the next.
    pub to_router: Vec<Wire<Out>>,
    /// Biases are those of the frame's member.
    pub of_member: Vec<Wire<Out>>,
    /// Iterations less 1, per loop.
    pub limit: Vec<Wire<Out>>,
    /// Bias address: base, then deltas.
    pub bias: Vec<Wire<Out>>,
    /// Result address: base, then deltas.
    pub result: Vec<Wire<Out>>,
    _columns: Columns,
}

program_rom!(
    DrainRom,
    scalars: [clocks, last_clocks, shift, rectify, narrow, to_output, ends_program],
    vectors: [lookup, per_clock, last_count, forks, second, to_router, of_member, limit, bias, result]
);

impl DrainRom {
    /// The drain fields of `program`, with result and bias addresses of the given widths.
    pub fn new(program: &Program, result_width: u32, bias_width: u32, file: &str) -> Self {
        let drain = || program.all_instructions().map(|i: &Instruction| &i.drain);
        let instructions = program.all_instructions().count();
        let mut c = Columns::default();
        let info = ModuleInfo::new("drain_rom", format!("drain fields of {instructions} instructions"))
            .latency("1 clock.");
        let clocks_width = address_bits(drain().map(|d| d.clocks(d.results)).max().unwrap_or(1));
        let count = |c: &mut Columns, comment: &str, counts: Vec<usize>| match program.slots {
            1 => vec![],
            n => vec![c.field_of(address_bits(n), comment, counts.into_iter().map(|count| count as u64 - 1))],
        };
        let table = |function: Function| match function {
            Function::Table(index) => index as u64 + 1,
            Function::Identity | Function::Relu => 0,
        };
        Self {
            info,
            init_file: TextParameter::new(file, "Hex file with the instructions"),
            clock: Default::default(),
            address: Wire::new(address_bits(instructions), "Number of the instruction"),
            clocks: c.field_of(
                clocks_width,
                "Clocks of a tile's results, less 1",
                drain().map(|d| d.clocks(d.results) as u64 - 1),
            ),
            last_clocks: c.field_of(
                clocks_width,
                "Clocks of the last tile of a block, less 1",
                drain().map(|d| d.clocks(d.last_results) as u64 - 1),
            ),
            shift: c.field("Requantising shift", drain().map(|d| d.shift.into())),
            rectify: c
                .field("Negative results become 0", drain().map(|d| (d.function == Function::Relu).into())),
            narrow: c
                .field("Results saturate to 8 bits", drain().map(|d| (d.bits < program.word_bits).into())),
            to_output: c.field("Results go to the output buffer", drain().map(|d| d.to_output.into())),
            ends_program: c.field("The last instruction", drain().map(|d| d.last.into())),
            lookup: match program.tables.len() {
                0 => vec![],
                n => vec![c.field_of(
                    address_bits(n + 1),
                    "0, or number of the table",
                    drain().map(|d| table(d.function)),
                )],
            },
            per_clock: count(&mut c, "Results of a clock, less 1", drain().map(|d| d.per_clock).collect()),
            last_count: count(
                &mut c,
                "Results of the last clock of a block, less 1",
                drain().map(|d| d.last_results - (d.clocks(d.last_results) - 1) * d.per_clock).collect(),
            ),
            forks: c.forks(program, |i| i.drain.forks),
            second: c.second(program),
            to_router: c.of_members(program, "Results are scores", |i| i.drain.to_router),
            of_member: c.of_members(program, "Biases are those of the frame's member", |i| i.drain.of_member),
            limit: (0..emeuro_compiler::DRAIN_LEVELS - 1)
                .map(|k| {
                    let limits = drain().map(|d| d.counts[k] as u64 - 1);
                    c.field(&format!("Iterations of loop {k}, less 1"), limits)
                })
                .collect(),
            bias: c.generator(bias_width, "Bias address", drain().map(|d| &d.bias)),
            result: c.generator(result_width, "Result address", drain().map(|d| &d.result)),
            _columns: c,
        }
    }
}
