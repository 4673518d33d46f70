//! Who learns what an emulator could not answer.

use emeuro_golden::Selected;

/// Learns from inputs that a region's emulator could not answer, and may load a better one into the region when there is one.
///
/// [`Region::set_learner`](crate::Region::set_learner) gives a region one; `emeuro_online::Online` is one. A learner may call the region:
/// such a call is like any other, the learner is asked about it and handed what it does not trust. It has to end that itself.
pub trait Learner: Send + Sync {
    /// Whether the emulator's answer to an input that its router saw so is to be used. It is asked for every input, in all threads.
    fn trusts(&self, selected: Selected) -> bool {
        selected.familiar
    }

    /// The exact code has answered.
    fn learn(&self, pair: Pair<'_>);
}

/// An input with its exact output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair<'a> {
    /// The input frame.
    pub inputs: &'a [f64],
    /// The output frame of the exact code; all numbers are finite.
    pub outputs: &'a [f64],
    /// The member of the emulator that the input belongs to; 0 without members.
    pub member: usize,
    /// Why the exact code was asked.
    pub why: Why,
}

/// What is to be learnt from a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The emulator was not trusted: inputs like this one were unknown to it, or the learner said so.
    Unfamiliar,
    /// A check has found an answer of the highest quality level whose error is above the target.
    Inaccurate,
}
