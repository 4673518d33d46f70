//! Steps: one kernel a file, each with its data and the loop over vectors that an instruction set is put into, and the [plan](plan::Plan)
//! that lists them.

pub(crate) mod add;
pub(crate) mod element;
pub(crate) mod elementwise;
pub(crate) mod epilogue;
pub(crate) mod gemv_acc64;
pub(crate) mod gemv_u8s8;
pub(crate) mod gemv_u8s8_batched;
pub(crate) mod gemv_u8s8_split_k;
pub(crate) mod grouped_gemv_s16;
pub(crate) mod input;
pub(crate) mod lookup;
pub(crate) mod maximum;
pub(crate) mod multiply;
mod names;
pub(crate) mod permutation;
pub(crate) mod plan;
pub(crate) mod quantise;
pub(crate) mod relu;
pub(crate) mod split_bytes;
pub(crate) mod stencil;
pub(crate) mod tiles;
pub(crate) mod transpose;
