//! Transpose of pairs of words, 16 columns of four at a time: a part of a [permutation](super::permutation), as the outputs of blocks
//! become those of a transform.

use std::collections::{BTreeMap, HashMap};

use crate::simd::isa::Lanes;

/// Words of a row.
const ROW: usize = 32;
/// Pairs of a row: columns.
const COLUMNS: usize = 16;
/// Rows of a tile: pairs of a column.
const ROWS: usize = 4;
/// The most pairs of a tile that are in no column.
const STRAY: usize = 8;

/// 16 columns of four consecutive pairs, and four rows that have one pair of each.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    /// Where the columns begin: every fourth from the first, from the second and so on.
    columns: [[u32; 4]; 4],
    /// The order of bytes in which columns are read: upwards, or downwards.
    turns: Box<[Turn; 4]>,
    /// Where the first row goes.
    to: usize,
    /// Distance of the rows.
    pitch: usize,
}

/// Places of the bytes of four columns.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Turn([u8; 64]);

/// A column of a tile as it is found.
#[derive(Clone, Copy)]
struct Column {
    from: usize,
    downwards: bool,
}

impl Column {
    /// Which of its pairs is in row `row`.
    fn index(self, row: usize) -> usize {
        if self.downwards { ROWS - 1 - row } else { row }
    }

    /// Where the first word of its pair in row `row` is.
    fn pair(self, row: usize) -> usize {
        self.from + 2 * self.index(row)
    }

    /// The column that has the pair at `pair` in row `row`.
    fn through(pair: usize, row: usize, downwards: bool) -> Option<Self> {
        let first = Self { from: 0, downwards };
        Some(Self { from: pair.checked_sub(first.pair(row))?, ..first })
    }

    /// In how many rows it has the pair that `pairs` names there.
    fn hits(self, pairs: &[Option<usize>; ROWS]) -> usize {
        (0..ROWS).filter(|&row| pairs[row] == Some(self.pair(row))).count()
    }

    /// The one that has the most of the pairs.
    fn best(pairs: &[Option<usize>; ROWS]) -> Option<Self> {
        let through = |row: usize| {
            let pair = pairs[row]?;
            Some([false, true].into_iter().filter_map(move |downwards| Self::through(pair, row, downwards)))
        };
        (0..ROWS).filter_map(through).flatten().max_by_key(|column| column.hits(pairs))
    }
}

impl Tile {
    /// Tiles that bring word `from[i]` to place i, for as many as possible, and which places they are.
    pub(crate) fn all(from: &[usize]) -> (Vec<Self>, Vec<bool>) {
        let (mut tiles, mut done) = (vec![], vec![false; from.len()]);
        let pair = |at: usize| (from.get(at + 1)? == &(from[at] + 1)).then_some(from[at]);
        let places: HashMap<usize, usize> =
            (0..from.len()).step_by(2).filter_map(|at| Some((pair(at)?, at))).collect();
        // How often neighbours are so far apart.
        let mut pitches: BTreeMap<usize, usize> = BTreeMap::new();
        for (word, at) in &places {
            let apart = places.get(&(word + 2)).map(|next| next.abs_diff(*at));
            if let Some(pitch) = apart.filter(|&pitch| pitch >= ROW) {
                *pitches.entry(pitch).or_default() += 1;
            }
        }
        let most = pitches.into_iter().max_by_key(|&(_, count)| count);
        // Three of four pairs of a column have one after them.
        let Some((pitch, _)) = most.filter(|(_, count)| count * 4 >= from.len()) else {
            return (tiles, done);
        };
        let mut to = 0;
        while to + (ROWS - 1) * pitch + ROW <= from.len() {
            let at = |row: usize, column: usize| to + row * pitch + 2 * column;
            let best = |column: usize| Column::best(&std::array::from_fn(|row| pair(at(row, column))));
            let Some(columns) = (0..COLUMNS).map(best).collect::<Option<Vec<Column>>>() else {
                to += 2;
                continue;
            };
            let all = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
            let (hits, others): (Vec<_>, Vec<_>) =
                all.partition(|&(row, column)| pair(at(row, column)) == Some(columns[column].pair(row)));
            // Everything is written: what other tiles have right already must be hit again.
            let spoils = others.iter().any(|&(row, column)| done[at(row, column)]);
            let new = hits.iter().filter(|&&(row, column)| !done[at(row, column)]).count();
            if spoils || new + STRAY < ROWS * COLUMNS {
                to += 2;
                continue;
            }
            for &(row, column) in &hits {
                done[at(row, column)..][..2].fill(true);
            }
            tiles.push(Self::new(&columns, to, pitch));
            to += ROW;
        }
        (tiles, done)
    }

    fn new(columns: &[Column], to: usize, pitch: usize) -> Self {
        let column = |turn: usize, quarter: usize| columns[4 * quarter + turn];
        let turn = |turn: usize| {
            Turn(std::array::from_fn(|byte| {
                let (quarter, row) = (byte / 16, byte / 4 % 4);
                (16 * quarter + 4 * column(turn, quarter).index(row) + byte % 4) as u8
            }))
        };
        Self {
            columns: std::array::from_fn(|turn| std::array::from_fn(|q| column(turn, q).from as u32)),
            turns: Box::new(std::array::from_fn(turn)),
            to,
            pitch,
        }
    }

    /// The rows: where they go, and 32 words each.
    ///
    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn rows<L: Lanes>(&self, frame: *const i16) -> [(usize, L::Words); ROWS] {
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            let mut columns = [L::splat(0); 4];
            for turn in 0..4 {
                let places = self.columns[turn].map(|place| frame.add(place as usize));
                columns[turn] = L::permute(L::load_quarters(places), self.turns[turn].0.as_ptr());
            }
            let rows = L::transpose_quarters(columns);
            std::array::from_fn(|row| (self.to + row * self.pitch, rows[row]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::isa::Portable;

    /// The four pairs of each of 40 blocks, as a transform has them: one pair of every block after the other, three blocks of
    /// eight upside down.
    fn order() -> Vec<usize> {
        let block = |column: usize, row: usize| match column % 8 {
            5.. => 40 * column + 6 - 2 * row,
            _ => 40 * column + 2 * row,
        };
        let mut from: Vec<usize> = (0..4)
            .flat_map(|row| (0..40).flat_map(move |column| [0, 1].map(|part| 3 + block(column, row) + part)))
            .collect();
        // Strays: a word from elsewhere, and one more at the end.
        from[7] = 1;
        from.push(0);
        from
    }

    /// The number of tiles, and of words that they bring to their places, which they must say.
    fn check(from: &[usize]) -> [usize; 2] {
        let (tiles, done) = Tile::all(from);
        let frame: Vec<i16> = (0..from.iter().max().unwrap() + 40).map(|word| word as i16).collect();
        let mut copy = vec![-1i16; from.len()];
        for tile in &tiles {
            // SAFETY: *machine*: plain code; *local*: the frame has the words of the order, and more.
            for (to, row) in unsafe { tile.rows::<Portable>(frame.as_ptr()) } {
                copy[to..to + ROW].copy_from_slice(&row);
            }
        }
        for (at, &done) in done.iter().enumerate() {
            assert!(!done || copy[at] == from[at] as i16, "word {at}");
        }
        [tiles.len(), done.iter().filter(|done| **done).count()]
    }

    #[test]
    fn tiles_bring_words_to_their_places_and_say_which() {
        // 40 columns are two tiles of 16, and 8 columns.
        assert_eq!(check(&order()), [2, 2 * 128 - 2]);
    }

    #[test]
    fn no_tile_spoils_another() {
        let transposed = |columns: usize, rows: usize, pair: &dyn Fn(usize, usize) -> usize| -> Vec<usize> {
            let pairs = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            pairs.flat_map(|(row, column)| [0, 1].map(|part| 2 * pair(row, column) + part)).collect()
        };
        // Two blocks of four rows: a tile of the second half of one and the first of the other would fit all but 8 pairs.
        let blocks = transposed(16, 8, &|row, column| 4 * (column + 16 * (row / 4)) + row % 4);
        assert_eq!(check(&blocks), [2, 256]);
        // Columns that run on, and 8 of them beside whole tiles.
        for columns in 16..100 {
            for rows in [4, 5, 8, 11, 12] {
                check(&transposed(columns, rows, &|row, column| rows * column + row));
            }
        }
    }

    #[test]
    fn an_order_without_columns_has_no_tiles() {
        let rotated: Vec<usize> = (0..300).map(|i| (7 * i) % 300).collect();
        assert!(Tile::all(&rotated).0.is_empty());
        assert!(Tile::all(&[]).0.is_empty());
        assert!(Tile::all(&[5]).0.is_empty());
    }
}
