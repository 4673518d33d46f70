//! The exact code that emulators are compared with.
//!
//! 1. A [`Baseline`] is one way to compute a region, with what it is, where it comes from and its settings.
//! 2. A [`Kind`] says what it stands for: a *library* of the original work, the *textbook* code that a program has before
//!    anybody optimised it, or *optimised* code, the best that we know.
//! 3. [`Code`] is a planned baseline on its own kind of numbers: everything that can be done once is done before the first call.
//! 4. All baselines of a region compute the same function; tests compare each with the others. One cannot: OpenCV's tracker.
//! 5. None is slower than its author would have it: shims are compiled with -O3, FFTW plans by measuring, vectors are the widest
//!    that the machine has.
//! 6. [`FloatNetwork`] is the plain version of an emulator itself: its network in `f32` on `ndarray`.
//!
//! Libraries need the feature `library-baselines` and their Debian packages; without it, this crate is Rust alone.

mod baseline;
mod convolution;
mod fft;
mod float_network;
#[cfg(feature = "library-baselines")]
mod libraries;
mod newton;
mod optical_flow;
mod real;
mod rope;

pub use baseline::{Baseline, Code, Inputs, Kind, baselines};
pub use float_network::FloatNetwork;
