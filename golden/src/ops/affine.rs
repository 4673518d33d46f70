//! Weights and biases, and the proof from them that no accumulator overflows.

use super::limits;
use crate::{
    error::EmulatorError,
    format::{Format, Kind, requantise},
};

/// A matrix of weights, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Width and binary point of every weight.
    pub format: Format,
    /// `[outputs][inputs]` for dense layers, `[sets][outputs][window]` for blocks.
    pub values: Vec<i16>,
}

/// Weights and biases: `acc = bias + Σ weight · x`, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affine {
    /// The weights, those of one member after the other.
    pub weights: Weights,
    /// One per row of the weights, at the accumulator's scale 2^-(weight frac + input frac).
    pub bias: Vec<i64>,
    /// Sets of weights and biases of which the [`Router`](crate::Router) picks one per frame; 1 if all frames share them.
    pub members: usize,
    /// Right shift from the accumulator to the output word.
    pub shift: u32,
}

impl Affine {
    /// `rows` rows of `row` weights for each member, which make words of `format` from words of `input`.
    pub(super) fn new(
        (weights, bias): (Weights, Vec<i64>),
        members: usize,
        [rows, row]: [usize; 2],
        [input, format]: [Format; 2],
    ) -> Result<Self, EmulatorError> {
        let shift = limits::shift(weights.format.frac() + input.frac(), format);
        let affine = Self { weights, bias, members, shift: *shift.as_ref().unwrap_or(&0) };
        affine.check([rows, row])?;
        shift.map(|_| affine)
    }

    /// Checks numbers and widths of weights and biases.
    pub(crate) fn check(&self, [rows, row]: [usize; 2]) -> Result<(), EmulatorError> {
        let Self { weights, bias, members, .. } = self;
        let rows = members * rows;
        if rows == 0 || weights.values.len() != rows * row {
            return Err(EmulatorError::expected(
                "weights",
                format_args!("{rows} rows of {row} values"),
                format_args!("{} values", weights.values.len()),
            ));
        }
        if bias.len() != rows {
            return Err(EmulatorError::expected("bias", format_args!("{rows} values"), bias.len()));
        }
        if let Some(i) = weights.values.iter().position(|&w| !weights.format.holds(i64::from(w))) {
            let (word, format) = (weights.values[i], weights.format);
            let problem = match format.kind() {
                Kind::Bipolar => format!("{word} is none of the {format}"),
                Kind::Signed | Kind::Unsigned => format!("{word} does not fit {} bits", format.bits()),
            };
            return Err(EmulatorError::new(format!("weights[{}][{}]", i / row, i % row), problem));
        }
        Ok(())
    }

    /// Weights of one member.
    pub fn weights_of(&self, member: usize) -> &[i16] {
        let size = self.weights.values.len() / self.members;
        &self.weights.values[member * size..][..size]
    }

    /// Biases of one member.
    pub fn bias_of(&self, member: usize) -> &[i64] {
        let size = self.bias.len() / self.members;
        &self.bias[member * size..][..size]
    }

    /// Weights and biases for each of `members` where these are for all; otherwise as they are. And for how many they are.
    pub(super) fn repeated(&self, members: usize) -> ((Weights, Vec<i64>), usize) {
        let times = if self.members == 1 { members } else { 1 };
        let values = self.weights.values.repeat(times);
        ((Weights { values, ..self.weights.clone() }, self.bias.repeat(times)), times * self.members)
    }

    /// Number of weights per output.
    pub fn row(&self) -> usize {
        self.weights.values.len() / self.bias.len()
    }

    /// The largest magnitude of the accumulator of a row, with the rounding constant: |bias| + Σ|w| · max|x|.
    pub fn largest_sum(&self, weights: &[i16], bias: i64, input: Format) -> i128 {
        let largest = i128::from(input.largest());
        let half = if self.shift == 0 { 0 } else { 1i128 << (self.shift - 1) };
        let sum: i128 = weights.iter().map(|&w| i128::from(w).abs()).sum();
        i128::from(bias).abs() + sum * largest + half
    }
}

/// The width that the accumulator of an affine layer needs for words of `input`, in two's complement: that of
/// [`Affine::largest_sum`] of the worst row.
pub fn accumulator_bits(affine: &Affine, input: Format) -> u32 {
    let rows = affine.weights.values.chunks(affine.row()).zip(&affine.bias);
    let worst = rows.map(|(weights, &bias)| affine.largest_sum(weights, bias, input)).max();
    // A magnitude of m needs one bit more than m has, for the sign.
    128 - worst.unwrap_or(0).leading_zeros() + 1
}

/// The weights and biases of a frame's member, and what happens to the sums.
pub(super) struct Sums<'a> {
    weights: &'a [i16],
    bias: &'a [i64],
    narrow: bool,
    shift: u32,
    format: Format,
}

impl<'a> Sums<'a> {
    pub(super) fn new(affine: &'a Affine, at: &super::Context) -> Self {
        let member = if affine.members > 1 { at.member } else { 0 };
        let (weights, bias) = (affine.weights_of(member), affine.bias_of(member));
        Self { weights, bias, narrow: at.narrow, shift: affine.shift, format: at.format() }
    }

    /// The output word of row `row` of the weights.
    pub(super) fn word(&self, row: usize, x: &[i16]) -> i16 {
        let weights = &self.weights[row * x.len()..][..x.len()];
        requantise(self.bias[row] + dot(weights, x, self.narrow), self.shift, self.format)
    }
}

fn dot(weights: &[i16], x: &[i16], narrow: bool) -> i64 {
    let products = weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
    if narrow { i64::from(products.sum::<i32>()) } else { products.map(i64::from).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn affine(values: Vec<i16>, bias: Vec<i64>, shift: u32) -> Affine {
        Affine { weights: Weights { format: Format::new(8, 0).unwrap(), values }, bias, members: 1, shift }
    }

    #[test]
    fn the_worst_row_decides() {
        let byte = Format::new(8, 0).unwrap();
        // 127 · 128 = 16256 needs 14 bits and a sign.
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, 0], 0), byte), 15);
        // 16256 + 128 = 2^14 needs one more.
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, -128], 0), byte), 16);
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, 0], 8), byte), 16);
    }

    proptest! {
        #[test]
        fn no_input_exceeds_the_bound(
            weights in prop::collection::vec(-128i16..128, 6),
            bias in -100_000i64..100_000,
            shift in 0u32..16,
            signs in prop::collection::vec(any::<bool>(), 6),
        ) {
            let byte = Format::new(8, 0).unwrap();
            let layer = affine(weights.clone(), vec![bias], shift);
            let limit = 1i64 << (accumulator_bits(&layer, byte) - 1);
            let mut partial = bias;
            for (w, negative) in weights.iter().zip(signs) {
                partial += i64::from(*w) * if negative { -128 } else { 127 };
                let rounded = partial + if shift == 0 { 0 } else { 1 << (shift - 1) };
                prop_assert!((-limit..limit).contains(&rounded));
            }
        }
    }
}
