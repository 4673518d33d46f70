//! Names of the vectors of a graph.

/// The longest vector and the most weights per row that are accepted: 2^16 words.
pub const MAX_VECTOR: usize = 1 << 16;

/// Names a vector of the graph: the inputs come first, then one vector per node. An emulator has one input, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VectorId(pub(crate) usize);

impl VectorId {
    /// The input vector.
    pub const INPUT: Self = Self(0);

    /// Position in the order of computation; 0 is the input.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What an operation knows of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector<F> {
    /// Number of elements.
    pub size: usize,
    /// What the elements are.
    pub format: F,
}
