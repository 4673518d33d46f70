//! Memory in lines of 64 bytes, as vectors like it.

/// 64 bytes at an address that is a multiple of 64.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line([i16; 32]);

/// Zero-filled lines.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// Room for `words` words.
    pub(crate) fn of_words(words: usize) -> Self {
        Self(vec![Line([0; 32]); words.div_ceil(32)])
    }

    /// The words, rounded up to whole lines.
    pub(crate) fn words(&self) -> &[i16] {
        // SAFETY: *local*: a line is 32 words without padding.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 32) }
    }

    /// The same, to write.
    pub(crate) fn words_mut(&mut self) -> &mut [i16] {
        // SAFETY: *local*, as `words`; the borrow of the lines is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * 32) }
    }

    /// The words `values`, and zeros up to whole lines.
    pub(crate) fn from_words(values: &[i16]) -> Self {
        let mut lines = Self::of_words(values.len());
        lines.words_mut()[..values.len()].copy_from_slice(values);
        lines
    }

    /// The bytes `values`, and zeros up to whole lines.
    pub(crate) fn from_bytes(values: &[u8]) -> Self {
        let pair = |pair: &[u8]| i16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        Self::from_words(&values.chunks(2).map(pair).collect::<Vec<_>>())
    }

    /// The sums `values`, and zeros up to whole lines.
    pub(crate) fn from_sums(values: &[i32]) -> Self {
        let words = values.iter().flat_map(|&sum| [sum as i16, (sum >> 16) as i16]);
        Self::from_words(&words.collect::<Vec<_>>())
    }

    /// Where the words begin.
    pub(crate) fn as_ptr(&self) -> *const i16 {
        self.0.as_ptr().cast()
    }
}
