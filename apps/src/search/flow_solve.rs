//! The last subroutine of optical flow as a region of its own: a small network that all pixels share learns it from values
//! that were observed at its boundary.

use emeuro_trainer::{Function, Network, Phase, PortSegment, TrainingSpec};

use crate::{
    Application, FrameCounts, Frames, Kernel, OpticalFlow, Recipe, Result, Signal, Split, Training,
    optical_flow::{FLOW, MARGIN, PATCH, REGULARISATION, WINDOW},
    recipe::hidden_layers,
};

/// Pixels that are taken from a pair of patches.
const PIXELS: usize = 8;

/// The solution of one pixel's system.
///
/// Input (4): the normalised sums c, s, p, q. Output (2): the flow u, v. Frames are well-conditioned pixels of `optical_flow`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FlowSolve;

impl Application for FlowSolve {
    fn name(&self) -> &'static str {
        "flow_solve"
    }

    fn title(&self) -> &'static str {
        "Solution of the regularised 2x2 system of one pixel"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[Signal { name: "normalised", unit: "1", size: 4 }]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "flow", unit: "px", size: 2 }]
    }

    fn plan_exact(&self) -> Kernel {
        Kernel::new("flow_solve", 4, 2, |input, output| {
            let [c, s, p, q] = [input[0], input[1], input[2], input[3]];
            let w = -2.0 / (1.0 - c * c - s * s).max(0.125);
            output[0] = (p - c * p + s * q) * w;
            output[1] = (q + c * q + s * p) * w;
        })
    }

    /// Cramer's rule for (1 + c, -s; -s, 1 - c)·(u, v) = -2·(p, q).
    fn plan_reference(&self) -> Kernel {
        Kernel::new("flow_solve", 4, 2, |input, output| {
            let [c, s, p, q] = [input[0], input[1], input[2], input[3]];
            let (a, b, d) = (1.0 + c, -s, 1.0 - c);
            let determinant = (a * d - b * b).max(0.125);
            output[0] = -2.0 * (d * p - b * q) / determinant;
            output[1] = -2.0 * (a * q - b * p) / determinant;
        })
    }

    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        let mut pixels: Vec<[f64; 4]> = vec![];
        let mut pairs = count.div_ceil(PIXELS).max(1);
        // Some pairs have few well-conditioned pixels: twice as many pairs begin with the same ones.
        while pixels.len() < count {
            let frames = OpticalFlow.frames(split, pairs, seed);
            let mask = frames.mask.as_deref().unwrap_or_default();
            let pairs_with_masks =
                frames.inputs.chunks_exact(2 * PATCH * PATCH).zip(mask.chunks_exact(2 * FLOW * FLOW));
            pixels = pairs_with_masks.flat_map(|(patches, mask)| observed(patches, mask)).collect();
            pairs *= 2;
        }
        Frames::generate(self, count, |frame, input| {
            input.copy_from_slice(&pixels[frame]);
            "well conditioned"
        })
    }

    fn recipe(&self) -> Result<Recipe> {
        Ok(Recipe::Trained(Box::new(training(16)?)))
    }
}

/// Normalised sums of some well-conditioned pixels of a pair of patches.
fn observed(patches: &[f64], mask: &[bool]) -> Vec<[f64; 4]> {
    let counting: Vec<usize> = (0..FLOW * FLOW).filter(|&pixel| mask[pixel]).collect();
    let every = counting.len().div_ceil(PIXELS).max(1);
    counting.into_iter().step_by(every).map(|pixel| normalised(patches, pixel)).collect()
}

/// c, s, p and q of a pixel.
fn normalised(patches: &[f64], pixel: usize) -> [f64; 4] {
    let at = |x: usize, y: usize| patches[y * PATCH + x];
    let [mut xx, mut yy, mut xy, mut xt, mut yt] = [0.0; 5];
    for (dy, dx) in (0..WINDOW).flat_map(|dy| (0..WINDOW).map(move |dx| (dy, dx))) {
        let (x, y) = (pixel % FLOW + MARGIN + dx - WINDOW / 2, pixel / FLOW + MARGIN + dy - WINDOW / 2);
        let ix = (at(x + 1, y) - at(x - 1, y)) / 2.0;
        let iy = (at(x, y + 1) - at(x, y - 1)) / 2.0;
        let it = patches[PATCH * PATCH + y * PATCH + x] - at(x, y);
        xx += ix * ix;
        yy += iy * iy;
        xy += ix * iy;
        xt += ix * it;
        yt += iy * it;
    }
    let t = (1.0 + 2.0 * REGULARISATION) * (xx + yy);
    [(xx - yy) / t, -2.0 * xy / t, xt / t, yt / t]
}

/// The training of a network with one hidden layer.
pub(super) fn training(hidden: usize) -> Result<Training> {
    let mut network = Network::new();
    let x = network.input(4)?;
    let last = hidden_layers(&mut network, x, &[hidden], Function::Silu)?;
    network.dense(last, 2)?;
    let spec = TrainingSpec {
        batch: 256,
        float: Phase { epochs: 80, rate: 1e-2, patience: None },
        tuning: Phase { epochs: 12, rate: 4e-3, patience: None },
        linear_start: false,
        // The vectors of the emulator around it have these ranges.
        ..TrainingSpec::new(
            "flow_solve",
            network,
            vec![PortSegment::new("normalised", "1", 4).within(3.9)],
            vec![PortSegment::new("flow", "px", 2).within(3.9)],
        )
    };
    let frames = FrameCounts { train: 20_000, validation: 2000, calibration: 512, test: 2000 };
    Ok(Training { spec, frames })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kernels_agree_and_give_the_flow_of_the_region() {
        let frames = FlowSolve.frames(Split::Validation, 64, 1);
        let mut output = [0.0; 2];
        for (input, target) in frames.inputs.chunks_exact(4).zip(frames.targets.chunks_exact(2)) {
            FlowSolve.reference(input, &mut output).unwrap();
            assert!(output.iter().zip(target).all(|(a, b)| (a - b).abs() < 1e-12), "{output:?} {target:?}");
        }
        let whole = OpticalFlow.frames(Split::Validation, 2, 1);
        for (frame, patches) in whole.inputs.chunks_exact(512).enumerate() {
            let counts = |pixel: &usize| whole.mask.as_ref().unwrap()[200 * frame + pixel];
            for pixel in (0..100).filter(counts) {
                FlowSolve.exact(&normalised(patches, pixel), &mut output).unwrap();
                for (part, value) in output.iter().enumerate() {
                    assert!((value - whole.targets[200 * frame + 100 * part + pixel]).abs() < 1e-9);
                }
            }
        }
    }
}
