//! How the exact outputs change along a direction: input gradients as supervision, from the exact code itself.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{Application, Kernel, Split};

/// Half of the step of the central difference: the error is of its square, far below what a network learns, and the rounding of
/// double precision is still farther below.
const STEP: f64 = 1e-4;

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

/// Slopes at the first `count` frames of `split` and `seed` by central differences: two more runs of the exact kernel per frame.
///
/// Directions are those of [`Application::nearby`], along which inputs do vary: what no input does, a network need not know.
/// `None` if the application knows no such direction.
pub fn slopes(app: &dyn Application, split: Split, count: usize, seed: u64) -> Option<Slopes> {
    let (inputs, outputs) = (app.inputs(), app.outputs());
    let mut directions = vec![0.0; count * inputs];
    let mut slopes = vec![0.0; count * outputs];
    let known = directions
        .par_chunks_exact_mut(inputs)
        .zip(slopes.par_chunks_exact_mut(outputs))
        .enumerate()
        .map_init(
            || (app.plan_exact(), vec![0.0; inputs], vec![0.0; outputs]),
            |(kernel, below, result): &mut (Kernel, Vec<f64>, Vec<f64>), (frame, (direction, slope))| {
                let known = app.nearby(split, seed, frame, -STEP, below)
                    && app.nearby(split, seed, frame, STEP, direction);
                kernel.run(below, result).expect("rows have the sizes of the application");
                kernel.run(direction, slope).expect("rows have the sizes of the application");
                for (above, below) in [(direction, &*below), (slope, &*result)] {
                    above.iter_mut().zip(below).for_each(|(a, b)| *a = (*a - b) / (2.0 * STEP));
                }
                known
            },
        );
    known.all(|known| known).then_some(Slopes { directions, slopes })
}

/// The random stream of the direction at a frame.
pub(crate) fn direction_stream(seed: u64, frame: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM << 56 | frame as u64);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, Fft, Newton, Rope};

    #[test]
    fn no_step_is_the_frame_and_slopes_predict_small_steps() {
        let apps: [Box<dyn Application>; 3] =
            [Box::new(Newton::new()), Box::new(Newton::with_family(Family::Tilted)), Box::new(Rope::new())];
        for app in &apps {
            let count = 12;
            let frames = app.frames(Split::Train, count, 3);
            let made = slopes(&**app, Split::Train, count, 3).unwrap();
            assert_eq!(Some(&made), slopes(&**app, Split::Train, count, 3).as_ref());
            let mut kernel = app.plan_exact();
            let (mut input, mut output) = (vec![0.0; app.inputs()], vec![0.0; app.outputs()]);
            let (mut error, mut change) = (0.0, 0.0);
            for k in 0..count {
                let row = |v: &[f64], n: usize| v[k * n..][..n].to_vec();
                assert!(app.nearby(Split::Train, 3, k, 0.0, &mut input));
                assert_eq!(input, row(&frames.inputs, app.inputs()));
                let (x, d) = (input.clone(), row(&made.directions, app.inputs()));
                app.nearby(Split::Train, 3, k, 1e-3, &mut input);
                kernel.run(&input, &mut output).unwrap();
                let (y, slope) = (row(&frames.targets, app.outputs()), row(&made.slopes, app.outputs()));
                for (moved, (still, slope)) in
                    input.iter().zip(x.iter().zip(&d)).chain(output.iter().zip(y.iter().zip(&slope)))
                {
                    error += (moved - still - 1e-3 * slope).powi(2);
                    change += (moved - still).powi(2);
                }
            }
            assert!(error < 1e-3 * change, "{}: {error} of {change}", app.name());
        }
        assert_eq!(slopes(&Fft::new(), Split::Train, 2, 1), None);
    }
}
