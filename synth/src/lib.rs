//! Synthesis with Yosys, place and route with nextpnr: the area and the clock rate of Verilog.
//!
//! 1. A [`Design`] is Verilog and hex files by name and text, a top module and its clock. Nothing here knows what it computes.
//! 2. A [`Target`] is a device family with one device, package and speed grade, and the options that did best for units.
//! 3. [`synthesise`] maps the design alone and counts its cells ([`Area`]).
//! 4. The mapped design then goes into a wrapper with one pin in and one pin out, and is placed and routed ([`Timing`]). No pin
//!    limits the number of ports, and no path of the wrapper is longer than one LUT.
//! 5. Tools are found at run time ([`Tool`]): of those that are installed, the newest version.

mod area;
mod design;
mod error;
mod nextpnr;
mod ports;
mod synthesis;
mod target;
mod timing;
mod tool;
mod wrapper;
mod yosys;

pub use area::Area;
pub use design::Design;
pub use error::{Error, Result};
pub use synthesis::{Options, Placement, Run, Synthesis, Toolchain, synthesise};
pub use target::Target;
pub use timing::{CriticalPath, Timing};
pub use tool::{Tool, ToolKind};
