//! Times kernels side by side: short turns of each in one process, medians and quartiles, ratios turn by turn.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a turn is at least: so much longer than reading a clock that the clock does not count, and so short that whatever else the
/// machine does hits all contenders of a round alike.
const TURN: Duration = Duration::from_micros(100);

/// How often a turn is tried before it is believed to be that long.
const TRIES: usize = 3;

/// Rounds that are measured in any case.
const LEAST_ROUNDS: usize = 5;

/// A contender is set up so often, each time in other memory: one that lies badly is slow for as long as it is there.
const PLACEMENTS: usize = 2;

/// Placements whose medians differ by more are told.
const UNSTEADY: f64 = 1.25;

/// Something to be timed: a pass is `calls` different calls of `frames` frames each.
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

    fn time(&mut self, passes: usize) -> Duration {
        let start = Instant::now();
        (0..passes).for_each(|_| (self.run)(0..self.calls));
        start.elapsed()
    }

    /// How many passes last for a turn at least, whatever interrupts them; they warm caches and branch predictors.
    fn passes_per_turn(&mut self) -> usize {
        let mut passes = 1;
        while (0..TRIES).any(|_| self.time(passes) < TURN) {
            passes *= 2;
        }
        passes
    }

    /// Nanoseconds per frame of a turn.
    fn turn(&mut self, passes: usize) -> f64 {
        if self.calls > 1 {
            // The one before has had the caches.
            (self.run)(0..1);
        }
        self.time(passes).as_nanos() as f64 / (passes * self.calls * self.frames) as f64
    }
}

/// A median with quartiles and the least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |quarters: usize| samples[quarters * (samples.len() - 1) / 4];
        Self { least: samples[0], lower: at(1), median: at(2), upper: at(3) }
    }

    /// As an object with keys `median`, `lower_quartile`, `upper_quartile` and `minimum`.
    pub(crate) fn json(&self) -> Value {
        let Self { least, lower, median, upper } = self;
        json!({ "median": median, "lower_quartile": lower, "upper_quartile": upper, "minimum": least })
    }
}

/// Nanoseconds per frame of every contender in every round.
pub(crate) struct Times {
    /// `[contender][placement][round]`
    samples: Vec<[Vec<f64>; PLACEMENTS]>,
}

impl Times {
    /// The median in each placement.
    fn medians(&self, contender: usize) -> [f64; PLACEMENTS] {
        self.samples[contender].each_ref().map(|samples| Spread::of(samples.clone()).median)
    }

    /// Those of the placement in which a contender was faster.
    fn of(&self, contender: usize) -> &[f64] {
        let [a, b] = self.medians(contender);
        &self.samples[contender][usize::from(b < a)]
    }

    /// Nanoseconds per frame of a contender.
    pub(crate) fn spread(&self, contender: usize) -> Spread {
        Spread::of(self.of(contender).to_vec())
    }

    /// How many times as long a contender took in its worse placement, if that is much.
    pub(crate) fn unsteady(&self, contender: usize) -> Option<f64> {
        let [a, b] = self.medians(contender);
        Some(a.max(b) / a.min(b)).filter(|factor| *factor > UNSTEADY)
    }

    /// How many times as long `slow` takes as `fast`, from pairs of turns of one round.
    pub(crate) fn ratio(&self, slow: usize, fast: usize) -> Spread {
        Spread::of(self.of(slow).iter().zip(self.of(fast)).map(|(s, f)| s / f).collect())
    }
}

/// Lets the contenders, each in both of its placements, take turns for about as long as `budget`. A turn is whole passes, so that
/// all contenders work on the same frames.
pub(crate) fn measure(budget: Duration, mut placements: [Vec<Contender>; PLACEMENTS]) -> Times {
    let passes = placements
        .each_mut()
        .map(|contenders| contenders.iter_mut().map(Contender::passes_per_turn).collect::<Vec<usize>>());
    let mut samples = vec![[const { vec![] }; PLACEMENTS]; placements[0].len()];
    let begin = Instant::now();
    let mut round = 0;
    while round < LEAST_ROUNDS || begin.elapsed() < budget {
        for (k, samples) in samples.iter_mut().enumerate() {
            for (placement, samples) in samples.iter_mut().enumerate() {
                samples.push(placements[placement][k].turn(passes[placement][k]));
            }
        }
        round += 1;
    }
    Times { samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_quartiles_and_minima_are_those_of_the_samples() {
        let spread = Spread::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((spread.least, spread.lower, spread.median, spread.upper), (1.0, 2.0, 3.0, 4.0));
    }

    #[test]
    fn ratios_are_taken_within_rounds_and_in_the_better_placement() {
        let slow = [vec![10.0, 40.0, 10.0], vec![100.0, 100.0, 100.0]];
        let times = Times { samples: vec![slow, [vec![1.5, 6.0, 3.0], vec![1.0, 4.0, 2.0]]] };
        assert_eq!(times.ratio(0, 1).median, 10.0);
        assert_eq!((times.unsteady(0), times.unsteady(1)), (Some(10.0), Some(1.5)));
        assert_eq!(times.spread(1).median, 2.0);
    }

    #[test]
    fn every_turn_is_whole_passes_that_last_long_enough() {
        let sleep = |calls: Range<usize>| {
            assert!(calls == (0..3) || calls == (0..1));
            std::thread::sleep(Duration::from_micros(20) * calls.len() as u32);
        };
        let contenders = || vec![Contender::new(3, 10, sleep), Contender::new(3, 1, sleep)];
        assert!(contenders()[0].passes_per_turn() <= 2);
        let mut fast = Contender::new(1, 1, |_| {});
        let passes = fast.passes_per_turn();
        assert!(passes > 1000 && fast.time(passes) > TURN / 4, "{passes}");
        let times = measure(Duration::from_millis(5), [contenders(), contenders()]);
        let ratio = times.ratio(1, 0).median;
        assert!(times.spread(1).median >= 2e4 && (5.0..20.0).contains(&ratio), "{ratio}");
    }
}
