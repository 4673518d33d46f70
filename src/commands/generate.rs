//! `emeuro generate`: the unit of any emulator.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    commands::build::DEFAULT_LANES,
    design_folder::{self, UnitFile},
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome},
    report::percent,
    unit_source::UnitSource,
};

/// Generates the Verilog and the ROMs of an emulator's unit.
#[derive(Args)]
#[command(after_help = "Example: emeuro generate fft --lanes 32 --out build/fft")]
pub(crate) struct Generate {
    /// An application, or the path of an emulator file.
    emulator: String,
    /// Multiply-accumulate lanes, 1 to 128.
    #[arg(long, default_value_t = DEFAULT_LANES)]
    lanes: usize,
    /// Folder to write; by default the emulator's name.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Generate {
    /// Writes the folder.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let source = EmulatorSource::find(&self.emulator)?;
        let folder = self.out.unwrap_or_else(|| source.emulator.name().into());
        let regenerate = format!("emeuro generate {} --lanes {}", self.emulator, self.lanes);
        let unit = UnitSource::new(&source.emulator, self.lanes, &regenerate)?;
        let description = UnitFile::new(&self.emulator, &unit.design, self.lanes);
        design_folder::write(&folder, &design_folder::files(&unit.design, &description))?;
        let (used, cycles) = (unit.program.used_lanes(), unit.cycles);
        if self.json {
            let summary = json!({
                "emulator": source.emulator.name(),
                "top": unit.design.top,
                "folder": folder.display().to_string(),
                "files": unit.design.files().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
                "lanes": self.lanes,
                "lanes_used": used,
                "cycles": cycles.period,
                "latency": cycles.latency,
                "utilisation": unit.utilisation(),
            });
            return Ok(Outcome::success(format!("{summary}\n")));
        }
        let idle = match self.lanes - used {
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
