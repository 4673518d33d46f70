//! Emulators that follow from the mathematics of a region.

use emeuro_golden::{Emulator, EmulatorError, Op, accumulator_bits};

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
