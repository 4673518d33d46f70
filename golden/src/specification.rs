//! The specification of the golden model: what the hardware computes, word for word, written to be read.

use crate::{Affine, BlockGeometry, Emulator, Format, Op, Selected, VectorId, accumulator_bits, requantise};

/// The words of a frame's vectors, and how they are computed.
#[derive(Clone, Debug)]
pub(crate) struct Specification {
    /// One per vector of the graph.
    pub(crate) vectors: Vec<Vec<i16>>,
    levels: Vec<Level>,
    /// What the router said about the last frame.
    pub(crate) selected: Option<Selected>,
    /// Inputs of one application of a block.
    window: Vec<i16>,
    /// Whether the sums of a node fit 32 bits; sums of 64 bits are equal and slower.
    narrow: Vec<bool>,
}

/// What a quality level computes.
#[derive(Clone, Debug)]
struct Level {
    /// The nodes that it needs, in order.
    nodes: Vec<usize>,
    /// For every output word, the vector and the word that it is.
    outputs: Vec<(usize, usize)>,
}

impl Level {
    fn new(emulator: &Emulator, level: usize) -> Self {
        let needed = emulator.needed_at(level);
        let sources = emulator.output.sources_at(level);
        let words: Vec<(usize, usize)> =
            sources.iter().flat_map(|v| (0..emulator.size(*v)).map(move |word| (v.0, word))).collect();
        let outputs = match &emulator.output.order {
            Some(order) => order.iter().map(|&i| words[i]).collect(),
            None => words,
        };
        Self { nodes: (0..needed.len()).filter(|&node| needed[node]).collect(), outputs }
    }
}

impl Specification {
    /// Room for the vectors of `emulator`.
    pub(crate) fn new(emulator: &Emulator) -> Self {
        let vectors = (0..=emulator.nodes.len()).map(|v| vec![0; emulator.size(VectorId(v))]).collect();
        let levels = (0..emulator.levels()).map(|level| Level::new(emulator, level)).collect();
        let row = |op: &Op| match op {
            Op::Block { geometry, .. } => geometry.window_len(),
            Op::Dense { input, .. } => emulator.size(*input),
            _ => 0,
        };
        let narrow = emulator.nodes.iter().map(|node| match &node.op {
            Op::Dense { input, affine } | Op::Block { input, affine, .. } => {
                accumulator_bits(affine, row(&node.op), emulator.format(*input)) <= 32
            }
            _ => true,
        });
        let narrow = narrow.collect();
        let longest = emulator.nodes.iter().map(|node| row(&node.op)).max().unwrap_or(0);
        Self { vectors, levels, selected: None, window: vec![0; longest], narrow }
    }

    /// Computes a level from the words of the input vector.
    pub(crate) fn run(&mut self, emulator: &Emulator, level: usize) {
        self.selected = None;
        for position in 0..self.levels[level].nodes.len() {
            self.compute(emulator, self.levels[level].nodes[position]);
        }
    }

    /// The words of the output frame at a level.
    pub(crate) fn outputs(&self, level: usize) -> impl Iterator<Item = i16> {
        self.levels[level].outputs.iter().map(|&(vector, index)| self.vectors[vector][index])
    }

    fn compute(&mut self, emulator: &Emulator, index: usize) {
        let node = &emulator.nodes[index];
        let (made, rest) = self.vectors.split_at_mut(index + 1);
        let y = &mut rest[0];
        let (member, narrow) = (self.selected.map_or(0, |selected| selected.member), self.narrow[index]);
        match &node.op {
            Op::Dense { input, affine } => {
                dense(Sums::new(affine, member, narrow, node.format), &made[input.0], y)
            }
            Op::Block { input, geometry, affine } => {
                let sums = Sums::new(affine, member, narrow, node.format);
                block(geometry, sums, &made[input.0], &mut self.window[..geometry.window_len()], y);
            }
            Op::Add { inputs: [a, b], align, shift } => {
                for (y, (&a, &b)) in y.iter_mut().zip(made[a.0].iter().zip(&made[b.0])) {
                    let sum = (i64::from(a) << align[0]) + (i64::from(b) << align[1]);
                    *y = requantise(sum, *shift, node.format);
                }
            }
            Op::Multiply { inputs: [a, b], shift } => {
                for (y, (&a, &b)) in y.iter_mut().zip(made[a.0].iter().zip(&made[b.0])) {
                    *y = requantise(i64::from(a) * i64::from(b), *shift, node.format);
                }
            }
            Op::Activate { input, activation } => {
                let format = emulator.format(*input);
                for (y, &x) in y.iter_mut().zip(&made[input.0]) {
                    *y = activation.apply(x, format);
                }
            }
        }
        if let Some(router) = emulator.router.as_ref().filter(|router| router.scores.0 == index + 1) {
            self.selected = Some(router.select(&self.vectors[index + 1]));
        }
    }
}

/// The weights and biases of a frame's member, and what happens to the sums.
struct Sums<'a> {
    weights: &'a [i16],
    bias: &'a [i64],
    narrow: bool,
    shift: u32,
    format: Format,
}

impl<'a> Sums<'a> {
    fn new(affine: &'a Affine, member: usize, narrow: bool, format: Format) -> Self {
        let member = if affine.members > 1 { member } else { 0 };
        let (weights, bias) = (affine.weights_of(member), affine.bias_of(member));
        Self { weights, bias, narrow, shift: affine.shift, format }
    }

    /// The output word of row `row` of the weights.
    fn word(&self, row: usize, x: &[i16]) -> i16 {
        let weights = &self.weights[row * x.len()..][..x.len()];
        requantise(self.bias[row] + dot(weights, x, self.narrow), self.shift, self.format)
    }
}

fn dense(sums: Sums, x: &[i16], y: &mut [i16]) {
    for (row, y) in y.iter_mut().enumerate() {
        *y = sums.word(row, x);
    }
}

fn block(geometry: &BlockGeometry, sums: Sums, x: &[i16], window: &mut [i16], y: &mut [i16]) {
    let per_set = if geometry.shared { 0 } else { geometry.outputs };
    for (repeat, (read, write)) in geometry.origins().enumerate() {
        for (x_w, offset) in window.iter_mut().zip(geometry.window_offsets()) {
            *x_w = x[(read + offset) as usize];
        }
        for output in 0..geometry.outputs {
            let word = sums.word(repeat * per_set + output, window);
            y[(write + output as i64 * geometry.out_step) as usize] = word;
        }
    }
}

fn dot(weights: &[i16], x: &[i16], narrow: bool) -> i64 {
    let products = weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
    if narrow { i64::from(products.sum::<i32>()) } else { products.map(i64::from).sum() }
}
