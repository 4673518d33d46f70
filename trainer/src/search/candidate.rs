//! What is searched over: candidates, and what an evaluation says about one.

/// How the quality of a candidate's evaluation depends on the time that is put into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effort {
    /// It is computed: one evaluation says all.
    Once,
    /// It is trained: every rung trains it anew, longer and on more frames.
    Rungs,
}

/// One way to make an emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Unique among the candidates; letters, digits and `-_.+`, so that it can be part of a file name.
    pub name: String,
    /// Whether more time tells more about it.
    pub effort: Effort,
}

/// A candidate and the rung at which it is evaluated; 0 is the quickest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trial {
    /// Index of the candidate.
    pub candidate: usize,
    /// Index of the rung; 0 for candidates that are computed.
    pub rung: usize,
}

/// What a candidate errs and costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// NRMSE of the golden model on held-out frames.
    pub error: f64,
    /// Clocks of a unit per frame, frames back to back.
    pub clocks: u64,
    /// Bits of the unit's weights.
    pub weight_bits: u64,
    /// Nanoseconds of the golden model per frame, measured: it is reported and decides nothing.
    pub cpu_ns: f64,
}

impl Score {
    /// Whether it is at least as good as `other` in error and clocks, and better in one of them.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        let (error, clocks) = (self.error.total_cmp(&other.error), self.clocks.cmp(&other.clocks));
        error.is_le() && clocks.is_le() && (error.is_lt() || clocks.is_lt())
    }

    /// Error times clocks: on the logarithmic scales of the front, gains in one are worth losses in the other.
    #[must_use]
    pub fn product(&self) -> f64 {
        self.error * self.clocks as f64
    }
}

/// How an evaluation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The candidate works.
    Scored(Score),
    /// It doesn't, for this reason: training diverged, or no format holds its numbers.
    Refused(String),
}

/// A finished evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What was evaluated.
    pub trial: Trial,
    /// With what result.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
}

impl Evaluation {
    /// The score, if the candidate works.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        match self.outcome {
            Outcome::Scored(score) => Some(score),
            Outcome::Refused(_) => None,
        }
    }
}

/// The best trial of every candidate that works, and its score: mostly that of its highest rung, but more training can also make an
/// emulator worse.
#[must_use]
pub fn final_scores(evaluations: &[Evaluation]) -> Vec<(Trial, Score)> {
    let mut best: Vec<(Trial, Score)> = vec![];
    for evaluation in evaluations {
        let Some(score) = evaluation.score() else { continue };
        let trial = evaluation.trial;
        match best.iter_mut().find(|(known, _)| known.candidate == trial.candidate) {
            Some(known) if score.error < known.1.error => *known = (trial, score),
            Some(_) => {}
            None => best.push((trial, score)),
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_score_of_a_candidate_is_that_of_its_best_trial() {
        let evaluation = |candidate, rung, error| Evaluation {
            trial: Trial { candidate, rung },
            outcome: Outcome::Scored(Score { error, clocks: 1, weight_bits: 1, cpu_ns: 1.0 }),
            seconds: 1.0,
        };
        let refused = Outcome::Refused(String::from("diverged"));
        let evaluations = [
            evaluation(1, 0, 0.5),
            evaluation(0, 0, 0.3),
            evaluation(1, 1, 0.2),
            Evaluation { outcome: refused, ..evaluation(2, 0, 0.0) },
            evaluation(1, 2, 0.25),
        ];
        let scores: Vec<_> =
            final_scores(&evaluations).iter().map(|(t, s)| (t.candidate, t.rung, s.error)).collect();
        assert_eq!(scores, [(1, 1, 0.2), (0, 0, 0.3)]);
    }
}
