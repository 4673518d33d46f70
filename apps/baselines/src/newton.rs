//! The Newton direction in Rust: finite differences, a linear-algebra library, and fixed arrays in vectors.

mod analytic;
mod differences;
mod library;

use emeuro_apps::{Application, Newton};

use crate::{Baseline, Code, Kind};

pub(crate) fn baselines() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "newton",
            name: "differences",
            kind: Kind::Textbook,
            about: "Hessian by central second differences of the function, 840 evaluations, then Cholesky; f64",
            tolerance: 1e-4,
            plan: || Code::of_kernel(Newton::new().plan_reference()),
        },
        Baseline {
            app: "newton",
            name: "gradient-differences",
            kind: Kind::Textbook,
            about: "Hessian by forward differences of a gradient in closed form, 21 evaluations, then Cholesky of nalgebra; f64",
            tolerance: 1e-4,
            plan: || Code::double(differences::plan()),
        },
        Baseline {
            app: "newton",
            name: "nalgebra",
            kind: Kind::Optimised,
            about: "analytic Hessian as a product of matrices and Cholesky with nalgebra's fixed sizes, f64",
            tolerance: 1e-9,
            plan: || Code::double(library::plan()),
        },
        Baseline {
            app: "newton",
            name: "arrays",
            kind: Kind::Optimised,
            about: "analytic Hessian and Cholesky on fixed arrays, vectorised, f64",
            tolerance: 1e-9,
            plan: || Code::of_kernel(Newton::new().plan_exact()),
        },
        Baseline {
            app: "newton",
            name: "array-vectors",
            kind: Kind::Optimised,
            about: "the same with a vectorised exponential, half of the Hessian, and factors without roots (L D Lᵀ), f64",
            tolerance: 1e-9,
            plan: || Code::double(analytic::plan::<f64>()),
        },
        Baseline {
            app: "newton",
            name: "array-vectors-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-4,
            plan: || Code::single(analytic::plan::<f32>()),
        },
    ]
}
