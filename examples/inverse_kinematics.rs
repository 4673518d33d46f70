//! A robot follows a path: six joint angles for every place and direction of its hand.
//!
//! ```text
//! cargo run --release --example inverse_kinematics
//! EMEURO_MODE=exact cargo run --release --example inverse_kinematics
//! EMEURO_MODE=profile cargo run --release --example inverse_kinematics
//! ```
//!
//! An elbow manipulator with a spherical wrist has a closed solution: M. Spong, S. Hutchinson, M. Vidyasagar, "Robot Modeling and Control"
//! (2006), sections 3.2.5 and 3.3. Its emulator gives all six angles in a few matrices, and is a unit of plain multiply-accumulates
//! in hardware. For arms that have no closed solution and are solved step by step, see what `emeuro new` writes.

mod program;

use std::process::ExitCode;

use emeuro_regions::{Frame, Mode, approximate};
use program::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// From the floor to the shoulder, upper arm, forearm (to the centre of the wrist), hand; metres.
const LENGTHS: [f64; 4] = [0.40, 0.45, 0.40, 0.10];

/// A rotation, row by row.
type Rotation = [[f64; 3]; 3];

/// Where the hand is.
#[derive(Clone, Copy, Debug, Frame)]
struct Pose {
    /// Of the tip of the hand, metres.
    place: [f64; 3],
    /// From the hand's coordinates to those of the room; the hand points along its z.
    rotation: Rotation,
}

/// The joint angles for a pose, elbow up; the first three place the wrist, the others turn the hand.
#[approximate(name = "inverse_kinematics")]
fn solve(pose: Pose) -> [f64; 6] {
    let [base, upper, lower, hand] = LENGTHS;
    let [x, y, z]: [f64; 3] = std::array::from_fn(|k| pose.place[k] - hand * pose.rotation[k][2]);
    // The plane of the arm, and in it two links: the law of cosines.
    let turn = y.atan2(x);
    let (out, up) = (x.hypot(y), z - base);
    let cosine = (out * out + up * up - upper * upper - lower * lower) / (2.0 * upper * lower);
    let cosine = cosine.clamp(-1.0, 1.0);
    let elbow = -(1.0 - cosine * cosine).sqrt().atan2(cosine);
    let shoulder = up.atan2(out) - (lower * elbow.sin()).atan2(upper + lower * elbow.cos());
    // What is left for the wrist: Euler angles z, y, z.
    let wrist = product(transposed(forearm(turn, shoulder, elbow)), pose.rotation);
    let nod = wrist[0][2].hypot(wrist[1][2]).atan2(wrist[2][2]);
    let roll = wrist[1][2].atan2(wrist[0][2]);
    let twist = wrist[2][1].atan2(-wrist[2][0]);
    [turn, shoulder, elbow, roll, nod, twist]
}

/// The pose for joint angles.
fn forward(joints: [f64; 6]) -> Pose {
    let [base, upper, lower, hand] = LENGTHS;
    let [turn, shoulder, elbow, roll, nod, twist] = joints;
    let out = upper * shoulder.cos() + lower * (shoulder + elbow).cos();
    let up = upper * shoulder.sin() + lower * (shoulder + elbow).sin();
    let wrist = product(product(about_z(roll), about_y(nod)), about_z(twist));
    let rotation = product(forearm(turn, shoulder, elbow), wrist);
    let centre = [out * turn.cos(), out * turn.sin(), base + up];
    Pose { place: std::array::from_fn(|k| centre[k] + hand * rotation[k][2]), rotation }
}

/// The coordinates of the forearm: z along it.
fn forearm(turn: f64, shoulder: f64, elbow: f64) -> Rotation {
    product(about_z(turn), about_y(std::f64::consts::FRAC_PI_2 - shoulder - elbow))
}

fn about_z(angle: f64) -> Rotation {
    let (sin, cos) = angle.sin_cos();
    [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]
}

fn about_y(angle: f64) -> Rotation {
    let (sin, cos) = angle.sin_cos();
    [[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]]
}

fn product(a: Rotation, b: Rotation) -> Rotation {
    std::array::from_fn(|row| std::array::from_fn(|column| (0..3).map(|k| a[row][k] * b[k][column]).sum()))
}

fn transposed(a: Rotation) -> Rotation {
    std::array::from_fn(|row| std::array::from_fn(|column| a[column][row]))
}

/// Lowest and highest angles of the work: in front of the robot, the wrist bent.
const WORK: [[f64; 2]; 6] = [[-1.0, 1.0], [0.4, 1.5], [-2.0, -0.7], [-0.6, 0.6], [0.5, 1.4], [-0.8, 0.8]];

/// Joint angles on the way from posture to posture.
fn path(count: usize, seed: u64) -> Vec<[f64; 6]> {
    const STEPS: usize = 8;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut posture = || WORK.map(|[low, high]| rng.random_range(low..high));
    let mut joints = vec![];
    let mut from = posture();
    while joints.len() < count {
        let to = posture();
        joints.extend((0..STEPS).map(|step| {
            let part = step as f64 / STEPS as f64;
            std::array::from_fn(|joint| from[joint] + part * (to[joint] - from[joint]))
        }));
        from = to;
    }
    joints.truncate(count);
    joints
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up_file("inverse_kinematics", "examples/emulators/inverse_kinematics.yaml")?;
    // What the emulator has learnt from is not what it is measured on.
    let seed = if region.mode() == Mode::Profile { 1 } else { 2 };
    let poses: Vec<Pose> = path(20_000, seed).into_iter().map(forward).collect();
    let mut joints = vec![];
    program::compare(region, 6, || {
        joints = poses.iter().map(|&pose| solve(pose)).collect();
        joints.concat()
    })?;
    let misses = poses.iter().zip(&joints).map(|(pose, &joints)| distance(forward(joints).place, pose.place));
    println!("the hand misses by {:.1} mm on average", 1e3 * misses.sum::<f64>() / poses.len() as f64);
    Ok(())
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_is_where_the_path_came_from() {
        for joints in path(1000, 3) {
            let found = solve(forward(joints));
            for (found, joint) in found.iter().zip(joints) {
                assert!((found - joint).abs() < 1e-9, "{joints:?}: {found:?}");
            }
        }
    }

    #[test]
    fn a_stretched_arm_points_where_it_shall() {
        let pose = forward([0.0; 6]);
        let reach = LENGTHS[1] + LENGTHS[2] + LENGTHS[3];
        assert!(distance(pose.place, [reach, 0.0, LENGTHS[0]]) < 1e-12, "{pose:?}");
    }

    #[test]
    fn the_emulator_that_is_checked_in_is_as_good_as_it_says() {
        let emulator =
            emeuro_golden::Emulator::parse(include_str!("emulators/inverse_kinematics.yaml"), "").unwrap();
        let path = path(5000, 4);
        let emulated = path.iter().flat_map(|&joints| {
            let mut input = [0.0; Pose::SIZE];
            forward(joints).write(&mut input);
            emulator.run_values(&input).unwrap()
        });
        let found = emeuro_golden::nrmse(&path.concat(), &emulated.collect::<Vec<_>>(), 6).unwrap();
        let stated = emulator.provenance().nrmse.unwrap();
        assert!(found < 1.25 * stated, "{found} {stated}");
    }
}
