//! The folder of an emulator that learns: `emulator.N.yaml` and `journal.N.jsonl` of generation N, and `lock`, which says that
//! the folder is one.
//!
//! A pair is appended to the journal before it counts. A swap first writes the journal of the next generation, with all pairs
//! that are kept, then the emulator, both to temporary files that are renamed: the emulator's file is what makes a generation
//! complete. Whatever a crash interrupts, the latest complete generation and its journal are what was there before or after.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use emeuro_golden::{
    Emulator, EmulatorError, FileKind,
    text::{LONGEST, in_plain_words},
};
use serde::{Deserialize, Serialize};

use crate::{Error, Reservoir, Result, Sample};

/// What the lock holds; that of the first versions is empty.
const MARK: &[u8] = b"EMEURO: an emulator learns in this folder\n";

const LOCK: &str = "lock";

const JOURNAL: FileKind =
    FileKind { name: "pairs of an emulator that learns", is: |head| head.starts_with(b"{\"member\":") };

/// Which of a member's reservoirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pairs like those that the member was trained on.
    Familiar,
    /// Pairs that were unfamiliar when they came.
    New,
}

/// One line of a journal.
#[derive(Serialize, Deserialize)]
struct Line {
    member: usize,
    kind: Kind,
    /// In the journal that a generation begins with: how many were offered before. The pair is one of those kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    offered: Option<u64>,
    #[serde(flatten)]
    sample: Sample,
}

/// Emulator and reservoirs, in memory and in a folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Keeps other processes out as long as it is open.
    _lock: File,
    generation: u64,
    journal: File,
    emulator: Emulator,
    reservoirs: BTreeMap<(usize, Kind), Reservoir>,
    capacity: usize,
    seed: u64,
}

impl Store {
    /// Opens `folder`, or begins there with `emulator`; every member keeps up to `capacity` pairs of either kind.
    ///
    /// # Errors
    /// A folder that cannot be written, that holds something else, that another process uses, or whose files are not as this type
    /// left them.
    pub fn open(folder: &Path, emulator: &Emulator, capacity: usize, seed: u64) -> Result<Self> {
        let io = |path: &Path, source| Error::Io { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
        if !is_ours(folder).map_err(|e| io(folder, e))? {
            return Err(Error::Foreign(folder.to_owned()));
        }
        let lock_path = folder.join(LOCK);
        let lock = OpenOptions::new().read(true).append(true).create(true).open(&lock_path);
        let mut lock = lock.map_err(|e| io(&lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy(folder.to_owned())),
            Err(TryLockError::Error(e)) => return Err(io(&lock_path, e)),
        }
        if lock.metadata().map_err(|e| io(&lock_path, e))?.len() == 0 {
            lock.write_all(MARK).map_err(|e| io(&lock_path, e))?;
        }
        let generation = latest(folder).map_err(|e| io(folder, e))?;
        let generation = match generation {
            Some(generation) => generation,
            None => {
                write_generation(folder, 0, emulator, &BTreeMap::new())?;
                0
            }
        };
        let emulator = Emulator::load(emulator_path(folder, generation))?;
        let mut store = Self {
            folder: folder.to_owned(),
            _lock: lock,
            generation,
            journal: open_journal(&journal_path(folder, generation))?,
            emulator,
            reservoirs: BTreeMap::new(),
            capacity,
            seed,
        };
        store.replay()?;
        remove_others(folder, generation);
        Ok(store)
    }

    /// The emulator of this generation.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// How many members the emulator has; one without a router.
    pub fn members(&self) -> usize {
        self.emulator.router().map_or(1, |router| router.members())
    }

    /// Whether nothing was ever offered or swapped.
    pub fn is_new(&self) -> bool {
        self.generation == 0 && self.reservoirs.is_empty()
    }

    /// How often the emulator was replaced.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The pairs of a member.
    pub fn samples(&self, member: usize, kind: Kind) -> &[Sample] {
        self.reservoirs.get(&(member, kind)).map_or(&[], |reservoir| reservoir.samples())
    }

    /// How many pairs were offered to a member in this generation.
    pub fn offered(&self, member: usize, kind: Kind) -> u64 {
        self.reservoirs.get(&(member, kind)).map_or(0, Reservoir::offered)
    }

    /// Appends a pair to the journal and offers it to the member's reservoir.
    ///
    /// # Errors
    /// A member that there is not, a pair of the wrong size or with a number that is not finite, or a journal that cannot be
    /// written; the pair does not count then.
    pub fn offer(&mut self, member: usize, kind: Kind, sample: Sample) -> Result<()> {
        let line = Line { member, kind, offered: None, sample };
        self.check(&line).map_err(|problem| EmulatorError::new("pair", problem))?;
        // One call for the whole line: a crash leaves it whole, or its beginning at the end of the file.
        self.journal.write_all(&text(&line)).map_err(|source| self.journal_error(source))?;
        self.take(line);
        Ok(())
    }

    /// Makes `emulator` the next generation. The new pairs of the `relearnt` members are familiar from now on.
    ///
    /// # Errors
    /// The folder cannot be written; this generation stays.
    pub fn swap(&mut self, emulator: Emulator, relearnt: &[usize]) -> Result<()> {
        let mut reservoirs = self.reservoirs.clone();
        for &member in relearnt {
            let Some(new) = reservoirs.remove(&(member, Kind::New)) else { continue };
            let key = (member, Kind::Familiar);
            let familiar = reservoirs.entry(key).or_insert_with(|| self.empty(key));
            new.samples().iter().for_each(|sample| familiar.offer(sample.clone()));
        }
        write_generation(&self.folder, self.generation + 1, &emulator, &reservoirs)?;
        self.generation += 1;
        self.journal = open_journal(&journal_path(&self.folder, self.generation))?;
        (self.emulator, self.reservoirs) = (emulator, reservoirs);
        remove_others(&self.folder, self.generation);
        Ok(())
    }

    fn empty(&self, (member, kind): (usize, Kind)) -> Reservoir {
        Reservoir::new(self.capacity, self.seed ^ (2 * member as u64 + u64::from(kind == Kind::New)))
    }

    fn take(&mut self, Line { member, kind, offered, sample }: Line) {
        let key = (member, kind);
        let empty = self.empty(key);
        let reservoir = self.reservoirs.entry(key).or_insert(empty);
        match offered {
            Some(offered) => reservoir.restore(sample, offered),
            None => reservoir.offer(sample),
        }
    }

    fn journal_error(&self, source: std::io::Error) -> Error {
        Error::Io { path: journal_path(&self.folder, self.generation), source }
    }

    /// Fills the reservoirs from the journal. A last line that was not written to its end is cut off.
    fn replay(&mut self) -> Result<()> {
        let path = journal_path(&self.folder, self.generation);
        let file = File::open(&path).map_err(|source| self.journal_error(source))?;
        let mut reader = BufReader::new(file);
        let (mut whole, mut number, mut bytes) = (0, 0, vec![]);
        loop {
            bytes.clear();
            let line = (&mut reader).take(LONGEST).read_until(b'\n', &mut bytes);
            let length = line.map_err(|source| self.journal_error(source))? as u64;
            number += 1;
            let wrong = |problem: String| Error::Journal { path: path.clone(), line: number, problem };
            if length == LONGEST {
                return Err(wrong(format!("expected a pair, found {LONGEST} bytes without a line break")));
            }
            if bytes.last() != Some(&b'\n') {
                break;
            }
            let line: Line = serde_json::from_slice(&bytes).map_err(|e| wrong(in_plain_words(&e)))?;
            self.check(&line).map_err(wrong)?;
            self.take(line);
            whole += length;
        }
        self.journal.set_len(whole).map_err(|source| self.journal_error(source))
    }

    /// What is wrong with a pair that is offered, or with a line of a journal.
    fn check(&self, line: &Line) -> std::result::Result<(), String> {
        let members = self.members();
        let expected = [self.emulator.input().size(), self.emulator.output().port.size()];
        let found = [line.sample.input.len(), line.sample.target.len()];
        if line.member >= members {
            return Err(format!("expected a member below {members}, found {}", line.member));
        }
        if found != expected {
            return Err(format!("expected {expected:?} numbers of input and target, found {found:?}"));
        }
        if !line.sample.can_be_learnt() {
            return Err("expected finite numbers in single precision, and at least one target".to_owned());
        }
        Ok(())
    }
}

fn text(line: &Line) -> Vec<u8> {
    let mut text = serde_json::to_vec(line)
        .expect("a checked line is finite numbers and fixed names, which JSON always takes");
    text.push(b'\n');
    text
}

fn emulator_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("emulator.{generation}.yaml"))
}

fn journal_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("journal.{generation}.jsonl"))
}

fn open_journal(path: &Path) -> Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// What a file of a store is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Emulator(u64),
    Journal(u64),
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        let number = |before: &str, after: &str| -> Option<u64> {
            let digits = name.strip_prefix(before)?.strip_suffix(after)?;
            // Neither `+1` nor `01`.
            digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
        };
        let emulator = number("emulator.", ".yaml").map(Self::Emulator);
        emulator.or_else(|| number("journal.", ".jsonl").map(Self::Journal))
    }
}

/// Whether a folder is empty or belongs to an emulator that learns.
fn is_ours(folder: &Path) -> io::Result<bool> {
    let lock = folder.join(LOCK);
    let mut begin = vec![];
    match fs::symlink_metadata(&lock) {
        Ok(metadata) if metadata.is_file() => {
            File::open(&lock)?.take(MARK.len() as u64).read_to_end(&mut begin)?;
            if begin == MARK {
                return Ok(true);
            }
        }
        Ok(_) => return Ok(false),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(fs::read_dir(folder)?.next().is_none()),
        Err(e) => return Err(e),
    }
    // One of the first versions: nothing but what a store consists of, and what a crash has left under way.
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_part = name == LOCK || name.starts_with('.') || Part::of(name).is_some();
        if !is_part {
            return Ok(false);
        }
    }
    Ok(begin.is_empty())
}

/// The latest complete generation.
fn latest(folder: &Path) -> io::Result<Option<u64>> {
    let mut latest = None;
    for entry in fs::read_dir(folder)? {
        if let Some(Part::Emulator(number)) = entry?.file_name().to_str().and_then(Part::of) {
            latest = latest.max(Some(number));
        }
    }
    Ok(latest)
}

fn write_generation(
    folder: &Path,
    generation: u64,
    emulator: &Emulator,
    reservoirs: &BTreeMap<(usize, Kind), Reservoir>,
) -> Result<()> {
    let lines = reservoirs.iter().flat_map(|(&(member, kind), reservoir)| {
        let offered = Some(reservoir.offered());
        let line = move |sample: &Sample| Line { member, kind, offered, sample: sample.clone() };
        reservoir.samples().iter().map(move |sample| text(&line(sample)))
    });
    let path = journal_path(folder, generation);
    let journal: Vec<u8> = lines.flatten().collect();
    JOURNAL.write(&path, &journal).map_err(|source| Error::Io { path, source })?;
    emulator.save(emulator_path(folder, generation))?;
    Ok(())
}

/// Removes the files of generations before, and the journal of one that did not become complete. What cannot be removed does no harm.
fn remove_others(folder: &Path, generation: u64) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_over = match entry.file_name().to_str().and_then(Part::of) {
            Some(Part::Emulator(number)) => number < generation,
            Some(Part::Journal(number)) => number < generation || number == generation + 1,
            None => false,
        };
        if is_over && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_golden::{sample_clusters, sample_weights};

    fn sample(emulator: &Emulator, value: f32) -> Sample {
        Sample {
            input: vec![value; emulator.input().size()],
            target: vec![-value; emulator.output().port.size()],
        }
    }

    /// A line of a journal, of a pair in which all numbers are `value`.
    fn line(emulator: &Emulator, value: &str, offered: &str) -> String {
        let numbers = |count: usize| vec![value; count].join(",");
        let (input, target) = (numbers(emulator.input().size()), numbers(emulator.output().port.size()));
        format!("{{\"member\":0,\"kind\":\"new\",{offered}\"input\":[{input}],\"target\":[{target}]}}\n")
    }

    #[test]
    fn what_was_offered_and_swapped_is_there_after_opening_again() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let open = || Store::open(folder.path(), &emulator, 5, 3).unwrap();
        let mut store = open();
        for value in 0..20 {
            store.offer(1, Kind::New, sample(&emulator, value as f32 / 3.0)).unwrap();
            store.offer(0, Kind::Familiar, sample(&emulator, value as f32)).unwrap();
        }
        let before = store.reservoirs.clone();
        drop(store);
        let mut store = open();
        assert_eq!(store.reservoirs, before);
        assert_eq!((store.samples(1, Kind::New).len(), store.offered(1, Kind::New)), (5, 20));

        let other = sample_weights(&emulator, 9);
        store.swap(other.clone(), &[1]).unwrap();
        assert_eq!((store.samples(1, Kind::New).len(), store.samples(1, Kind::Familiar).len()), (0, 5));
        let before = store.reservoirs.clone();
        drop(store);
        let store = open();
        assert_eq!((store.generation(), store.emulator()), (1, &other));
        assert_eq!(store.reservoirs, before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "emulator, journal, lock");
    }

    #[test]
    fn a_crash_at_any_byte_of_the_last_line_loses_that_pair_alone() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let mut store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
        store.offer(0, Kind::New, sample(&emulator, 1.5)).unwrap();
        let path = journal_path(folder.path(), 0);
        let first = fs::metadata(&path).unwrap().len();
        store.offer(0, Kind::New, sample(&emulator, 2.5)).unwrap();
        drop(store);
        let whole = fs::read(&path).unwrap();
        for length in first as usize..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let mut store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
            assert_eq!(store.samples(0, Kind::New), [sample(&emulator, 1.5)], "{length} bytes");
            store.offer(0, Kind::New, sample(&emulator, 3.5)).unwrap();
            drop(store);
            let store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
            assert_eq!(store.samples(0, Kind::New)[1], sample(&emulator, 3.5));
        }
    }

    #[test]
    fn a_swap_that_was_interrupted_leaves_the_generation_before() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let mut store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
        store.offer(0, Kind::New, sample(&emulator, 1.5)).unwrap();
        drop(store);
        // The next journal is there, its emulator is not yet.
        fs::write(journal_path(folder.path(), 1), "").unwrap();
        let store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
        assert_eq!((store.generation(), store.samples(0, Kind::New).len()), (0, 1));
        assert!(!journal_path(folder.path(), 1).exists());
    }

    #[test]
    fn files_that_are_not_of_a_store_stay() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let names =
            ["journal.txt", "emulator.v", "emulator.01.yaml", "journal.+0.jsonl", "emulator.old.yaml"];
        for name in names {
            fs::write(folder.path().join(name), "mine").unwrap();
        }
        let message = Store::open(folder.path(), &emulator, 5, 3).unwrap_err().to_string();
        assert!(message.contains("expected a new or empty folder"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), names.len());
        // Not even with a lock, if that is not ours.
        fs::write(folder.path().join(LOCK), "pid 7").unwrap();
        assert!(Store::open(folder.path(), &emulator, 5, 3).is_err());
        assert_eq!(fs::read_to_string(folder.path().join(LOCK)).unwrap(), "pid 7");

        // Put into the folder of a store later, they stay as well.
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), &emulator, 5, 3).unwrap());
        for name in names {
            fs::write(folder.path().join(name), "mine").unwrap();
        }
        let mut store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
        store.swap(sample_weights(&emulator, 9), &[]).unwrap();
        assert_eq!(store.generation(), 1);
        for name in names {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "mine", "{name}");
        }
        // The folder of an earlier version has an empty lock.
        drop(store);
        names.iter().for_each(|name| fs::remove_file(folder.path().join(name)).unwrap());
        fs::write(folder.path().join(LOCK), "").unwrap();
        assert_eq!(Store::open(folder.path(), &emulator, 5, 3).unwrap().generation(), 1);
    }

    #[test]
    fn a_second_process_and_a_broken_journal_are_refused() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let open = || Store::open(folder.path(), &emulator, 5, 3);
        let store = open().unwrap();
        assert!(matches!(open(), Err(Error::Busy(_))));
        drop(store);
        let path = journal_path(folder.path(), 0);
        // Larger than single precision holds.
        let large = line(&emulator, "1e40", "");
        for (text, expected) in [
            ("{}\n", "line 1: missing field `member`"),
            (
                "{\"member\":9,\"kind\":\"new\",\"input\":[],\"target\":[]}\n",
                "line 1: expected a member below",
            ),
            ("{\"member\":0,\"kind\":\"new\",\"input\":[],\"target\":[]}\n", "line 1: expected ["),
            (&large, "line 1: expected finite numbers"),
        ] {
            fs::write(&path, text).unwrap();
            let error = open().unwrap_err().to_string();
            assert!(error.starts_with(path.to_str().unwrap()) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn pairs_that_no_journal_could_give_back_are_refused() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let mut store = Store::open(folder.path(), &emulator, 5, 3).unwrap();
        let longer = Sample { input: vec![0.0; 1 + emulator.input().size()], ..sample(&emulator, 0.0) };
        for (member, pair, expected) in [
            (99, sample(&emulator, 1.0), "pair: expected a member below"),
            (0, longer, "pair: expected ["),
            (0, sample(&emulator, f32::NAN), "pair: expected finite numbers"),
        ] {
            let error = store.offer(member, Kind::New, pair).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(store.is_new() && fs::read(journal_path(folder.path(), 0)).unwrap().is_empty());
    }

    #[test]
    fn a_journal_may_say_that_any_number_came_before() {
        let (emulator, folder) = (sample_clusters(1), tempfile::tempdir().unwrap());
        let open = || Store::open(folder.path(), &emulator, 1, 3).unwrap();
        drop(open());
        let offered = format!("\"offered\":{},", u64::MAX);
        fs::write(journal_path(folder.path(), 0), line(&emulator, "1.5", &offered)).unwrap();
        let mut store = open();
        store.offer(0, Kind::New, sample(&emulator, 2.5)).unwrap();
        assert_eq!((store.samples(0, Kind::New).len(), store.offered(0, Kind::New)), (1, u64::MAX));
    }
}
