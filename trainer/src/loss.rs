//! Losses: what training makes small.

use std::fmt::Debug;

/// How far outputs are from their targets. Two losses are the same if they print the same.
pub trait Loss: Debug + Send + Sync {
    /// The loss of one frame; its derivatives by the outputs go to `derivative`.
    fn frame(&self, outputs: &[f32], targets: &[f32], frame: &Counted, derivative: &mut [f32]) -> f32;

    /// What is said of the loss of a number of frames, and compared: `total` is their sum, `spread` the weighted sum of squares of
    /// their targets around the mean of each output.
    fn summary(&self, total: f64, frames: usize, spread: f64) -> f64 {
        let _ = spread;
        total / frames as f64
    }

    /// Whether outputs estimate their targets, so that an NRMSE means something.
    fn estimates(&self) -> bool {
        true
    }

    /// Such a summary for people.
    fn text(&self, summary: f64) -> String {
        format!("{summary:.4}")
    }
}

/// What the numbers of a frame mean, and how much they count.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// Weight of every output's squared error that makes the sum of all frames relative to the spread of the targets.
    pub weights: &'a [f32],
    /// Factor from every number to the physical one, and what is added then.
    pub physical: [&'a [f32]; 2],
    /// 1 where an output counts, 0 where not; `None`: all count.
    pub mask: Option<&'a [f32]>,
}

impl Counted<'_> {
    /// Whether output `k` counts: 1 or 0.
    fn share(&self, k: usize) -> f32 {
        self.mask.map_or(1.0, |mask| mask[k])
    }

    /// The physical number that `value` is for output `k`.
    fn physical(&self, k: usize, value: f32) -> f32 {
        value * self.physical[0][k] + self.physical[1][k]
    }
}

/// Mean square error, relative to the spread of the targets: the square of the NRMSE.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanSquare;

impl Loss for MeanSquare {
    fn frame(&self, outputs: &[f32], targets: &[f32], frame: &Counted, derivative: &mut [f32]) -> f32 {
        let mut sum = 0f32;
        let errors = derivative.iter_mut().zip(outputs.iter().zip(targets)).zip(frame.weights);
        match frame.mask {
            None => errors.for_each(|((d, (y, t)), w)| {
                *d = w * (y - t);
                sum += *d * (y - t);
                *d *= 2.0;
            }),
            Some(mask) => errors.zip(mask).for_each(|(((d, (y, t)), w), m)| {
                *d = m * w * (y - t);
                sum += *d * (y - t);
                *d *= 2.0;
            }),
        }
        sum
    }

    fn summary(&self, total: f64, _frames: usize, spread: f64) -> f64 {
        (total / spread).sqrt()
    }

    fn text(&self, summary: f64) -> String {
        format!("{:.2} %", 100.0 * summary)
    }
}

/// Mean square of errors relative to the size of the target, for outputs over many orders of magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relative {
    /// Physical targets smaller than this count as if they were as large.
    pub floor: f64,
}

impl Loss for Relative {
    fn frame(&self, outputs: &[f32], targets: &[f32], frame: &Counted, derivative: &mut [f32]) -> f32 {
        let mut sum = 0f32;
        for (k, d) in derivative.iter_mut().enumerate() {
            let size = frame.physical(k, targets[k]).abs().max(self.floor as f32);
            let scale = frame.physical[0][k] / size;
            let error = (outputs[k] - targets[k]) * scale;
            *d = 2.0 * frame.share(k) * error * scale;
            sum += frame.share(k) * error * error;
        }
        sum
    }

    /// Root mean square of the relative errors.
    fn summary(&self, total: f64, frames: usize, _spread: f64) -> f64 {
        (total / frames as f64).sqrt()
    }
}

/// Cross-entropy of the softmax of the outputs, for classifiers: targets are the probabilities of the classes. The class of the
/// largest output is the most probable one; the softmax itself need not be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy;

impl Loss for CrossEntropy {
    fn frame(&self, outputs: &[f32], targets: &[f32], frame: &Counted, derivative: &mut [f32]) -> f32 {
        let counts = |k: usize| frame.share(k) > 0.0;
        let score = |k: usize| frame.physical(k, outputs[k]);
        let classes = || (0..outputs.len()).filter(|&k| counts(k));
        let largest = classes().map(score).fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = classes().map(|k| (score(k) - largest).exp()).sum();
        let mass: f32 = classes().map(|k| frame.physical(k, targets[k])).sum();
        let mut loss = 0f32;
        for (k, d) in derivative.iter_mut().enumerate() {
            if !counts(k) {
                *d = 0.0;
                continue;
            }
            let (logarithm, target) = (score(k) - largest - total.ln(), frame.physical(k, targets[k]));
            loss -= target * logarithm;
            *d = (mass * logarithm.exp() - target) * frame.physical[0][k];
        }
        loss
    }

    fn estimates(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derivative is the difference quotient of the loss.
    fn check(loss: &dyn Loss, targets: &[f32], mask: Option<&[f32]>) {
        let outputs = [0.3f32, -0.7, 1.9];
        let frame =
            Counted { weights: &[1.0, 0.5, 2.0], physical: [&[2.0, 1.0, 0.5], &[0.1, -0.2, 0.0]], mask };
        let (mut derivative, mut unused) = ([0f32; 3], [0f32; 3]);
        loss.frame(&outputs, targets, &frame, &mut derivative);
        for (k, &d) in derivative.iter().enumerate() {
            let mut at = |step: f32| {
                let mut moved = outputs;
                moved[k] += step;
                loss.frame(&moved, targets, &frame, &mut unused)
            };
            let quotient = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (quotient - d).abs() < 1e-2 * d.abs().max(0.1),
                "{loss:?}, output {k}: {d} against {quotient}"
            );
        }
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        for mask in [None, Some(&[1.0, 0.0, 1.0][..])] {
            check(&MeanSquare, &[1.0, 0.5, -1.0], mask);
            check(&Relative { floor: 0.05 }, &[1.0, 0.5, -1.0], mask);
            check(&CrossEntropy, &[-0.05, 1.2, 0.0], mask);
        }
    }

    #[test]
    fn cross_entropy_is_least_where_the_scores_are_the_logarithms() {
        let frame = Counted { weights: &[1.0; 2], physical: [&[1.0; 2], &[0.0; 2]], mask: None };
        let mut derivative = [0f32; 2];
        let scores = [0.25f32.ln(), 0.75f32.ln()];
        let entropy = CrossEntropy.frame(&scores, &[0.25, 0.75], &frame, &mut derivative);
        assert!((entropy - 0.5623).abs() < 1e-3, "{entropy}");
        assert!(derivative.iter().all(|d| d.abs() < 1e-6), "{derivative:?}");
        assert!(CrossEntropy.frame(&[900.0, -900.0], &[1.0, 0.0], &frame, &mut derivative) == 0.0);
    }
}
