//! Which emulator a name on the command line means.

use std::path::Path;

use emeuro::{
    apps::{Application, application, emulator, emulators},
    golden::Emulator,
};

use crate::failure::{Failure, input};

/// An emulator and, if it is a checked-in one, its application.
pub(crate) struct EmulatorSource {
    /// The name on the command line.
    pub(crate) argument: String,
    /// The emulator.
    pub(crate) emulator: Emulator,
    /// Its application.
    pub(crate) application: Option<Box<dyn Application>>,
}

impl EmulatorSource {
    /// A checked-in emulator, or the one in a YAML file.
    pub(crate) fn find(argument: &str) -> Result<Self, Failure> {
        if let Some((name, app)) = emulators().find(|(name, _)| *name == argument) {
            let (emulator, application) = (emulator(name).map_err(input)?, application(app).map_err(input)?);
            return Ok(Self { argument: argument.to_owned(), emulator, application: Some(application) });
        }
        if !Path::new(argument).exists() {
            let names: Vec<&str> = emulators().map(|(name, _)| name).collect();
            let expected = format!("expected the path of an emulator file or one of {}", names.join(", "));
            return Err(Failure::Input(format!("{argument}: no such file; {expected}")));
        }
        let emulator = Emulator::load(argument).map_err(input)?;
        Ok(Self { argument: argument.to_owned(), emulator, application: None })
    }

    /// The named ones, or all that are checked in if none is named.
    pub(crate) fn find_all(arguments: &[String]) -> Result<Vec<Self>, Failure> {
        if arguments.is_empty() {
            return emulators().map(|(name, _)| Self::find(name)).collect();
        }
        arguments.iter().map(|argument| Self::find(argument)).collect()
    }
}
