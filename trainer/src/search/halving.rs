//! Successive halving: little time for all, much time for the best.

use super::{Candidate, Effort, Evaluation, Trial, layers};

/// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020), one
/// evaluation at a time.
///
/// A candidate rises to the next rung as soon as it is among the best 1/`keep` of all that were evaluated on its rung; only
/// if none may rise, a new candidate begins. So every moment has its best candidates on the top rung, and no
/// number of candidates has to be chosen to suit the budget. The best are those of the lowest [layer](layers), and within a layer
/// those of the smallest product of error and clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halving {
    /// Number of rungs, at least 1.
    pub rungs: usize,
    /// One of so many rises, at least 2.
    pub keep: usize,
}

impl Halving {
    /// What to evaluate after `done`, or `None` when there is nothing left.
    ///
    /// Candidates that are computed come first, all of them: an evaluation costs seconds.
    #[must_use]
    pub fn next(&self, candidates: &[Candidate], done: &[Evaluation]) -> Option<Trial> {
        let started = |candidate: usize| done.iter().any(|e| e.trial.candidate == candidate);
        let first = |effort: Effort| {
            (0..candidates.len())
                .find(|&i| candidates[i].effort == effort && !started(i))
                .map(|candidate| Trial { candidate, rung: 0 })
        };
        let rises =
            || (0..self.rungs.saturating_sub(1)).rev().find_map(|rung| self.rising(candidates, done, rung));
        first(Effort::Once).or_else(rises).or_else(|| first(Effort::Rungs))
    }

    /// The best candidate on `rung` that may rise and has not.
    fn rising(&self, candidates: &[Candidate], done: &[Evaluation], rung: usize) -> Option<Trial> {
        let here: Vec<_> = done
            .iter()
            .filter(|e| e.trial.rung == rung && candidates[e.trial.candidate].effort == Effort::Rungs)
            .filter_map(|e| Some((e.trial.candidate, e.score()?)))
            .collect();
        let scores: Vec<_> = here.iter().map(|(_, score)| *score).collect();
        let layers = layers(&scores);
        let mut order: Vec<usize> = (0..here.len()).collect();
        order.sort_by(|&a, &b| {
            let product = |i: usize| scores[i].product();
            (layers[a].cmp(&layers[b])).then(product(a).total_cmp(&product(b))).then(a.cmp(&b))
        });
        order.truncate(here.len() / self.keep.max(2));
        let above = |candidate: usize| {
            done.iter().any(|e| e.trial.candidate == candidate && e.trial.rung == rung + 1)
        };
        let candidate = order.into_iter().map(|i| here[i].0).find(|&candidate| !above(candidate))?;
        Some(Trial { candidate, rung: rung + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Outcome, Score, final_scores};

    fn family(trained: usize, computed: usize) -> Vec<Candidate> {
        let candidate = |i: usize, effort| Candidate { name: format!("c{i}"), effort };
        let trained = (0..trained).map(|i| candidate(i, Effort::Rungs));
        trained.chain((0..computed).map(|i| candidate(100 + i, Effort::Once))).collect()
    }

    /// Candidates lie scattered on a line and err by their squared distance from place 17, and by something that
    /// depends on the candidate and shrinks with every rung; all cost alike.
    fn truth(trial: Trial) -> Score {
        let distance = place(trial.candidate) as f64 - 17.0;
        let noise = (trial.candidate * 7919 % 13) as f64 / 4f64.powi(trial.rung as i32);
        Score { error: 1.0 + distance * distance + noise, clocks: 100, weight_bits: 0, cpu_ns: 0.0 }
    }

    fn place(candidate: usize) -> usize {
        candidate * 10 % 27
    }

    fn run(candidates: &[Candidate], halving: Halving, limit: usize) -> Vec<Evaluation> {
        let mut done = vec![];
        while done.len() < limit
            && let Some(trial) = halving.next(candidates, &done)
        {
            done.push(Evaluation { trial, outcome: Outcome::Scored(truth(trial)), seconds: 1.0 });
        }
        done
    }

    #[test]
    fn the_best_candidate_gets_the_most_time_and_few_others_do() {
        let candidates = family(27, 0);
        let halving = Halving { rungs: 3, keep: 3 };
        let done = run(&candidates, halving, usize::MAX);
        let on = |rung: usize| done.iter().filter(|e| e.trial.rung == rung).count();
        assert_eq!(on(0), 27);
        // A third, and the few that rose before better ones had begun.
        assert!((9..=13).contains(&on(1)) && (3..=6).contains(&on(2)), "{} {}", on(1), on(2));
        let best = final_scores(&done).into_iter().min_by(|a, b| a.1.error.total_cmp(&b.1.error)).unwrap().0;
        assert_eq!((place(best.candidate), best.rung), (17, 2));
        assert_eq!(halving.next(&candidates, &done), None);
    }

    #[test]
    fn no_trial_comes_twice_and_no_rung_is_skipped() {
        let done = run(&family(20, 3), Halving { rungs: 3, keep: 2 }, usize::MAX);
        for (i, evaluation) in done.iter().enumerate() {
            let trial = evaluation.trial;
            assert!(done[..i].iter().all(|e| e.trial != trial), "{trial:?}");
            let below = Trial { rung: trial.rung.wrapping_sub(1), ..trial };
            assert!(trial.rung == 0 || done[..i].iter().any(|e| e.trial == below), "{trial:?}");
        }
    }

    #[test]
    fn a_shorter_search_is_the_beginning_of_a_longer_one() {
        let candidates = family(20, 3);
        let halving = Halving { rungs: 3, keep: 3 };
        let long = run(&candidates, halving, usize::MAX);
        assert!(long[..3].iter().all(|e| candidates[e.trial.candidate].effort == Effort::Once));
        for limit in 0..long.len() {
            assert_eq!(run(&candidates, halving, limit), long[..limit]);
        }
    }

    #[test]
    fn what_was_refused_does_not_rise() {
        let candidates = family(9, 0);
        let halving = Halving { rungs: 2, keep: 3 };
        let mut done = vec![];
        while let Some(trial) = halving.next(&candidates, &done) {
            assert_eq!(trial.rung, 0);
            done.push(Evaluation {
                trial,
                outcome: Outcome::Refused(String::from("diverged")),
                seconds: 0.0,
            });
        }
        assert_eq!(done.len(), 9);
    }
}
