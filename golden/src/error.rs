//! What can be wrong with an emulator or with its file.

use std::{fmt, path::PathBuf};

use crate::text::shortened;

/// A violated rule of the emulator graph: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct EmulatorError {
    /// The field or layer, for example `layer "hidden": weights`.
    pub place: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Something else was expected.
    Unexpected {
        /// What would be right, for example `1..=16`.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A rule that nothing else at this place would keep, for example that a name is taken.
    Rule(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Rule(rule) => f.write_str(rule),
        }
    }
}

impl EmulatorError {
    /// A rule that is broken at `place`. Names in a file may be of any length; what is said of them is not.
    pub fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { place: shortened(&place.into()), problem: Problem::Rule(shortened(&rule.into())) }
    }

    /// Something at `place` that should be something else.
    pub fn expected(place: impl Into<String>, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        let [expected, found] = [expected.to_string(), found.to_string()].map(|text| shortened(&text));
        Self { place: shortened(&place.into()), problem: Problem::Unexpected { expected, found } }
    }

    /// The same error, of a part of `place`.
    pub(crate) fn within(self, place: &str) -> Self {
        let place = match self.place.as_str() {
            "" => place.to_owned(),
            part => format!("{place}: {part}"),
        };
        Self { place: shortened(&place), ..self }
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
