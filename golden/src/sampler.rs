//! Random numbers and frames of words.

use crate::Format;

/// A small seeded generator (splitmix64, Steele, Lea & Flood 2014); equal seeds give equal samples on every machine.
#[derive(Clone, Debug)]
pub struct Sampler {
    state: u64,
}

impl Sampler {
    /// A generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..=high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.bits() % (high - low + 1) as u64) as i64
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: i64) -> bool {
        self.range(1, n) == 1
    }

    /// A frame of words of `format`: mostly arbitrary, sometimes all extreme or all zero.
    pub fn frame(&mut self, words: usize, format: Format) -> Vec<i16> {
        let (min, max) = (i64::from(format.min()), i64::from(format.max()));
        match self.range(0, 7) {
            0 => vec![0; words],
            1 => (0..words).map(|_| if self.once_in(2) { min } else { max } as i16).collect(),
            _ => (0..words).map(|_| self.range(min, max) as i16).collect(),
        }
    }
}
