//! What can go wrong between a Verilog file and a verdict.

use std::io;
use std::path::{Path, PathBuf};

use crate::axi_lite::ControlFault;
use crate::failure::Failure;
use crate::finding::Finding;

/// The result type of this crate; by default with its error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the driver or of a bench.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Verilator on this machine, or it does not run.
    #[error(
        "Verilator not found (tried `{tried}`): install it, for example `apt-get install verilator g++ zlib1g-dev`, or set VERILATOR to its path"
    )]
    VerilatorNotFound {
        /// The program that was tried.
        tried: String,
    },
    /// The installed Verilator lacks what the driver uses.
    #[error("Verilator {found} is too old: expected version 5 or later")]
    VerilatorTooOld {
        /// Its version text.
        found: String,
    },
    /// The program was built with another Verilator's run-time.
    #[error(
        "the program has the run-time of {linked}, but the Verilator that is found is {found}: build the program again"
    )]
    RuntimeMismatch {
        /// The version of the run-time in the program.
        linked: String,
        /// The version of the Verilator that is found.
        found: String,
    },
    /// The design is inconsistent before any tool has seen it.
    #[error("design `{top}`: {message}")]
    Design {
        /// The top module.
        top: String,
        /// What is wrong.
        message: String,
    },
    /// Verilator refused the Verilog.
    #[error("Verilator refused `{top}`:\n{message}")]
    Verilog {
        /// The top module.
        top: String,
        /// Verilator's own words, with file, line and column.
        message: String,
    },
    /// The C++ compiler is missing or failed.
    #[error("{tool} failed:\n{message}")]
    Compiler {
        /// The program that was run.
        tool: String,
        /// Its output.
        message: String,
    },
    /// A compiled model could not be loaded.
    #[error("{}: cannot load the compiled model: {message}; delete the file to have it built again", path.display())]
    Load {
        /// The shared object.
        path: PathBuf,
        /// The loader's own words.
        message: String,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The model has no such port, or it goes the other way.
    #[error("`{top}` has no {direction} port `{name}`; it has: {available}")]
    NoSuchPort {
        /// The top module.
        top: String,
        /// `input` or `output`.
        direction: &'static str,
        /// The name that was asked for.
        name: String,
        /// The ports that exist.
        available: String,
    },
    /// The simulation reported an error: a failed assertion, `$stop`, a missing or malformed memory file, no convergence.
    #[error("`{top}` failed at clock {clock}: {message}")]
    Simulation {
        /// The top module.
        top: String,
        /// Rising clock edges since the simulation began.
        clock: u64,
        /// What the design or the run-time printed.
        message: String,
    },
    /// Waveforms or coverage were asked of a model that was built without them.
    #[error("`{top}` was built without {what}: set it in the build options")]
    NotBuiltFor {
        /// The top module.
        top: String,
        /// `tracing` or `coverage`.
        what: &'static str,
    },
    /// A coverage file that is not understood, or an exception to coverage that is not needed.
    #[error("{}: {message}", path.display())]
    Coverage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The frames that a bench was asked to play do not fit each other or the unit.
    #[error("stimulus: {0}")]
    Stimulus(String),
    /// The unit gave a wrong answer or broke a rule of the bus.
    #[error(transparent)]
    Failure(#[from] Box<Failure>),
    /// A scenario failed; it is shrunk, and its waveform is kept.
    #[error(transparent)]
    Finding(Box<Finding>),
    /// The unit's control port broke a rule of its bus.
    #[error("control port, clock {clock}: {fault}")]
    Control {
        /// Rising clock edges since the simulation began.
        clock: u64,
        /// What was wrong.
        fault: ControlFault,
    },
    /// The unit said that it was not busy, but took longer for a frame than from reset.
    #[error(
        "frame {frame} began while `busy` was 0 and took {found} clocks: expected {expected} as after reset"
    )]
    NotIdle {
        /// The frame.
        frame: usize,
        /// Clocks of a frame after reset.
        expected: u64,
        /// Clocks of this frame.
        found: u64,
    },
    /// Frames that stream back to back do not leave at a constant rate.
    #[error("no steady state: the last two pairs of frames took {previous} and {last} clocks")]
    Unsteady {
        /// Clocks of the last pair of frames but one.
        previous: u64,
        /// Clocks of the last pair of frames.
        last: u64,
    },
}

impl Error {
    /// For `map_err`: attaches the path to an input/output error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}
