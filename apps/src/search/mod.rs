//! Search over the emulators of an application: over its subroutine tree, topologies and number formats.
//!
//! An application says what can be tried ([`Application::search_space`](crate::Application::search_space)); the trainer's
//! [search](emeuro_trainer::search) says in which order and for how long; here every candidate is made and measured.

mod convolution;
mod cpu;
mod fft;
mod knobs;
mod low_rank;
mod mixed_radix;
mod newton;
mod optical_flow;
mod progress;
mod report;
mod rope;
mod search_emulators;
mod space;
mod tree;
mod trial;

pub use report::{Choice, Point, SearchReport};
pub use search_emulators::{SearchOptions, search_emulators};
pub use space::{Compute, Make, Plan, Reference, SearchCandidate, SearchSpace};
pub use tree::{Decision, Subroutine, Way};

pub(crate) use convolution::space as convolution_space;
pub(crate) use fft::space as fft_space;
pub(crate) use newton::space as newton_space;
pub(crate) use optical_flow::space as optical_flow_space;
pub(crate) use rope::space as rope_space;
