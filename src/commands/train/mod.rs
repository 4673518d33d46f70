//! `emeuro train`: makes emulators.

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
    apps::{Application, application, applications},
    trainer::Quantisation,
};

use crate::failure::{Failure, Outcome, input};

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
    #[arg(long, default_value = "w8a16", value_parser = values::quantisation, conflicts_with = "search")]
    quantisation: Quantisation,
    /// Folder for the emulator files.
    #[arg(long, default_value = "apps/emulators")]
    out: PathBuf,
    /// Time of the search per application, for example 90s, 10m or 2h; earlier runs count.
    #[arg(long, default_value = "10m", value_parser = values::duration, requires = "search")]
    budget: Duration,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    variant: recipes::Variant,
    #[command(flatten)]
    search: search::Search,
}

impl Train {
    /// Trains what was asked for.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let apps: Vec<Box<dyn Application>> = match self.apps.as_slice() {
            [] => applications(),
            names => names.iter().map(|name| application(name).map_err(input)).collect::<Result<_, _>>()?,
        };
        std::fs::create_dir_all(&self.out)
            .map_err(|e| Failure::Input(format!("{}: cannot write: {e}", self.out.display())))?;
        let stop = stop_flag()?;
        if self.search.search { self.search_all(&apps, &stop) } else { self.train_all(&apps, &stop) }
    }
}

/// A flag that Ctrl-C sets.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&stop);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed)).map_err(input)?;
    Ok(stop)
}
