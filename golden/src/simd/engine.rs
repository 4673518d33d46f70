//! Frames of memory and the kernels that run over them.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    kernels::{Infer, Kernels},
    lowering::{Target, lower},
    memory::{Frames, Lines},
    steps::plan::Plan,
};
use crate::{Emulator, Isa, Node, Selected, Value, VectorId};

/// Words of frames that are likely to stay in the first cache.
const CACHE: usize = 16 << 10;

/// The most frames at once: enough to hide the latency of one by the others.
const FRAMES: usize = 8;

/// Words of a step's weights, 16 KiB, from which on there are half as many frames beside them.
const HEAVY: usize = 8 << 10;

/// Computes an emulator's frames with vector instructions.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    plan: Arc<Plan>,
    kernels: &'static Kernels,
    memory: Lines,
    /// What the router selected for each of the frames at once.
    selected: Vec<Option<Selected>>,
    /// Where the last frame is.
    last: usize,
}

/// The plan of an emulator for an instruction set, made once; none for the specification, or if kernels have not the words of a
/// layer.
pub(super) fn plan_of(emulator: &Emulator, isa: Isa) -> Option<Arc<Plan>> {
    if unsupported(emulator).is_some() {
        return None;
    }
    emulator.plans.get(isa, || {
        let Kernels { tiles, bytes, gemv_u8s8, .. } = *Kernels::of(isa)?;
        Some(lower(emulator, Target { tiles, bytes, gemv_u8s8 }))
    })
}

impl Emulator {
    /// The steps that a level runs with the instructions `isa`, and what of their kernels they use, by name: for tests, which must
    /// have run all of them. Empty for the specification.
    #[doc(hidden)]
    pub fn steps_at(&self, isa: Isa, level: usize) -> BTreeSet<String> {
        plan_of(self, isa).map_or_else(Default::default, |plan| plan.names(plan.level(level)))
    }
}

/// The first layer whose words kernels have not.
pub(crate) fn unsupported(emulator: &Emulator) -> Option<&Node> {
    emulator.nodes().iter().find(|node| !node.format.is_signed_of(&[8, 16]))
}

impl Engine {
    /// An engine for `emulator` with the instructions `isa`; none for the specification, if this machine has
    /// them not, or if kernels have not the words of a layer.
    pub(crate) fn new(emulator: &Emulator, isa: Isa) -> Option<Self> {
        let kernels = Kernels::of(isa).filter(|_| isa.is_available())?;
        let plan = plan_of(emulator, isa)?;
        let heavy = plan.steps.iter().any(|step| step.weights() >= HEAVY);
        let frames = (CACHE / plan.words).clamp(1, if heavy { FRAMES / 2 } else { FRAMES });
        Some(Self {
            memory: Lines::of_words(plan.words * frames),
            plan,
            kernels,
            selected: vec![None; frames],
            last: 0,
        })
    }

    /// What the router said about the last frame.
    pub(crate) fn selected(&self) -> Option<Selected> {
        self.selected[self.last]
    }

    /// The words of a layer's vector after the last frame, if there is one.
    pub(crate) fn vector(&self, vector: VectorId) -> Option<&[i16]> {
        let &(place, size) = self.plan.vectors.get(vector.0)?;
        Some(&self.memory.words()[self.last * self.plan.words + place..][..size])
    }

    /// One frame from words to words at a level, the highest for any beyond; whether there are as many words as the ports have, and all fit the input's
    /// width, without which nothing was computed.
    #[inline]
    pub(crate) fn infer(&mut self, level: usize, words: &[i16], outputs: &mut [i16]) -> bool {
        self.one(self.kernels.words, level, words, outputs)
    }

    /// `frames` frames from words to words at a level, of which there are as many words as the ports have; whether all fit the
    /// input's width.
    #[inline]
    pub(crate) fn infer_batch(
        &mut self,
        level: usize,
        frames: usize,
        words: &[i16],
        outputs: &mut [i16],
    ) -> bool {
        self.many(self.kernels.words, level, frames, words, outputs)
    }

    /// One frame from values to values at a level; whether there are as many as the ports have words, and all are finite, without
    /// which nothing was computed.
    #[inline]
    pub(crate) fn infer_values<V: Value>(&mut self, level: usize, values: &[V], outputs: &mut [V]) -> bool {
        self.one(*V::pick(&self.kernels.values), level, values, outputs)
    }

    /// The same of `frames` frames; whether all values are finite.
    #[inline]
    pub(crate) fn infer_values_batch<V: Value>(
        &mut self,
        level: usize,
        frames: usize,
        values: &[V],
        outputs: &mut [V],
    ) -> bool {
        self.many(*V::pick(&self.kernels.values), level, frames, values, outputs)
    }

    #[inline]
    fn one<X>(&mut self, infer: Infer<X>, level: usize, inputs: &[X], outputs: &mut [X]) -> bool {
        let [input, output] = &self.plan.ports;
        if inputs.len() != input.words || outputs.len() != output.words {
            return false;
        }
        let frame = self.memory.words_mut().as_mut_ptr();
        let (level, selected) = (self.plan.level(level), &mut self.selected[0]);
        let (inputs, outputs) = (inputs.as_ptr(), outputs.as_mut_ptr());
        // SAFETY: *machine*, as an engine is made only where its instructions are available; *frame*: memory holds one at least, and
        // is borrowed alone; *level*, as `Plan::level` gives one that there is; *ports*, as has been looked at.
        let computed = unsafe { (infer.one)(&self.plan, level, frame, selected, inputs, outputs) };
        if computed {
            self.last = 0;
        }
        computed
    }

    #[inline]
    fn many<X>(
        &mut self,
        infer: Infer<X>,
        level: usize,
        frames: usize,
        inputs: &[X],
        outputs: &mut [X],
    ) -> bool {
        let [input, output] = &self.plan.ports;
        assert_eq!(inputs.len(), frames * input.words);
        assert_eq!(outputs.len(), frames * output.words);
        let memory = Frames { first: self.memory.words_mut().as_mut_ptr(), stride: self.plan.words };
        let (level, selected) = (self.plan.level(level), &mut self.selected[..]);
        let (inputs, outputs) = (inputs.as_ptr(), outputs.as_mut_ptr());
        // SAFETY: *machine*, *level*: as above; *frame*: memory holds one for each that may be selected for, and is borrowed alone;
        // *ports*, as has been looked at for all frames.
        let computed = unsafe { (infer.many)(&self.plan, level, memory, selected, inputs, outputs, frames) };
        if computed && frames > 0 {
            self.last = (frames - 1) % self.selected.len();
        }
        computed
    }
}
