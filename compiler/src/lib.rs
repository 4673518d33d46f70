//! Emulator to program: microcode, ROM images and the exact cycle count.
//!
//! 1. A unit has one instruction: a nest of hardware loops over multiply-accumulate tiles ([`Instruction`]).
//! 2. Every operation of an emulator becomes such nests; element-wise operations are blocks with a window of two words.
//! 3. One pass per file ([`passes`]), each from one representation to the next: select, straighten, isolate, pair, place, map, lower, schedule.
//! 4. The schedule is static: an instruction carries the delay after which its operands are sure to be there.
//! 5. In a unit with writable weights, [`rewrite`] says which words turn one network into another of the same shape.
//! 6. [`Machine`] executes a [`Program`] cycle by cycle; it defines what hardware has to do and predicts its cycles.

mod compile;
mod config;
mod limits;
mod machine;
pub mod passes;
mod program;
mod rewrite;
mod task;
pub mod timing;
mod unit_file;

pub use compile::{CompileError, compile};
pub use config::{
    ConfigError, Control, DEFAULT_LANES, Limits, MAX_LANES, MAX_SLOTS, MAX_WORDS_PER_BEAT, Multiplier,
    UnitConfig, WeightMemory,
};
pub use limits::{Excess, Width};
pub use machine::{Cycles, Machine, MachineError, Routed, Run};
pub use program::{
    AddressGenerator, Combine, DRAIN_LEVELS, Drain, Function, ISSUE_LEVELS, Instruction, Issue, Level,
    Members, OutputBuffer, Program, Table,
};
pub use rewrite::{RewriteError, WeightWrite, WritableMemory, rewrite};
pub use unit_file::{DesignNames, UnitFile, UnitFileError};
