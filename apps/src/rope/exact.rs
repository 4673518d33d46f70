//! The rope in structure-of-arrays form: every loop runs over contiguous coordinates and vectorises.

use pulp::{Arch, Simd, WithSimd};

use super::{AIR_FRICTION, GRAVITY, MASS, REST_LENGTH, SPRING_FRICTION, STEP, STEPS, STIFFNESS, VERTICES};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    let arch = Arch::new();
    Kernel::new("rope", 4 * VERTICES, 2 * VERTICES, move |input, output| {
        let mut motion = Motion::new(input);
        arch.dispatch(Advance { motion: &mut motion, steps: STEPS });
        let (dx, dy) = output.split_at_mut(VERTICES);
        for i in 0..VERTICES {
            dx[i] = motion.x[i + 1] - input[i];
            dy[i] = motion.y[i + 1] - input[VERTICES + i];
        }
    })
}

/// State of a rope. Element 0 is the anchor, vertex i is element i + 1.
pub(super) struct Motion {
    x: [f64; VERTICES + 1],
    y: [f64; VERTICES + 1],
    vx: [f64; VERTICES + 1],
    vy: [f64; VERTICES + 1],
}

impl Motion {
    /// The state of an input frame.
    pub(super) fn new(state: &[f64]) -> Motion {
        let part = |k: usize| {
            let mut values = [0.0; VERTICES + 1];
            values[1..].copy_from_slice(&state[k * VERTICES..][..VERTICES]);
            values
        };
        Motion { x: part(0), y: part(1), vx: part(2), vy: part(3) }
    }

    /// Writes the state as an input frame.
    pub(super) fn write(&self, state: &mut [f64]) {
        for (part, values) in state.chunks_exact_mut(VERTICES).zip([&self.x, &self.y, &self.vx, &self.vy]) {
            part.copy_from_slice(&values[1..]);
        }
    }

    /// Advances by `steps` time steps with the widest vectors of this machine.
    pub(super) fn run(&mut self, steps: usize) {
        Arch::new().dispatch(Advance { motion: self, steps });
    }

    /// One time step. `pull` is scratch memory whose last elements stay 0: below the last vertex there is no spring.
    #[inline(always)]
    fn step(&mut self, pull: &mut [[f64; VERTICES + 1]; 2]) {
        let [pull_x, pull_y] = pull;
        // Pull of spring i, which joins elements i and i + 1, on element i.
        for i in 0..VERTICES {
            let (dx, dy) = (self.x[i + 1] - self.x[i], self.y[i + 1] - self.y[i]);
            // Two vertices in one place have no direction to push to; the bound keeps 0/0 away.
            let length = (dx * dx + dy * dy).sqrt().max(1e-12);
            let tension = STIFFNESS - STIFFNESS * REST_LENGTH / length;
            pull_x[i] = tension * dx + SPRING_FRICTION * (self.vx[i + 1] - self.vx[i]);
            pull_y[i] = tension * dy + SPRING_FRICTION * (self.vy[i + 1] - self.vy[i]);
        }
        for i in 0..VERTICES {
            let vertex = i + 1;
            let force_x = pull_x[i + 1] - pull_x[i] - AIR_FRICTION * self.vx[vertex];
            let force_y = pull_y[i + 1] - pull_y[i] - AIR_FRICTION * self.vy[vertex] - MASS * GRAVITY;
            self.vx[vertex] += force_x * (STEP / MASS);
            self.vy[vertex] += force_y * (STEP / MASS);
            self.x[vertex] += self.vx[vertex] * STEP;
            self.y[vertex] += self.vy[vertex] * STEP;
        }
    }
}

/// A type and not a closure: only a function that must be inlined takes on the vector instructions of its caller.
struct Advance<'a> {
    motion: &'a mut Motion,
    steps: usize,
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut pull = [[0.0; VERTICES + 1]; 2];
        for _ in 0..self.steps {
            self.motion.step(&mut pull);
        }
    }
}
