//! The rope in Rust: objects, as tutorials write it, and arrays of coordinates in vectors.

mod arrays;
mod objects;

use emeuro_apps::{Application, Rope};

use crate::{Baseline, Code, Kind};

pub(crate) fn baselines() -> Vec<Baseline> {
    vec![
        Baseline {
            app: "rope",
            name: "heap-objects",
            kind: Kind::Textbook,
            about: "the design of the NeHe tutorials (lesson 40), written from the physics: a simulation of masses in 3-D, each an \
                    object on the heap, with springs that refer to their two masses; f32 as there",
            tolerance: 1e-3,
            plan: || Code::single(objects::plan()),
        },
        Baseline {
            app: "rope",
            name: "objects",
            kind: Kind::Textbook,
            about: "masses that collect forces and springs between them, 2-D f64 vectors, all masses in one array",
            tolerance: 1e-9,
            plan: || Code::of_kernel(Rope::new().plan_reference()),
        },
        Baseline {
            app: "rope",
            name: "arrays",
            kind: Kind::Optimised,
            about: "structure of arrays, f64, loops over all vertices vectorised",
            tolerance: 1e-9,
            plan: || Code::of_kernel(Rope::new().plan_exact()),
        },
        Baseline {
            app: "rope",
            name: "array-vectors",
            kind: Kind::Optimised,
            about: "the same over whole vectors, with Newton's steps for 1/length instead of a root and a division, f64",
            tolerance: 1e-9,
            plan: || Code::double(arrays::plan::<f64>()),
        },
        Baseline {
            app: "rope",
            name: "array-vectors-f32",
            kind: Kind::Optimised,
            about: "the same in f32, from and to f32",
            tolerance: 1e-3,
            plan: || Code::single(arrays::plan::<f32>()),
        },
    ]
}
