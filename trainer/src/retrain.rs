//! Retraining: an emulator's own integers go on learning, within its topology, formats and shifts.
//!
//! What lies before the layers that may change is computed once per frame, in the golden model's integers; what follows is
//! trained through the golden model's rounding on these exact words. Weights that read them are trained in whitened coordinates,
//! as changes to the present integers, so that training starts at exactly the emulator that it was given.

use std::collections::BTreeMap;

use emeuro_golden::{
    Activate, Activation, Add, Affine, Block, Dense, Emulator, Format, Kind, Maximum, Multiply, Op, Runner,
    VectorId,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::{
    Adam, Cosine, Curve, Error, Frames, MeanSquare, Network, Result, Session, Whitening,
    feedback::Rounder,
    fit::{Fit, Prepared, State},
    moments,
    network::Parameters,
    optimiser::Group,
    rounded::{Basis, Rounded},
    rounding::{Grid, Lookup, Rounding},
    session::Observer,
    train::{mask, spread},
    whiten::Preconditioner,
};

/// How an emulator is retrained. Work is counted in steps, never in time: the same options give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Retraining {
    /// Passes over the training frames.
    pub epochs: usize,
    /// Peak learning rate, relative to the root mean square of a layer's weights (2e-3 to 2e-2).
    pub rate: f64,
    /// Frames per step.
    pub batch: usize,
    /// Seed of the shuffles.
    pub seed: u64,
    /// Names of the dense and block layers that may change; `None`: all of them.
    pub layers: Option<Vec<String>>,
    /// Weight of the squared error of every lower quality level in the loss; that of the highest level has weight 1.
    pub lower_weight: f64,
}

impl Default for Retraining {
    fn default() -> Self {
        Self { epochs: 20, rate: 1e-2, batch: 64, seed: 1, layers: None, lower_weight: 0.2 }
    }
}

/// What retraining gives.
#[derive(Clone, Debug)]
pub struct Retrained {
    /// The emulator with the integers that were best on the validation frames; the given ones if none were better.
    pub emulator: Emulator,
    /// NRMSE on the validation frames before.
    pub before: f64,
    /// NRMSE on the validation frames with the new integers.
    pub after: f64,
}

/// Retrains `emulator` on `train`, and keeps what is best on `validation`.
///
/// Dense and block layers may change, whatever operations follow them, but for those whose weights are -1 and 1. Weights stay within their formats, and no accumulator can
/// overflow.
///
/// # Errors
/// An emulator with a router (see [`retrain_member`]), a layer name that is not that of a layer with weights, frames of another
/// size, or divergence.
pub fn retrain(
    emulator: &Emulator,
    train: &Frames,
    validation: &Frames,
    options: &Retraining,
) -> Result<Retrained> {
    if emulator.router().is_some() {
        return Err(refused("it has a router: members are retrained one by one"));
    }
    let changes = |index: usize| {
        let node = &emulator.nodes()[index];
        let named = options.layers.as_ref().is_none_or(|names| names.contains(&node.name));
        named && node.op.affine().is_some_and(|affine| affine.weights.format.kind() != Kind::Bipolar)
    };
    run(emulator, 0, &changes, train, validation, options)
}

/// Retrains the integers of member `member` on frames of that member; everything else stays as it is.
///
/// # Errors
/// An emulator without that member, and as [`retrain`].
pub fn retrain_member(
    emulator: &Emulator,
    member: usize,
    train: &Frames,
    validation: &Frames,
    options: &Retraining,
) -> Result<Retrained> {
    let members = emulator.router().map_or(0, |router| router.members());
    if member >= members {
        return Err(refused(&format!("it has {members} members, expected one with number {member}")));
    }
    let changes = |index: usize| {
        let node = &emulator.nodes()[index];
        let named = options.layers.as_ref().is_none_or(|names| names.contains(&node.name));
        named && node.is_of_members()
    };
    run(emulator, member, &changes, train, validation, options)
}

fn refused(why: &str) -> Error {
    Error::Network(format!("the emulator cannot be retrained: {why}"))
}

fn run(
    emulator: &Emulator,
    member: usize,
    changes: &dyn Fn(usize) -> bool,
    train: &Frames,
    validation: &Frames,
    options: &Retraining,
) -> Result<Retrained> {
    check(emulator, changes, options)?;
    for frames in [train, validation] {
        let (found, expected) = (
            (frames.inputs().ncols(), frames.targets().ncols()),
            (emulator.input().size(), emulator.output().port.size()),
        );
        if found != expected {
            return Err(refused(&format!(
                "it has {} inputs and {} outputs, the frames {} and {}",
                expected.0, expected.1, found.0, found.1
            )));
        }
    }
    let part = Part::new(emulator, member, changes)?;
    let spread = spread(train);
    let scales = Array1::from(part.output_scales(emulator));
    let [train_words, validation_words] = [train, validation].map(|frames| part.words(emulator, frames));
    let (train_words, validation_words) = (train_words?, validation_words?);
    let means = part.means(train_words.view());
    let prepare = |words: Array2<f32>, frames: &Frames| Prepared {
        inputs: words - means.view().mapv(|m| m as f32).insert_axis(Axis(0)),
        targets: part.targets(emulator, frames, &scales),
        mask: mask(frames),
        slopes: None,
    };
    let (train, validation) = (prepare(train_words, train), prepare(validation_words, validation));
    let network = part.centred(&means);
    let (rounded, start) = part.tunable(emulator, &network, train.inputs.view());
    let weights: Vec<f32> = scales.iter().map(|s| (1.0 / (s * s * spread)) as f32).collect();
    let factor: Vec<f32> = scales.iter().map(|s| (1.0 / s) as f32).collect();
    let offset: Vec<f32> = emulator.output().port.conversions().map(|word| word.offset() as f32).collect();
    let optimiser = Adam::default();
    let fit = Fit {
        name: crate::checkpoint::PHASES[1],
        network: &network,
        rounded: Some(&rounded),
        loss: &MeanSquare,
        optimiser: &optimiser,
        schedule: &Cosine { warm_up: 0.03 },
        train: &train,
        validation: &validation,
        output_weights: &weights,
        physical: [&factor, &offset],
        lower_weight: options.lower_weight as f32,
        groups: part.groups(&network, &rounded),
        epochs: options.epochs,
        patience: None,
        batch: options.batch,
        peak: options.rate as f32,
        decay: 0.0,
        seed: options.seed,
        steps_before: 0,
    };
    let mut state = State::new(start, &optimiser, vec![]);
    let session = Session::default();
    fit.run(&mut state, &mut Observer::new(&session, emulator.name(), 0), |_| Ok(()))?;
    let before = state.history.first().map_or(f64::NAN, |start| start.validation);
    if state.best_epoch == 0 {
        return Ok(Retrained { emulator: emulator.clone(), before, after: before });
    }
    let (mut shadow, mut expanded) = (network.parameters.clone(), network.parameters.clone());
    rounded.expand(&network, &state.best, &mut shadow, &mut expanded);
    let integers = part.integers(emulator, &network, &expanded, &means);
    let emulator = emulator.with_integers(|index| integers.get(&index).cloned())?;
    Ok(Retrained { emulator, before, after: state.best_validation() })
}

fn check(emulator: &Emulator, changes: &dyn Fn(usize) -> bool, options: &Retraining) -> Result<()> {
    for name in options.layers.iter().flatten() {
        let found = emulator.nodes().iter().position(|node| node.name == *name);
        if !found.is_some_and(changes) {
            return Err(refused(&format!("it has no layer '{name}' that may change")));
        }
    }
    if !(0.0..=1.0).contains(&options.rate) || !(0.0..=1.0).contains(&options.lower_weight) {
        return Err(refused("expected a rate and a weight of lower levels of 0 to 1"));
    }
    if options.batch == 0 {
        return Err(refused("a batch needs at least one frame"));
    }
    Ok(())
}

/// The part of an emulator behind the layers that change, as a network of values.
struct Part {
    network: Network,
    /// The vector that every node of the network is.
    vectors: Vec<VectorId>,
    /// The formats of these vectors.
    formats: Vec<Format>,
    /// Whether a node's parameters are trained.
    trained: Vec<bool>,
    member: usize,
}

impl Part {
    fn new(emulator: &Emulator, member: usize, changes: &dyn Fn(usize) -> bool) -> Result<Self> {
        let nodes = emulator.nodes();
        let mut live = vec![false; nodes.len() + 1];
        for (index, node) in nodes.iter().enumerate() {
            live[index + 1] = changes(index) || node.op.operands().iter().any(|v| live[v.index()]);
        }
        let is_live = |v: &VectorId| live[v.index()];
        let levels = emulator.graph().levels().iter().filter(|sources| sources.iter().any(is_live));
        let levels: Vec<&Vec<VectorId>> = levels.collect();
        if !emulator.sources_at(usize::MAX).iter().any(is_live) {
            return Err(refused("no layer that may change leads to its output"));
        }
        let mut part =
            Self { network: Network::new(), vectors: vec![], formats: vec![], trained: vec![], member };
        let mut place = vec![None; nodes.len() + 1];
        let operands =
            nodes.iter().enumerate().filter(|(i, _)| live[i + 1]).flat_map(|(_, n)| n.op.operands());
        let mut inputs: Vec<VectorId> =
            operands.chain(levels.iter().copied().flatten()).filter(|&v| !is_live(v)).copied().collect();
        inputs.sort_unstable();
        inputs.dedup();
        for v in inputs {
            let made = part.network.one_more_input(emulator.size(v))?;
            part.record(emulator, &mut place, v, made, false);
        }
        for (index, node) in nodes.iter().enumerate().filter(|(index, _)| live[index + 1]) {
            let at = |v: VectorId| place[v.index()].expect("what a live node reads is in its place");
            let start = part.network.parameters.len();
            let op = match &node.op {
                Op::Dense(Dense { input, inputs, outputs, .. }) => {
                    let affine = Parameters::at(start, [*outputs, *inputs]);
                    Op::Dense(Dense { input: at(*input), inputs: *inputs, outputs: *outputs, affine })
                }
                Op::Block(Block { input, geometry, .. }) => {
                    let shape = [geometry.weight_sets() * geometry.outputs, geometry.window_len()];
                    let affine = Parameters::at(start, shape);
                    Op::Block(Block { input: at(*input), geometry: geometry.clone(), affine })
                }
                Op::Add(Add { inputs, .. }) => Op::Add(Add { inputs: inputs.map(at), align: (), shift: () }),
                Op::Multiply(Multiply { inputs, .. }) => {
                    Op::Multiply(Multiply { inputs: inputs.map(at), shift: () })
                }
                Op::Maximum(Maximum { inputs, .. }) => {
                    Op::Maximum(Maximum { inputs: inputs.map(at), align: (), shift: () })
                }
                Op::Activate(Activate { input, function }) => {
                    let function = Curve::of(function, emulator.format(*input), node.format);
                    Op::Activate(Activate { input: at(*input), function })
                }
            };
            let made = part.network.push(&node.name, op)?;
            part.record(emulator, &mut place, emulator.vector_of(index), made, changes(index));
            if let Some(affine) = node.op.affine() {
                let unit = unit(affine, emulator.format(node.op.operands()[0]));
                let weights =
                    affine.weights_of(member).iter().map(|&w| affine.weights.format.value(w) as f32);
                let bias = affine.bias_of(member).iter().map(|&b| (b as f64 / unit) as f32);
                part.network.parameters.truncate(start);
                part.network.parameters.extend(weights.chain(bias));
            }
        }
        let placed = |sources: &Vec<VectorId>| {
            let vectors = sources.iter().map(|v| place[v.index()].expect("sources are in their places"));
            vectors.collect::<Vec<VectorId>>()
        };
        part.network
            .set_outputs(levels.into_iter().map(placed).collect(), emulator.output().order.clone())?;
        Ok(part)
    }

    fn record(
        &mut self,
        emulator: &Emulator,
        place: &mut [Option<VectorId>],
        vector: VectorId,
        made: VectorId,
        trained: bool,
    ) {
        place[vector.index()] = Some(made);
        self.vectors.push(vector);
        self.formats.push(emulator.format(vector));
        self.trained.push(trained);
    }

    /// The inputs of the network, in order, and the columns of their words.
    fn inputs(&self) -> Vec<(usize, std::ops::Range<usize>)> {
        let mut start = 0;
        let inputs = self.network.graph().inputs().map(|v| {
            let width = self.network.width(v.index());
            start += width;
            (v.index(), start - width..start)
        });
        inputs.collect()
    }

    /// Whether dense nodes alone read vector `i`, and no output is made of it, so that its elements may be shifted and turned.
    fn only_dense(&self, i: usize) -> bool {
        let leaves = self.network.graph().levels().iter().flatten().any(|v| v.index() == i);
        !leaves && self.network.only_dense_read(i)
    }

    /// The values of the network's inputs for `frames`, from the golden model.
    fn words(&self, emulator: &Emulator, frames: &Frames) -> Result<Array2<f32>> {
        let inputs = self.inputs();
        let width = inputs.last().map_or(0, |(_, columns)| columns.end);
        let mut values = Array2::zeros((frames.len(), width));
        let mut runner = Runner::new(emulator);
        let mut output = vec![0i16; emulator.output().port.size()];
        let alone = self.vectors[inputs[0].0] == VectorId::INPUT && inputs.len() == 1;
        for (frame, mut row) in frames.inputs().outer_iter().zip(values.outer_iter_mut()) {
            let frame: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
            let words = emulator.quantise(&frame)?;
            // A vector that a level does not need may be needed by another one.
            let levels = if alone { 0 } else { emulator.levels() };
            (0..levels).try_for_each(|level| runner.infer_at(level, &words, &mut output))?;
            for (i, columns) in &inputs {
                let vector = self.vectors[*i];
                let format = emulator.format(vector);
                let words = runner.vector(vector).unwrap_or(&words);
                let values = words.iter().map(|&w| format.value(w) as f32);
                row.slice_mut(s![columns.clone()]).iter_mut().zip(values).for_each(|(r, v)| *r = v);
            }
        }
        Ok(values)
    }

    /// What is subtracted from the network's inputs, on the grid of their words: centring is exact in the accumulator.
    fn means(&self, words: ArrayView2<f32>) -> Array1<f64> {
        let mut means = moments::mean(words);
        for (i, columns) in self.inputs() {
            let mut part = means.slice_mut(s![columns]);
            let grid = 2f64.powi(self.formats[i].frac());
            let dense = self.only_dense(i);
            part.mapv_inplace(|m| if dense { (m * grid).round() / grid } else { 0.0 });
        }
        means
    }

    /// What centring adds to the biases of dense node `i`, for weights `[outputs, inputs]`.
    fn shift(&self, i: usize, weights: ArrayView2<f32>, means: &Array1<f64>) -> Option<Array1<f64>> {
        let inputs = self.inputs();
        // What blocks read is not centred.
        let operand = self.network.operands(i).next().filter(|_| self.network.is_dense(i))?;
        let (_, columns) = inputs.iter().find(|(k, _)| *k == operand)?;
        Some(weights.mapv(f64::from).dot(&means.slice(s![columns.clone()])))
    }

    /// The network over centred inputs.
    fn centred(&self, means: &Array1<f64>) -> Network {
        let mut network = self.network.clone();
        for i in self.network.affine_nodes() {
            if let Some(shift) = self.shift(i, self.network.weights(&self.network.parameters, i), means) {
                let bias = network.bias_range(i);
                network.parameters[bias].iter_mut().zip(&shift).for_each(|(b, s)| *b += *s as f32);
            }
        }
        network
    }

    /// Rounding of `network` (over centred inputs), and the parameters that are trained: changes in whitened coordinates where
    /// layers read the inputs, the weights themselves behind them.
    fn tunable(
        &self,
        emulator: &Emulator,
        network: &Network,
        inputs: ArrayView2<f32>,
    ) -> (Rounded, Vec<f32>) {
        let mut bases = vec![None; network.len()];
        for (i, columns) in self.inputs().into_iter().filter(|(i, _)| self.only_dense(*i)) {
            let inputs = inputs.slice(s![.., columns]);
            let whitening = Whitening::default();
            let Preconditioner { matrix, inverse, .. } =
                Preconditioner::new(inputs, &[network.width(i)], &whitening);
            let [matrix, inverse] = [matrix, inverse].map(|m| m.mapv(|v| v as f32));
            bases[i] = Some(Basis { matrix, inverse });
        }
        let coordinates = |i: usize| bases[i].as_ref().map_or(network.width(i), |b: &Basis| b.matrix.nrows());
        let inner = network.with_input_widths(coordinates);
        let mut start = vec![0.0; inner.parameters.len()];
        for i in network.affine_nodes() {
            if network.operands(i).all(|o| bases[o].is_none()) {
                start[inner.weights_range(i)].copy_from_slice(&network.parameters[network.weights_range(i)]);
            }
            start[inner.bias_range(i)].copy_from_slice(&network.parameters[network.bias_range(i)]);
        }
        let rounding = |i: usize| match emulator.maker(self.vectors[i]).map(|node| &node.op) {
            _ if network.is_input(i) => Rounding::Exact,
            None => Rounding::Exact,
            Some(Op::Activate(Activate { function: Activation::Relu, .. })) => Rounding::Exact,
            Some(Op::Activate(Activate { input, function })) => {
                Rounding::Table(Lookup::new(function, emulator.format(*input), self.formats[i]))
            }
            Some(Op::Dense(_) | Op::Block(_) | Op::Add(_) | Op::Multiply(_) | Op::Maximum(_)) => {
                Rounding::Grid(Grid::new(self.formats[i]))
            }
        };
        let affine = |v: &VectorId| emulator.maker(*v).and_then(|node| node.op.affine());
        let unit = |(i, v): (usize, &VectorId)| {
            let operand = network.operands(i).next();
            affine(v).zip(operand).map_or(1.0, |(affine, o)| unit(affine, self.formats[o]) as f32)
        };
        let rounder =
            |v| affine(v).map(|affine| Rounder { grid: Grid::new(affine.weights.format), feedback: None });
        let rounded = Rounded {
            inner,
            bases,
            base: Some(network.parameters.clone()),
            nodes: (0..network.len()).map(rounding).collect(),
            weights: self.vectors.iter().map(rounder).collect(),
            units: self.vectors.iter().enumerate().map(unit).collect(),
        };
        (rounded, start)
    }

    /// Rates of the layers that change: in proportion to the size of their weights at the start, and to the range of what a
    /// bias is added to.
    fn groups(&self, network: &Network, rounded: &Rounded) -> Vec<Group> {
        let changing = network.affine_nodes().filter(|&i| self.trained[i]);
        changing
            .flat_map(|i| {
                let weights = network.weights(&network.parameters, i);
                let basis = network.operands(i).find_map(|o| rounded.bases[o].as_ref());
                let weights = basis.map_or_else(|| weights.to_owned(), |basis| weights.dot(&basis.inverse));
                let size = (weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32).sqrt();
                let range = self.formats[i].max() as f32 * 2f32.powi(-self.formats[i].frac());
                let group = |range, scale| Group { range, scale, decays: false };
                [
                    group(rounded.inner.weights_range(i), size.max(f32::MIN_POSITIVE)),
                    group(rounded.inner.bias_range(i), range / 8.0),
                ]
            })
            .collect()
    }

    /// Factor from every physical output, less its offset, to what the last layer makes.
    fn output_scales(&self, emulator: &Emulator) -> Vec<f64> {
        let made = emulator.format(emulator.sources_at(usize::MAX)[0]).frac();
        emulator.output().port.conversions().map(|word| 2f64.powi(word.point() - made)).collect()
    }

    /// What the last layer is to make.
    fn targets(&self, emulator: &Emulator, frames: &Frames, scales: &Array1<f64>) -> Array2<f32> {
        let mut targets = frames.targets().clone();
        let columns = targets.axis_iter_mut(Axis(1)).zip(emulator.output().port.conversions().zip(scales));
        for (mut column, (word, scale)) in columns {
            column.mapv_inplace(|target| ((f64::from(target) - word.offset()) * scale) as f32);
        }
        targets
    }

    /// The integers of the layers that changed, from rounded parameters of the network over centred inputs.
    fn integers(
        &self,
        emulator: &Emulator,
        network: &Network,
        parameters: &[f32],
        means: &Array1<f64>,
    ) -> BTreeMap<usize, Integers> {
        let mut all = BTreeMap::new();
        for i in network.affine_nodes().filter(|&i| self.trained[i]) {
            let index = self.vectors[i].index() - 1;
            let op = &emulator.nodes()[index].op;
            let Some(affine) = op.affine() else { continue };
            let input = emulator.format(op.operands()[0]);
            let (weights, mut bias) =
                (network.weights(parameters, i), network.bias(parameters, i).mapv(f64::from));
            if let Some(shift) = self.shift(i, weights, means) {
                bias -= &shift;
            }
            let unit = unit(affine, input);
            let row = weights.ncols();
            let (mut values, mut biases) = (affine.weights.values.clone(), affine.bias.clone());
            for (k, (weights, bias)) in weights.outer_iter().zip(&bias).enumerate() {
                let k = self.member * bias_count(affine) + k;
                let weights: Vec<i16> =
                    weights.iter().map(|&w| affine.weights.format.quantise(f64::from(w))).collect();
                let bound = Bound { affine, input, limit: 1 << (emulator.accumulator_bits() - 1) };
                let present = (&affine.weights.values[k * row..][..row], affine.bias[k]);
                let (weights, bias) = bound.within((&weights, (bias * unit).round() as i64), present);
                values[k * row..][..row].copy_from_slice(&weights);
                biases[k] = bias;
            }
            all.insert(index, (values, biases));
        }
        all
    }
}

/// Rows of one member of a layer.
fn bias_count(affine: &Affine) -> usize {
    affine.bias.len() / affine.members
}

/// Reciprocal of the last place of a layer's accumulator.
fn unit(affine: &Affine, input: Format) -> f64 {
    2f64.powi(affine.weights.format.frac() + input.frac())
}

/// Weights and biases of a row.
pub(crate) type Integers = (Vec<i16>, Vec<i64>);

/// What the accumulator of a layer can hold.
struct Bound<'a> {
    affine: &'a Affine,
    input: Format,
    limit: i128,
}

impl Bound<'_> {
    fn holds(&self, weights: &[i16], bias: i64) -> bool {
        self.affine.largest_sum(weights, bias, self.input) < self.limit
    }

    /// The row as far on the way from `present`, which the accumulator holds, to `wanted` as it goes in halves.
    fn within(&self, wanted: (&[i16], i64), present: (&[i16], i64)) -> (Vec<i16>, i64) {
        let way = |from: i64, to: i64, halvings: u32| from + (to - from) / (1 << halvings);
        for halvings in 0..8 {
            let pairs = present.0.iter().zip(wanted.0);
            let weights: Vec<i16> =
                pairs.map(|(&p, &w)| way(i64::from(p), i64::from(w), halvings) as i16).collect();
            let bias = way(present.1, wanted.1, halvings);
            if self.holds(&weights, bias) {
                return (weights, bias);
            }
        }
        (present.0.to_vec(), present.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_golden::Weights;

    #[test]
    fn rows_that_the_accumulator_cannot_hold_go_half_of_the_way() {
        let byte = Format::new(8, 0).unwrap();
        let weights = Weights { format: byte, values: vec![0] };
        let affine = Affine { weights, bias: vec![0], members: 1, shift: 0 };
        let bound = Bound { affine: &affine, input: byte, limit: 1 << 14 };
        assert_eq!(bound.within((&[60, -60], 100), (&[0, 0], 0)), (vec![60, -60], 100));
        assert_eq!(bound.within((&[120, -120], 100), (&[0, 0], 0)), (vec![60, -60], 50));
        assert_eq!(bound.within((&[120], 1 << 40), (&[100], 7)), (vec![100], 7));
    }
}
