//! The Pareto front of error and clocks.

use super::Score;

/// Indices of the scores that no other score dominates, cheapest first.
#[must_use]
pub fn front(scores: &[Score]) -> Vec<usize> {
    let mut front: Vec<usize> =
        (0..scores.len()).filter(|&i| !scores.iter().any(|other| other.dominates(&scores[i]))).collect();
    front.sort_by_key(|&i| (scores[i].clocks, i));
    front
}

/// For every score its front: 0 for those of the [`front`], 1 for the front of what is left without them, and so on
/// (non-dominated sorting; Deb et al., IEEE Transactions on Evolutionary Computation 6, 2002).
#[must_use]
pub fn layers(scores: &[Score]) -> Vec<usize> {
    let mut layers = vec![0; scores.len()];
    let mut left: Vec<usize> = (0..scores.len()).collect();
    for layer in 0.. {
        if left.is_empty() {
            break;
        }
        let dominated = |i: &usize| left.iter().any(|&other| scores[other].dominates(&scores[*i]));
        let (rest, here): (Vec<usize>, Vec<usize>) = left.iter().partition(|i| dominated(i));
        here.into_iter().for_each(|i| layers[i] = layer);
        left = rest;
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(error: f64, clocks: u64) -> Score {
        Score { error, clocks, weight_bits: 0, cpu_ns: 0.0 }
    }

    #[test]
    fn the_cheapest_the_best_and_what_lies_below_their_line() {
        let scores =
            [score(0.02, 100), score(0.01, 300), score(0.015, 200), score(0.02, 200), score(0.3, 99)];
        assert_eq!(front(&scores), [4, 0, 2, 1]);
        assert_eq!(layers(&scores), [0, 0, 0, 1, 0]);
    }

    #[test]
    fn equal_scores_do_not_beat_each_other() {
        assert_eq!(front(&[score(0.1, 5), score(0.1, 5)]), [0, 1]);
        assert_eq!(front(&[]), [0usize; 0]);
    }

    proptest! {
        /// Few different values, so that ties and equal scores are common.
        #[test]
        fn the_front_is_exactly_what_nothing_dominates(points in prop::collection::vec((0u8..6, 0u64..6), 0..24)) {
            let scores: Vec<Score> = points.iter().map(|&(e, c)| score(f64::from(e) / 8.0, c)).collect();
            let front = front(&scores);
            for (i, &(error, clocks)) in points.iter().enumerate() {
                let beaten = points.iter().any(|&(e, c)| {
                    e <= error && c <= clocks && (e, c) != (error, clocks)
                });
                prop_assert_eq!(front.contains(&i), !beaten);
            }
            // Along the front, whoever costs more errs less.
            for pair in front.windows(2) {
                let (a, b) = (scores[pair[0]], scores[pair[1]]);
                prop_assert!(a == b || (a.clocks < b.clocks && a.error > b.error));
            }
        }

        #[test]
        fn everything_beyond_the_first_layer_is_beaten_by_the_layer_before(
            points in prop::collection::vec((0u8..6, 0u64..6), 0..24)
        ) {
            let scores: Vec<Score> = points.iter().map(|&(e, c)| score(f64::from(e), c)).collect();
            let layers = layers(&scores);
            for i in 0..scores.len() {
                let beaten_by = |layer| (0..scores.len()).any(|j| layers[j] == layer && scores[j].dominates(&scores[i]));
                prop_assert!(!beaten_by(layers[i]));
                prop_assert!(layers[i] == 0 || beaten_by(layers[i] - 1));
            }
        }
    }
}
