//! Which pairs are for what: four sets without a common input.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, Axis};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::pairs::wrong;
use crate::Result;

/// Different inputs that are needed at least.
pub const LEAST_ROWS: usize = 100;

/// How many pairs every set has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// To fit weights.
    pub train: usize,
    /// To decide what to keep.
    pub validation: usize,
    /// To choose formats.
    pub calibration: usize,
    /// To measure the error that is quoted.
    pub test: usize,
    /// Pairs whose input has come before.
    pub repeated: usize,
}

/// Rows of every set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) calibration: Vec<usize>,
    pub(super) test: Vec<usize>,
    /// Rows that have the same input, where there are several.
    pub(super) repeated: Vec<Vec<usize>>,
}

impl Split {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            train: self.train.len(),
            validation: self.validation.len(),
            calibration: self.calibration.len(),
            test: self.test.len(),
            repeated: self.repeated.iter().map(|rows| rows.len() - 1).sum(),
        }
    }
}

/// Deals out the rows of `inputs`, in an order that the seed draws; rows with the same input stay together.
///
/// A seventh is for the test, a tenth for validation, a twentieth for calibration, each up to some thousand; the rest trains.
///
/// # Errors
/// Fewer different inputs than [`LEAST_ROWS`].
pub(super) fn split(inputs: ArrayView2<f32>, seed: u64) -> Result<Split> {
    let mut places: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = vec![];
    for (row, input) in inputs.outer_iter().enumerate() {
        let bits = input.iter().map(|v| v.to_bits()).collect();
        let place = *places.entry(bits).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(rows) => rows.push(row),
            None => groups.push(vec![row]),
        }
    }
    let different = groups.len();
    if different < LEAST_ROWS {
        return Err(wrong(format!(
            "{} rows with {different} different inputs: expected at least {LEAST_ROWS} different ones, better some thousand",
            inputs.nrows()
        )));
    }
    groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let share = |of: usize, most: usize| (different / of).clamp(1, most);
    let mut rest = groups.iter();
    let mut take = |count: usize| rest.by_ref().take(count).flatten().copied().collect::<Vec<usize>>();
    let test = take(share(7, 5000));
    let validation = take(share(10, 2000));
    let calibration = take(share(20, 1000));
    let train = take(different);
    let repeated = groups.iter().filter(|rows| rows.len() > 1).cloned().collect();
    Ok(Split { train, validation, calibration, test, repeated })
}

/// The NRMSE, in units of every output's own spread, that no function of the inputs can go below: rows that have the same input differ.
pub(super) fn floor(outputs: &Array2<f64>, repeated: &[Vec<usize>]) -> f64 {
    let spread = outputs.var_axis(Axis(0), 0.0);
    let mut squares = 0.0;
    for rows in repeated {
        let group = outputs.select(Axis(0), rows);
        let within = group.var_axis(Axis(0), 0.0) * rows.len() as f64;
        squares += within.iter().zip(&spread).filter(|(_, s)| **s > 0.0).map(|(w, s)| w / s).sum::<f64>();
    }
    let varying = spread.iter().filter(|s| **s > 0.0).count().max(1);
    (squares / (outputs.nrows() * varying) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Every input three times, somewhere.
    fn inputs(different: usize) -> Array2<f32> {
        Array2::from_shape_fn((3 * different, 2), |(r, c)| ((r * 7 % different) * 2 + c) as f32)
    }

    #[test]
    fn rows_with_the_same_input_stay_together_and_every_row_is_in_one_set() {
        let x = inputs(200);
        let split = split(x.view(), 3).unwrap();
        let sets = [&split.train, &split.validation, &split.calibration, &split.test];
        let mut rows: Vec<usize> = sets.iter().flat_map(|set| set.iter().copied()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..600).collect::<Vec<_>>());
        let keys = |set: &[usize]| set.iter().map(|&r| x[(r, 0)] as usize).collect::<HashSet<_>>();
        for (i, a) in sets.iter().enumerate() {
            for b in &sets[i + 1..] {
                assert!(keys(a).is_disjoint(&keys(b)));
            }
        }
        assert_eq!(split.counts().repeated, 400);
        assert_eq!(split.test.len(), 3 * (200 / 7));
    }

    #[test]
    fn the_seed_draws_the_sets() {
        let x = inputs(150);
        assert_eq!(split(x.view(), 1).unwrap(), split(x.view(), 1).unwrap());
        assert_ne!(split(x.view(), 1).unwrap().test, split(x.view(), 2).unwrap().test);
    }

    #[test]
    fn too_few_inputs_are_refused_with_how_many_are_needed() {
        let message = split(inputs(99).view(), 1).unwrap_err().to_string();
        assert!(message.contains("297 rows with 99 different inputs: expected at least 100"), "{message}");
    }

    #[test]
    fn outputs_that_contradict_each_other_have_a_floor() {
        // Pairs of rows at ±1 around values that vary with 3: 1 / sqrt(1 + 9).
        let y = Array2::from_shape_fn((400, 1), |(r, _)| {
            let (group, sign) = (r / 2, if r % 2 == 0 { 1.0 } else { -1.0 });
            (if group % 2 == 0 { 3.0 } else { -3.0 }) + sign
        });
        let groups: Vec<Vec<usize>> = (0..200).map(|g| vec![2 * g, 2 * g + 1]).collect();
        assert!((floor(&y, &groups) - 0.1f64.sqrt()).abs() < 1e-12);
        assert_eq!(floor(&y, &[]), 0.0);
    }
}
