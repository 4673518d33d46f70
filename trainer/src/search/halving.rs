//! Successive halving: little time for all, much time for the best.

use super::{Candidate, Effort, Evaluation, Score, Trial, layers};

/// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020), one
/// evaluation at a time.
///
/// A candidate rises to the next rung as soon as it is among the best 1/`keep` of all that were evaluated on its rung; only
/// if none may rise, a new candidate begins. So every moment has its best candidates on the top rung, and no
/// number of candidates has to be chosen to suit the budget. The best are those that cost no more than they may, of these those
/// of the lowest [layer](layers), and within a layer, in turn, those that err least and those of the smallest product of error
/// and clocks: the former may replace what is there, the latter shape the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halving {
    /// Number of rungs, at least 1.
    pub rungs: usize,
    /// One of so many rises, at least 2.
    pub keep: usize,
    /// What candidates may cost; those that cost more rise only if no other may.
    pub most: Option<Costs>,
}

/// What an emulator may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Clocks per frame.
    pub clocks: u64,
    /// Bits of weights.
    pub weight_bits: u64,
}

impl Costs {
    /// Whether `score` stays within them.
    #[must_use]
    pub fn allow(&self, score: &Score) -> bool {
        score.clocks <= self.clocks && score.weight_bits <= self.weight_bits
    }
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
        let mut order = self.order(&scores);
        order.truncate(here.len() / self.keep.max(2));
        let above = |candidate: usize| {
            done.iter().any(|e| e.trial.candidate == candidate && e.trial.rung == rung + 1)
        };
        let candidate = order.into_iter().map(|i| here[i].0).find(|&candidate| !above(candidate))?;
        Some(Trial { candidate, rung: rung + 1 })
    }

    /// Indices of the scores, the best first.
    fn order(&self, scores: &[Score]) -> Vec<usize> {
        let allowed = |i: &usize| self.most.is_none_or(|most| most.allow(&scores[*i]));
        let (allowed, others): (Vec<usize>, Vec<usize>) = (0..scores.len()).partition(allowed);
        let mut order = ranked(scores, &allowed);
        order.extend(ranked(scores, &others));
        order
    }
}

/// The scores `of` in the order of their layers; within a layer in turn by error and by product.
fn ranked(scores: &[Score], of: &[usize]) -> Vec<usize> {
    let group: Vec<Score> = of.iter().map(|&i| scores[i]).collect();
    let layers = layers(&group);
    let sorted = |key: fn(&Score) -> f64| {
        let mut order: Vec<usize> = (0..group.len()).collect();
        order.sort_by(|&a, &b| {
            layers[a].cmp(&layers[b]).then(key(&group[a]).total_cmp(&key(&group[b]))).then(a.cmp(&b))
        });
        order
    };
    // Both lists go through the layers in step.
    let pairs = sorted(|score| score.error).into_iter().zip(sorted(Score::product));
    let mut order = vec![];
    for i in pairs.flat_map(|(a, b)| [of[a], of[b]]) {
        if !order.contains(&i) {
            order.push(i);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Outcome, final_scores};

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
        let halving = Halving { rungs: 3, keep: 3, most: None };
        let done = run(&candidates, halving, usize::MAX);
        let on = |rung: usize| done.iter().filter(|e| e.trial.rung == rung).count();
        assert_eq!(on(0), 27);
        // A third, and the few that rose before better ones had begun.
        assert!((9..=13).contains(&on(1)) && (3..=6).contains(&on(2)), "{} {}", on(1), on(2));
        let best = final_scores(&done).into_iter().min_by(|a, b| a.1.error.total_cmp(&b.1.error)).unwrap().0;
        assert_eq!(place(best.candidate), 17);
        assert!(done.iter().any(|e| e.trial == Trial { rung: 2, ..best }));
        assert_eq!(halving.next(&candidates, &done), None);
    }

    #[test]
    fn no_trial_comes_twice_and_no_rung_is_skipped() {
        let done = run(&family(20, 3), Halving { rungs: 3, keep: 2, most: None }, usize::MAX);
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
        let halving = Halving { rungs: 3, keep: 3, most: None };
        let long = run(&candidates, halving, usize::MAX);
        assert!(long[..3].iter().all(|e| candidates[e.trial.candidate].effort == Effort::Once));
        for limit in 0..long.len() {
            assert_eq!(run(&candidates, halving, limit), long[..limit]);
        }
    }

    #[test]
    fn what_was_refused_does_not_rise() {
        let candidates = family(9, 0);
        let halving = Halving { rungs: 2, keep: 3, most: None };
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

    #[test]
    fn the_order_is_by_cost_allowed_layer_and_in_turn_error_and_product() {
        let score = |error, clocks, weight_bits| Score { error, clocks, weight_bits, cpu_ns: 0.0 };
        let scores = [
            score(0.10, 200, 10), // product 20
            score(0.05, 300, 10), // least error, product 15
            score(0.20, 50, 10),  // least product, 10
            score(0.20, 300, 10), // beaten
            score(0.01, 400, 10), // too many clocks
            score(0.01, 100, 99), // too many bits
        ];
        let halving = Halving { rungs: 2, keep: 2, most: Some(Costs { clocks: 300, weight_bits: 50 }) };
        assert_eq!(halving.order(&scores), [1, 2, 0, 3, 5, 4]);
    }
}
