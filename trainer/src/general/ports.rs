//! The segments of a port, from the ranges of its columns.

use std::ops::Range;

use ndarray::{Array2, ArrayView1, Axis};

use super::{Part, pairs::wrong};
use crate::Result;

/// More segments than this are merged.
const MOST: usize = 16;

/// The largest magnitude of a segment, as powers of two: what words of 16 bits and the binary points of formats can hold.
const MAGNITUDES: Range<f64> = 1.52587890625e-5..3.5e13;

/// Consecutive columns of like range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// An identifier, unique in the port.
    pub(super) name: String,
    pub(super) columns: Range<usize>,
    /// Whether the columns never change.
    pub(super) constant: bool,
    /// The largest magnitude.
    pub(super) largest: f64,
}

impl Segment {
    pub(super) fn size(&self) -> usize {
        self.columns.len()
    }
}

/// What matters about a column.
struct Column {
    /// Logarithm of the largest magnitude; none if the column is zero.
    size: Option<f64>,
    constant: bool,
}

impl Column {
    fn new(values: ArrayView1<f64>) -> Self {
        let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let first = values.first().copied().unwrap_or(0.0);
        Self { size: (largest > 0.0).then(|| largest.log2()), constant: values.iter().all(|&v| v == first) }
    }
}

/// The segments of a port with `parts`: columns of one part whose ranges differ by a factor of four at most. With `apart`, constant
/// columns are segments of their own.
///
/// # Errors
/// A range that no format holds.
pub(super) fn segments(
    parts: &[Part],
    values: &Array2<f64>,
    what: &str,
    apart: bool,
) -> Result<Vec<Segment>> {
    let columns: Vec<Column> = values.axis_iter(Axis(1)).map(Column::new).collect();
    for (index, column) in columns.iter().enumerate() {
        if let Some(largest) = column.size.map(f64::exp2)
            && !MAGNITUDES.contains(&largest)
        {
            let Range { start, end } = MAGNITUDES;
            let index = index + 1;
            return Err(wrong(format!(
                "{what} {index}: the largest magnitude is {largest:e}, expected {start:e} to {end:e}: use another unit"
            )));
        }
    }
    // What differs by more than such a power of two would lose too many of its bits beside the others.
    for powers in [2.0, 4.0, 8.0] {
        let found = runs(parts, &columns, powers, apart);
        if found.len() <= MOST {
            return Ok(found);
        }
    }
    let merged = [Part::new(format!("{}_to_{}", first(parts), last(parts)), values.ncols())];
    let parts = if parts.len() > MOST { &merged } else { parts };
    Ok(runs(parts, &columns, f64::INFINITY, apart))
}

fn first(parts: &[Part]) -> &str {
    parts.first().map_or("first", |part| &part.name)
}

fn last(parts: &[Part]) -> &str {
    parts.last().map_or("last", |part| &part.name)
}

fn runs(parts: &[Part], columns: &[Column], powers: f64, apart: bool) -> Vec<Segment> {
    let mut segments: Vec<Segment> = vec![];
    let mut start = 0;
    for part in parts {
        let end = start + part.size;
        let mut runs: Vec<Range<usize>> = vec![];
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for index in start..end {
            let column = &columns[index];
            let size = column.size;
            let (low, high) = (size.map_or(least, |s| least.min(s)), size.map_or(most, |s| most.max(s)));
            let alike = !apart || index == start || column.constant == columns[index - 1].constant;
            match runs.last_mut().filter(|_| alike && (high - low <= powers || high < low)) {
                Some(run) => {
                    run.end = index + 1;
                    (least, most) = (low, high);
                }
                None => {
                    runs.push(index..index + 1);
                    least = size.unwrap_or(f64::INFINITY);
                    most = size.unwrap_or(f64::NEG_INFINITY);
                }
            }
        }
        let several = runs.len() > 1;
        for (number, run) in runs.into_iter().enumerate() {
            let name = if several { format!("{}_{}", part.name, number + 1) } else { part.name.clone() };
            let mine = &columns[run.clone()];
            let largest = mine.iter().filter_map(|c| c.size).fold(f64::NEG_INFINITY, f64::max).exp2();
            let constant = mine.iter().all(|c| c.constant);
            segments.push(Segment { name: identifier(&name, &segments), columns: run, constant, largest });
        }
        start = end;
    }
    segments
}

/// `name` as an identifier that none of `others` has.
fn identifier(name: &str, others: &[Segment]) -> String {
    let plain = super::identifier(name);
    let taken = |name: &str| others.iter().any(|segment| segment.name == name);
    match taken(&plain) {
        false => plain,
        true => (2..).map(|k| format!("{plain}_{k}")).find(|name| !taken(name)).unwrap_or(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(largest: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((10, largest.len()), |(r, c)| largest[c] * (r as f64 - 4.5) / 5.5)
    }

    fn found(parts: &[Part], values: &Array2<f64>, apart: bool) -> Vec<(String, Range<usize>)> {
        let segments = segments(parts, values, "input", apart).unwrap();
        segments.into_iter().map(|s| (s.name, s.columns)).collect()
    }

    #[test]
    fn columns_of_like_range_are_one_segment() {
        let x = values(&[1.0, 2.0, 0.5, 100.0, 150.0, 1e-3]);
        let expected = [("x_1".into(), 0..3), ("x_2".into(), 3..5), ("x_3".into(), 5..6)];
        assert_eq!(found(&[Part::new("x", 6)], &x, false), expected);
        let expected = [
            ("a b".replace(' ', "_"), 0..1),
            ("c_1".into(), 1..3),
            ("c_2".into(), 3..5),
            ("c_3".into(), 5..6),
        ];
        assert_eq!(found(&[Part::new("a b", 1), Part::new("c", 5)], &x, false), expected);
    }

    #[test]
    fn constant_outputs_stand_apart_and_constant_inputs_do_not() {
        let mut x = values(&[1.0, 0.0, 1.0]);
        assert_eq!(found(&[Part::new("y", 3)], &x, false), [("y".into(), 0..3)]);
        x.column_mut(1).fill(0.9);
        let expected = [("y_1".into(), 0..1), ("y_2".into(), 1..2), ("y_3".into(), 2..3)];
        assert_eq!(found(&[Part::new("y", 3)], &x, true), expected);
    }

    #[test]
    fn a_port_has_few_segments_however_its_columns_vary() {
        let sizes: Vec<f64> = (0..200).map(|i| 10f64.powi(i % 7 - 3)).collect();
        assert!(found(&[Part::new("x", 200)], &values(&sizes), false).len() <= MOST);
        let parts: Vec<Part> = (0..200).map(|i| Part::new(format!("x{i}"), 1)).collect();
        assert_eq!(found(&parts, &values(&sizes), false), [("x0_to_x199".into(), 0..200)]);
        // Parts of one name.
        let parts = [Part::new("x", 1), Part::new("x", 1)];
        assert_eq!(found(&parts, &values(&[1.0, 1.0]), false), [("x".into(), 0..1), ("x_2".into(), 1..2)]);
    }

    #[test]
    fn what_no_format_holds_is_refused_by_column() {
        let error =
            segments(&[Part::new("x", 2)], &values(&[1.0, 1e-9]), "output", true).unwrap_err().to_string();
        assert!(
            error.contains("output 2: the largest magnitude is 8.18") && error.contains("use another unit"),
            "{error}"
        );
        assert!(segments(&[Part::new("x", 1)], &values(&[1e20]), "input", false).is_err());
    }
}
