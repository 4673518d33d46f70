//! Which output frames must come, and whether the beats that come are theirs.

use crate::axi_stream::Beat;
use crate::failure::Fault;
use crate::words::low_bits;

/// A beat that is wrong, and in which word.
pub(crate) type Wrong = (usize, Fault);

/// The output frames that are expected, and how much of them has come.
#[derive(Debug)]
pub(crate) struct Scoreboard<'a> {
    frames: &'a [Vec<i16>],
    bits: u32,
    words_per_beat: usize,
    frame: usize,
    word: usize,
    words: u64,
}

impl<'a> Scoreboard<'a> {
    /// Nothing has come yet.
    pub(crate) fn new(frames: &'a [Vec<i16>], bits: u32, words_per_beat: usize) -> Self {
        Scoreboard { frames, bits, words_per_beat, frame: 0, word: 0, words: 0 }
    }

    /// The frame that is expected next, or of which a part has come.
    #[inline]
    pub(crate) fn frame(&self) -> usize {
        self.frame
    }

    /// The word of that frame that is expected next.
    #[inline]
    pub(crate) fn word(&self) -> usize {
        self.word
    }

    /// Words that have come.
    pub(crate) fn words(&self) -> u64 {
        self.words
    }

    /// Whether everything has come.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        self.frame == self.frames.len()
    }

    /// Compares a beat with the next words, which count as come even if they are wrong: `wrong` is told of each and may
    /// end it. The answer is whether the frame ends with this beat.
    ///
    /// # Errors
    /// What `wrong` returns; a `tkeep` that is wrong; a beat that nobody expects.
    #[inline]
    pub(crate) fn take(
        &mut self,
        beat: Beat,
        mut wrong: impl FnMut(Wrong) -> Result<(), Wrong>,
    ) -> Result<bool, Wrong> {
        let Some(frame) = self.frames.get(self.frame) else {
            return Err((0, Fault::Extra));
        };
        let words = &frame[self.word..];
        let words = &words[..words.len().min(self.words_per_beat)];
        let is_end = self.word + words.len() == frame.len();
        for (offset, &expected) in words.iter().enumerate() {
            let is_last = (offset + 1 == words.len()).then_some(is_end);
            if let Some(fault) = self.compare(beat, offset, expected, is_last) {
                wrong((self.word + offset, fault))?;
            }
        }
        if let Some(fault) = self.check_keep(beat, words.len()) {
            return Err((self.word, fault));
        }
        self.words += words.len() as u64;
        self.word += words.len();
        if is_end {
            self.frame += 1;
            self.word = 0;
        }
        Ok(is_end)
    }

    /// What is wrong with word `offset` of a beat, or, in its last word, with its `tlast`.
    #[inline]
    fn compare(&self, beat: Beat, offset: usize, expected: i16, is_last: Option<bool>) -> Option<Fault> {
        let got = low_bits(beat.data >> (offset as u32 * self.bits), self.bits);
        if got != expected {
            return Some(Fault::Word { expected, got });
        }
        let expected = is_last.filter(|&is_last| is_last != beat.last)?;
        Some(Fault::Last { expected, got: beat.last })
    }

    /// What is wrong with `tkeep`, if the stream has one: it marks the bytes of the first `words` words.
    #[inline]
    fn check_keep(&self, beat: Beat, words: usize) -> Option<Fault> {
        let expected = ((1u16 << (words as u32 * self.bits / 8)) - 1) as u8;
        let got = beat.keep.filter(|&keep| keep != expected)?;
        Some(Fault::Keep { expected, got })
    }
}
