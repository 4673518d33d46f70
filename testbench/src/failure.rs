//! What a unit did wrong, where in the frames, and how to see it again.

/// A fault of the unit under test and its place. The same seed and frames reproduce it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, output frame {frame}, word {word}, clock {clock}: {fault}")]
pub struct Failure {
    /// The seed of the bench's traffic.
    pub seed: u64,
    /// The output frame, from 0.
    pub frame: usize,
    /// The word in that frame, from 0.
    pub word: usize,
    /// Rising clock edges since reset was released.
    pub clock: u64,
    /// What was wrong.
    pub fault: Fault,
}

/// The kinds of fault that a stream bench detects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A word differs from the golden model's.
    #[error("expected {expected}, got {got}")]
    Word {
        /// The golden model's word.
        expected: i16,
        /// The unit's word.
        got: i16,
    },
    /// `tlast` is missing at the end of a frame, or set before it.
    #[error("expected tlast = {}, got {}", u8::from(*expected), u8::from(*got))]
    Last {
        /// Whether the frame ends with this word.
        expected: bool,
        /// Whether the unit says so.
        got: bool,
    },
    /// `tvalid` fell before the beat was accepted.
    #[error("tvalid fell while tready was low: a beat that was offered must stay until it is accepted")]
    ValidDropped,
    /// `tdata` changed before the beat was accepted.
    #[error("tdata changed from {before:#x} to {after:#x} while tready was low")]
    DataChanged {
        /// The data first offered.
        before: u64,
        /// The data one clock later.
        after: u64,
    },
    /// `tlast` changed before the beat was accepted.
    #[error("tlast changed while tready was low")]
    LastChanged,
    /// `tkeep` changed before the beat was accepted.
    #[error("tkeep changed while tready was low")]
    KeepChanged,
    /// `tkeep` does not mark the bytes of the frame.
    #[error("expected tkeep = {expected:#b}, got {got:#b}")]
    Keep {
        /// The bytes of the frame in the beat.
        expected: u8,
        /// What the unit says.
        got: u8,
    },
    /// `tvalid` was high at the end of reset.
    #[error("tvalid is high in reset")]
    ValidInReset,
    /// A beat was offered after the last expected word.
    #[error("a word was offered after the last expected one")]
    Extra,
    /// No beat moved at either side for too long.
    #[error("no beat was accepted at either side for {clocks} clocks")]
    Stalled {
        /// The watchdog's limit.
        clocks: u64,
    },
}
