//! Emulators that follow from the mathematics of a region.

use emeuro_golden::{BlockGeometry, Emulator, EmulatorError, Op, Weights, accumulator_bits};
use nalgebra::DMatrix;

use crate::Kernel;

/// An emulator that was computed instead of trained.
pub struct Analytic {
    /// The emulator; its provenance is still empty.
    pub emulator: Emulator,
    /// The same construction in floating point: what the emulator would compute without rounding.
    pub unquantised: Kernel,
}

/// Accumulator widths, narrowest first.
const ACCUMULATORS: [u32; 3] = [32, 40, 48];

/// Builds with the narrowest accumulator that holds every layer; `build` takes its width.
pub(crate) fn with_narrowest_accumulator(
    build: impl Fn(u32) -> Result<Emulator, EmulatorError>,
) -> Result<Emulator, EmulatorError> {
    let [.., widest] = ACCUMULATORS;
    let emulator = build(widest)?;
    let needed = emulator.nodes().iter().map(|node| match &node.op {
        Op::Dense { input, affine } => {
            accumulator_bits(affine, emulator.size(*input), emulator.format(*input))
        }
        Op::Block { input, geometry, affine } => {
            accumulator_bits(affine, geometry.window_len(), emulator.format(*input))
        }
        Op::Add { .. } | Op::Multiply { .. } | Op::Activate { .. } => 0,
    });
    let needed = needed.max().unwrap_or(0);
    match ACCUMULATORS.into_iter().find(|&bits| bits >= needed) {
        Some(bits) if bits < widest => build(bits),
        _ => Ok(emulator),
    }
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
