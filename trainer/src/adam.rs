//! Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019).

use std::ops::Range;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// How one stretch of the parameter vector is updated.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Parameters of this group.
    pub(crate) range: Range<usize>,
    /// Multiplies the learning rate: the size of a typical parameter of this group.
    pub(crate) scale: f32,
    /// Whether weight decay applies (weights, not biases).
    pub(crate) decays: bool,
}

/// First and second moments of the gradient, and the number of steps taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Adam {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    pub(crate) steps: u64,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// One update of all `groups` at learning rate `rate`.
    pub(crate) fn step(
        &mut self,
        parameters: &mut [f32],
        gradient: &[f32],
        groups: &[Group],
        rate: f32,
        decay: f32,
    ) {
        self.steps += 1;
        // Bias corrections; the powers underflow to zero after many steps, which is their limit.
        let exponent = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let correct_1 = 1.0 / (1.0 - BETA_1.powi(exponent));
        let correct_2 = 1.0 / (1.0 - BETA_2.powi(exponent));
        for group in groups {
            let keep = if group.decays { 1.0 - rate * decay } else { 1.0 };
            let rate = rate * group.scale;
            let r = group.range.clone();
            let moments = self.first[r.clone()].iter_mut().zip(&mut self.second[r.clone()]);
            for ((p, &g), (m, v)) in parameters[r.clone()].iter_mut().zip(&gradient[r]).zip(moments) {
                *m = BETA_1 * *m + (1.0 - BETA_1) * g;
                *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
                *p = keep * *p - rate * (*m * correct_1) / ((*v * correct_2).sqrt() + EPSILON);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_has_the_size_of_the_rate() {
        let mut adam = Adam::new(2);
        let mut parameters = [1.0, 1.0];
        let groups = [
            Group { range: 0..1, scale: 1.0, decays: false },
            Group { range: 1..2, scale: 10.0, decays: true },
        ];
        adam.step(&mut parameters, &[5.0, -0.01], &groups, 1e-3, 0.1);
        assert!((parameters[0] - 0.999).abs() < 1e-6);
        assert!((parameters[1] - (0.9999 + 0.01)).abs() < 1e-6);
    }

    #[test]
    fn reaches_the_minimum_of_a_badly_scaled_quadratic() {
        let mut adam = Adam::new(2);
        let mut p = [3.0f32, -2.0];
        let groups = [Group { range: 0..2, scale: 1.0, decays: false }];
        for k in 0..3000 {
            let g = [100.0 * (p[0] - 1.0), 0.01 * (p[1] - 1.0)];
            adam.step(&mut p, &g, &groups, 1e-2 * (1.0 - k as f32 / 3000.0), 0.0);
        }
        assert!((p[0] - 1.0).abs() < 1e-2 && (p[1] - 1.0).abs() < 1e-2, "{p:?}");
    }
}
