//! Frames in files: read through `emeuro-tables`, with signs of life; written as CSV and NPY.

use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr},
    path::Path,
    time::{Duration, Instant},
};

use emeuro::{
    golden::FileKind,
    tables::{Frames, Progress, Reading, Table, TooMany},
};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;

use crate::failure::{Failure, input, input_in, unwritten};

/// Reads a table; says what is odd about it, and what is being done if it takes long.
pub(crate) fn read_table(path: &Path, too_many: TooMany) -> Result<Table, Failure> {
    let mut life = Life { path, begun: Instant::now(), bar: None };
    let mut show = |progress| life.show(progress);
    let table =
        Reading { too_many, progress: Some(&mut show), ..Reading::default() }.read(path).map_err(input)?;
    life.end();
    table.notes().iter().for_each(|text| note(path, text));
    Ok(table)
}

/// Reads frames of `width` numbers; a header with `names` says which columns they are in.
pub(crate) fn read(path: &Path, width: usize, names: Option<&[&str]>) -> Result<Frames, Failure> {
    let frames = read_table(path, TooMany::Refuse)?.frames(width, names).map_err(input)?;
    frames.notes.iter().for_each(|text| note(path, text));
    Ok(frames)
}

/// Says something about a file on standard error, which may be closed.
pub(crate) fn note(path: &Path, text: impl Display) {
    let _ = writeln!(stderr(), "note: {}: {text}", path.display());
}

/// What is shown while a file is read.
struct Life<'a> {
    path: &'a Path,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Life<'_> {
    /// Nothing in the first second.
    fn show(&mut self, Progress { bytes, of }: Progress) {
        if self.begun.elapsed() < Duration::from_secs(1) {
            return;
        }
        let path = self.path.display();
        let bar = self.bar.get_or_insert_with(|| {
            if !stderr().is_terminal() {
                let size = of.map_or_else(String::new, |of| format!(" ({})", HumanBytes(of)));
                let _ = writeln!(stderr(), "{path}: reading{size}");
            }
            let (bar, shape) = match of {
                Some(of) => (ProgressBar::new(of), "{msg} {bar:30} {bytes}/{total_bytes} {eta}"),
                None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes}"),
            };
            bar.set_style(
                ProgressStyle::with_template(shape).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.with_message(format!("{path}: reading"))
        });
        bar.set_position(bytes);
    }

    fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// The formats of frame files.
enum Kind {
    Csv,
    Npy,
}

fn kind(path: &Path) -> Result<Kind, Failure> {
    match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "txt") => Ok(Kind::Csv),
        Some("npy") => Ok(Kind::Npy),
        _ => Err(input_in(path, "expected a name that ends in .csv, .txt or .npy")),
    }
}

/// What [`write`] writes: nothing but numbers, so that a table with names or notes is never taken for one.
const CSV: FileKind = FileKind {
    name: "nothing but numbers (CSV)",
    is: |head| {
        let text = String::from_utf8_lossy(head);
        let whole = match text.rfind([',', '\n']) {
            // The last field of a long file may be cut off.
            Some(end) if head.len() == FileKind::HEAD => &text[..end],
            _ => &text[..],
        };
        whole.lines().flat_map(|line| line.split(',')).all(|field| field.trim().parse::<f64>().is_ok())
    },
};

const NPY: FileKind = FileKind { name: "an array (NPY)", is: |head| head.starts_with(b"\x93NUMPY") };

/// Refuses a file for frames that would replace something else: to be asked before long work.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    file_kind(path)?.check(path).map_err(|e| unwritten(path, e))
}

fn file_kind(path: &Path) -> Result<FileKind, Failure> {
    Ok(match kind(path)? {
        Kind::Csv => CSV,
        Kind::Npy => NPY,
    })
}

/// Frames as the text of a CSV file.
pub(crate) fn csv_text(frames: &[Vec<f64>]) -> String {
    let line = |frame: &Vec<f64>| {
        let numbers: Vec<String> = frame.iter().map(f64::to_string).collect();
        numbers.join(",") + "\n"
    };
    frames.iter().map(line).collect()
}

/// Writes frames as CSV or NPY, by the ending of the name, over an earlier file with frames or nothing.
pub(crate) fn write(path: &Path, frames: &[Vec<f64>]) -> Result<(), Failure> {
    let bytes = match kind(path)? {
        Kind::Csv => csv_text(frames).into_bytes(),
        Kind::Npy => {
            let width = frames.first().map_or(0, Vec::len);
            let array = Array2::from_shape_vec((frames.len(), width), frames.concat()).map_err(input)?;
            let mut bytes = vec![];
            array.write_npy(&mut bytes).map_err(input)?;
            bytes
        }
    };
    file_kind(path)?.write(path, &bytes).map_err(|e| unwritten(path, e))
}
