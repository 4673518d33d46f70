//! A swinging rope: where its vertices are half a second later.

mod exact;
mod recipe;
mod reference;
mod release;

use crate::application::{Application, Signal};
use crate::frames::{Frames, Source, Split, stream};
use crate::kernel::Kernel;
use crate::recipe::{Clusters, Recipe, Training};
use crate::slopes::direction_stream;

pub use release::Release;

/// Moving vertices; vertex 0 hangs on the anchor.
const VERTICES: usize = 100;
/// Mass of a vertex, kg.
const MASS: f64 = 0.05;
/// Spring constant, N/m.
const STIFFNESS: f64 = 1e4;
/// Length of a spring without load, m: the rope is 5 m long.
const REST_LENGTH: f64 = 0.05;
/// Friction inside a spring, per relative velocity of its ends, N·s/m.
const SPRING_FRICTION: f64 = 0.2;
/// Friction of a vertex in the air, N·s/m.
const AIR_FRICTION: f64 = 0.02;
/// Gravitational acceleration, m/s².
const GRAVITY: f64 = 9.81;
/// Time step, s. The stiffest wave has ω·STEP = 1.79; the integrator is stable below 2.
const STEP: f64 = 0.002;
/// Steps of a frame: 0.5 s.
const STEPS: usize = 250;

/// The `rope` application; a frame is one moment of one trajectory.
///
/// 100 point masses hang in a vertical plane on a chain of springs from a fixed anchor. State: positions relative
/// to the anchor and velocities. Forces: springs with inner friction, gravity, air friction; integration: 250
/// semi-implicit Euler steps of 2 ms. The constants are those of the rope of the NeHe tutorials (lesson 40).
///
/// Input (400): position = x\[100\] then y\[100\] in metres from the anchor, y upwards; velocity = the same in m/s.
/// Output (200): displacement = x\[100\] then y\[100\], position after 0.5 s minus position now, metres.
/// Displacement is the quantity because a rope that is taken to stand still scores a small error in position.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rope {
    release: Release,
}

impl Rope {
    /// Moving vertices; the first hangs on the anchor.
    pub const VERTICES: usize = VERTICES;
    /// Mass of a vertex, kg.
    pub const MASS: f64 = MASS;
    /// Spring constant, N/m.
    pub const STIFFNESS: f64 = STIFFNESS;
    /// Length of a spring without load, m.
    pub const REST_LENGTH: f64 = REST_LENGTH;
    /// Friction inside a spring, per relative velocity of its ends, N·s/m.
    pub const SPRING_FRICTION: f64 = SPRING_FRICTION;
    /// Friction of a vertex in the air, N·s/m.
    pub const AIR_FRICTION: f64 = AIR_FRICTION;
    /// Gravitational acceleration, m/s².
    pub const GRAVITY: f64 = GRAVITY;
    /// Time step, s.
    pub const STEP: f64 = STEP;
    /// Time steps of a frame.
    pub const STEPS: usize = STEPS;

    /// The application with ropes that are released as usual.
    pub fn new() -> Rope {
        Rope::default()
    }

    /// The application with the frames of ropes that are released so; the kernels are the same.
    pub fn with_release(release: Release) -> Rope {
        Rope { release }
    }

    /// How its emulator is learnt.
    pub(crate) fn training(&self) -> crate::Result<Training> {
        recipe::training(self)
    }

    /// How its emulator with members is made.
    pub(crate) fn clusters(&self) -> Clusters {
        recipe::clusters()
    }
}

impl Application for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn title(&self) -> &'static str {
        "Motion of a 100-vertex rope within half a second"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[
            Signal { name: "position", unit: "m", size: 2 * VERTICES },
            Signal { name: "velocity", unit: "m/s", size: 2 * VERTICES },
        ]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "displacement", unit: "m", size: 2 * VERTICES }]
    }

    fn plan_exact(&self) -> Kernel {
        exact::plan()
    }

    fn plan_reference(&self) -> Kernel {
        reference::plan()
    }

    /// Every frame is a rope of its own. It is released at rest, stretched by its weight; its angle to the vertical is
    /// uniform in ±30° (or from 30° to 45° to either side, see [`Release`]) in the middle and changes evenly along the rope, by up
    /// to ±30° from end to end. It has swung for a time uniform in 0 to 4 s when the frame is taken.
    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        Frames::generate(self, count, |frame, state| {
            let release = self.release.of_frame(frame);
            release::random_state(release, &mut stream(Source::Rope, split, seed, frame), state);
            release.kind()
        })
    }

    /// The rope is released at other angles and seen at another moment.
    fn nearby(&self, split: Split, seed: u64, frame: usize, step: f64, state: &mut [f64]) -> bool {
        let mut rng = stream(Source::Rope, split, seed, frame);
        let aside = release::Aside::new(&mut direction_stream(seed, frame), step);
        release::state_beside(self.release.of_frame(frame), &mut rng, &aside, state);
        true
    }

    fn recipe(&self) -> crate::Result<Recipe> {
        Ok(Recipe::Trained(Box::new(self.training()?)))
    }

    fn search_space(&self) -> crate::Result<crate::SearchSpace> {
        crate::search::rope_space(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::relative_error;

    /// Sum of kinetic energy, height and spring energy, J.
    fn energy(state: &[f64]) -> f64 {
        let (position, velocity) = state.split_at(2 * VERTICES);
        let (x, y) = position.split_at(VERTICES);
        let kinetic: f64 = velocity.iter().map(|v| MASS / 2.0 * v * v).sum();
        let height: f64 = y.iter().map(|y| MASS * GRAVITY * y).sum();
        let springs: f64 = (0..VERTICES)
            .map(|i| {
                let (x0, y0) = if i == 0 { (0.0, 0.0) } else { (x[i - 1], y[i - 1]) };
                STIFFNESS / 2.0 * ((x[i] - x0).hypot(y[i] - y0) - REST_LENGTH).powi(2)
            })
            .sum();
        kinetic + height + springs
    }

    #[test]
    fn both_kernels_agree() {
        let frames = Rope::new().frames(Split::Test, 4, 1);
        let mut reference = Rope::new().plan_reference();
        let mut output = [0.0; 2 * VERTICES];
        for (input, target) in frames.inputs.chunks_exact(400).zip(frames.targets.chunks_exact(200)) {
            reference.run(input, &mut output).unwrap();
            assert!(relative_error(target, &output) < 1e-9);
        }
    }

    #[test]
    fn a_rope_that_hangs_straight_stays() {
        let mut state = [0.0; 4 * VERTICES];
        release::at_rest(|_| 0.0, &mut state);
        let mut displacement = [1.0; 2 * VERTICES];
        Rope::new().exact(&state, &mut displacement).unwrap();
        assert!(displacement.iter().all(|d| d.abs() < 1e-9), "{displacement:?}");
    }

    /// A hanging chain swings in its first mode with ω = (j₀/2)·√(g/L), j₀ = 2.404826 the first zero of J₀, and the
    /// shape J₀(j₀·√(s/L)), s measured from the free end (Bernoulli 1732; Lamb, Dynamics, §120).
    #[test]
    fn small_swings_follow_the_hanging_chain() {
        let j0 = |x: f64| {
            let (mut term, mut sum) = (1.0, 1.0);
            for k in 1..30 {
                term *= -(x * x / 4.0) / (k * k) as f64;
                sum += term;
            }
            sum
        };
        let mut state = [0.0; 4 * VERTICES];
        release::at_rest(|_| 0.0, &mut state);
        let length = -state[2 * VERTICES - 1];
        for i in 0..VERTICES {
            let from_end = length + state[VERTICES + i];
            state[i] = 0.01 * j0(2.404826 * (from_end / length).sqrt());
        }
        let mut displacement = [0.0; 2 * VERTICES];
        Rope::new().exact(&state, &mut displacement).unwrap();
        let omega = 2.404826 / 2.0 * (GRAVITY / length).sqrt();
        let decay = AIR_FRICTION / MASS / 2.0;
        let time = STEP * STEPS as f64;
        let swing = (-decay * time).exp() * ((omega * time).cos() + decay / omega * (omega * time).sin());
        let truth: Vec<f64> = state[..VERTICES].iter().map(|x| x * (swing - 1.0)).collect();
        let error = relative_error(&displacement[..VERTICES], &truth);
        assert!(error < 0.03, "{error}");
    }

    #[test]
    fn energy_only_decreases() {
        let mut rng = stream(Source::Rope, Split::Test, 3, 0);
        let mut state = [0.0; 4 * VERTICES];
        release::random_state(Release::Usual, &mut rng, &mut state);
        let before = energy(&state);
        let mut motion = exact::Motion::new(&state);
        motion.run(STEPS);
        motion.write(&mut state);
        let after = energy(&state);
        let mut hanging = [0.0; 4 * VERTICES];
        release::at_rest(|_| 0.0, &mut hanging);
        let floor = energy(&hanging);
        assert!(floor < after && after < before, "{floor} {after} {before}");
        // Air friction alone takes at most 1 - exp(-2·0.4·0.5) of the energy above the floor.
        assert!(after - floor > 0.5 * (before - floor), "{floor} {after} {before}");
    }
}
