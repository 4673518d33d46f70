//! How a command ends.

use std::{fmt::Display, fs, io, path::Path, process::ExitCode};

/// What a command has to say, and whether its checks passed.
pub(crate) struct Outcome {
    /// Text for standard output.
    pub(crate) text: String,
    /// Whether the exit status is 0 instead of 1.
    pub(crate) passed: bool,
}

impl Outcome {
    /// What was found, and whether that is what was asked for.
    pub(crate) fn checked(text: String, passed: bool) -> Self {
        Self { text, passed }
    }

    /// A success.
    pub(crate) fn success(text: String) -> Self {
        Self { text, passed: true }
    }
}

/// Why a command could not do its job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Bad usage or input; the message names the place and the expectation.
    #[error("{0}")]
    Input(String),
    /// A check could not be brought to an end, for example because the unit hangs.
    #[error("{0}")]
    Check(String),
}

/// Letters of a message at most, and how many of them are its end.
const LETTERS: usize = 1900;
const END: usize = 400;

impl Failure {
    /// What is printed: a message that is very long, for example for a path of a thousand letters, without its middle.
    pub(crate) fn message(&self) -> String {
        let letters: Vec<char> = self.to_string().chars().collect();
        match letters.len() {
            ..=LETTERS => letters.into_iter().collect(),
            count => {
                let (begin, end) = (&letters[..LETTERS - END], &letters[count - END..]);
                begin.iter().chain(&[' ', '…', ' ']).chain(end).collect()
            }
        }
    }

    /// 2 for bad input, 1 for a failed check.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Check(_) => ExitCode::from(1),
        }
    }
}

/// Turns any error into bad input.
pub(crate) fn input(error: impl Display) -> Failure {
    Failure::Input(error.to_string())
}

/// Turns what is wrong with a file or folder into bad input.
pub(crate) fn input_in(path: &Path, problem: impl Display) -> Failure {
    Failure::Input(format!("{}: {problem}", path.display()))
}

/// A file or folder that the system does not let us write.
pub(crate) fn unwritten(path: &Path, error: io::Error) -> Failure {
    input_in(path, format_args!("cannot write: {error}"))
}

/// Refuses to write over the file that a command reads, by whatever names it goes.
pub(crate) fn refuse_own_input(to: &str, written: &Path, from: &str, read: &Path) -> Result<(), Failure> {
    let same =
        fs::canonicalize(written).is_ok_and(|written| fs::canonicalize(read).is_ok_and(|r| r == written));
    if same && fs::metadata(read).is_ok_and(|metadata| metadata.is_file()) {
        return Err(input_in(
            written,
            format_args!("{to} would replace the file of {from}; expected another one"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_keep_their_ends() {
        let message = Failure::Input(format!("begin {} end", "a/".repeat(3000))).message();
        assert!(
            message.starts_with("begin a/") && message.ends_with("/ end") && message.chars().count() < 2000
        );
        assert_eq!(Failure::Input("short".into()).message(), "short");
    }
}
