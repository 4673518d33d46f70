//! Memory of kernels: lines that vectors like, and places in a frame of it.

mod frame;
mod lines;

pub(crate) use frame::{Frames, Layout, Place};
pub(crate) use lines::Lines;
