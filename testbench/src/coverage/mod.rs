//! What simulations have exercised: lines, branches and toggles of every module.
//!
//! 1. [`CoverageCounts`] are the counts of one simulation, as Verilator writes them.
//! 2. [`CoverageReport`] merges the counts of many simulations and designs per kind of module.
//! 3. [`cosim_with_coverage`] counts what a co-simulation of a unit exercises.
//! 4. [`CoverageExceptions`] name, with a reason, what need not be reached; one that is not needed is an error.

mod cosim;
mod counts;
mod exceptions;
mod lcov;
mod report;

pub use cosim::cosim_with_coverage;
pub use counts::{CoverageCounts, CoveragePoint, PointKind};
pub use exceptions::{CoverageExceptions, Excepted};
pub use report::{CoverageReport, Covered, ModuleCoverage};
