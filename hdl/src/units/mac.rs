//! Multiply-accumulate: one product per clock into one accumulator.
//!
//! `first` begins a new sum: the accumulator takes the product instead of adding it. In units with element-wise
//! products, `hold` keeps the operand, and `use_held` multiplies the next operand with it instead of with the weight.
//!
//! ```text
//!               +-----+
//!     clock --->|     |
//!   operand -/->|     |
//!    weight -/->| mac |-/--> sum
//!    enable --->|     |
//!     first --->|     |
//!    hold_0 --->|     |
//! use_held_0 -->|     |
//!               +-----+
//! ```
//!
//! Timing: three clocks from operand and weight to the sum; `hold_0` and `use_held_0` come one clock after the operand,
//! `enable` and `first` two. Memories are slow to give their word: the multiplier has registers at its inputs.
//!
//! ```text
//!            __    __    __    __    __
//! clock   __|  |__|  |__|  |__|  |__|  |__
//! operand  X a   X b   X     X     X
//! enable   |___________|~~~~~~~~~~~|______
//! first    |___________|~~~~~|____________
//! sum      X     X     X     X wa  X wa+wb
//! ```
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::mac::{Mac, MacShape};
//!
//! let mut mac = Mac::new(MacShape { word: 16, weight: 8, sum: 40, element_wise: false });
//! mac.connect_all();
//! // 300 · -2 + 400 · 5
//! let steps = [(300, -2, 0, 0), (400, 5, 0, 0), (0, 0, 1, 1), (0, 0, 1, 0)];
//! for (operand, weight, enable, first) in steps {
//!     mac.operand.next = Value::signed(operand);
//!     mac.weight.next = Value::signed(weight);
//!     mac.enable.next = enable.into();
//!     mac.first.next = first.into();
//!     for clk in [false, true] {
//!         mac.clock.next = Clock { clk };
//!         assert!(simulate(&mut mac, 10));
//!     }
//! }
//! assert_eq!(mac.sum.val().as_i64(), 1400);
//! ```

use super::extend::sign_extended;
use crate::prelude::*;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Mac {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word from memory.
    pub operand: Wire<In>,
    /// The weight.
    pub weight: Wire<In>,
    /// Adds the product.
    pub enable: Wire<In>,
    /// Begins a new sum.
    pub first: Wire<In>,
    /// Keeps the operand; one wire in units with element-wise products, none in others.
    pub hold: Vec<Wire<In>>,
    /// Multiplies with the kept operand; one wire or none.
    pub use_held: Vec<Wire<In>>,
    /// The accumulator.
    pub sum: Wire<Out>,
    _operand: i64,
    _weight: i64,
    _held: i64,
    _product: i64,
}

/// The widths of a lane's datapath.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacShape {
    /// Bits of a word in memory.
    pub word: u32,
    /// Bits of a weight.
    pub weight: u32,
    /// Bits of the accumulator.
    pub sum: u32,
    /// Whether two operands can be multiplied with each other.
    pub element_wise: bool,
}

/// The optional control wires of element-wise products.
pub(crate) fn element_wise_wires(shape: MacShape) -> [Vec<Wire<In>>; 2] {
    let wire = |comment| if shape.element_wise { vec![Wire::new(1, comment)] } else { vec![] };
    [wire("Keeps the operand"), wire("Multiplies with the kept operand instead of the weight")]
}

impl Mac {
    /// A datapath of the given widths.
    pub fn new(shape: MacShape) -> Self {
        let [hold, use_held] = element_wise_wires(shape);
        Self {
            info: ModuleInfo::new("mac", "one product per clock into one accumulator")
                .latency("3 clocks from `operand` and `weight` to `sum`; `enable` and `first` come 2 clocks later.")
                .limits("the accumulator wraps; the compiler has proven that no sum reaches that far."),
            clock: Default::default(),
            operand: Wire::new(shape.word, "The word from memory").signed(),
            weight: Wire::new(shape.weight, "The weight").signed(),
            enable: Wire::new(1, "Adds the product of the clock before"),
            first: Wire::new(1, "Begins a new sum with it"),
            hold,
            use_held,
            sum: Wire::new(shape.sum, "The accumulator").signed(),
            _operand: 0,
            _weight: 0,
            _held: 0,
            _product: 0,
        }
    }
}

impl Logic for Mac {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.enable.val().any() {
                let before = if self.first.val().any() { 0 } else { self.sum.val().as_i64() };
                self.sum.next = Value::signed(before + self._product);
            }
            let operand = self._operand;
            let uses_held = self.use_held.iter().any(|w| w.val().any());
            self._product = operand * if uses_held { self._held } else { self._weight };
            if self.hold.iter().any(|w| w.val().any()) {
                self._held = operand;
            }
            self._operand = self.operand.val().as_i64();
            self._weight = self.weight.val().as_i64();
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let (word, weight, sum) = (self.operand.width(), self.weight.width(), self.sum.width());
        let factor = if self.hold.is_empty() { weight } else { word.max(weight) };
        let product = word + factor;
        let multiplication = if self.hold.is_empty() {
            "    product    <= operand_in * weight_in;".to_owned()
        } else {
            format!(
                "    product    <= operand_in * factor;\n    if (hold_0) begin\n        held <= {};\n    end",
                sign_extended("operand_in", word, factor)
            )
        };
        let kept = match self.hold.is_empty() {
            true => String::new(),
            false => format!(
                "reg  signed [{high}:0] held;\nwire signed [{high}:0] factor = use_held_0 ? held : {};\n",
                sign_extended("weight_in", weight, factor),
                high = factor - 1
            ),
        };
        // A sum may be proven narrower than the widest product of its formats.
        let addend = if sum > product {
            sign_extended("product", product, sum)
        } else {
            format!("product[{}:0]", sum - 1)
        };
        let unused = if sum < product {
            format!("wire unused = &{{1'b0, product[{}:{sum}]}};\n", product - 1)
        } else {
            String::new()
        };
        Verilog::Custom(format!(
            "\
reg  signed [{word_high}:0] operand_in;
reg  signed [{weight_high}:0] weight_in;
reg  signed [{high}:0] product;
{kept}wire signed [{sum_high}:0] addend = {addend};
{unused}
always @(posedge clock) begin
    operand_in <= operand;
    weight_in  <= weight;
{multiplication}
    if (enable) begin
        sum <= first ? addend : sum + addend;
    end
end",
            word_high = word - 1,
            weight_high = weight - 1,
            high = product - 1,
            sum_high = sum - 1,
        ))
    }
}
