//! Rows of numbers, and what their columns are called.

use std::path::PathBuf;

use ndarray::{Array2, Axis};

use crate::TableError;

/// What a column is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; empty if the header says none.
    pub name: String,
    /// Its unit, from brackets in the header or the row below it.
    pub unit: Option<String>,
}

/// Rows of numbers of one length, at least one of each. All are finite, unless [`NotFinite::Kept`](crate::NotFinite::Kept) was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub(crate) path: PathBuf,
    pub(crate) columns: Option<Vec<Column>>,
    pub(crate) rows: Array2<f64>,
    pub(crate) lines: Vec<usize>,
    /// Whether the first column has no name in the header: rows are numbered or named there.
    pub(crate) is_first_index: bool,
    /// Whether the first column counts the rows.
    pub(crate) does_first_count: bool,
    /// Whether it was an array of one dimension.
    pub(crate) is_flat: bool,
    pub(crate) notes: Vec<String>,
}

/// What an emulator or a kernel reads of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// One frame per row.
    pub rows: Array2<f64>,
    /// Of every frame, the line of the file or the row of the array, counted from 1.
    pub lines: Vec<usize>,
    /// What a user should know about the choice of columns.
    pub notes: Vec<String>,
}

impl Table {
    /// The names of the columns, if the file has a header.
    #[must_use]
    pub fn columns(&self) -> Option<&[Column]> {
        self.columns.as_deref()
    }

    /// The numbers.
    #[must_use]
    pub fn rows(&self) -> &Array2<f64> {
        &self.rows
    }

    /// Of every row, the line of the file or the row of the array, counted from 1.
    #[must_use]
    pub fn lines(&self) -> &[usize] {
        &self.lines
    }

    /// The numbers, without a copy.
    #[must_use]
    pub fn into_rows(self) -> Array2<f64> {
        self.rows
    }

    /// What is odd about the file and no error, as sentences without a full stop.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Column `index` in words, counted from 1.
    pub(crate) fn name_of(&self, index: usize) -> String {
        let name = self.columns.as_ref().map_or("", |columns| &columns[index].name);
        match name.is_empty() {
            true => format!("column {}", index + 1),
            false => format!("column {} ({})", index + 1, crate::error::quoted(name)),
        }
    }

    /// Frames of `width` numbers. `names` are what they are called, if every one of them has a name: a header with these names says where
    /// they are, in any order, among any others; other headers and files without one have them in order. The index that a header without
    /// a name for it betrays is left out. An array of one dimension and `width` numbers is one frame.
    ///
    /// # Errors
    /// Another number of columns.
    pub fn frames(self, width: usize, names: Option<&[&str]>) -> Result<Frames, TableError> {
        let mut notes = vec![];
        if let (Some(columns), Some(names)) = (&self.columns, names) {
            let place = |name: &&str| {
                let mut places = (0..columns.len()).filter(|&place| is_called(&columns[place].name, name));
                places.next().filter(|_| places.next().is_none())
            };
            let places: Vec<Option<usize>> = names.iter().map(place).collect();
            if let Some(found) = places.iter().copied().collect::<Option<Vec<usize>>>() {
                if found.len() < columns.len() {
                    let others = columns.len() - found.len();
                    notes.push(format!(
                        "{others} of {} columns are not used: no input is called so",
                        columns.len()
                    ));
                } else if found.iter().enumerate().any(|(place, &column)| place != column) {
                    notes.push(
                        "the columns are used in another order: that of the inputs with their names"
                            .to_owned(),
                    );
                }
                return Ok(Frames { rows: self.rows.select(Axis(1), &found), lines: self.lines, notes });
            }
            let missing: Vec<String> = names
                .iter()
                .zip(&places)
                .filter(|(_, place)| place.is_none())
                .map(|(name, _)| crate::error::quoted(name))
                .collect();
            let first = missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > 3 { ", …" } else { "" };
            notes.push(format!(
                "the header has no column for {first}{more}: the columns are used in the order of the file"
            ));
        }
        let found = self.rows.ncols();
        if found == width {
            return Ok(Frames { rows: self.rows, lines: self.lines, notes });
        }
        if self.is_first_index && found == width + 1 {
            return Ok(Frames { rows: self.rows.slice_move(ndarray::s![.., 1..]), lines: self.lines, notes });
        }
        if self.is_flat && self.rows.nrows() == width {
            return Ok(Frames { rows: self.rows.reversed_axes(), lines: vec![1], notes });
        }
        let counts = self.does_first_count && found == width + 1;
        let hint = match counts {
            true => "; column 1 counts the rows: leave it out",
            false => "",
        };
        let header = notes
            .last()
            .filter(|_| found > width)
            .map_or_else(String::new, |note| format!("; {}", note.split(':').next().unwrap_or_default()));
        let what = format!("expected rows of {width} numbers, found {found}{hint}{header}");
        Err(TableError::Content { path: self.path, what })
    }
}

/// Whether `name` is what a column called `column` is called in a port: anything but letters and digits is an underscore there.
pub(crate) fn is_called(column: &str, name: &str) -> bool {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    column == name || (!column.is_empty() && column.chars().map(plain).eq(name.chars().map(plain)))
}
