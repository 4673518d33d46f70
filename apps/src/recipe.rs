//! How the emulator of an application comes to be: from the mathematics, or from frames.

use emeuro_golden::{EmulatorError, VectorId};
use emeuro_trainer::{Clustering, Function, Network, PortSegment, Quantisation, TrainingSpec};

use crate::{Analytic, Signal};

/// How an emulator comes to be.
#[derive(Clone, Debug)]
pub enum Recipe {
    /// It follows from the mathematics of the region: nothing is learnt, frames only measure the error.
    Analytic {
        /// Computes the emulator for the given widths of weights and activations.
        build: fn(Quantisation) -> Result<Analytic, EmulatorError>,
        /// Test frames.
        test: usize,
    },
    /// It is learnt from frames of the exact kernel.
    Trained(Box<Training>),
}

/// What a trained emulator is learnt from, and how.
#[derive(Clone, Debug)]
pub struct Training {
    /// Network, ports and schedule; seed, quantisation and provenance are those of the build.
    pub spec: TrainingSpec,
    /// Frames of every split.
    pub frames: FrameCounts,
}

/// How an emulator with members is made from the highest quality level of a trained one.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    /// The layer whose words tell the clusters apart.
    pub(crate) trunk: &'static str,
    /// How it is split.
    pub(crate) clustering: Clustering,
}

/// Numbers of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameCounts {
    /// To fit weights.
    pub train: usize,
    /// To decide when to stop and what to keep.
    pub validation: usize,
    /// To choose fixed-point formats.
    pub calibration: usize,
    /// To measure the error that is quoted.
    pub test: usize,
}

/// Port segments with the names and units of `signals`, their ranges taken from the data.
pub(crate) fn segments(signals: &[Signal]) -> Vec<PortSegment> {
    signals.iter().map(|signal| PortSegment::new(signal.name, signal.unit, signal.size)).collect()
}

/// Hidden layers of `widths` on `input`, with `function` after each.
pub(crate) fn hidden_layers(
    network: &mut Network,
    input: VectorId,
    widths: &[usize],
    function: Function,
) -> emeuro_trainer::Result<VectorId> {
    widths.iter().try_fold(input, |x, &width| {
        let sums = network.dense(x, width)?;
        network.activate(sums, function)
    })
}
