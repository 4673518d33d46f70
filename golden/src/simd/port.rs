//! Frames in and out: words and physical values, 32 at a time.

use super::{elementwise::Range, lanes::Lanes, sink::Sink};
use crate::{Format, Port};

/// The formats of a port.
#[derive(Clone, Debug)]
pub(super) struct Scales {
    /// 2^frac of every word, and more up to whole vectors.
    factors: Vec<f64>,
    /// 2^-frac of every word, likewise.
    inverses: Vec<f64>,
    range: Range,
    words: usize,
}

impl Scales {
    pub(super) fn of(port: &Port) -> Self {
        let fracs: Vec<i32> = port.formats().map(Format::frac).collect();
        let scales = |sign: i32| {
            let mut scales: Vec<f64> = fracs.iter().map(|frac| 2f64.powi(sign * frac)).collect();
            scales.resize(fracs.len().next_multiple_of(32), 1.0);
            scales
        };
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
                let (count, factors) = ((self.words - at).min(32), self.factors.as_ptr().add(at));
                let (words, known) = L::quantise(values.add(at), factors, self.range, count);
                finite &= known;
                sink.put::<L>(frame, at, words);
            }
            at += 32;
        }
        finite
    }

    /// The words of a frame.
    ///
    /// # Safety
    /// As [`Lanes`], with a frame that has the places of the sink, and as many words as the port has.
    #[inline(always)]
    pub(super) unsafe fn put_words<L: Lanes>(&self, words: *const i16, frame: *mut i16, sink: &Sink) {
        let mut at = 0;
        // SAFETY: the caller promises the places and the machine.
        unsafe {
            while at + 32 <= self.words {
                sink.put::<L>(frame, at, L::load(words.add(at)));
                at += 32;
            }
            if at < self.words {
                sink.put::<L>(frame, at, L::load_first(words.add(at), self.words - at));
            }
        }
    }

    /// [`Format::value`] of every word of a frame.
    ///
    /// # Safety
    /// As [`Lanes`], with words up to whole vectors, and room for as many values as the port has words.
    #[inline(always)]
    pub(super) unsafe fn take_values<L: Lanes>(&self, words: *const i16, values: *mut f64) {
        let mut at = 0;
        while at < self.words {
            // SAFETY: the caller promises the places and the machine.
            unsafe {
                let (count, inverses) = ((self.words - at).min(32), self.inverses.as_ptr().add(at));
                L::dequantise(L::load(words.add(at)), inverses, values.add(at), count);
            }
            at += 32;
        }
    }
}
