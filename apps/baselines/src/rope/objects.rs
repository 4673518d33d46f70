//! The rope as a well-known tutorial designs it: masses on the heap, a simulation that is initialised, solved and simulated.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use emeuro_apps::Rope;

const VERTICES: usize = Rope::VERTICES;

pub(super) fn plan() -> impl FnMut(&[f32], &mut [f32]) + Send + 'static {
    let mut rope = RopeSimulation::new();
    move |input, output| {
        rope.set_state(input);
        for _ in 0..Rope::STEPS {
            rope.operate(Rope::STEP as f32);
        }
        for (i, mass) in rope.masses[1..].iter().enumerate() {
            output[i] = mass.position.x - input[i];
            output[VERTICES + i] = mass.position.y - input[VERTICES + i];
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Vector3 {
    x: f32,
    y: f32,
    z: f32,
}

impl Vector3 {
    fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    fn length(self) -> f32 {
        (self.x * self.x + self.y * self.y + self.z * self.z).sqrt()
    }
}

impl Add for Vector3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vector3 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Vector3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Neg for Vector3 {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y, -self.z)
    }
}

impl Mul<f32> for Vector3 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// A mass that collects forces.
#[derive(Clone, Default)]
struct Mass {
    mass: f32,
    position: Vector3,
    velocity: Vector3,
    force: Vector3,
}

impl Mass {
    fn init(&mut self) {
        self.force = Vector3::default();
    }

    fn apply_force(&mut self, force: Vector3) {
        self.force += force;
    }

    fn simulate(&mut self, dt: f32) {
        self.velocity += self.force * (1.0 / self.mass) * dt;
        self.position += self.velocity * dt;
    }
}

/// A spring between two masses, which it knows by number.
struct Spring {
    masses: [usize; 2],
    stiffness: f32,
    length: f32,
    friction: f32,
}

impl Spring {
    fn solve(&self, masses: &mut [Box<Mass>]) {
        let [upper, lower] = self.masses;
        let along = masses[upper].position - masses[lower].position;
        let distance = along.length();
        let mut force = Vector3::default();
        if distance != 0.0 {
            force += along * (1.0 / distance) * (self.length - distance) * self.stiffness;
        }
        force += (masses[lower].velocity - masses[upper].velocity) * self.friction;
        masses[upper].apply_force(force);
        masses[lower].apply_force(-force);
    }
}

/// Mass 0 is held by the anchor.
struct RopeSimulation {
    #[expect(clippy::vec_box, reason = "an object per mass is the design that this stands for")]
    masses: Vec<Box<Mass>>,
    #[expect(clippy::vec_box, reason = "as above")]
    springs: Vec<Box<Spring>>,
    gravity: Vector3,
    air_friction: f32,
}

impl RopeSimulation {
    fn new() -> Self {
        let mass = Mass { mass: Rope::MASS as f32, ..Mass::default() };
        let spring = |i: usize| Spring {
            masses: [i, i + 1],
            stiffness: Rope::STIFFNESS as f32,
            length: Rope::REST_LENGTH as f32,
            friction: Rope::SPRING_FRICTION as f32,
        };
        Self {
            masses: (0..=VERTICES).map(|_| Box::new(mass.clone())).collect(),
            springs: (0..VERTICES).map(|i| Box::new(spring(i))).collect(),
            gravity: Vector3::new(0.0, -Rope::GRAVITY as f32, 0.0),
            air_friction: Rope::AIR_FRICTION as f32,
        }
    }

    fn set_state(&mut self, state: &[f32]) {
        for (i, mass) in self.masses[1..].iter_mut().enumerate() {
            mass.position = Vector3::new(state[i], state[VERTICES + i], 0.0);
            mass.velocity = Vector3::new(state[2 * VERTICES + i], state[3 * VERTICES + i], 0.0);
        }
    }

    fn operate(&mut self, dt: f32) {
        self.masses.iter_mut().for_each(|mass| mass.init());
        self.solve();
        self.masses.iter_mut().for_each(|mass| mass.simulate(dt));
        self.masses[0].position = Vector3::default();
        self.masses[0].velocity = Vector3::default();
    }

    fn solve(&mut self) {
        for spring in &self.springs {
            spring.solve(&mut self.masses);
        }
        for mass in &mut self.masses {
            mass.apply_force(self.gravity * mass.mass);
            mass.apply_force(mass.velocity * -self.air_friction);
        }
    }
}
