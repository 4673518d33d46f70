//! What can go wrong between a training specification and an emulator.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network graph was put together wrongly.
    #[error("network: {0}")]
    Network(String),
    /// The training specification contradicts itself, the network or the data.
    #[error("training specification of '{name}': {what}")]
    Spec {
        /// Name of the emulator being trained.
        name: String,
        /// What is wrong and what was expected.
        what: String,
    },
    /// A data set is unusable: wrong shape, NaN or infinity, or frames shared between sets.
    #[error("data set '{set}': {what}")]
    Data {
        /// `train`, `validation`, `calibration`, `test`, or the pair that overlaps.
        set: String,
        /// What is wrong and what was expected.
        what: String,
    },
    /// The loss became infinite or NaN.
    #[error("training diverged in epoch {epoch} of the {phase} phase: lower the learning rate")]
    Diverged {
        /// Epoch, counted from 1.
        epoch: usize,
        /// `float` or `tuning`.
        phase: &'static str,
    },
    /// The stop flag was set; the state is in the checkpoint, if one was asked for.
    #[error("training was stopped{}", match .checkpoint {
        Some(path) => format!("; '{}' continues it", path.display()),
        None => String::from(", and no checkpoint was asked for"),
    })]
    Stopped {
        /// The checkpoint that continues this training.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint cannot be used.
    #[error("checkpoint '{}': {what}", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong and what was expected.
        what: String,
    },
    /// A checkpoint cannot be read or written.
    #[error("checkpoint '{}': {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A profile cannot be used.
    #[error("{}: {what}", .path.display())]
    Profile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what was expected.
        what: String,
    },
    /// The numbers of a profile cannot be read.
    #[error(transparent)]
    Table(#[from] emeuro_tables::TableError),
    /// No region, or several, have a name.
    #[error("{0}")]
    Region(String),
    /// The emulator was refused by the golden model.
    #[error(transparent)]
    Golden(#[from] emeuro_golden::EmulatorError),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
