//! Places of the kernels that go word by word through vectors of one length: add, multiply, maximum, ReLU, lookup.

use super::epilogue::Sink;
use crate::simd::memory::Place;

/// Where the words of an element-wise step are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// The first operand.
    pub(crate) a: Place,
    /// The second operand.
    pub(crate) b: Place,
    /// The result.
    pub(crate) y: Sink,
    /// Vectors of 32 words, the last one padded.
    pub(crate) vectors: usize,
}
