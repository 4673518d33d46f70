//! From the profile of a program to emulators of the regions that are worth it.
//!
//! 1. A [`Profile`] is what `emeuro_regions` has written: the call tree with times, and inputs and outputs of every region.
//! 2. A short training of every region that takes time says how hard it is ([`train_regions`]).
//! 3. The set of regions (`tree`) that saves most time is trained; what does not reach the target, or is slower than its exact code,
//!    is given up, and the choice is made again: from an outer region it descends to the inner ones.
//! 4. Where outputs come back as inputs, the error of a step is not that of the program: sequences of calls are played with the emulator's
//!    own state ([`LoopErrors`]).

mod feedback_loop;
mod file;
mod regions;
mod timing;
mod tree;

pub use feedback_loop::{Feedback, LoopErrors};
pub use file::{Profile, RegionSamples};
pub use regions::{Decision, ProfileTraining, RegionReport, TrainedProfile, train_regions};
pub use tree::Call;
