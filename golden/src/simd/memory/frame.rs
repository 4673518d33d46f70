//! A frame of memory: every vector of a plan has its place in it, from a line on and with room up to whole lines.

/// A distance in words from the beginning of a frame of memory.
pub(crate) type Place = usize;

/// Words that a kernel may read or write beyond those that it means.
const SLACK: usize = 128;

/// Words of a line, and of a vector of the kernels.
const LINE: usize = 32;

/// Places given out one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    words: usize,
}

impl Layout {
    /// Room for `words`, in whole lines.
    pub(crate) fn take(&mut self, words: usize) -> Place {
        let begin = self.words;
        self.words += words.next_multiple_of(LINE);
        begin
    }

    /// Words of a frame that has all the places, and what kernels may touch beyond the last.
    pub(crate) fn frame(self) -> usize {
        (self.words + SLACK).next_multiple_of(LINE)
    }
}

/// Frames of memory one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Frames {
    /// Where the first begins.
    pub(crate) first: *mut i16,
    /// Distance of frames in words.
    pub(crate) stride: usize,
}

impl Frames {
    /// Where a frame begins.
    #[inline(always)]
    pub(crate) fn at(self, index: usize) -> *mut i16 {
        self.first.wrapping_add(index * self.stride)
    }
}
