//! How the Newton emulator is trained: a linear map beside one hidden layer.

use emeuro_trainer::{Function, Network, Phase, TrainingSpec};

use super::{Newton, VARIABLES};
use crate::recipe::{FrameCounts, Recipe, Training, hidden_layers, segments};
use crate::{Application, Result};

/// Width of the hidden layer.
const HIDDEN: usize = 128;

pub(super) fn recipe(app: &Newton) -> Result<Recipe> {
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    // Most of the direction is linear in the inputs, and rounding that part to 8-bit weights alone would cost as much as
    // all else. Two layers share it: their sum has a finer grid, for a tenth more multiply-adds (1.4 % instead of 1.8 %).
    let linear = [network.dense(x, VARIABLES)?, network.dense(x, VARIABLES)?];
    let hidden = hidden_layers(&mut network, x, &[HIDDEN], Function::Silu)?;
    let residual = network.dense(hidden, VARIABLES)?;
    let sum = network.add(linear[0], residual)?;
    network.add(linear[1], sum)?;
    let spec = TrainingSpec {
        batch: 256,
        float: Phase { epochs: 100, rate: 1e-2, patience: None },
        tuning: Phase { epochs: 30, rate: 4e-3, patience: None },
        // Large weights of either sign that nearly cancel learn well and round badly.
        weight_decay: 0.03,
        ..TrainingSpec::new(
            app.name(),
            network,
            segments(app.input_signals()),
            segments(app.output_signals()),
        )
    };
    let frames = FrameCounts { train: 50_000, validation: 2000, calibration: 512, test: 5000 };
    Ok(Recipe::Trained(Box::new(Training { spec, frames })))
}
