//! Emulators for programs in C, and in languages that can call C. The header is `include/emeuro.h`, made from this crate.
//!
//! 1. An [`Emulator`](handle::Emulator) is loaded once and shared by all threads; a [`Runner`](handle::Runner) belongs to one
//!    thread at a time and shares its emulator.
//! 2. Frames are checked before anything is computed: sizes, null, overlap, numbers that are not finite. What is wrong is a
//!    [`Status`] and a message of the thread ([`emeuro_last_error`](boundary::emeuro_last_error)).
//! 3. No panic crosses the boundary.
//! 4. All that is unsafe is in [`boundary`]; it turns pointers into slices and handles, and calls [`handle`].

pub mod boundary;
pub mod handle;
mod status;

pub use status::Status;
