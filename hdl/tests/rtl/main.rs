//! Printed Verilog: against expected files, in linters and synthesis, and against the Rust simulation.

mod behaviour;
mod designs;
mod errors;
mod printer;
mod tools;
