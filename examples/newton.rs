//! Newton's method finds the minimum of a convex function of 20 variables from many starting points.
//!
//! ```text
//! cargo run --release --example newton              # 200 random starting points
//! cargo run --release --example newton points.csv   # rows of 20 numbers
//! EMEURO_MODE=profile cargo run --release --example newton
//! ```
//!
//! The function is f(x) = Σ log cosh(aⱼ·x + bⱼ) with 60 terms. What is emulated is the direction of the first steps: wherever they lead,
//! the gradient is exact, and so are the last directions, which are solved for. The minimum is the same.

mod program;

use std::{process::ExitCode, sync::LazyLock};

use emeuro_regions::approximate;
use program::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const N: usize = 20;
const TERMS: usize = 60;
type Vector = [f64; N];

/// The rows aⱼ and offsets bⱼ.
struct Function {
    rows: Vec<Vector>,
    offsets: Vec<f64>,
}

static FUNCTION: LazyLock<Function> = LazyLock::new(|| {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let mut normal = |scale: f64| -> f64 { scale * Distribution::<f64>::sample(&StandardNormal, &mut rng) };
    let rows = (0..TERMS).map(|_| std::array::from_fn(|_| normal(0.8))).collect();
    Function { rows, offsets: (0..TERMS).map(|_| normal(0.5)).collect() }
});

impl Function {
    /// aⱼ·x + bⱼ, with aⱼ.
    fn terms(&self, x: &Vector) -> impl Iterator<Item = (f64, &Vector)> {
        self.rows.iter().zip(&self.offsets).map(|(row, offset)| (offset + dot(row, x), row))
    }

    fn value(&self, x: &Vector) -> f64 {
        self.terms(x).map(|(z, _)| z.cosh().ln()).sum()
    }

    fn gradient(&self, x: &Vector) -> Vector {
        let mut gradient = [0.0; N];
        for (z, row) in self.terms(x) {
            gradient.iter_mut().zip(row).for_each(|(g, a)| *g += z.tanh() * a);
        }
        gradient
    }

    fn hessian(&self, x: &Vector) -> [Vector; N] {
        let mut hessian = [[0.0; N]; N];
        for (z, row) in self.terms(x) {
            let curvature = z.cosh().powi(-2);
            for (line, a) in hessian.iter_mut().zip(row) {
                line.iter_mut().zip(row).for_each(|(h, b)| *h += curvature * a * b);
            }
        }
        hessian
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves H d = -g by Cholesky's factorisation.
fn solve(mut h: [Vector; N], gradient: &Vector) -> Vector {
    for j in 0..N {
        h[j][j] = (h[j][j] - dot(&h[j][..j], &h[j][..j])).sqrt();
        for i in j + 1..N {
            h[i][j] = (h[i][j] - dot(&h[i][..j], &h[j][..j])) / h[j][j];
        }
    }
    let mut d = gradient.map(|g| -g);
    for i in 0..N {
        d[i] = (d[i] - dot(&h[i][..i], &d[..i])) / h[i][i];
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|k| h[k][i] * d[k]).sum();
        d[i] = (d[i] - known) / h[i][i];
    }
    d
}

/// Where to go from `point`.
#[approximate]
fn direction(point: &Vector, gradient: &Vector) -> Vector {
    solve(FUNCTION.hessian(point), gradient)
}

/// The minimum that is found from `x`, and the steps that it took.
fn minimise(mut x: Vector) -> (Vector, usize) {
    let (mut is_rough, mut before) = (true, f64::INFINITY);
    for step in 1..=50 {
        let gradient = FUNCTION.gradient(&x);
        let length = dot(&gradient, &gradient).sqrt();
        if length < 1e-9 {
            return (x, step);
        }
        // Where a rough direction brings little, and near the minimum, the last digits count: the exact code has them.
        is_rough &= length > 0.3 && length < 0.7 * before;
        before = length;
        let way = if is_rough { direction(&x, &gradient) } else { solve(FUNCTION.hessian(&x), &gradient) };
        let (value, slope) = (FUNCTION.value(&x), dot(&gradient, &way));
        let along = |share: f64| -> Vector { std::array::from_fn(|i| x[i] + share * way[i]) };
        let mut share = 1.0;
        while FUNCTION.value(&along(share)) > value + 1e-4 * share * slope && share > 1e-3 {
            share /= 2.0;
        }
        x = along(share);
    }
    (x, 50)
}

fn main() -> ExitCode {
    program::exit(run())
}

fn run() -> Result<()> {
    let region = program::set_up("direction", "newton")?;
    let points: Vec<Vector> = match std::env::args().nth(1) {
        Some(path) => {
            program::read_rows(&path, N)?.iter().map(|row| std::array::from_fn(|i| row[i])).collect()
        }
        None => {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            (0..200).map(|_| std::array::from_fn(|_| rng.random_range(-0.15..0.15))).collect()
        }
    };
    let mut steps = 0;
    program::compare(region, 1, || {
        let ends: Vec<(Vector, usize)> = points.iter().map(|&point| minimise(point)).collect();
        steps = ends.iter().map(|(_, steps)| steps).sum();
        ends.into_iter().flat_map(|(x, _)| x).collect()
    })?;
    println!("It took {:.1} steps from each of {} points.", steps as f64 / points.len() as f64, points.len());
    Ok(())
}
