//! What can go wrong between a unit and a verdict about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result type of this crate; by default with its error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate; a property that does not hold or a mutant that survives is a result, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed.
    #[error(
        "{program} not found (looked in {}): {install}",
        looked_in.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
    )]
    ToolNotFound {
        /// Its name.
        program: &'static str,
        /// Folders, or `PATH`.
        looked_in: Vec<String>,
        /// How to install it.
        install: &'static str,
    },
    /// A program ran and failed.
    #[error("{program} failed on {what}:\n{message}")]
    ToolFailed {
        /// The program.
        program: String,
        /// What it worked on.
        what: String,
        /// The end of what it said.
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
    /// A file does not say what it should.
    #[error("{file}: {message}")]
    File {
        /// The file.
        file: String,
        /// The place and what was expected.
        message: String,
    },
    /// A change does not fit the text that it is to change.
    #[error("{file}: expected the text `{find}` exactly once, found it {found} times")]
    Edit {
        /// The file, or its ending.
        file: String,
        /// The text to replace.
        find: String,
        /// How often it is there.
        found: usize,
    },
    /// The unit could not be made.
    #[error("{0}")]
    Unit(String),
    /// The simulation failed for another reason than a fault of the design.
    #[error(transparent)]
    Simulation(#[from] emeuro_testbench::Error),
}

impl Error {
    /// For `map_err`: attaches the path to an input/output error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.to_owned(), source }
    }

    /// A report that does not say what it should.
    pub(crate) fn report(path: &Path, message: impl std::fmt::Display) -> Error {
        Error::File { file: path.display().to_string(), message: message.to_string() }
    }

    /// For `map_err`: a unit that does not come to be.
    pub(crate) fn unit(error: impl std::fmt::Display) -> Error {
        Error::Unit(error.to_string())
    }
}
