//! Fixed-point formats and the one rounding rule.

use std::fmt;

use crate::error::EmulatorError;

/// Which words of a width there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Two's complement: -2^(bits-1) to 2^(bits-1) - 1.
    Signed,
    /// 0 to 2^bits - 1, of at most 15 bits.
    Unsigned,
    /// -1 and 1, in one bit: for weights.
    Bipolar,
}

/// A fixed-point format: value = raw · 2^-frac.
///
/// All rules about widths ask the format: which words it holds, how large they are, whether they fit a word of another width.
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
    kind: Kind,
}

impl Format {
    /// A two's complement format of `bits` (1..=16) with `frac` (-32..=32) fractional bits.
    ///
    /// # Errors
    /// Any other width or binary point.
    pub fn new(bits: u32, frac: i32) -> Result<Self, EmulatorError> {
        Self::of(Kind::Signed, bits, frac)
    }

    /// A format of words from 0 on, of `bits` (1..=15) with `frac` (-32..=32) fractional bits.
    ///
    /// # Errors
    /// Any other width or binary point.
    pub fn unsigned(bits: u32, frac: i32) -> Result<Self, EmulatorError> {
        Self::of(Kind::Unsigned, bits, frac)
    }

    /// The format of weights that are -1 or 1, times 2^-`frac` (-32..=32).
    ///
    /// # Errors
    /// Any other binary point.
    pub fn bipolar(frac: i32) -> Result<Self, EmulatorError> {
        Self::of(Kind::Bipolar, 1, frac)
    }

    /// A format of any kind.
    pub(crate) fn of(kind: Kind, bits: u32, frac: i32) -> Result<Self, EmulatorError> {
        let widest = match kind {
            Kind::Signed => 16,
            Kind::Unsigned => 15,
            Kind::Bipolar => 1,
        };
        if !(1..=widest).contains(&bits) {
            return Err(EmulatorError::expected("format: bits", format_args!("1..={widest}"), bits));
        }
        if !(-32..=32).contains(&frac) {
            return Err(EmulatorError::expected("format: frac", "-32..=32", frac));
        }
        Ok(Self { bits: bits as u8, frac: frac as i8, kind })
    }

    /// The finest two's complement format of `bits` whose range holds ±`max_abs`.
    ///
    /// # Errors
    /// `bits` that are not 1..=16; `max_abs` that is not finite or so large that no binary point serves.
    pub fn covering(bits: u32, max_abs: f64) -> Result<Self, EmulatorError> {
        Self::new(bits, 0)?;
        if !max_abs.is_finite() {
            return Err(EmulatorError::expected("format: range", "a finite range", max_abs));
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

    /// Which words there are.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// The smallest raw word.
    pub fn min(self) -> i32 {
        match self.kind {
            Kind::Signed => -(1 << (self.bits - 1)),
            Kind::Unsigned => 0,
            Kind::Bipolar => -1,
        }
    }

    /// The largest raw word.
    pub fn max(self) -> i32 {
        match self.kind {
            Kind::Signed => (1 << (self.bits - 1)) - 1,
            Kind::Unsigned => (1 << self.bits) - 1,
            Kind::Bipolar => 1,
        }
    }

    /// The largest magnitude of a raw word.
    pub fn largest(self) -> i32 {
        self.max().max(-self.min())
    }

    /// Whether `raw` is a word of this format.
    pub fn holds(self, raw: i64) -> bool {
        (i64::from(self.min())..=i64::from(self.max())).contains(&raw)
            && (raw != 0 || self.kind != Kind::Bipolar)
    }

    /// Whether every word is one of two's complement in `bits` (1..=16) bits.
    pub fn fits(self, bits: u32) -> bool {
        Self::new(bits, 0).is_ok_and(|wide| wide.min() <= self.min() && self.max() <= wide.max())
    }

    /// Whether words are in two's complement of one of these widths.
    pub fn is_signed_of(self, widths: &[u32]) -> bool {
        self.kind == Kind::Signed && widths.contains(&self.bits())
    }

    /// The nearest word to `value`, ties upwards, saturating. NaN becomes 0; refuse it at the door.
    pub fn quantise(self, value: f64) -> i16 {
        self.nearest(value, self.frac())
    }

    /// The nearest word to value · 2^point, ties upwards, saturating. NaN becomes 0.
    pub(crate) fn nearest(self, value: f64, point: i32) -> i16 {
        let scaled = value * power_of_two(point);
        if self.kind == Kind::Bipolar {
            return if scaled < 0.0 { -1 } else { 1 };
        }
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

impl fmt::Display for Format {
    /// For example `6-bit words from 0 on`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.kind {
            Kind::Signed => write!(f, "{}-bit words in two's complement", self.bits),
            Kind::Unsigned => write!(f, "{}-bit words from 0 on", self.bits),
            Kind::Bipolar => f.write_str("words of -1 and 1"),
        }
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
        assert_eq!(Format::new(17, 0).unwrap_err().to_string(), "format: bits: expected 1..=16, found 17");
        let message = |format: Result<Format, EmulatorError>| format.unwrap_err().to_string();
        assert_eq!(message(Format::unsigned(16, 0)), "format: bits: expected 1..=15, found 16");
        assert_eq!(message(Format::covering(0, 1.0)), "format: bits: expected 1..=16, found 0");
        assert_eq!(message(Format::bipolar(-33)), "format: frac: expected -32..=32, found -33");
        assert!(Format::new(8, 33).is_err() && Format::new(0, 0).is_err());
    }

    #[test]
    fn kinds_say_which_words_there_are() {
        let ends = |format: Format| (format.min(), format.max(), format.largest());
        let (signed, unsigned) = (Format::new(6, 2).unwrap(), Format::unsigned(6, 2).unwrap());
        assert_eq!((ends(signed), ends(unsigned)), ((-32, 31, 32), (0, 63, 63)));
        assert_eq!((signed.quantise(-9.0), unsigned.quantise(-9.0), unsigned.quantise(99.0)), (-32, 0, 63));
        let sign = Format::bipolar(1).unwrap();
        assert_eq!((ends(sign), sign.bits()), ((-1, 1, 1), 1));
        assert_eq!([-0.1, 0.0, 7.0, f64::NAN].map(|v| sign.quantise(v)), [-1, 1, 1, 1]);
        assert!(sign.holds(1) && sign.holds(-1) && !sign.holds(0) && sign.value(-1) == -0.5);
        assert_eq!([1, 6, 7].map(|bits| unsigned.fits(bits)), [false, false, true]);
        assert_eq!([1, 2, 16].map(|bits| sign.fits(bits)), [false, true, true]);
        assert!(signed.is_signed_of(&[4, 6]) && !unsigned.is_signed_of(&[6]));
        assert_eq!(requantise(-9, 1, unsigned), 0);
        assert_eq!(requantise(1000, 1, unsigned), 63);
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
