//! Runs Verilog in Verilator and compares it with the golden model, word by word.
//!
//! 1. A [`Design`] is a set of Verilog files, a top module and a clock. Nothing here knows what it computes.
//! 2. [`Model::build`] turns it into a shared object, once: models are cached by the content of all that made them.
//! 3. A [`Sim`] is one instance of a model, with its own ROM contents, seed and time. Weights are data: they never recompile.
//! 4. A [`StreamBench`] plays frames through AXI4-Stream with random traffic and checks every word and every bus rule.
//! 5. A [`ControlMaster`] reads and writes a unit's registers over AXI4-Lite, alone or beside the streams.
//! 6. Verilator is found at run time ([`Verilator`]); a machine without it builds this crate and skips ([`RtlPolicy`]).
//! 7. [`cosim`] compares a generated unit with its emulator: all words, and the clocks that the compiler predicted.
//! 8. A [`Scenario`] is a stimulus as data, drawn at random by a [`Recipe`]: resets at any time, frames of every length, accesses.
//! 9. A [`UnitBench`] plays scenarios and keeps score; one that fails is shrunk and kept with its waveform ([`Finding`]).
//! 10. What simulations exercise is counted, merged over designs and judged ([`CoverageReport`]).
//! 11. Random choices come from a `u64` seed, so that a failure repeats; it is printed with the failure ([`Failure`]).

mod axi_lite;
mod axi_stream;
mod cache;
mod cosim;
mod coverage;
mod design;
mod error;
mod failure;
mod finding;
mod flag_score;
mod model;
mod power_up;
mod raw;
mod recipe;
mod register_score;
mod runtime;
mod scenario;
mod scoreboard;
mod sender;
mod shim;
mod shrink;
mod sim;
mod stream_bench;
mod traffic;
mod unit_bench;
mod verilator;
mod words;

pub use axi_lite::{Completed, ControlFault, ControlMaster, Order, Response, Transaction};
pub use axi_stream::{Beat, StreamDriver, StreamMonitor};
pub use cache::Cache;
pub use cosim::{Comparison, cosim, cosim_at, cosim_scenario, cosim_traced};
pub use coverage::{
    CoverageCounts, CoverageExceptions, CoveragePoint, CoverageReport, Covered, Excepted, ModuleCoverage,
    PointKind, cosim_with_coverage,
};
pub use design::{Design, Direction, Port, SourceFile};
pub use error::{Error, Result};
pub use failure::{Failure, Fault};
pub use finding::{Evidence, Finding};
pub use model::{Coverage, Model, Options};
pub use recipe::Recipe;
pub use scenario::{Event, Reset, Run, Scenario};
pub use sim::{InPort, OutPort, PortId, PowerUp, Roms, Sim, WAVEFORMS};
pub use stream_bench::{OnMismatch, Statistics, StreamBench, Timing};
pub use traffic::{Pattern, Traffic};
pub use unit_bench::{FrameShape, Score, UnitBench};
pub use verilator::{RtlPolicy, Verilator};
