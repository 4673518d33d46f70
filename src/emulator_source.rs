//! Which emulator a name on the command line means.

use std::path::Path;

use emeuro::{
    apps::{Application, application, applications, emulator},
    golden::Emulator,
};

use crate::failure::{Failure, input};

/// An emulator and, if it is one of the five, its application.
pub(crate) struct EmulatorSource {
    /// The name on the command line.
    pub(crate) argument: String,
    /// The emulator.
    pub(crate) emulator: Emulator,
    /// Its application.
    pub(crate) application: Option<Box<dyn Application>>,
}

impl EmulatorSource {
    /// The emulator of an application, or the one in a YAML file.
    pub(crate) fn find(argument: &str) -> Result<Self, Failure> {
        if let Ok(application) = application(argument) {
            let emulator = emulator(argument).map_err(input)?;
            return Ok(Self { argument: argument.to_owned(), emulator, application: Some(application) });
        }
        if !Path::new(argument).exists() {
            let names: Vec<&str> = applications().iter().map(|app| app.name()).collect();
            let expected = format!("expected the path of an emulator file or one of {}", names.join(", "));
            return Err(Failure::Input(format!("{argument}: no such file; {expected}")));
        }
        let emulator = Emulator::load(argument).map_err(input)?;
        Ok(Self { argument: argument.to_owned(), emulator, application: None })
    }

    /// The named ones, or all five applications if none is named.
    pub(crate) fn find_all(arguments: &[String]) -> Result<Vec<Self>, Failure> {
        if arguments.is_empty() {
            return applications().iter().map(|app| Self::find(app.name())).collect();
        }
        arguments.iter().map(|argument| Self::find(argument)).collect()
    }
}
