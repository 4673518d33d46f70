//! The rope as object-oriented tutorials write it: a vector class, masses that collect forces, springs between masses.

use std::ops::{Add, AddAssign, Mul, Sub};

use super::{AIR_FRICTION, GRAVITY, MASS, REST_LENGTH, SPRING_FRICTION, STEP, STEPS, STIFFNESS, VERTICES};
use crate::kernel::Kernel;

pub(super) fn plan() -> Kernel {
    let mut rope = Simulation::new();
    Kernel::new("rope", 4 * VERTICES, 2 * VERTICES, move |input, output| {
        rope.set_state(input);
        for _ in 0..STEPS {
            rope.operate(STEP);
        }
        for (i, mass) in rope.masses[1..].iter().enumerate() {
            output[i] = mass.position.x - input[i];
            output[VERTICES + i] = mass.position.y - input[VERTICES + i];
        }
    })
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Vector {
    x: f64,
    y: f64,
}

impl Vector {
    fn new(x: f64, y: f64) -> Vector {
        Vector { x, y }
    }

    fn length(self) -> f64 {
        (self.x * self.x + self.y * self.y).sqrt()
    }
}

impl Add for Vector {
    type Output = Vector;
    fn add(self, other: Vector) -> Vector {
        Vector::new(self.x + other.x, self.y + other.y)
    }
}

impl AddAssign for Vector {
    fn add_assign(&mut self, other: Vector) {
        *self = *self + other;
    }
}

impl Sub for Vector {
    type Output = Vector;
    fn sub(self, other: Vector) -> Vector {
        Vector::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Vector {
    type Output = Vector;
    fn mul(self, factor: f64) -> Vector {
        Vector::new(self.x * factor, self.y * factor)
    }
}

#[derive(Clone, Debug, Default)]
struct Mass {
    mass: f64,
    position: Vector,
    velocity: Vector,
    force: Vector,
}

impl Mass {
    fn apply_force(&mut self, force: Vector) {
        self.force += force;
    }

    fn simulate(&mut self, dt: f64) {
        self.velocity += self.force * (1.0 / self.mass) * dt;
        self.position += self.velocity * dt;
    }
}

/// A spring between two masses, by index.
#[derive(Clone, Debug)]
struct Spring {
    upper: usize,
    lower: usize,
    stiffness: f64,
    length: f64,
    friction: f64,
}

impl Spring {
    fn solve(&self, masses: &mut [Mass]) {
        let (upper, lower) = (&masses[self.upper], &masses[self.lower]);
        let along = upper.position - lower.position;
        let distance = along.length();
        let mut force = Vector::default();
        if distance != 0.0 {
            force += along * (1.0 / distance) * (distance - self.length) * -self.stiffness;
        }
        force += (upper.velocity - lower.velocity) * -self.friction;
        masses[self.upper].apply_force(force);
        masses[self.lower].apply_force(force * -1.0);
    }
}

/// Masses and springs; mass 0 is the anchor.
#[derive(Clone, Debug)]
struct Simulation {
    masses: Vec<Mass>,
    springs: Vec<Spring>,
    gravity: Vector,
}

impl Simulation {
    fn new() -> Simulation {
        let springs = (0..VERTICES)
            .map(|i| Spring {
                upper: i,
                lower: i + 1,
                stiffness: STIFFNESS,
                length: REST_LENGTH,
                friction: SPRING_FRICTION,
            })
            .collect();
        let masses = vec![Mass { mass: MASS, ..Mass::default() }; VERTICES + 1];
        Simulation { masses, springs, gravity: Vector::new(0.0, -GRAVITY) }
    }

    fn set_state(&mut self, state: &[f64]) {
        for (i, mass) in self.masses[1..].iter_mut().enumerate() {
            mass.position = Vector::new(state[i], state[VERTICES + i]);
            mass.velocity = Vector::new(state[2 * VERTICES + i], state[3 * VERTICES + i]);
        }
    }

    fn operate(&mut self, dt: f64) {
        for mass in &mut self.masses {
            mass.force = Vector::default();
        }
        self.solve();
        for mass in &mut self.masses {
            mass.simulate(dt);
        }
        self.masses[0] = Mass { mass: MASS, ..Mass::default() };
    }

    fn solve(&mut self) {
        for spring in &self.springs {
            spring.solve(&mut self.masses);
        }
        for mass in &mut self.masses {
            mass.apply_force(self.gravity * mass.mass);
            mass.apply_force(mass.velocity * -AIR_FRICTION);
        }
    }
}
