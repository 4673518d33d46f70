//! Reads a file or a stream once, from front to end, whatever it holds.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use crate::{Table, TableError, error::Problem, npy, text};

/// More columns than this are no table.
pub const MOST_COLUMNS: usize = 1 << 20;

/// Numbers that memory is taken for: half a gigabyte.
const MOST_NUMBERS: usize = 1 << 26;

/// What is looked at before anything is decided.
const HEAD: usize = 1 << 18;

/// What happens to a file with more numbers than memory is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// It is refused, as soon as that is known, with what it would need.
    Refuse,
    /// Every row is read and checked; a fair choice that the seed draws is kept.
    Sample {
        /// Of the choice.
        seed: u64,
    },
}

/// What happens to NaN and infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFinite {
    /// They are refused with their place.
    Refused,
    /// They are read as they are, from NPY files only.
    Kept,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes of the file; a stream has no end that is known.
    pub of: Option<u64>,
}

/// How a table is read; [`Reading::default`] refuses what is not finite and what has more than 2^26 numbers.
///
/// ```
/// let text = "temp [C];load\n20,5;1\n21,0;3\n";
/// let table = emeuro_tables::Reading::default().parse(text.as_bytes(), "pairs.txt")?;
/// assert_eq!(table.rows(), &ndarray::array![[20.5, 1.0], [21.0, 3.0]]);
/// assert_eq!(table.columns().unwrap()[0].unit.as_deref(), Some("C"));
/// # Ok::<(), emeuro_tables::TableError>(())
/// ```
pub struct Reading<'a> {
    /// Numbers that memory is taken for.
    pub most: usize,
    /// What happens to a file with more.
    pub too_many: TooMany,
    /// What happens to NaN and infinity.
    pub not_finite: NotFinite,
    /// Called every few megabytes.
    pub progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { most: MOST_NUMBERS, too_many: TooMany::Refuse, not_finite: NotFinite::Refused, progress: None }
    }
}

/// Reads a table as [`Reading::default`] does.
///
/// # Errors
/// As [`Reading::read`].
pub fn read(path: impl AsRef<Path>) -> Result<Table, TableError> {
    Reading::default().read(path)
}

impl Reading<'_> {
    /// Reads a file; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be read, is no table of finite numbers, or is too large.
    pub fn read(self, path: impl AsRef<Path>) -> Result<Table, TableError> {
        let path = path.as_ref();
        if path.as_os_str() == "-" {
            return self.table(io::stdin().lock(), path, None);
        }
        let io = |source| TableError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        if about.is_dir() {
            let what = "expected a table in a CSV or NPY file, found a folder".to_owned();
            return Err(TableError::Content { path: path.to_owned(), what });
        }
        self.table(file, path, about.is_file().then_some(about.len()))
    }

    /// Reads the bytes of a file; `path` is for messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(self, bytes: &[u8], path: impl AsRef<Path>) -> Result<Table, TableError> {
        self.table(bytes, path.as_ref(), Some(bytes.len() as u64))
    }

    /// `length` is that of a file; a stream has none.
    fn table(self, source: impl Read, path: &Path, length: Option<u64>) -> Result<Table, TableError> {
        self.rows(source, path, length).map_err(|problem| problem.in_file(path))
    }

    fn rows(self, source: impl Read, path: &Path, length: Option<u64>) -> Result<Table, Problem> {
        let Self { most, too_many, not_finite, progress } = self;
        let mut source = Watched { source, bytes: 0, said: 0, of: length, progress };
        let mut head = vec![];
        (&mut source).take(HEAD as u64).read_to_end(&mut head)?;
        let is_whole = head.len() < HEAD;
        let is_npy = head.starts_with(npy::MAGIC);
        let named_npy = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
        if !is_npy && named_npy {
            return Err(Problem::Content(format!(
                "expected a NumPy array (.npy), found {}",
                text::other_kind(&head).unwrap_or("a file that does not begin like one")
            )));
        }
        if !is_npy && let Some(found) = text::other_kind(&head) {
            return Err(Problem::Content(format!("expected a table in a CSV or NPY file, found {found}")));
        }
        let start = Start { head: head.clone(), is_whole, length };
        let rest = io::BufReader::with_capacity(1 << 16, Cursor::new(head).chain(source));
        let mut table = match is_npy {
            true => npy::read(rest, length, most, too_many, not_finite),
            false => text::read(rest, &start, most, too_many),
        }?;
        table.path = path.to_owned();
        Ok(table)
    }
}

/// The beginning of a file, from which its form is found.
pub(crate) struct Start {
    pub(crate) head: Vec<u8>,
    /// Whether that is all.
    pub(crate) is_whole: bool,
    /// Of the whole file, if it is one.
    pub(crate) length: Option<u64>,
}

/// A source that says how far it has come.
struct Watched<'a, R> {
    source: R,
    bytes: u64,
    said: u64,
    of: Option<u64>,
    progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.bytes += count as u64;
        if let Some(progress) = &mut self.progress
            && self.bytes - self.said >= 1 << 22
        {
            self.said = self.bytes;
            progress(Progress { bytes: self.bytes, of: self.of });
        }
        Ok(count)
    }
}
