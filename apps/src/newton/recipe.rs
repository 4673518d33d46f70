//! How the Newton emulator is trained: stages of hidden units beside a linear map, and a second linear map that refines it.

use emeuro_trainer::{Function, Network, Phase, TrainingSpec};

use super::{Family, Newton, VARIABLES};
use crate::recipe::{FrameCounts, Recipe, Training, hidden_layers, segments};
use crate::{Application, Result};

/// Hidden units that every quality level adds, the lowest level first.
fn stages(family: Family) -> [usize; 3] {
    match family {
        Family::Base => [38, 44, 50],
        // Point and gradient vary independently, so there is twice as much to know.
        Family::Tilted | Family::Both => [60, 80, 120],
    }
}

pub(super) fn recipe(app: &Newton) -> Result<Recipe> {
    let stages = stages(app.family);
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let mut sum = network.dense(x, VARIABLES)?;
    for (level, width) in stages.into_iter().enumerate() {
        let hidden = hidden_layers(&mut network, x, &[width], Function::Silu)?;
        let more = network.dense(hidden, VARIABLES)?;
        sum = network.add(sum, more)?;
        if level + 1 < stages.len() {
            network.lower_level(sum)?;
        }
    }
    // Most of the direction is linear in the inputs, and rounding that part to 8-bit weights alone would cost as much as all
    // else. A second, finer layer makes up for it, for a tenth more multiply-adds.
    let finer = network.dense(x, VARIABLES)?;
    network.add(sum, finer)?;
    let spec = TrainingSpec {
        batch: 256,
        float: Phase { epochs: 150, rate: 1e-2, patience: None },
        tuning: Phase { epochs: 40, rate: 4e-3, patience: None },
        lower_weight: 0.065,
        // Where there is twice as much to know, slopes along random directions say more than three times the frames would.
        gradients: (app.family != Family::Base).then_some(0.3),
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
