//! Linear start: ridge and reduced-rank regression for the path of the graph that has no activation function.
//!
//! A bypass, or a chain of bottlenecks, then starts at the best linear answer (Izenman 1975) and gradient descent only has
//! to find the rest. What is added to the linear path starts at zero.

use emeuro_golden::Op;
use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2, s};

use crate::{moments, network::Network};

/// Candidate ridges, relative to the mean variance of a coordinate; the validation set chooses.
const RIDGES: [f64; 5] = [1e-8, 1e-5, 1e-4, 1e-3, 1e-2];

/// Frames in training coordinates: inputs with uncorrelated columns, centred and scaled targets.
pub(crate) struct Pair<'a> {
    pub(crate) inputs: ArrayView2<'a, f32>,
    pub(crate) targets: CowArray<'a, f32, Ix2>,
}

/// Sets the linear path of every quality level of `network` that has one to the best linear map; `variances` are those of the
/// input columns.
pub(crate) fn start(network: &mut Network, variances: &Array1<f64>, train: &Pair, validation: &Pair) {
    let paths: Vec<Path> = network.levels().filter_map(|level| linear_path(network, level)).collect();
    if paths.is_empty() {
        return;
    }
    let regression = regress(variances, train, validation);
    let linear = |i: &usize| paths.iter().any(|path| path.layers.contains(i));
    for &i in paths.iter().flat_map(|path| &path.silenced).filter(|i| !linear(i)) {
        let (w, b) = (network.weights_range(i), network.bias_range(i));
        network.parameters[w].fill(0.0);
        network.parameters[b].fill(0.0);
    }
    for path in &paths {
        let layers = factor(network, path, &regression, variances, train);
        for (&i, weights) in path.layers.iter().zip(layers) {
            let range = network.weights_range(i);
            network.parameters[range].iter_mut().zip(&weights).for_each(|(p, &w)| *p = w as f32);
        }
    }
}

/// A way from the input to a node through dense nodes and additions only.
struct Path {
    /// The dense nodes on the way, in order.
    layers: Vec<usize>,
    /// Layers that end what is added to the way.
    silenced: Vec<usize>,
    /// Whether the last layer of the way also carries what is added before it.
    shared_end: bool,
}

fn linear_path(network: &Network, i: usize) -> Option<Path> {
    match network.op(i) {
        None => Some(Path { layers: vec![], silenced: vec![], shared_end: false }),
        Some(Op::Activate(_) | Op::Block(_) | Op::Multiply(_) | Op::Maximum(_)) => None,
        Some(Op::Dense(dense)) => {
            let before = linear_path(network, dense.input.index())?;
            let shared_end = matches!(network.op(dense.input.index()), Some(Op::Add(_)));
            Some(Path { layers: [before.layers, vec![i]].concat(), shared_end, ..before })
        }
        Some(Op::Add(add)) => {
            let [a, b] = add.inputs.map(|v| v.index());
            let ((path, other), taken) = match linear_path(network, a) {
                Some(path) => ((path, b), a),
                None => ((linear_path(network, b)?, a), b),
            };
            if other == taken || path.layers.is_empty() {
                return None;
            }
            // Only what nobody else reads can be silenced; the rest of the sum then starts as it is.
            let alone = |e: &usize| !path.layers.contains(e) && network.consumers(*e).count() == 1;
            let ends = ends(network, other).into_iter().filter(alone);
            let silenced = [path.silenced, ends.collect()].concat();
            Some(Path { silenced, ..path })
        }
    }
}

/// The layers with weights whose sum is vector `i`.
fn ends(network: &Network, i: usize) -> Vec<usize> {
    match network.op(i) {
        Some(Op::Dense(_) | Op::Block(_)) => vec![i],
        Some(Op::Add(add)) => add.inputs.map(|v| ends(network, v.index())).concat(),
        Some(Op::Activate(_) | Op::Multiply(_) | Op::Maximum(_)) | None => vec![],
    }
}

/// Coefficients `[outputs, inputs]` of the ridge regression with the smallest validation error.
fn regress(variances: &Array1<f64>, train: &Pair, validation: &Pair) -> Array2<f64> {
    let cross = moments::product(train.targets.view(), train.inputs);
    let average = variances.mean().unwrap_or(1.0).max(1e-30);
    let candidates = RIDGES.map(|ridge| {
        let coefficients = &cross / &(variances + ridge * average).insert_axis(Axis(0));
        let estimates = validation.inputs.dot(&coefficients.mapv(|c| c as f32).t());
        let errors = &estimates - &validation.targets;
        (errors.iter().map(|&e| f64::from(e).powi(2)).sum::<f64>(), coefficients)
    });
    let best = candidates.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(cross, |(_, coefficients)| coefficients)
}

/// Splits `regression` into the layers of `path`.
fn factor(
    network: &Network,
    path: &Path,
    regression: &Array2<f64>,
    variances: &Array1<f64>,
    train: &Pair,
) -> Vec<Array2<f64>> {
    let current = |i: usize| network.weights(&network.parameters, i).mapv(f64::from);
    let [first, middle @ .., last] = path.layers.as_slice() else {
        return vec![regression.clone()];
    };
    // The explained part of the targets is G · code, code = white coordinates; its principal parts come first.
    let deviations = variances.mapv(f64::sqrt);
    let explained = regression * &deviations.view().insert_axis(Axis(0));
    let (sizes, outputs, codes) = singular(&explained);
    let inner = network.rows(*last).min(network.row(*last));
    let ends = if path.shared_end {
        // What is added needs the directions in which the targets vary, explained linearly or not.
        let (_, vectors) = moments::eigen(&moments::product(train.targets.view(), train.targets.view()));
        vectors.slice(s![..inner.min(vectors.nrows()), ..]).to_owned()
    } else {
        outputs.slice(s![..inner.min(outputs.nrows()), ..]).to_owned()
    };
    // Every coordinate of the last bottleneck gets unit variance, as far as it varies.
    let spreads: Array1<f64> = ends
        .outer_iter()
        .map(|e| {
            let projected = train.targets.dot(&e.mapv(|v| v as f32));
            let variance =
                projected.iter().map(|&p| f64::from(p).powi(2)).sum::<f64>() / projected.len() as f64;
            variance.sqrt().max(1e-6)
        })
        .collect();
    let mut end = Array2::zeros((network.rows(*last), network.row(*last)));
    for (k, (e, spread)) in ends.outer_iter().zip(&spreads).enumerate() {
        end.column_mut(k).assign(&(&e * *spread));
    }
    let to_inner = &ends / &spreads.view().insert_axis(Axis(1));
    if middle.is_empty() {
        let mut begin = current(*first);
        begin.slice_mut(s![..ends.nrows(), ..]).assign(&to_inner.dot(regression));
        return vec![begin, end];
    }
    let mut begin = current(*first);
    let known = begin.nrows().min(codes.nrows());
    let white =
        codes.slice(s![..known, ..]).to_owned() / &deviations.mapv(|d| d.max(1e-9)).insert_axis(Axis(0));
    begin.slice_mut(s![..known, ..]).assign(&white);
    let mut layers = vec![begin];
    let mut carried = known;
    for (position, &i) in middle.iter().enumerate() {
        let mut weights = current(i);
        if position + 1 < middle.len() {
            carried = carried.min(weights.nrows());
            weights.slice_mut(s![..carried, ..]).fill(0.0);
            (0..carried).for_each(|k| weights[(k, k)] = 1.0);
        } else {
            weights.fill(0.0);
            let scaled =
                outputs.slice(s![..carried, ..]).to_owned() * sizes.slice(s![..carried]).insert_axis(Axis(1));
            weights.slice_mut(s![..ends.nrows(), ..carried]).assign(&to_inner.dot(&scaled.t()));
        }
        layers.push(weights);
    }
    layers.push(end);
    layers
}

/// Singular values, left vectors and right vectors (both as rows), largest first, of a matrix of any shape.
///
/// By the eigenvectors of the smaller Gram matrix: exact enough for a start, and quick for 1 000 × 16.
fn singular(matrix: &Array2<f64>) -> (Array1<f64>, Array2<f64>, Array2<f64>) {
    let wide = matrix.nrows() <= matrix.ncols();
    let gram = if wide { matrix.dot(&matrix.t()) } else { matrix.t().dot(matrix) };
    let (squares, near) = moments::eigen(&gram);
    let largest = squares.first().copied().unwrap_or(0.0);
    let rank = squares.iter().take_while(|&&v| v > 1e-12 * largest && v > 0.0).count();
    let sizes = squares.slice(s![..rank]).mapv(f64::sqrt);
    let near = near.slice(s![..rank, ..]).to_owned();
    let far = if wide { near.dot(matrix) } else { near.dot(&matrix.t()) } / sizes.view().insert_axis(Axis(1));
    if wide { (sizes, near, far) } else { (sizes, far, near) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Function;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Independent inputs of given variances, and targets of rank 3.
    fn problem() -> (Array1<f64>, Array2<f32>, Array2<f32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let variances = Array1::from(vec![4.0, 1.0, 1.0, 0.5, 0.25, 0.1]);
        let uniform = Array2::from_shape_simple_fn((4000, 6), || rng.random_range(-1.0f32..1.0));
        let inputs = &uniform * &variances.mapv(|v: f64| (3.0 * v).sqrt() as f32).insert_axis(Axis(0));
        let a = Array2::from_shape_simple_fn((6, 3), || rng.random_range(-1.0f32..1.0));
        let b = Array2::from_shape_simple_fn((3, 8), || rng.random_range(-1.0f32..1.0));
        let targets = inputs.dot(&a).dot(&b);
        (variances, inputs, targets)
    }

    fn error(network: &Network, inputs: &Array2<f32>, targets: &Array2<f32>) -> f32 {
        let y = network.predict(inputs.view()).unwrap();
        ((&y - targets).mapv(|e| e * e).sum() / targets.mapv(|e| e * e).sum()).sqrt()
    }

    #[test]
    fn chains_of_every_length_start_at_the_answer() {
        let (variances, inputs, targets) = problem();
        for widths in [&[][..], &[3], &[5], &[4, 3], &[6, 4, 3], &[3, 5, 4, 3]] {
            let mut network = Network::new();
            let mut x = network.input(6).unwrap();
            for &width in widths {
                x = network.dense(x, width).unwrap();
            }
            network.dense(x, 8).unwrap();
            network.initialise(1);
            let pair = Pair { inputs: inputs.view(), targets: targets.view().into() };
            start(&mut network, &variances, &pair, &pair);
            let e = error(&network, &inputs, &targets);
            assert!(e < 0.05, "{widths:?}: {e}");
        }
    }

    #[test]
    fn a_shared_encoder_and_decoder_start_linear() {
        let (variances, inputs, targets) = problem();
        let mut network = Network::new();
        let x = network.input(6).unwrap();
        let encoder = network.dense(x, 4).unwrap();
        let linear = network.dense(encoder, 3).unwrap();
        let hidden = network.dense(encoder, 9).unwrap();
        let hidden = network.activate(hidden, Function::Relu).unwrap();
        let residual = network.dense(hidden, 3).unwrap();
        let sum = network.add(residual, linear).unwrap();
        network.dense(sum, 8).unwrap();
        network.initialise(1);
        let pair = Pair { inputs: inputs.view(), targets: targets.view().into() };
        start(&mut network, &variances, &pair, &pair);
        assert!(error(&network, &inputs, &targets) < 0.05);
    }

    #[test]
    fn a_network_without_a_linear_path_is_left_alone() {
        let (variances, inputs, targets) = problem();
        let mut network = Network::new();
        let x = network.input(6).unwrap();
        let hidden = network.dense(x, 9).unwrap();
        let hidden = network.activate(hidden, Function::Relu).unwrap();
        network.dense(hidden, 8).unwrap();
        network.initialise(1);
        let before = network.clone();
        let pair = Pair { inputs: inputs.view(), targets: targets.view().into() };
        start(&mut network, &variances, &pair, &pair);
        assert_eq!(network, before);
    }
}
