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
    mut evaluate: impl FnMut(Trial, &Arc<AtomicBool>) -> Result<Option<Outcome>, E>,
) -> Result<Found, SearchError<E>> {
    let begin = Instant::now();
    let budget = limits.budget.saturating_sub(Duration::from_secs_f64(journal.seconds()));
    let ended = loop {
        let done = journal.evaluations();
        if stop.load(Ordering::Relaxed) {
            break Ended::Stopped;
        }
        let Some(trial) = halving.next(candidates, &done) else { break Ended::Complete };
        let left = budget.saturating_sub(begin.elapsed());
        if left.is_zero() || limits.evaluations.is_some_and(|most| done.len() >= most) {
            break Ended::Limits;
        }
        let start = Instant::now();
        let outcome =
            with_deadline(left, stop, |flag| evaluate(trial, flag)).map_err(SearchError::Evaluation)?;
        let seconds = start.elapsed().as_secs_f64();
        journal.append(match outcome {
            Some(outcome) => Record::Evaluated(Evaluation { trial, outcome, seconds }),
            None => Record::Interrupted { seconds },
        })?;
    };
    Ok(Found { evaluations: journal.evaluations(), seconds: journal.seconds(), ended })
}

/// Runs `work` with a flag that is set after `left`, or soon after `stop` is.
fn with_deadline<T>(left: Duration, stop: &Arc<AtomicBool>, work: impl FnOnce(&Arc<AtomicBool>) -> T) -> T {
    const GLANCE: Duration = Duration::from_millis(50);
    let flag = Arc::new(AtomicBool::new(false));
    let (finished, waiting) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begin = Instant::now();
            let waiting = waiting;
            // The sender disappears when the work is done.
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = waiting.recv_timeout(GLANCE) {
                if stop.load(Ordering::Relaxed) || begin.elapsed() >= left {
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
    use std::{convert::Infallible, path::Path};

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
        let limits = Limits { budget: Duration::from_millis(300), evaluations: None };
        let stop = Arc::default();
        let mut evaluate = |trial: Trial, flag: &Arc<AtomicBool>| {
            if trial.rung == 0 {
                return Ok::<_, Infallible>(Some(outcome(trial)));
            }
            while !flag.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Ok(None)
        };
        let mut journal = Journal::open(&path, "test", &candidates()).unwrap();
        let found = search(&candidates(), &HALVING, &limits, &mut journal, &stop, &mut evaluate).unwrap();
        assert_eq!(found.ended, Ended::Limits);
        assert!(found.seconds >= 0.3, "{}", found.seconds);
        let before = found.evaluations.len();
        drop(journal);
        let mut journal = Journal::open(&path, "test", &candidates()).unwrap();
        let again =
            search(&candidates(), &HALVING, &limits, &mut journal, &stop, |_, _| -> Result<_, Infallible> {
                panic!("no time is left")
            })
            .unwrap();
        assert_eq!(again.evaluations.len(), before);
    }
}
