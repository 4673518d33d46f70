//! Ropes swing, and at every moment the program wants to know where they will be half a second later.
//!
//! ```text
//! cargo run --release --example rope                # 8 ropes, 2 s
//! cargo run --release --example rope states.csv     # rows of 400 numbers: x[100], y[100], their velocities
//! EMEURO_MODE=check:10 cargo run --release --example rope
//! ```
//!
//! A rope is 100 masses on a chain of springs (the constants are those of the rope of the NeHe tutorials, lesson 40). What is emulated is
//! the look ahead of 250 steps; the ropes themselves move by the exact code.

mod program;

use std::process::ExitCode;

use emeuro_regions::approximate;
use program::Result;

const VERTICES: usize = 100;
const MASS: f64 = 0.05;
const STIFFNESS: f64 = 1e4;
const REST_LENGTH: f64 = 0.05;
const SPRING_FRICTION: f64 = 0.2;
const AIR_FRICTION: f64 = 0.02;
const GRAVITY: f64 = 9.81;
/// Seconds per step.
const STEP: f64 = 0.002;

/// Where the vertices are, relative to the anchor, and how fast they move: x of all, then y of all, in metres and seconds.
#[derive(Clone)]
struct Rope {
    position: [f64; 2 * VERTICES],
    velocity: [f64; 2 * VERTICES],
}

impl Rope {
    /// Held still at `angle` to the vertical, and bent by `bend` from end to end.
    fn held(angle: f64, bend: f64) -> Self {
        let mut position = [0.0; 2 * VERTICES];
        let (mut x, mut y) = (0.0, 0.0);
        for i in 0..VERTICES {
            let angle = angle + bend * (i as f64 / (VERTICES - 1) as f64 - 0.5);
            // Stretched by the weight below.
            let load = MASS * GRAVITY * (VERTICES - i) as f64 * angle.cos();
            x += (REST_LENGTH + load / STIFFNESS) * angle.sin();
            y -= (REST_LENGTH + load / STIFFNESS) * angle.cos();
            (position[i], position[VERTICES + i]) = (x, y);
        }
        Self { position, velocity: [0.0; 2 * VERTICES] }
    }

    /// Moves by one step: springs, gravity, friction.
    fn step(&mut self) {
        let (x, y) = self.position.split_at_mut(VERTICES);
        let (vx, vy) = self.velocity.split_at_mut(VERTICES);
        // Of the spring above each vertex on it, and nothing below the last.
        let mut pull = [[0.0; 2]; VERTICES + 1];
        let mut above = [0.0; 4];
        for i in 0..VERTICES {
            let (dx, dy) = (x[i] - above[0], y[i] - above[1]);
            let length = (dx * dx + dy * dy).sqrt().max(1e-12);
            let tension = STIFFNESS - STIFFNESS * REST_LENGTH / length;
            pull[i] = [
                tension * dx + SPRING_FRICTION * (vx[i] - above[2]),
                tension * dy + SPRING_FRICTION * (vy[i] - above[3]),
            ];
            above = [x[i], y[i], vx[i], vy[i]];
        }
        for i in 0..VERTICES {
            vx[i] += (pull[i + 1][0] - pull[i][0] - AIR_FRICTION * vx[i]) * STEP / MASS;
            vy[i] += (pull[i + 1][1] - pull[i][1] - AIR_FRICTION * vy[i] - MASS * GRAVITY) * STEP / MASS;
            x[i] += vx[i] * STEP;
            y[i] += vy[i] * STEP;
        }
    }
}

/// How far every vertex will have moved half a second later.
#[approximate]
fn look_ahead(position: &[f64; 2 * VERTICES], velocity: &[f64; 2 * VERTICES]) -> [f64; 2 * VERTICES] {
    let mut rope = Rope { position: *position, velocity: *velocity };
    for _ in 0..250 {
        rope.step();
    }
    std::array::from_fn(|i| rope.position[i] - position[i])
}

/// Looks ahead for every rope, ten times a second.
fn swing(ropes: &[Rope], seconds: f64) -> Vec<f64> {
    let mut seen = vec![];
    for rope in ropes {
        let mut rope = rope.clone();
        for _ in 0..=(10.0 * seconds) as usize {
            seen.extend(look_ahead(&rope.position, &rope.velocity));
            (0..50).for_each(|_| rope.step());
        }
    }
    seen
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up("look_ahead", "rope")?;
    let (ropes, seconds) = match std::env::args().nth(1) {
        None => (
            (0..8).map(|k| Rope::held(0.12 * f64::from(k) - 0.4, 0.1 * f64::from(k % 5) - 0.2)).collect(),
            2.0,
        ),
        Some(path) => {
            let rope = |row: &Vec<f64>| Rope {
                position: std::array::from_fn(|i| row[i]),
                velocity: std::array::from_fn(|i| row[2 * VERTICES + i]),
            };
            (program::read_rows(&path, 4 * VERTICES)?.iter().map(rope).collect::<Vec<_>>(), 0.0)
        }
    };
    let mut far: f64 = 0.0;
    program::compare(region, 2 * VERTICES, || {
        let seen = swing(&ropes, seconds);
        far = seen.iter().fold(0.0, |far, way| way.abs().max(far));
        seen
    })?;
    println!("In half a second, no vertex moves further than {far:.2} m.");
    Ok(())
}
