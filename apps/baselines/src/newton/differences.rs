//! Newton direction for somebody who has a gradient and no second derivatives: forward differences of the gradient.

use emeuro_apps::Newton;
use nalgebra::{SMatrix, SVector};

const VARIABLES: usize = Newton::VARIABLES;

/// Step of the differences: the square root of the machine epsilon balances rounding against truncation.
const STEP: f64 = 1.5e-8;

pub(super) fn plan() -> impl FnMut(&[f64], &mut [f64]) + Send + 'static {
    let (rows, offsets) = (Newton::rows(), Newton::offsets());
    let gradient_at = move |point: &[f64]| -> [f64; VARIABLES] {
        let mut gradient = [0.0; VARIABLES];
        for (row, offset) in rows.iter().zip(&offsets) {
            let argument = offset + row.iter().zip(point).map(|(a, x)| a * x).sum::<f64>();
            let slope = argument.tanh();
            gradient.iter_mut().zip(row).for_each(|(g, a)| *g += slope * a);
        }
        gradient
    };
    move |input, output| {
        let (point, gradient) = input.split_at(VARIABLES);
        let mut shifted: [f64; VARIABLES] = point.try_into().expect("frames of the application");
        // Not the input's: a tilt in it would have to be known, and rounding cancels in differences of one function.
        let here = gradient_at(&shifted);
        let mut hessian = SMatrix::<f64, VARIABLES, VARIABLES>::zeros();
        for j in 0..VARIABLES {
            shifted[j] += STEP;
            let step = shifted[j] - point[j];
            let there = gradient_at(&shifted);
            shifted[j] = point[j];
            for i in 0..VARIABLES {
                hessian[(i, j)] = (there[i] - here[i]) / step;
            }
        }
        let hessian = (hessian + hessian.transpose()) / 2.0;
        let gradient = SVector::<f64, VARIABLES>::from_column_slice(gradient);
        match hessian.cholesky() {
            Some(factor) => output.copy_from_slice((-factor.solve(&gradient)).as_slice()),
            // Rounding has made a Hessian near 0 indefinite: no direction is better than another.
            None => output.fill(f64::NAN),
        }
    }
}
