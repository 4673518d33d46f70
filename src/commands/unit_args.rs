//! The options that choose a unit, the same for every command that makes one.

use std::path::{Path, PathBuf};

use clap::Args;
use emeuro::compiler::{UnitConfig, UnitFile};

use crate::failure::{Failure, input};

/// What the unit is like.
#[derive(Args, Debug, Default)]
pub(crate) struct UnitArgs {
    /// Multiply-accumulate lanes, 1 to 128; goes before the unit file [default: 16]
    #[arg(long)]
    lanes: Option<usize>,
    /// Unit file (YAML): everything that can be chosen about a unit. The unit.yaml of a generated folder is one.
    #[arg(long, value_name = "FILE")]
    unit: Option<PathBuf>,
}

impl UnitArgs {
    /// The unit that is asked for.
    pub(crate) fn config(&self) -> Result<UnitConfig, Failure> {
        let config = unit_config(self.unit.as_deref())?;
        match self.lanes {
            Some(lanes) => config.with_lanes(lanes).map_err(input),
            None => Ok(config),
        }
    }
}

/// The configuration in a unit file, or the default one.
pub(crate) fn unit_config(file: Option<&Path>) -> Result<UnitConfig, Failure> {
    match file {
        Some(path) => Ok(UnitFile::load(path).map_err(input)?.config),
        None => Ok(UnitConfig::default()),
    }
}

/// The command that makes the same unit again: where lanes do not say everything, it names the `unit.yaml` that lies
/// beside the unit.
pub(crate) fn regenerate(command: &str, emulator: &str, config: &UnitConfig) -> String {
    let lanes = config.lanes();
    match UnitConfig::default().with_lanes(lanes).as_ref() == Ok(config) {
        true => format!("emeuro {command} {emulator} --lanes {lanes}"),
        false => format!("emeuro {command} {emulator} --unit unit.yaml"),
    }
}
