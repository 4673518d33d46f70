//! Learning rate over the steps of a phase: linear warm-up, then half a cosine down to zero.

/// Learning-rate schedule of a phase of known length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Schedule {
    /// The highest rate.
    pub(crate) peak: f32,
    /// Steps of linear warm-up.
    pub(crate) warm_up: u64,
    /// Steps of the whole phase.
    pub(crate) steps: u64,
}

impl Schedule {
    /// The rate of step `k`, counted from 0.
    pub(crate) fn rate(&self, k: u64) -> f32 {
        if k < self.warm_up {
            return self.peak * (k + 1) as f32 / (self.warm_up + 1) as f32;
        }
        let progress = (k - self.warm_up) as f64 / (self.steps - self.warm_up).max(1) as f64;
        self.peak * (0.5 + 0.5 * (std::f64::consts::PI * progress.min(1.0)).cos()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_and_decays() {
        let schedule = Schedule { peak: 2.0, warm_up: 9, steps: 109 };
        assert!((schedule.rate(0) - 0.2).abs() < 1e-6);
        assert!((schedule.rate(9) - 2.0).abs() < 1e-6);
        assert!((schedule.rate(59) - 1.0).abs() < 1e-6);
        assert!(schedule.rate(108) < 1e-3);
        assert!((1..9).all(|k| schedule.rate(k) > schedule.rate(k - 1)));
        assert!((10..109).all(|k| schedule.rate(k) < schedule.rate(k - 1)));
    }
}
