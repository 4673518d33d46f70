//! What can go wrong between Verilog and a figure.

use std::io;
use std::path::{Path, PathBuf};

use crate::tool::ToolKind;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a tool or of the files that it reads and writes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool is not installed, or it does not run.
    #[error(
        "{kind} not found (tried {}): install the Debian package `{}` or the PyPI package `{}`, or set {} to its path",
        tried.join(", "), kind.debian_package(), kind.pypi_package(), kind.variable()
    )]
    ToolNotFound {
        /// The tool.
        kind: ToolKind,
        /// The programs that were tried.
        tried: Vec<String>,
    },
    /// A tool refused its input.
    #[error("{tool} failed on `{top}`:\n{message}")]
    ToolFailed {
        /// The tool with its version.
        tool: String,
        /// The top module.
        top: String,
        /// The end of what it said.
        message: String,
    },
    /// A tool wrote something that is not understood.
    #[error("{}: expected {expected}, found {found}", path.display())]
    ToolOutput {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
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
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: attaches the path to an input/output error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}
