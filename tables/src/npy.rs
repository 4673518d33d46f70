//! NPY files: one array of NumPy's, of any real type, either byte order and either order of axes.
//!
//! The format is that of NumPy's `numpy.lib.format`, versions 1 to 3.

use std::{fmt, io::Read};

use ndarray::{Array2, ShapeBuilder};

use crate::{
    MOST_COLUMNS, NotFinite, Table, TooMany,
    error::{Problem, bytes, quoted},
    keep::{self, Keeper},
};

/// The first bytes of every NPY file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// No header of a real array comes near.
const LONGEST_HEADER: usize = 1 << 16;

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 16;

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    Signed(usize),
    Unsigned(usize),
    Float(usize),
}

/// A type and the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    of: Type,
    big_endian: bool,
}

/// What the header of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    number: Number,
    /// Whether the columns follow each other, not the rows.
    by_columns: bool,
    /// Of one or two axes.
    shape: Vec<u64>,
}

impl Number {
    /// A type in NumPy's words, for example `<f8`.
    fn parse(text: &str) -> Result<Self, String> {
        let (order, name) = match text.chars().next() {
            Some(order @ ('<' | '>' | '=' | '|')) => (order, &text[1..]),
            _ => ('=', text),
        };
        let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
        let of = match name {
            "b1" | "?" => Type::Bool,
            "i1" => Type::Signed(1),
            "i2" => Type::Signed(2),
            "i4" => Type::Signed(4),
            "i8" => Type::Signed(8),
            "u1" => Type::Unsigned(1),
            "u2" => Type::Unsigned(2),
            "u4" => Type::Unsigned(4),
            "u8" => Type::Unsigned(8),
            "f2" => Type::Float(2),
            "f4" => Type::Float(4),
            "f8" => Type::Float(8),
            _ => {
                let (what, remedy) = match name.chars().next() {
                    Some('c') => ("complex numbers", "save real and imaginary part as columns of their own"),
                    Some('f' | 'g') => ("numbers of extended precision", "save array.astype('f8')"),
                    Some('O') => ("Python objects", "save array.astype('f8')"),
                    Some('U' | 'S' | 'a') => ("text", "save array.astype('f8')"),
                    Some('M' | 'm') => ("times", "save seconds as numbers"),
                    _ => ("an unknown type", "save array.astype('f8')"),
                };
                return Err(format!(
                    "expected an array of real numbers, found {what} ({}): {remedy}",
                    quoted(text)
                ));
            }
        };
        Ok(Self { of, big_endian })
    }

    fn size(self) -> usize {
        match self.of {
            Type::Bool => 1,
            Type::Signed(size) | Type::Unsigned(size) | Type::Float(size) => size,
        }
    }

    /// Whole numbers of 64 bits lose what `f64` does not hold.
    fn decode(self, bytes: &[u8], values: &mut Vec<f64>) {
        let Self { of, big_endian } = self;
        let word = |bytes: &[u8]| {
            let fold = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
            match big_endian {
                true => bytes.iter().fold(0, fold),
                false => bytes.iter().rev().fold(0, fold),
            }
        };
        let words = bytes.chunks_exact(self.size());
        match of {
            Type::Bool => values.extend(words.map(|b| f64::from(u8::from(b[0] != 0)))),
            Type::Unsigned(_) => values.extend(words.map(|b| word(b) as f64)),
            Type::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                values.extend(words.map(|b| ((word(b) << unused) as i64 >> unused) as f64));
            }
            Type::Float(2) => values.extend(words.map(|b| half(word(b) as u16))),
            Type::Float(4) => values.extend(words.map(|b| f64::from(f32::from_bits(word(b) as u32)))),
            Type::Float(_) => values.extend(words.map(|b| f64::from_bits(word(b)))),
        }
    }
}

/// A number of IEEE 754's half precision.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

impl Header {
    /// Reads everything before the numbers; also says how many bytes that was.
    fn read(source: &mut impl Read) -> Result<(Self, u64), Problem> {
        let short = || Problem::Content("expected a NumPy array, found a header that is cut off".to_owned());
        let mut start = [0; 8];
        source.read_exact(&mut start).map_err(|_| short())?;
        let wide = match start[6] {
            1 => false,
            2 | 3 => true,
            version => {
                let what = format!(
                    "expected version 1, 2 or 3 of NumPy's file format, found {version}: save with another NumPy"
                );
                return Err(Problem::Content(what));
            }
        };
        let mut length = [0; 4];
        source.read_exact(&mut length[..if wide { 4 } else { 2 }]).map_err(|_| short())?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_HEADER {
            return Err(Problem::Content(format!(
                "expected a NumPy array with a header of up to {LONGEST_HEADER} bytes, found {length}"
            )));
        }
        let mut text = vec![0; length];
        source.read_exact(&mut text).map_err(|_| short())?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok((Self::parse(&text)?, (8 + if wide { 4 } else { 2 } + length) as u64))
    }

    /// The header as text: a dictionary in Python's words.
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words(text);
        let (mut number, mut by_columns, mut shape) = (None, None, None);
        words.expect("{")?;
        while !words.skip("}") {
            let key = words.string()?;
            words.expect(":")?;
            match key {
                "descr" if words.peek("[") => {
                    return Err("expected an array of real numbers, found records with fields: save \
                         numpy.lib.recfunctions.structured_to_unstructured(array)"
                        .to_owned());
                }
                "descr" => number = Some(Number::parse(words.string()?)?),
                "fortran_order" => by_columns = Some(words.boolean()?),
                "shape" => shape = Some(words.sizes()?),
                other => {
                    return Err(format!("NumPy's header has a field {} that it should not", quoted(other)));
                }
            }
            if !words.skip(",") && !words.peek("}") {
                return Err(words.expected("a comma"));
            }
        }
        let missing = |field: &str| format!("NumPy's header lacks {field:?}");
        let header = Self {
            number: number.ok_or_else(|| missing("descr"))?,
            by_columns: by_columns.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        };
        match header.shape.len() {
            1 | 2 => Ok(header),
            0 => Err("expected rows of numbers, found an array without axes: save numpy.atleast_2d(array)"
                .to_owned()),
            axes => Err(format!(
                "expected an array of two dimensions, rows of numbers, found {axes} ({}): save array.reshape(len(array), -1)",
                Shape(&header.shape)
            )),
        }
    }

    fn rows(&self) -> u64 {
        self.shape[0]
    }

    fn columns(&self) -> u64 {
        self.shape.get(1).copied().unwrap_or(1)
    }
}

/// The sizes of axes.
struct Shape<'a>(&'a [u64]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (axis, size) in self.0.iter().take(6).enumerate() {
            write!(f, "{}{size}", if axis > 0 { "×" } else { "" })?;
        }
        if self.0.len() > 6 { write!(f, "×…") } else { Ok(()) }
    }
}

/// What is left of a header.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn peek(&mut self, word: &str) -> bool {
        self.0 = self.0.trim_start();
        self.0.starts_with(word)
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.peek(word);
        if found {
            self.0 = &self.0[word.len()..];
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        match self.skip(word) {
            true => Ok(()),
            false => Err(self.expected(&format!("{word:?}"))),
        }
    }

    fn expected(&self, what: &str) -> String {
        format!("NumPy's header: expected {what}, found {}", quoted(self.0))
    }

    fn string(&mut self) -> Result<&'a str, String> {
        for quote in ["'", "\""] {
            if self.peek(quote)
                && let Some((text, rest)) = self.0[1..].split_once(quote)
            {
                self.0 = rest;
                return Ok(text);
            }
        }
        Err(self.expected("a name in quotes"))
    }

    fn boolean(&mut self) -> Result<bool, String> {
        match () {
            () if self.skip("True") => Ok(true),
            () if self.skip("False") => Ok(false),
            () => Err(self.expected("True or False")),
        }
    }

    fn sizes(&mut self) -> Result<Vec<u64>, String> {
        let mut sizes = vec![];
        self.expect("(")?;
        while !self.skip(")") {
            self.0 = self.0.trim_start();
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            let size = self.0[..end].parse().map_err(|_| self.expected("the size of an axis"))?;
            sizes.push(size);
            self.0 = &self.0[end..];
            // As Python 2 wrote whole numbers.
            self.skip("L");
            if !self.skip(",") && !self.peek(")") {
                return Err(self.expected("a comma"));
            }
        }
        Ok(sizes)
    }
}

/// Reads an array; `length` is that of the file, a stream has none.
pub(crate) fn read(
    mut source: impl Read,
    length: Option<u64>,
    most: usize,
    too_many: TooMany,
    not_finite: NotFinite,
) -> Result<Table, Problem> {
    let (header, start) = Header::read(&mut source)?;
    let (rows, columns) = (header.rows(), header.columns());
    if rows == 0 || columns == 0 {
        return Err(Problem::Content(format!(
            "expected at least one row of numbers, found an array of {}",
            Shape(&header.shape)
        )));
    }
    let needed = (u128::from(rows) * u128::from(columns)).saturating_mul(header.number.size() as u128);
    if let Some(length) = length {
        let found = u128::from(length - start.min(length));
        if found != needed {
            return Err(Problem::Content(format!(
                "expected {} for the {} numbers that its header promises, found {}: {}",
                bytes(needed),
                Shape(&header.shape),
                bytes(found),
                if found < needed { "the file is cut off" } else { "save one array per file" }
            )));
        }
    }
    if columns > MOST_COLUMNS as u64 {
        return Err(Problem::Content(format!("expected up to {MOST_COLUMNS} columns, found {columns}")));
    }
    let mut keeper = Keeper::new(columns as usize, most, too_many);
    keeper.expect(rows)?;
    let array = Array { number: header.number, rows, columns: columns as usize, not_finite };
    let ((values, lines), note) = match header.by_columns {
        true => {
            let note = keep::note(rows, keeper.kept(rows), columns as usize);
            let lines = keeper.chosen(rows).map(|row| row as usize + 1).collect();
            ((array.by_columns(&mut source, &keeper)?, lines), note)
        }
        false => {
            array.by_rows(&mut source, &mut keeper)?;
            let note = keeper.note();
            (keeper.finish(), note)
        }
    };
    if source.read(&mut [0])? != 0 {
        return Err(Problem::Content(format!(
            "expected {} numbers as its header promises, found more: save one array per file",
            Shape(&header.shape)
        )));
    }
    let does_first_count = counts(&values);
    let mut notes: Vec<String> = note.into_iter().collect();
    if does_first_count {
        notes.push(crate::text::counting_note(values[(0, 0)]));
    }
    Ok(Table {
        path: std::path::PathBuf::new(),
        columns: None,
        is_first_index: false,
        does_first_count,
        is_flat: header.shape.len() == 1,
        rows: values,
        lines,
        notes,
    })
}

/// Whether the first of several columns counts the rows, from 0 or 1.
fn counts(values: &Array2<f64>) -> bool {
    let first = values[(0, 0)];
    values.ncols() > 1
        && values.nrows() > 2
        && (first == 0.0 || first == 1.0)
        && values.column(0).iter().enumerate().all(|(row, &value)| value == first + row as f64)
}

struct Array {
    number: Number,
    rows: u64,
    columns: usize,
    not_finite: NotFinite,
}

impl Array {
    fn check(&self, value: f64, row: u64, column: usize) -> Result<(), Problem> {
        match value.is_finite() || self.not_finite == NotFinite::Kept {
            true => Ok(()),
            false => Err(Problem::Content(format!(
                "row {}, column {}: expected a finite number, found {value}: leave the row out",
                row + 1,
                column + 1
            ))),
        }
    }

    fn fill(&self, source: &mut impl Read, buffer: &mut [u8], row: u64) -> Result<(), Problem> {
        source.read_exact(buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Problem::Content(format!(
                "expected {} rows of {} numbers as its header promises, found the end in row {}: the file is cut off",
                self.rows,
                self.columns,
                row + 1
            )),
            _ => Problem::Io(error),
        })
    }

    fn by_rows(&self, source: &mut impl Read, keeper: &mut Keeper) -> Result<(), Problem> {
        let mut buffer = vec![0; self.columns * self.number.size()];
        let mut values = Vec::with_capacity(self.columns);
        for row in 0..self.rows {
            self.fill(source, &mut buffer, row)?;
            values.clear();
            self.number.decode(&buffer, &mut values);
            for (column, &value) in values.iter().enumerate() {
                self.check(value, row, column)?;
            }
            keeper.push(&values, row + 1)?;
        }
        Ok(())
    }

    fn by_columns(&self, source: &mut impl Read, keeper: &Keeper) -> Result<Array2<f64>, Problem> {
        let size = self.number.size();
        let kept = keeper.kept(self.rows) as usize;
        let mut values: Vec<f64> = vec![];
        let (mut buffer, mut decoded) = (vec![0; CHUNK], vec![]);
        for column in 0..self.columns {
            let mut chosen = keeper.chosen(self.rows).peekable();
            let mut row = 0;
            while row < self.rows {
                let count = (self.rows - row).min((CHUNK / size) as u64) as usize;
                let part = &mut buffer[..count * size];
                self.fill(source, part, row)?;
                decoded.clear();
                self.number.decode(part, &mut decoded);
                for (offset, &value) in decoded.iter().enumerate() {
                    self.check(value, row + offset as u64, column)?;
                }
                while let Some(place) = chosen.next_if(|&place| place < row + count as u64) {
                    values.push(decoded[(place - row) as usize]);
                }
                row += count as u64;
            }
        }
        let rows = Array2::from_shape_vec((kept, self.columns).f(), values)
            .map_err(|error| Problem::Content(error.to_string()))?;
        Ok(rows.as_standard_layout().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_of_the_standard() {
        let cases = [
            (0x0000, 0.0),
            (0x0001, 2f64.powi(-24)),
            (0x03ff, 1023.0 * 2f64.powi(-24)),
            (0x0400, 2f64.powi(-14)),
            (0x3c00, 1.0),
            (0x3555, 0.333251953125),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn headers_are_read_as_every_numpy_writes_them() {
        let header = |text: &str| Header::parse(text);
        let usual = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }          \n";
        let expected = Header {
            number: Number { of: Type::Float(8), big_endian: false },
            by_columns: false,
            shape: vec![3, 2],
        };
        assert_eq!(header(usual).unwrap(), expected);
        assert_eq!(
            header("{\"shape\":(3L,2L),\"fortran_order\":False,\"descr\":\"<f8\"}").unwrap(),
            expected
        );
        assert_eq!(header(&usual.replace("(3, 2)", "(3,)")).unwrap().shape, [3]);
        for (from, to, expected) in [
            ("<f8", "<c16", "complex numbers"),
            ("<f8", "<f16", "extended precision"),
            ("<f8", "|O", "Python objects"),
            ("<f8", "<U5", "text"),
            ("<f8", "<M8[s]", "times"),
            ("'<f8'", "[('a', '<f8')]", "records with fields"),
            ("(3, 2)", "()", "without axes"),
            ("(3, 2)", "(3, 2, 4)", "found 3 (3×2×4): save array.reshape"),
            ("(3, 2)", "(3, -2)", "expected the size of an axis"),
            ("(3, 2)", "(3, 99999999999999999999)", "expected the size of an axis"),
            ("False", "0", "True or False"),
            ("'shape'", "'form'", "field \"form\""),
            ("}", "", "a name in quotes"),
        ] {
            let message = header(&usual.replace(from, to)).unwrap_err();
            assert!(message.contains(expected), "{to}: {message}");
        }
        assert!(header("").unwrap_err().contains("expected \"{\""));
    }
}
