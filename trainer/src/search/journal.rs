//! The journal: every finished evaluation as a line of a file, so that a search goes on where it was.
//!
//! The first line names the format, the second the settings of the search. Every later line is a hash of the rest of the line and
//! a record, its fields separated by tabs. A line is on the disk before the search goes on. A last line without its end was
//! being written when the machine stopped: it is dropped.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use emeuro_golden::text::in_plain_words;

use super::{Candidate, Evaluation, Outcome, Score, Trial};
use crate::Fingerprint;

const MAGIC: &str = "EMEURO search journal 1";

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("journal '{}': {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Another process searches with this journal.
    #[error("journal '{}': another search is using it", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a journal, or it is damaged.
    #[error("journal '{}', line {line}: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and what was expected.
        what: String,
    },
    /// The journal belongs to another search.
    #[error(
        "journal '{}' belongs to another search: its settings are '{found}', expected '{expected}'; delete its folder to \
         start anew, or search in another folder", .path.display()
    )]
    OtherSettings {
        /// The file.
        path: PathBuf,
        /// Settings in the file.
        found: String,
        /// Settings of this search.
        expected: String,
    },
}

/// An entry of a journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An evaluation is finished.
    Evaluated(Evaluation),
    /// An evaluation was broken off after so many seconds; it goes on from its checkpoint.
    Interrupted {
        /// Seconds that count towards the budget.
        seconds: f64,
    },
}

/// A journal that is open, and locked against other processes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    names: Vec<String>,
    records: Vec<Record>,
}

impl Journal {
    /// Opens the journal of a search, or begins one.
    ///
    /// `settings` is one line of text that names all that results depend on; the names of the candidates are added to it.
    ///
    /// # Errors
    /// A file that cannot be used, is in use, is damaged, or belongs to a search with other settings.
    pub fn open(path: &Path, settings: &str, candidates: &[Candidate]) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(io(std::io::Error::other("expected a file")));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(JournalError::InUse { path: path.to_owned() });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).map_err(io)?;
        let names: Vec<String> = candidates.iter().map(|c| c.name.clone()).collect();
        let header = header(settings, candidates);
        let complete = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        if complete <= MAGIC.len() + 1 && header.as_bytes().starts_with(&bytes) {
            // Empty, or the machine stopped while the header was being written.
            file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
            file.write_all(header.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
            return Ok(Self { path: path.to_owned(), file, names, records: vec![] });
        }
        let records = read(path, &bytes[..complete], &header, &names)?;
        file.set_len(complete as u64).and_then(|()| file.seek(std::io::SeekFrom::End(0))).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, names, records })
    }

    /// Adds a record; it is on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, record: Record) -> Result<(), JournalError> {
        let content = to_line(&record, &self.names);
        let line = format!("{:016x}\t{content}\n", hash(&content));
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|source| JournalError::Io { path: self.path.clone(), source })?;
        self.records.push(record);
        Ok(())
    }

    /// All finished evaluations, in order.
    #[must_use]
    pub fn evaluations(&self) -> Vec<Evaluation> {
        let evaluation = |record: &Record| match record {
            Record::Evaluated(evaluation) => Some(evaluation.clone()),
            Record::Interrupted { .. } => None,
        };
        self.records.iter().filter_map(evaluation).collect()
    }

    /// Seconds that all evaluations have taken, interrupted ones included.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let seconds = |record: &Record| match record {
            Record::Evaluated(evaluation) => evaluation.seconds,
            Record::Interrupted { seconds } => *seconds,
        };
        self.records.iter().map(seconds).sum()
    }
}

fn header(settings: &str, candidates: &[Candidate]) -> String {
    let all = candidates.iter().map(|c| format!("{}\t{:?}\n", c.name, c.effort)).collect::<String>();
    let settings = settings.replace(['\t', '\n', '\r'], " ");
    format!("{MAGIC}\n{settings}, {} candidates {:016x}\n", candidates.len(), hash(&all))
}

fn hash(text: &str) -> u64 {
    let mut hash = Fingerprint::default();
    hash.add_bytes(text.as_bytes());
    hash.value()
}

fn read(path: &Path, bytes: &[u8], header: &str, names: &[String]) -> Result<Vec<Record>, JournalError> {
    let damaged = |line: usize, what: &str| JournalError::Damaged {
        path: path.to_owned(),
        line,
        what: what.to_owned(),
    };
    let mut lines = bytes.split(|&b| b == b'\n').enumerate().map(|(n, line)| (n + 1, line));
    let mut expected = header.lines();
    if lines.next().map(|(_, line)| line) != expected.next().map(str::as_bytes) {
        return Err(damaged(1, &format!("expected '{MAGIC}'")));
    }
    let (found, expected) = (lines.next().map(|(_, line)| line), expected.next().unwrap_or_default());
    match found.map(std::str::from_utf8) {
        Some(Ok(found)) if found == expected => {}
        Some(Ok(found)) => {
            let (found, expected) = (in_plain_words(&found), expected.to_owned());
            return Err(JournalError::OtherSettings { path: path.to_owned(), found, expected });
        }
        _ => return Err(damaged(2, "expected the settings of the search")),
    }
    let mut records = vec![];
    for (n, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let text = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t'));
        let sound = text.filter(|(sum, content)| *sum == format!("{:016x}", hash(content)));
        let (_, content) = sound.ok_or_else(|| damaged(n, "the line does not match its hash"))?;
        records
            .push(from_line(content, names).ok_or_else(|| damaged(n, "expected a record of a candidate"))?);
    }
    Ok(records)
}

/// Numbers are written with as many digits as tell them apart from every other number.
fn to_line(record: &Record, names: &[String]) -> String {
    match record {
        Record::Interrupted { seconds } => format!("interrupted\t{seconds:?}"),
        Record::Evaluated(Evaluation { trial, outcome, seconds }) => {
            let place = format!("{}\t{}\t{seconds:?}", names[trial.candidate], trial.rung);
            match outcome {
                Outcome::Scored(Score { error, clocks, weight_bits, cpu_ns }) => {
                    format!("scored\t{place}\t{error:?}\t{clocks}\t{weight_bits}\t{cpu_ns:?}")
                }
                Outcome::Refused(reason) => {
                    format!("refused\t{place}\t{}", reason.replace(['\t', '\n', '\r'], " "))
                }
            }
        }
    }
}

fn from_line(line: &str, names: &[String]) -> Option<Record> {
    let fields: Vec<&str> = line.split('\t').collect();
    let trial = |name: &str, rung: &str| {
        let candidate = names.iter().position(|known| known == name)?;
        Some(Trial { candidate, rung: rung.parse().ok()? })
    };
    let duration = |seconds: &str| seconds.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0);
    match fields[..] {
        ["interrupted", seconds] => Some(Record::Interrupted { seconds: duration(seconds)? }),
        ["scored", name, rung, seconds, error, clocks, weight_bits, cpu_ns] => {
            Some(Record::Evaluated(Evaluation {
                trial: trial(name, rung)?,
                seconds: duration(seconds)?,
                outcome: Outcome::Scored(Score {
                    error: error.parse().ok()?,
                    clocks: clocks.parse().ok()?,
                    weight_bits: weight_bits.parse().ok()?,
                    cpu_ns: cpu_ns.parse().ok()?,
                }),
            }))
        }
        ["refused", name, rung, seconds, reason] => Some(Record::Evaluated(Evaluation {
            trial: trial(name, rung)?,
            seconds: duration(seconds)?,
            outcome: Outcome::Refused(reason.to_owned()),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Effort;

    fn candidates() -> Vec<Candidate> {
        ["wide", "deep"].map(|name| Candidate { name: name.into(), effort: Effort::Rungs }).to_vec()
    }

    fn records() -> Vec<Record> {
        let score = Score { error: 0.1 + 0.2, clocks: 514, weight_bits: 1 << 20, cpu_ns: 1234.5 };
        let evaluation = |candidate, outcome| Evaluation {
            trial: Trial { candidate, rung: candidate },
            outcome,
            seconds: 1.0 / 3.0,
        };
        vec![
            Record::Evaluated(evaluation(1, Outcome::Scored(score))),
            Record::Interrupted { seconds: 2.5 },
            Record::Evaluated(evaluation(0, Outcome::Refused("it\ndiverged".into()))),
        ]
    }

    fn written(path: &Path) -> Vec<u8> {
        let mut journal = Journal::open(path, "seed 1", &candidates()).unwrap();
        records().into_iter().for_each(|record| journal.append(record).unwrap());
        std::fs::read(path).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_again_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        written(&path);
        let journal = Journal::open(&path, "seed 1", &candidates()).unwrap();
        let evaluations = journal.evaluations();
        let [Record::Evaluated(first), _, Record::Evaluated(last)] = &records()[..] else { unreachable!() };
        assert_eq!(evaluations[0], *first);
        assert_eq!(evaluations[1].trial, last.trial);
        assert_eq!(evaluations[1].outcome, Outcome::Refused("it diverged".into()));
        assert_eq!(journal.seconds(), 1.0 / 3.0 + 2.5 + 1.0 / 3.0);
    }

    #[test]
    fn a_line_that_was_being_written_is_dropped_and_any_other_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let bytes = written(&path);
        let ends: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i] == b'\n').collect();
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let whole = ends.iter().filter(|&&end| end < cut).count().saturating_sub(2);
            match Journal::open(&path, "seed 1", &candidates()) {
                Ok(journal) => assert_eq!(journal.records.len(), whole, "{cut} bytes"),
                Err(error) => panic!("{cut} bytes: {error}"),
            }
        }
        for damaged in 0..bytes.len() {
            let mut other = bytes.clone();
            other[damaged] ^= 0x04;
            std::fs::write(&path, &other).unwrap();
            let end = damaged == bytes.len() - 1;
            let error = Journal::open(&path, "seed 1", &candidates()).map(|j| j.records.len());
            assert!(error.is_err() || end, "byte {damaged}");
        }
    }

    #[test]
    fn other_settings_other_candidates_and_other_files_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let bytes = written(&path);
        let refused = |settings: &str, candidates: &[Candidate]| {
            Journal::open(&path, settings, candidates).unwrap_err().to_string()
        };
        let other = refused("seed 2", &candidates());
        assert!(other.contains("belongs to another search") && other.contains("seed 1"), "{other}");
        assert!(refused("seed 1", &candidates()[..1]).contains("another search"));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        std::fs::write(&path, "dear diary\n").unwrap();
        assert!(refused("seed 1", &candidates()).contains("line 1: expected 'EMEURO search journal 1'"));
        assert_eq!(std::fs::read(&path).unwrap(), b"dear diary\n");
    }

    #[test]
    fn seconds_that_no_clock_shows_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let bytes = written(&path);
        for seconds in ["-1.0", "NaN", "inf", "soon"] {
            let content = format!("interrupted\t{seconds}");
            let line = format!("{:016x}\t{content}\n", hash(&content));
            std::fs::write(&path, [&bytes[..], line.as_bytes()].concat()).unwrap();
            let error = Journal::open(&path, "seed 1", &candidates()).unwrap_err().to_string();
            assert!(error.contains("line 6: expected a record"), "{seconds}: {error}");
        }
    }

    #[test]
    fn two_searches_do_not_share_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let _first = Journal::open(&path, "seed 1", &candidates()).unwrap();
        let error = Journal::open(&path, "seed 1", &candidates()).unwrap_err().to_string();
        assert!(error.contains("another search is using it"), "{error}");
    }
}
