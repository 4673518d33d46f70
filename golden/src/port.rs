//! The words of a frame, and the physical values that they stand for.

use crate::{Format, Value};

/// Part of a frame that has one meaning, one binary point, one scale and one offset: value = offset + raw · 2^(scale - frac).
///
/// Layers know the binary point alone; scale and offset are between words and physical values.
///
/// ```
/// use emeuro_golden::{Port, Segment};
/// // Pressures around 101325 Pa, to a sixteenth of a pascal.
/// let pressure = Segment { scale: 11, offset: 101325.0, ..Segment::new("pressure", "Pa", 1, 15) };
/// let port = Port { bits: 16, segments: vec![pressure] };
/// let word = port.conversions().next().unwrap();
/// assert_eq!(word.quantise(101326.0), 16);
/// assert_eq!(word.value(16), 101326.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// What the words are, for example `position`.
    pub name: String,
    /// The physical unit, `1` if there is none.
    pub unit: String,
    /// Number of words.
    pub size: usize,
    /// Binary point of a word, as layers see it.
    pub frac: i32,
    /// Exponent of the power of two that physical values are multiples of, -900 to 900; 0 if they are what layers see.
    pub scale: i32,
    /// The physical value of the word 0, at most 1e250 in magnitude.
    pub offset: f64,
    /// Of every word the least and the largest physical value that the emulator was made for; none if that is not known.
    pub ranges: Vec<[f64; 2]>,
}

impl Segment {
    /// `size` words with `frac` fractional bits, without scale, offset and ranges.
    pub fn new(name: impl Into<String>, unit: impl Into<String>, size: usize, frac: i32) -> Self {
        Self { name: name.into(), unit: unit.into(), size, frac, scale: 0, offset: 0.0, ranges: vec![] }
    }

    /// Whether words are physical values but for their binary point.
    pub(crate) fn is_plain(&self) -> bool {
        self.scale == 0 && self.offset == 0.0
    }
}

/// The words of an input or output frame.
///
/// Layers see all words in the format of the first segment; other binary points are accounted for in the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Width of a word, 8 or 16.
    pub bits: u32,
    /// The parts of a frame, in order.
    pub segments: Vec<Segment>,
}

impl Port {
    /// `size` words of one meaning and `format`, without a unit.
    pub fn new(name: &str, size: usize, format: Format) -> Self {
        Self { bits: format.bits(), segments: vec![Segment::new(name, "1", size, format.frac())] }
    }

    /// Number of words in a frame.
    pub fn size(&self) -> usize {
        self.segments.iter().map(|s| s.size).sum()
    }

    /// The segment of every word of a frame, and its index in the segment, in order.
    pub fn words(&self) -> impl Iterator<Item = (&Segment, usize)> {
        self.segments.iter().flat_map(|segment| (0..segment.size).map(move |index| (segment, index)))
    }

    /// The format of every word of a frame, in order, as layers see it.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        self.conversions().map(Conversion::format)
    }

    /// What every word of a frame stands for, in order.
    pub fn conversions(&self) -> impl Iterator<Item = Conversion> {
        self.segments.iter().flat_map(|s| {
            let format = Format::new(self.bits, s.frac).expect("ports are checked when built");
            std::iter::repeat_n(Conversion { format, scale: s.scale, offset: s.offset }, s.size)
        })
    }

    /// The least and the largest value of every word, in order, that the emulator was made for; none where that is not known.
    pub fn ranges(&self) -> impl Iterator<Item = Option<[f64; 2]>> {
        self.words().map(|(segment, index)| segment.ranges.get(index).copied())
    }
}

/// Between a word and its physical value: value = offset + raw · 2^(scale - frac).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    format: Format,
    scale: i32,
    offset: f64,
}

impl Conversion {
    /// The word as layers see it.
    pub fn format(self) -> Format {
        self.format
    }

    /// The physical value of the word 0.
    pub fn offset(self) -> f64 {
        self.offset
    }

    /// Binary point of the physical value: a word is a multiple of 2^-point.
    pub fn point(self) -> i32 {
        self.format.frac() - self.scale
    }

    /// The nearest word to `value`, ties upwards, saturating; the difference to the offset is that of doubles. NaN becomes 0;
    /// refuse it at the door.
    pub fn quantise(self, value: f64) -> i16 {
        self.format.nearest(value - self.offset, self.point())
    }

    /// The value of a word, to the nearest double.
    pub fn value(self, raw: i16) -> f64 {
        f64::from(raw) * crate::format::power_of_two(-self.point()) + self.offset
    }
}

/// What the values of frames are compared with: the ranges of a port's words.
///
/// ```
/// use emeuro_golden::{Port, Ranges, Segment};
/// let angle = Segment { ranges: vec![[-1.5, 1.5]], ..Segment::new("angle", "rad", 1, 12) };
/// let port = Port { bits: 16, segments: vec![angle, Segment::new("speed", "m/s", 2, 8)] };
/// let ranges = Ranges::of(&port).unwrap();
/// assert_eq!(ranges.outside(&[1.5, 9.0, -9.0]), None);
/// assert_eq!(ranges.outside(&[-1.6, 9.0, -9.0]), Some(0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges(Vec<[f64; 2]>);

impl Ranges {
    /// Those of a port; none if it has none.
    pub fn of(port: &Port) -> Option<Self> {
        let known = port.ranges().any(|range| range.is_some());
        let all = port.ranges().map(|range| range.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]));
        known.then(|| Self(all.collect()))
    }

    /// The first value of a frame that is outside its range, both as numbers of the frame's type.
    pub fn outside<V: Value>(&self, frame: &[V]) -> Option<usize> {
        let is_outside = |(value, [low, high]): (&V, &[f64; 2])| {
            let [value, low, high] = [*value, V::of(*low), V::of(*high)].map(Into::<f64>::into);
            value < low || value > high
        };
        frame.iter().zip(&self.0).position(is_outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn conversion(frac: i32, scale: i32, offset: f64) -> Conversion {
        Conversion { format: Format::new(16, frac).unwrap(), scale, offset }
    }

    #[test]
    fn scale_and_offset_are_between_values_and_words() {
        let kilo = conversion(5, 10, 1e6);
        assert_eq!((kilo.point(), kilo.value(1), kilo.quantise(1e6 - 64.0)), (-5, 1_000_032.0, -2));
        assert_eq!(kilo.quantise(f64::MAX), i16::MAX);
        assert_eq!(conversion(32, -900, 0.0).quantise(f64::MIN_POSITIVE), 0);
        assert_eq!(conversion(-32, 900, -1e250).quantise(f64::MIN), i16::MIN);
    }

    proptest! {
        /// A word survives being a value and back, if doubles tell its value from its neighbours'.
        #[test]
        fn values_are_those_of_words(raw: i16, frac in -32i32..=32, scale in -900i32..=900, offset in -32768i32..32768) {
            let unit = 2f64.powi(scale - frac);
            let here = conversion(frac, scale, f64::from(offset) * unit);
            prop_assert_eq!(here.value(raw), (f64::from(raw) + f64::from(offset)) * unit);
            prop_assert_eq!(here.quantise(here.value(raw)), raw);
        }
    }
}
