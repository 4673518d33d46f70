//! How the rope emulator is trained: through a bottleneck on either side of a linear map beside two hidden layers.

use emeuro_trainer::{Function, Network, Phase, TrainingSpec};

use super::Rope;
use crate::recipe::{FrameCounts, Recipe, Training, hidden_layers, segments};
use crate::{Application, Result};

/// Coordinates that the state of a rope is reduced to.
const STATE: usize = 32;
/// Hidden layers.
const HIDDEN: [usize; 2] = [128, 64];
/// Coordinates that the displacement is made of.
const MODES: usize = 16;

pub(super) fn recipe(app: &Rope) -> Result<Recipe> {
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let state = network.dense(x, STATE)?;
    let linear = network.dense(state, MODES)?;
    let hidden = hidden_layers(&mut network, state, &HIDDEN, Function::Relu)?;
    let residual = network.dense(hidden, MODES)?;
    let modes = network.add(linear, residual)?;
    network.dense(modes, app.outputs())?;
    let spec = TrainingSpec {
        float: Phase { epochs: 80, rate: 4e-3, patience: None },
        tuning: Phase { epochs: 30, rate: 1e-2, patience: None },
        ..TrainingSpec::new(
            app.name(),
            network,
            segments(app.input_signals()),
            segments(app.output_signals()),
        )
    };
    let frames = FrameCounts { train: 20_000, validation: 1000, calibration: 512, test: 2000 };
    Ok(Recipe::Trained(Box::new(Training { spec, frames })))
}
