//! The emulators that are checked in, as files of this crate.

use emeuro_golden::{Emulator, FileError};

/// Name and text of every file.
const FILES: [(&str, &str); 5] = [
    ("optical_flow", include_str!("../emulators/optical_flow.yaml")),
    ("fft", include_str!("../emulators/fft.yaml")),
    ("convolution", include_str!("../emulators/convolution.yaml")),
    ("rope", include_str!("../emulators/rope.yaml")),
    ("newton", include_str!("../emulators/newton.yaml")),
];

/// The checked-in emulator of the application called `name`: what [`build_emulator`](crate::build_emulator) gives with
/// the default options.
///
/// # Errors
/// [`FileError::Io`] (not found) when no application is called `name`; otherwise a damaged file at the time of compiling.
pub fn emulator(name: &str) -> Result<Emulator, FileError> {
    let path = format!("apps/emulators/{name}.yaml");
    match FILES.iter().find(|(app, _)| *app == name) {
        Some((_, text)) => Emulator::parse(text, path),
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
