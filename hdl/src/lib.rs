//! Hardware: Rust-HDL units whose shapes are run-time values, and the Verilog printer.
//!
//! 1. A unit is a `#[derive(LogicBlock)]` struct of [`Wire`]s, child units and one [`ModuleInfo`].
//! 2. Arithmetic and memories are written twice, side by side: a Rust `update` for simulation and a Verilog body. Wiring
//!    and unsigned control are written once, with `#[hdl_gen]`.
//! 3. Instances that differ only in a [`TextParameter`] or [`NumberParameter`] are one module.
//! 4. The registers of a unit with a control port are described once, in [`register_map`].
//! 5. [`print()`](printer::print) turns a tree of units into Verilog-2001: one file per module, one module per
//!    definition. Widths that do not match are errors there, never silent truncation.

mod annotation;
mod constant;
mod design;
mod marker;
mod module;
mod parameter;
pub mod printer;
pub mod register_map;
pub mod units;
mod value;
mod weight_loading;
mod wire;

pub use constant::ConstantWire;
pub use design::{UnitDesign, top_name};
pub use module::ModuleInfo;
pub use parameter::{NumberParameter, TextParameter, TextToken};
pub use printer::{Direction, Memory, Port, PrintError, VerilogFile, print};
pub use value::{Value, address_bits, bits_of};
pub use weight_loading::register_writes;
pub use wire::Wire;

/// A comment in an `#[hdl_gen]` body that also stands in the Verilog, above the next assignment.
///
/// It may stand only where a statement may, and takes one string literal.
#[macro_export]
macro_rules! comment {
    ($text:literal) => {};
}

/// What a file with units needs: Rust-HDL's own prelude and our types.
pub mod prelude {
    pub use rust_hdl_core::prelude::*;

    pub use crate::{
        ConstantWire, ModuleInfo, NumberParameter, TextParameter, Value, Wire, address_bits, bits_of, comment,
    };
}
