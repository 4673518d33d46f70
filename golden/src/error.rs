//! What can be wrong with an emulator or with its file.

use std::path::PathBuf;

use crate::text::shortened;

/// A violated rule of the emulator graph: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct EmulatorError {
    /// The field or layer, for example `layer "hidden": weights`.
    pub place: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl EmulatorError {
    /// An error at `place`. Names in a file may be of any length; what is said of them is not.
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: shortened(&place.into()), problem: shortened(&problem.into()) }
    }

    /// The same error, of a part of `place`.
    pub(crate) fn within(self, place: &str) -> Self {
        match self.place.as_str() {
            "" => Self::new(place, self.problem),
            part => Self::new(format!("{place}: {part}"), self.problem),
        }
    }
}

/// Why an emulator file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not YAML, or a field is missing, unknown or of the wrong type.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message with field, line and column.
        message: String,
    },
    /// The text is well formed but describes no valid emulator.
    #[error("{path}: {source}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The violated rule.
        source: EmulatorError,
    },
}
