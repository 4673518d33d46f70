//! Frames in and out: words and physical values, 32 at a time.

use super::{
    convert::Convert, copies::Copies, elementwise::Range, input::Input, lanes::Lanes, number::Number,
    plan::Place,
};
use crate::{Conversion, Port};

/// Frames of as many words are written to whole lines of memory, after the words before the first of them.
const LONG: usize = 128;

/// Factors of all words of a port.
#[derive(Clone, Debug)]
enum Factors<V> {
    /// The same for all words.
    Same(Box<Line<V>>),
    /// One per word, and 64 more.
    Each(Vec<V>),
}

/// 32 factors.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Line<V>([V; 32]);

impl<V: Number> Factors<V> {
    /// The powers of two with these exponents.
    fn new(exponents: impl Iterator<Item = i32>) -> Self {
        let mut factors: Vec<V> = exponents.map(|exponent| V::of(2f64.powi(exponent))).collect();
        match factors[..] {
            [first, ref rest @ ..] if rest.iter().all(|&factor| factor == first) => {
                Self::Same(Box::new(Line([first; 32])))
            }
            _ => {
                factors.resize(factors.len() + 64, V::of(1.0));
                Self::Each(factors)
            }
        }
    }

    /// That of word `at` of the port.
    #[inline(always)]
    fn of_word(&self, at: usize) -> V {
        match self {
            Self::Same(line) => line.0[0],
            Self::Each(factors) => factors[at],
        }
    }

    /// Those of 32 words from word `at` of the port on.
    #[inline(always)]
    fn at(&self, at: usize) -> *const V {
        match self {
            Self::Same(line) => line.0.as_ptr(),
            Self::Each(factors) => factors.as_ptr().wrapping_add(at),
        }
    }
}

/// The points of a port, for numbers of a type.
#[derive(Clone, Debug)]
pub struct Scale<V> {
    /// 2^point of every word.
    factors: Factors<V>,
    /// 2^-point of every word.
    inverses: Factors<V>,
    /// Whether numbers go through doubles, as their offsets or points ask for.
    through_doubles: bool,
}

impl<V: Number> Scale<V> {
    fn of(words: &[Conversion]) -> Self {
        let factors = |sign: i32| Factors::new(words.iter().map(move |word| sign * word.point()));
        let is_direct = |word: &Conversion| word.offset() == 0.0 && word.point().abs() <= V::MOST_POINTS;
        Self { factors: factors(1), inverses: factors(-1), through_doubles: !words.iter().all(is_direct) }
    }
}

/// What the words of a port stand for.
#[derive(Clone, Debug)]
pub struct Scales {
    pub(super) doubles: Scale<f64>,
    pub(super) singles: Scale<f32>,
    /// The value of the word 0, of every word.
    offsets: Vec<f64>,
    range: Range,
    /// Words of a frame.
    pub(super) words: usize,
}

impl Scales {
    pub(super) fn of(port: &Port) -> Self {
        let words: Vec<Conversion> = port.conversions().collect();
        let range =
            Range { min: (-1i32 << (port.bits - 1)) as i16, max: ((1i32 << (port.bits - 1)) - 1) as i16 };
        Self {
            doubles: Scale::of(&words),
            singles: Scale::of(&words),
            offsets: words.iter().map(|word| word.offset()).collect(),
            range,
            words: words.len(),
        }
    }

    /// [`Conversion::quantise`] of the first `count` values (of at most 32) from word `at` on; whether all are finite.
    ///
    /// # Safety
    /// As [`Lanes`], with as many values, and a port that has these words.
    #[inline(always)]
    unsafe fn quantise<L: Convert<V> + Convert<f64>, V: Number>(
        &self,
        values: *const V,
        at: usize,
        count: usize,
    ) -> (L::Words, bool) {
        let scale = V::scale(self);
        // SAFETY: the caller promises the values and the machine.
        unsafe {
            if !scale.through_doubles {
                return L::quantise(values, scale.factors.at(at), self.range, count);
            }
            let mut differences = [0.0; 32];
            for (i, offset) in self.offsets[at..][..count].iter().enumerate() {
                let value: f64 = (*values.add(i)).into();
                differences[i] = value - offset;
            }
            L::quantise(differences.as_ptr(), self.doubles.factors.at(at), self.range, count)
        }
    }

    /// [`Conversion::value`] of the first `count` words (of at most 32), which stand from word `at` of the port on.
    ///
    /// # Safety
    /// As [`Lanes`], with room for as many values, and a port that has these words.
    #[inline(always)]
    unsafe fn dequantise<L: Convert<V> + Convert<f64>, V: Number>(
        &self,
        words: L::Words,
        at: usize,
        values: *mut V,
        count: usize,
    ) {
        let scale = V::scale(self);
        // SAFETY: the caller promises the room and the machine.
        unsafe {
            if !scale.through_doubles {
                return L::dequantise(words, scale.inverses.at(at), values, count);
            }
            let mut doubles = [0.0; 32];
            L::dequantise(words, self.doubles.inverses.at(at), doubles.as_mut_ptr(), 32);
            for (i, offset) in self.offsets[at..][..count].iter().enumerate() {
                *values.add(i) = V::of(doubles[i] + offset);
            }
        }
    }

    /// [`Conversion::quantise`] of every value of a frame; whether all are finite.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places of the input, and as many values as the port has words.
    #[inline(always)]
    pub(super) unsafe fn put_values<L: Convert<V> + Convert<f64>, V: Number>(
        &self,
        values: *const V,
        frame: *mut i16,
        input: &Input,
    ) -> bool {
        let mut finite = true;
        let mut at = 0;
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            // A count that the compiler knows needs no masks.
            while at + 32 <= self.words {
                let (words, known) = self.quantise::<L, V>(values.add(at), at, 32);
                finite &= known;
                input.put::<L>(frame, at, words);
                at += 32;
            }
            if at < self.words {
                let (words, known) = self.quantise::<L, V>(values.add(at), at, self.words - at);
                finite &= known;
                input.put::<L>(frame, at, words);
            }
        }
        finite
    }

    /// The words of a frame; whether all fit the port's width.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places of the input, and as many words as the port has.
    #[inline(always)]
    pub(super) unsafe fn put_words<L: Lanes>(
        &self,
        words: *const i16,
        frame: *mut i16,
        input: &Input,
    ) -> bool {
        let mut at = 0;
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            let mut beyond = L::splat(0);
            while at < self.words {
                let count = self.words - at;
                let words = match count {
                    32.. => L::load(words.add(at)),
                    _ => L::load_first(words.add(at), count),
                };
                if self.range.is_narrower() {
                    beyond = L::or(beyond, L::xor(words, self.range.clamp::<L>(words)));
                }
                input.put::<L>(frame, at, words);
                at += 32;
            }
            L::is_zero(beyond)
        }
    }

    /// [`Conversion::value`] of one word, which is word `at` of the port.
    #[inline(always)]
    fn value<V: Number>(&self, word: i16, at: usize) -> V {
        let scale = V::scale(self);
        match scale.through_doubles {
            false => V::times(word, scale.inverses.of_word(at)),
            true => V::of(f64::times(word, self.doubles.inverses.of_word(at)) + self.offsets[at]),
        }
    }

    /// [`Conversion::value`] of every word that is copied.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the words and 32 more, another place for all of them and 32 more, and room for as many
    /// values as the port has.
    #[inline(always)]
    pub(super) unsafe fn take_values<L: Convert<V> + Convert<f64>, V: Number>(
        &self,
        copies: &Copies,
        frame: *mut i16,
        place: Place,
        values: *mut V,
    ) {
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            match copies {
                Copies::Whole { from, .. } => self.take_in_order::<L, V>(frame.add(*from), values),
                Copies::Tiles { tiles, words } => {
                    for tile in tiles {
                        for (to, row) in tile.rows::<L>(frame) {
                            self.dequantise::<L, V>(row, to, values.add(to), 32);
                        }
                    }
                    for &[from, to] in words {
                        let (from, to) = (from as usize, to as usize);
                        *values.add(to) = self.value(*frame.add(from), to);
                    }
                }
                Copies::Runs(_) | Copies::Pairs { .. } => {
                    copies.run::<L>(frame, frame.add(place));
                    self.take_in_order::<L, V>(frame.add(place), values);
                }
            }
        }
    }

    /// [`Conversion::value`] of consecutive words.
    ///
    /// # Safety
    /// As [`Lanes`], with 32 words more than the port has, and room for as many values as it has.
    #[inline(always)]
    unsafe fn take_in_order<L: Convert<V> + Convert<f64>, V: Number>(
        &self,
        words: *const i16,
        values: *mut V,
    ) {
        let line = 64 / size_of::<V>();
        let mut at = 0;
        let mut next = match self.words {
            LONG.. => line - (values as usize / size_of::<V>()) % line,
            _ => 32,
        };
        while at < self.words {
            // SAFETY: the caller promises the places and the machine.
            unsafe {
                let count = (self.words - at).min(next);
                self.dequantise::<L, V>(L::load(words.add(at)), at, values.add(at), count);
                at += count;
            }
            next = 32;
        }
    }
}
