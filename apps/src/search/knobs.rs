//! Topologies from the values of their knobs.

use emeuro_trainer::{Function, Network, Phase, TrainingSpec};

use crate::{AppError, Recipe, Result, Training};

/// Activation functions that are tried.
pub(super) const FUNCTIONS: [Function; 3] = [Function::Silu, Function::Relu, Function::Tanh];

/// Widths of weights that are tried.
pub(super) const WEIGHT_BITS: [u32; 3] = [4, 8, 16];

/// How many times as long as in the recipe the integers are tuned.
pub(super) const TUNINGS: [usize; 2] = [1, 3];

/// What differs from `hand_made` in at most one knob: `values` are topologies that differ from it in one knob.
pub(super) fn around<T: Copy + PartialEq, const K: usize>(
    values: &[Vec<T>; K],
    hand_made: T,
    combine: impl Fn([T; K]) -> T,
) -> Vec<T> {
    let mut near = vec![hand_made];
    for (knob, values) in values.iter().enumerate() {
        for &value in values {
            let mut parts = [hand_made; K];
            parts[knob] = value;
            let topology = combine(parts);
            if !near.contains(&topology) {
                near.push(topology);
            }
        }
    }
    near
}

/// All combinations of the values of all knobs.
pub(super) fn grid<T: Copy, const K: usize>(values: &[Vec<T>; K], combine: impl Fn([T; K]) -> T) -> Vec<T> {
    let count: usize = values.iter().map(Vec::len).product();
    let topology = |mut index: usize| {
        combine(std::array::from_fn(|knob| {
            let value = values[knob][index % values[knob].len()];
            index /= values[knob].len();
            value
        }))
    };
    (0..count).map(topology).collect()
}

/// For example `128x64`.
pub(super) fn layers(widths: &[usize]) -> String {
    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// The training of a recipe.
pub(super) fn trained(recipe: Recipe) -> Result<Training> {
    match recipe {
        Recipe::Trained(training) => Ok(*training),
        Recipe::Analytic { .. } => Err(AppError::Search(String::from("the recipe does not train anything"))),
    }
}

/// The same schedule and ports for another network, its integers tuned `tuning` times as long.
pub(super) fn with_network(training: Training, network: Network, tuning: usize) -> Training {
    let Training { spec, frames } = training;
    let tuning = Phase { epochs: tuning * spec.tuning.epochs, ..spec.tuning };
    Training { spec: TrainingSpec { network, tuning, ..spec }, frames }
}

/// How the name of a candidate ends, and what is said of its tuning.
pub(super) fn tuned(times: usize) -> (String, String) {
    match times {
        1 => (String::new(), String::new()),
        _ => (format!("-tuned{times}"), format!(", tuned {times} times as long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ones_differ_in_one_knob_and_the_grid_has_all() {
        let values = [vec![(1, 5), (2, 5)], vec![(1, 5), (1, 6), (1, 7)]];
        let combine = |[a, b]: [(u32, u32); 2]| (a.0, b.1);
        assert_eq!(around(&values, (1, 5), combine), [(1, 5), (2, 5), (1, 6), (1, 7)]);
        let all = grid(&values, combine);
        assert_eq!(all.len(), 6);
        assert!(all.contains(&(2, 7)));
        assert_eq!(layers(&[128, 64]), "128x64");
    }
}
