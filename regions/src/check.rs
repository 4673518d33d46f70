//! Quality control: how large the error is, and which level holds the target.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// What quality control is to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The NRMSE that must not be exceeded.
    pub nrmse: f64,
}

impl Default for Target {
    /// 2 %.
    fn default() -> Self {
        Self { nrmse: 0.02 }
    }
}

/// What the checks at the present level have found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// The quality level; none if no level holds the target and the exact code answers.
    pub level: Option<usize>,
    /// Checks at this level.
    pub checks: usize,
    /// The error: root mean square over the standard deviation of the exact outputs. NaN before the second check.
    pub nrmse: f64,
    /// With 95 % confidence it is not smaller,
    pub low: f64,
    /// and not larger.
    pub high: f64,
}

/// What a call in a checked region is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The emulator answers.
    Emulate,
    /// Both answer.
    Check,
    /// No level is good enough: the exact code answers.
    Exact,
}

/// Checks before a decision.
const LEAST: usize = 20;

/// A lower level is tried when the error is below the target by this factor.
const MARGIN: f64 = 0.5;

/// The state of a region's quality control.
pub(crate) struct Control {
    calls: AtomicU32,
    /// The level, or [`NONE`].
    level: AtomicU32,
    state: Mutex<State>,
}

/// No level is good enough.
const NONE: u32 = u32::MAX;

struct State {
    target: Target,
    levels: usize,
    /// Of the exact outputs, over all checks at any level: count, means, sums of squared distances from the means.
    spread: (usize, Vec<f64>, f64),
    errors: Errors,
    /// Checks that a lower level is not tried again before; doubles with every failure.
    patience: usize,
}

/// Squared errors of the checks at one level, each the mean over the outputs.
#[derive(Clone, Copy, Default)]
struct Errors {
    count: usize,
    mean: f64,
    /// Sum of squared distances from the mean.
    distances: f64,
}

impl Errors {
    fn add(&mut self, squared: f64) {
        self.count += 1;
        let before = squared - self.mean;
        self.mean += before / self.count as f64;
        self.distances += before * (squared - self.mean);
    }

    /// Mean, and the half width of its 95 % interval.
    fn interval(&self) -> (f64, f64) {
        let variance = self.distances / (self.count.max(2) - 1) as f64;
        (self.mean, 1.96 * (variance / self.count.max(1) as f64).sqrt())
    }
}

impl Control {
    pub(crate) const fn new() -> Self {
        Self {
            calls: AtomicU32::new(0),
            level: AtomicU32::new(0),
            state: Mutex::new(State {
                target: Target { nrmse: 0.02 },
                levels: 1,
                spread: (0, vec![], 0.0),
                errors: Errors { count: 0, mean: 0.0, distances: 0.0 },
                patience: LEAST,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew, at the highest of `levels`, for frames of `outputs` numbers.
    pub(crate) fn begin(&self, levels: usize, outputs: usize) {
        let mut state = self.state();
        state.levels = levels;
        state.spread = (0, vec![0.0; outputs], 0.0);
        state.errors = Errors::default();
        state.patience = LEAST;
        self.level.store(levels as u32 - 1, Relaxed);
    }

    pub(crate) fn set_target(&self, target: Target) {
        self.state().target = target;
    }

    /// What the next call does; every `every`th one is checked.
    pub(crate) fn turn(&self, every: u32) -> Turn {
        if self.calls.fetch_add(1, Relaxed).is_multiple_of(every) {
            Turn::Check
        } else if self.level.load(Relaxed) == NONE {
            Turn::Exact
        } else {
            Turn::Emulate
        }
    }

    /// The level that the emulator answers at, in checks even if it is not good enough.
    pub(crate) fn level(&self) -> usize {
        match self.level.load(Relaxed) {
            NONE => self.state().levels - 1,
            level => level as usize,
        }
    }

    /// A check at `level`: exact and emulated outputs. Whether the answer alone is as good as the target demands of all; a lower level
    /// than the highest need not be.
    pub(crate) fn observe(&self, level: usize, truth: &[f64], answer: &[f64]) -> bool {
        let mut state = self.state();
        let State { spread: (count, means, distances), .. } = &mut *state;
        // What is not finite has no error, and would leave none.
        if means.len() != truth.len() || truth.iter().any(|value| !value.is_finite()) {
            return true;
        }
        *count += 1;
        for (mean, value) in means.iter_mut().zip(truth) {
            let before = value - *mean;
            *mean += before / *count as f64;
            *distances += before * (value - *mean);
        }
        let count = *count;
        let squares = truth.iter().zip(answer).map(|(t, a)| (t - a) * (t - a));
        let squared = squares.sum::<f64>() / truth.len() as f64;
        let is_good = level + 1 < state.levels || count < LEAST || {
            let variance = state.variance();
            squared <= state.target.nrmse * state.target.nrmse * variance
        };
        // Another thread may have changed the level since.
        let present = self.level.load(Relaxed);
        if level as u32 == present.min(state.levels as u32 - 1) {
            state.errors.add(squared);
            let next = state.decide(present);
            if next != present {
                state.errors = Errors::default();
                self.level.store(next, Relaxed);
            }
        }
        is_good
    }

    pub(crate) fn quality(&self) -> Quality {
        let state = self.state();
        let level = self.level.load(Relaxed);
        let (nrmse, low, high) = state.error();
        Quality {
            level: (level != NONE).then_some(level as usize),
            checks: state.errors.count,
            nrmse,
            low,
            high,
        }
    }
}

impl State {
    /// Of the exact outputs, mean over them.
    fn variance(&self) -> f64 {
        let (count, means, distances) = &self.spread;
        distances / (*count * means.len()) as f64
    }

    /// The error and its bounds.
    fn error(&self) -> (f64, f64, f64) {
        let variance = self.variance();
        if self.errors.count < 2 || variance <= 0.0 {
            return (f64::NAN, f64::NAN, f64::NAN);
        }
        let (mean, half) = self.errors.interval();
        let root = |squared: f64| (squared.max(0.0) / variance).sqrt();
        (root(mean), root(mean - half), root(mean + half))
    }

    /// The level after a check at `present`.
    fn decide(&mut self, present: u32) -> u32 {
        let (_, low, high) = self.error();
        let highest = self.levels as u32 - 1;
        if self.errors.count < LEAST {
            return present;
        }
        if present == NONE {
            return if high < self.target.nrmse { highest } else { NONE };
        }
        if low > self.target.nrmse {
            self.patience = self.patience.saturating_mul(2);
            return if present < highest { present + 1 } else { NONE };
        }
        if present > 0 && high < MARGIN * self.target.nrmse && self.errors.count >= self.patience {
            return present - 1;
        }
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `checks` checks with outputs ±1 whose error at level k is `errors[k]`.
    fn feed(control: &Control, errors: &[f64], checks: usize) {
        for step in 0..checks {
            assert_eq!(control.turn(1), Turn::Check);
            let level = control.level();
            let truth = if step % 2 == 0 { 1.0 } else { -1.0 };
            // The error varies by a fifth from check to check.
            let error = errors[level] * (1.0 + 0.2 * ((step * 7 % 5) as f64 - 2.0) / 2.0);
            control.observe(level, &[truth], &[truth + error]);
        }
    }

    fn control(levels: usize, nrmse: f64) -> Control {
        let control = Control::new();
        control.begin(levels, 1);
        control.set_target(Target { nrmse });
        control
    }

    #[test]
    fn the_estimate_is_the_error_and_lies_within_its_bounds() {
        let control = control(1, 0.5);
        feed(&control, &[0.1], 200);
        let Quality { level, checks, nrmse, low, high } = control.quality();
        assert_eq!((level, checks), (Some(0), 200));
        assert!(
            (nrmse - 0.1).abs() < 0.01 && low < nrmse && nrmse < high && high < 0.12,
            "{nrmse} {low} {high}"
        );
    }

    #[test]
    fn the_lowest_level_that_holds_the_target_is_found() {
        let control = control(3, 0.05);
        assert_eq!(control.quality().level, Some(2));
        feed(&control, &[0.2, 0.04, 0.01], 400);
        assert_eq!(control.quality().level, Some(1), "0.04 holds 0.05 but has no room to go lower");
    }

    #[test]
    fn without_a_level_that_holds_the_target_the_exact_code_answers_until_there_is_one() {
        let control = control(2, 0.05);
        feed(&control, &[0.3, 0.2], 100);
        assert_eq!(control.quality().level, None);
        control.calls.store(1, Relaxed);
        assert_eq!(
            (control.turn(4), control.turn(4), control.turn(4)),
            (Turn::Exact, Turn::Exact, Turn::Exact)
        );
        assert_eq!(control.turn(4), Turn::Check);
        // What was hard has passed: the old checks do not count against the level, new ones speak for it.
        control.state().errors = Errors::default();
        feed(&control, &[0.3, 0.04], 60);
        assert_eq!(control.quality().level, Some(1));
    }
}
