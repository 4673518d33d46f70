//! From an emulator to a plan: once, when its first runner is made.
//!
//! [`nodes`] says which kernel computes a node; a [`layer`] that is made of dot products says whether a kernel can compute it, and
//! [packs](packing) its weights for it, in a file for each kernel.

mod gemv_acc64;
mod gemv_u8s8;
mod grouped_gemv_s16;
mod layer;
mod nodes;
mod packing;
mod stencil;
mod width;

pub(crate) use nodes::{Target, lower};
