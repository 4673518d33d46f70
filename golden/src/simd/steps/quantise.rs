//! Quantise and dequantise, 32 at a time: the input and the output frame, as words or as physical values.

use super::{input::Input, permutation::Permutation};
use crate::{
    Conversion, Port,
    number::{Both, Family},
    simd::{
        isa::{Convert, Lanes, Range, Scaled},
        memory::Place,
    },
};

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

impl<V: Scaled> Factors<V> {
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
pub(crate) struct Scale<V> {
    /// 2^point of every word.
    factors: Factors<V>,
    /// 2^-point of every word.
    inverses: Factors<V>,
    /// Whether numbers go through doubles, as their offsets or points ask for.
    through_doubles: bool,
}

impl<V: Scaled> Scale<V> {
    fn of(words: &[Conversion]) -> Self {
        let factors = |sign: i32| Factors::new(words.iter().map(move |word| sign * word.point()));
        let is_direct = |word: &Conversion| word.offset() == 0.0 && word.point().abs() <= V::MOST_POINTS;
        Self { factors: factors(1), inverses: factors(-1), through_doubles: !words.iter().all(is_direct) }
    }
}

/// A [`Scale`] for every number type.
#[derive(Clone, Copy, Debug)]
struct ScaleOf;

impl Family for ScaleOf {
    type Of<V> = Scale<V>;
}

/// What the words of a port stand for.
#[derive(Clone, Debug)]
pub(crate) struct Scales {
    of: Both<ScaleOf>,
    /// The value of the word 0, of every word.
    offsets: Vec<f64>,
    range: Range,
    /// Words of a frame.
    pub(crate) words: usize,
}

impl Scales {
    pub(crate) fn of(port: &Port) -> Self {
        let words: Vec<Conversion> = port.conversions().collect();
        Self {
            of: Both { doubles: Scale::of(&words), singles: Scale::of(&words) },
            offsets: words.iter().map(|word| word.offset()).collect(),
            range: Range::of_bits(port.bits),
            words: words.len(),
        }
    }

    /// [`Conversion::quantise`] of the first `count` values (of at most 32) from word `at` on; whether all are finite.
    ///
    /// # Safety
    /// *Machine*, and *reach*: as many values, and a port that has these words.
    #[inline(always)]
    unsafe fn quantise<L: Convert<V> + Convert<f64>, V: Scaled>(
        &self,
        values: *const V,
        at: usize,
        count: usize,
    ) -> (L::Words, bool) {
        let scale = V::pick(&self.of);
        // SAFETY: *machine*, *reach*; *local*: there are 32 differences.
        unsafe {
            if !scale.through_doubles {
                return L::quantise(values, scale.factors.at(at), self.range, count);
            }
            let mut differences = [0.0; 32];
            for (i, offset) in self.offsets[at..][..count].iter().enumerate() {
                let value: f64 = (*values.add(i)).into();
                differences[i] = value - offset;
            }
            L::quantise(differences.as_ptr(), self.of.doubles.factors.at(at), self.range, count)
        }
    }

    /// [`Conversion::value`] of the first `count` words (of at most 32), which stand from word `at` of the port on.
    ///
    /// # Safety
    /// *Machine*, and *reach*: room for as many values, and a port that has these words.
    #[inline(always)]
    unsafe fn dequantise<L: Convert<V> + Convert<f64>, V: Scaled>(
        &self,
        words: L::Words,
        at: usize,
        values: *mut V,
        count: usize,
    ) {
        let scale = V::pick(&self.of);
        // SAFETY: *machine*, *reach*; *local*: there are 32 doubles.
        unsafe {
            if !scale.through_doubles {
                return L::dequantise(words, scale.inverses.at(at), values, count);
            }
            let mut doubles = [0.0; 32];
            L::dequantise(words, self.of.doubles.inverses.at(at), doubles.as_mut_ptr(), 32);
            for (i, offset) in self.offsets[at..][..count].iter().enumerate() {
                *values.add(i) = V::of(doubles[i] + offset);
            }
        }
    }

    /// [`Conversion::quantise`] of every value of a frame; whether all are finite.
    ///
    /// # Safety
    /// *Machine*, *frame*, *ports*.
    #[inline(always)]
    pub(crate) unsafe fn put_values<L: Convert<V> + Convert<f64>, V: Scaled>(
        &self,
        values: *const V,
        frame: *mut i16,
        input: &Input,
    ) -> bool {
        let mut finite = true;
        let mut at = 0;
        // SAFETY: *machine*, *frame*, *ports*.
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
    /// *Machine*, *frame*, *ports*.
    #[inline(always)]
    pub(crate) unsafe fn put_words<L: Lanes>(
        &self,
        words: *const i16,
        frame: *mut i16,
        input: &Input,
    ) -> bool {
        let mut at = 0;
        // SAFETY: *machine*, *frame*, *ports*.
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
    fn value<V: Scaled>(&self, word: i16, at: usize) -> V {
        let scale = V::pick(&self.of);
        match scale.through_doubles {
            false => V::times(word, scale.inverses.of_word(at)),
            true => V::of(f64::times(word, self.of.doubles.inverses.of_word(at)) + self.offsets[at]),
        }
    }

    /// [`Conversion::value`] of every word that is copied.
    ///
    /// # Safety
    /// *Machine*, *frame*, *step*, *ports*: the copies are of words of the frame, which has a place for all of them.
    #[inline(always)]
    pub(crate) unsafe fn take_values<L: Convert<V> + Convert<f64>, V: Scaled>(
        &self,
        copies: &Permutation,
        frame: *mut i16,
        place: Place,
        values: *mut V,
    ) {
        // SAFETY: *machine*, *frame*, *step*, *ports*.
        unsafe {
            match copies {
                Permutation::Whole { from, .. } => self.take_in_order::<L, V>(frame.add(*from), values),
                Permutation::Tiles { tiles, words } => {
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
                Permutation::Runs(_) | Permutation::Pairs { .. } => {
                    copies.run::<L>(frame, frame.add(place));
                    self.take_in_order::<L, V>(frame.add(place), values);
                }
            }
        }
    }

    /// [`Conversion::value`] of consecutive words.
    ///
    /// # Safety
    /// *Machine*, *ports*, and *reach*: 32 words more than the port has.
    #[inline(always)]
    unsafe fn take_in_order<L: Convert<V> + Convert<f64>, V: Scaled>(
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
            // SAFETY: *machine*, *ports*, *reach*.
            unsafe {
                let count = (self.words - at).min(next);
                self.dequantise::<L, V>(L::load(words.add(at)), at, values.add(at), count);
                at += count;
            }
            next = 32;
        }
    }
}
