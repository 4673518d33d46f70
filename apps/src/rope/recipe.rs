//! How the rope emulators are trained: stages that each see the rope through a bottleneck and add to the modes of its displacement.

use emeuro_golden::VectorId;
use emeuro_trainer::{Clustering, Function, Network, Phase, Retraining, TrainingSpec};

use super::Rope;
use crate::recipe::{Clusters, FrameCounts, Training, hidden_layers, segments};
use crate::{Application, Result};

/// A quality level: what it computes beyond the level before it.
struct Stage {
    /// Coordinates that it reduces the state of a rope to.
    state: usize,
    /// Its hidden layers.
    hidden: [usize; 2],
}

/// The quality levels, the lowest first.
const STAGES: [Stage; 3] = [
    Stage { state: 10, hidden: [48, 16] },
    Stage { state: 10, hidden: [64, 32] },
    Stage { state: 12, hidden: [96, 48] },
];

/// Coordinates that the displacement is made of.
const MODES: usize = 16;

pub(super) fn training(app: &Rope) -> Result<Training> {
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let mut modes: Option<VectorId> = None;
    for (level, stage) in STAGES.iter().enumerate() {
        let state = network.dense(x, stage.state)?;
        let before = match modes {
            Some(modes) => modes,
            None => network.dense(state, MODES)?,
        };
        let hidden = hidden_layers(&mut network, state, &stage.hidden, Function::Relu)?;
        let more = network.dense(hidden, MODES)?;
        let sum = network.add(before, more)?;
        // Every level has a last layer of its own: adding 200 words would take as many clocks as computing them, and what only
        // lower levels need costs the higher ones nothing.
        let displacement = network.dense(sum, app.outputs())?;
        if level + 1 < STAGES.len() {
            network.lower_level(displacement)?;
        }
        modes = Some(sum);
    }
    let spec = TrainingSpec {
        float: Phase { epochs: 40, rate: 4e-3, patience: None },
        tuning: Phase { epochs: 25, rate: 1e-2, patience: None },
        lower_weight: 0.2,
        // Directions in which ropes hardly differ would get weights that eight bits cannot hold beside the others.
        weight_decay: 0.02,
        ..TrainingSpec::new(
            app.name(),
            network,
            segments(app.input_signals()),
            segments(app.output_signals()),
        )
    };
    let frames = FrameCounts { train: 60_000, validation: 2000, calibration: 512, test: 2000 };
    Ok(Training { spec, frames })
}

/// How the emulator with members is made: the coordinates of the lowest level, to which a rope is reduced first, tell the
/// clusters apart.
pub(super) fn clusters() -> Clusters {
    Clusters {
        trunk: "dense_1",
        clustering: Clustering {
            members: 12,
            // Ropes that swing wider are not far from the usual ones: a tenth of a per cent would let nearly all of them pass.
            outside: 1e-2,
            retraining: Retraining { epochs: 15, rate: 5e-3, ..Retraining::default() },
            ..Clustering::default()
        },
    }
}
