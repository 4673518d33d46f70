//! Text: lines of fields, with or without a header.

mod header;
mod number;
mod separator;

use std::{
    borrow::Cow,
    io::{BufRead, Read},
    path::PathBuf,
};

use header::{column, is_count, is_names, is_units};
use number::{Mark, Number};
use separator::Separator;

use crate::{
    Column, MOST_COLUMNS, Table, TooMany,
    error::{Problem, quoted},
    keep::Keeper,
    reading::Start,
};

/// No row of numbers is longer.
const LONGEST_LINE: u64 = 1 << 25;

/// Lines from which the form of a file is found.
const SAMPLE: usize = 20;

/// After so many rows, their number is estimated from the length of the file.
const ENOUGH_ROWS: u64 = 64;

/// What a file is, if it is no table as text.
pub(crate) fn other_kind(head: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 10] = [
        (b"PK\x03\x04", "a ZIP archive, as .npz and .xlsx are: save a CSV or NPY file"),
        (b"\x1f\x8b", "compressed data: decompress it, into a pipe and - for example"),
        (b"\x89HDF", "HDF5: save a CSV or NPY file"),
        (b"PAR1", "Parquet: save a CSV or NPY file"),
        (b"\x89PNG", "a picture"),
        (b"RIFF", "a sound or a film"),
        (b"%PDF", "a PDF document"),
        (b"\x7fELF", "a program"),
        (b"\xff\xfe", "text in UTF-16: save it as UTF-8"),
        (b"\xfe\xff", "text in UTF-16: save it as UTF-8"),
    ];
    let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    const TEXTS: [(&[u8], &str); 3] = [
        (b"emeuro: ", "an emulator file"),
        (b"emeuro_unit: ", "a unit file"),
        (b"EMEURO ", "a file of this program that holds no table"),
    ];
    let begins = |(start, kind): &(&[u8], &'static str)| text.starts_with(start).then_some(*kind);
    let binary = || head.contains(&0).then_some("binary data");
    KINDS.iter().find_map(begins).or_else(|| TEXTS.iter().find_map(begins)).or_else(binary)
}

/// What is said of a first column that counts the rows from `first` on.
pub(crate) fn counting_note(first: f64) -> String {
    format!(
        "column 1 counts the rows ({first}, {}, {}, …): if it is an index, choose other columns",
        first + 1.0,
        first + 2.0
    )
}

/// Lines one after the other, with their numbers.
struct Lines<R> {
    source: R,
    /// `\r` alone ends the lines of some old files.
    end: u8,
    number: u64,
    bytes: Vec<u8>,
    /// Of all lines so far.
    length: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(source: R, head: &[u8]) -> Self {
        let end = if head.contains(&b'\r') && !head.contains(&b'\n') { b'\r' } else { b'\n' };
        Self { source, end, number: 0, bytes: vec![], length: 0 }
    }

    /// The next line that is neither empty nor a comment.
    fn next(&mut self) -> Result<Option<(u64, &str)>, Problem> {
        loop {
            self.bytes.clear();
            let count = (&mut self.source).take(LONGEST_LINE).read_until(self.end, &mut self.bytes)? as u64;
            if count == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.length += count;
            if count == LONGEST_LINE {
                let number = self.number;
                return Err(Problem::Content(format!(
                    "line {number}: expected a row of numbers, found {LONGEST_LINE} bytes without a line break"
                )));
            }
            if !is_nothing(&self.bytes, self.number) {
                break;
            }
        }
        let bytes = without_mark(&self.bytes, self.number);
        match std::str::from_utf8(bytes) {
            Ok(line) => Ok(Some((self.number, without_comment(line)))),
            Err(error) => Err(Problem::Content(format!(
                "line {}: expected text in UTF-8, found the byte {:#04x}: save the file as UTF-8",
                self.number,
                bytes[error.valid_up_to()]
            ))),
        }
    }
}

/// The first line without the mark that some programs put before UTF-8.
fn without_mark(line: &[u8], number: u64) -> &[u8] {
    match number {
        1 => line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line),
        _ => line,
    }
}

/// Whether a line is empty or a comment, which may be in any encoding.
fn is_nothing(line: &[u8], number: u64) -> bool {
    let line = without_mark(line, number).trim_ascii();
    line.is_empty() || line.starts_with(b"#")
}

/// A line without its end and the comment behind its numbers. In a name, `#` is like any other character.
fn without_comment(line: &str) -> &str {
    let line = line.trim_end_matches(['\n', '\r']);
    match line.find(" #") {
        Some(place)
            if line
                .trim_start()
                .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) =>
        {
            &line[..place]
        }
        _ => line,
    }
}

/// What the first lines show.
struct Form {
    separator: Separator,
    /// Whether the file says its separator in a line of its own.
    is_said: bool,
    /// Whether a number behind the first line has a fraction.
    has_fractions: bool,
}

impl Form {
    fn find(start: &Start) -> Self {
        let end = if start.head.contains(&b'\n') { b'\n' } else { b'\r' };
        let mut lines: Vec<&[u8]> = start.head.split(|&byte| byte == end).take(4 * SAMPLE).collect();
        if !start.is_whole && lines.len() > 1 && lines.len() < 4 * SAMPLE {
            lines.pop();
        }
        let texts: Vec<Cow<str>> = lines
            .into_iter()
            .zip(1..)
            .filter(|(line, number)| !is_nothing(line, *number))
            .map(|(line, number)| String::from_utf8_lossy(without_mark(line, number)))
            .take(SAMPLE)
            .collect();
        let mut lines = texts.iter().map(|text| without_comment(text));
        let said = lines.clone().next().and_then(said_separator);
        if said.is_some() {
            lines.next();
        }
        let separator = said.unwrap_or_else(|| Separator::detect(lines.clone()));
        let mut fields = vec![];
        let has_fractions = lines.skip(1).any(|line| {
            separator.split(line, &mut fields);
            let has_fraction = |field: &Cow<str>| field.contains(['.', ',', 'e', 'E']) && number::is(field);
            fields.iter().any(has_fraction)
        });
        Self { separator, is_said: said.is_some(), has_fractions }
    }
}

/// The separator that a first line like `sep=;` says.
fn said_separator(line: &str) -> Option<Separator> {
    let mut said = line.trim_matches(['"', '\n', '\r']).strip_prefix("sep=")?.chars();
    Separator::of(said.next()?).filter(|_| said.next().is_none())
}

/// What has been found so far.
struct Rows {
    separator: Separator,
    /// The line that said how many fields there are.
    first: u64,
    columns: Option<Vec<Column>>,
    is_first_index: bool,
    keeper: Keeper,
    row: Vec<f64>,
    /// The first column's first number, as long as it counts the rows.
    counted: Option<f64>,
    /// The first number that had a point or comma, with its line.
    mark: Option<(Mark, u64)>,
    notes: Vec<String>,
}

/// Reads rows of numbers.
pub(crate) fn read(
    source: impl BufRead,
    start: &Start,
    most: usize,
    too_many: TooMany,
) -> Result<Table, Problem> {
    let form = Form::find(start);
    let mut lines = Lines::new(source, &start.head);
    if form.is_said {
        lines.next()?;
    }
    let mut fields = vec![];
    let Some((first, line)) = lines.next()? else { return Err(nothing()) };
    form.separator.split(line, &mut fields);
    if fields.len() > 1 && fields.last().is_some_and(|field| field.is_empty()) {
        fields.pop();
    }
    if fields.len() > MOST_COLUMNS {
        let found = fields.len();
        return Err(Problem::Content(format!(
            "line {first}: expected up to {MOST_COLUMNS} fields, found {found}"
        )));
    }
    let mut rows = Rows {
        separator: form.separator,
        first,
        columns: None,
        is_first_index: false,
        keeper: Keeper::new(fields.len(), most, too_many),
        row: vec![],
        counted: None,
        mark: None,
        notes: vec![],
    };
    if rows.is_header(&fields, form.has_fractions) {
        rows.columns = Some(fields.iter().map(|field| column(field)).collect());
        rows.is_first_index =
            fields.len() > 1 && rows.columns.as_ref().is_some_and(|columns| columns[0].name.is_empty());
        // Fields borrow their line, so that every line gets its own.
        let mut fields = vec![];
        let Some((number, line)) = lines.next()? else { return Err(nothing()) };
        rows.separator.split(line, &mut fields);
        rows.cut(number, &mut fields)?;
        match is_units(&fields) {
            true => rows.take_units(&fields),
            false => rows.take(number, &fields)?,
        }
    } else {
        rows.take(first, &fields)?;
    }
    let mut estimated = false;
    loop {
        let length = lines.length;
        let mut fields = vec![];
        let Some((number, line)) = lines.next()? else { break };
        rows.separator.split(line, &mut fields);
        rows.cut(number, &mut fields)?;
        rows.take(number, &fields)?;
        let seen = rows.keeper.seen();
        if !estimated && seen >= ENOUGH_ROWS {
            estimated = true;
            if let Some(of) = start.length {
                rows.keeper.expect_about((of as f64 / length as f64 * seen as f64) as u64)?;
            }
        }
    }
    rows.finish()
}

fn nothing() -> Problem {
    Problem::Content("expected at least one row of numbers, found none".to_owned())
}

impl Rows {
    /// Whether the first line is a header. What is odd about it becomes a note.
    fn is_header(&mut self, fields: &[Cow<str>], has_fractions: bool) -> bool {
        if is_names(fields) {
            return true;
        }
        if !is_count(fields) {
            return false;
        }
        let first = self.first;
        let is_header = has_fractions || fields[0].is_empty();
        let from_start = matches!(&*fields[0], "0" | "1") && fields.len() > 2;
        if is_header {
            self.notes.push(format!("line {first} counts the columns and is taken for a header"));
        } else if from_start {
            self.notes.push(format!(
                "line {first} counts the columns: if it is a header, leave it out or give names"
            ));
        }
        is_header
    }

    /// Leaves out what stands behind a separator at the end of a line.
    ///
    /// # Errors
    /// Another number of fields than in the first line.
    fn cut(&self, number: u64, fields: &mut Vec<Cow<str>>) -> Result<(), Problem> {
        let expected = self.keeper.width();
        if fields.len() == expected + 1 && fields[expected].is_empty() {
            fields.pop();
        }
        if fields.len() == expected {
            return Ok(());
        }
        let (found, first) = (fields.len(), self.first);
        let by = self.separated();
        Err(Problem::Content(format!(
            "line {number}: expected {expected} fields as in line {first}, found {found}{by}"
        )))
    }

    /// What separates the fields, for messages.
    fn separated(&self) -> String {
        format!(" (fields are separated by {})", self.separator.name())
    }

    fn take_units(&mut self, fields: &[Cow<str>]) {
        for (column, field) in self.columns.iter_mut().flatten().zip(fields) {
            if let Some(unit) = header::unit(field) {
                column.unit = Some(unit);
            }
        }
    }

    fn take(&mut self, line: u64, fields: &[Cow<str>]) -> Result<(), Problem> {
        self.row.clear();
        for (index, field) in fields.iter().enumerate() {
            // Labels of rows may be text.
            if index == 0 && self.is_first_index {
                let label = number::parse(field).map(|number| number.value).filter(|value| value.is_finite());
                self.row.push(label.unwrap_or(0.0));
                continue;
            }
            let value = self.number(line, index, field)?;
            self.row.push(value);
        }
        let seen = self.keeper.seen();
        let value = self.row[0];
        self.counted = match self.counted {
            None if seen == 0 && (value == 0.0 || value == 1.0) => Some(value),
            Some(first) if value == first + seen as f64 => Some(first),
            _ => None,
        };
        self.keeper.push(&self.row, line)?;
        Ok(())
    }

    fn number(&mut self, line: u64, index: usize, field: &str) -> Result<f64, Problem> {
        let wrong = |what: &str, remedy: &str| {
            let name = self
                .columns
                .as_ref()
                .map(|columns| columns[index].name.as_str())
                .filter(|name| !name.is_empty());
            let name = name.map_or_else(String::new, |name| format!(" ({})", quoted(name)));
            Problem::Content(format!("line {line}, column {}{name}: {what}{remedy}", index + 1))
        };
        let Some(Number { value, mark }) = number::parse(field) else {
            if number::is_missing(field) {
                let found = if field.is_empty() { "nothing".to_owned() } else { quoted(field) };
                return Err(wrong(
                    &format!("expected a number, found {found}"),
                    ": fill the gap or leave the row out",
                ));
            }
            return Err(wrong(&format!("expected a number, found {}", quoted(field)), &self.separated()));
        };
        if !value.is_finite() {
            return Err(wrong(&format!("expected a finite number, found {value}"), ": leave the row out"));
        }
        if mark == Mark::Comma && self.separator == Separator::Comma {
            let what = format!("expected a number, found {}", quoted(field));
            return Err(wrong(&what, ": write fractions with a point where commas separate fields"));
        }
        if mark != Mark::None {
            match self.mark {
                Some((other, place)) if other != mark => {
                    let [found, before] =
                        [mark, other].map(|mark| if mark == Mark::Comma { "comma" } else { "point" });
                    let what = format!(
                        "found a decimal {found} in {}, expected a {before} as in line {place}",
                        quoted(field)
                    );
                    return Err(wrong(&what, ": write all numbers in one way, without marks of thousands"));
                }
                Some(_) => {}
                None => self.mark = Some((mark, line)),
            }
        }
        Ok(value)
    }

    fn finish(mut self) -> Result<Table, Problem> {
        if self.keeper.seen() == 0 {
            return Err(nothing());
        }
        let several = self.keeper.width() > 1 && self.keeper.seen() > 2;
        let counted = self.counted.filter(|_| several && !self.is_first_index);
        if let Some(first) = counted {
            self.notes.push(counting_note(first));
        }
        if self.is_first_index {
            self.notes
                .push("column 1 has no name: it is taken for an index of the rows and left out".to_owned());
        }
        if let Some((Mark::Comma, line)) = self.mark {
            self.notes.push(format!("numbers are written with a decimal comma, first in line {line}"));
        }
        self.notes.extend(self.keeper.note());
        let (rows, lines) = self.keeper.finish();
        Ok(Table {
            path: PathBuf::new(),
            columns: self.columns,
            is_first_index: self.is_first_index,
            does_first_count: counted.is_some(),
            is_flat: false,
            rows,
            lines,
            notes: self.notes,
        })
    }
}
