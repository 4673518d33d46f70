//! How a command ends.

use std::{fmt::Display, process::ExitCode};

/// What a command has to say, and whether its checks passed.
pub struct Outcome {
    /// Text for standard output.
    pub text: String,
    /// Whether the exit status is 0 instead of 1.
    pub passed: bool,
}

impl Outcome {
    /// A success.
    pub fn success(text: String) -> Self {
        Self { text, passed: true }
    }
}

/// Why a command could not do its job.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Bad usage or input; the message names the place and the expectation.
    #[error("{0}")]
    Input(String),
    /// A check could not be brought to an end, for example because the unit hangs.
    #[error("{0}")]
    Check(String),
}

impl Failure {
    /// 2 for bad input, 1 for a failed check.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Check(_) => ExitCode::from(1),
        }
    }
}

/// Turns any error into bad input.
pub fn input(error: impl Display) -> Failure {
    Failure::Input(error.to_string())
}
