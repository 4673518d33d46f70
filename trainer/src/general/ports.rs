//! The segments of a port, from where its columns lie.

use std::ops::{Range, RangeInclusive};

use ndarray::{Array2, ArrayView1, Axis};

use super::{Part, pairs::wrong, placement::Span};
use crate::Result;

/// Columns of a part are put together more generously where it would have more segments than this.
const MANY: usize = 16;

/// The largest magnitude that is learnt from.
const LARGEST: f64 = 1e200;

/// The least magnitude of a column that varies.
const LEAST: f64 = 1e-200;

/// Consecutive columns of like range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// An identifier, unique in the port.
    pub(super) name: String,
    /// The physical unit, `1` if none is known.
    pub(super) unit: String,
    pub(super) columns: Range<usize>,
    /// Whether the columns never change.
    pub(super) constant: bool,
    /// Where the numbers lie.
    pub(super) span: Span,
    /// Where those of every column lie.
    pub(super) spans: Vec<Span>,
}

/// Exponents of magnitudes that formats hold as they are, with what layers do with them.
const USUAL: RangeInclusive<i32> = -6..=10;

impl Segment {
    pub(super) fn size(&self) -> usize {
        self.columns.len()
    }

    /// Exponent of the scale of an input port: 0 for magnitudes that are usual.
    pub(super) fn scale(&self) -> i32 {
        self.span.exponent().filter(|exponent| !USUAL.contains(exponent)).unwrap_or(0)
    }

    /// The segment of a port, with the ranges of its words.
    pub(super) fn port(&self, frac: i32, scale: i32) -> emeuro_golden::Segment {
        let ranges = self.spans.iter().map(|span| [span.low, span.high]).collect();
        let plain = emeuro_golden::Segment::new(&self.name, &self.unit, self.size(), frac);
        emeuro_golden::Segment { scale, offset: self.span.offset(), ranges, ..plain }
    }
}

/// The segments of a port with `parts`: columns of one part whose ranges differ by a factor of four at most, judged by `rows`. With
/// `apart`, constant columns are segments of their own.
///
/// # Errors
/// Numbers of a magnitude that is not learnt from.
pub(super) fn segments(
    parts: &[Part],
    values: &Array2<f64>,
    rows: &[usize],
    what: &str,
    apart: bool,
) -> Result<Vec<Segment>> {
    let span = |column: ArrayView1<f64>| Span::of(rows.iter().map(|&row| column[row]));
    let columns: Vec<Span> = values.axis_iter(Axis(1)).map(span).collect();
    for (index, column) in columns.iter().enumerate() {
        let largest = column.high.abs().max(column.low.abs());
        if largest > LARGEST || (!column.is_constant() && column.largest() < LEAST) {
            let index = index + 1;
            return Err(wrong(format!(
                "{what} {index}: its numbers are from {:e} to {:e}, expected magnitudes of {LEAST:e} to {LARGEST:e}: use another unit",
                column.low, column.high
            )));
        }
    }
    let mut segments = vec![];
    let mut start = 0;
    for part in parts {
        let mine = start..start + part.size;
        // What differs by more than such a power of two would lose too many of its bits beside the others.
        let narrow = runs(&columns, mine.clone(), 2, apart);
        let runs = if narrow.len() > MANY { runs(&columns, mine, 4, apart) } else { narrow };
        let several = runs.len() > 1;
        for (number, run) in runs.into_iter().enumerate() {
            let name = if several { format!("{}_{}", part.name, number + 1) } else { part.name.clone() };
            let name = identifier(&name, &segments);
            let spans = columns[run.clone()].to_vec();
            let span = spans.iter().fold(Span::NOTHING, |a, &b| a.and(b));
            let constant = spans.iter().all(|span| span.is_constant());
            let unit = part.unit.clone().unwrap_or_else(|| "1".to_owned());
            segments.push(Segment { name, unit, columns: run, constant, span, spans });
        }
        start += part.size;
    }
    Ok(segments)
}

/// Consecutive columns among `mine` whose words lose at most so many bits beside their neighbours.
fn runs(columns: &[Span], mine: Range<usize>, bits: i32, apart: bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = vec![];
    let (mut span, mut least) = (Span::NOTHING, i32::MAX);
    for index in mine {
        let column = columns[index];
        let (both, small) = (span.and(column), least.min(column.exponent().unwrap_or(i32::MAX)));
        let fits = both.exponent().is_none_or(|exponent| exponent.saturating_sub(small) <= bits);
        let alike = !apart || runs.is_empty() || column.is_constant() == columns[index - 1].is_constant();
        match runs.last_mut().filter(|_| fits && alike) {
            Some(run) => {
                run.end = index + 1;
                (span, least) = (both, small);
            }
            None => {
                runs.push(index..index + 1);
                (span, least) = (column, column.exponent().unwrap_or(i32::MAX));
            }
        }
    }
    runs
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

    fn all(parts: &[Part], values: &Array2<f64>, apart: bool) -> Result<Vec<Segment>> {
        let rows: Vec<usize> = (0..values.nrows()).collect();
        segments(parts, values, &rows, "output", apart)
    }

    fn found(parts: &[Part], values: &Array2<f64>, apart: bool) -> Vec<(String, Range<usize>)> {
        all(parts, values, apart).unwrap().into_iter().map(|s| (s.name, s.columns)).collect()
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
    fn columns_with_like_offsets_are_one_segment() {
        let mut x = values(&[1.0, 1.0, 2.0, 1.0, 1.0]);
        [5e3, 5e3, 5e3, 7e3, 0.0]
            .iter()
            .enumerate()
            .for_each(|(c, offset)| x.column_mut(c).map_inplace(|v| *v += offset));
        let segments = all(&[Part::new("x", 5)], &x, false).unwrap();
        let found: Vec<_> =
            segments.iter().map(|s| (s.columns.clone(), s.span.offset(), s.scale())).collect();
        assert_eq!(found, [(0..3, 5e3, 0), (3..4, 7e3, 0), (4..5, 0.0, 0)]);
    }

    #[test]
    fn rows_that_are_not_asked_do_not_count() {
        let x = values(&[1.0, 1.0]);
        let segments = segments(&[Part::new("x", 2)], &x, &[4, 5], "input", false).unwrap();
        assert!(segments[0].span.high < 0.2 && segments[0].span.low > -0.2);
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
    fn no_column_is_coarse_beside_others_however_they_vary() {
        let sizes: Vec<f64> = (0..200).map(|i| 10f64.powi(i % 7 - 3)).collect();
        for segment in all(&[Part::new("x", 200)], &values(&sizes), false).unwrap() {
            let largest = segment.span.largest();
            assert!(segment.spans.iter().all(|span| span.largest() > largest / 33.0), "{segment:?}");
        }
        // Every part keeps its name.
        let parts: Vec<Part> = (0..200).map(|i| Part::new(format!("x{i}"), 1)).collect();
        assert_eq!(found(&parts, &values(&sizes), false)[199], ("x199".into(), 199..200));
        // Parts of one name.
        let parts = [Part::new("x", 1), Part::new("x", 1)];
        assert_eq!(found(&parts, &values(&[1.0, 1.0]), false), [("x".into(), 0..1), ("x_2".into(), 1..2)]);
    }

    #[test]
    fn unusual_magnitudes_have_a_scale_and_what_is_out_of_reach_is_refused_by_column() {
        let scales = |sizes: &[f64]| {
            let parts: Vec<Part> = sizes.iter().map(|_| Part::new("x", 1)).collect();
            all(&parts, &values(sizes), false).unwrap().iter().map(Segment::scale).collect::<Vec<_>>()
        };
        assert_eq!(scales(&[1e-30, 1e-9, 1.0, 1000.0, 1e11, 1e30]), [-99, -30, 0, 0, 37, 100]);
        let error = all(&[Part::new("x", 2)], &values(&[1.0, 1e250]), true).unwrap_err().to_string();
        assert!(
            error.contains("output 2: its numbers are from -8.1") && error.contains("use another unit"),
            "{error}"
        );
        assert!(all(&[Part::new("x", 1)], &values(&[1e-250]), false).is_err());
    }
}
