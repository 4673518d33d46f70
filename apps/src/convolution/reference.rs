//! Convolution by its definition: two nested loops.

use super::{RESULT, SAMPLES};
use crate::kernel::Kernel;

pub(super) fn plan(kernel: Vec<f64>) -> Kernel {
    Kernel::new("convolution", SAMPLES, RESULT, move |input, output| {
        output.fill(0.0);
        for (i, sample) in input.iter().enumerate() {
            for (j, tap) in kernel.iter().enumerate() {
                output[i + j] += sample * tap;
            }
        }
    })
}
