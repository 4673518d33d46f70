//! Training, quantisation-aware tuning and export of emulators.
//!
//! 1. A [`Network`] is a small typed graph with the words of the emulator graph; all its numbers are physical.
//! 2. [`Datasets`] are four disjoint sets of [`Frames`], each for one purpose.
//! 3. Float training works in partially whitened coordinates ([`Whitening`]) that are folded into the first layers, and
//!    starts linear paths at the regression.
//! 4. [`quantise`] lays a network out in fixed point: powers of two chosen by the end-to-end error on calibration frames.
//! 5. Tuning trains the integers that will be exported, through the golden model's own rounding.
//! 6. [`train`] does it all for a [`TrainingSpec`]; a [`Session`] shows progress, stops and resumes without changing a byte.
//! 7. Quality levels ([`Network::lower_level`]) are outputs of one network, trained together: a level's hidden vectors serve all
//!    higher ones.
//! 8. [`retrain`] lets an emulator's integers go on learning; [`cluster`] splits an emulator into members by what it sees, and
//!    [`retrain_member`] changes one of them.
//! 9. Where the exact code knows its derivatives, slopes are learnt beside values ([`Frames::with_slopes`]).
//! 10. [`search`] chooses among many ways to make an emulator, by error and cost.
//! 11. [`general`] does all that for functions of which nothing is known but pairs of inputs and outputs.
//! 12. [`profile`] picks the regions of a program that are worth emulating, and makes their emulators.

mod checkpoint;
mod cluster;
mod curve;
mod dataset;
mod equalise;
mod error;
mod export;
mod feedback;
mod fit;
mod fixed;
mod fold;
mod function;
pub mod general;
mod gradient;
mod linear;
mod loss;
mod moments;
mod network;
mod ops;
mod optimiser;
mod outlet;
mod predict;
pub mod profile;
mod quantise;
mod retrain;
mod rounded;
mod rounding;
mod schedule;
pub mod search;
mod session;
mod spec;
mod tangent;
mod train;
mod whiten;

pub use checkpoint::remove_checkpoint;
pub use cluster::{Clustered, Clustering, cluster};
pub use curve::{Curve, Interpolated};
pub(crate) use dataset::Fingerprint;
pub use dataset::{Datasets, Frames};
pub use error::{Error, Result};
pub use export::{nrmse_float, nrmse_golden, nrmse_golden_at};
pub use fit::Epoch;
pub use function::Function;
pub use loss::{Counted, CrossEntropy, Loss, MeanSquare, Relative};
pub use network::{Floats, Network, Parameters};
pub use optimiser::{Adam, Group, Memory, Momentum, Optimiser};
pub use quantise::quantise;
pub use retrain::{Retrained, Retraining, retrain, retrain_member};
pub use schedule::{Constant, Cosine, Schedule};
pub use session::{Checkpointing, Session};
pub use spec::{Phase, PortSegment, Quantisation, TrainingSpec};
pub use train::{Trained, train};
pub use whiten::Whitening;
