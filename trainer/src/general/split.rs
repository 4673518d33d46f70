//! Which pairs are for what: disjoint sets without a common input.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, Axis};
use rand::{
    SeedableRng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_chacha::ChaCha8Rng;

use super::pairs::wrong;
use crate::{Fingerprint, Result};

/// Different inputs that are needed at least.
pub const LEAST_ROWS: usize = 20;

/// With fewer different inputs than this, a set for the test would be too small to say anything: all pairs are tested on in turn.
pub const FEW_ROWS: usize = 100;

/// How often few pairs are split in another way.
const FOLDS: usize = 5;

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
    /// Blocks of neighbouring calls that were dealt out as wholes; none if every pair was dealt out by itself.
    pub blocks: Option<usize>,
}

/// What the order of rows says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    #[default]
    None,
    /// They are calls that followed each other: neighbours may be alike, and one would tell what another one is tested on.
    Calls,
}

/// Calls are dealt out in so many blocks at most,
const BLOCKS: usize = 140;

/// and in so few at least,
const FEWEST_BLOCKS: usize = 28;

/// with this many calls in each, if there are more blocks than that.
const CALLS: usize = 8;

/// Rows of every set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) calibration: Vec<usize>,
    /// Empty if the error is measured elsewhere.
    pub(super) test: Vec<usize>,
    /// Rows that have the same input, where there are several.
    pub(super) repeated: Vec<Vec<usize>>,
    /// Blocks of calls, if these were dealt out.
    pub(super) blocks: Option<usize>,
}

impl Split {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            train: self.train.len(),
            validation: self.validation.len(),
            calibration: self.calibration.len(),
            test: self.test.len(),
            repeated: self.repeated.iter().map(|rows| rows.len() - 1).sum(),
            blocks: self.blocks,
        }
    }

    /// Rows that something may be chosen by.
    pub(super) fn known(&self) -> Vec<usize> {
        [&self.train, &self.validation, &self.calibration].into_iter().flatten().copied().collect()
    }

    /// The split without rows that training could not tell from those of another set: different inputs may be equal as `frame` gives them.
    pub(super) fn told_apart(mut self, frame: impl Fn(usize) -> ndarray::Array1<f32>) -> Self {
        let mut owners: HashMap<u64, usize> = HashMap::new();
        let sets = [&mut self.test, &mut self.validation, &mut self.calibration, &mut self.train];
        for (owner, rows) in sets.into_iter().enumerate() {
            rows.retain(|&row| {
                *owners.entry(Fingerprint::of_frame(frame(row).view())).or_insert(owner) == owner
            });
        }
        self
    }
}

/// How pairs are dealt out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deal {
    /// Once.
    Once(Split),
    /// There are few: in several ways, so that every row is in one test, and without a test.
    Crossed {
        /// What is learnt from all but the test, for its error.
        folds: Vec<Split>,
        /// What is learnt from all.
        whole: Split,
    },
}

impl Deal {
    /// The first split that has a test.
    pub(super) fn into_first(self) -> Split {
        match self {
            Self::Once(split) => split,
            Self::Crossed { folds, whole } => folds.into_iter().next().unwrap_or(whole),
        }
    }
}

/// Rows in groups of the same input.
fn groups(inputs: ArrayView2<f64>) -> Vec<Vec<usize>> {
    // Equal hashes are not yet equal inputs.
    let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = vec![];
    for (row, input) in inputs.outer_iter().enumerate() {
        let mut hash = Fingerprint::default();
        // A zero has no sign.
        input.iter().for_each(|v| hash.add((v + 0.0).to_bits()));
        let alike = places.entry(hash.value()).or_default();
        match alike.iter().find(|&&group: &&usize| inputs.row(groups[group][0]) == input) {
            Some(&group) => groups[group].push(row),
            None => {
                alike.push(groups.len());
                groups.push(vec![row]);
            }
        }
    }
    groups
}

/// The rows of calls in blocks of neighbours. Those with one input are where one of them is that chance picks, so that programs that
/// call again and again with few inputs have their sets, too.
fn blocks(groups: &[Vec<usize>], rows: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let count = (rows / CALLS).clamp(FEWEST_BLOCKS, BLOCKS);
    let mut blocks = vec![vec![]; count];
    for group in groups {
        let row = group.choose(rng).copied().unwrap_or(0);
        blocks[row * count / rows].extend(group);
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Deals out the rows of `inputs`, in an order that the seed draws; rows with the same input stay together, and so do neighbouring calls.
///
/// A seventh is for the test, a tenth for validation, a twentieth for calibration, each up to some thousand; the rest trains. Fewer than
/// [`FEW_ROWS`] inputs are tested on a fifth at a time, each by itself.
///
/// # Errors
/// Fewer different inputs than [`LEAST_ROWS`].
pub(super) fn split(inputs: ArrayView2<f64>, order: Order, seed: u64) -> Result<Deal> {
    let mut groups = groups(inputs);
    let different = groups.len();
    if different < LEAST_ROWS {
        return Err(wrong(format!(
            "{} rows with {different} different inputs: expected at least {LEAST_ROWS} different ones, better some thousand",
            inputs.nrows()
        )));
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let share = |of: usize, least: usize, most: usize| (different / of).clamp(least, most);
    let large = [share(7, 1, 5000), share(10, 1, 2000), share(20, 1, 1000)];
    let repeated: Vec<Vec<usize>> = groups.iter().filter(|rows| rows.len() > 1).cloned().collect();
    if different >= FEW_ROWS && order == Order::Calls {
        let mut blocks = blocks(&groups, inputs.nrows(), rng);
        blocks.shuffle(rng);
        let sizes = large.map(|inputs| (inputs * blocks.len() / different).max(1));
        return Ok(Deal::Once(Split { repeated, blocks: Some(blocks.len()), ..deal(&blocks, sizes) }));
    }
    groups.shuffle(rng);
    if different >= FEW_ROWS {
        return Ok(Deal::Once(Split { repeated, ..deal(&groups, large) }));
    }
    let sizes = |test| [test, share(6, 4, different), share(12, 2, different)];
    let folds = (0..FOLDS).map(|fold| {
        // What comes first is tested on.
        let bounds = [fold, fold + 1].map(|k| k * different / FOLDS);
        let turned = [&groups[bounds[0]..], &groups[..bounds[0]]].concat();
        Split { repeated: repeated.clone(), ..deal(&turned, sizes(bounds[1] - bounds[0])) }
    });
    Ok(Deal::Crossed {
        folds: folds.collect(),
        whole: Split { repeated: repeated.clone(), ..deal(&groups, sizes(0)) },
    })
}

/// So many groups to the test, to validation and to calibration; all others train.
fn deal(groups: &[Vec<usize>], [test, validation, calibration]: [usize; 3]) -> Split {
    let mut rest = groups.iter();
    let mut take = |count: usize| rest.by_ref().take(count).flatten().copied().collect::<Vec<usize>>();
    let (test, validation, calibration) = (take(test), take(validation), take(calibration));
    Split { test, validation, calibration, train: take(groups.len()), repeated: vec![], blocks: None }
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
    fn inputs(different: usize) -> Array2<f64> {
        Array2::from_shape_fn((3 * different, 2), |(r, c)| ((r * 7 % different) * 2 + c) as f64)
    }

    fn once(x: &Array2<f64>, seed: u64) -> Split {
        match split(x.view(), Order::None, seed).unwrap() {
            Deal::Once(split) => split,
            Deal::Crossed { .. } => panic!("there are enough rows"),
        }
    }

    /// All sets together are all rows, and no input is in two of them.
    fn check(x: &Array2<f64>, split: &Split) {
        let sets = [&split.train, &split.validation, &split.calibration, &split.test];
        let mut rows: Vec<usize> = sets.iter().flat_map(|set| set.iter().copied()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..x.nrows()).collect::<Vec<_>>());
        let keys = |set: &[usize]| set.iter().map(|&r| x[(r, 0)] as usize).collect::<HashSet<_>>();
        for (i, a) in sets.iter().enumerate() {
            for b in &sets[i + 1..] {
                assert!(keys(a).is_disjoint(&keys(b)));
            }
        }
    }

    #[test]
    fn rows_with_the_same_input_stay_together_and_every_row_is_in_one_set() {
        let x = inputs(200);
        let split = once(&x, 3);
        check(&x, &split);
        assert_eq!(split.counts().repeated, 400);
        assert_eq!(split.test.len(), 3 * (200 / 7));
    }

    #[test]
    fn neighbouring_calls_stay_together() {
        // A state that moves slowly: a neighbour says nearly everything.
        let x = Array2::from_shape_fn((3000, 1), |(r, _)| r as f64);
        let Deal::Once(split) = split(x.view(), Order::Calls, 1).unwrap() else { panic!("these are many") };
        let blocks = split.counts().blocks.unwrap();
        assert_eq!(blocks, BLOCKS);
        check(&x, &split);
        let sets = [&split.train, &split.validation, &split.calibration, &split.test];
        let sizes = sets.map(Vec::len);
        assert!(
            sizes[3].abs_diff(3000 / 7) < 30 && sizes[1].abs_diff(300) < 30 && sizes[2].abs_diff(150) < 30
        );
        let owner = |row: usize| sets.iter().position(|set| set.contains(&row));
        let borders = (1..3000).filter(|&row| owner(row) != owner(row - 1)).count();
        assert!(borders < blocks, "{borders} of 2999 neighbours are in different sets");
    }

    #[test]
    fn calls_with_few_inputs_have_all_sets() {
        let x = inputs(120);
        let Deal::Once(split) = split(x.view(), Order::Calls, 1).unwrap() else { panic!("these are enough") };
        check(&x, &split);
        assert!(split.train.len() > 180 && split.test.len() > 18 && !split.validation.is_empty());
    }

    #[test]
    fn the_seed_draws_the_sets() {
        let x = inputs(150);
        assert_eq!(once(&x, 1), once(&x, 1));
        assert_ne!(once(&x, 1).test, once(&x, 2).test);
    }

    #[test]
    fn few_rows_are_tested_on_in_turn() {
        for different in [LEAST_ROWS, 33, FEW_ROWS - 1] {
            let x = inputs(different);
            let Deal::Crossed { folds, whole } = split(x.view(), Order::None, 1).unwrap() else {
                panic!("these are few")
            };
            let mut tested: Vec<usize> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            tested.sort_unstable();
            assert_eq!(tested, (0..x.nrows()).collect::<Vec<_>>());
            folds.iter().chain([&whole]).for_each(|split| check(&x, split));
            assert!(whole.test.is_empty() && whole.validation.len() >= 12 && whole.calibration.len() >= 6);
            assert!(folds.iter().all(|fold| 2 * fold.train.len() >= x.nrows()));
        }
    }

    #[test]
    fn inputs_that_training_cannot_tell_apart_are_in_one_set() {
        let x = inputs(200);
        // Two inputs become one.
        let split = once(&x, 3).told_apart(|row| ndarray::arr1(&[(x[(row, 0)] / 4.0).floor() as f32]));
        let sets = [&split.train, &split.validation, &split.calibration, &split.test];
        let keys = |set: &[usize]| set.iter().map(|&r| (x[(r, 0)] / 4.0) as usize).collect::<HashSet<_>>();
        for (i, a) in sets.iter().enumerate() {
            assert!(sets[i + 1..].iter().all(|b| keys(a).is_disjoint(&keys(b))));
        }
        assert_eq!(split.test, once(&x, 3).test);
        assert!(split.train.len() > 200);
    }

    #[test]
    fn too_few_inputs_are_refused_with_how_many_are_needed() {
        let message = split(inputs(19).view(), Order::None, 1).unwrap_err().to_string();
        assert!(message.contains("57 rows with 19 different inputs: expected at least 20"), "{message}");
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
