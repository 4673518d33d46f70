//! The network that is trained: the emulator's graph with parameters in floating point.

use std::ops::Range;

use emeuro_golden::{
    Activate, Add, Block, BlockGeometry, Dense, Graph, Maximum, Multiply, Numbers, Op, Vector, VectorId,
};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    Curve, Error, Function, Result,
    outlet::{Outlet, outlets},
};

/// The numbers of a network in training: parameters in one vector, nothing rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floats;

impl Numbers for Floats {
    type Format = ();
    type Affine = Parameters;
    type Align = ();
    type Shift = ();
    type Function = Curve;
}

/// Where the weights and biases of a layer lie among the parameters of its network: row by row, then a bias per row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    start: usize,
    rows: usize,
    row: usize,
}

impl Parameters {
    /// Behind the first `start` parameters, `rows` rows of `row` weights.
    pub(crate) fn at(start: usize, [rows, row]: [usize; 2]) -> Self {
        Self { start, rows, row }
    }

    /// Number of weights and biases.
    pub(crate) fn len(&self) -> usize {
        self.rows * (self.row + 1)
    }

    pub(crate) fn weights(&self) -> Range<usize> {
        self.start..self.start + self.rows * self.row
    }

    pub(crate) fn bias(&self) -> Range<usize> {
        self.weights().end..self.weights().end + self.rows
    }
}

/// A float network over frames of plain, physical numbers.
///
/// Nodes are added in order, each naming earlier ones; the result of the last one is the output. All parameters lie in
/// one vector: per dense or block node its weights, row by row, then its biases.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    graph: Graph<Floats>,
    pub(crate) parameters: Vec<f32>,
    /// Output i is element `order[i]` of the vectors that a level's output is made of; none is the identity.
    order: Option<Vec<usize>>,
}

impl Default for Network {
    fn default() -> Self {
        Self { graph: Graph::new(vec![]), parameters: vec![], order: None }
    }
}

impl Network {
    /// A network without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The operations, without parameters.
    #[must_use]
    pub fn graph(&self) -> &Graph<Floats> {
        &self.graph
    }

    /// The input vector of `size` numbers: the first node, once.
    ///
    /// # Errors
    /// `size` is 0, or there is an input already.
    pub fn input(&mut self, size: usize) -> Result<VectorId> {
        if self.graph.inputs().next().is_some() {
            return Err(Error::Network(String::from("the input must be the first node, and the only input")));
        }
        self.one_more_input(size)
    }

    /// An input beside others.
    pub(crate) fn one_more_input(&mut self, size: usize) -> Result<VectorId> {
        Ok(self.graph.input(Vector { size, format: () })?)
    }

    /// W·x + b with `outputs` rows, all zero until [`Network::initialise`] or [`Network::set_parameters`].
    ///
    /// # Errors
    /// `x` is not a node of this network, or `outputs` is 0.
    pub fn dense(&mut self, x: VectorId, outputs: usize) -> Result<VectorId> {
        let inputs = self.size(x)?;
        if outputs == 0 {
            return Err(Error::Network(String::from("a vector needs at least one element")));
        }
        let affine = Parameters::at(self.parameters.len(), [outputs, inputs]);
        self.add_node(Op::Dense(Dense { input: x, inputs, outputs, affine }))
    }

    /// One weight block at many places of `x`, all its parameters zero until [`Network::initialise`] or
    /// [`Network::set_parameters`].
    ///
    /// # Errors
    /// `x` is not a node of this network, or a geometry that leaves its vectors or writes a word twice.
    pub fn block(&mut self, x: VectorId, geometry: BlockGeometry) -> Result<VectorId> {
        geometry.check(self.size(x)?)?;
        let shape = [geometry.weight_sets() * geometry.outputs, geometry.window_len()];
        let affine = Parameters::at(self.parameters.len(), shape);
        self.add_node(Op::Block(Block { input: x, geometry, affine }))
    }

    /// f(x), element by element.
    ///
    /// # Errors
    /// `x` is not a node of this network.
    pub fn activate(&mut self, x: VectorId, function: impl Into<Curve>) -> Result<VectorId> {
        self.add_node(Op::Activate(Activate { input: x, function: function.into() }))
    }

    /// a + b, element by element: joins a linear bypass and the layers beside it.
    ///
    /// # Errors
    /// `a` or `b` is not a node of this network, or their widths differ.
    pub fn add(&mut self, a: VectorId, b: VectorId) -> Result<VectorId> {
        self.add_node(Op::Add(Add { inputs: [a, b], align: (), shift: () }))
    }

    /// a · b, element by element.
    ///
    /// # Errors
    /// `a` or `b` is not a node of this network, or their widths differ.
    pub fn multiply(&mut self, a: VectorId, b: VectorId) -> Result<VectorId> {
        self.add_node(Op::Multiply(Multiply { inputs: [a, b], shift: () }))
    }

    /// The larger one of a and b, element by element.
    ///
    /// # Errors
    /// `a` or `b` is not a node of this network, or their widths differ.
    pub fn maximum(&mut self, a: VectorId, b: VectorId) -> Result<VectorId> {
        self.add_node(Op::Maximum(Maximum { inputs: [a, b], align: (), shift: () }))
    }

    /// Makes `x` the output at one more lower quality level; the lowest level comes first.
    ///
    /// A level computes only the nodes that its output needs. All levels are trained together.
    ///
    /// # Errors
    /// `x` is not a node of this network, or it is the input or the output of a level already.
    pub fn lower_level(&mut self, x: VectorId) -> Result<()> {
        self.size(x)?;
        let mut levels = self.graph.levels().to_vec();
        let highest = levels.pop();
        if self.op(x.index()).is_none() || levels.contains(&vec![x]) {
            return Err(Error::Network(format!(
                "vector {} cannot be the output of one more level",
                x.index()
            )));
        }
        levels.push(vec![x]);
        levels.extend(highest);
        Ok(self.graph.set_levels(levels)?)
    }

    /// Says what the outputs of all levels are made of, the lowest first, and in which order.
    pub(crate) fn set_outputs(
        &mut self,
        levels: Vec<Vec<VectorId>>,
        order: Option<Vec<usize>>,
    ) -> Result<()> {
        self.order = order;
        Ok(self.graph.set_levels(levels)?)
    }

    /// The outputs of all quality levels, the lowest first: of networks whose outputs are one vector each.
    pub(crate) fn levels(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.graph.levels().iter().map(|sources| sources[0].index())
    }

    /// The last vector, which is the output of the highest level where outputs are one vector each.
    pub(crate) fn last(&self) -> usize {
        self.len() - 1
    }

    /// Where the outputs of all quality levels are found.
    pub(crate) fn outlets(&self) -> Vec<Outlet> {
        outlets(&self.graph, self.order.as_deref())
    }

    /// Adds a node with parameters of zero; it is the output of the highest level.
    fn add_node(&mut self, op: Op<Floats>) -> Result<VectorId> {
        let alike = self.graph.nodes().iter().filter(|node| kind(&node.op) == kind(&op)).count();
        self.push(&format!("{}_{}", kind(&op), alike + 1), op)
    }

    /// Adds a named node with parameters of zero behind those that there are; it is the output of the highest level.
    pub(crate) fn push(&mut self, name: &str, op: Op<Floats>) -> Result<VectorId> {
        let parameters = affine(&op).map_or(0, Parameters::len);
        let made = self.graph.push(name, op, ())?;
        self.parameters.resize(self.parameters.len() + parameters, 0.0);
        let mut levels = self.graph.levels().to_vec();
        levels.pop();
        levels.push(vec![made]);
        self.graph.set_levels(levels)?;
        Ok(made)
    }

    fn size(&self, x: VectorId) -> Result<usize> {
        match self.graph.has(x) {
            true => Ok(self.graph.vector(x).size),
            false => Err(Error::Network(format!(
                "vector {} does not exist, the network has {}",
                x.index(),
                self.len()
            ))),
        }
    }

    /// Number of vectors.
    pub(crate) fn len(&self) -> usize {
        self.graph.vectors().len()
    }

    /// The name of the node that makes vector `i`.
    pub(crate) fn name(&self, i: usize) -> &str {
        i.checked_sub(self.graph.inputs().len()).map_or("input", |node| &self.graph.nodes()[node].name)
    }

    /// Number of elements of vector `i`.
    pub(crate) fn width(&self, i: usize) -> usize {
        self.widths().nth(i).expect("a vector of this network")
    }

    /// Numbers of elements of all vectors.
    pub(crate) fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        self.graph.vectors().map(|v| self.graph.vector(v).size)
    }

    /// The operation that makes vector `i`; none for an input.
    pub(crate) fn op(&self, i: usize) -> Option<&Op<Floats>> {
        i.checked_sub(self.graph.inputs().len()).map(|node| &self.graph.nodes()[node].op)
    }

    /// Whether vector `i` is an input.
    pub(crate) fn is_input(&self, i: usize) -> bool {
        self.op(i).is_none()
    }

    /// Whether vector `i` is made by a dense node.
    pub(crate) fn is_dense(&self, i: usize) -> bool {
        matches!(self.op(i), Some(Op::Dense(_)))
    }

    /// The named function that vector `i` is the result of.
    pub(crate) fn function(&self, i: usize) -> Option<Function> {
        self.op(i).and_then(curve).and_then(Curve::named)
    }

    /// The vectors that the maker of vector `i` reads.
    pub(crate) fn operands(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.op(i).into_iter().flat_map(|op| op.operands()).map(|v| v.index())
    }

    /// Numbers per input frame.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.graph.inputs().map(|v| self.graph.vector(v).size).sum()
    }

    /// Numbers per output frame.
    #[must_use]
    pub fn outputs(&self) -> usize {
        let Some(sources) = self.graph.levels().last() else { return self.inputs() };
        let words = || sources.iter().map(|&v| self.graph.vector(v).size).sum();
        self.order.as_ref().map_or_else(words, Vec::len)
    }

    /// Multiplications per frame.
    #[must_use]
    pub fn macs(&self) -> usize {
        self.graph.nodes().iter().map(|node| node.macs()).sum()
    }

    /// Checks that every node leads to an output, and that there is something to train.
    pub(crate) fn check(&self) -> Result<()> {
        let width = |sources: &[VectorId]| sources.iter().map(|&v| self.graph.vector(v).size).sum::<usize>();
        let levels = self.graph.levels();
        if let [lower @ .., highest] = levels
            && let Some(level) =
                lower.iter().find(|level| width(level) != width(highest) || *level == highest)
        {
            return Err(Error::Network(format!(
                "vector {} cannot be the output of a lower level: it has {} elements, expected {}, and the last vector \
                 is the output of the highest level",
                level[0].index(),
                width(level),
                width(highest)
            )));
        }
        if self.parameters.is_empty() {
            return Err(Error::Network(String::from(
                "it has no layer with weights, so there is nothing to train",
            )));
        }
        match self.graph.unread() {
            Some(v) => Err(Error::Network(format!(
                "vector {} leads nowhere: every node must lead to an output",
                v.index()
            ))),
            None => Ok(()),
        }
    }

    /// Draws all weights anew: normal, variance 2/inputs before ReLU and SiLU, 1/inputs elsewhere (He et al. 2015;
    /// Glorot and Bengio 2010), biases zero.
    pub fn initialise(&mut self, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for i in self.affine_nodes().collect::<Vec<_>>() {
            let gain = if self
                .consumers(i)
                .any(|c| matches!(self.function(c), Some(Function::Relu | Function::Silu)))
            {
                2.0
            } else {
                1.0
            };
            let scale = (gain / self.row(i) as f32).sqrt();
            let range = self.weights_range(i);
            for w in &mut self.parameters[range] {
                let normal: f32 = StandardNormal.sample(&mut rng);
                *w = normal * scale;
            }
            let range = self.bias_range(i);
            self.parameters[range].fill(0.0);
        }
    }

    /// Weights `[rows, row]` and biases of the dense or block node that makes `x`, or `None` for another kind of node. Rows are
    /// outputs of dense nodes, `[sets][outputs]` of blocks.
    #[must_use]
    pub fn parameters_of(&self, x: VectorId) -> Option<(ArrayView2<'_, f32>, ArrayView1<'_, f32>)> {
        let i = x.index();
        (i < self.len() && self.op(i).and_then(affine).is_some())
            .then(|| (self.weights(&self.parameters, i), self.bias(&self.parameters, i)))
    }

    /// Replaces the parameters of the dense or block node that makes `x`: `weights` row by row, one `bias` per row.
    ///
    /// # Errors
    /// `x` is not such a node, a length is wrong, or a number is not finite.
    pub fn set_parameters(&mut self, x: VectorId, weights: &[f32], bias: &[f32]) -> Result<()> {
        if self.parameters_of(x).is_none() {
            return Err(Error::Network(format!(
                "vector {} is not the result of a layer with weights",
                x.index()
            )));
        }
        let (w, b) = (self.weights_range(x.index()), self.bias_range(x.index()));
        if weights.len() != w.len() || bias.len() != b.len() {
            return Err(Error::Network(format!(
                "layer {:?}: {} weights and {} biases given, expected {} and {}",
                self.graph.name(x),
                weights.len(),
                bias.len(),
                w.len(),
                b.len()
            )));
        }
        if weights.iter().chain(bias).any(|v| !v.is_finite()) {
            return Err(Error::Network(format!("layer {:?}: parameters must be finite", self.graph.name(x))));
        }
        self.parameters[w].copy_from_slice(weights);
        self.parameters[b].copy_from_slice(bias);
        Ok(())
    }

    /// Indices of the vectors that dense and block nodes make, in order.
    pub(crate) fn affine_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|&i| self.op(i).and_then(affine).is_some())
    }

    /// Indices of the vectors that dense nodes make, in order.
    pub(crate) fn dense_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|&i| self.is_dense(i))
    }

    /// Indices of the vectors whose makers read vector `i`.
    pub(crate) fn consumers(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        (i + 1..self.len()).filter(move |&c| self.operands(c).any(|o| o == i))
    }

    /// Whether only dense nodes read vector `i`, so that its elements may be shifted, scaled and turned.
    pub(crate) fn only_dense_read(&self, i: usize) -> bool {
        self.consumers(i).all(|c| self.is_dense(c))
    }

    /// Whether only layers with weights read vector `i`, so that all its elements may be scaled alike.
    pub(crate) fn only_layers_read(&self, i: usize) -> bool {
        self.consumers(i).all(|c| self.op(c).and_then(affine).is_some())
    }

    /// A later dense node that reads the same vector as dense node `i` and whose result is added to the same sum: together,
    /// they are one layer whose weights have the finer of two grids.
    pub(crate) fn finer_twin(&self, i: usize) -> Option<usize> {
        let last = self.last();
        let mut twins = (i + 1..=last)
            .filter(|&k| self.is_dense(k) && self.is_dense(i) && self.operands(k).eq(self.operands(i)));
        let sum = self.terms(last);
        twins.rfind(|k| sum.contains(k) && sum.contains(&i))
    }

    /// The vectors other than sums whose sum is vector `i`, in order, as often as they are added.
    pub(crate) fn terms(&self, i: usize) -> Vec<usize> {
        let mut found = match self.op(i) {
            Some(Op::Add(add)) => add.inputs.map(|v| self.terms(v.index())).concat(),
            _ => vec![i],
        };
        found.sort_unstable();
        found
    }

    /// Where the parameters of the dense or block node that makes vector `i` lie.
    pub(crate) fn parameters_at(&self, i: usize) -> &Parameters {
        self.op(i).and_then(affine).expect("a layer with weights")
    }

    /// Number of weights per row of layer `i`.
    pub(crate) fn row(&self, i: usize) -> usize {
        self.parameters_at(i).row
    }

    /// Number of rows of layer `i`.
    pub(crate) fn rows(&self, i: usize) -> usize {
        self.parameters_at(i).rows
    }

    /// Where the weights of layer `i` lie among the parameters.
    pub(crate) fn weights_range(&self, i: usize) -> Range<usize> {
        self.parameters_at(i).weights()
    }

    /// Where the biases of layer `i` lie among the parameters.
    pub(crate) fn bias_range(&self, i: usize) -> Range<usize> {
        self.parameters_at(i).bias()
    }

    /// Weights of layer `i` within a parameter vector of this network.
    pub(crate) fn weights<'a>(&self, parameters: &'a [f32], i: usize) -> ArrayView2<'a, f32> {
        weights(self.parameters_at(i), parameters)
    }

    /// The same, to be changed.
    pub(crate) fn weights_mut<'a>(&self, parameters: &'a mut [f32], i: usize) -> ArrayViewMut2<'a, f32> {
        weights_mut(self.parameters_at(i), parameters)
    }

    /// Biases of layer `i` within a parameter vector of this network.
    pub(crate) fn bias<'a>(&self, parameters: &'a [f32], i: usize) -> ArrayView1<'a, f32> {
        bias(self.parameters_at(i), parameters)
    }

    /// The same graph over an input of another width; all parameters zero.
    pub(crate) fn with_inputs(&self, inputs: usize) -> Self {
        self.with_input_widths(|_| inputs)
    }

    /// The same graph over inputs of other widths, by vector, which dense nodes alone read; all parameters zero.
    pub(crate) fn with_input_widths(&self, inputs: impl Fn(usize) -> usize) -> Self {
        let mut other = Self::new();
        for v in self.graph.inputs() {
            other.one_more_input(inputs(v.index())).expect("an input of some width");
        }
        for node in self.graph.nodes() {
            let mut op = node.op.clone();
            if let Op::Dense(dense) = &mut op {
                dense.inputs = other.graph.vector(dense.input).size;
                dense.affine = Parameters::at(other.parameters.len(), [dense.outputs, dense.inputs]);
            } else if let Op::Block(block) = &mut op {
                block.affine.start = other.parameters.len();
            }
            other.push(&node.name, op).expect("inputs are read by dense nodes if their widths differ");
        }
        if !self.graph.levels().is_empty() {
            other.set_outputs(self.graph.levels().to_vec(), self.order.clone()).expect("the same vectors");
        }
        other
    }
}

/// The weights and biases of an operation, if it has any.
pub(crate) fn affine(op: &Op<Floats>) -> Option<&Parameters> {
    match op {
        Op::Dense(dense) => Some(&dense.affine),
        Op::Block(block) => Some(&block.affine),
        Op::Add(_) | Op::Multiply(_) | Op::Maximum(_) | Op::Activate(_) => None,
    }
}

/// The function of an activation.
fn curve(op: &Op<Floats>) -> Option<&Curve> {
    match op {
        Op::Activate(activate) => Some(&activate.function),
        _ => None,
    }
}

/// What nodes are called, with a number.
fn kind(op: &Op<Floats>) -> &str {
    curve(op).map_or(op.keyword(), Curve::name)
}

/// Weights of a layer within a vector of parameters.
pub(crate) fn weights<'a>(at: &Parameters, parameters: &'a [f32]) -> ArrayView2<'a, f32> {
    ArrayView2::from_shape((at.rows, at.row), &parameters[at.weights()])
        .expect("the range has rows × row elements")
}

/// The same, to be changed.
pub(crate) fn weights_mut<'a>(at: &Parameters, parameters: &'a mut [f32]) -> ArrayViewMut2<'a, f32> {
    ArrayViewMut2::from_shape((at.rows, at.row), &mut parameters[at.weights()])
        .expect("the range has rows × row elements")
}

/// Biases of a layer within a vector of parameters.
pub(crate) fn bias<'a>(at: &Parameters, parameters: &'a [f32]) -> ArrayView1<'a, f32> {
    ArrayView1::from(&parameters[at.bias()])
}

/// The same, to be changed.
pub(crate) fn bias_mut<'a>(at: &Parameters, parameters: &'a mut [f32]) -> ArrayViewMut1<'a, f32> {
    ArrayViewMut1::from(&mut parameters[at.bias()])
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
        let mut other = network.clone();
        let foreign = (0..8).map(|_| other.dense(x, 2).unwrap()).last().unwrap();
        assert!(network.dense(foreign, 2).unwrap_err().to_string().contains("vector 9"));
        assert!(network.activate(foreign, Function::Relu).unwrap_err().to_string().contains("operand"));
        assert!(network.dense(x, 0).is_err());
        let _unused = network.dense(x, 2).unwrap();
        network.activate(a, Function::Relu).unwrap();
        assert!(network.check().unwrap_err().to_string().contains("leads nowhere"));
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
