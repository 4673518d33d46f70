//! Trains the emulators of applications as their recipes say.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::Args;
use emeuro::{
    apps::{Application, BuildOptions, Built, Convolution, Release, Rope, build_emulator, clustered_rope},
    figures::errors_json,
    trainer::{Checkpointing, Quantisation, Session, remove_checkpoint},
};
use serde_json::{Value, json};

use super::{Applications, Common, stop_flag, values};
use crate::{
    failure::{Failure, Outcome, input, input_in},
    frame_file,
    owned_folder::SharedFolder,
    report::{percent, table},
};

/// Trains emulators of applications.
///
/// Training can be interrupted with Ctrl-C and continues where it was when the same command runs again.
#[derive(Args)]
pub(super) struct TrainApplications {
    #[command(flatten)]
    applications: Applications,
    #[command(flatten)]
    common: Common,
    /// Bits of weights and activations: w4, w8 or w16 and a8 or a16. Without it w8a16.
    #[arg(long, value_parser = values::quantisation)]
    quantisation: Option<Quantisation>,
    #[command(flatten)]
    variant: Variant,
    #[arg(long, hide = true)]
    budget: Option<String>,
}

/// Other emulators than the recipes make.
#[derive(Args)]
struct Variant {
    /// Another kernel for `convolution`: a CSV or NPY file with one row of 512 taps. Writes `OUT/<name of FILE>.yaml`.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The emulator of `rope` that has members, each with weights of its own for a part of the inputs. Writes
    /// `OUT/rope_clustered.yaml`.
    #[arg(long, conflicts_with = "kernel")]
    clustered: bool,
    /// Tunes weights that were computed: end to end, through the rounding of the integers, on frames of the exact code. For
    /// `optical_flow`, `fft` and `convolution`.
    #[arg(long, conflicts_with_all = ["kernel", "clustered"])]
    tune: bool,
    /// Trains on both classes of inputs of a scenario: wide-angle.
    #[arg(long, requires = "clustered", value_parser = ["wide-angle"])]
    scenario: Option<String>,
    /// One frame in so many is of the new class of the scenario.
    #[arg(long, requires = "scenario", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..))]
    every: u32,
}

impl Variant {
    /// Name of the file with the emulator of `app`.
    fn file_name(&self, app: &dyn Application) -> String {
        match &self.kernel {
            Some(file) => format!("{}.yaml", file.file_stem().unwrap_or_default().to_string_lossy()),
            None if self.clustered => format!("{}_clustered.yaml", app.name()),
            None => format!("{}.yaml", app.name()),
        }
    }
}

/// The emulator of a convolution with the kernel in `file`.
fn convolution_of(file: &Path, app: &dyn Application, options: &BuildOptions) -> Result<Built, Failure> {
    if app.name() != Convolution.name() {
        return Err(Failure::Input(format!("--kernel: {} has none, expected convolution alone", app.name())));
    }
    let kernel = frame_file::read(file, app.inputs(), None)?;
    match kernel.rows.nrows() {
        1 => {
            let taps: Vec<f64> = kernel.rows.iter().copied().collect();
            // Without its folder: an emulator says nothing about the machine that made it.
            let source = file.file_name().unwrap_or_default().to_string_lossy();
            Convolution::build_of(&taps, &source, options).map_err(|e| input_in(file, e))
        }
        rows => Err(input_in(file, format!("expected one row of taps, found {rows}"))),
    }
}

impl TrainApplications {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        if self.budget.is_some() {
            return Err(Failure::Input(
                "--budget: expected --search, --data or --profile with it".to_owned(),
            ));
        }
        let apps = self.applications.named()?;
        let mut out = self.common.folder(&self.applications.out)?;
        let stop = stop_flag()?;
        for app in &apps {
            out.check([self.variant.file_name(&**app).as_str()])?;
        }
        let mut rows: Vec<Value> = vec![];
        for app in &apps {
            rows.push(self.train(&**app, &mut out, &stop)?);
        }
        // Without a target, what is as bad as the means falls short nevertheless.
        let errs = |row: &Value| {
            row["nrmse"].as_f64().is_none_or(|nrmse| nrmse > self.common.target.unwrap_or(f64::MAX))
        };
        let short = |row: &&Value| row["file"].is_null() || errs(row);
        let passed = !rows.iter().any(|row| short(&row));
        if self.common.json {
            return Ok(Outcome::checked(format!("{}\n", json!({ "emulators": rows })), passed));
        }
        let mut lines = vec![["emulator", "NRMSE", "float", "MACs", "file"].map(str::to_owned).to_vec()];
        lines.extend(rows.iter().map(|row| {
            let share = |field: &str| row[field].as_f64().map_or_else(|| "–".to_owned(), percent);
            let text = |field: &str| match &row[field] {
                Value::String(text) => text.clone(),
                Value::Null => "–".to_owned(),
                other => other.to_string(),
            };
            vec![text("app"), share("nrmse"), share("nrmse_float"), text("macs"), text("file")]
        }));
        let mut text = table(&lines);
        for row in rows.iter().filter(short) {
            let app = row["app"].as_str().unwrap_or_default();
            text += &match (row["file"].is_null(), self.common.target) {
                (false, Some(target)) => {
                    format!("{app}: the target of {} is not reached.\n", percent(target))
                }
                _ => format!(
                    "{app}: nothing is written: the means of the outputs would be as good an answer.\n"
                ),
            };
        }
        Ok(Outcome::checked(text, passed))
    }

    fn train(
        &self,
        app: &dyn Application,
        out: &mut SharedFolder,
        stop: &Arc<AtomicBool>,
    ) -> Result<Value, Failure> {
        let checkpoint = out.path().join(format!("{}.checkpoint", app.name()));
        let session = Session {
            progress: true,
            checkpoint: Some(Checkpointing::new(&checkpoint)),
            stop: Arc::clone(stop),
        };
        let options = BuildOptions {
            seed: self.common.seed,
            quantisation: self.quantisation.unwrap_or_default(),
            tune: self.variant.tune,
        };
        let built = match &self.variant.kernel {
            Some(file) => convolution_of(file, app, &options)?,
            None if self.variant.clustered => self.clustered(app, &options, &session)?,
            None => build_emulator(app, &options, &session).map_err(input)?,
        };
        let file_name = self.variant.file_name(app);
        let path = out.path().join(&file_name);
        let is_useless = built.test.errors.nrmse.is_none_or(|nrmse| nrmse >= 1.0);
        if !is_useless {
            out.add(&[(file_name, built.emulator.to_yaml())])?;
        }
        // The emulator is safe; a checkpoint that cannot be removed does no harm.
        let _ = remove_checkpoint(&checkpoint);
        let errors = errors_json(&built.test.errors, &built.emulator.output().port);
        Ok(json!({
            "app": app.name(),
            "nrmse": errors["nrmse"],
            "nrmse_even": errors["nrmse_even"],
            "nrmse_float": built.nrmse_float,
            "macs": built.emulator.macs(),
            "parameters": built.emulator.parameters(),
            "file": (!is_useless).then(|| path.display().to_string()),
            "outputs": errors["outputs"],
            "segments": errors["segments"],
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
        let release = match self.variant.scenario {
            Some(_) => Release::Both { every: self.variant.every as usize },
            None => Release::Usual,
        };
        clustered_rope(&Rope::with_release(release), options, session).map_err(input)
    }
}
