//! Slopes of the network along a direction (forward tangents), and the gradient of a loss of values and slopes.
//!
//! Along a direction, a dense node's slope is its weights times its operand's slope, a function's is its derivative times its
//! operand's. A loss of these slopes is differentiated exactly, with the functions' second derivatives (Czarnecki et al.,
//! "Sobolev training for neural networks", 2017).

use ndarray::{Array2, ArrayViewMut2, s};

use crate::{
    gradient::{Workspace, begin},
    network::Network,
    ops::{Backward, Tangent, TangentBackward, on_floats},
    outlet::Outlet,
};

/// The slopes of all nodes for up to a number of frames, and the derivatives of the loss by them.
pub(crate) struct Tangents {
    pub(crate) slopes: Vec<Array2<f32>>,
    pub(crate) deltas: Vec<Array2<f32>>,
}

impl Tangents {
    pub(crate) fn new(network: &Network, capacity: usize) -> Self {
        let buffers = || network.widths().map(|w| Array2::zeros((capacity, w))).collect();
        Self { slopes: buffers(), deltas: buffers() }
    }

    /// Where the directions of the first `rows` frames go.
    pub(crate) fn direction(&mut self, rows: usize) -> ArrayViewMut2<'_, f32> {
        self.slopes[0].slice_mut(s![..rows, ..])
    }

    /// Prepares the derivatives by the slopes of the vectors of `outlets`, which [`Outlet::put`] is to fill before [`backward`].
    pub(crate) fn begin(&mut self, outlets: &[Outlet], rows: usize) {
        let gathered = outlets.iter().filter(|outlet| matches!(outlet, Outlet::Gathered(_)));
        gathered.flat_map(Outlet::vectors).for_each(|i| self.deltas[i].slice_mut(s![..rows, ..]).fill(0.0));
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
    for i in 0..network.len() {
        let Some(op) = network.op(i) else { continue };
        let (before, rest) = tangents.slopes.split_at_mut(i);
        let at = Tangent { parameters, rows, values: &workspace.values, index: i, before };
        on_floats(op).tangent(&at, rest[0].slice_mut(s![..rows, ..]));
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
    for i in (0..network.len()).rev() {
        let Some(op) = network.op(i) else { break };
        let (before, rest) = deltas.split_at_mut(i);
        let (slopes_before, slopes_rest) = tangents.deltas.split_at_mut(i);
        begin(op, touched, rows, &mut [&mut *before, &mut *slopes_before]);
        let (dy, ds) = (rest[0].slice(s![..rows, ..]), slopes_rest[0].slice(s![..rows, ..]));
        let inputs = network.graph().inputs().len();
        let mut back = Backward { parameters, rows, values, index: i, dy, before, inputs, gradient };
        on_floats(op).backward(&mut back);
        let mut at = TangentBackward { back, slopes: &tangents.slopes, ds, before: slopes_before };
        on_floats(op).tangent_backward(&mut at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, gradient};
    use emeuro_golden::BlockGeometry;
    use ndarray::ArrayView2;
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
        let h = n.dense(h, 6).unwrap();
        let windows = BlockGeometry { repeat: vec![2], in_stride: vec![2], ..BlockGeometry::dense(3, 4) };
        let shared = n.block(h, BlockGeometry { out_stride: vec![4], ..windows.clone() }).unwrap();
        let own =
            n.block(h, BlockGeometry { out_stride: vec![4], offset: 1, shared: false, ..windows }).unwrap();
        let h = n.multiply(shared, own).unwrap();
        let h = n.maximum(h, shared).unwrap();
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
        let (workspace, tangents) = run(network, parameters, x, v);
        let power = |m: ArrayView2<f32>| m.iter().map(|&y| f64::from(y).powi(2)).sum::<f64>() / 2.0;
        let parts = network.levels().map(|level| {
            power(workspace.value(level, ROWS)) + 0.7 * power(tangents.slopes[level].slice(s![..ROWS, ..]))
        });
        parts.sum()
    }

    #[test]
    fn gradients_of_values_and_slopes_agree_with_finite_differences() {
        let (network, x, v) = problem();
        let (mut workspace, mut tangents) = run(&network, &network.parameters, &x, &v);
        let outlets = network.outlets();
        workspace.begin(&outlets, ROWS);
        tangents.begin(&outlets, ROWS);
        for outlet in &outlets {
            let (y, slope) = (outlet.take(&workspace.values, ROWS), outlet.take(&tangents.slopes, ROWS));
            let (y, slope) = (y.to_owned(), 0.7 * &slope);
            outlet.put(y.view(), &mut workspace.deltas);
            outlet.put(slope.view(), &mut tangents.deltas);
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
