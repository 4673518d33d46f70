//! The folder that [`emeuro_regions::write_profile`] writes.

use std::path::Path;

use emeuro_golden::text::{self, TextError};
use emeuro_regions::{FeedbackEntry, Link, PartEntry, ProfileFile, ProfileNode, RegionEntry, file_stem_of};
use emeuro_tables::{NotFinite, Reading};
use ndarray::Array2;

use super::{Call, Feedback};
use crate::{Error, Result, general::Part};

/// A profile keeps no more of a region; see [`emeuro_regions::write_profile`].
const MOST_NUMBERS: usize = 1 << 27;

/// Bytes of the longest name of a region or file.
const LONGEST_NAME: usize = 500;

/// Times of a program and its regions, and what the regions were called with.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Calls as a tree; a parent comes before its children.
    pub calls: Vec<Call>,
    /// Every region that was called.
    pub regions: Vec<RegionSamples>,
    /// Seconds from the first call of a region to the end of the program, if the profile knows them.
    pub seconds: Option<f64>,
}

/// Calls of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionSamples {
    /// Path of the region, for example `robot::arm::reach`.
    pub region: String,
    /// Exact code inside it: it cannot be emulated as a whole.
    pub exact_code: Vec<String>,
    /// The parts of an input.
    pub input_parts: Vec<Part>,
    /// The parts of an output.
    pub output_parts: Vec<Part>,
    /// Inputs that were kept, one call per row, in the order of the calls.
    pub inputs: Array2<f64>,
    /// The outputs for them.
    pub outputs: Array2<f64>,
    /// Rows of the files that these are, counted from 1.
    pub rows: Vec<usize>,
    /// What comes back to it, if anything does.
    pub feedback: Option<Feedback>,
}

impl RegionSamples {
    /// The name without the modules that it is in.
    #[must_use]
    pub fn name(&self) -> &str {
        self.region.rsplit("::").next().unwrap_or(&self.region)
    }

    /// Name of the region's emulator file, without its ending.
    #[must_use]
    pub fn file_stem(&self) -> String {
        file_stem_of(&self.region)
    }
}

impl Profile {
    /// Reads `folder`.
    ///
    /// # Errors
    /// A file that is missing or is not what a profile consists of.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(ProfileFile::NAME);
        let wrong = |what: String| Error::Profile { path: path.clone(), what };
        let text = text::read(&path, ProfileFile::KIND).map_err(|error| match error {
            TextError::Io(e) => {
                wrong(format!("{e}: expected the folder that a program has written in profile mode"))
            }
            TextError::Content(what) => wrong(what),
        })?;
        let file = ProfileFile::parse(&text).map_err(wrong)?;
        if file.version > ProfileFile::VERSION {
            let (expected, found) = (ProfileFile::VERSION, file.version);
            return Err(wrong(format!("version: expected {expected} or an older one, found {found}")));
        }
        let mut regions: Vec<RegionSamples> = vec![];
        for (index, entry) in file.regions.into_iter().enumerate() {
            let files = [&entry.input_file, &entry.output_file].map(|file| file.as_os_str().len());
            if files.iter().chain([&entry.region.len()]).any(|&length| length > LONGEST_NAME) {
                let what = format!(
                    "regions[{index}]: expected names of up to {LONGEST_NAME} bytes, found a longer one"
                );
                return Err(wrong(what));
            }
            if regions.iter().any(|known| known.region == entry.region) {
                return Err(wrong(format!("regions: {:?} occurs twice", entry.region)));
            }
            regions.push(samples(folder, entry)?);
        }
        let mut calls: Vec<Call> = vec![];
        for (index, entry) in file.calls.into_iter().enumerate() {
            let ProfileNode { region, parent, calls: count, seconds, own_seconds: _ } = entry;
            let problem = |what: &str| wrong(format!("calls[{index}]: {what}"));
            if parent.is_some_and(|parent| parent >= index) {
                return Err(problem("expected the index of an earlier call as parent"));
            }
            if !seconds.is_finite() || seconds < 0.0 {
                return Err(problem(&format!(
                    "seconds: expected a number that is not negative, found {seconds}"
                )));
            }
            let place = regions.iter().position(|known| known.region == region);
            let place = match place {
                Some(place) => place,
                None => {
                    // Every call has panicked: there are times and no values.
                    regions.push(RegionSamples {
                        region,
                        exact_code: vec![],
                        input_parts: vec![],
                        output_parts: vec![],
                        inputs: Array2::zeros((0, 0)),
                        outputs: Array2::zeros((0, 0)),
                        rows: vec![],
                        feedback: None,
                    });
                    regions.len() - 1
                }
            };
            calls.push(Call { region: place, parent, calls: count, seconds });
        }
        if calls.is_empty() {
            return Err(wrong("no region was called in profile mode".to_owned()));
        }
        let seconds = file.seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
        Ok(Self { calls, regions, seconds })
    }
}

fn samples(folder: &Path, entry: RegionEntry) -> Result<RegionSamples> {
    let parts = |parts: Vec<PartEntry>| -> Vec<Part> {
        parts.into_iter().map(|part| Part::new(part.name, part.size)).collect()
    };
    let (input_parts, output_parts) = (parts(entry.inputs), parts(entry.outputs));
    let inputs = values(&folder.join(&entry.input_file), &input_parts)?;
    let path = folder.join(&entry.output_file);
    let outputs = values(&path, &output_parts)?;
    if inputs.nrows() != outputs.nrows() {
        let what = format!("expected {} rows as in the inputs, found {}", inputs.nrows(), outputs.nrows());
        return Err(Error::Profile { path, what });
    }
    // A call that gave something that is not a number is no example.
    let finite = |row: &usize| inputs.row(*row).iter().chain(outputs.row(*row)).all(|v| v.is_finite());
    let rows: Vec<usize> = (0..inputs.nrows()).filter(finite).collect();
    let [inputs, outputs] = [inputs, outputs].map(|m| m.select(ndarray::Axis(0), &rows));
    let feedback = entry.feedback.map(|entry| feedback(folder, entry, [&input_parts, &output_parts]));
    Ok(RegionSamples {
        rows: rows.into_iter().map(|row| row + 1).collect(),
        feedback: feedback.transpose()?,
        region: entry.region,
        exact_code: entry.exact_code,
        input_parts,
        output_parts,
        inputs,
        outputs,
    })
}

fn feedback(
    folder: &Path,
    entry: FeedbackEntry,
    [input_parts, output_parts]: [&[Part]; 2],
) -> Result<Feedback> {
    let FeedbackEntry { links, lengths, input_file, output_file } = entry;
    let path = folder.join(input_file);
    let inputs = values(&path, input_parts)?;
    let outputs = values(&folder.join(&output_file), output_parts)?;
    let wrong = |what: String| Error::Profile { path: folder.join(ProfileFile::NAME), what };
    let within =
        |start: usize, size: usize, columns: usize| start.checked_add(size).is_some_and(|end| end <= columns);
    for Link { input, output, size } in &links {
        if !within(*input, *size, inputs.ncols()) || !within(*output, *size, outputs.ncols()) {
            let (inputs, outputs) = (inputs.ncols(), outputs.ncols());
            return Err(wrong(format!(
                "feedback: links: expected numbers of the {inputs} inputs and {outputs} outputs, found {size} from {input} and {output} on"
            )));
        }
    }
    let total = lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length));
    if total != Some(inputs.nrows()) || inputs.nrows() != outputs.nrows() {
        let (inputs, outputs) = (inputs.nrows(), outputs.nrows());
        return Err(wrong(format!(
            "feedback: lengths: expected as many calls in all as rows in both files, which have {inputs} and {outputs}"
        )));
    }
    let mut start = 0;
    let sequences = lengths.into_iter().map(|length| {
        start += length;
        start - length..start
    });
    Ok(Feedback { links, sequences: sequences.collect(), inputs, outputs })
}

fn values(path: &Path, parts: &[Part]) -> Result<Array2<f64>> {
    let reading = Reading { most: MOST_NUMBERS, not_finite: NotFinite::Kept, ..Reading::default() };
    let values = reading.read(path)?.into_rows();
    let width = parts.iter().fold(0usize, |width, part| width.saturating_add(part.size));
    if values.ncols() != width {
        let what = format!("expected rows of {width} numbers, found {}", values.ncols());
        return Err(Error::Profile { path: path.to_owned(), what });
    }
    Ok(values)
}
