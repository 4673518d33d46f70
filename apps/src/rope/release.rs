//! How ropes start: held still at an angle and bent, let go, seen after a random time.

use rand::{Rng, RngExt};

use super::exact::Motion;
use super::{GRAVITY, MASS, REST_LENGTH, STIFFNESS, VERTICES};

/// How far ropes are deflected when they are released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// By up to 30° to either side: what the emulator is trained on.
    #[default]
    Usual,
    /// By 30° to 45° to either side.
    WideAngle,
    /// One frame in so many, at least 2, as these, the others as those.
    Both {
        /// How many.
        every: usize,
    },
}

impl Release {
    /// How the rope of frame `frame` is released.
    pub(super) fn of_frame(self, frame: usize) -> Self {
        match self {
            Self::Both { every } if (frame + 1).is_multiple_of(every) => Self::WideAngle,
            Self::Both { .. } => Self::Usual,
            one => one,
        }
    }

    /// What such frames are called.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::WideAngle => "wide angle",
            Self::Usual | Self::Both { .. } => "swinging",
        }
    }

    /// Angle to the vertical in the middle of the rope, rad.
    fn angle(self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Usual | Self::Both { .. } => rng.random_range(-MAX_ANGLE..MAX_ANGLE),
            Self::WideAngle => {
                let angle = rng.random_range(MAX_ANGLE..WIDE_ANGLE);
                if rng.random() { angle } else { -angle }
            }
        }
    }
}

/// Largest usual angle of the rope to the vertical when it is released, rad.
const MAX_ANGLE: f64 = 30.0 * std::f64::consts::PI / 180.0;
/// Largest of the wide angles, rad.
const WIDE_ANGLE: f64 = 45.0 * std::f64::consts::PI / 180.0;
/// Largest difference of the angles at the two ends, rad.
const MAX_BEND: f64 = 30.0 * std::f64::consts::PI / 180.0;
/// Longest time between release and frame, steps: 4 s, a little more than one swing (3.7 s).
const MAX_STEPS: usize = 2000;

/// A state of a random trajectory, as an input frame.
///
/// The rope is released at rest. Its angle to the vertical is uniform in the range of `release` in the middle and changes evenly
/// along the rope, by a difference uniform in ±30° between the ends. It then moves for a time uniform in 0 to 4 s, so that
/// every phase of the swing occurs with either sign of the velocity.
pub(super) fn random_state(release: Release, rng: &mut impl Rng, state: &mut [f64]) {
    state_beside(release, rng, &Aside::default(), state);
}

/// What is different about a rope beside another one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aside {
    /// Added to the angle in the middle, rad.
    angle: f64,
    /// Added to the difference of the angles at the ends, rad.
    bend: f64,
    /// Time by which it is seen later, steps.
    later: f64,
}

impl Aside {
    /// A random difference, `step` times as large as those between ropes.
    pub(super) fn new(rng: &mut impl Rng, step: f64) -> Self {
        let mut part = |largest: f64| step * rng.random_range(-largest..largest);
        // In a fifth of the longest time a rope swings about as far as two ropes differ.
        Self { angle: part(MAX_ANGLE), bend: part(MAX_BEND), later: part(MAX_STEPS as f64 / 5.0) }
    }
}

/// A state of a random trajectory that is changed by `aside`.
pub(super) fn state_beside(release: Release, rng: &mut impl Rng, aside: &Aside, state: &mut [f64]) {
    let angle = release.angle(rng) + aside.angle;
    let bend = rng.random_range(-MAX_BEND..MAX_BEND) + aside.bend;
    at_rest(|along| angle + bend * (along - 0.5), state);
    let mut motion = Motion::new(state);
    motion.run(rng.random_range(0..=MAX_STEPS));
    motion.write(state);
    if aside.later != 0.0 {
        // Between two moments: the way is straight for the short times that slopes are taken over.
        let mut next = vec![0.0; state.len()];
        motion.run(1);
        motion.write(&mut next);
        state.iter_mut().zip(&next).for_each(|(s, n)| *s += aside.later * (n - *s));
    }
}

/// A rope held still; `angle` gives the angle to the vertical at a place from 0 (anchor) to 1 (free end).
///
/// Every spring is as long as the weight below it makes it at its angle: a rope without that stretch would start with
/// a jolt along its length that no hanging rope has.
pub(super) fn at_rest(angle: impl Fn(f64) -> f64, state: &mut [f64]) {
    state.fill(0.0);
    let (mut x, mut y) = (0.0, 0.0);
    for i in 0..VERTICES {
        let angle = angle(i as f64 / (VERTICES - 1) as f64);
        let load = MASS * GRAVITY * (VERTICES - i) as f64 * angle.cos();
        let length = REST_LENGTH + load / STIFFNESS;
        x += length * angle.sin();
        y -= length * angle.cos();
        state[i] = x;
        state[VERTICES + i] = y;
    }
}
