//! Emulators that follow from the mathematics of a region.

use emeuro_golden::{BlockGeometry, Emulator, Weights};
use nalgebra::DMatrix;

use crate::Kernel;

/// An emulator that was computed instead of trained.
pub struct Analytic {
    /// The emulator; its provenance is still empty.
    pub emulator: Emulator,
    /// The same construction in floating point: what the emulator would compute without rounding.
    pub unquantised: Kernel,
}

/// The matrix of a block layer: `[outputs][inputs]`.
pub(crate) fn block_matrix(geometry: &BlockGeometry, weights: &Weights, inputs: usize) -> DMatrix<f64> {
    let mut matrix = DMatrix::zeros(geometry.output_len(), inputs);
    let window = geometry.window_len();
    for (repeat, (read, write)) in geometry.origins().enumerate() {
        for output in 0..geometry.outputs {
            let row = if geometry.shared { output } else { repeat * geometry.outputs + output };
            let result = (write + output as i64 * geometry.out_step) as usize;
            for (&weight, offset) in weights.values[row * window..].iter().zip(geometry.window_offsets()) {
                matrix[(result, (read + offset) as usize)] += weights.format.value(weight);
            }
        }
    }
    matrix
}
