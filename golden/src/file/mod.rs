//! Emulator files: YAML, versioned, one row of weights per line.

mod read;
mod replace;
mod write;

pub use replace::{FileKind, write_atomically};

use std::path::Path;

use crate::{
    Emulator, FileError,
    text::{self, TextError},
};

impl Emulator {
    /// Reads an emulator file.
    ///
    /// # Errors
    /// The file cannot be read, is not YAML of the right shape, or describes no valid emulator; the message names the
    /// file, the place and the expectation.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = text::read(path, read::KIND).map_err(|error| match error {
            TextError::Io(source) => FileError::Io { path: path.to_owned(), source },
            TextError::Content(message) => FileError::Syntax { path: path.to_owned(), message },
        })?;
        Self::parse(&text, path)
    }

    /// Reads an emulator from the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, FileError> {
        read::parse(text, path.as_ref())
    }

    /// The text of the emulator's file. Equal emulators have equal texts.
    pub fn to_yaml(&self) -> String {
        write::render(self)
    }

    /// Writes the emulator's file, over an earlier emulator or nothing, as [`FileKind::EMULATOR`] says.
    ///
    /// # Errors
    /// The folder or the file cannot be written, or the file that is there is no emulator.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        FileKind::EMULATOR
            .write(path, self.to_yaml().as_bytes())
            .map_err(|source| FileError::Io { path: path.to_owned(), source })
    }
}
