//! Table functions: piecewise-linear interpolation between equidistant knots.
//!
//! The top bits of the word (as an offset from the smallest word) select a segment, whose value and slope come from a
//! ROM; the low bits are the distance from the segment's beginning. y = value + round(slope · distance / width), round
//! half up. `select` 0 passes the word on unchanged, with the same latency.
//!
//! ```text
//!            +--------------+
//!  clock --->|              |
//!      x -/->| interpolator |-/--> y
//! select -/->|              |
//!            +--------------+
//! ```
//!
//! Timing: four clocks.
//!
//! # Example
//!
//! ```
//! use emeuro_compiler::Table;
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::interpolator::Interpolator;
//!
//! // |x| in two segments: from 128 down to 0, and up again.
//! let function = "magnitude".to_owned();
//! let table = Table { function, input_bits: 8, values: vec![128, 0], slopes: vec![-128, 128] };
//! let mut interpolator = Interpolator::new(16, &[table], "tables.hex");
//! interpolator.connect_all();
//! interpolator.x.next = Value::signed(-77);
//! interpolator.select.next = 1.into();
//! for _ in 0..4 {
//!     for clk in [false, true] {
//!         interpolator.clock.next = Clock { clk };
//!         assert!(simulate(&mut interpolator, 10));
//!     }
//! }
//! assert_eq!(interpolator.y.val(), 77);
//! ```

use super::{MemoryStyle, Rom};
use crate::prelude::*;
use emeuro_compiler::Table;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Interpolator {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Name of the hex file with the tables.
    pub table_file: TextParameter,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word.
    pub x: Wire<In>,
    /// 0, or the number of a table, the first being 1.
    pub select: Wire<In>,
    /// The function of the word.
    pub y: Wire<Out>,
    segment: Segment,
    segments: Rom,
    line: Line,
}

impl Interpolator {
    /// The functions of `tables`, at least one, on words of `width` bits.
    pub fn new(width: u32, tables: &[Table], table_file: &str) -> Self {
        let slope_mask = (1u64 << (width + 1)) - 1;
        let words = tables.iter().flat_map(|table| {
            table.values.iter().zip(&table.slopes).map(move |(&value, &slope)| {
                ((slope as u64 & slope_mask) << width) | (value as u64 & (slope_mask >> 1))
            })
        });
        let rom = Rom::new(2 * width + 1, words.collect(), MemoryStyle::Block, table_file);
        let names: Vec<&str> = tables.iter().map(|t| t.function.as_str()).collect();
        Self {
            info: ModuleInfo::new("interpolator", format!("table functions: {}", names.join(", ")))
                .latency("4 clocks from `x` and `select` to `y`."),
            table_file: TextParameter::new(table_file, "Hex file with slope and value of every segment"),
            clock: Default::default(),
            x: Wire::new(width, "The word").signed(),
            select: Wire::new(
                address_bits(tables.len() + 1),
                "0 for the word itself, or the number of a table",
            ),
            y: Wire::new(width, "The function of the word").signed(),
            segment: Segment::new(width, rom.address.width(), tables),
            segments: rom,
            line: Line::new(width, tables),
        }
    }

    /// The text of the tables' hex file.
    pub fn hex(&self) -> String {
        self.segments.hex()
    }
}

impl Logic for Interpolator {
    #[hdl_gen]
    fn update(&mut self) {
        self.segments.clock.next = self.clock.val();
        self.line.clock.next = self.clock.val();
        self.segments.init_file.next = self.table_file.val();
        self.segment.x.next = self.x.val();
        for i in 0..self.segment.select.len() {
            self.segment.select[i].next = self.select.val();
        }
        self.segments.address.next = self.segment.address.val();
        self.line.x.next = self.x.val();
        self.line.select.next = self.select.val();
        self.line.distance.next = self.segment.distance.val();
        self.line.entry.next = self.segments.data.val();
        self.y.next = self.line.y.val();
    }
}

/// Where every table begins in the ROM, and how many low bits of its input are the distance.
fn layouts(tables: &[Table]) -> Vec<(usize, u32, u32)> {
    let mut begin = 0;
    tables
        .iter()
        .map(|table| {
            let layout = (begin, table.input_bits, table.input_bits - table.segments_log2());
            begin += table.values.len();
            layout
        })
        .collect()
}

/// Splits a word into the address of its segment and the distance from the segment's beginning.
#[derive(LogicBlock)]
struct Segment {
    info: ModuleInfo,
    x: Wire<In>,
    /// One wire, or none if there is one table.
    select: Vec<Wire<In>>,
    address: Wire<Out>,
    distance: Wire<Out>,
    _layouts: Vec<(usize, u32, u32)>,
}

impl Segment {
    fn new(width: u32, address: u32, tables: &[Table]) -> Self {
        let bits = address_bits(tables.len() + 1);
        let select = (tables.len() > 1).then(|| Wire::new(bits, "Number of the table"));
        Self {
            info: ModuleInfo::new("segment", "finds a word's segment in its table").latency("none."),
            x: Wire::new(width, "The word").signed(),
            select: select.into_iter().collect(),
            address: Wire::new(address, "Address of the segment"),
            distance: Wire::new(width, "Distance from the segment's beginning"),
            _layouts: layouts(tables),
        }
    }

    fn layout(&self, select: usize) -> (usize, u32, u32) {
        self._layouts[select.clamp(1, self._layouts.len()) - 1]
    }
}

impl Logic for Segment {
    fn update(&mut self) {
        let (begin, bits, low) = self.layout(self.select.first().map_or(1, |s| s.val().index()));
        let offset = (self.x.val().as_i64() + (1 << (bits - 1))) as u64 & ((1 << bits) - 1);
        self.address.next = Value::from(begin as u64 + (offset >> low));
        self.distance.next = Value::from(offset & ((1 << low) - 1));
    }

    fn connect(&mut self) {
        self.address.connect();
        self.distance.connect();
    }

    fn hdl(&self) -> Verilog {
        let (width, address) = (self.x.width(), self.address.width());
        let bits = self.select.first().map_or(0, Wire::width);
        let cases = self._layouts.iter().enumerate().map(|(i, &(begin, input, low))| {
            let label =
                if i + 1 == self._layouts.len() { "default".into() } else { format!("{bits}'d{}", i + 1) };
            let top = input - 1;
            // The smallest word is segment 0: two's complement with the sign bit inverted.
            let segment = match (top, low) {
                (t, l) if t == l => format!("~x[{t}]"),
                (t, l) => format!("{{~x[{t}], x[{}:{l}]}}", t - 1),
            };
            let segment_bits = input - low;
            let padded = match address.saturating_sub(segment_bits) {
                0 => segment,
                n => format!("{{{n}'d0, {segment}}}"),
            };
            let sum = if begin == 0 { padded } else { format!("{padded} + {address}'d{begin}") };
            let distance = match low {
                0 => format!("{width}'d0"),
                l => format!("{{{}'d0, x[{}:0]}}", width - l, l - 1),
            };
            let assignments = format!("address = {sum};\n            distance = {distance};\n");
            match self._layouts.len() {
                1 => format!("    {}", assignments.replace("            ", "    ")),
                _ => format!("        {label}: begin\n            {assignments}        end\n"),
            }
        });
        let cases: String = cases.collect();
        // A byte-wide table leaves the upper half of the word unread.
        let unread = self._layouts.iter().map(|l| l.1).max().unwrap_or(width);
        let unused = match width - unread {
            0 => String::new(),
            _ => format!("wire unused = &{{1'b0, x[{}:{unread}]}};\n\n", width - 1),
        };
        let choice = match self._layouts.len() {
            1 => cases,
            _ => format!("    case (select_0)\n{cases}    endcase\n"),
        };
        Verilog::Custom(format!("{unused}always @(*) begin\n{choice}end"))
    }
}

/// Value, slope and distance to the interpolated word; passes the word itself on if no table is selected.
#[derive(LogicBlock)]
struct Line {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    x: Wire<In>,
    select: Wire<In>,
    distance: Wire<In>,
    entry: Wire<In>,
    y: Wire<Out>,
    _layouts: Vec<(usize, u32, u32)>,
    _early: (i64, usize, i64),
    _operands: (i64, usize, i64, i64, i64),
    _late: (i64, usize, i64, i64),
}

impl Line {
    fn new(width: u32, tables: &[Table]) -> Self {
        Self {
            info: ModuleInfo::new("line", "interpolates in a segment")
                .latency("4 clocks from `x`, `select` and `distance`; `entry` comes 1 clock after them."),
            clock: Default::default(),
            x: Wire::new(width, "The word").signed(),
            select: Wire::new(
                address_bits(tables.len() + 1),
                "0 for the word itself, or the number of a table",
            ),
            distance: Wire::new(width, "Distance from the segment's beginning"),
            entry: Wire::new(2 * width + 1, "Slope and value of the segment"),
            y: Wire::new(width, "The word, or the function of it").signed(),
            _layouts: layouts(tables),
            _early: (0, 0, 0),
            _operands: (0, 0, 0, 0, 0),
            _late: (0, 0, 0, 0),
        }
    }
}

impl Logic for Line {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let width = self.x.width();
            let (x, select, value, product) = self._late;
            self.y.next = Value::signed(match select {
                0 => x,
                table => {
                    let low = self._layouts[table.min(self._layouts.len()) - 1].2;
                    let half = if low == 0 { 0 } else { 1 << (low - 1) };
                    value + ((product + half) >> low)
                }
            });
            let (x, select, value, slope, distance) = self._operands;
            self._late = (x, select, value, slope * distance);
            let (x, select, distance) = self._early;
            let entry = self.entry.val();
            let value = Value::new(width, entry.as_u64()).as_i64();
            let slope = Value::new(width + 1, entry.as_u64() >> width).as_i64();
            self._operands = (x, select, value, slope, distance);
            self._early =
                (self.x.val().as_i64(), self.select.val().index(), self.distance.val().as_u64() as i64);
        }
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        let (width, bits) = (self.x.width(), self.select.width());
        // Slope (width + 1 bits) times distance (at most width bits, unsigned).
        let product = 2 * width + 2;
        let count = self._layouts.len();
        let step = |low: u32| match low {
            0 => "product".to_owned(),
            l => format!("(product + {product}'sd{}) >>> {l}", 1u64 << (l - 1)),
        };
        let cases: String = self
            ._layouts
            .iter()
            .enumerate()
            .map(|(i, &(_, _, low))| {
                let label = if i + 1 == count { "default".into() } else { format!("{bits}'d{}", i + 1) };
                format!("        {label}: step = {};\n", step(low))
            })
            .collect();
        let choice = match count {
            1 => format!("always @(*) begin\n    step = {};\nend", step(self._layouts[0].2)),
            _ => format!("always @(*) begin\n    case (select_3)\n{cases}    endcase\nend"),
        };
        Verilog::Custom(format!(
            "\
reg signed [{high}:0] x_1;
reg signed [{high}:0] x_2;
reg signed [{high}:0] x_3;
reg        [{select_high}:0] select_1;
reg        [{select_high}:0] select_2;
reg        [{select_high}:0] select_3;
reg signed [{width}:0] distance_1;
reg signed [{width}:0] distance_2;
reg signed [{width}:0] slope;
reg signed [{high}:0] value_2;
reg signed [{high}:0] value_3;
reg signed [{product_high}:0] product;
reg signed [{product_high}:0] step;

// Between two knots the sum never leaves the word.
wire unused = &{{1'b0, step[{product_high}:{width}]}};

{choice}

always @(posedge clock) begin
    x_1        <= x;
    select_1   <= select;
    distance_1 <= {{1'b0, distance}};

    x_2        <= x_1;
    select_2   <= select_1;
    distance_2 <= distance_1;
    slope      <= entry[{entry_high}:{width}];
    value_2    <= entry[{high}:0];

    x_3        <= x_2;
    select_3   <= select_2;
    value_3    <= value_2;
    product    <= slope * distance_2;

    y          <= select_3 == {bits}'d0 ? x_3 : value_3 + step[{high}:0];
end",
            high = width - 1,
            select_high = bits - 1,
            product_high = product - 1,
            entry_high = 2 * width,
        ))
    }
}
