//! The options that choose a unit, the same for every command that makes one.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use emeuro::compiler::{Multiplier, UnitConfig, UnitFile};

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
    /// What the multipliers are made of; goes before the unit file [default: generic]
    #[arg(long, value_enum)]
    multiplier: Option<MultiplierArg>,
}

/// A multiplier by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MultiplierArg {
    /// The operator *, for any device.
    Generic,
    /// Lattice ECP5's MULT18X18D with its own registers.
    Ecp5,
}

impl From<MultiplierArg> for Multiplier {
    fn from(argument: MultiplierArg) -> Self {
        match argument {
            MultiplierArg::Generic => Self::Generic,
            MultiplierArg::Ecp5 => Self::Ecp5,
        }
    }
}

impl UnitArgs {
    /// The unit that is asked for.
    pub(crate) fn config(&self) -> Result<UnitConfig, Failure> {
        let mut config = unit_config(self.unit.as_deref())?;
        if let Some(multiplier) = self.multiplier {
            config = config.with_multiplier(multiplier.into());
        }
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
