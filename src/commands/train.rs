//! `emeuro train`: makes the emulators of the applications.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::Args;
use emeuro::{
    apps::{Application, BuildOptions, Built, Convolution, application, applications, build_emulator},
    trainer::{Checkpointing, Quantisation, Session},
};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, input},
    frame_file,
    report::{percent, table},
};

/// Trains, quantises and writes the emulators of applications.
///
/// Training can be interrupted with Ctrl-C and continues where it was when the same command runs again. The same seed makes
/// the same file on the same machine.
#[derive(Args)]
#[command(after_help = "Example: emeuro train rope newton --seed 3 --out emulators")]
pub(crate) struct Train {
    /// Applications; all five if none is named.
    apps: Vec<String>,
    /// Seed of data, initialisation and shuffles.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bits of weights and activations: w4, w8 or w16 and a8 or a16.
    #[arg(long, default_value = "w8a16", value_parser = quantisation)]
    quantisation: Quantisation,
    /// Folder for the emulator files.
    #[arg(long, default_value = "apps/emulators")]
    out: PathBuf,
    /// Another kernel for `convolution`: a CSV or NPY file with one row of 512 taps. Writes `OUT/<name of FILE>.yaml`.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
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
            Some(file) => (convolution_of(file, app, &options)?, file.file_stem().unwrap_or_default()),
            None => (build_emulator(app, &options, &session).map_err(input)?, app.name().as_ref()),
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
}
