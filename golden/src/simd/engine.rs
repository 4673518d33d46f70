//! Frames of memory and the kernels that run over them.

use std::sync::Arc;

use super::{
    kernels::{Frames, Kernels},
    memory::Lines,
    plan::{Plan, Target},
    port::Scales,
};
use crate::{Emulator, Isa, Router, Selected, Value, VectorId};

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
    /// Formats of the input and output frames.
    scales: [Scales; 2],
}

impl Plan {
    /// The plan of an emulator for an instruction set; none for the specification.
    pub(crate) fn of(emulator: &Emulator, isa: Isa) -> Option<Self> {
        let Kernels { tiles, bytes, dense, .. } = *Kernels::of(isa)?;
        Some(Self::new(emulator, Target { tiles, bytes, dense }))
    }
}

impl Engine {
    /// An engine for `emulator` with the instructions `isa`; none for the specification, or if this machine has them not.
    pub(crate) fn new(emulator: &Emulator, isa: Isa) -> Option<Self> {
        let kernels = Kernels::of(isa).filter(|_| isa.is_available())?;
        let plan = emulator.plans.get(emulator, isa)?;
        let heavy = plan.steps.iter().any(|step| step.weights() >= HEAVY);
        let frames = (CACHE / plan.words).clamp(1, if heavy { FRAMES / 2 } else { FRAMES });
        Some(Self {
            memory: Lines::of_words(plan.words * frames),
            plan,
            kernels,
            selected: vec![None; frames],
            last: 0,
            scales: [Scales::of(emulator.input()), Scales::of(&emulator.output().port)],
        })
    }

    /// How many frames are computed at once at most.
    pub(crate) fn frames(&self) -> usize {
        self.selected.len()
    }

    /// What the router said about the last frame.
    pub(crate) fn selected(&self) -> Option<Selected> {
        self.selected[self.last]
    }

    /// The words of a vector after the last frame.
    pub(crate) fn vector(&self, vector: VectorId) -> &[i16] {
        let (place, size) = self.plan.vectors[vector.0];
        &self.memory.words()[self.last * self.plan.words + place..][..size]
    }

    /// One frame from words to words at a level; whether there are as many words as the ports have, and all fit the input's
    /// width, without which nothing was computed.
    #[inline]
    pub(crate) fn infer(
        &mut self,
        level: usize,
        words: &[i16],
        outputs: &mut [i16],
        router: Option<&Router>,
    ) -> bool {
        if words.len() != self.scales[0].words || outputs.len() != self.scales[1].words {
            return false;
        }
        let memory = Frames { first: self.memory.words_mut().as_mut_ptr(), stride: self.plan.words, router };
        let (words, outputs) = (words.as_ptr(), outputs.as_mut_ptr());
        self.last = 0;
        // SAFETY: the machine has the instructions; memory holds a frame of the plan; there are as many words as the ports have.
        unsafe {
            (self.kernels.infer)(
                &self.plan,
                level,
                memory,
                &mut self.selected[0],
                &self.scales[0],
                words,
                outputs,
            )
        }
    }

    /// Puts the words of one frame in; whether all fit the input's width.
    #[inline]
    pub(crate) fn put(&mut self, frame: usize, words: &[i16]) -> bool {
        assert_eq!(words.len(), self.scales[0].words);
        let memory = self.memory.words_mut()[frame * self.plan.words..].as_mut_ptr();
        // SAFETY: the machine has the instructions; there are as many words as the input port has.
        unsafe { (self.kernels.put_words)(&self.scales[0], words.as_ptr(), memory, &self.plan.input) }
    }

    /// Puts the values of one frame in; whether all are finite.
    #[inline]
    pub(crate) fn put_values<V: Value>(&mut self, frame: usize, values: &[V]) -> bool {
        assert_eq!(values.len(), self.scales[0].words);
        let memory = self.memory.words_mut()[frame * self.plan.words..].as_mut_ptr();
        // SAFETY: the machine has the instructions; there are as many values as the input port has words.
        unsafe {
            (V::conversions(self.kernels).put)(&self.scales[0], values.as_ptr(), memory, &self.plan.input)
        }
    }

    /// Computes the first `frames` frames at a level.
    #[inline]
    pub(crate) fn run(&mut self, level: usize, frames: usize, router: Option<&Router>) {
        let stride = self.plan.words;
        let memory = Frames { first: self.memory.words_mut().as_mut_ptr(), stride, router };
        let selected = &mut self.selected[..frames];
        selected.fill(None);
        // SAFETY: the machine has the instructions; memory holds that many frames of the plan.
        unsafe { (self.kernels.run)(&self.plan, level, memory, selected) }
        self.last = frames.saturating_sub(1);
    }

    /// Takes the words of one frame out.
    #[inline]
    pub(crate) fn take(&mut self, level: usize, frame: usize, words: &mut [i16]) {
        assert_eq!(words.len(), self.scales[1].words);
        let memory = self.memory.words()[frame * self.plan.words..].as_ptr();
        // SAFETY: the machine has the instructions; the copies are of words of the frame, as many as there are outputs.
        unsafe { (self.kernels.take_words)(&self.plan.levels[level].output, memory, words.as_mut_ptr()) }
    }

    /// Takes the values of one frame out.
    #[inline]
    pub(crate) fn take_values<V: Value>(&mut self, level: usize, frame: usize, values: &mut [V]) {
        assert_eq!(values.len(), self.scales[1].words);
        let copies = &self.plan.levels[level].output;
        let memory = self.memory.words_mut()[frame * self.plan.words..].as_mut_ptr();
        // SAFETY: the machine has the instructions; the copies are of words of the frame, which has room for the outputs.
        unsafe {
            let take = V::conversions(self.kernels).take;
            take(&self.scales[1], copies, memory, self.plan.output, values.as_mut_ptr());
        }
    }
}
