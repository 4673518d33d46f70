//! How long frames are, and how wide their words.

use emeuro_golden::Emulator;

/// The frames that a unit takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameShape {
    /// Words of an input frame.
    pub input_words: usize,
    /// Bits of an input word, 1 to 16, two's complement.
    pub input_bits: u32,
    /// Words of an output frame.
    pub output_words: usize,
    /// Bits of an output word.
    pub output_bits: u32,
    /// Words per beat of both streams.
    pub words_per_beat: usize,
}

impl FrameShape {
    /// That of a unit for an emulator.
    pub fn of(emulator: &Emulator, words_per_beat: usize) -> Self {
        FrameShape {
            input_words: emulator.input().size(),
            input_bits: emulator.input().bits,
            output_words: emulator.output().port.size(),
            output_bits: emulator.output().port.bits,
            words_per_beat,
        }
    }

    /// Beats of an input frame of the right length.
    pub fn input_beats(&self) -> usize {
        self.input_words.div_ceil(self.words_per_beat)
    }
}
