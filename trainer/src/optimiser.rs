//! Optimisers: how a gradient changes the parameters.

use std::{fmt::Debug, ops::Range};

/// How one stretch of the parameter vector is updated.
#[derive(Clone, Debug)]
pub struct Group {
    /// Parameters of this group.
    pub range: Range<usize>,
    /// Multiplies the learning rate: the size of a typical parameter of this group.
    pub scale: f32,
    /// Whether weight decay applies (weights, not biases).
    pub decays: bool,
}

/// What an optimiser remembers: numbers per parameter, and how many steps it has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Vectors as long as that of the parameters.
    pub kept: Vec<Vec<f32>>,
    /// Steps taken.
    pub steps: u64,
}

/// How a gradient changes the parameters. Two optimisers are the same if they print the same.
pub trait Optimiser: Debug + Send + Sync {
    /// What it remembers per parameter, by name; zero before the first step.
    fn remembers(&self) -> &'static [&'static str];

    /// One update of all `groups` at learning rate `rate`; `decay` is the share of its weights that a group that decays loses, per
    /// rate.
    fn step(
        &self,
        memory: &mut Memory,
        parameters: &mut [f32],
        gradient: &[f32],
        groups: &[Group],
        rate: f32,
        decay: f32,
    );

    /// What it remembers of `parameters` parameters before the first step.
    fn memory(&self, parameters: usize) -> Memory {
        Memory { kept: self.remembers().iter().map(|_| vec![0.0; parameters]).collect(), steps: 0 }
    }
}

/// Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moments of the gradient.
    pub beta_1: f32,
    /// Decay of the second moments.
    pub beta_2: f32,
    /// Added to the root of the second moments.
    pub epsilon: f32,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 }
    }
}

impl Optimiser for Adam {
    fn remembers(&self) -> &'static [&'static str] {
        &["first_moment", "second_moment"]
    }

    fn step(
        &self,
        memory: &mut Memory,
        parameters: &mut [f32],
        gradient: &[f32],
        groups: &[Group],
        rate: f32,
        decay: f32,
    ) {
        let Self { beta_1, beta_2, epsilon } = *self;
        let Memory { kept, steps } = memory;
        let [first, second] = &mut kept[..] else { unreachable!("Adam remembers two vectors") };
        *steps += 1;
        // Bias corrections; the powers underflow to zero after many steps, which is their limit.
        let exponent = i32::try_from(*steps).unwrap_or(i32::MAX);
        let correct_1 = 1.0 / (1.0 - beta_1.powi(exponent));
        let correct_2 = 1.0 / (1.0 - beta_2.powi(exponent));
        for group in groups {
            let keep = if group.decays { 1.0 - rate * decay } else { 1.0 };
            let rate = rate * group.scale;
            let r = group.range.clone();
            let moments = first[r.clone()].iter_mut().zip(&mut second[r.clone()]);
            for ((p, &g), (m, v)) in parameters[r.clone()].iter_mut().zip(&gradient[r]).zip(moments) {
                *m = beta_1 * *m + (1.0 - beta_1) * g;
                *v = beta_2 * *v + (1.0 - beta_2) * g * g;
                *p = keep * *p - rate * (*m * correct_1) / ((*v * correct_2).sqrt() + epsilon);
            }
        }
    }
}

/// Gradient descent with momentum (Polyak 1964).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// Share of the last step that the next one keeps.
    pub keeps: f32,
}

impl Optimiser for Momentum {
    fn remembers(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn step(
        &self,
        memory: &mut Memory,
        parameters: &mut [f32],
        gradient: &[f32],
        groups: &[Group],
        rate: f32,
        decay: f32,
    ) {
        let velocity = &mut memory.kept[0];
        memory.steps += 1;
        for group in groups {
            let keep = if group.decays { 1.0 - rate * decay } else { 1.0 };
            let (rate, r) = (rate * group.scale, group.range.clone());
            let pairs = parameters[r.clone()].iter_mut().zip(&gradient[r.clone()]);
            for ((p, &g), v) in pairs.zip(&mut velocity[r]) {
                *v = self.keeps * *v + g;
                *p = keep * *p - rate * *v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_has_the_size_of_the_rate() {
        let adam = Adam::default();
        let mut memory = adam.memory(2);
        let mut parameters = [1.0, 1.0];
        let groups = [
            Group { range: 0..1, scale: 1.0, decays: false },
            Group { range: 1..2, scale: 10.0, decays: true },
        ];
        adam.step(&mut memory, &mut parameters, &[5.0, -0.01], &groups, 1e-3, 0.1);
        assert!((parameters[0] - 0.999).abs() < 1e-6);
        assert!((parameters[1] - (0.9999 + 0.01)).abs() < 1e-6);
    }

    #[test]
    fn reaches_the_minimum_of_a_badly_scaled_quadratic() {
        let adam = Adam::default();
        let mut memory = adam.memory(2);
        let mut p = [3.0f32, -2.0];
        let groups = [Group { range: 0..2, scale: 1.0, decays: false }];
        for k in 0..3000 {
            let g = [100.0 * (p[0] - 1.0), 0.01 * (p[1] - 1.0)];
            adam.step(&mut memory, &mut p, &g, &groups, 1e-2 * (1.0 - k as f32 / 3000.0), 0.0);
        }
        assert!((p[0] - 1.0).abs() < 1e-2 && (p[1] - 1.0).abs() < 1e-2, "{p:?}");
    }

    #[test]
    fn momentum_reaches_the_minimum_too() {
        let momentum = Momentum { keeps: 0.9 };
        let (mut memory, mut p) = (momentum.memory(2), [3.0f32, -2.0]);
        let groups = [Group { range: 0..2, scale: 1.0, decays: false }];
        for _ in 0..500 {
            let g = [p[0] - 1.0, 0.5 * (p[1] - 1.0)];
            momentum.step(&mut memory, &mut p, &g, &groups, 0.05, 0.0);
        }
        assert_eq!(memory.steps, 500);
        assert!((p[0] - 1.0).abs() < 1e-3 && (p[1] - 1.0).abs() < 1e-3, "{p:?}");
    }
}
