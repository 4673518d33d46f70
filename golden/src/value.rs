//! Physical values in single or double precision.

use crate::number::Number;

/// A number type of physical values: `f32` or `f64`. A value is in the unit of its word's segment.
///
/// Both give the same words: an `f32` counts as the `f64` of the same value, which [`Format::quantise`](crate::Format::quantise)
/// takes to the nearest word, ties upwards, saturating. Both are exact on the way back: a word has 16 bits of the 24 that an
/// `f32` holds, and 2^±32, which no binary point exceeds, leaves its range of exponents far away.
///
/// ```
/// use emeuro_golden::{Runner, sample_emulator};
/// let emulator = sample_emulator(1);
/// let mut runner = Runner::new(&emulator);
/// let mut singles = vec![0f32; emulator.output().port.size()];
/// let mut doubles = vec![0f64; emulator.output().port.size()];
/// runner.infer_values(&vec![0.3f32; emulator.input().size()], &mut singles)?;
/// runner.infer_values(&vec![f64::from(0.3f32); emulator.input().size()], &mut doubles)?;
/// assert!(singles.iter().zip(doubles).all(|(&single, double)| f64::from(single) == double));
/// # Ok::<(), emeuro_golden::EmulatorError>(())
/// ```
pub trait Value: Copy + Into<f64> + Number {}

impl Value for f32 {}
impl Value for f64 {}
