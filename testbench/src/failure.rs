//! What a unit did wrong, and where in the frames.

use crate::axi_lite::{ControlFault, Response};
use crate::sim::PowerUp;

/// A fault of the unit under test and its place. The same seed and frames reproduce it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, {}output frame {frame}, word {word}, clock {clock}: {fault}", in_run(*run))]
pub struct Failure {
    /// The seed of the bench's traffic.
    pub seed: u64,
    /// The run of the scenario, from 0; none without a scenario.
    pub run: Option<usize>,
    /// The output frame, from 0.
    pub frame: usize,
    /// The word in that frame, from 0.
    pub word: usize,
    /// Rising clock edges since reset was released.
    pub clock: u64,
    /// What was wrong.
    pub fault: Fault,
}

fn in_run(run: Option<usize>) -> String {
    run.map_or_else(String::new, |run| format!("run {run}, "))
}

/// The kinds of fault that a bench detects.
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
    /// An error flag is set or clear when it must not be.
    #[error("{flag} is {}, expected {}", u8::from(*got), u8::from(!*got))]
    Flag {
        /// The port.
        flag: &'static str,
        /// What it is.
        got: bool,
    },
    /// The unit says that the last frame was computed with another member.
    #[error("expected member {expected}, got {got}")]
    Member {
        /// The router's choice in the golden model.
        expected: u64,
        /// The unit's.
        got: u64,
    },
    /// A register reads something else than it must.
    #[error("{name} reads {got:#x}, expected {expected}")]
    Register {
        /// Register and field.
        name: String,
        /// What it may read.
        expected: String,
        /// What it reads.
        got: u32,
    },
    /// An access is answered with the wrong response.
    #[error("the access of {offset:#04x} is answered with {got:?}, expected {expected:?}")]
    Response {
        /// The byte offset.
        offset: u32,
        /// The right response.
        expected: Response,
        /// The unit's response.
        got: Response,
    },
    /// The control port broke a rule of its bus.
    #[error("control port: {0}")]
    Control(ControlFault),
    /// The simulation reported an error, such as a failed assertion of the design.
    #[error("{message}")]
    Simulation {
        /// What the design or the run-time printed.
        message: String,
    },
    /// Two power-up states show at an output after reset.
    #[error("{port} depends on the power-up state: {first:#x} ({}), {second:#x} ({})", power_ups.0, power_ups.1)]
    PowerUp {
        /// The output.
        port: String,
        /// Its value from the first of the two.
        first: u64,
        /// Its value from the second.
        second: u64,
        /// The power-up states.
        power_ups: (PowerUp, PowerUp),
    },
    /// No beat moved at either side for too long.
    #[error("no beat was accepted at either side for {clocks} clocks")]
    Stalled {
        /// The watchdog's limit.
        clocks: u64,
    },
}
