//! `emeuro generate`: the unit of any emulator.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    commands::unit_args::{UnitArgs, regenerate},
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome},
    owned_folder::{Contents, OwnedFolder},
    report::percent,
    unit_source::UnitSource,
};

/// Generates an emulator's unit: Verilog, ROMs, FuseSoC core, constraints, pictures and report.
#[derive(Args)]
#[command(after_help = "Examples:\n  emeuro generate fft --lanes 32 --out build/fft\n  \
    emeuro generate my-emulator.yaml --unit UNIT.yaml")]
pub(crate) struct Generate {
    /// A checked-in emulator by name (see `emeuro build --help`), or the path of an emulator file.
    emulator: String,
    #[command(flatten)]
    unit: UnitArgs,
    /// Folder to write; by default the emulator's name.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replaces files that this program wrote to the folder even if they were changed since; all others stay.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Generate {
    /// Writes the folder.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let source = EmulatorSource::find(&self.emulator)?;
        let folder = self.out.unwrap_or_else(|| source.emulator.name().into());
        let config = self.unit.config()?;
        let command = regenerate("generate", &self.emulator, &config);
        let unit = UnitSource::new(&source.emulator, &config, &command)?;
        let files = unit.delivery(&source).files();
        OwnedFolder::open(&folder, Contents::Unit, self.force)?.replace(&files)?;
        let (used, cycles) = (unit.program.used_lanes(), unit.cycles);
        if self.json {
            let summary = json!({
                "emulator": source.emulator.name(),
                "top": unit.design.top,
                "folder": folder.display().to_string(),
                "files": files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
                "lanes": config.lanes(),
                "lanes_used": used,
                "cycles": cycles.period,
                "latency": cycles.latency,
                "lower_levels": unit
                    .lower
                    .iter()
                    .map(|level| json!({ "cycles": level.period, "latency": level.latency }))
                    .collect::<Vec<_>>(),
                "utilisation": unit.utilisation(),
            });
            return Ok(Outcome::success(format!("{summary}\n")));
        }
        let idle = match config.lanes() - used {
            0 => String::new(),
            idle => format!(" ({idle} would be idle and are left out)"),
        };
        Ok(Outcome::success(format!(
            "{}: module {}, {} lanes{idle}, {} clocks per frame, latency {} clocks, utilisation {}\n",
            folder.display(),
            unit.design.top,
            used,
            cycles.period,
            cycles.latency,
            percent(unit.utilisation()),
        )))
    }
}
