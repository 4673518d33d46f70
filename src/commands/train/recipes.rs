//! Trains the emulators of applications as their recipes say.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::Args;
use emeuro::{
    apps::{Application, BuildOptions, Built, Convolution, Release, Rope, build_emulator, clustered_rope},
    trainer::{Checkpointing, Session},
};
use serde_json::{Value, json};

use super::Train;
use crate::{
    failure::{Failure, Outcome, input, input_in},
    frame_file,
    report::{percent, table},
};

/// Other emulators of applications than their recipes make.
#[derive(Args)]
pub(super) struct Variant {
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
}

/// The emulator of a convolution with the kernel in `file`.
fn convolution_of(file: &Path, app: &dyn Application, options: &BuildOptions) -> Result<Built, Failure> {
    if app.name() != Convolution.name() {
        return Err(Failure::Input(format!("--kernel: {} has none, expected convolution alone", app.name())));
    }
    let kernel = frame_file::read(file, app.inputs())?;
    match kernel.as_slice() {
        [taps] => {
            // Without its folder: an emulator says nothing about the machine that made it.
            let source = file.file_name().unwrap_or_default().to_string_lossy();
            Convolution::build_of(taps, &source, options).map_err(|e| input_in(file, e))
        }
        rows => Err(input_in(file, format!("expected one row of taps, found {}", rows.len()))),
    }
}

impl Train {
    pub(super) fn train_all(
        &self,
        apps: &[Box<dyn Application>],
        out: &Path,
        stop: &Arc<AtomicBool>,
    ) -> Result<Outcome, Failure> {
        let mut rows: Vec<Value> = vec![];
        for app in apps {
            rows.push(self.train(&**app, out, stop)?);
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

    fn train(&self, app: &dyn Application, out: &Path, stop: &Arc<AtomicBool>) -> Result<Value, Failure> {
        let checkpoint = out.join(format!("{}.checkpoint", app.name()));
        let session = Session {
            progress: true,
            checkpoint: Some(Checkpointing::new(&checkpoint)),
            stop: Arc::clone(stop),
        };
        let options = BuildOptions { seed: self.seed, quantisation: self.quantisation.unwrap_or_default() };
        let (built, name) = match &self.variant.kernel {
            Some(file) => {
                let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (convolution_of(file, app, &options)?, name)
            }
            None if self.variant.clustered => {
                (self.clustered(app, &options, &session)?, format!("{}_clustered", app.name()))
            }
            None => (build_emulator(app, &options, &session).map_err(input)?, app.name().to_owned()),
        };
        let path = out.join(name).with_added_extension("yaml");
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
        let release = match self.variant.scenario {
            Some(_) => Release::Both { every: self.variant.every as usize },
            None => Release::Usual,
        };
        clustered_rope(&Rope::with_release(release), options, session).map_err(input)
    }
}
