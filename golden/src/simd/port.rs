//! Frames in and out: words and physical values, 32 at a time.

use super::{elementwise::Range, lanes::Lanes, sink::Sink};
use crate::{Format, Port};

/// Frames of as many words are written to whole lines of memory, after the words before the first of them.
const LONG: usize = 128;

/// Factors of all words of a port.
#[derive(Clone, Debug)]
enum Factors {
    /// The same for all words.
    Same(Box<Line>),
    /// One per word, and 64 more.
    Each(Vec<f64>),
}

/// 32 factors.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Line([f64; 32]);

impl Factors {
    fn new(mut factors: Vec<f64>) -> Self {
        match factors[..] {
            [first, ref rest @ ..] if rest.iter().all(|&factor| factor == first) => {
                Self::Same(Box::new(Line([first; 32])))
            }
            _ => {
                factors.resize(factors.len() + 64, 1.0);
                Self::Each(factors)
            }
        }
    }

    /// Those of 32 words from word `at` of the port on.
    #[inline(always)]
    fn at(&self, at: usize) -> *const f64 {
        match self {
            Self::Same(line) => line.0.as_ptr(),
            Self::Each(factors) => factors.as_ptr().wrapping_add(at),
        }
    }
}

/// The formats of a port.
#[derive(Clone, Debug)]
pub(super) struct Scales {
    /// 2^frac of every word.
    factors: Factors,
    /// 2^-frac of every word.
    inverses: Factors,
    range: Range,
    words: usize,
}

impl Scales {
    pub(super) fn of(port: &Port) -> Self {
        let fracs: Vec<i32> = port.formats().map(Format::frac).collect();
        let scales = |sign: i32| Factors::new(fracs.iter().map(|frac| 2f64.powi(sign * frac)).collect());
        let range =
            Range { min: (-1i32 << (port.bits - 1)) as i16, max: ((1i32 << (port.bits - 1)) - 1) as i16 };
        Self { factors: scales(1), inverses: scales(-1), range, words: fracs.len() }
    }

    /// [`Format::quantise`] of every value of a frame; whether all are finite.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places of the sink, and as many values as the port has words.
    #[inline(always)]
    pub(super) unsafe fn put_values<L: Lanes>(
        &self,
        values: *const f64,
        frame: *mut i16,
        sink: &Sink,
    ) -> bool {
        let mut finite = true;
        let mut at = 0;
        while at < self.words {
            // SAFETY: the caller promises the places and the machine.
            unsafe {
                let (count, factors) = ((self.words - at).min(32), self.factors.at(at));
                let (words, known) = L::quantise(values.add(at), factors, self.range, count);
                finite &= known;
                sink.put::<L>(frame, at, words);
            }
            at += 32;
        }
        finite
    }

    /// The words of a frame; whether all fit the port's width.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places of the sink, and as many words as the port has.
    #[inline(always)]
    pub(super) unsafe fn put_words<L: Lanes>(&self, words: *const i16, frame: *mut i16, sink: &Sink) -> bool {
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
                sink.put::<L>(frame, at, words);
                at += 32;
            }
            L::is_zero(beyond)
        }
    }

    /// [`Format::value`] of every word of a frame.
    ///
    /// # Safety
    /// As [`Lanes`], with 32 words more than the port has, and room for as many values as it has.
    #[inline(always)]
    pub(super) unsafe fn take_values<L: Lanes>(&self, words: *const i16, values: *mut f64) {
        let mut at = 0;
        let mut next = match self.words {
            LONG.. => 8 - (values as usize / 8) % 8,
            _ => 32,
        };
        while at < self.words {
            // SAFETY: the caller promises the places and the machine.
            unsafe {
                let count = (self.words - at).min(next);
                L::dequantise(L::load(words.add(at)), self.inverses.at(at), values.add(at), count);
                at += count;
            }
            next = 32;
        }
    }
}
