//! Times kernels side by side: short turns of each in one process, medians and quartiles, ratios turn by turn.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a turn should be at least: so much longer than reading a clock that the clock does not count, and so short that
/// whatever else the machine does hits all contenders of a round alike.
const TURN: Duration = Duration::from_micros(100);

/// Rounds that are measured in any case.
const LEAST_ROUNDS: usize = 5;

/// Something to be timed, which can make `calls` different calls of `frames` frames each.
pub(crate) struct Contender<'a> {
    calls: usize,
    frames: usize,
    run: Box<dyn FnMut(Range<usize>) + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` makes the calls of a range of numbers below `calls`, each of which computes `frames` frames.
    pub(crate) fn new(calls: usize, frames: usize, run: impl FnMut(Range<usize>) + 'a) -> Self {
        Self { calls, frames, run: Box::new(run) }
    }

    fn time(&mut self, calls: Range<usize>) -> Duration {
        let start = Instant::now();
        (self.run)(calls);
        start.elapsed()
    }

    /// How many calls fill a turn; the calls warm caches and branch predictors.
    fn calls_per_turn(&mut self) -> usize {
        let mut calls = 1;
        while self.time(0..calls) < TURN && calls < self.calls {
            calls = (2 * calls).min(self.calls);
        }
        calls
    }
}

/// A median with quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |quarters: usize| samples[quarters * (samples.len() - 1) / 4];
        Self { lower: at(1), median: at(2), upper: at(3) }
    }

    /// As an object with keys `median`, `lower_quartile` and `upper_quartile`.
    pub(crate) fn json(&self) -> Value {
        json!({ "median": self.median, "lower_quartile": self.lower, "upper_quartile": self.upper })
    }
}

/// Nanoseconds per frame of every contender in every round.
pub(crate) struct Times {
    /// `[contender][round]`
    samples: Vec<Vec<f64>>,
}

impl Times {
    /// Nanoseconds per frame of a contender.
    pub(crate) fn spread(&self, contender: usize) -> Spread {
        Spread::of(self.samples[contender].clone())
    }

    /// How many times as long `slow` takes as `fast`, from pairs of turns of one round.
    pub(crate) fn ratio(&self, slow: usize, fast: usize) -> Spread {
        Spread::of(self.samples[slow].iter().zip(&self.samples[fast]).map(|(s, f)| s / f).collect())
    }
}

/// Lets the contenders take turns for about as long as `budget`.
pub(crate) fn measure(budget: Duration, contenders: &mut [Contender]) -> Times {
    let turns: Vec<usize> = contenders.iter_mut().map(Contender::calls_per_turn).collect();
    let mut samples: Vec<Vec<f64>> = contenders.iter().map(|_| vec![]).collect();
    let mut next = vec![0; contenders.len()];
    let begin = Instant::now();
    let mut round = 0;
    while round < LEAST_ROUNDS || begin.elapsed() < budget {
        for (k, contender) in contenders.iter_mut().enumerate() {
            let calls = turns[k];
            let first = if next[k] + calls > contender.calls { 0 } else { next[k] };
            next[k] = first + calls;
            if calls > 1 {
                // The one before has had the caches.
                contender.time(first..first + 1);
            }
            let elapsed = contender.time(first..first + calls);
            samples[k].push(elapsed.as_nanos() as f64 / (calls * contender.frames) as f64);
        }
        round += 1;
    }
    Times { samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles_are_those_of_the_samples() {
        let spread = Spread::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((spread.lower, spread.median, spread.upper), (2.0, 3.0, 4.0));
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let times = Times { samples: vec![vec![10.0, 40.0, 10.0], vec![1.0, 4.0, 2.0]] };
        assert_eq!(times.ratio(0, 1).median, 10.0);
    }

    #[test]
    fn every_contender_stays_within_its_calls_and_slow_ones_take_longer() {
        let sleep = |calls: Range<usize>| {
            assert!(!calls.is_empty() && calls.end <= 3);
            std::thread::sleep(Duration::from_micros(100) * calls.len() as u32);
        };
        let mut contenders = [Contender::new(3, 10, sleep), Contender::new(3, 1, sleep)];
        let times = measure(Duration::from_millis(5), &mut contenders);
        let ratio = times.ratio(1, 0).median;
        assert!(times.spread(1).median >= 1e5 && (5.0..20.0).contains(&ratio), "{ratio}");
    }
}
