//! What can be chosen about a unit.

/// The most lanes a unit may have.
pub const MAX_LANES: usize = 128;

/// The lanes of a unit for which nothing else is said.
pub const DEFAULT_LANES: usize = 16;

/// The most results that a unit post-processes per clock.
pub const MAX_SLOTS: usize = 16;

/// The most words per beat of a stream: a beat has at most 64 bits.
pub const MAX_WORDS_PER_BEAT: usize = 4;

/// An impossible choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Lanes out of range.
    #[error("lanes: expected 1..={MAX_LANES}, found {0}")]
    Lanes(usize),
    /// Words per beat.
    #[error("words_per_beat: expected a power of two up to {MAX_WORDS_PER_BEAT}, found {0}")]
    WordsPerBeat(usize),
    /// Slots.
    #[error("slots: expected a power of two up to {MAX_SLOTS}, found {0}")]
    Slots(usize),
    /// The prefix is no Verilog name.
    #[error("prefix: expected letters, digits and underscores, a letter first, found {0:?}")]
    Prefix(String),
    /// Weights that can be written need something that writes them.
    #[error("weights: ram needs control: axi_lite, which writes it")]
    RamWithoutControl,
}

/// Where the lanes keep their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WeightMemory {
    /// ROMs, filled from hex files.
    #[default]
    Rom,
    /// RAMs, filled from hex files and written over AXI4-Lite.
    Ram,
}

/// How software sees the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Control {
    /// Two error flags as wires.
    #[default]
    None,
    /// Registers behind an AXI4-Lite slave port, beside the flags.
    AxiLite,
}

/// What the multipliers are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Multiplier {
    /// The `*` operator, for any device.
    #[default]
    Generic,
    /// Lattice ECP5's MULT18X18D with its own registers.
    Ecp5,
}

/// The most that the network may need. A unit is sized to its network in any case: limits only refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bits of a weight.
    pub weight_bits: Option<u32>,
    /// Bits of a word between layers.
    pub word_bits: Option<u32>,
    /// Bits of an accumulator.
    pub accumulator_bits: Option<u32>,
    /// Words of each lane's weight memory.
    pub weight_words: Option<usize>,
}

/// The choices for one unit, valid by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnitConfig {
    lanes: usize,
    slots: Option<usize>,
    words_per_beat: usize,
    weights: WeightMemory,
    control: Control,
    multiplier: Multiplier,
    pairs: bool,
    prefix: Option<String>,
    limits: Limits,
}

impl Default for UnitConfig {
    /// A unit with [`DEFAULT_LANES`].
    fn default() -> Self {
        Self {
            lanes: DEFAULT_LANES,
            slots: None,
            words_per_beat: 1,
            weights: WeightMemory::default(),
            control: Control::default(),
            multiplier: Multiplier::default(),
            pairs: true,
            prefix: None,
            limits: Limits::default(),
        }
    }
}

impl UnitConfig {
    /// A unit with `lanes` multiply-accumulate lanes, 1 to [`MAX_LANES`]; everything else as by default.
    ///
    /// # Errors
    /// Lanes out of range.
    pub fn new(lanes: usize) -> Result<Self, ConfigError> {
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(ConfigError::Lanes(lanes));
        }
        Ok(Self { lanes, ..Self::default() })
    }

    /// The same unit with `lanes` lanes.
    ///
    /// # Errors
    /// Lanes out of range.
    pub fn with_lanes(self, lanes: usize) -> Result<Self, ConfigError> {
        Ok(Self { lanes: Self::new(lanes)?.lanes, ..self })
    }

    /// The same unit with room for `slots` results per clock in its post-processing; as many as the lanes need if this
    /// is not said.
    ///
    /// # Errors
    /// No power of two up to [`MAX_SLOTS`].
    pub fn with_slots(self, slots: usize) -> Result<Self, ConfigError> {
        if !slots.is_power_of_two() || slots > MAX_SLOTS {
            return Err(ConfigError::Slots(slots));
        }
        Ok(Self { slots: Some(slots), ..self })
    }

    /// The same unit with streams of `words_per_beat` words per beat.
    ///
    /// # Errors
    /// No power of two up to [`MAX_WORDS_PER_BEAT`].
    pub fn with_words_per_beat(self, words_per_beat: usize) -> Result<Self, ConfigError> {
        if !words_per_beat.is_power_of_two() || words_per_beat > MAX_WORDS_PER_BEAT {
            return Err(ConfigError::WordsPerBeat(words_per_beat));
        }
        Ok(Self { words_per_beat, ..self })
    }

    /// The same unit with another control port and weight memory.
    ///
    /// # Errors
    /// Weights in RAM without a control port.
    pub fn with_control(self, control: Control, weights: WeightMemory) -> Result<Self, ConfigError> {
        if (control, weights) == (Control::None, WeightMemory::Ram) {
            return Err(ConfigError::RamWithoutControl);
        }
        Ok(Self { control, weights, ..self })
    }

    /// The same unit with other multipliers.
    pub fn with_multiplier(self, multiplier: Multiplier) -> Self {
        Self { multiplier, ..self }
    }

    /// The same unit, with frames taken in pairs where that is noticeably faster, or never.
    pub fn with_pairs(self, pairs: bool) -> Self {
        Self { pairs, ..self }
    }

    /// The same unit with files and modules called `<prefix>_…` instead of by the emulator's name.
    ///
    /// # Errors
    /// No Verilog name.
    pub fn with_prefix(self, prefix: impl Into<String>) -> Result<Self, ConfigError> {
        let prefix = prefix.into();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !prefix.starts_with(|c: char| c.is_ascii_alphabetic()) || !prefix.chars().all(word) {
            return Err(ConfigError::Prefix(prefix));
        }
        Ok(Self { prefix: Some(prefix), ..self })
    }

    /// The same unit with limits to what the network may need.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether both make the same unit of the same network, whatever it is called.
    pub fn same_hardware(&self, other: &Self) -> bool {
        Self { prefix: None, ..self.clone() } == Self { prefix: None, ..other.clone() }
    }

    /// Number of multiply-accumulate lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Results per clock of the post-processing, if that is not left to the compiler.
    pub fn slots(&self) -> Option<usize> {
        self.slots
    }

    /// Words per beat of both streams.
    pub fn words_per_beat(&self) -> usize {
        self.words_per_beat
    }

    /// Words of a memory row in a unit with `slots` slots: what a beat brings or what the slots write at once.
    pub(crate) fn row_words(&self, slots: usize) -> usize {
        slots.max(self.words_per_beat)
    }

    /// Where the weights are.
    pub fn weights(&self) -> WeightMemory {
        self.weights
    }

    /// How software sees the unit.
    pub fn control(&self) -> Control {
        self.control
    }

    /// What the multipliers are made of.
    pub fn multiplier(&self) -> Multiplier {
        self.multiplier
    }

    /// Whether frames may be taken in pairs.
    pub fn pairs(&self) -> bool {
        self.pairs
    }

    /// Beginning of all names, if it is not the emulator's name.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The most that the network may need.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}
