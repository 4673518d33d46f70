//! What is counted while a unit is right.

/// What a bench has seen, without a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// Output frames that were complete and right.
    pub frames: u64,
    /// Output words that were right, those of interrupted frames too.
    pub words: u64,
    /// Input frames of the wrong length, dropped as they must be.
    pub dropped: u64,
    /// Accesses to registers that were answered rightly.
    pub accesses: u64,
    /// Resets.
    pub resets: u64,
    /// Clocks.
    pub clocks: u64,
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Score) {
        self.frames += other.frames;
        self.words += other.words;
        self.dropped += other.dropped;
        self.accesses += other.accesses;
        self.resets += other.resets;
        self.clocks += other.clocks;
    }
}
