//! `emeuro run`: the golden model on the user's frames.

use std::path::{Path, PathBuf};

use clap::Args;
use emeuro::{
    figures::{errors_json, nrmse_text},
    golden::{Emulator, Errors, Port, Ranges, Runner, Segment},
    tables::Frames,
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
/// A CSV file has one frame per line, an NPY file one per row; both hold physical values. A header that names the emulator's inputs says
/// which column is which. Results are physical values too. How many frames have an input outside the range that the emulator was made for is
/// said on standard error.
///
/// With --compare, the errors against exact results are printed instead of the results: NRMSE of all outputs together and of every one, and
/// in its own unit the error that 95 % and 99 % of the frames do not exceed, and the largest one with its row.
#[derive(Args)]
#[command(after_help = "Examples: emeuro run newton --input points.csv --output directions.npy
          emeuro run emulators/pairs.yaml --input fresh.csv --compare exact.csv")]
pub(crate) struct Run {
    /// A checked-in emulator by name (see `emeuro build --help`), or the path of an emulator file.
    emulator: String,
    /// Input frames: a CSV or NPY file, or - for standard input.
    #[arg(long)]
    input: PathBuf,
    /// Where to write the output frames, .csv, .txt or .npy; by default they are printed as CSV.
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

/// What the inputs are called, if every single one has a name.
fn names(port: &Port) -> Option<Vec<&str>> {
    let is_one = |segment: &Segment| segment.size == 1;
    let names = || port.segments.iter().map(|segment| segment.name.as_str()).collect();
    port.segments.iter().all(is_one).then(names)
}

impl Run {
    /// Runs all frames.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let emulator = EmulatorSource::find(&self.emulator)?.emulator;
        if let Some(path) = &self.output {
            refuse_own_input("--output", path, "--input", &self.input)?;
            frame_file::check(path)?;
        }
        let inputs = read(&self.input, emulator.input())?;
        let exact = self.compare.as_deref().map(|path| exact(path, &emulator, &inputs)).transpose()?;
        let highest = emulator.levels() - 1;
        let level = self.quality.map_or(highest, |level| level.min(highest));
        let mut runner = Runner::new(&emulator);
        let mut outputs = vec![vec![0.0; emulator.output().port.size()]; inputs.rows.nrows()];
        for (frame, output) in inputs.rows.outer_iter().zip(&mut outputs) {
            runner.infer_values_at(level, &frame.to_vec(), output).map_err(input)?;
        }
        let outside = Outside::of(&emulator, &inputs);
        if let Some(note) = outside.as_ref().and_then(|outside| outside.note(emulator.input(), &inputs)) {
            frame_file::note(&self.input, note);
        }
        let mut text = String::new();
        if let Some(path) = &self.output {
            frame_file::write(path, &outputs)?;
            text = format!("{}: {} frames of {} values\n", path.display(), outputs.len(), outputs[0].len());
        }
        let mut json = match exact {
            Some(exact) => {
                let targets: Vec<f64> = exact.rows.iter().copied().collect();
                let errors = Errors::of(&emulator.output_names(), &targets, &outputs.concat());
                let errors = errors.in_rows(&inputs.lines);
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
        json["frames_outside_range"] = outside.map(|outside| outside.frames).into();
        Ok(Outcome::success(if self.json { format!("{json}\n") } else { text }))
    }
}

/// Frames of a port.
fn read(path: &Path, port: &Port) -> Result<Frames, Failure> {
    frame_file::read(path, port.size(), names(port).as_deref())
}

/// Frames with an input outside the range that the emulator was made for.
struct Outside {
    frames: usize,
    /// Frame and input where it comes first.
    first: Option<(usize, usize)>,
}

impl Outside {
    /// None if the ranges are not known.
    fn of(emulator: &Emulator, inputs: &Frames) -> Option<Self> {
        let ranges = Ranges::of(emulator.input())?;
        let places = inputs.rows.outer_iter().enumerate();
        let mut outside = places.filter_map(|(frame, row)| Some((frame, ranges.outside(&row.to_vec())?)));
        let first = outside.next();
        Some(Self { frames: usize::from(first.is_some()) + outside.count(), first })
    }

    fn note(&self, port: &Port, inputs: &Frames) -> Option<String> {
        let (frame, word) = self.first?;
        let (segment, place) = port.words().nth(word)?;
        let [low, high] = segment.ranges.get(place)?;
        let index = if segment.size > 1 { format!("[{place}]") } else { String::new() };
        Some(format!(
            "{} of {} frames have an input outside the range that the emulator was made for; the first in row {}: {}{index} is {}, made for \
             {low} to {high}",
            self.frames,
            inputs.rows.nrows(),
            inputs.lines[frame],
            segment.name,
            inputs.rows[(frame, word)]
        ))
    }
}

/// Exact outputs for all `inputs`.
fn exact(path: &Path, emulator: &Emulator, inputs: &Frames) -> Result<Frames, Failure> {
    let exact = read(path, &emulator.output().port)?;
    let (expected, found) = (inputs.rows.nrows(), exact.rows.nrows());
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
