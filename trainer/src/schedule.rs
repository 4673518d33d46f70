//! Schedules: the learning rate over the steps of a phase.

use std::fmt::Debug;

/// Learning rate of a phase of known length. Two schedules are the same if they print the same.
pub trait Schedule: Debug + Send + Sync {
    /// The rate, 0 to `peak`, at `step` (counted from 0) of `steps`.
    fn rate(&self, peak: f32, step: u64, steps: u64) -> f32;
}

/// Linear warm-up, then half a cosine down to zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// Share of the steps that warm up.
    pub warm_up: f64,
}

impl Schedule for Cosine {
    fn rate(&self, peak: f32, step: u64, steps: u64) -> f32 {
        let warm_up = (steps as f64 * self.warm_up) as u64;
        if step < warm_up {
            return peak * (step + 1) as f32 / (warm_up + 1) as f32;
        }
        let progress = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
        peak * (0.5 + 0.5 * (std::f64::consts::PI * progress.min(1.0)).cos()) as f32
    }
}

/// The peak throughout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Constant;

impl Schedule for Constant {
    fn rate(&self, peak: f32, _step: u64, _steps: u64) -> f32 {
        peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_and_decays() {
        let rate = |step| Cosine { warm_up: 9.5 / 109.0 }.rate(2.0, step, 109);
        assert!((rate(0) - 0.2).abs() < 1e-6);
        assert!((rate(9) - 2.0).abs() < 1e-6);
        assert!((rate(59) - 1.0).abs() < 1e-6);
        assert!(rate(108) < 1e-3);
        assert!((1..9).all(|k| rate(k) > rate(k - 1)));
        assert!((10..109).all(|k| rate(k) < rate(k - 1)));
        assert_eq!((Constant.rate(0.5, 0, 10), Constant.rate(0.5, 9, 10)), (0.5, 0.5));
    }
}
