//! Forward and backward passes over a batch, without allocation.

use emeuro_golden::Op;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use crate::{
    network::{Floats, Network},
    ops::{Backward, Forward, on_floats},
    outlet::Outlet,
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
        let buffers = || network.widths().map(|w| Array2::zeros((capacity, w))).collect();
        Self {
            values: buffers(),
            deltas: buffers(),
            gradient: vec![0.0; network.parameters.len()],
            touched: vec![false; network.len()],
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
        for i in 0..network.graph().inputs().len() {
            let end = start + network.width(i);
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

    /// Prepares the derivatives by the vectors of `outlets`, which [`Outlet::put`] is to fill before [`backward`].
    pub(crate) fn begin(&mut self, outlets: &[Outlet], rows: usize) {
        self.touched.fill(false);
        for outlet in outlets {
            for i in outlet.vectors() {
                self.touched[i] = true;
                if matches!(outlet, Outlet::Gathered(_)) {
                    self.deltas[i].slice_mut(s![..rows, ..]).fill(0.0);
                }
            }
        }
    }
}

/// Computes every node for the first `rows` frames. With `roundings`, one per vector, each is rounded as in hardware.
pub(crate) fn forward(
    network: &Network,
    parameters: &[f32],
    rows: usize,
    roundings: Option<&[Rounding]>,
    workspace: &mut Workspace,
) {
    for i in 0..network.len() {
        let Some(op) = network.op(i) else { continue };
        let (before, rest) = workspace.values.split_at_mut(i);
        let mut y = rest[0].slice_mut(s![..rows, ..]);
        let (at, rounding) = (Forward { parameters, rows, before }, roundings.map(|r| &r[i]));
        if let Some(Rounding::Table(table)) = rounding {
            table.apply(at.value(op.operands()[0]), y);
            continue;
        }
        on_floats(op).forward(&at, y.view_mut());
        if let Some(Rounding::Grid(grid)) = rounding {
            y.rows_mut().into_iter().for_each(|mut row| row.mapv_inplace(|v| grid.round(v)));
        }
    }
}

/// Derivatives of the loss by all parameters, from those by the outputs of every level (see [`Workspace::begin`]).
///
/// Rounding counts as the identity (straight-through estimator, Bengio et al. 2013).
pub(crate) fn backward(network: &Network, parameters: &[f32], rows: usize, workspace: &mut Workspace) {
    let Workspace { values, deltas, gradient, touched } = workspace;
    for i in (0..network.len()).rev() {
        let Some(op) = network.op(i) else { break };
        let (before, rest) = deltas.split_at_mut(i);
        begin(op, touched, rows, &mut [&mut *before]);
        let dy = rest[0].slice(s![..rows, ..]);
        let inputs = network.graph().inputs().len();
        let mut at = Backward { parameters, rows, values, index: i, dy, before, inputs, gradient };
        on_floats(op).backward(&mut at);
    }
}

/// Sets derivatives by the operands of `op` to zero if nothing has been added to them yet.
pub(crate) fn begin(op: &Op<Floats>, touched: &mut [bool], rows: usize, deltas: &mut [&mut [Array2<f32>]]) {
    for v in op.operands() {
        if !std::mem::replace(&mut touched[v.index()], true) {
            deltas.iter_mut().for_each(|deltas| deltas[v.index()].slice_mut(s![..rows, ..]).fill(0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Function;
    use emeuro_golden::BlockGeometry;
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Every kind of node, a shared encoder and a bypass around it all.
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

    /// Blocks with weights that their repeats share and with weights of their own, overlapping windows, maxima, products and a square; two
    /// levels of several vectors in another order, with elements that count twice.
    fn blocks() -> Network {
        let mut n = Network::new();
        let x = n.input(6).unwrap();
        let shared = BlockGeometry {
            offset: 1,
            repeat: vec![2, 2],
            in_stride: vec![2, 1],
            out_stride: vec![4, 1],
            window: vec![2],
            in_step: vec![1],
            outputs: 2,
            out_step: 2,
            shared: true,
        };
        let a = n.block(x, shared.clone()).unwrap();
        let b = n.dense(x, 8).unwrap();
        let larger = n.maximum(a, b).unwrap();
        let product = n.multiply(larger, b).unwrap();
        let own = BlockGeometry { shared: false, offset: 2, ..shared };
        let c = n.block(product, own).unwrap();
        let square = n.multiply(c, c).unwrap();
        let hidden = n.activate(square, Function::Tanh).unwrap();
        let d = n.dense(hidden, 3).unwrap();
        let order = vec![4, 0, 0, 10, 7, 2];
        n.set_outputs(vec![vec![c, d], vec![hidden, d]], Some(order)).unwrap();
        n.initialise(12);
        n
    }

    fn loss(network: &Network, parameters: &[f32], rows: usize, workspace: &mut Workspace) -> f64 {
        forward(network, parameters, rows, None, workspace);
        let square = |&y: &f32| f64::from(y).powi(2);
        let outlets = network.outlets();
        let power = |outlet: &Outlet| outlet.take(&workspace.values, rows).iter().map(square).sum::<f64>();
        outlets.iter().map(power).sum::<f64>() / 2.0
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        [network(), blocks()].into_iter().for_each(check);
    }

    fn check(mut network: Network) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for p in &mut network.parameters {
            *p += rng.random_range(-0.2..0.2);
        }
        let rows = 7;
        let mut workspace = Workspace::new(&network, rows + 2);
        workspace
            .input(rows)
            .assign(&Array2::from_shape_simple_fn((rows, network.inputs()), || rng.random_range(-1.0..1.0)));
        loss(&network, &network.parameters, rows, &mut workspace);
        let outlets = network.outlets();
        workspace.begin(&outlets, rows);
        for outlet in &outlets {
            let y = outlet.take(&workspace.values, rows).to_owned();
            outlet.put(y.view(), &mut workspace.deltas);
        }
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
