//! What a search has found, and the point that it chooses.

use emeuro_golden::Emulator;
use emeuro_trainer::{
    Quantisation,
    search::{Ended, Score},
};

use super::{Decision, Subroutine};

/// A candidate that was evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Name of the candidate.
    pub name: String,
    /// What is done about every subroutine.
    pub decisions: Vec<Decision>,
    /// Everything else, in words.
    pub topology: String,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
    /// The highest rung that it has reached and the number of rungs; `None` if it is computed.
    pub rung: Option<(usize, usize)>,
    /// Error on the validation frames, and costs.
    pub score: Score,
    /// NRMSE on the test frames: known for the front, the reference and the chosen point.
    pub test: Option<f64>,
    /// Whether no other point beats it in error and clocks.
    pub on_front: bool,
}

/// A search that has ended.
#[derive(Clone, Debug)]
pub struct SearchReport {
    /// Name of the application.
    pub app: &'static str,
    /// The subroutine tree that was searched over.
    pub tree: Subroutine,
    /// All points, the reference first, then in the order of evaluation.
    pub points: Vec<Point>,
    /// Candidates that do not work, and why.
    pub refused: Vec<(String, String)>,
    /// Number of finished evaluations.
    pub evaluations: usize,
    /// Number of candidates that there are.
    pub candidates: usize,
    /// Seconds of all evaluations.
    pub seconds: f64,
    /// Why the search has ended.
    pub ended: Ended,
    /// Nanoseconds of the exact code: error 0, no unit.
    pub exact_ns: f64,
    /// The chosen point.
    pub chosen: usize,
    /// Its emulator.
    pub emulator: Emulator,
}

/// The rule by which the point is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice;

impl Choice {
    /// The rule in words.
    pub const RULE: &'static str = "of the points that need no more clocks and no more bits of weights than the reference and err no \
                                    more: the smallest product of error and clocks, then the fewest bits";

    /// The chosen one of `scores`, of which the first is the reference.
    pub fn among(scores: &[Score]) -> usize {
        let reference = scores[0];
        let no_worse = |score: &Score| {
            score.error <= reference.error
                && score.clocks <= reference.clocks
                && score.weight_bits <= reference.weight_bits
        };
        let rank = |i: usize| (scores[i].product(), scores[i].weight_bits);
        let candidates = (0..scores.len()).filter(|&i| no_worse(&scores[i]));
        let best = candidates.min_by(|&a, &b| {
            let ((product, bits), (other_product, other_bits)) = (rank(a), rank(b));
            product.total_cmp(&other_product).then(bits.cmp(&other_bits))
        });
        best.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_never_worse_than_the_reference() {
        let score = |error, clocks, weight_bits| Score { error, clocks, weight_bits, cpu_ns: 1.0 };
        let reference = score(0.01, 1000, 500);
        let too_large = score(0.001, 100, 501);
        let too_slow = score(0.001, 1001, 500);
        let too_wrong = score(0.0101, 1, 1);
        let good = score(0.008, 900, 500);
        let better = score(0.01, 600, 100);
        assert_eq!(Choice::among(&[reference, too_large, too_slow, too_wrong]), 0);
        assert_eq!(Choice::among(&[reference, too_large, good, too_slow, too_wrong, better]), 5);
        let smaller = score(0.01, 1000, 250);
        assert_eq!(Choice::among(&[reference, smaller, smaller]), 1);
        // Among equals the first one, so that the reference stays unless something is better.
        assert_eq!(Choice::among(&[reference, reference]), 0);
    }
}
