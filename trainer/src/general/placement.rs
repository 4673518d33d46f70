//! Where numbers lie, and the offset and the power of two that bring them to words.

/// The least and the largest of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Numbers whose middle is farther from zero than so many half spans have an offset: without one, words would lose two bits of them.
const FAR: f64 = 3.0;

impl Span {
    /// What holds nothing.
    pub(super) const NOTHING: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        values.into_iter().fold(Self::NOTHING, |span, v| span.and(Self { low: v, high: v }))
    }

    /// The least span that holds both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Whether it holds one number, or none.
    pub(super) fn is_constant(self) -> bool {
        self.low >= self.high
    }

    /// What is subtracted: a number of few digits near the middle, or nothing if zero is not far.
    pub(super) fn offset(self) -> f64 {
        let half = self.high / 2.0 - self.low / 2.0;
        let middle = self.low + half;
        if self.low > self.high || middle.abs() <= FAR * half {
            return 0.0;
        }
        if half <= 0.0 {
            return self.low;
        }
        // To the power of two in half of the span: no digits that words do not need.
        let grid = half.log2().floor().exp2();
        if grid > 0.0 { (middle / grid).round() * grid } else { middle }
    }

    /// The largest magnitude after the offset.
    pub(super) fn largest(self) -> f64 {
        let offset = self.offset();
        let largest = (self.high - offset).abs().max((self.low - offset).abs());
        if largest.is_finite() { largest } else { 0.0 }
    }

    /// The least exponent whose power of two is no less than [`largest`](Self::largest); none for zero.
    pub(super) fn exponent(self) -> Option<i32> {
        let largest = self.largest();
        (largest > 0.0).then(|| largest.log2().ceil() as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_far_from_zero_has_an_offset_of_few_digits() {
        let offset = |low: f64, high: f64| Span { low, high }.offset();
        assert_eq!(offset(9_998.6, 10_001.5), 10_000.0);
        assert_eq!(offset(-1.0, 3.0), 0.0);
        assert_eq!(offset(1.0, 2.0), 0.0);
        assert_eq!(offset(1.0, 1.5), 1.25);
        assert_eq!(offset(-7.5, -7.5), -7.5);
        assert_eq!(offset(0.0, 0.0), 0.0);
        assert_eq!(Span::NOTHING.offset(), 0.0);
        assert_eq!(Span { low: -1e300, high: 1e300 }.exponent(), Some(997));
        assert_eq!(Span { low: 5.0, high: 5.0 }.exponent(), None);
    }

    proptest! {
        #[test]
        fn words_lose_at_most_two_bits(middle in -1e12f64..1e12, half in 1e-3f64..1e3) {
            let span = Span { low: middle - half, high: middle + half };
            prop_assert!(span.largest() <= (FAR + 1.0) * half * 1.01, "{}", span.largest());
        }

        /// Another unit moves the exponent and the offset, and nothing else.
        #[test]
        fn a_power_of_two_is_another_unit(low in -1e3f64..1e3, width in 0f64..1e3, power in -90i32..90) {
            let unit = 2f64.powi(power);
            let (here, there) = (Span { low, high: low + width }, Span { low: low * unit, high: (low + width) * unit });
            prop_assert_eq!(there.offset(), here.offset() * unit);
            prop_assert_eq!(there.exponent(), here.exponent().map(|e| e + power));
        }
    }
}
