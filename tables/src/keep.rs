//! Which rows stay in memory.

use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{error::bytes, reading::TooMany};

/// Rows as they come, all of them or a fair choice.
pub(crate) struct Keeper {
    width: usize,
    /// Rows for which memory is taken.
    most: u64,
    seen: u64,
    values: Vec<f64>,
    /// Where the rows that are kept stand in the file.
    places: Vec<usize>,
    /// Draws which rows stay; without it, more rows than fit are refused.
    draw: Option<ChaCha8Rng>,
}

impl Keeper {
    /// For rows of `width` numbers, of which `most` are kept.
    pub(crate) fn new(width: usize, most: usize, too_many: TooMany) -> Self {
        let draw = match too_many {
            TooMany::Refuse => None,
            TooMany::Sample { seed } => Some(ChaCha8Rng::seed_from_u64(seed)),
        };
        let most = (most / width.max(1)).max(1) as u64;
        Self { width, most, seen: 0, values: vec![], places: vec![], draw }
    }

    /// Numbers per row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Rows that have come.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Rows that are kept of `rows`.
    pub(crate) fn kept(&self, rows: u64) -> u64 {
        rows.min(self.most)
    }

    /// Refuses `rows` that will not fit, unless a choice is kept.
    pub(crate) fn expect(&self, rows: u64) -> Result<(), String> {
        match self.draw.is_none() && rows > self.most {
            true => Err(self.refusal(&format!("{rows} rows"), rows)),
            false => Ok(()),
        }
    }

    /// The same for a number of rows that is an estimate.
    pub(crate) fn expect_about(&self, rows: u64) -> Result<(), String> {
        match self.draw.is_none() && rows as f64 > 1.2 * self.most as f64 {
            true => Err(self.refusal(&format!("about {rows} rows"), rows)),
            false => Ok(()),
        }
    }

    fn refusal(&self, what: &str, rows: u64) -> String {
        let [needed, most] = [rows, self.most].map(|rows| bytes(8 * u128::from(rows) * self.width as u128));
        format!(
            "{what} of {} numbers need {needed} of memory, expected {most} at most: split the file",
            self.width
        )
    }

    /// Takes a row of the right width that stands at `place` in the file.
    pub(crate) fn push(&mut self, row: &[f64], place: u64) -> Result<(), String> {
        debug_assert_eq!(row.len(), self.width);
        self.seen += 1;
        if self.seen <= self.most {
            self.values.extend_from_slice(row);
            self.places.push(place as usize);
            return Ok(());
        }
        let Some(draw) = &mut self.draw else {
            return Err(self.refusal(&format!("more than {} rows", self.most), self.seen));
        };
        // Every row has the same chance to stay (Algorithm R; J. S. Vitter, 1985).
        let kept = draw.random_range(0..self.seen);
        if kept < self.most {
            let start = kept as usize * self.width;
            self.values[start..start + self.width].copy_from_slice(row);
            self.places[kept as usize] = place as usize;
        }
        Ok(())
    }

    /// Which of `rows` stay, in order, where their number is known beforehand: the same rows each time that this is asked.
    pub(crate) fn chosen(&self, rows: u64) -> impl Iterator<Item = u64> + use<> {
        let (mut draw, kept) = (self.draw.clone(), self.kept(rows));
        // One of every part, which all have the same size but for one row.
        let bound = move |part: u64| (u128::from(part) * u128::from(rows) / u128::from(kept)) as u64;
        (0..kept).map(move |part| match &mut draw {
            Some(draw) if kept < rows => draw.random_range(bound(part)..bound(part + 1)),
            _ => part,
        })
    }

    /// What is to be said about rows that did not stay.
    pub(crate) fn note(&self) -> Option<String> {
        note(self.seen, self.most, self.width)
    }

    /// The rows that stayed, and where they stand in the file.
    pub(crate) fn finish(self) -> (Array2<f64>, Vec<usize>) {
        let shape = (self.places.len(), self.width);
        (Array2::from_shape_vec(shape, self.values).expect("only whole rows are kept"), self.places)
    }
}

/// What is to be said about `rows` of which `most` stay.
pub(crate) fn note(rows: u64, most: u64, width: usize) -> Option<String> {
    let size = bytes(8 * u128::from(rows) * width as u128);
    (rows > most).then(|| {
        format!("{rows} rows of {width} numbers are {size} in memory: a fair choice of {most} rows is used")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_same_chance_to_stay_and_the_seed_decides() {
        let keep = |seed| {
            let mut keeper = Keeper::new(2, 20, TooMany::Sample { seed });
            for row in 0..100 {
                keeper.push(&[f64::from(row), -f64::from(row)], 7 + row as u64).unwrap();
            }
            assert!(keeper.note().unwrap().contains("a fair choice of 10 rows"));
            keeper.finish()
        };
        assert_eq!(keep(1), keep(1));
        let mut counts = [0; 100];
        for seed in 0..1000 {
            let (rows, places) = keep(seed);
            assert_eq!(rows.dim(), (10, 2));
            for (row, place) in rows.outer_iter().zip(places) {
                assert_eq!(row[0] + 7.0, place as f64);
                assert_eq!(row[0], -row[1]);
                counts[row[0] as usize] += 1;
            }
        }
        assert!(counts.iter().all(|count| (50..160).contains(count)), "{counts:?}");
    }

    #[test]
    fn rows_that_are_chosen_beforehand_are_in_order_and_a_fair_choice() {
        let mut counts = [0; 100];
        for seed in 0..1000 {
            let keeper = Keeper::new(2, 60, TooMany::Sample { seed });
            let chosen: Vec<u64> = keeper.chosen(100).collect();
            assert!(chosen.len() == 30 && chosen.is_sorted_by(|a, b| a < b));
            assert!(chosen.iter().copied().eq(keeper.chosen(100)));
            chosen.iter().for_each(|&row| counts[row as usize] += 1);
        }
        assert!(counts.iter().all(|count| (200..420).contains(count)), "{counts:?}");
        assert!(Keeper::new(2, 60, TooMany::Sample { seed: 1 }).chosen(7).eq(0..7));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut keeper = Keeper::new(2000, 1 << 27, TooMany::Refuse);
        let message = keeper.expect(1_000_000).unwrap_err();
        assert!(message.contains("1000000 rows of 2000 numbers need 16 GB"), "{message}");
        assert!(keeper.expect_about(2_000_000).unwrap_err().contains("about 2000000 rows"));
        assert!(keeper.expect(1000).is_ok() && keeper.push(&vec![0.0; 2000], 1).is_ok());
    }
}
