//! Fixed-point formats and the one rounding rule.

use crate::EmulatorError;

/// A two's complement fixed-point format: value = raw · 2^-frac.
///
/// ```
/// use emeuro_golden::Format;
/// let q = Format::new(16, 12)?;
/// assert_eq!(q.quantise(1.5), 6144);
/// assert_eq!(q.value(6144), 1.5);
/// assert_eq!(q.quantise(100.0), 32767); // saturates
/// # Ok::<(), emeuro_golden::EmulatorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    bits: u8,
    frac: i8,
}

impl Format {
    /// A format of `bits` (4, 8 or 16) with `frac` (-32..=32) fractional bits.
    ///
    /// # Errors
    /// Any other width or binary point.
    pub fn new(bits: u32, frac: i32) -> Result<Self, EmulatorError> {
        if !matches!(bits, 4 | 8 | 16) {
            return Err(EmulatorError::new("format: bits", format!("expected 4, 8 or 16, found {bits}")));
        }
        if !(-32..=32).contains(&frac) {
            return Err(EmulatorError::new("format: frac", format!("expected -32..=32, found {frac}")));
        }
        Ok(Self { bits: bits as u8, frac: frac as i8 })
    }

    /// The finest format of `bits` whose range holds ±`max_abs`.
    ///
    /// # Errors
    /// `bits` other than 4, 8 or 16; `max_abs` that is not finite or so large that no binary point serves.
    pub fn covering(bits: u32, max_abs: f64) -> Result<Self, EmulatorError> {
        if !max_abs.is_finite() {
            return Err(EmulatorError::new(
                "format: range",
                format!("expected a finite range, found {max_abs}"),
            ));
        }
        let fits = |frac: &i32| (max_abs * 2f64.powi(*frac)).round() <= (1i64 << (bits - 1)) as f64 - 1.0;
        match (-32..=32).rev().find(fits) {
            Some(frac) => Self::new(bits, frac),
            None => Err(EmulatorError::new("format: range", format!("±{max_abs} does not fit {bits} bits"))),
        }
    }

    /// Width of a word in bits.
    pub fn bits(self) -> u32 {
        u32::from(self.bits)
    }

    /// Number of fractional bits; may be negative or exceed the width.
    pub fn frac(self) -> i32 {
        i32::from(self.frac)
    }

    /// The smallest raw word.
    pub fn min(self) -> i32 {
        -(1 << (self.bits - 1))
    }

    /// The largest raw word.
    pub fn max(self) -> i32 {
        (1 << (self.bits - 1)) - 1
    }

    /// Whether `raw` is a word of this format.
    pub fn holds(self, raw: i64) -> bool {
        (i64::from(self.min())..=i64::from(self.max())).contains(&raw)
    }

    /// The nearest word to `value`, ties upwards, saturating. NaN becomes 0; refuse it at the door.
    pub fn quantise(self, value: f64) -> i16 {
        self.nearest(value, self.frac())
    }

    /// The nearest word to value · 2^point, ties upwards, saturating. NaN becomes 0.
    pub(crate) fn nearest(self, value: f64, point: i32) -> i16 {
        let scaled = value * power_of_two(point);
        let floor = scaled.floor();
        // Adding a half before the floor would round: 0.49999999999999994 to 1.
        let raw = if scaled - floor >= 0.5 { floor + 1.0 } else { floor };
        raw.clamp(f64::from(self.min()), f64::from(self.max())) as i16
    }

    /// The value of a word.
    pub fn value(self, raw: i16) -> f64 {
        f64::from(raw) * power_of_two(-self.frac())
    }
}

/// 2^exponent for the exponents of formats and scales, -1022 to 1023, exactly and without a call.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// `saturate((acc + 2^(shift-1)) >> shift)`: round half up by an arithmetic shift, then clamp to the word of `to`.
/// A shift of 0 adds nothing.
///
/// Only the width of `to` matters: the caller has derived `shift` from the binary points.
pub fn requantise(acc: i64, shift: u32, to: Format) -> i16 {
    let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
    ((acc + half) >> shift).clamp(i64::from(to.min()), i64::from(to.max())) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_and_points_are_checked() {
        assert_eq!(
            Format::new(12, 0).unwrap_err().to_string(),
            "format: bits: expected 4, 8 or 16, found 12"
        );
        assert!(Format::new(8, 33).is_err());
    }

    #[test]
    fn covering_is_the_finest_format_that_fits() {
        assert_eq!(Format::covering(8, 1.0).unwrap(), Format::new(8, 6).unwrap());
        assert_eq!(Format::covering(8, 127.0 / 128.0).unwrap(), Format::new(8, 7).unwrap());
        assert_eq!(Format::covering(16, 3.0e5).unwrap().frac(), -4);
        assert!(Format::covering(16, f64::INFINITY).is_err());
    }

    #[test]
    fn the_nearest_word_is_quantised_to() {
        let word = Format::new(16, 0).unwrap();
        let half = 0.5f64;
        for (value, nearest) in [(half.next_down(), 0), (half, 1), (half.next_up(), 1)] {
            assert_eq!(word.quantise(value), nearest, "{value}");
        }
        for (value, nearest) in [((-half).next_down(), -1), (-half, 0), ((-half).next_up(), 0), (-1e-320, 0)]
        {
            assert_eq!(word.quantise(value), nearest, "{value}");
        }
        for raw in [-32768i32, -4097, -3, -1, 0, 2, 1023, 32766] {
            let tie = f64::from(raw) + 0.5;
            assert_eq!(word.quantise(tie.next_down()), raw as i16);
            assert_eq!(word.quantise(tie), raw as i16 + 1);
        }
        for (value, end) in [(f64::INFINITY, 32767), (f64::MIN, -32768), (32767.5, 32767), (-32768.5, -32768)]
        {
            assert_eq!(word.quantise(value), end, "{value}");
        }
        assert_eq!(word.quantise(f64::NAN), 0);
    }

    #[test]
    fn ties_round_up_and_extremes_saturate() {
        let byte = Format::new(8, 0).unwrap();
        assert_eq!(requantise(3, 1, byte), 2); // 1.5 -> 2
        assert_eq!(requantise(-3, 1, byte), -1); // -1.5 -> -1
        assert_eq!(requantise(1 << 20, 3, byte), 127);
        assert_eq!(requantise(-(1 << 20), 3, byte), -128);
        assert_eq!(requantise(-128, 0, byte), -128);
    }

    proptest! {
        #[test]
        fn requantise_is_the_floor_of_the_real_quotient(acc in -(1i64 << 40)..(1i64 << 40), shift in 0u32..32) {
            let to = Format::new(16, 0).unwrap();
            // 2^40 fits a double exactly, and so does the quotient by a power of two.
            let real = (acc as f64 / 2f64.powi(shift as i32) + if shift == 0 { 0.0 } else { 0.5 }).floor();
            prop_assert_eq!(f64::from(requantise(acc, shift, to)), real.clamp(-32768.0, 32767.0));
        }

        #[test]
        fn quantise_inverts_value(raw in i16::MIN..=i16::MAX, frac in -32i32..=32) {
            let format = Format::new(16, frac).unwrap();
            prop_assert_eq!(format.quantise(format.value(raw)), raw);
        }
    }
}
