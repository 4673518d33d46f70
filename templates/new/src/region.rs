//! The function that an emulator stands in for. Put your own in its place: see README.md.

use emeuro_regions::approximate;

/// What the function takes: where the hand shall be, x and y in metres, and its direction in radians.
pub(crate) type Input = [f64; 3];

/// What it gives: the angles of the four joints in radians, each relative to the link before.
pub(crate) type Output = [f64; 4];

/// Lengths of the links in metres, from the shoulder to the hand.
pub(crate) const LINKS: [f64; 4] = [0.35, 0.30, 0.25, 0.12];

/// Lowest and highest angle of every joint, radians.
const LIMITS: [[f64; 2]; 4] = [[-0.6, 2.6], [-2.6, 0.3], [-2.4, 0.8], [-1.9, 1.9]];

/// The posture that the arm likes best.
const REST: [f64; 4] = [1.3, -1.0, -0.7, -0.3];

/// The joint angles that bring the hand of an arm to a place and a direction: inverse kinematics.
///
/// Four joints for three numbers: of all solutions within the joint limits, the one nearest to the posture at rest. There is no
/// closed formula. It is solved as in practice: damped least squares with the posture in the null space, from several starts, of which
/// the best end counts (Y. Nakamura, H. Hanafusa, "Inverse kinematic solutions with singularity robustness", 1986; damping by the
/// remaining error: T. Sugihara, "Solvability-unconcerned inverse kinematics by the Levenberg–Marquardt method", 2011; starts and choice
/// as in P. Beeson, B. Ames, "TRAC-IK", 2015).
#[approximate]
pub(crate) fn reach(target: Input) -> Output {
    let mut best = (f64::INFINITY, REST);
    for start in STARTS {
        let (miss, joints) = descend(target, start);
        // A hand that misses is worse than any posture.
        let cost = norm(minus(joints, REST)) + 1e6 * (miss - TOLERANCE).max(0.0);
        if cost < best.0 {
            best = (cost, joints);
        }
    }
    best.1
}

/// Where the arm begins to look for a solution: at rest, stretched, folded, elbow up and down.
const STARTS: [[f64; 4]; 6] = [
    REST,
    [0.3, 0.0, 0.0, 0.0],
    [2.2, -2.2, -0.4, 0.5],
    [1.8, -0.4, -1.8, 0.8],
    [0.2, -0.2, 0.6, -1.2],
    [2.4, -1.4, -1.6, -1.2],
];

/// The hand is where it shall be: metres and radians.
const TOLERANCE: f64 = 1e-6;

/// Goes from one posture to the nearest solution; how far the hand still misses, and the joints.
fn descend(target: Input, start: Output) -> (f64, Output) {
    let mut joints = start;
    for _ in 0..100 {
        let (pose, jacobian) = forward(joints);
        let error = minus(target, pose);
        let miss = norm(error);
        // Towards the rest posture, as far as that moves the hand not at all.
        let comfort: Output = std::array::from_fn(|j| 0.5 * (REST[j] - joints[j]));
        let moved = times(&jacobian, comfort);
        let wanted = minus(error, moved);
        let damping = miss * miss + 1e-8;
        let pull = solve(gram(&jacobian, damping), wanted);
        let step: Output =
            std::array::from_fn(|j| comfort[j] + (0..3).map(|k| jacobian[k][j] * pull[k]).sum::<f64>());
        let before = joints;
        for (joint, (step, [low, high])) in joints.iter_mut().zip(step.into_iter().zip(LIMITS)) {
            *joint = (*joint + step).clamp(low, high);
        }
        if miss < TOLERANCE && norm(minus(before, joints)) < 1e-5 {
            return (miss, before);
        }
    }
    (norm(minus(target, forward(joints).0)), joints)
}

/// Place and direction of the hand, and their derivatives by the joints.
pub(crate) fn forward(joints: Output) -> (Input, [[f64; 4]; 3]) {
    let mut angle = 0.0;
    let links: [[f64; 2]; 4] = std::array::from_fn(|j| {
        angle += joints[j];
        [LINKS[j] * f64::cos(angle), LINKS[j] * f64::sin(angle)]
    });
    let mut jacobian = [[0.0; 4], [0.0; 4], [1.0; 4]];
    let mut reach = [0.0; 2];
    for j in (0..4).rev() {
        reach = [reach[0] + links[j][0], reach[1] + links[j][1]];
        (jacobian[0][j], jacobian[1][j]) = (-reach[1], reach[0]);
    }
    ([reach[0], reach[1], angle], jacobian)
}

fn times(jacobian: &[[f64; 4]; 3], joints: Output) -> Input {
    std::array::from_fn(|k| (0..4).map(|j| jacobian[k][j] * joints[j]).sum())
}

/// J · Jᵀ with `damping` on the diagonal.
fn gram(jacobian: &[[f64; 4]; 3], damping: f64) -> [[f64; 3]; 3] {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let product: f64 = (0..4).map(|j| jacobian[row][j] * jacobian[column][j]).sum();
            if row == column { product + damping } else { product }
        })
    })
}

/// Solves a·x = b for a positive definite `a`: Cholesky.
fn solve(mut a: [[f64; 3]; 3], mut b: Input) -> Input {
    for j in 0..3 {
        for k in 0..j {
            for i in j..3 {
                a[i][j] -= a[i][k] * a[j][k];
            }
        }
        let pivot = a[j][j].sqrt();
        for row in &mut a[j..] {
            row[j] /= pivot;
        }
    }
    for i in 0..3 {
        b[i] = (b[i] - (0..i).map(|k| a[i][k] * b[k]).sum::<f64>()) / a[i][i];
    }
    for i in (0..3).rev() {
        b[i] = (b[i] - (i + 1..3).map(|k| a[k][i] * b[k]).sum::<f64>()) / a[i][i];
    }
    b
}

fn minus<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|k| a[k] - b[k])
}

fn norm<const N: usize>(values: [f64; N]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;

    #[test]
    fn the_hand_arrives_within_the_joint_limits() {
        for target in input::generate(500, 3) {
            let joints = reach(target);
            let (pose, _) = forward(joints);
            let miss = norm(minus(pose, target));
            assert!(miss < 1e-5, "{target:?}: {pose:?}");
            for (joint, [low, high]) in joints.into_iter().zip(LIMITS) {
                assert!((low..=high).contains(&joint), "{target:?}: {joints:?}");
            }
        }
    }

    #[test]
    fn the_derivatives_are_those_of_the_pose() {
        let (pose, jacobian) = forward(REST);
        for j in 0..4 {
            let mut joints = REST;
            joints[j] += 1e-6;
            let (moved, _) = forward(joints);
            for k in 0..3 {
                assert!(((moved[k] - pose[k]) / 1e-6 - jacobian[k][j]).abs() < 1e-5);
            }
        }
    }
}
