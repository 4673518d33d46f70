//! The proof, from the weights, that no accumulator overflows.

use crate::{Affine, Format};

/// The width that the accumulator of an affine layer needs: |bias| + Σ|w| · max|x| of the worst row, with the rounding
/// constant, in two's complement.
///
/// `row` is the number of weights per output; `input` the format of the operand.
pub fn accumulator_bits(affine: &Affine, row: usize, input: Format) -> u32 {
    let largest = i128::from(-input.min());
    let half = if affine.shift == 0 { 0 } else { 1i128 << (affine.shift - 1) };
    let rows = affine.weights.values.chunks(row).zip(&affine.bias);
    let worst = rows.map(|(weights, &bias)| {
        let sum: i128 = weights.iter().map(|&w| i128::from(w).abs()).sum();
        i128::from(bias).abs() + sum * largest + half
    });
    // A magnitude of m needs one bit more than m has, for the sign.
    128 - worst.max().unwrap_or(0).leading_zeros() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Weights;
    use proptest::prelude::*;

    fn affine(values: Vec<i16>, bias: Vec<i64>, shift: u32) -> Affine {
        Affine { weights: Weights { format: Format::new(8, 0).unwrap(), values }, bias, members: 1, shift }
    }

    #[test]
    fn the_worst_row_decides() {
        let byte = Format::new(8, 0).unwrap();
        // 127 · 128 = 16256 needs 14 bits and a sign.
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, 0], 0), 1, byte), 15);
        // 16256 + 128 = 2^14 needs one more.
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, -128], 0), 1, byte), 16);
        assert_eq!(accumulator_bits(&affine(vec![1, 127], vec![0, 0], 8), 1, byte), 16);
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
            let limit = 1i64 << (accumulator_bits(&layer, 6, byte) - 1);
            let mut partial = bias;
            for (w, negative) in weights.iter().zip(signs) {
                partial += i64::from(*w) * if negative { -128 } else { 127 };
                let rounded = partial + if shift == 0 { 0 } else { 1 << (shift - 1) };
                prop_assert!((-limit..limit).contains(&rounded));
            }
        }
    }
}
