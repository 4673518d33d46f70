//! Multiply-accumulate: one product per clock into one accumulator.
//!
//! `first` begins a new sum: the accumulator takes the product instead of adding it. In units with element-wise
//! products, `use_held` multiplies the operand with the one of the clock before instead of with the weight. In units with
//! element-wise maxima, `keep_largest` takes the product only if it is larger than what is there.
//!
//! ```text
//!                   +-----+
//!         clock --->|     |
//!       operand -/->|     |
//!        weight -/->|     |
//!     use_held_0 -->| mac |-/--> sum
//! keep_largest_0 -->|     |
//!        enable --->|     |
//!         first --->|     |
//!                   +-----+
//! ```
//!
//! Timing: three clocks from operand and weight to the sum; `use_held_0` comes with the operand, `enable`, `first` and
//! `keep_largest_0` two clocks later.
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
//! let shape = MacShape { word: 16, weight: 8, sum: 40, ..MacShape::default() };
//! let mut mac = Mac::new(shape);
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

use super::{
    extend::sign_extended,
    multiplier::{Multiplier, use_held_wire},
};
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
    /// Multiplies with the operand of the clock before; one wire in units with element-wise products, none in others.
    pub use_held: Vec<Wire<In>>,
    /// Adds the product.
    pub enable: Wire<In>,
    /// Begins a new sum.
    pub first: Wire<In>,
    /// Takes the product only if it is larger; one wire in units with element-wise maxima, none in others.
    pub keep_largest: Vec<Wire<In>>,
    /// The accumulator.
    pub sum: Wire<Out>,
    multiplier: Multiplier,
    accumulator: Accumulator,
}

/// The widths of a lane's datapath.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MacShape {
    /// Bits of a word in memory.
    pub word: u32,
    /// Bits of a weight.
    pub weight: u32,
    /// Bits of the accumulator.
    pub sum: u32,
    /// Whether two operands can be multiplied with each other.
    pub element_wise: bool,
    /// Whether the largest product can be kept instead of the sum.
    pub maximum: bool,
    /// What the multiplier is made of.
    pub multiplier: emeuro_compiler::Multiplier,
}

impl MacShape {
    /// Bits of a product.
    pub fn product(&self) -> u32 {
        self.word + if self.element_wise { self.word.max(self.weight) } else { self.weight }
    }
}

impl Mac {
    /// A datapath of the given widths.
    pub fn new(shape: MacShape) -> Self {
        Self {
            info: ModuleInfo::new("mac", "one product per clock into one accumulator")
                .latency("3 clocks from `operand` and `weight` to `sum`; `enable` and `first` come 2 clocks later.")
                .limits("the accumulator wraps; the compiler has proven that no sum reaches that far."),
            clock: Default::default(),
            operand: Wire::new(shape.word, "The word from memory").signed(),
            weight: Wire::new(shape.weight, "The weight").signed(),
            use_held: use_held_wire(shape),
            enable: Wire::new(1, "Adds the product"),
            first: Wire::new(1, "Begins a new sum with it"),
            keep_largest: keep_largest_wire(shape),
            sum: Wire::new(shape.sum, "The accumulator").signed(),
            multiplier: Multiplier::new(shape),
            accumulator: Accumulator::new(shape),
        }
    }
}

impl Logic for Mac {
    #[hdl_gen]
    fn update(&mut self) {
        self.multiplier.clock.next = self.clock.val();
        self.accumulator.clock.next = self.clock.val();
        self.multiplier.operand.next = self.operand.val();
        self.multiplier.weight.next = self.weight.val();
        for i in 0..self.use_held.len() {
            self.multiplier.use_held[i].next = self.use_held[i].val();
        }
        self.accumulator.product.next = self.multiplier.product.val();
        self.accumulator.enable.next = self.enable.val();
        self.accumulator.first.next = self.first.val();
        for i in 0..self.keep_largest.len() {
            self.accumulator.keep_largest[i].next = self.keep_largest[i].val();
        }
        self.sum.next = self.accumulator.sum.val();
    }
}

/// The optional control wire of element-wise maxima.
pub(crate) fn keep_largest_wire(shape: MacShape) -> Vec<Wire<In>> {
    shape.maximum.then(|| Wire::new(1, "Takes the product only if it is larger")).into_iter().collect()
}

/// Adds products, or keeps the largest.
#[derive(LogicBlock)]
struct Accumulator {
    info: ModuleInfo,
    clock: Signal<In, Clock>,
    product: Wire<In>,
    enable: Wire<In>,
    first: Wire<In>,
    keep_largest: Vec<Wire<In>>,
    sum: Wire<Out>,
}

impl Accumulator {
    fn new(shape: MacShape) -> Self {
        Self {
            info: ModuleInfo::new("accumulator", "adds products").latency("1 clock."),
            clock: Default::default(),
            product: Wire::new(shape.product(), "The product").signed(),
            enable: Wire::new(1, "Adds the product"),
            first: Wire::new(1, "Begins a new sum with it"),
            keep_largest: keep_largest_wire(shape),
            sum: Wire::new(shape.sum, "The sum").signed(),
        }
    }
}

impl Logic for Accumulator {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val().any() {
            let (sum, product) = (self.sum.val().as_i64(), self.product.val().as_i64());
            let keeps_largest = self.keep_largest.iter().any(|wire| wire.val().any());
            self.sum.next = Value::signed(match (self.first.val().any(), keeps_largest) {
                (true, _) => product,
                (false, true) => sum.max(product),
                (false, false) => sum + product,
            });
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let (product, sum) = (self.product.width(), self.sum.width());
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
        let (keeps, takes, replaces) = match self.keep_largest.as_slice() {
            [] => ("", "enable", "first"),
            _ => (
                "wire keeps = keep_largest_0 && !first && sum >= addend;\n",
                "enable && !keeps",
                "first || keep_largest_0",
            ),
        };
        Verilog::Custom(format!(
            "\
wire signed [{high}:0] addend = {addend};
{unused}{keeps}
always @(posedge clock) begin
    if ({takes}) begin
        sum <= {replaces} ? addend : sum + addend;
    end
end",
            high = sum - 1,
        ))
    }
}
