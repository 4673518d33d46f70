//! Instruction sets: what kernels are written over, once for all of them, and an implementation for each.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod convert;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod peak;
mod portable;
mod range;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use convert::{Convert, Scaled};
pub(crate) use lanes::Lanes;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use peak::{MACS, busy};
pub(crate) use portable::Portable;
pub(crate) use range::Range;
