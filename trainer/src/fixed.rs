//! A network laid out in fixed point: scaled, shifted and with a format for every vector and every weight matrix.

use emeuro_golden::{
    Activate, Activation, Add, Format, MAX_ALIGNMENT, MAX_PRODUCT_SHIFT, Maximum, Multiply, Op,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::{
    Error, Function, Quantisation, Result, TrainingSpec,
    feedback::{Feedback, Rounder},
    fit::weighted_error,
    gradient::{Workspace, forward},
    moments,
    network::Network,
    rounded::{Basis, Rounded},
    rounding::{Grid, Lookup, Rounding, round_bias},
};

/// Room that 16-bit vectors leave above the largest value seen: a quarter costs a third of a bit and saves unseen frames.
const HEADROOM: f64 = 1.25;

/// The widest shift from an accumulator to its output word that training chooses; more would only add zeros to the bias.
const WIDEST_SHIFT: i32 = 24;

/// What a float network does on real frames: per node and element the largest magnitudes and the means.
pub(crate) struct Observed {
    largest: Vec<Array1<f64>>,
    positive: Vec<Array1<f64>>,
    means: Vec<Array1<f64>>,
}

impl Observed {
    /// Observes `network` on all frames of `sets`.
    pub(crate) fn new(network: &Network, sets: &[ArrayView2<f32>]) -> Self {
        const CHUNK: usize = 512;
        let zeros = || network.widths().map(Array1::<f64>::zeros).collect::<Vec<_>>();
        let (mut largest, mut positive, mut means) = (zeros(), zeros(), zeros());
        let mut workspace = Workspace::new(network, CHUNK);
        let chunks = sets.iter().flat_map(|inputs| inputs.axis_chunks_iter(Axis(0), CHUNK));
        for chunk in chunks {
            let rows = chunk.nrows();
            workspace.input(rows).assign(&chunk);
            forward(network, &network.parameters, rows, None, &mut workspace);
            for i in 0..network.len() {
                for frame in workspace.value(i, rows).outer_iter() {
                    for (k, &v) in frame.iter().enumerate() {
                        let v = f64::from(v);
                        largest[i][k] = largest[i][k].max(v.abs());
                        positive[i][k] = positive[i][k].max(v);
                        means[i][k] += v;
                    }
                }
            }
        }
        let frames: usize = sets.iter().map(|inputs| inputs.nrows()).sum();
        means.iter_mut().for_each(|m| *m /= frames as f64);
        Self { largest, positive, means }
    }
}

/// What the search for a good layout may vary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// Binary point of every input segment.
    pub(crate) input_fracs: Vec<i32>,
    /// Factor on every element of every node, the same within a [`Groups`] group.
    pub(crate) scales: Vec<Array1<f64>>,
    /// Added to the binary point at which a node's weights just fit: positive values clip outliers.
    pub(crate) weight_clip: Vec<i32>,
    /// Added to the binary point at which a node's vector just fits.
    pub(crate) vector_clip: Vec<i32>,
}

/// Vectors whose elements must be scaled alike: those joined by additions, maxima and ReLUs.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    root: Vec<usize>,
    free: Vec<bool>,
    /// The groups of the outputs of all quality levels.
    outputs: Vec<usize>,
    /// Whether only dense nodes read the input, so that its elements may have scales of their own.
    input_alone: bool,
}

impl Groups {
    pub(crate) fn new(network: &Network) -> Self {
        let mut root: Vec<usize> = (0..network.len()).collect();
        let mut join = |a: usize, b: usize| {
            let (a, b) = (root[a].min(root[b]), root[a].max(root[b]));
            root.iter_mut().filter(|r| **r == b).for_each(|r| *r = a);
        };
        for i in 0..network.len() {
            match network.op(i) {
                Some(Op::Activate(_)) if network.function(i) != Some(Function::Relu) => {}
                Some(Op::Activate(_) | Op::Add(_) | Op::Maximum(_)) => {
                    network.operands(i).for_each(|operand| join(operand, i))
                }
                Some(Op::Dense(_) | Op::Block(_) | Op::Multiply(_)) | None => {}
            }
        }
        let mut free = vec![true; root.len()];
        free[root[0]] = false;
        let outputs: Vec<usize> = network.levels().map(|i| root[i]).collect();
        outputs.iter().for_each(|&group| free[group] = false);
        for i in (0..network.len()).filter(|&i| keeps_scales(network, i)) {
            free[root[i]] = false;
            network.operands(i).for_each(|operand| free[root[operand]] = false);
        }
        let input_alone = network.only_dense_read(0);
        Self { root, free, outputs, input_alone }
    }

    /// The groups that may be scaled, by their first node.
    pub(crate) fn free(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.root.len()).filter(|&i| self.root[i] == i && self.free[i])
    }

    pub(crate) fn members(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.root.len()).filter(move |&i| self.root[i] == group)
    }

    pub(crate) fn contains(&self, group: usize, i: usize) -> bool {
        self.root[i] == group
    }

    /// Whether node `i` is scaled like the outputs.
    fn like_outputs(&self, i: usize) -> bool {
        self.outputs.contains(&self.root[i])
    }

    /// Whether input segments may have binary points of their own.
    pub(crate) fn input_alone(&self) -> bool {
        self.input_alone
    }
}

/// Whether vector `i` and what it is made of have one scale each: a table belongs to one scale on either side, a block sees many
/// elements with one weight, and a product would have the scales of both.
fn keeps_scales(network: &Network, i: usize) -> bool {
    match network.op(i) {
        Some(Op::Activate(_)) => network.function(i) != Some(Function::Relu),
        Some(Op::Block(_) | Op::Multiply(_)) => true,
        Some(Op::Dense(_) | Op::Add(_) | Op::Maximum(_)) | None => false,
    }
}

/// The network in fixed point, with float ("shadow") weights from which the integers are rounded.
#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    /// Computes on scaled, centred inputs and gives scaled outputs.
    pub(crate) network: Network,
    /// Format of the words of every input segment.
    pub(crate) inputs: Vec<Format>,
    /// Factor from the physical elements of every node's vector to what is computed with.
    scales: Vec<Array1<f64>>,
    /// Mean of what the layers see; it is subtracted from inputs here and from biases on export.
    mean: Array1<f64>,
    /// Binary point of every output segment.
    pub(crate) outputs: Vec<i32>,
    /// Format of every node's vector.
    pub(crate) vectors: Vec<Format>,
    /// Format of every dense node's weights.
    pub(crate) weights: Vec<Option<Format>>,
    /// Table of every table activation.
    pub(crate) tables: Vec<Option<Activation>>,
    /// Rounding of every dense node's weights.
    pub(crate) rounders: Vec<Option<Rounder>>,
    /// What [`Fixed::pass_on`] has added to the weights of dense nodes.
    passed: Vec<(usize, Array2<f32>)>,
    sizes: Vec<usize>,
}

fn covering(bits: u32, range: f64) -> Result<i32> {
    let range = if range > 0.0 { range } else { 1.0 };
    Ok(Format::covering(bits, range)?.frac())
}

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

/// What `bits` leave above the largest value seen: with 8 bits, a third of a bit matters more than a rare saturation.
fn headroom(bits: u32) -> f64 {
    if bits == 8 { 1.0 } else { HEADROOM }
}

/// The largest magnitudes of the segments of a port: the stated limits, or what was observed, with headroom.
fn segment_ranges(segments: &[crate::PortSegment], largest: &Array1<f64>, bits: u32) -> Vec<f64> {
    let mut start = 0;
    segments
        .iter()
        .map(|segment| {
            let part = largest.slice(s![start..start + segment.size]);
            start += segment.size;
            segment.limit.unwrap_or_else(|| headroom(bits) * part.iter().fold(0.0, |m: f64, &v| m.max(v)))
        })
        .collect()
}

/// The choice before any search: every segment at its finest binary point, nothing scaled, nothing clipped.
pub(crate) fn plain_choice(
    spec: &TrainingSpec,
    network: &Network,
    groups: &Groups,
    observed: &Observed,
) -> Result<Choice> {
    let bits = spec.quantisation.activation_bits;
    let mut input_fracs = segment_ranges(&spec.inputs, &observed.largest[0], bits)
        .into_iter()
        .map(|range| covering(bits, range))
        .collect::<Result<Vec<_>>>()?;
    if !groups.input_alone() {
        let least = input_fracs.iter().copied().min().unwrap_or(0);
        input_fracs.fill(least);
    }
    let nodes = network.len();
    Ok(Choice {
        input_fracs,
        scales: network.widths().map(Array1::ones).collect(),
        weight_clip: vec![0; nodes],
        vector_clip: vec![0; nodes],
    })
}

impl Fixed {
    /// Lays `network` out as `choice` says.
    pub(crate) fn new(
        spec: &TrainingSpec,
        network: &Network,
        groups: &Groups,
        observed: &Observed,
        choice: &Choice,
    ) -> Result<Self> {
        let Quantisation { weight_bits, activation_bits: bits } = spec.quantisation;
        let last = network.last();
        let outputs = output_fracs(spec, network, groups, observed)?;
        let spread = |segments: &[crate::PortSegment], fracs: &[i32]| -> Array1<f64> {
            let first = fracs[0];
            let each = segments.iter().zip(fracs);
            each.flat_map(|(s, f)| std::iter::repeat_n(power(f - first), s.size)).collect()
        };
        let input_scales = spread(&spec.inputs, &choice.input_fracs);
        let output_scales = spread(&spec.outputs, &outputs);
        let scales: Vec<Array1<f64>> = (0..=last)
            .map(|i| match i {
                0 => input_scales.clone(),
                _ if groups.like_outputs(i) => output_scales.clone(),
                _ => choice.scales[i].clone(),
            })
            .collect();
        // On the grid of the words, so that centring is exact in the accumulator.
        let grid = power(choice.input_fracs[0]);
        let mean = match groups.input_alone() {
            true => (&observed.means[0] * &scales[0]).mapv(|m| (m * grid).round() / grid),
            false => Array1::zeros(network.inputs()),
        };
        let mut scaled = network.clone();
        for i in network.dense_nodes() {
            let input = network.operands(i).next().unwrap_or(0);
            let (rows, columns) = (&scales[i], &scales[input]);
            let w = network.weights(&network.parameters, i);
            let mut bias = network.bias(&network.parameters, i).mapv(f64::from);
            if input == 0 {
                bias += &w.mapv(f64::from).dot(&(&mean / &scales[0]));
            }
            let (range, bias_range) = (network.weights_range(i), network.bias_range(i));
            let weights = w.indexed_iter().map(|((o, k), &w)| f64::from(w) * rows[o] / columns[k]);
            scaled.parameters[range].iter_mut().zip(weights).for_each(|(p, w)| *p = w as f32);
            let bias = &bias * rows;
            scaled.parameters[bias_range].iter_mut().zip(&bias).for_each(|(p, &b)| *p = b as f32);
        }
        let mut fixed = Self {
            mean,
            network: scaled,
            inputs: choice
                .input_fracs
                .iter()
                .map(|&f| Format::new(bits, f))
                .collect::<std::result::Result<_, _>>()?,
            scales,
            outputs,
            vectors: vec![],
            weights: vec![],
            tables: vec![],
            rounders: vec![],
            passed: vec![],
            sizes: spec.inputs.iter().map(|s| s.size).collect(),
        };
        let ranges: Vec<f64> =
            (0..=last).map(|i| vector_range(network, observed, &fixed.scales[i], bits, i)).collect();
        fixed.choose_formats(weight_bits, bits, &ranges, choice)?;
        Ok(fixed)
    }

    /// Formats of all vectors and weights, such that every shift is one that the hardware has.
    fn choose_formats(&mut self, weight_bits: u32, bits: u32, ranges: &[f64], choice: &Choice) -> Result<()> {
        let network = &self.network;
        let nodes = network.len();
        let mut most = vec![i32::MAX; nodes];
        loop {
            let mut fracs: Vec<i32> = Vec::with_capacity(nodes);
            let mut weights = vec![None; nodes];
            for i in 0..nodes {
                // The output words carry the binary points of the port.
                let is_output = network.levels().any(|level| level == i);
                let fit = if is_output { self.outputs[0] } else { covering(bits, ranges[i])? };
                let natural = (fit + choice.vector_clip[i]).min(most[i]).clamp(-32, 32);
                let operand = |k: usize| fracs[network.operands(i).nth(k).unwrap_or(0)];
                let frac = match network.op(i) {
                    None => self.inputs[0].frac(),
                    Some(Op::Dense(_) | Op::Block(_)) => {
                        let w = network.weights(&network.parameters, i);
                        let largest = w.iter().fold(0f64, |m, &w| m.max(f64::from(w).abs()));
                        // Room for what may be passed on.
                        let before = (0..i).find(|&k| network.finer_twin(k) == Some(i));
                        let rounding = before
                            .and_then(|k: usize| weights[k])
                            .map_or(0.0, |f: Format| power(-f.frac()) / 2.0);
                        let largest = largest + rounding;
                        let fit = covering(weight_bits, largest)? + choice.weight_clip[i];
                        let weight_frac = fit.min(natural + WIDEST_SHIFT - operand(0)).clamp(-32, 32);
                        weights[i] = Some(Format::new(weight_bits, weight_frac)?);
                        natural.min(weight_frac + operand(0))
                    }
                    Some(Op::Activate(_)) if network.function(i) == Some(Function::Relu) => operand(0),
                    Some(Op::Activate(_)) => natural,
                    Some(Op::Add(_) | Op::Maximum(_)) => natural.min(operand(0).max(operand(1))),
                    Some(Op::Multiply(_)) => natural.min(operand(0) + operand(1)),
                };
                fracs.push(frac);
            }
            // Operands too far apart: the finer one becomes coarser, which may move nodes before it. A ReLU has the
            // format of its operand, so a limit on it is one on the operand.
            let mut settled = true;
            for i in 0..nodes {
                let inputs = match network.op(i) {
                    Some(Op::Add(Add { inputs, .. })) => inputs,
                    Some(Op::Multiply(Multiply { inputs, .. })) => inputs,
                    Some(Op::Maximum(Maximum { inputs, .. })) => inputs,
                    _ => continue,
                };
                let [a, b] = inputs.map(|v| v.index());
                let (fine, coarse) = if fracs[a] > fracs[b] { (a, b) } else { (b, a) };
                let finest = match network.op(i) {
                    Some(Op::Multiply(_)) => fracs[i] + MAX_PRODUCT_SHIFT as i32 - fracs[coarse],
                    _ => fracs[coarse] + MAX_ALIGNMENT as i32,
                };
                if fracs[fine] > finest {
                    most[format_maker(network, fine)?] = finest;
                    settled = false;
                }
            }
            // One port serves all levels.
            let coarsest = network.levels().map(|i| fracs[i]).min().unwrap_or(0);
            for i in network.levels().filter(|&i| fracs[i] > coarsest) {
                most[format_maker(network, i)?] = coarsest;
                settled = false;
            }
            if !settled {
                continue;
            }
            let formats = fracs.iter().map(|&f| Format::new(bits, f));
            self.vectors = formats.collect::<std::result::Result<Vec<_>, _>>()?;
            let nearest = |f: Format| Rounder { grid: Grid::new(f), feedback: None };
            self.rounders = weights.iter().map(|f| f.map(nearest)).collect();
            self.weights = weights;
            break;
        }
        // The port follows, should the last layer have had to be coarser than its range asks, or clipped.
        let lower = self.outputs[0] - self.vectors[nodes - 1].frac();
        self.outputs.iter_mut().for_each(|f| *f -= lower);
        self.tables = vec![None; nodes];
        for i in 0..nodes {
            if let Some(Op::Activate(Activate { input, function })) = network.op(i)
                && function.named() != Some(Function::Relu)
            {
                let table = Activation::table(
                    function.name(),
                    |x| function.value(x),
                    self.vectors[input.index()],
                    self.vectors[i],
                )?;
                self.tables[i] = Some(table);
            }
        }
        Ok(())
    }

    /// The roundings of all nodes' vectors in passes over [`Fixed::network`].
    pub(crate) fn roundings(&self) -> Vec<Rounding> {
        let rounding = |i: usize| match self.network.op(i) {
            None => Rounding::Exact,
            Some(Op::Activate(Activate { input, .. })) => match &self.tables[i] {
                Some(table) => {
                    Rounding::Table(Lookup::new(table, self.vectors[input.index()], self.vectors[i]))
                }
                None => Rounding::Exact,
            },
            Some(Op::Dense(_) | Op::Block(_) | Op::Add(_) | Op::Multiply(_) | Op::Maximum(_)) => {
                Rounding::Grid(Grid::new(self.vectors[i]))
            }
        };
        (0..self.network.len()).map(rounding).collect()
    }

    /// Reciprocal of the last place of dense node `i`'s accumulator.
    fn unit(&self, i: usize) -> f32 {
        let input = self.network.operands(i).next().unwrap_or(0);
        self.weights[i].map_or(1.0, |w| 2f32.powi(w.frac() + self.vectors[input].frac()))
    }

    /// The parameters with rounded weights and biases.
    pub(crate) fn rounded_parameters(&self) -> Vec<f32> {
        let mut rounded = self.network.parameters.clone();
        for i in self.network.affine_nodes() {
            if let Some(rounder) = &self.rounders[i] {
                let to = self.network.weights_mut(&mut rounded, i);
                rounder.round(self.network.weights(&self.network.parameters, i), to);
            }
            let unit = self.unit(i);
            rounded[self.network.bias_range(i)].iter_mut().for_each(|b| *b = round_bias(*b, unit));
        }
        rounded
    }

    /// Lets layers that are added to another layer of the same vector make up for its rounding: the sum of both has the finer
    /// grid of the second.
    pub(crate) fn pass_on(&mut self) {
        let rounded = self.rounded_parameters();
        for i in self.network.dense_nodes().collect::<Vec<_>>() {
            if let Some(twin) = self.network.finer_twin(i) {
                let lost =
                    &self.network.weights(&self.network.parameters, i) - &self.network.weights(&rounded, i);
                let range = self.network.weights_range(twin);
                self.network.parameters[range].iter_mut().zip(&lost).for_each(|(w, l)| *w += l);
                self.passed.push((twin, lost));
            }
        }
    }

    /// What trains this layout: `inner` is the trained float network over whitened coordinates `basis` (in physical
    /// inputs), `gains` the factor that folding put on the rows of every dense node.
    pub(crate) fn tunable(
        &self,
        inner: &Network,
        basis: &Array2<f64>,
        inverse: &Array2<f64>,
        gain: impl Fn(usize) -> f64,
    ) -> (Rounded, Vec<f32>) {
        let mut parameters = vec![0.0; inner.parameters.len()];
        let whitened = self.network.only_dense_read(0);
        for i in inner.affine_nodes() {
            let input = self.network.operands(i).next().unwrap_or(0);
            let (to, bias) = (inner.weights_range(i), inner.bias_range(i));
            if input == 0 && whitened {
                let w = inner.weights(&inner.parameters, i);
                let scaled = w.indexed_iter().map(|((o, _), &w)| f64::from(w) * gain(i) * self.scales[i][o]);
                parameters[to].iter_mut().zip(scaled).for_each(|(p, w)| *p = w as f32);
            } else {
                parameters[to].copy_from_slice(&self.network.parameters[self.network.weights_range(i)]);
            }
            parameters[bias].copy_from_slice(&self.network.parameters[self.network.bias_range(i)]);
        }
        let inverse = (inverse * &self.scales[0].view().insert_axis(Axis(1))).mapv(|v| v as f32);
        for (i, lost) in self.passed.iter().filter(|(i, _)| self.network.operands(*i).any(|o| o == 0)) {
            let lost = lost.dot(&inverse);
            parameters[inner.weights_range(*i)].iter_mut().zip(&lost).for_each(|(p, l)| *p += l);
        }
        let basis = (basis / &self.scales[0].view().insert_axis(Axis(0))).mapv(|v| v as f32);
        let mut bases = vec![None; self.network.len()];
        bases[0] = whitened.then_some(Basis { matrix: basis, inverse });
        let rounded = Rounded {
            inner: inner.with_inputs(inner.inputs()),
            bases,
            base: None,
            nodes: self.roundings(),
            weights: self.rounders.clone(),
            units: (0..self.network.len()).map(|i| self.unit(i)).collect(),
        };
        (rounded, parameters)
    }

    /// What the layers see of physical `inputs`: rounded to words, scaled, centred.
    pub(crate) fn prepare(&self, inputs: ArrayView2<f32>) -> Array2<f32> {
        let mut prepared = inputs.to_owned();
        let grids: Vec<Grid> = self
            .inputs
            .iter()
            .zip(&self.sizes)
            .flat_map(|(&f, &n)| std::iter::repeat_n(Grid::new(f), n))
            .collect();
        let scales = self.scales[0].mapv(|v| v as f32);
        let mean = self.mean.mapv(|v| v as f32);
        for mut frame in prepared.outer_iter_mut() {
            for (((v, grid), scale), mean) in frame.iter_mut().zip(&grids).zip(&scales).zip(&mean) {
                *v = grid.round(*v) * scale - mean;
            }
        }
        prepared
    }

    /// What the last layer should make for physical `targets`.
    pub(crate) fn targets(&self, targets: ArrayView2<f32>) -> Array2<f32> {
        &targets * &self.scales[self.scales.len() - 1].mapv(|v| v as f32)
    }

    /// Integer weights and biases of dense node `i`, biases at the accumulator's scale. The weights are on their grid
    /// already: the network holds [`Fixed::rounded_parameters`].
    pub(crate) fn integers(&self, i: usize) -> Option<(Format, Vec<i16>, Vec<i64>)> {
        let format = self.weights[i]?;
        let input = self.network.operands(i).next()?;
        let grid = Grid::new(format);
        let w = self.network.weights(&self.network.parameters, i);
        let rounded = w.mapv(|w| f64::from(grid.round(w)));
        let mut bias = self.network.bias(&self.network.parameters, i).mapv(f64::from);
        // Blocks read inputs that are not centred.
        if input == 0 && self.network.is_dense(i) {
            bias -= &rounded.dot(&self.mean);
        }
        let unit = power(format.frac() + self.vectors[input].frac());
        let values = rounded.iter().map(|&w| (w * power(format.frac())) as i16).collect();
        Some((format, values, bias.iter().map(|b| (b * unit).round() as i64).collect()))
    }

    /// Makes up in the biases for what rounding the weights does to an average frame.
    pub(crate) fn correct_biases(&mut self, observed: &Observed) {
        let rounded = self.rounded_parameters();
        for i in self.network.dense_nodes().collect::<Vec<_>>() {
            let input = self.network.operands(i).next().unwrap_or(0);
            // Inputs are centred, so their average does nothing.
            if input != 0 {
                let weights = |parameters| self.network.weights(parameters, i).mapv(f64::from);
                let lost = weights(&self.network.parameters) - weights(&rounded);
                let shift = lost.dot(&(&observed.means[input] * &self.scales[input]));
                let bias = self.network.bias_range(i);
                self.network.parameters[bias].iter_mut().zip(&shift).for_each(|(b, &s)| *b += s as f32);
            }
        }
    }

    /// Rounds with error feedback by `moments` (of the float network's vectors, see [`second_moments`]).
    pub(crate) fn feed_back(&mut self, moments: &[Option<Array2<f64>>], damping: f64) {
        for i in self.network.dense_nodes().collect::<Vec<_>>() {
            let input = self.network.operands(i).next().unwrap_or(0);
            if let (Some(rounder), Some(moments)) = (&mut self.rounders[i], &moments[input]) {
                let scale = &self.scales[input];
                let mut moments = moments.clone();
                moments.indexed_iter_mut().for_each(|((a, b), m)| *m *= scale[a] * scale[b]);
                rounder.feedback = Feedback::new(&moments, damping);
            }
        }
    }

    /// Factor from what the last layer makes to every physical output.
    pub(crate) fn output_factors(&self) -> Vec<f32> {
        self.scales[self.scales.len() - 1].iter().map(|s| (1.0 / s) as f32).collect()
    }

    /// Weight of every output's squared error that makes it one of the physical output.
    pub(crate) fn output_weights(&self) -> Vec<f32> {
        self.scales[self.scales.len() - 1].iter().map(|s| (1.0 / (s * s)) as f32).collect()
    }

    /// Quantisation error: weighted squared difference from `references`, the float network's physical outputs of every level;
    /// those of lower levels count `lower_weight`.
    pub(crate) fn error(
        &self,
        inputs: ArrayView2<f32>,
        references: &[Array2<f32>],
        mask: Option<ArrayView2<f32>>,
        lower_weight: f64,
    ) -> f64 {
        let parameters = self.rounded_parameters();
        let rows = inputs.nrows();
        let mut workspace = Workspace::new(&self.network, rows);
        workspace.input(rows).assign(&self.prepare(inputs));
        forward(&self.network, &parameters, rows, Some(&self.roundings()), &mut workspace);
        let weights = self.output_weights();
        let levels = self.network.levels().zip(references);
        levels.fold(0.0, |total, (level, reference)| {
            let targets = self.targets(reference.view());
            let error = weighted_error(workspace.value(level, rows), targets.view(), mask, &weights);
            total + if level == self.network.last() { error } else { lower_weight * error }
        })
    }
}

/// The node that chooses the format of node `i`: a ReLU has that of its operand.
fn format_maker(network: &Network, mut i: usize) -> Result<usize> {
    while let (Some(Op::Activate(relu)), Some(Function::Relu)) = (network.op(i), network.function(i)) {
        i = relu.input.index();
    }
    if i == 0 {
        return Err(Error::Network(String::from(
            "the input is joined with a vector of very different size; put a dense node between",
        )));
    }
    Ok(i)
}

/// Binary points of the output segments, from the outputs' own ranges.
fn output_fracs(
    spec: &TrainingSpec,
    network: &Network,
    groups: &Groups,
    observed: &Observed,
) -> Result<Vec<i32>> {
    let bits = spec.quantisation.activation_bits;
    let largest = network.levels().fold(Array1::zeros(network.outputs()), |largest: Array1<f64>, i| {
        ndarray::Zip::from(&largest).and(&observed.largest[i]).map_collect(|a, b| a.max(*b))
    });
    let mut fracs = segment_ranges(&spec.outputs, &largest, bits)
        .into_iter()
        .map(|range| covering(bits, range))
        .collect::<Result<Vec<_>>>()?;
    // Only rows of dense nodes can be scaled apart.
    let mut like_outputs = (0..network.len()).filter(|&i| groups.like_outputs(i));
    let scalable = like_outputs.all(|i| !network.is_input(i) && !keeps_scales(network, i))
        && (0..network.len())
            .filter(|&i| keeps_scales(network, i))
            .all(|i| network.operands(i).all(|operand| !groups.like_outputs(operand)));
    if !scalable {
        let least = fracs.iter().copied().min().unwrap_or(0);
        fracs.fill(least);
    }
    Ok(fracs)
}

/// The range that node `i`'s format has to cover.
fn vector_range(network: &Network, observed: &Observed, scale: &Array1<f64>, bits: u32, i: usize) -> f64 {
    let over =
        |largest: &Array1<f64>| (largest * scale).iter().fold(0.0, |m: f64, &v| m.max(v)) * headroom(bits);
    let read_by = |f: Function| {
        let mut consumers = network.consumers(i).peekable();
        consumers.peek().is_some() && consumers.all(|c| network.function(c) == Some(f))
    };
    match network.function(i) {
        // Saturating at 1 - 2^(1-bits) instead of 1 is worth a bit of resolution.
        Some(Function::Tanh | Function::Sigmoid) => 1.0 - power(1 - i32::try_from(bits).unwrap_or(16)),
        _ if read_by(Function::Relu) => over(&observed.positive[i]),
        // Beyond these the functions are flat to 1e-6, and a narrower table is a finer one.
        _ if read_by(Function::Tanh) => over(&observed.largest[i]).min(7.99),
        _ if read_by(Function::Sigmoid) => over(&observed.largest[i]).min(15.99),
        _ => over(&observed.largest[i]),
    }
}

/// Second moments of every vector that a dense node reads, centred, of the float network in physical units.
pub(crate) fn second_moments(network: &Network, inputs: ArrayView2<f32>) -> Vec<Option<Array2<f64>>> {
    let rows = inputs.nrows();
    let mut workspace = Workspace::new(network, rows);
    workspace.input(rows).assign(&inputs);
    forward(network, &network.parameters, rows, None, &mut workspace);
    (0..network.len())
        .map(|i| {
            let read = network.consumers(i).any(|c| network.is_dense(c));
            read.then(|| {
                let mean = moments::mean(workspace.value(i, rows));
                let centred = moments::centred(workspace.value(i, rows), mean.view());
                moments::product(centred.view(), centred.view())
            })
        })
        .collect()
}
