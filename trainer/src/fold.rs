//! Folding: the preconditioner into the first dense layers, the output scaling into the last ones.

use emeuro_golden::{Add, Op};
use ndarray::{Array1, Array2, Axis};

use crate::{network::Network, whiten::Preconditioner};

/// physical output = scale · trained output + mean.
#[derive(Clone, Debug)]
pub(crate) struct OutputScaling {
    pub(crate) scale: f64,
    pub(crate) mean: Array1<f64>,
}

/// The dense nodes whose sums are the outputs of all quality levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastLayers {
    /// All of them, in order.
    pub(crate) layers: Vec<usize>,
    /// Those that carry the mean: exactly one in the sum of every level.
    pub(crate) centred: Vec<usize>,
}

impl LastLayers {
    pub(crate) fn contains(&self, i: usize) -> bool {
        self.layers.contains(&i)
    }
}

/// The last layers of `network`, or `None` where an affine map of the outputs cannot be folded into them.
pub(crate) fn last_layers(network: &Network) -> Option<LastLayers> {
    let levels: Vec<usize> = network.levels().collect();
    // Every vector in the units of the outputs: the outputs and what they are sums of.
    let mut physical = vec![false; network.len()];
    levels.iter().for_each(|&i| physical[i] = true);
    for i in (0..network.len()).rev() {
        if !physical[i] {
            continue;
        }
        match network.op(i)? {
            Op::Dense(_) => {}
            // A vector added to itself cannot carry a mean once.
            Op::Add(Add { inputs: [a, b], .. }) if a != b => {
                [a, b].into_iter().for_each(|k| physical[k.index()] = true)
            }
            Op::Add(_) | Op::Block(_) | Op::Multiply(_) | Op::Maximum(_) | Op::Activate(_) => return None,
        }
        // A reader of other units sees what must not be scaled for the output alone.
        let adds = |c: usize| physical[c] && matches!(network.op(c), Some(Op::Add(_)));
        if !network.consumers(i).all(adds) {
            return None;
        }
    }
    let layers: Vec<usize> = network.dense_nodes().filter(|&i| physical[i]).collect();
    let mut centred: Vec<usize> = vec![];
    for &level in &levels {
        let terms = network.terms(level);
        if !terms.iter().any(|i| centred.contains(i)) {
            centred.extend(terms.first());
        }
        if terms.iter().filter(|i| centred.contains(i)).count() != 1 {
            return None;
        }
    }
    Some(LastLayers { layers, centred })
}

/// The network over physical inputs and outputs that computes what `trained` computes between its coordinates.
///
/// `plain` gives the graph with the physical number of inputs.
pub(crate) fn fold(
    trained: &Network,
    parameters: &[f32],
    plain: &Network,
    preconditioner: &Preconditioner,
    scaling: &OutputScaling,
) -> Network {
    let mut folded = plain.with_inputs(plain.inputs());
    let last = last_layers(plain).unwrap_or_default();
    for i in plain.affine_nodes() {
        let mut weights: Array2<f64> = trained.weights(parameters, i).mapv(f64::from);
        let mut bias: Array1<f64> = trained.bias(parameters, i).mapv(f64::from);
        if plain.operands(i).any(|o| plain.is_input(o)) {
            preconditioner.fold(&mut weights, &mut bias);
        }
        if last.contains(i) {
            weights *= scaling.scale;
            bias *= scaling.scale;
            if last.centred.contains(&i) {
                bias += &scaling.mean;
            }
        }
        let (w, b) = (plain.weights_range(i), plain.bias_range(i));
        folded.parameters[w].iter_mut().zip(&weights).for_each(|(p, &v)| *p = v as f32);
        folded.parameters[b].iter_mut().zip(&bias).for_each(|(p, &v)| *p = v as f32);
    }
    folded
}

/// (targets - mean) / scale.
pub(crate) fn scaled_targets(targets: &Array2<f32>, scaling: &OutputScaling) -> Array2<f32> {
    let mean = scaling.mean.mapv(|m| m as f32).insert_axis(Axis(0));
    (targets - &mean) * (1.0 / scaling.scale) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, Whitening};

    #[test]
    fn folding_does_not_change_what_is_computed() {
        let mut plain = Network::new();
        let x = plain.input(3).unwrap();
        let bypass = plain.dense(x, 2).unwrap();
        let hidden = plain.dense(x, 4).unwrap();
        let hidden = plain.activate(hidden, Function::Tanh).unwrap();
        let residual = plain.dense(hidden, 2).unwrap();
        plain.add(bypass, residual).unwrap();
        let inputs = Array2::from_shape_fn((50, 3), |(r, c)| ((r * 7 + c * 5) % 11) as f32 + 10.0 * c as f32);
        let preconditioner = Preconditioner::new(inputs.view(), &[3], &Whitening::default());
        let mut trained = plain.with_inputs(preconditioner.matrix.nrows());
        trained.initialise(1);
        let scaling = OutputScaling { scale: 7.0, mean: Array1::from(vec![3.0, -40.0]) };
        let inside = trained.predict(preconditioner.apply(inputs.view()).view()).unwrap();
        let folded = fold(&trained, &trained.parameters, &plain, &preconditioner, &scaling);
        let outside = folded.predict(inputs.view()).unwrap();
        let back = scaled_targets(&outside, &scaling);
        assert!(back.iter().zip(&inside).all(|(a, b)| (a - b).abs() < 1e-4), "{back} against {inside}");
    }

    #[test]
    fn outputs_behind_a_function_are_not_scaled() {
        let mut network = Network::new();
        let x = network.input(3).unwrap();
        let a = network.dense(x, 2).unwrap();
        let b = network.dense(x, 2).unwrap();
        let sum = network.add(a, b).unwrap();
        assert_eq!(last_layers(&network), Some(LastLayers { layers: vec![1, 2], centred: vec![1] }));
        let a = network.dense(sum, 2).unwrap();
        network.activate(a, Function::Relu).unwrap();
        assert_eq!(last_layers(&network), None);
    }

    #[test]
    fn every_level_carries_the_mean_once() {
        // Level 1 adds to level 0; level 2 has a last layer of its own.
        let mut network = Network::new();
        let x = network.input(3).unwrap();
        let lowest = network.dense(x, 2).unwrap();
        network.lower_level(lowest).unwrap();
        let more = network.dense(x, 2).unwrap();
        let middle = network.add(lowest, more).unwrap();
        network.lower_level(middle).unwrap();
        let hidden = network.dense(x, 4).unwrap();
        network.dense(hidden, 2).unwrap();
        let expected = LastLayers { layers: vec![1, 2, 5], centred: vec![1, 5] };
        assert_eq!(last_layers(&network), Some(expected));
        // A hidden layer that reads an output sees its physical units.
        let mut network = Network::new();
        let x = network.input(3).unwrap();
        let lowest = network.dense(x, 2).unwrap();
        network.lower_level(lowest).unwrap();
        network.dense(lowest, 2).unwrap();
        assert_eq!(last_layers(&network), None);
    }
}
