//! Slopes of the network along a direction (forward tangents), and the gradient of a loss of values and slopes.
//!
//! Along a direction, a dense node's slope is its weights times its operand's slope, a function's is its derivative times its
//! operand's. A loss of these slopes is differentiated exactly, with the functions' second derivatives (Czarnecki et al.,
//! "Sobolev training for neural networks", 2017).

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, linalg::general_mat_mul, s};

use crate::{
    gradient::Workspace,
    network::{Network, Node},
};

/// The slopes of all nodes for up to a number of frames, and the derivatives of the loss by them.
pub(crate) struct Tangents {
    slopes: Vec<Array2<f32>>,
    deltas: Vec<Array2<f32>>,
}

impl Tangents {
    pub(crate) fn new(network: &Network, capacity: usize) -> Self {
        let buffers = || network.widths.iter().map(|&w| Array2::zeros((capacity, w))).collect();
        Self { slopes: buffers(), deltas: buffers() }
    }

    /// Where the directions of the first `rows` frames go.
    pub(crate) fn direction(&mut self, rows: usize) -> ArrayViewMut2<'_, f32> {
        self.slopes[0].slice_mut(s![..rows, ..])
    }

    /// The slopes of the level that ends in node `i`, and where the derivatives of the loss by them go before [`backward`].
    pub(crate) fn slope_and_delta(
        &mut self,
        i: usize,
        rows: usize,
    ) -> (ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) {
        (self.slopes[i].slice(s![..rows, ..]), self.deltas[i].slice_mut(s![..rows, ..]))
    }
}

/// Computes the slopes of every node for the first `rows` frames, whose values are in `workspace`.
pub(crate) fn forward(
    network: &Network,
    parameters: &[f32],
    rows: usize,
    workspace: &Workspace,
    tangents: &mut Tangents,
) {
    for (i, node) in network.nodes.iter().enumerate() {
        let (before, rest) = tangents.slopes.split_at_mut(i);
        let operand = |k: usize| before[k].slice(s![..rows, ..]);
        let mut slope = rest[0].slice_mut(s![..rows, ..]);
        match *node {
            Node::Input => {}
            Node::Dense { input } => {
                general_mat_mul(1.0, &operand(input), &network.weights(parameters, i).t(), 0.0, &mut slope);
            }
            Node::Activate { input, function } => {
                slope.fill(0.0);
                let (x, y) = (workspace.value(input, rows), workspace.value(i, rows));
                function.pull_back(x, y, operand(input), slope);
            }
            Node::Add { a, b } => {
                slope.assign(&operand(a));
                slope += &operand(b);
            }
        }
    }
}

/// Derivatives of the loss by all parameters, from those by values and slopes of the outputs of every level.
pub(crate) fn backward(
    network: &Network,
    parameters: &[f32],
    rows: usize,
    workspace: &mut Workspace,
    tangents: &mut Tangents,
) {
    let Workspace { values, deltas, gradient, touched } = workspace;
    touched.fill(false);
    network.lower.iter().for_each(|&i| touched[i] = true);
    for (i, node) in network.nodes.iter().enumerate().rev() {
        let (before, rest) = deltas.split_at_mut(i);
        let (slopes_before, slopes_rest) = tangents.deltas.split_at_mut(i);
        let (dy, ds) = (rest[0].slice(s![..rows, ..]), slopes_rest[0].slice(s![..rows, ..]));
        for k in node.operands() {
            if !touched[k] {
                touched[k] = true;
                before[k].slice_mut(s![..rows, ..]).fill(0.0);
                slopes_before[k].slice_mut(s![..rows, ..]).fill(0.0);
            }
        }
        match *node {
            Node::Input => {}
            Node::Dense { input } => {
                let x = values[input].slice(s![..rows, ..]);
                let slope = tangents.slopes[input].slice(s![..rows, ..]);
                let mut dw = network.weights_mut(gradient, i);
                general_mat_mul(1.0, &dy.t(), &x, 0.0, &mut dw);
                general_mat_mul(1.0, &ds.t(), &slope, 1.0, &mut dw);
                network.bias_mut(gradient, i).assign(&dy.sum_axis(Axis(0)));
                if !matches!(network.nodes[input], Node::Input) {
                    let weights = network.weights(parameters, i);
                    let mut dx = before[input].slice_mut(s![..rows, ..]);
                    general_mat_mul(1.0, &dy, &weights, 1.0, &mut dx);
                    let mut dx = slopes_before[input].slice_mut(s![..rows, ..]);
                    general_mat_mul(1.0, &ds, &weights, 1.0, &mut dx);
                }
            }
            Node::Activate { input, function } => {
                let (x, y) = (values[input].slice(s![..rows, ..]), values[i].slice(s![..rows, ..]));
                function.pull_back(x, y, dy, before[input].slice_mut(s![..rows, ..]));
                function.pull_back(x, y, ds, slopes_before[input].slice_mut(s![..rows, ..]));
                let slope = tangents.slopes[input].slice(s![..rows, ..]);
                function.pull_back_slope(x, slope, ds, before[input].slice_mut(s![..rows, ..]));
            }
            Node::Add { a, b } => {
                for k in [a, b] {
                    let mut dx = before[k].slice_mut(s![..rows, ..]);
                    dx += &dy;
                    let mut dx = slopes_before[k].slice_mut(s![..rows, ..]);
                    dx += &ds;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, gradient};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A shared encoder, every function, two levels.
    fn network() -> Network {
        let mut n = Network::new();
        let x = n.input(4).unwrap();
        let encoder = n.dense(x, 4).unwrap();
        let bypass = n.dense(encoder, 3).unwrap();
        n.lower_level(bypass).unwrap();
        let mut h = encoder;
        for function in [Function::Tanh, Function::Silu, Function::Sigmoid, Function::Relu] {
            h = n.dense(h, 5).unwrap();
            h = n.activate(h, function).unwrap();
        }
        let h = n.dense(h, 3).unwrap();
        n.add(bypass, h).unwrap();
        n.initialise(3);
        n
    }

    const ROWS: usize = 6;

    fn problem() -> (Network, Array2<f32>, Array2<f32>) {
        let mut network = network();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for p in &mut network.parameters {
            *p += rng.random_range(-0.3..0.3);
        }
        let mut matrix = || Array2::from_shape_simple_fn((ROWS, 4), || rng.random_range(-1.0f32..1.0));
        (network, matrix(), matrix())
    }

    fn run(network: &Network, parameters: &[f32], x: &Array2<f32>, v: &Array2<f32>) -> (Workspace, Tangents) {
        let (mut workspace, mut tangents) =
            (Workspace::new(network, ROWS + 1), Tangents::new(network, ROWS + 1));
        workspace.input(ROWS).assign(x);
        tangents.direction(ROWS).assign(v);
        gradient::forward(network, parameters, ROWS, None, &mut workspace);
        forward(network, parameters, ROWS, &workspace, &mut tangents);
        (workspace, tangents)
    }

    #[test]
    fn slopes_are_difference_quotients() {
        let (network, x, v) = problem();
        let (_, tangents) = run(&network, &network.parameters, &x, &v);
        let step = 1e-2;
        for (level, output) in network.levels().enumerate() {
            let at = |t: f32| network.predict_levels((&x + &(t * &v)).view()).unwrap().swap_remove(level);
            let quotient = (at(step) - at(-step)) / (2.0 * step);
            let slope = tangents.slopes[output].slice(s![..ROWS, ..]);
            let largest = quotient.iter().fold(0f32, |m, q| m.max(q.abs()));
            // A ReLU may change sides within the step in few places.
            let off = quotient.iter().zip(&slope).filter(|(q, s)| (*q - *s).abs() > 3e-3 * largest).count();
            assert!(off <= 3, "level {level}: {off} of {} slopes differ", quotient.len());
        }
    }

    /// ½ Σ (outputs² + 0.7 slopes²) over both levels.
    fn loss(network: &Network, parameters: &[f32], x: &Array2<f32>, v: &Array2<f32>) -> f64 {
        let (mut workspace, mut tangents) = run(network, parameters, x, v);
        let power = |m: ArrayView2<f32>| m.iter().map(|&y| f64::from(y).powi(2)).sum::<f64>() / 2.0;
        let parts = network.levels().map(|level| {
            power(workspace.output_and_delta(level, ROWS).0)
                + 0.7 * power(tangents.slope_and_delta(level, ROWS).0)
        });
        parts.sum()
    }

    #[test]
    fn gradients_of_values_and_slopes_agree_with_finite_differences() {
        let (network, x, v) = problem();
        let (mut workspace, mut tangents) = run(&network, &network.parameters, &x, &v);
        for level in network.levels() {
            let (y, mut dy) = workspace.output_and_delta(level, ROWS);
            dy.assign(&y);
            let (slope, mut ds) = tangents.slope_and_delta(level, ROWS);
            ds.assign(&(0.7 * &slope));
        }
        backward(&network, &network.parameters, ROWS, &mut workspace, &mut tangents);
        let gradient = workspace.gradient.clone();
        let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
        let step = 2e-3;
        for (k, &g) in gradient.iter().enumerate() {
            let mut moved = network.parameters.clone();
            moved[k] = network.parameters[k] + step;
            let up = loss(&network, &moved, &x, &v);
            moved[k] = network.parameters[k] - step;
            let down = loss(&network, &moved, &x, &v);
            let numeric = (up - down) / (2.0 * f64::from(step));
            assert!(
                (numeric - f64::from(g)).abs() < 3e-3 * f64::from(largest),
                "parameter {k}: {g} against {numeric}"
            );
        }
    }
}
