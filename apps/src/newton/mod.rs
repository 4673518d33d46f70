//! One Newton step: the direction from a point and a gradient in 20 variables.

mod exact;
mod recipe;
mod reference;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::application::{Application, Signal};
use crate::frames::{Frames, Source, Split, stream};
use crate::kernel::Kernel;
use crate::recipe::Recipe;
use crate::slopes::direction_stream;

/// Variables of the function.
const VARIABLES: usize = 20;
/// Terms of the function.
const TERMS: usize = 60;
/// Radius of the ball around 0 that points are drawn from, uniformly.
const RADIUS: f64 = 0.5;
/// Standard deviation of the entries of the rows aⱼ: it sets how far from linear the application is. The best linear map
/// of the inputs leaves an error of 6.6 %.
const ROW_SCALE: f64 = 0.8;
/// The same of the steep application, of whose directions the best linear map leaves 8.8 %.
const STEEP_ROW_SCALE: f64 = 1.0;
/// Standard deviation of the offsets bⱼ.
const OFFSET_SCALE: f64 = 0.5;
/// Standard deviation of every component of the tilt in the tilted family; that of the gradient without it is 3.5.
const TILT_SCALE: f64 = 2.0;
/// Seed of the rows and offsets: it defines the function and is no choice of the user.
const FUNCTION_SEED: u64 = 20;

/// Which functions the frames are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// One function, c = 0.
    #[default]
    Base,
    /// Every frame has its own tilt c, normal with standard deviation 2 per component.
    Tilted,
    /// One frame like those, one like these, in turn.
    Both,
}

/// The `newton` application.
///
/// The function is f(x) = Σⱼ log cosh(aⱼ·x + bⱼ) + c·x with 60 fixed rows aⱼ and offsets bⱼ: strictly convex, quadratic
/// near its valley and linear far away. The direction is d = -H(x)⁻¹ g with the Hessian H = Σⱼ sech²(aⱼ·x + bⱼ) aⱼ aⱼᵀ.
/// The tilt c changes the gradient but not the Hessian, so x and g together determine d for every tilt.
///
/// Input (40): point x\[20\], gradient g\[20\]. Output (20): direction d\[20\].
#[derive(Clone, Copy, Debug, Default)]
pub struct Newton {
    family: Family,
    is_steep: bool,
}

impl Newton {
    /// Variables of the function.
    pub const VARIABLES: usize = VARIABLES;
    /// Terms of the function.
    pub const TERMS: usize = TERMS;

    /// The rows aⱼ of the terms.
    pub fn rows() -> Vec<[f64; VARIABLES]> {
        Newton::new().function().rows
    }

    /// The offsets bⱼ of the terms.
    pub fn offsets() -> Vec<f64> {
        Newton::new().function().offsets
    }

    /// The application with the base family.
    pub fn new() -> Newton {
        Newton::default()
    }

    /// The application with the frames of `family`; the kernels are the same.
    pub fn with_family(family: Family) -> Newton {
        Newton { family, ..Newton::default() }
    }

    /// The application with rows of standard deviation 1.0 instead of 0.8: steeper terms, farther from linear. It has no emulator that is
    /// checked in, and shows how much the choice of the function has to do with the error.
    pub fn steep() -> Newton {
        Newton { is_steep: true, ..Newton::default() }
    }

    fn function(&self) -> Function {
        Function::new(if self.is_steep { STEEP_ROW_SCALE } else { ROW_SCALE })
    }

    /// Whether the function of frame `frame` has a tilt.
    fn is_tilted(&self, frame: usize) -> bool {
        match self.family {
            Family::Base => false,
            Family::Tilted => true,
            Family::Both => !frame.is_multiple_of(2),
        }
    }
}

impl Application for Newton {
    fn name(&self) -> &'static str {
        "newton"
    }

    fn title(&self) -> &'static str {
        "Newton direction of a 20-variable log-cosh function"
    }

    fn input_signals(&self) -> &'static [Signal] {
        &[
            Signal { name: "point", unit: "1", size: VARIABLES },
            Signal { name: "gradient", unit: "1", size: VARIABLES },
        ]
    }

    fn output_signals(&self) -> &'static [Signal] {
        &[Signal { name: "direction", unit: "1", size: VARIABLES }]
    }

    fn plan_exact(&self) -> Kernel {
        exact::plan(self.function())
    }

    fn plan_reference(&self) -> Kernel {
        reference::plan(self.function())
    }

    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        let function = self.function();
        Frames::generate(self, count, |frame, input| {
            let mut rng = stream(Source::Newton, split, seed, frame);
            let (point, gradient) = input.split_at_mut(VARIABLES);
            random_point(&mut rng, point);
            function.gradient(point, gradient);
            if self.is_tilted(frame) {
                add_tilt(&mut rng, 1.0, gradient);
                "tilted"
            } else {
                "base"
            }
        })
    }

    /// The point moves, the gradient follows, and a tilt changes by one like itself.
    fn nearby(&self, split: Split, seed: u64, frame: usize, step: f64, input: &mut [f64]) -> bool {
        let function = self.function();
        let mut rng = stream(Source::Newton, split, seed, frame);
        let mut aside = direction_stream(seed, frame);
        let (point, gradient) = input.split_at_mut(VARIABLES);
        random_point(&mut rng, point);
        let mut direction = [0.0; VARIABLES];
        random_point(&mut aside, &mut direction);
        point.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
        function.gradient(point, gradient);
        if self.is_tilted(frame) {
            add_tilt(&mut rng, 1.0, gradient);
            add_tilt(&mut aside, step, gradient);
        }
        true
    }

    fn recipe(&self) -> crate::Result<Recipe> {
        recipe::recipe(self)
    }

    fn search_space(&self) -> crate::Result<crate::SearchSpace> {
        crate::search::newton_space(self)
    }
}

/// Adds a random tilt, `scale` times as large as usual.
fn add_tilt(rng: &mut ChaCha8Rng, scale: f64, gradient: &mut [f64]) {
    for slope in gradient {
        let tilt: f64 = StandardNormal.sample(rng);
        *slope += scale * TILT_SCALE * tilt;
    }
}

/// Uniform in the ball of [`RADIUS`]: a normal vector gives the direction, radius ∝ u^(1/20).
fn random_point(rng: &mut ChaCha8Rng, point: &mut [f64]) {
    point.fill_with(|| StandardNormal.sample(rng));
    let norm = point.iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
    let radius = RADIUS * rng.random::<f64>().powf(1.0 / VARIABLES as f64);
    point.iter_mut().for_each(|x| *x *= radius / norm);
}

/// The rows aⱼ and offsets bⱼ.
#[derive(Clone, Debug)]
struct Function {
    rows: Vec<[f64; VARIABLES]>,
    offsets: Vec<f64>,
}

impl Function {
    /// Rows of the given standard deviation.
    fn new(row_scale: f64) -> Function {
        let mut rng = ChaCha8Rng::seed_from_u64(FUNCTION_SEED);
        let mut normal = move |scale: f64| {
            let value: f64 = StandardNormal.sample(&mut rng);
            scale * value
        };
        let rows = (0..TERMS).map(|_| std::array::from_fn(|_| normal(row_scale))).collect();
        let offsets = (0..TERMS).map(|_| normal(OFFSET_SCALE)).collect();
        Function { rows, offsets }
    }

    fn arguments(&self, point: &[f64]) -> impl Iterator<Item = f64> {
        self.rows
            .iter()
            .zip(&self.offsets)
            .map(move |(row, offset)| offset + row.iter().zip(point).map(|(a, x)| a * x).sum::<f64>())
    }

    /// f(x) without tilt.
    fn value(&self, point: &[f64]) -> f64 {
        self.arguments(point).map(|z| z.cosh().ln()).sum()
    }

    /// ∇f(x) without tilt: Σⱼ tanh(aⱼ·x + bⱼ) aⱼ.
    fn gradient(&self, point: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        for (z, row) in self.arguments(point).zip(&self.rows) {
            let slope = z.tanh();
            gradient.iter_mut().zip(row).for_each(|(g, a)| *g += slope * a);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::relative_error;
    use nalgebra::{DMatrix, DVector};

    #[test]
    fn both_kernels_agree_for_both_families() {
        for family in [Family::Base, Family::Tilted] {
            let app = Newton::with_family(family);
            let frames = app.frames(Split::Test, 4, 1);
            let mut reference = app.plan_reference();
            let mut output = [0.0; VARIABLES];
            for (input, target) in frames.inputs.chunks_exact(40).zip(frames.targets.chunks_exact(20)) {
                reference.run(input, &mut output).unwrap();
                let error = relative_error(&output, target);
                assert!(error < 1e-4, "{family:?}: {error}");
            }
        }
    }

    #[test]
    fn the_direction_solves_the_newton_equation() {
        let function = Newton::new().function();
        let frames = Newton::new().frames(Split::Test, 3, 2);
        for (input, target) in frames.inputs.chunks_exact(40).zip(frames.targets.chunks_exact(20)) {
            let (point, gradient) = input.split_at(VARIABLES);
            let rows = DMatrix::from_fn(TERMS, VARIABLES, |j, i| function.rows[j][i]);
            let sech2 = DVector::from_iterator(TERMS, function.arguments(point).map(|z| z.cosh().powi(-2)));
            let hessian = rows.transpose() * DMatrix::from_diagonal(&sech2) * &rows;
            let product = hessian * DVector::from_column_slice(target);
            let opposite: Vec<f64> = gradient.iter().map(|g| -g).collect();
            assert!(relative_error(product.as_slice(), &opposite) < 1e-10);
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_function() {
        let function = Newton::new().function();
        let frames = Newton::new().frames(Split::Test, 1, 3);
        let (point, gradient) = frames.inputs.split_at(VARIABLES);
        for i in 0..VARIABLES {
            let mut shifted = point.to_vec();
            shifted[i] += 1e-5;
            let above = function.value(&shifted);
            shifted[i] -= 2e-5;
            let slope = (above - function.value(&shifted)) / 2e-5;
            assert!((slope - gradient[i]).abs() < 1e-6 * (1.0 + slope.abs()));
        }
    }

    #[test]
    fn newton_steps_with_the_direction_find_the_minimum() {
        let app = Newton::new();
        let function = app.function();
        let mut kernel = app.plan_exact();
        let mut input = app.frames(Split::Test, 1, 4).inputs;
        let mut direction = [0.0; VARIABLES];
        for _ in 0..20 {
            kernel.run(&input, &mut direction).unwrap();
            let (point, gradient) = input.split_at_mut(VARIABLES);
            // Halving keeps the first steps, which are long, from overshooting.
            let value = function.value(point);
            let mut length = 1.0;
            let step = |length: f64| -> Vec<f64> {
                point.iter().zip(&direction).map(|(x, d)| x + length * d).collect()
            };
            while function.value(&step(length)) > value && length > 1e-6 {
                length /= 2.0;
            }
            let next = step(length);
            point.copy_from_slice(&next);
            function.gradient(point, gradient);
        }
        assert!(input[VARIABLES..].iter().all(|g| g.abs() < 1e-9), "{:?}", &input[VARIABLES..]);
    }

    /// A linear map of the inputs must not already solve the application.
    #[test]
    fn the_best_linear_map_leaves_a_clear_error() {
        for (family, least) in [(Family::Base, 0.05), (Family::Tilted, 0.05)] {
            let app = Newton::with_family(family);
            let error = {
                let train = app.frames(Split::Train, 1000, 5);
                let test = app.frames(Split::Test, 300, 5);
                let design = |f: &Frames| {
                    DMatrix::from_fn(f.count, 41, |r, c| if c < 40 { f.inputs[r * 40 + c] } else { 1.0 })
                };
                let outputs = |f: &Frames| DMatrix::from_row_slice(f.count, 20, &f.targets);
                let x = design(&train);
                let map = (x.transpose() * &x).cholesky().unwrap().solve(&(x.transpose() * outputs(&train)));
                let estimate = (design(&test) * map).transpose();
                emeuro_golden::nrmse(&test.targets, estimate.as_slice(), 20).unwrap()
            };
            assert!(error > least, "{family:?}: {error}");
        }
    }
}
