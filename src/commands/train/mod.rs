//! `emeuro train`: makes emulators.

mod application;
mod data;
mod profile;
mod search;
mod spelling;
mod values;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::{Args, Subcommand};
use emeuro::{
    apps::{Application, application, applications, emulator_texts},
    trainer::general::Learning,
};

pub(crate) use spelling::with_subcommand;

use crate::{
    failure::{Failure, Outcome, input},
    owned_folder::{Contents, SharedFolder},
};

/// Trains, quantises and writes emulators: of applications, of your own data, or of a program's regions.
///
/// The same seed makes the same file on the same machine. The commands may be left out: `emeuro train rope` is `emeuro train app rope`,
/// and --search, --data FILE and --profile DIR are the others.
#[derive(Args)]
#[command(after_help = "Examples: emeuro train app rope newton --seed 3 --out emulators
          emeuro train search newton --budget 10m
          emeuro train data pairs.csv --inputs 5 --target 1%
          emeuro train profile DIR --out emulators")]
pub(crate) struct Train {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    App(application::TrainApplications),
    Search(search::Search),
    Data(data::Data),
    Profile(profile::ProfileArgs),
}

impl Train {
    /// Trains what was asked for.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        match self.what {
            What::App(applications) => applications.run(),
            What::Search(search) => search.run(),
            What::Data(data) => data.run(),
            What::Profile(profile) => profile.run(),
        }
    }
}

/// What all trainings have.
#[derive(Args)]
struct Common {
    /// Seed of data, initialisation and shuffles.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// NRMSE that is good enough, for example 2% or 0.02. What misses it ends with status 1.
    #[arg(long, value_parser = values::share)]
    target: Option<f64>,
    /// Replaces files that training wrote to the folder even if they were changed since; all others stay.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// The NRMSE that is good enough if nobody says another one.
const TARGET: f64 = 0.02;

impl Common {
    /// The error that is good enough where there is always one.
    fn target(&self) -> f64 {
        self.target.unwrap_or(TARGET)
    }

    /// The folder to write to, made if it is not there. Emulators as they are checked in are in this program, and may be replaced.
    fn folder(&self, out: &Path) -> Result<SharedFolder, Failure> {
        let known = emulator_texts().map(|(name, text)| (format!("{name}.yaml"), text));
        SharedFolder::open(out, Contents::Emulators, self.force, known)
    }
}

/// What networks that are looked for may cost, and where they go.
#[derive(Args)]
struct Budgeted {
    /// Folder for the files.
    #[arg(long, default_value = "emulators")]
    out: PathBuf,
    /// What the training of an emulator may cost on two cores, counted in multiplications, for example 90s or 10m: 60s without it.
    #[arg(long, value_parser = values::duration)]
    budget: Option<Duration>,
}

impl Budgeted {
    fn budget(&self) -> Duration {
        self.budget.unwrap_or(Learning::new("default").budget)
    }

    /// The budget as a part of the command for the provenance, if there is one.
    fn command(&self) -> String {
        self.budget.map_or_else(String::new, |budget| format!(" --budget {}s", budget.as_secs_f64()))
    }
}

/// Applications and where their emulators go.
#[derive(Args)]
struct Applications {
    /// Applications: optical_flow, fft, convolution, rope, newton; all five if none is named.
    apps: Vec<String>,
    /// Folder for the files.
    #[arg(long, default_value = "apps/emulators")]
    out: PathBuf,
}

impl Applications {
    fn named(&self) -> Result<Vec<Box<dyn Application>>, Failure> {
        match self.apps.as_slice() {
            [] => Ok(applications()),
            names => names.iter().map(|name| application(name).map_err(input)).collect(),
        }
    }
}

/// A flag that Ctrl-C sets.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&stop);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed)).map_err(input)?;
    Ok(stop)
}
