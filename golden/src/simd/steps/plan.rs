//! A plan: an emulator as steps over a frame of memory, each one kernel with its data.

use super::{
    add::Add,
    gemv_acc64::GemvAcc64,
    gemv_u8s8::{GemvU8S8, GemvU8S8Kernel},
    grouped_gemv_s16::GroupedGemv,
    input::Input,
    lookup::Lookup,
    maximum::Maximum,
    multiply::Multiply,
    permutation::Permutation,
    quantise::Scales,
    relu::Relu,
    split_bytes::SplitBytes,
    stencil::Stencil,
};
use crate::{Router, simd::memory::Place};

/// One kernel with its data.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    SplitBytes(SplitBytes),
    GemvU8S8(GemvU8S8, GemvU8S8Kernel),
    GroupedGemv(GroupedGemv),
    Stencil(Stencil),
    GemvAcc64(GemvAcc64),
    /// Windows one after the other at a place in the frame.
    Im2col(Permutation, Place),
    Add(Add),
    Multiply(Multiply),
    Maximum(Maximum),
    Relu(Relu),
    Lookup(Lookup),
    /// The router looks at its scores, from this place on.
    Route(Router, Place),
}

impl Step {
    /// Words of the weights and biases of a member.
    pub(crate) fn weights(&self) -> usize {
        match self {
            Self::GemvU8S8(step, _) => step.packed.words(),
            Self::GroupedGemv(step) => step.packed.words(),
            Self::Stencil(step) => step.packed.words(),
            Self::GemvAcc64(step) => step.window * step.rows.len(),
            _ => 0,
        }
    }
}

/// What a quality level computes.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// In order.
    pub(crate) steps: Vec<usize>,
    /// The words of the output frame.
    pub(crate) output: Permutation,
}

/// An emulator as steps over a frame of memory. All runners of an emulator share it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) levels: Vec<Program>,
    /// Where every vector begins, and its length; the input's words are there if a step reads them.
    pub(crate) vectors: Vec<(Place, usize)>,
    /// Where the input frame goes.
    pub(crate) input: Input,
    /// Where the output frame is put in order.
    pub(crate) output: Place,
    /// Formats of the input and output frame.
    pub(crate) ports: [Scales; 2],
    /// Words of memory for a frame.
    pub(crate) words: usize,
}

impl Plan {
    /// A level that the plan has: this one, or the highest.
    #[inline]
    pub(crate) fn level(&self, level: usize) -> usize {
        level.min(self.levels.len() - 1)
    }
}
