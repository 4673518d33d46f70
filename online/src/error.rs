//! What can go wrong.

use std::{io, path::PathBuf};

/// Why an emulator cannot learn or answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A frame of the wrong size, or a number that is not finite.
    #[error(transparent)]
    Frame(#[from] emeuro_golden::EmulatorError),
    /// A folder that cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An emulator file of the folder is not valid.
    #[error(transparent)]
    Emulator(#[from] emeuro_golden::FileError),
    /// A journal that was changed or belongs to something else.
    #[error("{path}: line {line}: {problem}", path = .path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What was expected and found.
        problem: String,
    },
    /// Another process learns in the folder.
    #[error("{path}: in use by another process", path = .0.display())]
    Busy(PathBuf),
    /// A folder that holds something else.
    #[error(
        "{path}: expected a new or empty folder, or one in which an emulator has learnt before; nothing was written",
        path = .0.display()
    )]
    Foreign(PathBuf),
    /// A region whose frames are not those of the emulator.
    #[error(transparent)]
    Region(#[from] emeuro_regions::Error),
    /// Retraining failed.
    #[error(transparent)]
    Training(#[from] emeuro_trainer::Error),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;
