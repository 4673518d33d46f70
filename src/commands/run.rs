//! `emeuro run`: the golden model on the user's frames.

use std::path::{Path, PathBuf};

use clap::Args;
use emeuro::{
    figures::{errors_json, nrmse_text},
    golden::{Emulator, Errors, Runner},
};
use serde_json::{Value, json};

use crate::{
    emulator_source::EmulatorSource,
    failure::{Failure, Outcome, input, input_in, refuse_own_input},
    frame_file,
    report::{outputs_text, table},
};

/// Runs the golden model on frames from a file.
///
/// A CSV file has one frame per line and no header, an NPY file one frame per row; both hold physical values. Results are
/// physical values too.
///
/// With --compare, the errors against exact results are printed instead of the results: NRMSE of all outputs together and of every one, and
/// in its own unit the error that 95 % and 99 % of the frames do not exceed, and the largest one with its row.
#[derive(Args)]
#[command(after_help = "Examples: emeuro run newton --input points.csv --output directions.npy
          emeuro run emulators/pairs.yaml --input fresh.csv --compare exact.csv")]
pub(crate) struct Run {
    /// An application, or the path of an emulator file.
    emulator: String,
    /// Input frames, .csv or .npy.
    #[arg(long)]
    input: PathBuf,
    /// Where to write the output frames, .csv or .npy; by default they are printed as CSV.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Exact output frames to compare with, .csv or .npy, one for every input frame.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
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
        if let Some(path) = &self.output {
            refuse_own_input("--output", path, "--input", &self.input)?;
            frame_file::check(path)?;
        }
        let inputs = frame_file::read(&self.input, emulator.input().size())?;
        let exact = self.compare.as_deref().map(|path| exact(path, &emulator, &inputs)).transpose()?;
        let highest = emulator.levels() - 1;
        let level = self.quality.map_or(highest, |level| level.min(highest));
        let mut runner = Runner::new(&emulator);
        let mut outputs = vec![vec![0.0; emulator.output().port.size()]; inputs.len()];
        for (frame, output) in inputs.iter().zip(&mut outputs) {
            runner.infer_values_at(level, frame, output).map_err(input)?;
        }
        let mut text = String::new();
        if let Some(path) = &self.output {
            frame_file::write(path, &outputs)?;
            text = format!("{}: {} frames of {} values\n", path.display(), outputs.len(), outputs[0].len());
        }
        let json = match exact {
            Some(exact) => {
                let errors = Errors::of(&emulator.output_names(), &exact.concat(), &outputs.concat());
                let rows: Vec<usize> = (1..=outputs.len()).collect();
                let errors = errors.in_rows(&rows);
                text += &errors_text(&errors, &emulator, outputs.len());
                compared_json(&errors, &emulator, level, outputs.len())
            }
            None => {
                if self.output.is_none() {
                    text = frame_file::csv_text(&outputs);
                }
                json!({ "emulator": emulator.name(), "frames": outputs })
            }
        };
        Ok(Outcome::success(if self.json { format!("{json}\n") } else { text }))
    }
}

/// Exact outputs for all `inputs`.
fn exact(path: &Path, emulator: &Emulator, inputs: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Failure> {
    let exact = frame_file::read(path, emulator.output().port.size())?;
    let (expected, found) = (inputs.len(), exact.len());
    match expected == found {
        true => Ok(exact),
        false => Err(input_in(path, format!("expected {expected} frames as in the input, found {found}"))),
    }
}

fn errors_text(errors: &Errors, emulator: &Emulator, frames: usize) -> String {
    let lines = [
        ["frames", "NRMSE", "even NRMSE"].map(str::to_owned).to_vec(),
        vec![frames.to_string(), nrmse_text(errors.nrmse), nrmse_text(errors.even)],
    ];
    format!("{}\n{}", table(&lines), outputs_text(errors, &emulator.output().port, "row"))
}

fn compared_json(errors: &Errors, emulator: &Emulator, level: usize, frames: usize) -> Value {
    let mut json = errors_json(errors, &emulator.output().port);
    json["emulator"] = emulator.name().into();
    json["level"] = level.into();
    json["frames_compared"] = frames.into();
    json
}
