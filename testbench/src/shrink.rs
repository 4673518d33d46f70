//! Finds a short scenario that fails like a long one: leaves things out for as long as the same kind of fault remains
//! (delta debugging: Zeller and Hildebrandt, IEEE Transactions on Software Engineering 28(2), 2002).

use std::mem::discriminant;

use crate::failure::Failure;
use crate::scenario::{Event, Reset, Run, Scenario};
use crate::traffic::{Pattern, Traffic};

/// Scenarios that are tried.
const TRIALS: u32 = 1_000;
/// Clocks that are simulated: less than a minute for a unit of 16 lanes.
const CLOCKS: u64 = 100_000_000;

/// What a trial has shown.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The fault, if there was one.
    pub(crate) failure: Option<Failure>,
    /// Clocks that were simulated.
    pub(crate) clocks: u64,
}

/// The outcome.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) scenario: Scenario,
    pub(crate) failure: Failure,
    pub(crate) trials: u32,
}

/// Shrinks a scenario that fails, with a bounded effort. Frames of another length than `right` beats may become shorter.
pub(crate) fn shrink(
    scenario: Scenario,
    failure: Failure,
    is_right: impl Fn(usize) -> bool,
    play: impl FnMut(&Scenario) -> Trial,
) -> Shrunk {
    let mut shrinker = Shrinker { best: scenario, failure, is_right, play, trials: 0, clocks: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.cut_tail();
        shrinker.drop_runs();
        shrinker.join_runs();
        shrinker.drop_events();
        shrinker.calm();
        shrinker.shorten();
        shrinker.blank();
        if shrinker.best == before || shrinker.is_exhausted() {
            return Shrunk { scenario: shrinker.best, failure: shrinker.failure, trials: shrinker.trials };
        }
    }
}

struct Shrinker<R, P> {
    best: Scenario,
    failure: Failure,
    is_right: R,
    play: P,
    trials: u32,
    clocks: u64,
}

impl<R: Fn(usize) -> bool, P: FnMut(&Scenario) -> Trial> Shrinker<R, P> {
    fn is_exhausted(&self) -> bool {
        self.trials >= TRIALS || self.clocks >= CLOCKS
    }

    /// Takes what `change` makes of the best scenario if that fails in the same way.
    fn attempt(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        if candidate == self.best || self.is_exhausted() {
            return false;
        }
        let trial = (self.play)(&candidate);
        self.trials += 1;
        self.clocks += trial.clocks;
        match trial.failure {
            Some(failure) if discriminant(&failure.fault) == discriminant(&self.failure.fault) => {
                (self.best, self.failure) = (candidate, failure);
                true
            }
            _ => false,
        }
    }

    /// What comes after the run that fails.
    fn cut_tail(&mut self) {
        let run = self.failure.run.unwrap_or(0);
        self.attempt(|scenario| {
            scenario.runs.truncate(run + 1);
            if let Some(run) = scenario.runs.last_mut() {
                run.interrupted_after = None;
            }
        });
    }

    /// Removes chunks of a list of `length` items, halves first, then ever smaller ones.
    fn drop_chunks(&mut self, mut length: usize, remove: impl Fn(&mut Scenario, std::ops::Range<usize>)) {
        let mut chunk = length.div_ceil(2);
        while chunk > 0 {
            let mut start = 0;
            while start < length {
                let end = (start + chunk).min(length);
                if self.attempt(|scenario| remove(scenario, start..end)) {
                    length -= end - start;
                } else {
                    start = end;
                }
            }
            chunk /= 2;
        }
    }

    fn drop_runs(&mut self) {
        self.drop_chunks(self.best.runs.len(), |scenario, chunk| {
            scenario.runs.drain(chunk);
            if let Some(first) = scenario.runs.first_mut() {
                first.resumes = false;
                if first.reset == Reset::Register {
                    first.reset = Reset::port(1);
                }
            }
        });
    }

    /// Leaves a reset out, but not what comes after it.
    fn join_runs(&mut self) {
        let mut second = 1;
        while second < self.best.runs.len() {
            let joined = self.attempt(|scenario| {
                let run = scenario.runs.remove(second);
                let first = &mut scenario.runs[second - 1];
                first.events.extend(run.events);
                first.interrupted_after = run.interrupted_after;
            });
            second += usize::from(!joined);
        }
    }

    fn drop_events(&mut self) {
        for run in 0..self.best.runs.len() {
            self.drop_chunks(self.best.runs[run].events.len(), |scenario, chunk| {
                scenario.runs[run].events.drain(chunk);
            });
        }
    }

    /// Gaps, pauses and hesitation, at each end by itself.
    fn calm(&mut self) {
        for index in 0..self.best.runs.len() {
            let changes: [fn(&mut Run); 6] = [
                |run| {
                    run.traffic = Traffic::full();
                    run.control = Pattern::Always;
                },
                |run| run.traffic.input = Pattern::Always,
                |run| run.traffic.output = Pattern::Always,
                |run| run.traffic.ready_after_valid = false,
                |run| run.control = Pattern::Always,
                |run| run.resumes = false,
            ];
            for change in changes {
                self.attempt(|scenario| change(&mut scenario.runs[index]));
            }
        }
    }

    /// Makes a number smaller, by as much as possible, down to `least`.
    fn lower(&mut self, number: u64, least: u64, set: impl Fn(&mut Scenario, u64)) {
        let mut number = number;
        let mut step = number.saturating_sub(least);
        while step > 0 {
            if number - least >= step && self.attempt(|scenario| set(scenario, number - step)) {
                number -= step;
            } else {
                step /= 2;
            }
        }
    }

    /// Resets, interruptions, pauses and frames of the wrong length.
    fn shorten(&mut self) {
        for index in 0..self.best.runs.len() {
            self.attempt(|scenario| scenario.runs[index].reset = Reset::port(1));
            if let Some(clocks) = self.best.runs[index].interrupted_after
                && !self.attempt(|scenario| scenario.runs[index].interrupted_after = None)
            {
                let set = |scenario: &mut Scenario, clocks| {
                    scenario.runs[index].interrupted_after = Some(clocks);
                };
                self.lower(clocks, 1, set);
            }
            for event in 0..self.best.runs[index].events.len() {
                let set = move |scenario: &mut Scenario, change: &dyn Fn(&mut Event)| {
                    change(&mut scenario.runs[index].events[event]);
                };
                match &self.best.runs[index].events[event] {
                    Event::Pause(clocks) => self.lower(u64::from(*clocks), 1, |scenario, clocks| {
                        set(scenario, &|event| *event = Event::Pause(clocks as u32));
                    }),
                    Event::Frame(words) if !(self.is_right)(words.len()) => {
                        self.lower(words.len() as u64, 1, |scenario, length| {
                            set(scenario, &|event| {
                                if let Event::Frame(words) = event {
                                    words.truncate(length as usize);
                                }
                            });
                        });
                    }
                    Event::Frame(_) | Event::Access(_) | Event::Level(_) => {}
                }
            }
        }
    }

    /// Makes words 0.
    fn blank(&mut self) {
        self.attempt(|scenario| {
            let events = scenario.runs.iter_mut().flat_map(|run| &mut run.events);
            events.for_each(|event| blank_frame(event, 0..usize::MAX));
        });
        for run in 0..self.best.runs.len() {
            for event in 0..self.best.runs[run].events.len() {
                let Event::Frame(words) = &self.best.runs[run].events[event] else { continue };
                let length = words.len();
                let mut chunk = length;
                while chunk > 0 {
                    for start in (0..length).step_by(chunk) {
                        self.attempt(|scenario| {
                            blank_frame(&mut scenario.runs[run].events[event], start..start + chunk);
                        });
                    }
                    chunk /= 2;
                }
            }
        }
    }
}

fn blank_frame(event: &mut Event, range: std::ops::Range<usize>) {
    if let Event::Frame(words) = event {
        let range = range.start.min(words.len())..range.end.min(words.len());
        words[range].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Fault;

    fn failure(run: usize, fault: Fault) -> Failure {
        Failure { seed: 0, run: Some(run), frame: 0, word: 0, clock: 0, fault }
    }

    /// Shrinks with a unit that is a function.
    fn shrink_with(scenario: Scenario, fails: impl Fn(&Scenario) -> Option<Failure>) -> Shrunk {
        let first = fails(&scenario).unwrap();
        let play = |scenario: &Scenario| Trial { failure: fails(scenario), clocks: 1 };
        shrink(scenario, first, |words| words == 4, play)
    }

    fn noisy(runs: u64) -> Scenario {
        let run = |seed: u64| {
            let frame = |index: i16| Event::Frame(vec![100 * seed as i16 + index; 4]);
            let events = (0..20).map(frame).chain([Event::Pause(500), Event::Frame(vec![1; 60])]);
            Run {
                reset: Reset::port(9),
                interrupted_after: Some(1000),
                ..Run::new(seed, Traffic::bursts(), events.collect())
            }
        };
        Scenario { power_up: 1, runs: (0..runs).map(run).collect() }
    }

    #[test]
    fn of_many_frames_the_one_that_fails_remains() {
        // Word 2 of frame 7 of run 3.
        let shrunk = shrink_with(noisy(5), |scenario| {
            let has = |run: &Run| {
                run.events
                    .iter()
                    .any(|event| matches!(event, Event::Frame(words) if words.get(2) == Some(&307)))
            };
            let run = scenario.runs.iter().position(has)?;
            Some(failure(run, Fault::Word { expected: 1, got: 2 }))
        });
        let run = Run::new(3, Traffic::full(), vec![Event::Frame(vec![0, 0, 307, 0])]);
        // The run was cut off at 1000 clocks: nothing says that it must be.
        assert_eq!(shrunk.scenario, Scenario { power_up: 1, runs: vec![run] });
        assert!(shrunk.trials < 100, "{}", shrunk.trials);
    }

    #[test]
    fn numbers_become_as_small_as_they_can() {
        let shrunk = shrink_with(noisy(3), |scenario| {
            let pause = |event: &Event| matches!(event, Event::Pause(clocks) if *clocks >= 37);
            let long = |event: &Event| matches!(event, Event::Frame(words) if words.len() >= 11);
            let cut = |run: &Run| run.interrupted_after.is_some_and(|clocks| clocks >= 123);
            let bad = |run: &Run| run.events.iter().any(pause) && run.events.iter().any(long) && cut(run);
            // It shows in the run after.
            let run = scenario.runs.iter().position(bad)?;
            (run + 1 < scenario.runs.len()).then(|| failure(run + 1, Fault::Extra))
        });
        let [first, second] = &shrunk.scenario.runs[..] else { panic!("{}", shrunk.scenario) };
        assert_eq!(first.events, [Event::Pause(37), Event::Frame(vec![0; 11])]);
        assert_eq!((first.interrupted_after, first.reset), (Some(123), Reset::port(1)));
        assert!(second.events.is_empty());
    }

    #[test]
    fn another_kind_of_fault_is_not_taken_for_the_same() {
        let shrunk = shrink_with(noisy(2), |scenario| match scenario.events() {
            0..20 => Some(failure(0, Fault::LastChanged)),
            _ => Some(failure(0, Fault::Extra)),
        });
        assert_eq!((shrunk.failure.fault, shrunk.scenario.events()), (Fault::Extra, 20));
    }

    #[test]
    fn the_effort_is_bounded() {
        let mut plays = 0;
        let first = failure(0, Fault::Extra);
        let scenario = noisy(5);
        let shrunk = shrink(
            scenario,
            first.clone(),
            |_| true,
            |_| {
                plays += 1;
                Trial { failure: (plays % 7 == 0).then(|| first.clone()), clocks: CLOCKS / 10 }
            },
        );
        assert_eq!((plays, shrunk.trials), (10, 10));
    }
}
