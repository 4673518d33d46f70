//! How long every training lasts: counted in steps that follow from the budget, never from a clock, so that the same budget makes the
//! same bytes on a fast machine and on a slow one.

use std::time::Duration;

use super::topology::Topology;
use crate::{Network, Phase, PortSegment, Result, TrainingSpec};

/// Seconds of a step, besides its multiplications.
const STEP: f64 = 4e-5;

/// Seconds of a multiplication for one frame of a step, forwards and backwards.
const MULTIPLICATION: f64 = 0.6e-9;

/// Steps of a training that decides which topologies are worth more.
const SHORT: (f64, f64) = (150.0, 1500.0);

/// Steps of a whole training.
const FULL: (f64, f64) = (400.0, 10_000.0);

/// Frames per step.
const BATCHES: (usize, usize) = (16, 128);

/// Every how many steps of the float phase there is one of tuning.
const TUNING: usize = 4;

/// Epochs at least: frames are left out of shorter trainings before they are seen less often than this.
const EPOCHS: usize = 8;

/// Length of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// To compare.
    Short,
    /// To use.
    Full,
    /// To get as far as possible.
    Long,
}

/// Steps for a budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) budget: Duration,
}

impl Plan {
    /// Steps of the float phase of a network, if the budget is to suffice for all `trainings` of this length.
    pub(super) fn steps(&self, network: &Network, batch: usize, length: Length, trainings: usize) -> usize {
        let step = STEP + (batch * network.macs()) as f64 * MULTIPLICATION;
        // A third of the budget for short trainings, a third for full ones, a third for long ones.
        let seconds = self.budget.as_secs_f64() / 3.0 / trainings.max(1) as f64;
        let (least, most) = match length {
            Length::Short => SHORT,
            Length::Full => FULL,
            Length::Long => (FULL.0, 3.0 * FULL.1),
        };
        let tuned = 1.0 + 1.0 / TUNING as f64;
        (seconds / step / tuned).clamp(least, most) as usize
    }
}

/// Frames per step for so many frames to train on.
pub(super) fn batch(frames: usize) -> usize {
    (frames / 16).next_power_of_two().clamp(BATCHES.0, BATCHES.1)
}

/// Frames that a training of so many steps sees.
pub(super) fn frames(steps: usize, batch: usize, there_are: usize) -> usize {
    (steps * batch / EPOCHS).clamp(1, there_are)
}

/// The specification of a training of `steps` steps on `frames` frames.
pub(super) fn spec(
    name: &str,
    topology: &Topology,
    ports: [&[PortSegment]; 2],
    steps: usize,
    frames: usize,
) -> Result<TrainingSpec> {
    let [inputs, outputs] = ports;
    let size = |segments: &[PortSegment]| segments.iter().map(|s| s.size).sum();
    let network = topology.network(size(inputs), size(outputs))?;
    let batch = batch(frames);
    let per_epoch = (frames / batch).max(1);
    let epochs = steps.div_ceil(per_epoch);
    // The linear path alone starts at its best.
    let float = if topology.hidden.is_empty() { epochs.div_ceil(10) } else { epochs };
    // Wide layers, and bottlenecks, diverge sooner.
    let rate = if topology.widest() > 32 || topology.bottleneck { 1e-2 } else { 2e-2 };
    Ok(TrainingSpec {
        batch,
        float: Phase { epochs: float, rate, patience: None },
        tuning: Phase { epochs: float.div_ceil(TUNING), rate: 4e-3, patience: None },
        lower_weight: 0.02,
        ..TrainingSpec::new(name, network, inputs.to_vec(), outputs.to_vec())
    })
}
