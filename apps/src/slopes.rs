//! How the exact outputs change along a direction: input gradients as supervision, from the exact code itself.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{Application, Frames, Kernel};

/// Half of the step of the central difference, as a share of the direction: the error is of its square, far below what a network
/// learns, and the rounding of double precision is still farther below.
const STEP: f64 = 1e-3;

/// Number of the directions in the random streams; those of the applications' own streams are all below.
const STREAM: u64 = 0xff;

/// One direction per frame and the slope of the exact outputs along it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slopes {
    /// Directions, row-major `[count][application inputs]`.
    pub directions: Vec<f64>,
    /// Slopes J·direction, row-major `[count][application outputs]`.
    pub slopes: Vec<f64>,
}

/// Slopes at every frame by central differences: two more runs of the exact kernel per frame.
///
/// A direction is the difference of two random frames of the set, so that directions have the covariance of the inputs: what no
/// input does, no direction asks for.
pub fn slopes(app: &dyn Application, frames: &Frames, seed: u64) -> Slopes {
    let (inputs, outputs) = (app.inputs(), app.outputs());
    let mut directions = vec![0.0; frames.inputs.len()];
    let mut slopes = vec![0.0; frames.targets.len()];
    let row = |index: usize| &frames.inputs[index * inputs..][..inputs];
    directions
        .par_chunks_exact_mut(inputs)
        .zip(slopes.par_chunks_exact_mut(outputs))
        .enumerate()
        .for_each_init(
            || (app.plan_exact(), vec![0.0; inputs], vec![0.0; outputs]),
            |(kernel, moved, below): &mut (Kernel, Vec<f64>, Vec<f64>), (frame, (direction, slope))| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(STREAM << 56 | frame as u64);
                let [a, b] = [(); 2].map(|()| row(rng.random_range(0..frames.count)));
                direction.iter_mut().zip(a.iter().zip(b)).for_each(|(d, (a, b))| *d = a - b);
                for (sign, result) in [(-1.0, &mut below[..]), (1.0, &mut *slope)] {
                    let point = row(frame).iter().zip(&*direction);
                    moved.iter_mut().zip(point).for_each(|(m, (x, d))| *m = x + sign * STEP * d);
                    kernel.run(moved, result).expect("rows have the sizes of the application");
                }
                slope.iter_mut().zip(&*below).for_each(|(s, b)| *s = (*s - b) / (2.0 * STEP));
            },
        );
    Slopes { directions, slopes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Newton, Split};

    #[test]
    fn slopes_predict_small_moves() {
        let app = Newton::new();
        let frames = app.frames(Split::Train, 20, 3);
        let made = slopes(&app, &frames, 3);
        assert_eq!(made, slopes(&app, &frames, 3));
        assert_ne!(made.directions, slopes(&app, &frames, 4).directions);
        let mut kernel = app.plan_exact();
        let mut moved = vec![0.0; app.outputs()];
        let (mut error, mut change) = (0.0, 0.0);
        for k in 0..frames.count {
            let rows = |v: &[f64], n: usize| v[k * n..][..n].to_vec();
            let (x, d) = (rows(&frames.inputs, 40), rows(&made.directions, 40));
            let point: Vec<f64> = x.iter().zip(&d).map(|(x, d)| x + 0.01 * d).collect();
            kernel.run(&point, &mut moved).unwrap();
            let (y, slope) = (rows(&frames.targets, 20), rows(&made.slopes, 20));
            for ((moved, y), slope) in moved.iter().zip(&y).zip(&slope) {
                error += (moved - y - 0.01 * slope).powi(2);
                change += (moved - y).powi(2);
            }
        }
        assert!(error < 1e-3 * change, "{error} of {change}");
    }
}
