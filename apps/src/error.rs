//! What can go wrong with an application.

use thiserror::Error;

/// Result of the calls of this crate.
pub type Result<T> = std::result::Result<T, AppError>;

/// Errors of the applications.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppError {
    /// A frame handed to a kernel has the wrong number of values.
    #[error("{app}: {what} has {found} values, expected {expected}")]
    FrameSize {
        /// Name of the application.
        app: &'static str,
        /// Which vector: `input` or `output`.
        what: &'static str,
        /// Number of values that were given.
        found: usize,
        /// Number of values of a frame.
        expected: usize,
    },
    /// There is no application of this name.
    #[error(
        "no application is called '{name}'; there are {}",
        crate::applications().iter().map(|app| app.name()).collect::<Vec<_>>().join(", ")
    )]
    UnknownApplication {
        /// The name that was asked for.
        name: String,
    },
    /// There is no such change of an application's inputs.
    #[error(
        "{app} has no scenario '{name}'; there are {}",
        crate::scenarios().iter().map(|s| format!("{} of {}", s.name, s.app)).collect::<Vec<_>>().join(" and ")
    )]
    UnknownScenario {
        /// The application.
        app: String,
        /// The name that was asked for.
        name: String,
    },
    /// An application that has changed: an emulator of it is not made, it learns.
    #[error("{0}: no emulator is made of a function that has changed")]
    NoRecipe(&'static str),
    /// Tuning is for weights that were computed.
    #[error(
        "{0}: its recipe trains and tunes it already; only what is computed can be tuned: optical_flow, fft, convolution"
    )]
    Tuned(&'static str),
    /// An emulator does not have the frames of its application.
    #[error("{app}: the {port} frames of emulator '{emulator}' have {found} values, expected {expected}")]
    OtherEmulator {
        /// Name of the application.
        app: &'static str,
        /// Name of the emulator.
        emulator: String,
        /// Which frames: `input` or `output`.
        port: &'static str,
        /// Number of values of the emulator's frames.
        found: usize,
        /// Number of values of the application's frames.
        expected: usize,
    },
    /// An emulator could not learn online.
    #[error(transparent)]
    Online(#[from] emeuro_online::Error),
    /// No thread for retraining could be started.
    #[error("cannot start a thread for retraining: {0}")]
    Thread(#[from] rayon::ThreadPoolBuildError),
    /// A kernel that no emulator of a convolution can have.
    #[error("kernel: {0}")]
    ConvolutionKernel(String),
    /// Training failed or was stopped.
    #[error(transparent)]
    Training(#[from] emeuro_trainer::Error),
    /// The golden model refused an emulator or a frame.
    #[error(transparent)]
    Golden(#[from] emeuro_golden::EmulatorError),
    /// A file of an emulator cannot be read or written.
    #[error(transparent)]
    File(#[from] emeuro_golden::FileError),
    /// The journal of a search cannot be used.
    #[error(transparent)]
    Journal(#[from] emeuro_trainer::search::JournalError),
    /// The folder of a search cannot be made.
    #[error("{}: cannot write: {source}", .path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A search was told to stop.
    #[error(
        "the search was stopped after {evaluations} evaluations, which are in '{}'; the same command continues it",
        .folder.display()
    )]
    SearchStopped {
        /// The folder of the search.
        folder: std::path::PathBuf,
        /// Evaluations that are finished.
        evaluations: usize,
    },
    /// A search is not possible.
    #[error("{0}")]
    Search(String),
}
