//! Permutation of words: the output frame in another order, and the windows of a block one after the other (im2col).

use super::transpose::Tile;
use crate::simd::isa::Lanes;

/// Permutation of words to consecutive places.
#[derive(Clone, Debug)]
pub(crate) enum Permutation {
    /// One run of consecutive words: where from, and how many.
    Whole { from: usize, count: usize },
    /// Runs of consecutive words, or of one word again and again.
    Runs(Vec<Run>),
    /// Columns that become rows, and then words in no column: where from, and where to.
    Tiles { tiles: Vec<Tile>, words: Vec<[u32; 2]> },
    /// Pairs of consecutive words, and then words that are none: where from, and where to.
    Pairs { pairs: Vec<u32>, words: Vec<[u32; 2]> },
}

/// A run of words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    from: u32,
    to: u32,
    count: u32,
    /// Whether it is one word.
    one: bool,
}

impl Run {
    /// Whether it is one word again and again.
    pub(crate) fn is_of_one(&self) -> bool {
        self.one
    }
}

impl Permutation {
    /// Word i of the copy is word `from[i]`.
    pub(crate) fn new(from: &[usize]) -> Self {
        let runs = runs(from);
        if let [Run { from, count, one: false, .. }] = runs[..] {
            return Self::Whole { from: from as usize, count: count as usize };
        }
        if runs.len() * 6 <= from.len() || from.len() < 2 {
            return Self::Runs(runs);
        }
        let (tiles, done) = Tile::all(from);
        let stray = done.iter().filter(|done| !**done).count();
        if stray * 8 <= from.len() {
            let words = (0..from.len()).filter(|&to| !done[to]).map(|to| [from[to] as u32, to as u32]);
            return Self::Tiles { tiles, words: words.collect() };
        }
        let mut words = vec![];
        let mut pairs: Vec<u32> = vec![];
        for (pair, two) in from.chunks(2).enumerate() {
            let to = 2 * pair as u32;
            match *two {
                [a, b] if b == a + 1 => pairs.push(a as u32),
                _ => {
                    // Overwritten by the words that are none.
                    if two.len() == 2 {
                        pairs.push(two[0] as u32);
                    }
                    words.extend(two.iter().zip(to..).map(|(&from, to)| [from as u32, to]));
                }
            }
        }
        Self::Pairs { pairs, words }
    }

    /// # Safety
    /// *Machine*, *frame*, *step*, and *reach*: room for the copy at `y`.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *const i16, y: *mut i16) {
        // SAFETY: *machine*, *frame*, *step*, *reach*.
        unsafe {
            match self {
                Self::Whole { from, count } => copy::<L>(frame.add(*from), y, *count),
                Self::Runs(runs) => {
                    for &Run { from, to, count, one } in runs {
                        let (from, to) = (frame.add(from as usize), y.add(to as usize));
                        match one {
                            true => std::slice::from_raw_parts_mut(to, count as usize).fill(*from),
                            false => copy::<L>(from, to, count as usize),
                        }
                    }
                }
                Self::Tiles { tiles, words } => {
                    for tile in tiles {
                        for (to, row) in tile.rows::<L>(frame) {
                            L::store(y.add(to), row);
                        }
                    }
                    for &[from, to] in words {
                        *y.add(to as usize) = *frame.add(from as usize);
                    }
                }
                Self::Pairs { pairs, words } => {
                    for (i, &from) in pairs.iter().enumerate() {
                        let pair = frame.add(from as usize).cast::<[i16; 2]>().read_unaligned();
                        y.add(2 * i).cast::<[i16; 2]>().write_unaligned(pair);
                    }
                    for &[from, to] in words {
                        *y.add(to as usize) = *frame.add(from as usize);
                    }
                }
            }
        }
    }
}

/// # Safety
/// *Machine*, and *reach*: `count` words and 32 more to read, and room for `count`.
#[inline(always)]
unsafe fn copy<L: Lanes>(from: *const i16, to: *mut i16, count: usize) {
    let mut at = 0;
    // SAFETY: *machine*, *reach*.
    unsafe {
        while at + 32 <= count {
            L::store(to.add(at), L::load(from.add(at)));
            at += 32;
        }
        if at < count {
            L::store_first(to.add(at), L::load(from.add(at)), count - at);
        }
    }
}

fn runs(from: &[usize]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for (to, &from) in from.iter().enumerate() {
        let (from, to) = (from as u32, to as u32);
        match runs.last_mut() {
            Some(run) if !run.one && run.from + run.count == from => run.count += 1,
            Some(run) if run.from == from && (run.one || run.count == 1) => {
                (run.one, run.count) = (true, run.count + 1)
            }
            _ => runs.push(Run { from, to, count: 1, one: false }),
        }
    }
    runs
}
