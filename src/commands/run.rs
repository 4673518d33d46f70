//! `emeuro run`: the golden model on the user's frames.

use std::path::PathBuf;

use clap::Args;
use emeuro::golden::Runner;
use serde_json::json;

use crate::{
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input},
    frame_file,
};

/// Runs the golden model on frames from a file.
///
/// A CSV file has one frame per line and no header, an NPY file one frame per row; both hold physical values. Results are
/// physical values too.
#[derive(Args)]
#[command(after_help = "Example: emeuro run newton --input points.csv --output directions.npy")]
pub(crate) struct Run {
    /// An application, or the path of an emulator file.
    emulator: String,
    /// Input frames, .csv or .npy.
    #[arg(long)]
    input: PathBuf,
    /// Where to write the output frames, .csv or .npy; by default they are printed as CSV.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Quality level, from 0; by default, and for any number beyond, the highest.
    #[arg(long)]
    quality: Option<usize>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Run {
    /// Runs all frames.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let emulator = EmulatorSource::find(&self.emulator)?.emulator;
        let inputs = frame_file::read(&self.input, emulator.input().size())?;
        let level = self.quality.unwrap_or(usize::MAX);
        let mut runner = Runner::new(&emulator);
        let mut outputs = vec![vec![0.0; emulator.output().port.size()]; inputs.len()];
        for (frame, output) in inputs.iter().zip(&mut outputs) {
            runner.infer_values_at(level, frame, output).map_err(input)?;
        }
        let text = match &self.output {
            Some(path) => {
                frame_file::write(path, &outputs)?;
                format!("{}: {} frames of {} values\n", path.display(), outputs.len(), outputs[0].len())
            }
            None => frame_file::csv_text(&outputs),
        };
        Ok(Outcome::success(if self.json {
            format!("{}\n", json!({ "emulator": emulator.name(), "frames": outputs }))
        } else {
            text
        }))
    }
}
