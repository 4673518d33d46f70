//! The memory of a unit by purpose, counted in the hardware itself.

use emeuro_hdl::{Memory, UnitDesign};

/// What a memory holds, in the order in which the report lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Weights, per lane.
    Weights,
    /// Vectors between layers and the input buffers, per lane.
    Activations,
    /// Biases with their rounding constants.
    Biases,
    /// Segments of the table functions.
    Tables,
    /// Fields of the instructions.
    Program,
    /// The two output buffers.
    Output,
    /// Addresses of the words of the output frame.
    Order,
}

impl Purpose {
    /// The name of the hex file says what a memory holds; those without one hold vectors.
    fn of(memory: &Memory) -> Self {
        let Some(file) = &memory.file else {
            return if memory.instance.starts_with("lane") { Self::Activations } else { Self::Output };
        };
        let stem = file.trim_end_matches(".hex").trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        match stem.rsplit('_').next() {
            Some("weights") => Self::Weights,
            Some("biases") => Self::Biases,
            Some("tables") => Self::Tables,
            Some("order") => Self::Order,
            _ => Self::Program,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Activations => "activations",
            Self::Biases => "biases",
            Self::Tables => "table functions",
            Self::Program => "program",
            Self::Output => "output buffer",
            Self::Order => "output order",
        }
    }
}

/// Memories of one purpose and one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// What they hold.
    pub purpose: Purpose,
    /// How many there are.
    pub count: usize,
    /// Words of each.
    pub words: usize,
    /// Bits of a word.
    pub bits: u32,
}

impl MemoryUse {
    /// Bits of all of them.
    pub fn total(&self) -> usize {
        self.count * self.words * self.bits as usize
    }
}

/// The memories of `design`, by purpose.
pub fn memory(design: &UnitDesign) -> Vec<MemoryUse> {
    let mut uses: Vec<MemoryUse> = vec![];
    for memory in &design.memories {
        let (purpose, words, bits) = (Purpose::of(memory), memory.words, memory.bits);
        match uses.iter_mut().find(|u| (u.purpose, u.words, u.bits) == (purpose, words, bits)) {
            Some(same) => same.count += 1,
            None => uses.push(MemoryUse { purpose, count: 1, words, bits }),
        }
    }
    uses.sort_by_key(|u| u.purpose);
    uses
}
