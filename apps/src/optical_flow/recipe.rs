//! How the optical-flow emulator is trained: a dense network over all 512 grey levels, errors masked.

use emeuro_trainer::{Function, Network, Phase, PortSegment, TrainingSpec};

use super::OpticalFlow;
use crate::recipe::{FrameCounts, Recipe, Training, hidden_layers, segments};
use crate::{Application, Result};

/// Hidden layers. There is no linear path: flow doesn't change when both patches are negated, so that no linear map
/// of the grey levels says anything about it.
const HIDDEN: [usize; 2] = [128, 80];

pub(super) fn recipe(app: &OpticalFlow) -> Result<Recipe> {
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let hidden = hidden_layers(&mut network, x, &HIDDEN, Function::Silu)?;
    network.dense(hidden, app.outputs())?;
    let grey = |segment: PortSegment| segment.within(1.0);
    let inputs = segments(app.input_signals()).into_iter().map(grey).collect();
    let spec = TrainingSpec {
        float: Phase { epochs: 25, rate: 2e-3, patience: None },
        tuning: Phase { epochs: 3, rate: 1e-2, patience: None },
        ..TrainingSpec::new(app.name(), network, inputs, segments(app.output_signals()))
    };
    let frames = FrameCounts { train: 120_000, validation: 2000, calibration: 512, test: 2000 };
    Ok(Recipe::Trained(Box::new(Training { spec, frames })))
}
