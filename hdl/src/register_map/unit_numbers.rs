//! The numbers of a unit that its registers depend on.

use emeuro_compiler::{Program, WeightMemory};

use super::MAP_VERSION;

/// What the registers of a unit depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitNumbers {
    /// Lanes that are built.
    pub lanes: u32,
    /// Slots of the post-processing: so many bias memories.
    pub slots: u32,
    /// Words per beat of both streams.
    pub words_per_beat: u32,
    /// Words of an input frame.
    pub input_words: u32,
    /// Words of an output frame.
    pub output_words: u32,
    /// Bits of an input word.
    pub input_bits: u32,
    /// Bits of an output word.
    pub output_bits: u32,
    /// Weights of every lane.
    pub weight_words: u32,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Biases.
    pub bias_words: u32,
    /// Bits of a bias.
    pub bias_bits: u32,
    /// Where the weights are.
    pub weights: WeightMemory,
    /// Quality levels.
    pub levels: u32,
    /// Members that frames are routed to; 0 if there is no router.
    pub members: u32,
}

impl UnitNumbers {
    /// Those of the unit that is built for `program`.
    pub fn of(program: &Program) -> Self {
        Self {
            lanes: program.used_lanes() as u32,
            slots: program.slots as u32,
            words_per_beat: program.config.words_per_beat() as u32,
            input_words: program.input_words as u32,
            output_words: program.output.frame_words() as u32,
            input_bits: program.input_bits,
            output_bits: program.output_bits,
            weight_words: program.weights[0].len() as u32,
            weight_bits: program.weight_bits,
            bias_words: program.bias[0].len() as u32,
            bias_bits: program.bias_bits(),
            weights: program.config.weights(),
            levels: program.levels() as u32,
            members: program.members.as_ref().map_or(0, |members| members.count() as u32),
        }
    }

    /// The lowest version of the map that has all registers of the unit.
    pub fn map_version(&self) -> u32 {
        if self.levels > 1 || self.members > 0 { MAP_VERSION } else { 1 }
    }

    /// Bits of the widest word that can be written.
    pub fn word_bits(&self) -> u32 {
        self.weight_bits.max(self.bias_bits)
    }

    /// Memories that can be written: of the lanes, then of the slots.
    pub fn memories(&self) -> u32 {
        self.lanes + self.slots
    }

    /// Words of the largest memory that can be written.
    pub fn memory_words(&self) -> u32 {
        self.weight_words.max(self.bias_words)
    }
}
