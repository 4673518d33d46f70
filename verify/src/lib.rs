//! Evidence beyond simulation: proofs about the generated Verilog, mutants of it, and planted bugs.
//!
//! 1. [`formal`] proves properties of units at small widths and depths with SymbiYosys. A property that cannot fail proves
//!    nothing: for each group, a fault is planted ([`Edit`]) for which the proof must fail.
//! 2. [`mutation`] changes the netlists of units and of a whole design at random, many mutants per simulation model, and counts
//!    those that the benches notice. Of the others, some are proven equivalent; the rest is listed.
//! 3. A [`PlantedBug`] is a documented mistake of a kind that happens; co-simulation must fail on it with the right fault.
//! 4. A [`Summary`] says in a few lines what all steps of a test run have seen.
//! 5. Tools are found at run time ([`Tools`]); a machine without them builds this crate, and a message names the packages.

mod edit;
mod error;
pub mod formal;
pub mod mutation;
mod printed;
mod results;
mod summary;
mod tools;

pub use edit::{Edit, PlantedBug};
pub use error::{Error, Result};
pub use results::results_folder;
pub use summary::{Cosim, Share, Summary};
pub use tools::Tools;
