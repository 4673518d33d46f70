//! Frames in files: CSV and NPY.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use emeuro::golden::write_atomically;
use ndarray::Array2;
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use crate::failure::{Failure, input};

/// The formats of frame files.
enum Kind {
    Csv,
    Npy,
}

fn kind(path: &Path) -> Result<Kind, Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => Ok(Kind::Csv),
        Some("npy") => Ok(Kind::Npy),
        _ => Err(Failure::Input(format!("{}: expected a name that ends in .csv or .npy", path.display()))),
    }
}

/// Reads frames of `width` numbers: a CSV file has one frame per line and no header, an NPY file one per row.
pub(crate) fn read(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let frames = match kind(path)? {
        Kind::Csv => read_csv(path, width)?,
        Kind::Npy => read_npy(path, width)?,
    };
    for (row, frame) in frames.iter().enumerate() {
        if let Some(column) = frame.iter().position(|x| !x.is_finite()) {
            let place = format!("{}: row {}, column {}", path.display(), row + 1, column + 1);
            return Err(Failure::Input(format!(
                "{place}: expected a finite number, found {}",
                frame[column]
            )));
        }
    }
    if frames.is_empty() {
        return Err(Failure::Input(format!(
            "{}: expected at least one frame of {width} numbers",
            path.display()
        )));
    }
    Ok(frames)
}

fn read_csv(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let named = |e: &dyn std::fmt::Display| Failure::Input(format!("{}: {e}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| named(&e))?;
    let mut frames = vec![];
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|e| named(&e))?;
        if record.len() != width {
            let problem = format!("row {}: expected {width} numbers, found {}", row + 1, record.len());
            return Err(named(&problem));
        }
        let number = |(column, field): (usize, &str)| {
            field.parse().map_err(|_| {
                named(&format!("row {}, column {}: expected a number, found {field:?}", row + 1, column + 1))
            })
        };
        frames.push(record.iter().enumerate().map(number).collect::<Result<Vec<f64>, Failure>>()?);
    }
    Ok(frames)
}

fn read_npy(path: &Path, width: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let named = |e: &dyn std::fmt::Display| Failure::Input(format!("{}: {e}", path.display()));
    let open = || File::open(path).map_err(|e| named(&e));
    let array = match Array2::<f64>::read_npy(open()?) {
        Ok(array) => array,
        Err(as_f64) => match Array2::<f32>::read_npy(open()?) {
            Ok(array) => array.mapv(f64::from),
            Err(_) => {
                let expected =
                    format!("expected a two-dimensional array of f32 or f64 with rows of {width} numbers");
                return Err(named(&format!("{expected}: {as_f64}")));
            }
        },
    };
    if array.ncols() != width {
        return Err(named(&format!("expected rows of {width} numbers, found {}", array.ncols())));
    }
    Ok(array.outer_iter().map(|row| row.to_vec()).collect())
}

/// Frames as the text of a CSV file.
pub(crate) fn csv_text(frames: &[Vec<f64>]) -> String {
    let line = |frame: &Vec<f64>| {
        let numbers: Vec<String> = frame.iter().map(f64::to_string).collect();
        numbers.join(",") + "\n"
    };
    frames.iter().map(line).collect()
}

/// Writes frames as CSV or NPY, by the ending of the name; what is there stays whole until the new file is.
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
    let path = PathBuf::from(path);
    write_atomically(&path, &bytes)
        .map_err(|e| Failure::Input(format!("{}: cannot write: {e}", path.display())))
}
