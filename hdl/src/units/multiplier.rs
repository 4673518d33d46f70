//! Multiplier with registers at its inputs and at its output.
//!
//! In units with element-wise products, `use_held` multiplies the operand with the one of the clock before instead of
//! with the weight.
//!
//! The same module has two bodies: the `*` operator, which every tool maps to what its device has, and Lattice ECP5's
//! MULT18X18D with all its registers, which is faster there, because no wires lie between multiplier and registers.
//! Simulators see the operator in either case.
//!
//! ```text
//!               +------------+
//!     clock --->|            |
//!   operand -/->|            |
//!    weight -/->| multiplier |-/--> product
//! use_held_0 -->|            |
//!               +------------+
//! ```
//!
//! Timing: two clocks from `operand`, `weight` and `use_held_0` to `product`.
//!
//! # Example
//!
//! ```
//! use emeuro_hdl::prelude::*;
//! use emeuro_hdl::units::mac::MacShape;
//! use emeuro_hdl::units::multiplier::Multiplier;
//!
//! let shape = MacShape { word: 16, weight: 8, sum: 40, ..MacShape::default() };
//! let mut multiplier = Multiplier::new(shape);
//! multiplier.connect_all();
//! multiplier.operand.next = Value::signed(300);
//! multiplier.weight.next = Value::signed(-2);
//! for _ in 0..2 {
//!     for clk in [false, true] {
//!         multiplier.clock.next = Clock { clk };
//!         assert!(simulate(&mut multiplier, 10));
//!     }
//! }
//! assert_eq!(multiplier.product.val().as_i64(), -600);
//! ```

use emeuro_compiler::Multiplier as Kind;

use super::{extend::sign_extended, mac::MacShape};
use crate::prelude::*;

/// Width of either input of a MULT18X18D.
const ECP5_INPUT: u32 = 18;

/// See the [module's documentation](self).
#[derive(LogicBlock)]
pub struct Multiplier {
    /// Name and documentation.
    pub info: ModuleInfo,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word from memory.
    pub operand: Wire<In>,
    /// The weight.
    pub weight: Wire<In>,
    /// Multiplies with the operand of the clock before; one wire or none.
    pub use_held: Vec<Wire<In>>,
    /// The product.
    pub product: Wire<Out>,
    _kind: Kind,
    _operand: i64,
    _factor: i64,
}

/// The optional control wire of element-wise products.
pub(crate) fn use_held_wire(shape: MacShape) -> Vec<Wire<In>> {
    let comment = "Multiplies with the operand of the clock before instead of the weight";
    shape.element_wise.then(|| Wire::new(1, comment)).into_iter().collect()
}

impl Multiplier {
    /// A multiplier of the given widths.
    pub fn new(shape: MacShape) -> Self {
        let info = ModuleInfo::new("multiplier", "two factors to a product");
        let info = match shape.multiplier {
            Kind::Generic => info,
            Kind::Ecp5 => info.prose("For synthesis a MULT18X18D of Lattice ECP5 with its own registers."),
        };
        Self {
            info: info.latency("2 clocks."),
            clock: Default::default(),
            operand: Wire::new(shape.word, "The word from memory").signed(),
            weight: Wire::new(shape.weight, "The weight").signed(),
            use_held: use_held_wire(shape),
            product: Wire::new(shape.product(), "The product").signed(),
            _kind: shape.multiplier,
            _operand: 0,
            _factor: 0,
        }
    }

    /// Bits of the factor that the operand is multiplied with.
    fn factor_bits(&self) -> u32 {
        self.product.width() - self.operand.width()
    }

    /// The device's multiplier between `operand` and `factor`.
    fn ecp5(&self) -> String {
        let pins = |letter: char, bus: &str, count: u32| -> String {
            (0..count).map(|i| format!("        .{letter}{i}({bus}[{i}]),\n")).collect()
        };
        format!(
            "\
wire [{high}:0] a = {a};
wire [{high}:0] b = {b};
wire [{product_high}:0] p;
assign product = p[{used_high}:0];

MULT18X18D #(
    .REG_INPUTA_CLK(\"CLK0\"),
    .REG_INPUTB_CLK(\"CLK0\"),
    .REG_OUTPUT_CLK(\"CLK0\")
) device_multiplier (
{a_pins}{b_pins}{p_pins}        .SIGNEDA(1'b1),
        .SIGNEDB(1'b1),
        .SOURCEA(1'b0),
        .SOURCEB(1'b0),
        .CLK0(clock),
        .CE0(1'b1),
        .RST0(1'b0)
);",
            high = ECP5_INPUT - 1,
            product_high = 2 * ECP5_INPUT - 1,
            used_high = self.product.width() - 1,
            a = sign_extended("operand", self.operand.width(), ECP5_INPUT),
            b = sign_extended("factor", self.factor_bits(), ECP5_INPUT),
            a_pins = pins('A', "a", ECP5_INPUT),
            b_pins = pins('B', "b", ECP5_INPUT),
            p_pins = pins('P', "p", 2 * ECP5_INPUT),
        )
    }
}

impl Logic for Multiplier {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.product.next = Value::signed(self._operand * self._factor);
            let uses_held = self.use_held.iter().any(|w| w.val().any());
            self._factor = if uses_held { self._operand } else { self.weight.val().as_i64() };
            self._operand = self.operand.val().as_i64();
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        let (word, weight, bits) = (self.operand.width(), self.weight.width(), self.factor_bits());
        let held = !self.use_held.is_empty();
        let factor = match held {
            false => "weight".to_owned(),
            true => format!(
                "use_held_0 ? {} : {}",
                sign_extended("previous", word, bits),
                sign_extended("weight", weight, bits)
            ),
        };
        let previous = match held {
            false => String::new(),
            true => format!(
                "reg signed [{}:0] previous;\n\nalways @(posedge clock) begin\n    previous <= operand;\nend\n\n",
                word - 1
            ),
        };
        let operator = format!(
            "\
reg signed [{}:0] operand_in;
reg signed [{}:0] factor_in;

always @(posedge clock) begin
    operand_in <= operand;
    factor_in  <= factor;
    product    <= operand_in * factor_in;
end",
            word - 1,
            bits - 1
        );
        let body = match self._kind {
            Kind::Generic => operator,
            Kind::Ecp5 => format!(
                "`ifdef SYNTHESIS\n{}\n`else\n{}\nassign product = operator_product;\n`endif",
                self.ecp5(),
                operator
                    .replace(
                        "\n\nalways",
                        &format!("\nreg signed [{}:0] operator_product;\n\nalways", self.product.width() - 1)
                    )
                    .replace("    product    <=", "    operator_product <=")
            ),
        };
        Verilog::Custom(format!("{previous}wire signed [{}:0] factor = {factor};\n\n{body}", bits - 1))
    }
}
