//! The search itself: evaluate, write down, go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Candidate, Evaluation, Halving, Journal, JournalError, Outcome, Record, Trial};

/// When a search ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for evaluations, that of earlier runs with the same journal included.
    pub budget: Duration,
    /// Evaluations, those of earlier runs included; `None`: as many as the time allows.
    pub evaluations: Option<usize>,
}

/// Why a search has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to evaluate.
    Complete,
    /// The limits are reached.
    Limits,
    /// The stop flag was set from outside.
    Stopped,
}

/// What a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// All finished evaluations in their order, those of earlier runs included.
    pub evaluations: Vec<Evaluation>,
    /// Seconds of all runs.
    pub seconds: f64,
    /// Why it has ended.
    pub ended: Ended,
}

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError<E> {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An evaluation failed for a reason that is not the candidate's.
    #[error("{0}")]
    Evaluation(E),
}

/// Searches until `limits` are reached, nothing is left, or `stop` is set.
///
/// `evaluate` gets a trial and a flag; it returns early with `None` when the flag is set, which
/// happens at the end of the budget too, and keeps what it needs to go on. All else that it needs to know of the trial's result (the emulator) it
/// keeps on its own, before it returns.
///
/// # Errors
/// The journal's or the evaluation's.
pub fn search<E>(
    candidates: &[Candidate],
    halving: &Halving,
    limits: &Limits,
    journal: &mut Journal,
    stop: &Arc<AtomicBool>,
    evaluate: impl FnMut(Trial, &Arc<AtomicBool>) -> Result<Option<Outcome>, E>,
) -> Result<Found, SearchError<E>> {
    let begin = Instant::now();
    search_by(&|| begin.elapsed(), candidates, halving, limits, journal, stop, evaluate)
}

/// A clock that never goes back.
type Clock<'a> = &'a (dyn Fn() -> Duration + Sync);

fn search_by<E>(
    clock: Clock,
    candidates: &[Candidate],
    halving: &Halving,
    limits: &Limits,
    journal: &mut Journal,
    stop: &Arc<AtomicBool>,
    mut evaluate: impl FnMut(Trial, &Arc<AtomicBool>) -> Result<Option<Outcome>, E>,
) -> Result<Found, SearchError<E>> {
    let ended = loop {
        let done = journal.evaluations();
        if stop.load(Ordering::Relaxed) {
            break Ended::Stopped;
        }
        let Some(trial) = halving.next(candidates, &done) else { break Ended::Complete };
        // Evaluations alone count, in this run as in earlier ones; more seconds than a duration holds are no budget's.
        let used = Duration::try_from_secs_f64(journal.seconds()).unwrap_or(Duration::MAX);
        let left = limits.budget.saturating_sub(used);
        if left.is_zero() || limits.evaluations.is_some_and(|most| done.len() >= most) {
            break Ended::Limits;
        }
        let start = clock();
        let outcome = with_deadline(clock, start.saturating_add(left), stop, |flag| evaluate(trial, flag))
            .map_err(SearchError::Evaluation)?;
        let seconds = clock().saturating_sub(start).as_secs_f64();
        journal.append(match outcome {
            Some(outcome) => Record::Evaluated(Evaluation { trial, outcome, seconds }),
            None => Record::Interrupted { seconds },
        })?;
    };
    Ok(Found { evaluations: journal.evaluations(), seconds: journal.seconds(), ended })
}

/// How often a deadline is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// Runs `work` with a flag that is set soon after `clock` shows `deadline`, or soon after `stop` is.
fn with_deadline<T>(
    clock: Clock,
    deadline: Duration,
    stop: &Arc<AtomicBool>,
    work: impl FnOnce(&Arc<AtomicBool>) -> T,
) -> T {
    let flag = Arc::new(AtomicBool::new(false));
    let (finished, waiting) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let waiting = waiting;
            // The sender disappears when the work is done.
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = waiting.recv_timeout(GLANCE) {
                if stop.load(Ordering::Relaxed) || clock() >= deadline {
                    flag.store(true, Ordering::Relaxed);
                }
            }
        });
        let result = work(&flag);
        drop(finished);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Effort, Score, final_scores, front};
    use std::{convert::Infallible, path::Path, sync::atomic::AtomicU64};

    const HALVING: Halving = Halving { rungs: 3, keep: 3, most: None };

    fn candidates() -> Vec<Candidate> {
        let candidate = |i: usize| Candidate {
            name: format!("width-{i}"),
            effort: if i.is_multiple_of(6) { Effort::Once } else { Effort::Rungs },
        };
        (1..=24).map(candidate).collect()
    }

    /// Wider networks err less and cost more; some are unlucky.
    fn outcome(trial: Trial) -> Outcome {
        let width = trial.candidate as f64 + 1.0;
        if trial.candidate == 4 {
            return Outcome::Refused("it has no luck".into());
        }
        let luck = 1.0 + (trial.candidate * 31 % 7) as f64 / (2 << trial.rung) as f64;
        let score = Score { error: luck / width, clocks: 10 * width as u64, weight_bits: 8, cpu_ns: width };
        Outcome::Scored(score)
    }

    fn limits(evaluations: Option<usize>) -> Limits {
        Limits { budget: Duration::from_secs(1000), evaluations }
    }

    fn run(path: &Path, evaluations: Option<usize>) -> Found {
        let mut journal = Journal::open(path, "test", &candidates()).unwrap();
        let stop = Arc::default();
        search(&candidates(), &HALVING, &limits(evaluations), &mut journal, &stop, |trial, _| {
            Ok::<_, Infallible>(Some(outcome(trial)))
        })
        .unwrap()
    }

    fn trials(found: &Found) -> Vec<(Trial, Outcome)> {
        found.evaluations.iter().map(|e| (e.trial, e.outcome.clone())).collect()
    }

    #[test]
    fn resuming_gives_what_an_uninterrupted_search_gives() {
        let folder = tempfile::tempdir().unwrap();
        let whole = run(&folder.path().join("whole"), None);
        assert_eq!(whole.ended, Ended::Complete);
        let path = folder.path().join("pieces");
        for evaluations in [0, 1, 7, 7, 20] {
            let found = run(&path, Some(evaluations));
            assert_eq!((found.evaluations.len(), found.ended), (evaluations, Ended::Limits));
        }
        let pieces = run(&path, None);
        assert_eq!(trials(&pieces), trials(&whole));
        let front_of = |found: &Found| {
            let scores: Vec<Score> = final_scores(&found.evaluations).iter().map(|(_, s)| *s).collect();
            front(&scores).into_iter().map(|i| scores[i]).collect::<Vec<_>>()
        };
        assert_eq!(front_of(&pieces), front_of(&whole));
        assert!(front_of(&whole).len() > 3);
    }

    #[test]
    fn an_evaluation_that_is_broken_off_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let stop = Arc::new(AtomicBool::new(false));
        let mut seen = vec![];
        let mut journal = Journal::open(&path, "test", &candidates()).unwrap();
        let found = search(&candidates(), &HALVING, &limits(None), &mut journal, &stop, |trial, flag| {
            seen.push(trial);
            if seen.len() == 3 {
                stop.store(true, Ordering::Relaxed);
                while !flag.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                return Ok::<_, Infallible>(None);
            }
            Ok(Some(outcome(trial)))
        });
        let found = found.unwrap();
        assert_eq!((found.evaluations.len(), found.ended), (2, Ended::Stopped));
        drop(journal);
        assert_eq!(run(&path, Some(3)).evaluations[2].trial, seen[2]);
    }

    #[test]
    fn the_budget_ends_an_evaluation_and_counts_over_all_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let millis = |ms: u64| Duration::from_millis(ms);
        // Shows what the evaluations make it show.
        let time = AtomicU64::new(5000);
        let clock = || millis(time.load(Ordering::SeqCst));
        let run = |budget: u64, evaluate: &mut dyn FnMut(Trial, &AtomicBool) -> Option<Outcome>| {
            let mut journal = Journal::open(&path, "test", &candidates()).unwrap();
            let limits = Limits { budget: millis(budget), evaluations: None };
            let stop = Arc::default();
            let evaluate = |trial: Trial, flag: &Arc<AtomicBool>| Ok::<_, Infallible>(evaluate(trial, flag));
            search_by(&clock, &candidates(), &HALVING, &limits, &mut journal, &stop, evaluate).unwrap()
        };
        // Takes `left`, at whose end the flag is set and not before.
        let broken_off = |left: u64, flag: &AtomicBool| {
            time.fetch_add(left - 1, Ordering::SeqCst);
            std::thread::sleep(3 * GLANCE);
            assert!(!flag.load(Ordering::SeqCst), "too early");
            time.fetch_add(1, Ordering::SeqCst);
            while !flag.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            None
        };

        // Four that come once and the three of which one rises, 10 ms each.
        let found = run(300, &mut |trial, flag| match trial.rung {
            0 => {
                time.fetch_add(10, Ordering::SeqCst);
                Some(outcome(trial))
            }
            _ => broken_off(230, flag),
        });
        assert_eq!((found.evaluations.len(), found.ended), (7, Ended::Limits));
        assert!((found.seconds - 0.3).abs() < 1e-9, "{}", found.seconds);
        // Time in which nothing is evaluated does not count.
        time.fetch_add(77_000, Ordering::SeqCst);
        let again = run(300, &mut |_, _| panic!("no time is left"));
        assert_eq!(trials(&again), trials(&found));
        // More budget goes on where it was.
        let more = run(350, &mut |trial, flag| {
            assert_eq!(trial.rung, 1);
            broken_off(50, flag)
        });
        assert_eq!((trials(&more), more.ended), (trials(&found), Ended::Limits));
    }
}
