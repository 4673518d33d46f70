//! Forward and backward passes over a batch, without allocation.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, linalg::general_mat_mul, s};

use crate::{
    network::{Network, Node},
    rounding::Rounding,
};

/// The vectors of all nodes for up to `capacity` frames, their derivatives, and the gradient of the parameters.
pub(crate) struct Workspace {
    pub(crate) values: Vec<Array2<f32>>,
    pub(crate) deltas: Vec<Array2<f32>>,
    /// Derivative of the loss by every parameter, in the order of `Network::parameters`.
    pub(crate) gradient: Vec<f32>,
    /// Nodes whose derivatives have been begun, during the backward pass.
    pub(crate) touched: Vec<bool>,
}

impl Workspace {
    pub(crate) fn new(network: &Network, capacity: usize) -> Self {
        let buffers = || network.widths.iter().map(|&w| Array2::zeros((capacity, w))).collect();
        Self {
            values: buffers(),
            deltas: buffers(),
            gradient: vec![0.0; network.parameters.len()],
            touched: vec![false; network.nodes.len()],
        }
    }

    /// Copies frames `rows` of `frames` to the inputs: consecutive columns are those of one input node after the other.
    pub(crate) fn fill(
        &mut self,
        network: &Network,
        frames: ArrayView2<f32>,
        rows: impl Iterator<Item = usize> + Clone,
    ) {
        let mut start = 0;
        for (i, _) in network.nodes.iter().enumerate().filter(|(_, node)| matches!(node, Node::Input)) {
            let end = start + network.widths[i];
            for (mut to, from) in self.values[i].outer_iter_mut().zip(rows.clone()) {
                to.assign(&frames.slice(s![from, start..end]));
            }
            start = end;
        }
    }

    /// Where the first `rows` input frames go.
    pub(crate) fn input(&mut self, rows: usize) -> ArrayViewMut2<'_, f32> {
        self.values[0].slice_mut(s![..rows, ..])
    }

    /// Vectors of node `i` after [`forward`].
    pub(crate) fn value(&self, i: usize, rows: usize) -> ArrayView2<'_, f32> {
        self.values[i].slice(s![..rows, ..])
    }

    /// The outputs of the level that ends in node `i`, and where the derivatives of the loss by them go before [`backward`].
    pub(crate) fn output_and_delta(
        &mut self,
        i: usize,
        rows: usize,
    ) -> (ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) {
        (self.values[i].slice(s![..rows, ..]), self.deltas[i].slice_mut(s![..rows, ..]))
    }
}

/// Computes every node for the first `rows` frames. With `roundings`, one per node, each vector is rounded as in hardware.
pub(crate) fn forward(
    network: &Network,
    parameters: &[f32],
    rows: usize,
    roundings: Option<&[Rounding]>,
    workspace: &mut Workspace,
) {
    for (i, node) in network.nodes.iter().enumerate() {
        let (before, rest) = workspace.values.split_at_mut(i);
        let operand = |k: usize| before[k].slice(s![..rows, ..]);
        let mut y = rest[0].slice_mut(s![..rows, ..]);
        let rounding = roundings.map(|r| &r[i]);
        match *node {
            Node::Input => continue,
            Node::Dense { input } => {
                general_mat_mul(1.0, &operand(input), &network.weights(parameters, i).t(), 0.0, &mut y);
                let bias = network.bias(parameters, i);
                y.rows_mut().into_iter().for_each(|mut row| row += &bias);
            }
            Node::Activate { input, function } => {
                if let Some(Rounding::Table(table)) = rounding {
                    table.apply(operand(input), y);
                    continue;
                }
                function.apply(operand(input), y.view_mut());
            }
            Node::Add { a, b } => {
                y.assign(&operand(a));
                y += &operand(b);
            }
        }
        if let Some(Rounding::Grid(grid)) = rounding {
            y.rows_mut().into_iter().for_each(|mut row| row.mapv_inplace(|v| grid.round(v)));
        }
    }
}

/// Derivatives of the loss by all parameters, from those by the outputs of every level (in [`Workspace::output_and_delta`]).
///
/// Rounding counts as the identity (straight-through estimator, Bengio et al. 2013).
pub(crate) fn backward(network: &Network, parameters: &[f32], rows: usize, workspace: &mut Workspace) {
    let Workspace { values, deltas, gradient, touched } = workspace;
    touched.fill(false);
    network.lower.iter().for_each(|&i| touched[i] = true);
    for (i, node) in network.nodes.iter().enumerate().rev() {
        let (before, rest) = deltas.split_at_mut(i);
        let dy = rest[0].slice(s![..rows, ..]);
        for k in node.operands() {
            if !touched[k] {
                touched[k] = true;
                before[k].slice_mut(s![..rows, ..]).fill(0.0);
            }
        }
        match *node {
            Node::Input => {}
            Node::Dense { input } => {
                let x = values[input].slice(s![..rows, ..]);
                general_mat_mul(1.0, &dy.t(), &x, 0.0, &mut network.weights_mut(gradient, i));
                network.bias_mut(gradient, i).assign(&dy.sum_axis(Axis(0)));
                // Nobody asks for the derivative by the data, and it would be the dearest one.
                if !matches!(network.nodes[input], Node::Input) {
                    let mut dx = before[input].slice_mut(s![..rows, ..]);
                    general_mat_mul(1.0, &dy, &network.weights(parameters, i), 1.0, &mut dx);
                }
            }
            Node::Activate { input, function } => {
                let (x, y) = (values[input].slice(s![..rows, ..]), values[i].slice(s![..rows, ..]));
                function.pull_back(x, y, dy, before[input].slice_mut(s![..rows, ..]));
            }
            Node::Add { a, b } => {
                for k in [a, b] {
                    let mut dx = before[k].slice_mut(s![..rows, ..]);
                    dx += &dy;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Function;
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A graph with every kind of node, a shared encoder and a bypass around it all.
    fn network() -> Network {
        let mut n = Network::new();
        let x = n.input(5).unwrap();
        let encoder = n.dense(x, 4).unwrap();
        let bypass = n.dense(encoder, 3).unwrap();
        let mut residual = encoder;
        for function in [Function::Tanh, Function::Silu, Function::Sigmoid, Function::Relu] {
            residual = n.dense(residual, 6).unwrap();
            residual = n.activate(residual, function).unwrap();
        }
        let residual = n.dense(residual, 3).unwrap();
        let sum = n.add(bypass, residual).unwrap();
        let direct = n.dense(x, 3).unwrap();
        n.add(sum, direct).unwrap();
        n.initialise(11);
        n
    }

    fn loss(network: &Network, parameters: &[f32], rows: usize, workspace: &mut Workspace) -> f64 {
        forward(network, parameters, rows, None, workspace);
        workspace.value(network.nodes.len() - 1, rows).iter().map(|&y| f64::from(y).powi(2)).sum::<f64>()
            / 2.0
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut network = network();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for p in &mut network.parameters {
            *p += rng.random_range(-0.2..0.2);
        }
        let rows = 7;
        let mut workspace = Workspace::new(&network, rows + 2);
        workspace
            .input(rows)
            .assign(&Array2::from_shape_simple_fn((rows, 5), || rng.random_range(-1.0..1.0)));
        loss(&network, &network.parameters, rows, &mut workspace);
        let (y, mut dy) = workspace.output_and_delta(network.nodes.len() - 1, rows);
        dy.assign(&y);
        backward(&network, &network.parameters, rows, &mut workspace);
        let gradient = workspace.gradient.clone();
        let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
        let step = 2e-3;
        for (k, &g) in gradient.iter().enumerate() {
            let mut moved = network.parameters.clone();
            moved[k] = network.parameters[k] + step;
            let up = loss(&network, &moved, rows, &mut workspace);
            moved[k] = network.parameters[k] - step;
            let down = loss(&network, &moved, rows, &mut workspace);
            let numeric = (up - down) / (2.0 * f64::from(step));
            assert!(
                (numeric - f64::from(g)).abs() < 2e-3 * f64::from(largest),
                "parameter {k}: {g} against {numeric}"
            );
        }
    }
}
