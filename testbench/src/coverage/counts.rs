//! The counts of one simulation: a reader of Verilator's coverage files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};

/// What a point counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PointKind {
    /// How often some lines ran: a block, an arm of a `case`, a `cover` statement.
    Line,
    /// How often one way of an `if` was taken. A way without statements has no lines.
    Branch,
    /// How often one bit changed.
    Toggle,
}

/// One point of one module, all its instances and parameters together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoveragePoint {
    /// The Verilog file, as Verilator was given it.
    pub file: String,
    /// The line of the statement or declaration, from 1.
    pub line: u32,
    /// The column of it, from 1.
    pub column: u32,
    /// What is counted.
    pub kind: PointKind,
    /// The signal and its bit (`count[3]`), or Verilator's word for the construct (`block`, `if`, `else`, `elsif`, `case`).
    pub name: String,
    /// The lines that run when the point counts; none for toggles.
    pub lines: Vec<u32>,
}

/// How often each point of a design was reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoverageCounts {
    points: BTreeMap<CoveragePoint, u64>,
}

impl CoverageCounts {
    /// Reads the text of a file that [`Sim::write_coverage`](crate::Sim::write_coverage) or Verilator has written;
    /// `path` is for messages.
    ///
    /// ```
    /// use emeuro_testbench::CoverageCounts;
    ///
    /// let text = "# SystemC::Coverage-3\n\
    ///     C '\x01f\x02a.v\x01l\x027\x01n\x025\x01page\x02v_line/a\x01o\x02block\x01S\x027-9,11' 42\n";
    /// let counts = CoverageCounts::parse(text, "coverage.dat")?;
    /// let (point, count) = counts.points().next().ok_or("no point")?;
    /// assert_eq!((point.lines.as_slice(), count), ([7, 8, 9, 11].as_slice(), 42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Coverage`] with the number of the line that is not understood.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self> {
        let mut counts = CoverageCounts::default();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let (point, count) = parse_line(line).ok_or_else(|| Error::Coverage {
                path: path.as_ref().to_owned(),
                message: format!("line {}: expected a coverage point of Verilator 5", index + 1),
            })?;
            *counts.points.entry(point).or_default() += count;
        }
        Ok(counts)
    }

    /// All points with their counts, by file and line.
    pub fn points(&self) -> impl Iterator<Item = (&CoveragePoint, u64)> {
        self.points.iter().map(|(point, &count)| (point, count))
    }

    /// Adds the counts of another simulation of the same design.
    pub fn add(&mut self, other: &CoverageCounts) {
        for (point, count) in other.points() {
            *self.points.entry(point.clone()).or_default() += count;
        }
    }

    /// These counts without any toggle. Before the first reset, a signal goes from a random power-up value to its first one:
    /// a change that says nothing.
    #[must_use]
    pub fn without_toggles(mut self) -> Self {
        for (point, count) in &mut self.points {
            if point.kind == PointKind::Toggle {
                *count = 0;
            }
        }
        self
    }

    /// How often each line of each file ran; a line that belongs to several points as often as the rarest of them.
    pub fn lines(&self) -> BTreeMap<&str, BTreeMap<u32, u64>> {
        let mut files: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
        for (point, count) in self.points() {
            let file = files.entry(&point.file).or_default();
            for &line in &point.lines {
                let rarest = file.entry(line).or_insert(count);
                *rarest = count.min(*rarest);
            }
        }
        files
    }
}

/// `C '<fields>' <count>`; a field is `\x01name\x02value`.
fn parse_line(line: &str) -> Option<(CoveragePoint, u64)> {
    let (fields, count) = line.strip_prefix("C '")?.rsplit_once("' ")?;
    let fields: BTreeMap<&str, &str> =
        fields.split('\x01').skip(1).map(|field| field.split_once('\x02')).collect::<Option<_>>()?;
    let number = |name| fields.get(name)?.parse().ok();
    let line = number("l")?;
    let kind = match fields.get("page")?.split_once('/')?.0 {
        "v_toggle" => PointKind::Toggle,
        "v_branch" => PointKind::Branch,
        "v_line" | "v_user" => PointKind::Line,
        _ => return None,
    };
    let lines = match fields.get("S") {
        Some(ranges) => parse_ranges(ranges)?,
        None if kind == PointKind::Line => vec![line],
        None => vec![],
    };
    let name = (*fields.get("o")?).to_owned();
    let file = (*fields.get("f")?).to_owned();
    let point = CoveragePoint { file, line, column: number("n")?, kind, name, lines };
    Some((point, count.parse().ok()?))
}

/// `7-9,11` is 7, 8, 9, 11.
fn parse_ranges(text: &str) -> Option<Vec<u32>> {
    let mut lines = vec![];
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // A range this long would be a damaged file, not a module.
        if last.checked_sub(first)? > 1_000_000 {
            return None;
        }
        lines.extend(first..=last);
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(kind: &str, line: u32, name: &str, lines: &str, hierarchy: &str, count: u64) -> String {
        let lines = if lines.is_empty() { String::new() } else { format!("\x01S\x02{lines}") };
        format!(
            "C '\x01f\x02a.v\x01l\x02{line}\x01n\x023\x01page\x02v_{kind}/a__{hierarchy}\x01o\x02{name}{lines}\
             \x01h\x02{hierarchy}' {count}\n"
        )
    }

    #[test]
    fn instances_and_parameters_of_a_module_count_together() {
        let text = point("branch", 4, "if", "4-5", "x", 0) + &point("branch", 4, "if", "4-5", "y", 3);
        let counts = CoverageCounts::parse(&text, "f").unwrap();
        assert_eq!(counts.points().map(|(_, count)| count).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_line_of_two_points_counts_as_the_rarer() {
        let text = point("line", 4, "block", "4-6", "x", 9)
            + &point("branch", 6, "if", "6", "x", 2)
            + &point("branch", 6, "else", "", "x", 0);
        let counts = CoverageCounts::parse(&text, "f").unwrap();
        assert_eq!(counts.lines()["a.v"], BTreeMap::from([(4, 9), (5, 9), (6, 2)]));
    }

    #[test]
    fn toggles_can_be_left_out_and_sums_made() {
        let text = point("toggle", 2, "q[1]", "", "x", 5) + &point("line", 4, "block", "4", "x", 1);
        let counts = CoverageCounts::parse(&text, "f").unwrap();
        let mut sum = counts.clone().without_toggles();
        sum.add(&counts);
        let of = |kind| sum.points().find(|(point, _)| point.kind == kind).unwrap().1;
        assert_eq!((of(PointKind::Toggle), of(PointKind::Line)), (5, 2));
    }

    #[test]
    fn damaged_files_are_refused_with_the_line() {
        let good = point("line", 4, "block", "4", "x", 1);
        for bad in [
            "C 'x' 1",
            "C '\x01f\x02a.v' 1",
            "nonsense",
            &good.replace("v_line", "v_other"),
            &good.replace("S\x024", "S\x029-4"),
            &good.replace("S\x024", "S\x021-4000000000"),
            &good.replace("' 1", "' -1"),
        ] {
            let error = CoverageCounts::parse(&format!("{good}{bad}"), "x.dat").unwrap_err().to_string();
            assert!(error.starts_with("x.dat: line 2: expected a coverage point"), "{error}");
        }
    }
}
