//! Files of text that people hand over: bounded in length, depth and growth, and called what they are when they are something else.
//!
//! Every YAML file of the workspace is read through here. An error is a sentence of a few hundred characters that speaks of numbers and
//! text, and of the file's contents no more than a word; who calls adds the name of the file.

mod kind;
mod nesting;
mod weight;
mod words;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::de::DeserializeOwned;

pub use nesting::Aliases;
pub use words::in_plain_words;
pub(crate) use words::shortened;

/// Bytes of the longest file that is read: some million numbers.
pub const LONGEST: u64 = 1 << 25;

/// Why a file of text is not what was expected.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The place, what was found there and what was expected.
    #[error("{0}")]
    Content(String),
}

/// Reads a file of text: `expected` says what kind, for example `an emulator file`. The mark that some programs put before UTF-8 is left out.
///
/// # Errors
/// A file that cannot be read, is longer than [`LONGEST`], or is not text in UTF-8.
pub fn read(path: &Path, expected: &str) -> Result<String, TextError> {
    let mut bytes = vec![];
    // A pipe or a device has no length to ask for.
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(TextError::Content(format!(
            "expected {expected} of up to {LONGEST} bytes, found a longer one"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let (place, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let line = 1 + bytes[..place].iter().filter(|&&byte| byte == b'\n').count();
        TextError::Content(match kind::of_bytes(bytes) {
            Some(found) => format!("expected {expected}, found {found}"),
            None => format!(
                "line {line}: expected text in UTF-8, found the byte {:#04x}: save the file as UTF-8",
                bytes[place]
            ),
        })
    })?;
    Ok(match without_mark(&text).len() == text.len() {
        true => text,
        false => without_mark(&text).to_owned(),
    })
}

/// Text without the mark that some programs put before UTF-8.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The value that YAML describes: `expected` says of what kind it is, for example `an emulator file`.
///
/// ```
/// use emeuro_golden::text::{Aliases, from_yaml};
///
/// assert_eq!(from_yaml::<Vec<u8>>("[1, 2]", "a list", Aliases::Refused), Ok(vec![1, 2]));
/// let error = from_yaml::<Vec<u8>>("[1, 256]", "a list", Aliases::Refused).unwrap_err();
/// assert_eq!(error, "[1]: expected a whole number from 0 to 255, found 256 at line 1 column 5");
/// ```
///
/// # Errors
/// The place, what was found there and what was expected, or the kind of file that it is instead.
pub fn from_yaml<T: DeserializeOwned>(text: &str, expected: &str, aliases: Aliases) -> Result<T, String> {
    let text = without_mark(text);
    if text.len() as u64 > LONGEST {
        return Err(format!("expected {expected} of up to {LONGEST} bytes, found {}", text.len()));
    }
    let other = || {
        kind::of_text(text)
            .filter(|found| *found != expected)
            .map(|found| format!("expected {expected}, found {found}"))
    };
    let has_aliases = nesting::check(text, aliases).map_err(|problem| other().unwrap_or(problem))?;
    if has_aliases {
        weight::check(text)?;
    }
    serde_yaml::from_str(text).map_err(|error| other().unwrap_or_else(|| in_plain_words(&error)))
}
