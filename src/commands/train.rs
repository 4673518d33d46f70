//! `emeuro train`: makes the emulators of the applications.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use emeuro::{
    apps::{
        Application, BuildOptions, Built, Convolution, Release, Rope, SearchOptions, SearchReport,
        application, applications, build_emulator, clustered_rope, search_emulators,
    },
    compiler::DEFAULT_LANES,
    golden::write_atomically,
    trainer::{Checkpointing, Quantisation, Session, search::Limits},
};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, input},
    frame_file, front_file,
    report::{nanoseconds, percent, table},
};

/// Trains, quantises and writes the emulators of applications.
///
/// Training can be interrupted with Ctrl-C and continues where it was when the same command runs again. The same seed makes
/// the same file on the same machine.
///
/// With --search, other topologies, splits into subroutines and number formats are tried for as long as the budget lasts. The Pareto front
/// of error and clocks goes to OUT/APP.front.yaml and OUT/APP.front.svg, everything else to OUT/APP.search, from where the same command
/// continues.
#[derive(Args)]
#[command(after_help = "Examples: emeuro train rope newton --seed 3 --out emulators
          emeuro train newton --search --budget 10m")]
pub(crate) struct Train {
    /// Applications; all five if none is named.
    apps: Vec<String>,
    /// Seed of data, initialisation and shuffles.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bits of weights and activations: w4, w8 or w16 and a8 or a16.
    #[arg(long, default_value = "w8a16", value_parser = quantisation, conflicts_with = "search")]
    quantisation: Quantisation,
    /// Folder for the emulator files.
    #[arg(long, default_value = "apps/emulators")]
    out: PathBuf,
    /// Another kernel for `convolution`: a CSV or NPY file with one row of 512 taps. Writes `OUT/<name of FILE>.yaml`.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The emulator of `rope` that has members, each with weights of its own for a part of the inputs. Writes
    /// `OUT/rope_clustered.yaml`.
    #[arg(long, conflicts_with_all = ["search", "kernel"])]
    clustered: bool,
    /// Trains on both classes of inputs of a scenario: wide-angle.
    #[arg(long, requires = "clustered", value_parser = ["wide-angle"])]
    scenario: Option<String>,
    /// One frame in so many is of the new class of the scenario.
    #[arg(long, requires = "scenario", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..))]
    every: u32,
    /// Searches for better emulators instead of training those of the recipes.
    #[arg(long)]
    search: bool,
    /// Time of the search per application, for example 90s, 10m or 2h; earlier runs count.
    #[arg(long, default_value = "10m", value_parser = duration, requires = "search")]
    budget: Duration,
    /// Evaluations at most, those of earlier runs included.
    #[arg(long, value_name = "N", requires = "search")]
    evaluations: Option<usize>,
    /// Writes the chosen emulator to OUT/APP.yaml.
    #[arg(long, requires = "search")]
    adopt: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Reads for example `90s`, `10m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number above 0 and s, m or h, for example 90s or 10m".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if !duration.is_zero() && number <= 1e6 => Ok(duration),
        _ => Err(wrong()),
    }
}

/// Reads for example `w8a16`.
fn quantisation(text: &str) -> Result<Quantisation, String> {
    let widths = text.strip_prefix('w').and_then(|rest| rest.split_once('a'));
    match widths.map(|(w, a)| (w.parse(), a.parse())) {
        Some((Ok(weight_bits @ (4 | 8 | 16)), Ok(activation_bits @ (8 | 16)))) => {
            Ok(Quantisation { weight_bits, activation_bits })
        }
        _ => Err("expected w4, w8 or w16 followed by a8 or a16, for example w8a16".to_owned()),
    }
}

/// The emulator of a convolution with the kernel in `file`.
fn convolution_of(file: &Path, app: &dyn Application, options: &BuildOptions) -> Result<Built, Failure> {
    if app.name() != Convolution.name() {
        return Err(Failure::Input(format!("--kernel: {} has none, expected convolution alone", app.name())));
    }
    let kernel = frame_file::read(file, app.inputs())?;
    let named = |e: &dyn std::fmt::Display| Failure::Input(format!("{}: {e}", file.display()));
    match kernel.as_slice() {
        [taps] => {
            // Without its folder: an emulator says nothing about the machine that made it.
            let source = file.file_name().unwrap_or_default().to_string_lossy();
            Convolution::build_of(taps, &source, options).map_err(|e| named(&e))
        }
        rows => Err(named(&format!("expected one row of taps, found {}", rows.len()))),
    }
}

impl Train {
    /// Trains every application.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let apps: Vec<Box<dyn Application>> = match self.apps.as_slice() {
            [] => applications(),
            names => names.iter().map(|name| application(name).map_err(input)).collect::<Result<_, _>>()?,
        };
        std::fs::create_dir_all(&self.out)
            .map_err(|e| Failure::Input(format!("{}: cannot write: {e}", self.out.display())))?;
        let stop = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&stop);
        ctrlc::set_handler(move || handler.store(true, std::sync::atomic::Ordering::Relaxed))
            .map_err(input)?;
        if self.search {
            return self.search_all(&apps, &stop);
        }
        let mut rows: Vec<Value> = vec![];
        for app in &apps {
            rows.push(self.train(&**app, &stop)?);
        }
        if self.json {
            return Ok(Outcome::success(format!("{}\n", json!({ "emulators": rows }))));
        }
        let mut lines = vec![["emulator", "NRMSE", "float", "MACs", "file"].map(str::to_owned).to_vec()];
        lines.extend(rows.iter().map(|row| {
            let share = |field: &str| row[field].as_f64().map_or_else(|| "–".to_owned(), percent);
            let text =
                |field: &str| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned);
            vec![text("app"), share("nrmse"), share("nrmse_float"), text("macs"), text("file")]
        }));
        Ok(Outcome::success(table(&lines)))
    }

    fn train(&self, app: &dyn Application, stop: &Arc<AtomicBool>) -> Result<Value, Failure> {
        let checkpoint = self.out.join(format!("{}.checkpoint", app.name()));
        let session = Session {
            progress: true,
            checkpoint: Some(Checkpointing::new(&checkpoint)),
            stop: Arc::clone(stop),
        };
        let options = BuildOptions { seed: self.seed, quantisation: self.quantisation };
        let (built, name) = match &self.kernel {
            Some(file) => {
                let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (convolution_of(file, app, &options)?, name)
            }
            None if self.clustered => {
                (self.clustered(app, &options, &session)?, format!("{}_clustered", app.name()))
            }
            None => (build_emulator(app, &options, &session).map_err(input)?, app.name().to_owned()),
        };
        let path = self.out.join(name).with_added_extension("yaml");
        built.emulator.save(&path).map_err(input)?;
        // The emulator is safe; a checkpoint that cannot be removed does no harm.
        let _ = std::fs::remove_file(&checkpoint);
        Ok(json!({
            "app": app.name(),
            "nrmse": built.test.nrmse,
            "nrmse_float": built.nrmse_float,
            "macs": built.emulator.macs(),
            "parameters": built.emulator.parameters(),
            "file": path.display().to_string(),
        }))
    }

    fn clustered(
        &self,
        app: &dyn Application,
        options: &BuildOptions,
        session: &Session,
    ) -> Result<Built, Failure> {
        if app.name() != Rope::new().name() {
            return Err(Failure::Input(format!("--clustered: expected rope alone, found {}", app.name())));
        }
        let release = match self.scenario {
            Some(_) => Release::Both { every: self.every as usize },
            None => Release::Usual,
        };
        clustered_rope(&Rope::with_release(release), options, session).map_err(input)
    }

    fn search_all(&self, apps: &[Box<dyn Application>], stop: &Arc<AtomicBool>) -> Result<Outcome, Failure> {
        let reports = apps
            .iter()
            .map(|app| self.search(&**app, stop))
            .collect::<Result<Vec<SearchReport>, Failure>>()?;
        if self.json {
            let searches: Vec<Value> = reports.iter().map(|report| self.search_json(report)).collect();
            return Ok(Outcome::success(format!("{}\n", json!({ "searches": searches }))));
        }
        let header = ["app", "point", "NRMSE", "test", "clocks", "weight bits", "emulated", "exact"];
        let mut lines = vec![header.map(str::to_owned).to_vec()];
        let mut summary = String::new();
        for report in &reports {
            for (what, index) in [("reference", 0), ("chosen", report.chosen)] {
                let point = &report.points[index];
                lines.push(vec![
                    report.app.to_owned(),
                    if index == 0 { what.to_owned() } else { format!("{what}: {}", point.name) },
                    percent(point.score.error),
                    point.test.map_or_else(|| "–".to_owned(), percent),
                    point.score.clocks.to_string(),
                    point.score.weight_bits.to_string(),
                    nanoseconds(point.score.cpu_ns),
                    nanoseconds(report.exact_ns),
                ]);
            }
            summary += &format!(
                "{}: {} evaluations of {} candidates in {:.0} s, {} points on the front: {}.\n",
                report.app,
                report.evaluations,
                report.candidates,
                report.seconds,
                front_file::front(report).len(),
                self.out.join(format!("{}.front.yaml", report.app)).display()
            );
        }
        Ok(Outcome::success(table(&lines) + &summary))
    }

    /// Searches, and writes the files.
    fn search(&self, app: &dyn Application, stop: &Arc<AtomicBool>) -> Result<SearchReport, Failure> {
        let command = format!(
            "emeuro train {} --search --seed {} --budget {}s{}",
            app.name(),
            self.seed,
            self.budget.as_secs_f64(),
            self.evaluations.map_or_else(String::new, |most| format!(" --evaluations {most}"))
        );
        let options = SearchOptions {
            seed: self.seed,
            limits: Limits { budget: self.budget, evaluations: self.evaluations },
            folder: self.out.join(format!("{}.search", app.name())),
            command: command.clone(),
            progress: true,
            stop: Arc::clone(stop),
        };
        let report = search_emulators(app, &options).map_err(input)?;
        let write = |ending: &str, text: &str| {
            let path = self.out.join(format!("{}.{ending}", app.name()));
            write_atomically(&path, text.as_bytes())
                .map_err(|e| Failure::Input(format!("{}: cannot write: {e}", path.display())))
        };
        let budget = self.budget.as_secs_f64();
        write(
            "front.yaml",
            &front_file::yaml(&report, &command, self.seed, budget, DEFAULT_LANES).map_err(input)?,
        )?;
        write("front.svg", &front_file::svg(&report).map_err(input)?)?;
        if self.adopt {
            let path = self.out.join(format!("{}.yaml", app.name()));
            report.emulator.save(&path).map_err(input)?;
        }
        Ok(report)
    }

    fn search_json(&self, report: &SearchReport) -> Value {
        let point = |index: usize| {
            let point = &report.points[index];
            json!({
                "name": point.name,
                "nrmse": point.score.error,
                "nrmse_test": point.test,
                "clocks": point.score.clocks,
                "weight_bits": point.score.weight_bits,
                "cpu_ns": point.score.cpu_ns,
            })
        };
        let file = |ending: &str| self.out.join(format!("{}.{ending}", report.app)).display().to_string();
        json!({
            "app": report.app,
            "evaluations": report.evaluations,
            "candidates": report.candidates,
            "seconds": report.seconds,
            "exact_ns": report.exact_ns,
            "reference": point(0),
            "chosen": point(report.chosen),
            "front": front_file::front(report).iter().map(|point| point.name.clone()).collect::<Vec<_>>(),
            "file": file("front.yaml"),
            "picture": file("front.svg"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("1.5m").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("2h").unwrap(), Duration::from_secs(7200));
        for wrong in ["", "s", "10", "0s", "-1m", "nanm", "infh", "1e300h", "10 m", "3ä"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
