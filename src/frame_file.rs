//! Frames in files: CSV and NPY.

use std::{fs::File, path::Path};

use emeuro::golden::FileKind;
use ndarray::Array2;
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use crate::failure::{Failure, input, input_in, unwritten};

/// The formats of frame files.
enum Kind {
    Csv,
    Npy,
}

fn kind(path: &Path) -> Result<Kind, Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => Ok(Kind::Csv),
        Some("npy") => Ok(Kind::Npy),
        _ => Err(input_in(path, "expected a name that ends in .csv or .npy")),
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

/// Reads frames of `width` numbers: a CSV file has one frame per line and no header, an NPY file one per row.
pub(crate) fn read(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let frames = match kind(path)? {
        Kind::Csv => read_csv(path, width)?,
        Kind::Npy => read_npy(path, width)?,
    };
    for (row, frame) in frames.iter().enumerate() {
        if let Some(column) = frame.iter().position(|x| !x.is_finite()) {
            let place = format!("row {}, column {}", row + 1, column + 1);
            return Err(input_in(
                path,
                format!("{place}: expected a finite number, found {}", frame[column]),
            ));
        }
    }
    if frames.is_empty() {
        return Err(input_in(path, format!("expected at least one frame of {width} numbers")));
    }
    Ok(frames)
}

/// A reader of lines that may have different numbers of fields.
fn csv_reader(path: &Path) -> Result<csv::Reader<File>, Failure> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| input_in(path, e))
}

fn read_csv(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let mut reader = csv_reader(path)?;
    let mut frames = vec![];
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|e| input_in(path, e))?;
        if record.len() != width {
            let problem = format!("row {}: expected {width} numbers, found {}", row + 1, record.len());
            return Err(input_in(path, problem));
        }
        let number = |(column, field): (usize, &str)| {
            field.parse().map_err(|_| {
                input_in(
                    path,
                    format!("row {}, column {}: expected a number, found {field:?}", row + 1, column + 1),
                )
            })
        };
        frames.push(record.iter().enumerate().map(number).collect::<Result<Vec<f64>, Failure>>()?);
    }
    Ok(frames)
}

fn read_npy(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let array = read_array(path, &format!("rows of {width} numbers"))?;
    if array.ncols() != width {
        let found = array.ncols();
        return Err(input_in(path, format!("expected rows of {width} numbers, found {found}")));
    }
    Ok(array.outer_iter().map(|row| row.to_vec()).collect())
}

fn read_array(path: &Path, of: &str) -> Result<Array2<f64>, Failure> {
    let open = || File::open(path).map_err(|e| input_in(path, e));
    Array2::<f64>::read_npy(open()?).or_else(|as_f64| match Array2::<f32>::read_npy(open()?) {
        Ok(array) => Ok(array.mapv(f64::from)),
        Err(_) => {
            Err(input_in(path, format!("expected a two-dimensional array of f32 or f64 with {of}: {as_f64}")))
        }
    })
}

/// Rows of numbers, and what the columns are called.
pub(crate) struct Table {
    /// The header of a CSV file, if it has one.
    pub(crate) names: Option<Vec<String>>,
    /// All finite, at least one row.
    pub(crate) rows: Array2<f64>,
    /// Of every row, the line of the file, or the row of the array, counted from 1.
    pub(crate) lines: Vec<usize>,
}

/// Reads rows of numbers, all of one length: a CSV file, whose first line is a header if none of its fields is a number, or an NPY file
/// with a two-dimensional array.
pub(crate) fn read_table(path: &Path) -> Result<Table, Failure> {
    let (table, first, row) = match kind(path)? {
        Kind::Csv => {
            let table = read_csv_table(path)?;
            let first = if table.names.is_some() { 2 } else { 1 };
            (table, first, "line")
        }
        Kind::Npy => {
            let rows = read_array(path, "rows of inputs and outputs")?;
            let lines = (1..=rows.nrows()).collect();
            (Table { names: None, rows, lines }, 1, "row")
        }
    };
    if table.rows.is_empty() {
        return Err(input_in(path, "expected at least one row of numbers, found none"));
    }
    if let Some(((index, column), value)) = table.rows.indexed_iter().find(|(_, v)| !v.is_finite()) {
        let place = format!("{row} {}, column {}", index + first, column + 1);
        return Err(input_in(path, format!("{place}: expected a finite number, found {value}")));
    }
    Ok(table)
}

fn read_csv_table(path: &Path) -> Result<Table, Failure> {
    let mut reader = csv_reader(path)?;
    let (mut names, mut values, mut width, mut lines) = (None, vec![], None, vec![]);
    for record in reader.records() {
        let record = record.map_err(|e| input_in(path, e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let expected = *width.get_or_insert(record.len());
        if record.len() != expected {
            let found = record.len();
            return Err(input_in(
                path,
                format!("line {line}: expected {expected} fields as in the first line, found {found}"),
            ));
        }
        let is_number = |field: &str| field.parse::<f64>().is_ok();
        if names.is_none() && lines.is_empty() && !record.iter().any(is_number) {
            names = Some(record.iter().map(str::to_owned).collect());
            continue;
        }
        for (column, field) in record.iter().enumerate() {
            values.push(field.parse().map_err(|_| {
                input_in(
                    path,
                    format!("line {line}, column {}: expected a number, found {field:?}", column + 1),
                )
            })?);
        }
        lines.push(line as usize);
    }
    let shape = (lines.len(), width.unwrap_or(0));
    let rows = Array2::from_shape_vec(shape, values).map_err(|e| input_in(path, e))?;
    Ok(Table { names, rows, lines })
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
