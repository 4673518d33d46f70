//! The golden model with vector instructions, bit for bit as the specification in [`run`](crate::Runner).
//!
//! 1. A [`plan::Plan`] is made once per emulator: every node becomes one or two steps with their places in a frame of memory
//!    and with weights packed in the order in which they are read.
//! 2. A step is one kernel, written once over [`lanes::Lanes`] and compiled for every instruction set ([`kernels`]).
//! 3. An [`engine::Engine`] is the memory of a runner: nothing is allocated or checked per frame.

#![allow(unsafe_code)]
// Loops with indices over arrays of vectors are unrolled, so that the arrays stay in registers.
#![allow(clippy::needless_range_loop)]

mod affine;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod convert;
mod copies;
mod dense;
mod element;
mod elementwise;
mod engine;
mod groups;
mod input;
mod kernels;
mod lanes;
mod memory;
#[cfg(target_arch = "aarch64")]
mod neon;
mod number;
mod peak;
mod plan;
mod plans;
mod port;
mod portable;
mod quarters;
mod repeats;
mod sink;
mod split;
mod table;
mod taps;
mod tiles;
mod transpose;
mod wide;

pub(crate) use engine::{Engine, unsupported};
pub(crate) use number::Number;
pub(crate) use plans::Plans;
