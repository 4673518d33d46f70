//! Why a table could not be read.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The operating system refused.
    #[error("{}: {source}", name(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not what was expected.
    #[error("{}: {what}", name(.path))]
    Content {
        /// The file.
        path: PathBuf,
        /// The place, what was found there and what was expected.
        what: String,
    },
}

/// What a file is called in messages.
fn name(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// What is wrong while a file is being read; the file itself is known further up.
#[derive(Debug)]
pub(crate) enum Problem {
    Io(io::Error),
    Content(String),
}

impl Problem {
    pub(crate) fn in_file(self, path: &Path) -> TableError {
        match self {
            Self::Io(source) => TableError::Io { path: path.to_owned(), source },
            Self::Content(what) => TableError::Content { path: path.to_owned(), what },
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Problem {
    fn from(what: String) -> Self {
        Self::Content(what)
    }
}

/// As much of a field as a message needs, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// So many bytes, for people.
pub(crate) fn bytes(count: u128) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let mut size = count as f64;
    let mut name = "bytes";
    for unit in UNITS {
        if size < 1000.0 {
            break;
        }
        size /= 1000.0;
        name = unit;
    }
    match size < 10.0 && name != "bytes" {
        true => format!("{size:.1} {name}"),
        false => format!("{size:.0} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_units_that_people_read() {
        assert_eq!([0, 999, 1500, 16_000_000_000].map(bytes), ["0 bytes", "999 bytes", "1.5 kB", "16 GB"]);
        assert_eq!(bytes(u128::MAX).split_once(' ').unwrap().1, "EB");
    }

    #[test]
    fn a_long_field_is_cut() {
        assert_eq!(quoted("a\tb"), "\"a\\tb\"");
        assert!(quoted(&"é".repeat(1000)).chars().count() < 50);
    }
}
