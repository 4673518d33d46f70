//! Emulator files: YAML, versioned, one row of weights per line.

mod read;
mod write;

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::{Emulator, FileError};

impl Emulator {
    /// Reads an emulator file.
    ///
    /// # Errors
    /// The file cannot be read, is not YAML of the right shape, or describes no valid emulator; the message names the
    /// file, the place and the expectation.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text =
            fs::read_to_string(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
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

    /// Writes the emulator's file; a file that is there stays whole until the new one is.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        write_atomically(path, self.to_yaml().as_bytes())
            .map_err(|source| FileError::Io { path: path.to_owned(), source })
    }
}

/// Writes `bytes` to a temporary file beside `path` and renames it.
///
/// # Errors
/// The folder does not exist or cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    set_usual_permissions(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are private to their owner; the file that replaces them should be as readable as any other.
#[cfg(unix)]
fn set_usual_permissions(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_usual_permissions(_: &fs::File) -> io::Result<()> {
    Ok(())
}
