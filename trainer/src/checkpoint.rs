//! Checkpoints: the state of a training run in a file, so that stopping loses nothing and resuming changes nothing.
//!
//! The files are in the safetensors format, which other programs read: of every layer the weights `[rows, row]` and biases, under
//! `<what>.<layer>.weight` and `.bias`, where `<what>` is `parameters`, `best`, `float` (the result of the float phase, once it is
//! over) or what the optimiser remembers. Everything else is JSON under the key `emeuro` of the metadata, with a hash of it all.

use std::{borrow::Cow, fs, io, path::Path};

use emeuro_golden::FileKind;
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Fingerprint, Memory, Network, Result,
    fit::{Epoch, State},
};

/// The version of the files.
const VERSION: u32 = 2;

/// How files of other versions begin.
const OLD: &[u8] = b"EMEURO checkpoint ";

/// How the header begins, behind its length of eight bytes.
const HEADER: &[u8] = br#"{"__metadata__":{"emeuro":"#;

const CHECKPOINT: FileKind = FileKind { name: "a checkpoint of a training", is: is_checkpoint };

fn is_checkpoint(head: &[u8]) -> bool {
    head.starts_with(OLD) || head.get(8..).is_some_and(|header| header.starts_with(HEADER))
}

/// Removes the checkpoint at `path`. What is no checkpoint, and what a link leads to, stays.
///
/// # Errors
/// A file that cannot be read or removed.
pub fn remove_checkpoint(path: &Path) -> io::Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    match is_file && is_checkpoint(&fs::read(path)?) {
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

/// What is neither weight nor bias. Numbers with fractions are in bits, so that none of them changes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    version: u32,
    fingerprint: String,
    hash: String,
    steps: u64,
    epoch: usize,
    batch: usize,
    best_epoch: usize,
    best_error: u64,
    loss: u64,
    /// Phase, epoch, and the bits of its errors on training and validation frames.
    history: Vec<(String, usize, u64, u64)>,
}

/// A tensor of a file.
struct Tensor<'a> {
    shape: Vec<usize>,
    values: &'a [f32],
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

impl Checkpoint {
    /// Writes the file in one piece, over an earlier checkpoint or nothing. Parameters are those of `network`; the optimiser
    /// remembers what `remembers` names.
    pub(crate) fn save(&self, path: &Path, network: &Network, remembers: &[&str]) -> Result<()> {
        let bytes = self.to_bytes(network, remembers);
        CHECKPOINT.write(path, &bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
    }

    /// Reads the file, if it exists.
    pub(crate) fn load(
        path: &Path,
        fingerprint: u64,
        network: &Network,
        remembers: &[&str],
    ) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
        };
        let wrong = |what| Error::Checkpoint { path: path.to_owned(), what };
        let metadata = metadata(&bytes).map_err(wrong)?;
        let (found, expected) = (&metadata.fingerprint, text(fingerprint));
        if *found != expected {
            return Err(wrong(format!(
                "it belongs to another training run: other data or another specification (fingerprint {found}, expected \
                 {expected}); delete it to start anew"
            )));
        }
        let checkpoint = Self::read(&bytes, metadata, network, remembers);
        let whole = checkpoint.filter(|checkpoint| checkpoint.to_bytes(network, remembers) == bytes);
        whole
            .map(Some)
            .ok_or_else(|| wrong(String::from("it is truncated or damaged; delete it to start anew")))
    }

    fn to_bytes(&self, network: &Network, remembers: &[&str]) -> Vec<u8> {
        let s = &self.state;
        let vectors = [("parameters", &s.parameters), ("best", &s.best)].into_iter();
        let vectors = vectors.chain(self.float.iter().map(|float| ("float", float)));
        let vectors = vectors.chain(remembers.iter().copied().zip(&s.memory.kept));
        let tensors: Vec<(String, Tensor)> =
            vectors.flat_map(|(what, values)| tensors(network, what, values)).collect();
        let history = s
            .history
            .iter()
            .map(|h| (h.phase.to_owned(), h.epoch, h.train.to_bits(), h.validation.to_bits()));
        let mut metadata = Metadata {
            version: VERSION,
            fingerprint: text(self.fingerprint),
            hash: String::new(),
            steps: s.memory.steps,
            epoch: s.epoch,
            batch: s.batch,
            best_epoch: s.best_epoch,
            best_error: s.best_error.to_bits(),
            loss: s.loss.to_bits(),
            history: history.collect(),
        };
        let json = |metadata: &Metadata| serde_json::to_string(metadata).expect("numbers and text are JSON");
        let mut hash = Fingerprint::default();
        hash.add_bytes(json(&metadata).as_bytes());
        let values = tensors.iter().flat_map(|(_, tensor)| tensor.values);
        values.for_each(|value| hash.add(u64::from(value.to_bits())));
        metadata.hash = text(hash.value());
        let metadata = json(&metadata);
        let metadata = Some([("emeuro".to_owned(), metadata)].into());
        let tensors = tensors.iter().map(|(name, tensor)| (name, tensor));
        safetensors::serialize(tensors, metadata).expect("tensors as long as their shapes say")
    }

    fn read(bytes: &[u8], metadata: Metadata, network: &Network, remembers: &[&str]) -> Option<Self> {
        let file = SafeTensors::deserialize(bytes).ok()?;
        let vector = |what: &str| -> Option<Vec<f32>> {
            let mut values = vec![];
            for (name, _, _) in layers(network, what) {
                let (bytes, rest) = file.tensor(&name).ok()?.data().as_chunks::<4>();
                values.extend(bytes.iter().map(|&b| f32::from_le_bytes(b)));
                rest.is_empty().then_some(())?;
            }
            Some(values)
        };
        let history = metadata.history.iter().map(|(phase, epoch, train, validation)| {
            let phase = PHASES.into_iter().find(|known| known == phase)?;
            let [train, validation] = [train, validation].map(|&bits| f64::from_bits(bits));
            Some(Epoch { phase, epoch: *epoch, train, validation })
        });
        let state = State {
            parameters: vector("parameters")?,
            memory: Memory {
                kept: remembers.iter().map(|what| vector(what)).collect::<Option<_>>()?,
                steps: metadata.steps,
            },
            best: vector("best")?,
            best_error: f64::from_bits(metadata.best_error),
            best_epoch: metadata.best_epoch,
            epoch: metadata.epoch,
            batch: metadata.batch,
            loss: f64::from_bits(metadata.loss),
            history: history.collect::<Option<_>>()?,
        };
        let fingerprint = u64::from_str_radix(&metadata.fingerprint, 16).ok()?;
        Some(Self { fingerprint, float: vector("float"), state })
    }
}

/// Fingerprints and hashes as they are written.
fn text(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

fn metadata(bytes: &[u8]) -> std::result::Result<Metadata, String> {
    if bytes.starts_with(OLD) {
        return Err(format!("it was written by another version; expected version {VERSION}"));
    }
    if !is_checkpoint(bytes) {
        return Err(String::from("it is not a checkpoint of this program"));
    }
    let damaged = || String::from("it is truncated or damaged; delete it to start anew");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|_| damaged())?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get("emeuro")).ok_or_else(damaged)?;
    let metadata: Metadata = serde_json::from_str(text).map_err(|_| damaged())?;
    match metadata.version {
        VERSION => Ok(metadata),
        other => Err(format!("it was written by another version, {other}; expected version {VERSION}")),
    }
}

/// Names, places and shapes of the tensors of the layers of `network`.
fn layers(network: &Network, what: &str) -> Vec<(String, std::ops::Range<usize>, Vec<usize>)> {
    let layer = |i: usize| {
        let (name, rows) = (network.name(i), network.rows(i));
        let weights = (format!("{what}.{name}.weight"), network.weights_range(i), vec![rows, network.row(i)]);
        [weights, (format!("{what}.{name}.bias"), network.bias_range(i), vec![rows])]
    };
    network.affine_nodes().flat_map(layer).collect()
}

fn tensors<'a>(network: &Network, what: &str, values: &'a [f32]) -> Vec<(String, Tensor<'a>)> {
    let tensor = |(name, range, shape)| {
        let values: &'a [f32] = values.get::<std::ops::Range<usize>>(range).unwrap_or_default();
        (name, Tensor { shape, values })
    };
    layers(network, what).into_iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Optimiser};

    /// Two layers of 2·1+2 and 1·2+1 parameters.
    fn network() -> Network {
        let mut network = Network::new();
        let x = network.input(1).unwrap();
        let x = network.dense(x, 2).unwrap();
        network.dense(x, 1).unwrap();
        network
    }

    fn names() -> &'static [&'static str] {
        Adam::default().remembers()
    }

    fn checkpoint() -> Checkpoint {
        let parameters = vec![1.0, -2.5, 3.0, 0.5, 0.25, -0.125, 9.0];
        let mut state = State::new(parameters.clone(), &Adam::default(), vec![]);
        state.memory.steps = 77;
        state.memory.kept[1][1] = 0.25;
        state.loss = 0.125;
        state.history.push(Epoch { phase: "float", epoch: 1, train: 0.5, validation: 0.25 });
        state.history.push(Epoch { phase: "tuning", epoch: 0, train: 0.1, validation: 0.2 });
        Checkpoint { fingerprint: 42, float: Some(parameters), state }
    }

    fn load(path: &Path, fingerprint: u64) -> Result<Option<Checkpoint>> {
        Checkpoint::load(path, fingerprint, &network(), names())
    }

    #[test]
    fn every_truncation_and_every_damaged_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.checkpoint");
        for original in [checkpoint(), Checkpoint { float: None, ..checkpoint() }] {
            let bytes = original.to_bytes(&network(), names());
            fs::write(&path, &bytes).unwrap();
            assert_eq!(load(&path, 42).unwrap(), Some(original));
            for n in 0..bytes.len() {
                fs::write(&path, &bytes[..n]).unwrap();
                assert!(load(&path, 42).is_err(), "{n} bytes");
                let mut damaged = bytes.clone();
                damaged[n] ^= 0x10;
                fs::write(&path, damaged).unwrap();
                assert!(load(&path, 42).is_err(), "byte {n}");
            }
        }
    }

    #[test]
    fn other_programs_find_layers_by_name() {
        let bytes = checkpoint().to_bytes(&network(), names());
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor("best.dense_1.weight").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, &[2, 1][..]));
        assert_eq!(tensor.data()[..4], 1.0f32.to_le_bytes());
        assert_eq!(file.tensor("second_moment.dense_2.bias").unwrap().shape(), [1]);
        assert_eq!(file.len(), 5 * 4);
    }

    #[test]
    fn errors_name_the_file_and_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rope.checkpoint");
        assert!(load(&path, 42).unwrap().is_none());
        checkpoint().save(&path, &network(), names()).unwrap();
        let message = |result: Result<Option<Checkpoint>>| result.unwrap_err().to_string();
        let other = message(load(&path, 43));
        assert!(other.contains("rope.checkpoint") && other.contains("another training run"), "{other}");
        assert!(other.contains("000000000000002a, expected 000000000000002b"), "{other}");
        fs::write(&path, "EMEURO checkpoint 1\n...").unwrap();
        assert!(message(load(&path, 42)).contains("version"));
        fs::write(&path, "hello").unwrap();
        assert!(message(load(&path, 42)).contains("not a checkpoint"));
    }

    #[test]
    fn what_is_no_checkpoint_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rope.checkpoint");
        let save = || checkpoint().save(&path, &network(), names());
        save().unwrap();
        save().unwrap();
        remove_checkpoint(&path).unwrap();
        assert!(!path.exists());
        remove_checkpoint(&path).unwrap();
        fs::write(&path, "a place for hikers").unwrap();
        let message = save().unwrap_err().to_string();
        assert!(message.contains("rope.checkpoint") && message.contains("stays"), "{message}");
        remove_checkpoint(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a place for hikers");
    }
}
