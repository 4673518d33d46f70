//! Printed Verilog: against expected files, in linters and synthesis, and against the Rust simulation; and every unit
//! alone against what it is to do.

mod behaviour;
mod bench;
mod designs;
mod errors;
mod printer;
mod record;
mod replay;
mod tools;
mod units;
