//! What the kernels share that go word by word through vectors of one length: add, multiply, maximum, ReLU, lookup.

use super::epilogue::Sink;
use crate::simd::memory::Place;

/// 2^align of two operands, and the right shift of what is made of them. No sum of them reaches 2^23: from there on the result is 0,
/// which no factors give too.
pub(crate) fn aligned(align: [u32; 2], shift: u32) -> ([i16; 2], u32) {
    if shift > 24 { ([0, 0], 24) } else { (align.map(|align| 1 << align), shift) }
}

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
