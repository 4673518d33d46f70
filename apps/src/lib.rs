//! The five benchmark applications.
//!
//! 1. An [`Application`] is a numerical region with a fixed frame: so many inputs, so many outputs.
//! 2. It has two kernels: the best CPU code that we know ([`Application::plan_exact`]) and the textbook
//!    code that a program would have today ([`Application::plan_reference`]). Both compute the same function.
//! 3. It makes its own data: [`Application::frames`] are seeded, documented, and the four [`Split`]s of one
//!    seed never share a random stream, hence no image, no signal, no trajectory and no starting point.
//! 4. It knows how its emulator comes to be ([`Application::recipe`]): it follows from the mathematics, or it is learnt.
//!    [`build_emulator`] does either; [`emulator`] is the result that is checked in.
//! 5. It knows what else could be tried ([`Application::search_space`]); [`search_emulators`] tries it on a budget of time.
//! 6. Error is NRMSE over held-out frames; where an output is ill conditioned, [`Frames::mask`] leaves it out ([`evaluate`]).

mod adaptation;
mod analytic;
mod application;
mod build;
mod checked_in;
mod convolution;
mod dead_leaves;
mod drift;
mod error;
mod evaluate;
mod fft;
mod frames;
mod kernel;
mod newton;
mod optical_flow;
mod recipe;
mod rope;
mod rounding;
mod scenario;
mod search;
mod signals;
mod slopes;
#[cfg(test)]
mod testing;

pub use adaptation::{AdaptOptions, Adaptation, Moment, adapt};
pub use analytic::Analytic;
pub use application::{Application, Signal, application, applications};
pub use build::{BuildOptions, Built, build_emulator, build_trained, clustered_rope, clusters_of_rope};
pub use checked_in::{emulator, emulator_texts, emulators};
pub use convolution::Convolution;
pub use error::{AppError, Result};
pub use evaluate::{Evaluation, evaluate, evaluate_at};
pub use fft::Fft;
pub use frames::{Frames, Split};
pub use kernel::Kernel;
pub use newton::{Family, Newton};
pub use optical_flow::OpticalFlow;
pub use recipe::{FrameCounts, Recipe, Training};
pub use rope::{Release, Rope};
pub use scenario::{Change, Scenario, scenario, scenarios};
pub use search::{
    Choice, Compose, Compute, Decision, Make, Plan, Point, Reference, SearchCandidate, SearchOptions,
    SearchReport, SearchSpace, Subroutine, Way, search_emulators,
};
pub use slopes::{Slopes, slopes};
