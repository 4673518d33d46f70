//! Checkpoints: the state of a training run in a file, so that stopping loses nothing and resuming changes nothing.
//!
//! Layout, little-endian: the magic line, a fingerprint of specification and data, the phase, the float phase's result (if
//! it is over), the state of the phase under way, and a hash of all that.

use std::{fs, io, path::Path};

use emeuro_golden::FileKind;

use crate::{
    Error, Fingerprint, Result,
    adam::Adam,
    fit::{Epoch, State},
};

const MAGIC: &[u8] = b"EMEURO checkpoint 1\n";
const MAGIC_START: &[u8] = b"EMEURO checkpoint ";

const CHECKPOINT: FileKind =
    FileKind { name: "a checkpoint of a training", is: |head| head.starts_with(MAGIC_START) };

/// Removes the checkpoint at `path`. What is no checkpoint, and what a link leads to, stays.
///
/// # Errors
/// A file that cannot be read or removed.
pub fn remove_checkpoint(path: &Path) -> io::Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    match is_file && fs::read(path)?.starts_with(MAGIC_START) {
        true => fs::remove_file(path),
        false => Ok(()),
    }
}

/// Names of the phases, in order.
pub(crate) const PHASES: [&str; 2] = ["float", "tuning"];

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    /// Of the specification and the data.
    pub(crate) fingerprint: u64,
    /// Best parameters of the float phase; `None` while that is under way.
    pub(crate) float: Option<Vec<f32>>,
    /// The phase under way.
    pub(crate) state: State,
}

impl Checkpoint {
    /// Writes the file in one piece, over an earlier checkpoint or nothing.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes();
        CHECKPOINT.write(path, &bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
    }

    /// Reads the file, if it exists.
    pub(crate) fn load(path: &Path, fingerprint: u64) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
        };
        let checkpoint = Self::from_bytes(&bytes)
            .map_err(|what| Error::Checkpoint { path: path.to_owned(), what: String::from(what) })?;
        if checkpoint.fingerprint != fingerprint {
            let what = "it belongs to another training run: other data or another specification; delete it \
                        to start anew";
            return Err(Error::Checkpoint { path: path.to_owned(), what: String::from(what) });
        }
        Ok(Some(checkpoint))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer(MAGIC.to_vec());
        w.word(self.fingerprint);
        w.word(u64::from(self.float.is_some()));
        w.floats(self.float.as_deref().unwrap_or_default());
        let s = &self.state;
        for floats in [&s.parameters, &s.best, &s.adam.first, &s.adam.second] {
            w.floats(floats);
        }
        for word in [
            s.adam.steps,
            s.epoch as u64,
            s.batch as u64,
            s.best_epoch as u64,
            s.best_error.to_bits(),
            s.loss.to_bits(),
            s.history.len() as u64,
        ] {
            w.word(word);
        }
        for h in &s.history {
            w.word(u64::from(h.phase == PHASES[1]));
            w.word(h.epoch as u64);
            w.word(h.train.to_bits());
            w.word(h.validation.to_bits());
        }
        let hash = hash(&w.0);
        w.word(hash);
        w.0
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, &'static str> {
        if !bytes.starts_with(MAGIC_START) {
            return Err("it is not a checkpoint of this program");
        }
        if !bytes.starts_with(MAGIC) {
            return Err("it was written by another version; expected version 1");
        }
        let (content, tail) = bytes.split_at(bytes.len().saturating_sub(8).max(MAGIC.len()));
        if tail.try_into().ok().map(u64::from_le_bytes) != Some(hash(content)) {
            return Err("it is truncated or damaged");
        }
        Self::read(&mut Reader(&content[MAGIC.len()..])).ok_or("its content is inconsistent")
    }

    fn read(r: &mut Reader) -> Option<Self> {
        let fingerprint = r.word()?;
        let over = r.word()? == 1;
        let float = r.floats()?;
        let [parameters, best, first, second] = [r.floats()?, r.floats()?, r.floats()?, r.floats()?];
        let (steps, epoch, batch, best_epoch) = (r.word()?, r.size()?, r.size()?, r.size()?);
        let (best_error, loss) = (f64::from_bits(r.word()?), f64::from_bits(r.word()?));
        let mut history = Vec::new();
        for _ in 0..r.size()? {
            let phase = PHASES.get(r.size()?)?;
            let epoch = r.size()?;
            let (train, validation) = (f64::from_bits(r.word()?), f64::from_bits(r.word()?));
            history.push(Epoch { phase, epoch, train, validation });
        }
        let same = [&best, &first, &second].iter().all(|v| v.len() == parameters.len());
        let adam = Adam { first, second, steps };
        let state = State { parameters, adam, best, best_error, best_epoch, epoch, batch, loss, history };
        (same && r.0.is_empty()).then_some(Self { fingerprint, float: over.then_some(float), state })
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hash = Fingerprint::default();
    hash.add_bytes(bytes);
    hash.value()
}

struct Writer(Vec<u8>);

impl Writer {
    fn word(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    fn floats(&mut self, floats: &[f32]) {
        self.word(floats.len() as u64);
        self.0.extend(floats.iter().flat_map(|f| f.to_le_bytes()));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    fn floats(&mut self) -> Option<Vec<f32>> {
        let count = self.size()?;
        let (bytes, rest) = self.0.split_at_checked(count.checked_mul(4)?)?;
        self.0 = rest;
        Some(bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let mut state = State::new(vec![1.0, -2.5, 3.0], vec![]);
        state.adam.steps = 77;
        state.adam.second[1] = 0.25;
        state.loss = 0.125;
        state.history.push(Epoch { phase: "float", epoch: 1, train: 0.5, validation: 0.25 });
        state.history.push(Epoch { phase: "tuning", epoch: 0, train: 0.1, validation: 0.2 });
        Checkpoint { fingerprint: 42, float: Some(vec![9.0]), state }
    }

    #[test]
    fn round_trip() {
        let original = checkpoint();
        assert_eq!(Checkpoint::from_bytes(&original.to_bytes()).unwrap(), original);
    }

    #[test]
    fn every_truncation_and_every_damaged_byte_is_noticed() {
        let bytes = checkpoint().to_bytes();
        for n in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..n]).is_err(), "{n} bytes");
            let mut damaged = bytes.clone();
            damaged[n] ^= 0x10;
            assert!(Checkpoint::from_bytes(&damaged).is_err(), "byte {n}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rope.ckpt");
        assert!(Checkpoint::load(&path, 42).unwrap().is_none());
        checkpoint().save(&path).unwrap();
        assert_eq!(Checkpoint::load(&path, 42).unwrap().unwrap(), checkpoint());
        let message = |result: Result<Option<Checkpoint>>| result.unwrap_err().to_string();
        let other = message(Checkpoint::load(&path, 43));
        assert!(other.contains("rope.ckpt") && other.contains("another training run"), "{other}");
        fs::write(&path, "EMEURO checkpoint 2\n...").unwrap();
        assert!(message(Checkpoint::load(&path, 42)).contains("version"));
        fs::write(&path, "hello").unwrap();
        assert!(message(Checkpoint::load(&path, 42)).contains("not a checkpoint"));
    }

    #[test]
    fn what_is_no_checkpoint_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rope.checkpoint");
        checkpoint().save(&path).unwrap();
        checkpoint().save(&path).unwrap();
        remove_checkpoint(&path).unwrap();
        assert!(!path.exists());
        remove_checkpoint(&path).unwrap();
        fs::write(&path, "a place for hikers").unwrap();
        let message = checkpoint().save(&path).unwrap_err().to_string();
        assert!(message.contains("rope.checkpoint") && message.contains("stays"), "{message}");
        remove_checkpoint(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a place for hikers");
    }
}
