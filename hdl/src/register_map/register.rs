//! What a register and its fields are.

use emeuro_compiler::WeightMemory;

use super::{BYTES, UnitNumbers};
use crate::address_bits;

/// What the bus may do to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads; never changes.
    Constant,
    /// Reads.
    ReadOnly,
    /// Reads what was written.
    ReadWrite,
    /// Reads; writing 1 clears the bit, writing 0 leaves it.
    WriteOneToClear,
    /// Writing does something; reads 0.
    WriteOnly,
}

impl Access {
    /// Whether a write can do anything.
    pub fn is_writable(self) -> bool {
        !matches!(self, Self::Constant | Self::ReadOnly)
    }

    /// For tables.
    pub fn text(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read/write",
            Self::WriteOneToClear => "write 1 to clear",
            Self::WriteOnly => "write-only",
        }
    }
}

/// Where a field's value comes from, or what a write of it does.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// The same number in every unit.
    Number(u32),
    /// A number of the unit.
    Unit(fn(&UnitNumbers) -> u32),
    /// Resets the datapath.
    Reset,
    /// Whether a frame is in the unit.
    Busy,
    /// Which input buffers hold a frame.
    InputFull,
    /// Which output buffers are in use.
    OutputBusy,
    /// Whether a short frame was dropped.
    ShortFrame,
    /// Whether a long frame was dropped.
    LongFrame,
    /// The clocks since reset.
    Cycles,
    /// The output frames since reset.
    Frames,
    /// The memory that is written.
    WeightSelect,
    /// The address that is written.
    WeightAddress,
    /// The upper bits of the word that is written.
    WeightHigh,
    /// The word that is written.
    WeightData,
    /// The quality level of frames that begin.
    Quality,
    /// The member that the last frame was computed with.
    Member,
    /// Whether the last frame was unfamiliar.
    Unfamiliar,
    /// The unfamiliar frames since reset.
    UnfamiliarFrames,
    /// The member that frames are forced to.
    ForcedMember,
    /// Whether frames are forced to a member.
    ForceMember,
}

/// Some bits of a register with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Unique name in lower case; signals and functions are called by it.
    pub name: &'static str,
    /// Highest bit that any unit has.
    pub high: u32,
    /// Lowest bit.
    pub low: u32,
    /// What the bus may do to it.
    pub access: Access,
    /// Where its value comes from.
    pub content: Content,
    /// What it means.
    pub description: &'static str,
}

impl Field {
    /// The most bits that a unit has.
    pub fn width(&self) -> u32 {
        self.high - self.low + 1
    }

    /// The bits that this unit has, from `low` on; the rest is reserved.
    pub fn width_in(&self, numbers: &UnitNumbers) -> u32 {
        let needed = match self.content {
            Content::WeightSelect => address_bits(numbers.memories() as usize),
            // One more address than there are words: where the address stands after the last word.
            Content::WeightAddress => address_bits(numbers.memory_words() as usize + 1),
            Content::WeightHigh => numbers.word_bits().saturating_sub(32).max(1),
            Content::WeightData => numbers.word_bits(),
            Content::Quality => address_bits(numbers.levels as usize),
            Content::Member | Content::ForcedMember => address_bits(numbers.members as usize),
            _ => self.width(),
        };
        needed.min(self.width())
    }

    /// The bits that this unit has, as a mask in the register.
    pub fn mask_in(&self, numbers: &UnitNumbers) -> u32 {
        (u32::MAX >> (32 - self.width_in(numbers))) << self.low
    }

    /// The value after reset, in the lowest bits.
    pub fn reset(&self, numbers: &UnitNumbers) -> u32 {
        match self.content {
            Content::Number(number) => number,
            Content::Unit(number) => number(numbers),
            Content::Quality => numbers.levels - 1,
            _ => 0,
        }
    }

    /// `31:0`, or the number of a single bit.
    pub(super) fn bits(&self) -> String {
        if self.high == self.low { self.low.to_string() } else { format!("{}:{}", self.high, self.low) }
    }
}

/// Which units have a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All.
    Always,
    /// Those with weights in RAM.
    WritableWeights,
    /// Those of them whose biases are wider than a register.
    WideBiases,
    /// Those with several quality levels.
    Levels,
    /// Those with members.
    Members,
}

/// 32 bits at an offset.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Unique name in capitals.
    pub name: &'static str,
    /// Byte offset, a multiple of 4.
    pub offset: u32,
    /// Which units have it.
    pub presence: Presence,
    /// A write has to cover all of its bytes; of other registers, the bytes of a write that are marked count.
    pub whole_words: bool,
    /// What its bits mean, lowest first.
    pub fields: &'static [Field],
    /// What it is for.
    pub description: &'static str,
}

impl Register {
    /// Whether a unit has it.
    pub fn is_in(&self, numbers: &UnitNumbers) -> bool {
        let writable = numbers.weights == WeightMemory::Ram;
        match self.presence {
            Presence::Always => true,
            Presence::WritableWeights => writable,
            Presence::WideBiases => writable && numbers.word_bits() > 32,
            Presence::Levels => numbers.levels > 1,
            Presence::Members => numbers.members > 0,
        }
    }

    /// Whether a write can do anything; others are answered with an error.
    pub fn is_writable(&self) -> bool {
        self.fields.iter().any(|field| field.access.is_writable())
    }

    /// What the register reads after reset.
    pub fn reset(&self, numbers: &UnitNumbers) -> u32 {
        self.fields.iter().map(|field| field.reset(numbers) << field.low).sum()
    }

    /// The number of the register: its offset in words.
    pub(crate) fn index(&self) -> u32 {
        self.offset / BYTES
    }

    /// The access of all fields, each kind once.
    pub(super) fn access(&self) -> String {
        let mut kinds: Vec<&str> = vec![];
        for field in self.fields {
            if !kinds.contains(&field.access.text()) {
                kinds.push(field.access.text());
            }
        }
        kinds.join(", ")
    }
}
