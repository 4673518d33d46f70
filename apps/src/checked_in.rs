//! The emulators that are checked in, as files of this crate.

use emeuro_golden::{Emulator, FileError};

/// A file of this crate.
struct File {
    /// Of the emulator.
    name: &'static str,
    /// Name of the application whose frames it has.
    app: &'static str,
    text: &'static str,
}

/// The emulator of every application, then others for the frames of one.
const FILES: [File; 6] = [
    File { name: "optical_flow", app: "optical_flow", text: include_str!("../emulators/optical_flow.yaml") },
    File { name: "fft", app: "fft", text: include_str!("../emulators/fft.yaml") },
    File { name: "convolution", app: "convolution", text: include_str!("../emulators/convolution.yaml") },
    File { name: "rope", app: "rope", text: include_str!("../emulators/rope.yaml") },
    File { name: "newton", app: "newton", text: include_str!("../emulators/newton.yaml") },
    File { name: "rope_clustered", app: "rope", text: include_str!("../emulators/rope_clustered.yaml") },
];

/// Names of the checked-in emulators, each with that of its application.
pub fn emulators() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|file| (file.name, file.app))
}

/// Names of the checked-in emulators, each with the text of its file.
pub fn emulator_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|file| (file.name, file.text))
}

/// The checked-in emulator called `name`. Those called like an application are what
/// [`build_emulator`](crate::build_emulator) gives with the default options.
///
/// # Errors
/// [`FileError::Io`] (not found) when none is called `name`; otherwise a damaged file at the time of compiling.
pub fn emulator(name: &str) -> Result<Emulator, FileError> {
    let path = format!("apps/emulators/{name}.yaml");
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => Emulator::parse(file.text, path),
        None => Err(FileError::Io {
            path: path.into(),
            source: std::io::Error::from(std::io::ErrorKind::NotFound),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_a_missing_file() {
        let error = emulator("ropes").unwrap_err().to_string();
        assert!(error.contains("apps/emulators/ropes.yaml"), "{error}");
    }
}
