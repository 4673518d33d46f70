//! `emeuro train`: makes emulators.

mod data;
mod profile;
mod recipes;
mod search;
mod values;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Args;
use emeuro::{
    apps::{Application, application, applications, emulator_texts},
    trainer::Quantisation,
};

use crate::{
    failure::{Failure, Outcome, input},
    owned_folder::{Contents, SharedFolder},
};

/// Trains, quantises and writes emulators: of applications, of your own data (--data), or of a program's regions (--profile).
///
/// Training of applications can be interrupted with Ctrl-C and continues where it was when the same command runs again. The same seed makes
/// the same file on the same machine.
///
/// With --search, other topologies, splits into subroutines and number formats are tried for as long as the budget lasts. The Pareto front
/// of error and clocks goes to OUT/APP.front.yaml and OUT/APP.front.svg, everything else to OUT/APP.search, from where the same command
/// continues.
///
/// With --data, pairs of inputs and outputs are all that is known of a function: the cheapest network that reaches the target
/// goes to OUT/NAME.yaml. With --profile, a program's regions that are worth it are emulated; the program finds the files through
/// EMEURO_SETTINGS=OUT/regions.settings.yaml.
#[derive(Args)]
#[command(after_help = "Examples: emeuro train rope newton --seed 3 --out emulators
          emeuro train newton --search --budget 10m
          emeuro train --data pairs.csv --inputs 5 --target 1%
          emeuro train --profile profile --out emulators")]
pub(crate) struct Train {
    /// Applications: optical_flow, fft, convolution, rope, newton; all five if none is named.
    apps: Vec<String>,
    /// Seed of data, initialisation and shuffles.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bits of weights and activations: w4, w8 or w16 and a8 or a16. Without it w8a16, with --data w16a16 if 8 bits do not suffice.
    #[arg(long, value_parser = values::quantisation, conflicts_with_all = ["search", "profile"])]
    quantisation: Option<Quantisation>,
    /// Folder for the emulator files; without it apps/emulators, with --data and --profile emulators.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Time, for example 90s, 10m or 2h. Of a search, per application: 10m without it, earlier runs count. With --data and --profile, of
    /// the training of an emulator on two cores, counted in multiplications: 60s without it.
    #[arg(long, value_parser = values::duration)]
    budget: Option<Duration>,
    /// NRMSE that is good enough, for example 2% or 0.02. With --data and --profile 2% without it. What misses it ends with status 1.
    #[arg(long, value_parser = values::share)]
    target: Option<f64>,
    /// Replaces files that training wrote to the folder even if they were changed since; all others stay.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    variant: recipes::Variant,
    #[command(flatten)]
    search: search::Search,
    #[command(flatten)]
    data: data::Data,
    #[command(flatten)]
    profile: profile::ProfileArgs,
}

/// The NRMSE that is good enough if nobody says another one.
const TARGET: f64 = 0.02;

impl Train {
    /// Trains what was asked for.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        if self.data.is_asked_for() {
            return self.train_data(&stop_flag()?);
        }
        if self.profile.is_asked_for() {
            return self.train_profile(&stop_flag()?);
        }
        if self.budget.is_some() && !self.search.search {
            return Err(Failure::Input(
                "--budget: expected --search, --data or --profile with it".to_owned(),
            ));
        }
        let apps: Vec<Box<dyn Application>> = match self.apps.as_slice() {
            [] => applications(),
            names => names.iter().map(|name| application(name).map_err(input)).collect::<Result<_, _>>()?,
        };
        let mut out = self.folder("apps/emulators")?;
        let stop = stop_flag()?;
        if self.search.search {
            self.search_all(&apps, &mut out, &stop)
        } else {
            self.train_all(&apps, &mut out, &stop)
        }
    }

    /// The error that is good enough where there is always one.
    fn target(&self) -> f64 {
        self.target.unwrap_or(TARGET)
    }

    /// The folder to write to, made if it is not there. Emulators as they are checked in are in this program, and may be replaced.
    fn folder(&self, default: &str) -> Result<SharedFolder, Failure> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(default));
        let known = emulator_texts().map(|(name, text)| (format!("{name}.yaml"), text));
        SharedFolder::open(&out, Contents::Emulators, self.force, known)
    }
}

/// A flag that Ctrl-C sets.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&stop);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed)).map_err(input)?;
    Ok(stop)
}
