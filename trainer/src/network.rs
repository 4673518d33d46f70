//! The float network: a small typed graph with the words of the emulator graph (dense, activate, add).

use std::ops::Range;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    Error, Function, Result,
    gradient::{Workspace, forward},
};

/// A vector of a [`Network`]: its input or the result of one of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// One node; operands are indices of earlier nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Input,
    Dense { input: usize },
    Activate { input: usize, function: Function },
    Add { a: usize, b: usize },
}

impl Node {
    /// The nodes that this one reads.
    pub(crate) fn operands(&self) -> impl Iterator<Item = usize> {
        let pair = match *self {
            Node::Input => [None, None],
            Node::Dense { input } | Node::Activate { input, .. } => [Some(input), None],
            Node::Add { a, b } => [Some(a), Some(b)],
        };
        pair.into_iter().flatten()
    }
}

/// A float network over frames of plain, physical numbers.
///
/// Nodes are added in order, each naming earlier ones; the result of the last one is the output. All parameters lie in
/// one vector: per dense node its weights, row-major `[outputs][inputs]`, then its bias.
///
/// ```
/// use emeuro_trainer::{Function, Network};
///
/// // 40 inputs, a linear bypass beside one hidden layer, 20 outputs.
/// let mut network = Network::new();
/// let x = network.input(40)?;
/// let bypass = network.dense(x, 20)?;
/// let hidden = network.dense(x, 128)?;
/// let hidden = network.activate(hidden, Function::Tanh)?;
/// let residual = network.dense(hidden, 20)?;
/// network.add(bypass, residual)?;
/// assert_eq!(network.macs(), 40 * 20 + 40 * 128 + 128 * 20);
/// # Ok::<(), emeuro_trainer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    pub(crate) nodes: Vec<Node>,
    pub(crate) widths: Vec<usize>,
    /// Start of each dense node's parameters; unused for the others.
    offsets: Vec<usize>,
    pub(crate) parameters: Vec<f32>,
    /// The nodes that are the output at the lower quality levels, the lowest first.
    pub(crate) lower: Vec<usize>,
}

impl Network {
    /// A network without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The input vector of `size` numbers: the first node, once.
    ///
    /// # Errors
    /// `size` is 0, or there is an input already.
    pub fn input(&mut self, size: usize) -> Result<NodeId> {
        if !self.nodes.is_empty() {
            return Err(Error::Network(String::from("the input must be the first node, and the only input")));
        }
        self.push(Node::Input, size)
    }

    /// W·x + b with `outputs` rows, all zero until [`Network::initialise`] or [`Network::set_dense`].
    ///
    /// # Errors
    /// `x` is not a node of this network, or `outputs` is 0.
    pub fn dense(&mut self, x: NodeId, outputs: usize) -> Result<NodeId> {
        let inputs = self.width(x)?;
        let id = self.push(Node::Dense { input: x.0 }, outputs)?;
        self.parameters.resize(self.parameters.len() + outputs * (inputs + 1), 0.0);
        Ok(id)
    }

    /// f(x), element by element.
    ///
    /// # Errors
    /// `x` is not a node of this network.
    pub fn activate(&mut self, x: NodeId, function: Function) -> Result<NodeId> {
        let width = self.width(x)?;
        self.push(Node::Activate { input: x.0, function }, width)
    }

    /// a + b, element by element: joins a linear bypass and the layers beside it.
    ///
    /// # Errors
    /// `a` or `b` is not a node of this network, or their widths differ.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        let (width, other) = (self.width(a)?, self.width(b)?);
        if width != other {
            return Err(Error::Network(format!(
                "add: vectors {} and {} have {width} and {other} elements, expected the same number",
                a.0, b.0
            )));
        }
        self.push(Node::Add { a: a.0, b: b.0 }, width)
    }

    /// Makes `x` the output at one more lower quality level; the lowest level comes first.
    ///
    /// A level computes only the nodes that its output needs. All levels are trained together.
    ///
    /// # Errors
    /// `x` is not a node of this network, or it is the input or the output of a level already.
    pub fn lower_level(&mut self, x: NodeId) -> Result<()> {
        self.width(x)?;
        if x.0 == 0 || self.lower.contains(&x.0) {
            return Err(Error::Network(format!("vector {} cannot be the output of one more level", x.0)));
        }
        self.lower.push(x.0);
        Ok(())
    }

    /// The outputs of all quality levels, the lowest first.
    pub(crate) fn levels(&self) -> impl Iterator<Item = usize> + '_ {
        self.lower.iter().copied().chain(self.nodes.len().checked_sub(1))
    }

    pub(crate) fn push(&mut self, node: Node, width: usize) -> Result<NodeId> {
        if width == 0 {
            return Err(Error::Network(String::from("a vector needs at least one element")));
        }
        self.nodes.push(node);
        self.widths.push(width);
        self.offsets.push(self.parameters.len());
        Ok(NodeId(self.nodes.len() - 1))
    }

    fn width(&self, x: NodeId) -> Result<usize> {
        self.widths.get(x.0).copied().ok_or_else(|| {
            Error::Network(format!("vector {} does not exist, the network has {}", x.0, self.nodes.len()))
        })
    }

    /// Numbers per input frame.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.widths.first().copied().unwrap_or(0)
    }

    /// Numbers per output frame.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    /// Multiplications per frame.
    #[must_use]
    pub fn macs(&self) -> usize {
        self.dense_nodes().map(|i| self.weights_range(i).len()).sum()
    }

    /// Checks that every node leads to an output, and that there is something to train.
    pub(crate) fn check(&self) -> Result<()> {
        let mut used = vec![false; self.nodes.len()];
        for node in &self.nodes {
            node.operands().for_each(|i| used[i] = true);
        }
        for &i in &self.lower {
            used[i] = true;
            if i + 1 == self.nodes.len() || self.widths[i] != self.outputs() {
                return Err(Error::Network(format!(
                    "vector {i} cannot be the output of a lower level: it has {} elements, expected {}, and the last vector \
                     is the output of the highest level",
                    self.widths[i],
                    self.outputs()
                )));
            }
        }
        if self.parameters.is_empty() {
            return Err(Error::Network(String::from("it has no dense node, so there is nothing to train")));
        }
        match used[..used.len() - 1].iter().position(|&used| !used) {
            Some(i) => {
                Err(Error::Network(format!("vector {i} leads nowhere: every node must lead to an output")))
            }
            None => Ok(()),
        }
    }

    /// Draws all weights anew: normal, variance 2/inputs before ReLU and SiLU, 1/inputs elsewhere (He et al. 2015;
    /// Glorot and Bengio 2010), biases zero.
    pub fn initialise(&mut self, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for i in self.dense_nodes().collect::<Vec<_>>() {
            let gain = if self.consumers(i).any(|c| {
                matches!(self.nodes[c], Node::Activate { function: Function::Relu | Function::Silu, .. })
            }) {
                2.0
            } else {
                1.0
            };
            let scale = (gain / self.dense_inputs(i) as f32).sqrt();
            let range = self.weights_range(i);
            for w in &mut self.parameters[range] {
                let normal: f32 = StandardNormal.sample(&mut rng);
                *w = normal * scale;
            }
            let range = self.bias_range(i);
            self.parameters[range].fill(0.0);
        }
    }

    /// Weights `[outputs, inputs]` and bias of a dense node, or `None` for another kind of node.
    #[must_use]
    pub fn dense_parameters(&self, x: NodeId) -> Option<(ArrayView2<'_, f32>, ArrayView1<'_, f32>)> {
        matches!(self.nodes.get(x.0), Some(Node::Dense { .. }))
            .then(|| (self.weights(&self.parameters, x.0), self.bias(&self.parameters, x.0)))
    }

    /// Replaces the parameters of a dense node: `weights` row-major `[outputs][inputs]`, one `bias` per output.
    ///
    /// # Errors
    /// `x` is not a dense node, a length is wrong, or a number is not finite.
    pub fn set_dense(&mut self, x: NodeId, weights: &[f32], bias: &[f32]) -> Result<()> {
        if !matches!(self.nodes.get(x.0), Some(Node::Dense { .. })) {
            return Err(Error::Network(format!("vector {} is not the result of a dense node", x.0)));
        }
        let (w, b) = (self.weights_range(x.0), self.bias_range(x.0));
        if weights.len() != w.len() || bias.len() != b.len() {
            return Err(Error::Network(format!(
                "dense node {}: {} weights and {} biases given, expected {} and {}",
                x.0,
                weights.len(),
                bias.len(),
                w.len(),
                b.len()
            )));
        }
        if weights.iter().chain(bias).any(|v| !v.is_finite()) {
            return Err(Error::Network(format!("dense node {}: parameters must be finite", x.0)));
        }
        self.parameters[w].copy_from_slice(weights);
        self.parameters[b].copy_from_slice(bias);
        Ok(())
    }

    /// The outputs `[frames, outputs]` for inputs `[frames, inputs]`.
    ///
    /// # Errors
    /// The frames do not have as many numbers as the network has inputs, or the network is empty.
    pub fn predict(&self, inputs: ArrayView2<f32>) -> Result<Array2<f32>> {
        Ok(self.predict_levels(inputs)?.pop().unwrap_or_default())
    }

    /// The outputs `[frames, outputs]` of every quality level, the lowest first, for inputs `[frames, inputs]`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_levels(&self, inputs: ArrayView2<f32>) -> Result<Vec<Array2<f32>>> {
        if self.nodes.is_empty() || inputs.ncols() != self.inputs() {
            return Err(Error::Network(format!(
                "frames of {} numbers, expected {}",
                inputs.ncols(),
                self.inputs()
            )));
        }
        const CHUNK: usize = 1024;
        let mut workspace = Workspace::new(self, CHUNK.min(inputs.nrows()));
        let mut outputs: Vec<_> =
            self.levels().map(|_| Array2::zeros((inputs.nrows(), self.outputs()))).collect();
        for start in (0..inputs.nrows()).step_by(CHUNK) {
            let rows = CHUNK.min(inputs.nrows() - start);
            workspace.input(rows).assign(&inputs.slice(s![start..start + rows, ..]));
            forward(self, &self.parameters, rows, None, &mut workspace);
            for (level, outputs) in self.levels().zip(&mut outputs) {
                outputs.slice_mut(s![start..start + rows, ..]).assign(&workspace.value(level, rows));
            }
        }
        Ok(outputs)
    }

    /// Indices of the dense nodes, in order.
    pub(crate) fn dense_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|&i| matches!(self.nodes[i], Node::Dense { .. }))
    }

    /// Indices of the nodes that read node `i`.
    pub(crate) fn consumers(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        (i + 1..self.nodes.len()).filter(move |&c| self.nodes[c].operands().any(|o| o == i))
    }

    /// A later dense node that reads the same vector as dense node `i` and whose result is added to the same sum: together,
    /// they are one layer whose weights have the finer of two grids.
    pub(crate) fn finer_twin(&self, i: usize) -> Option<usize> {
        let last = self.nodes.len() - 1;
        let mut twins = (i + 1..=last)
            .filter(|&k| matches!(self.nodes[k], Node::Dense { .. }) && self.nodes[k] == self.nodes[i]);
        let sum = self.terms(last);
        twins.rfind(|k| sum.contains(k) && sum.contains(&i))
    }

    /// The nodes other than additions whose sum is node `i`, in order, as often as they are added.
    pub(crate) fn terms(&self, i: usize) -> Vec<usize> {
        let mut found = match self.nodes[i] {
            Node::Add { a, b } => [self.terms(a), self.terms(b)].concat(),
            _ => vec![i],
        };
        found.sort_unstable();
        found
    }

    /// Width of what dense node `i` reads.
    pub(crate) fn dense_inputs(&self, i: usize) -> usize {
        self.nodes[i].operands().map(|o| self.widths[o]).sum()
    }

    /// Where the weights of dense node `i` lie among the parameters.
    pub(crate) fn weights_range(&self, i: usize) -> Range<usize> {
        self.offsets[i]..self.offsets[i] + self.widths[i] * self.dense_inputs(i)
    }

    /// Where the bias of dense node `i` lies among the parameters.
    pub(crate) fn bias_range(&self, i: usize) -> Range<usize> {
        let start = self.weights_range(i).end;
        start..start + self.widths[i]
    }

    /// Weights of dense node `i` within a parameter vector of this network.
    pub(crate) fn weights<'a>(&self, parameters: &'a [f32], i: usize) -> ArrayView2<'a, f32> {
        ArrayView2::from_shape((self.widths[i], self.dense_inputs(i)), &parameters[self.weights_range(i)])
            .expect("the range has outputs × inputs elements")
    }

    /// The same, to be changed.
    pub(crate) fn weights_mut<'a>(&self, parameters: &'a mut [f32], i: usize) -> ArrayViewMut2<'a, f32> {
        let shape = (self.widths[i], self.dense_inputs(i));
        ArrayViewMut2::from_shape(shape, &mut parameters[self.weights_range(i)])
            .expect("the range has outputs × inputs elements")
    }

    /// Bias of dense node `i`, to be changed.
    pub(crate) fn bias_mut<'a>(&self, parameters: &'a mut [f32], i: usize) -> ArrayViewMut1<'a, f32> {
        ArrayViewMut1::from(&mut parameters[self.bias_range(i)])
    }

    /// Bias of dense node `i` within a parameter vector of this network.
    pub(crate) fn bias<'a>(&self, parameters: &'a [f32], i: usize) -> ArrayView1<'a, f32> {
        ArrayView1::from(&parameters[self.bias_range(i)])
    }

    /// The same graph over an input of another width; all parameters zero.
    pub(crate) fn with_inputs(&self, inputs: usize) -> Self {
        self.with_input_widths(|_| inputs)
    }

    /// The same graph over inputs of other widths, by node; all parameters zero.
    pub(crate) fn with_input_widths(&self, inputs: impl Fn(usize) -> usize) -> Self {
        let mut other = Self { lower: self.lower.clone(), ..Self::new() };
        for (i, (node, &width)) in self.nodes.iter().zip(&self.widths).enumerate() {
            let width = if matches!(node, Node::Input) { inputs(i) } else { width };
            other.nodes.push(node.clone());
            other.widths.push(width);
            other.offsets.push(other.parameters.len());
            if let Node::Dense { input } = *node {
                let size = width * (other.widths[input] + 1);
                other.parameters.resize(other.parameters.len() + size, 0.0);
            }
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let mut network = Network::new();
        let x = network.input(3).unwrap();
        assert!(network.input(3).is_err());
        let a = network.dense(x, 2).unwrap();
        assert!(network.add(x, a).unwrap_err().to_string().contains("3 and 2"));
        assert!(network.dense(NodeId(9), 2).unwrap_err().to_string().contains("vector 9"));
        assert!(network.dense(x, 0).is_err());
        let _unused = network.dense(x, 2).unwrap();
        network.activate(a, Function::Relu).unwrap();
        assert!(network.check().unwrap_err().to_string().contains("leads nowhere"));
    }

    #[test]
    fn predict_is_the_formula() {
        let mut network = Network::new();
        let x = network.input(2).unwrap();
        let a = network.dense(x, 2).unwrap();
        let b = network.activate(a, Function::Relu).unwrap();
        network.add(a, b).unwrap();
        network.set_dense(a, &[1.0, 2.0, -3.0, 0.5], &[0.25, 0.0]).unwrap();
        let y = network.predict(ndarray::array![[1.0, 1.0]].view()).unwrap();
        assert_eq!(y, ndarray::array![[6.5, -2.5]]);
    }

    #[test]
    fn same_seed_same_weights() {
        let mut a = Network::new();
        let x = a.input(5).unwrap();
        a.dense(x, 7).unwrap();
        let mut b = a.clone();
        a.initialise(3);
        b.initialise(3);
        assert_eq!(a, b);
        b.initialise(4);
        assert_ne!(a, b);
    }
}
