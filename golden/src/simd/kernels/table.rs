//! The functions that an engine and the lowering ask of an instruction set.

use crate::{
    Selected,
    number::{Both, Family},
    simd::{
        memory::Frames,
        steps::{
            gemv_u8s8::{GemvU8S8, GemvU8S8Kernel},
            plan::Plan,
        },
    },
};

/// A level from words or values to such; false if a word does not fit the input's width, or a value is not finite. Then the outputs
/// are arbitrary.
///
/// # Safety
/// *Machine*, *frame*, *level*, *ports*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Infer<X> {
    /// Of one frame of memory.
    pub(crate) one: unsafe fn(&Plan, usize, *mut i16, &mut Option<Selected>, *const X, *mut X) -> bool,
    /// Of so many frames, of which memory holds as many as there are places for what the router selected, at least one.
    pub(crate) many: Many<X>,
}

/// See [`Infer::many`].
type Many<X> = unsafe fn(&Plan, usize, Frames, &mut [Option<Selected>], *const X, *mut X, usize) -> bool;

/// An [`Infer`] for every number type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InferOf;

impl Family for InferOf {
    type Of<V> = Infer<V>;
}

/// The functions of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    /// From words to words.
    pub(crate) words: Infer<i16>,
    /// From values to values.
    pub(crate) values: Both<InferOf>,
    /// As [`busy`](crate::simd::isa::busy): *machine*.
    pub(crate) busy: unsafe fn(usize) -> [i16; 32],
    /// The kernel of a step on bytes whose blocks all have as many tiles.
    pub(crate) gemv_u8s8: fn(&GemvU8S8) -> Option<GemvU8S8Kernel>,
    /// Tiles whose sums fit the registers.
    pub(crate) tiles: usize,
    /// Whether there is a dot product of bytes.
    pub(crate) bytes: bool,
}
