//! An emulator lowered once: for every node the steps that compute it, with packed weights and places in one frame of memory.

use std::collections::HashMap;

use super::{
    affine::{self, Layer},
    copies::Copies,
    dense::Dense,
    elementwise::{Add, Multiply, Places, Relu},
    groups::Groups,
    split::Split,
    table::Table,
    taps::Taps,
    wide::Wide,
};
use crate::{Activation, BlockGeometry, Emulator, Op, VectorId};

/// One kernel with its data.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Split(Split),
    Dense(Dense),
    Groups(Groups),
    Taps(Taps),
    Wide(Wide),
    /// Words to a place in the frame.
    Copy(Copies, usize),
    Add(Add),
    Multiply(Multiply),
    Relu(Relu),
    Table(Table),
    /// The router looks at its scores.
    Route,
}

/// What a quality level computes.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// In order.
    pub(super) steps: Vec<usize>,
    /// The words of the output frame.
    pub(super) output: Copies,
}

/// An emulator as steps over a frame of memory. All runners of an emulator share it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) levels: Vec<Program>,
    /// Where every vector begins, and its length.
    pub(super) vectors: Vec<[usize; 2]>,
    /// Where the output frame is put in order.
    pub(super) output: usize,
    /// Words of an output frame.
    pub(super) outputs: usize,
    /// Words of memory for a frame.
    pub(super) words: usize,
}

/// What the kernels of an instruction set are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Tiles whose sums fit the registers.
    pub(super) tiles: usize,
    /// Whether there is a dot product of bytes.
    pub(super) bytes: bool,
}

/// Words that a kernel may read or write beyond those that it means.
const SLACK: usize = 64;

/// Room for `words`, in whole vectors.
fn whole(words: usize) -> usize {
    words.next_multiple_of(32)
}

impl Plan {
    pub(super) fn new(emulator: &Emulator, target: Target) -> Self {
        let mut lowering = Lowering::new(emulator, target);
        let nodes: Vec<Vec<usize>> = (0..emulator.nodes().len()).map(|node| lowering.node(node)).collect();
        let levels = (0..emulator.levels()).map(|level| lowering.level(level, &nodes)).collect();
        let outputs = emulator.output().port.size();
        let output = lowering.take(outputs);
        Self {
            steps: lowering.steps,
            levels,
            vectors: lowering.vectors,
            output,
            outputs,
            words: whole(lowering.words + SLACK),
        }
    }
}

struct Lowering<'a> {
    emulator: &'a Emulator,
    target: Target,
    steps: Vec<Step>,
    vectors: Vec<[usize; 2]>,
    words: usize,
    /// The step that splits words, by their place and number.
    splits: HashMap<[usize; 2], (usize, usize)>,
}

impl<'a> Lowering<'a> {
    fn new(emulator: &'a Emulator, target: Target) -> Self {
        let mut lowering =
            Self { emulator, target, steps: vec![], vectors: vec![], words: 0, splits: HashMap::new() };
        for vector in (0..=emulator.nodes().len()).map(VectorId) {
            let size = emulator.size(vector);
            let blocks = matches!(emulator.maker(vector), Some(node) if matches!(node.op, Op::Block { .. }));
            // The last repeats of a block write whole vectors from where they begin.
            let begin = lowering.take(size + if blocks { 32 } else { 0 });
            lowering.vectors.push([begin, size]);
        }
        lowering
    }

    /// Room in the frame.
    fn take(&mut self, words: usize) -> usize {
        let begin = self.words;
        self.words += whole(words);
        begin
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// The steps of a node; those that split words are shared with other nodes.
    fn node(&mut self, index: usize) -> Vec<usize> {
        let emulator = self.emulator;
        let node = &emulator.nodes()[index];
        let begin = |v: VectorId| self.vectors[v.0][0];
        let y = begin(VectorId(index + 1));
        let places = |a: VectorId, b: VectorId| Places {
            a: begin(a),
            b: begin(b),
            y,
            vectors: node.size.div_ceil(32),
        };
        let step = match &node.op {
            Op::Dense { input, affine } => {
                let geometry = BlockGeometry::dense(emulator.size(*input), node.size);
                return self.affine(Layer::new(emulator, *input, geometry, affine, node.format), index);
            }
            Op::Block { input, geometry, affine } => {
                let layer = Layer::new(emulator, *input, geometry.clone(), affine, node.format);
                return self.affine(layer, index);
            }
            Op::Add { inputs: [a, b], align, shift } => {
                Step::Add(Add::new(places(*a, *b), *align, *shift, node.format))
            }
            Op::Multiply { inputs: [a, b], shift } => {
                Step::Multiply(Multiply::new(places(*a, *b), *shift, node.format))
            }
            Op::Activate { input, activation: Activation::Relu } => {
                Step::Relu(Relu { places: places(*input, *input) })
            }
            Op::Activate { input, activation: Activation::Table { knots, .. } } => {
                Step::Table(Table::new(places(*input, *input), knots, emulator.format(*input)))
            }
        };
        vec![self.push(step)]
    }

    fn affine(&mut self, mut layer: Layer, index: usize) -> Vec<usize> {
        let (x, y) = (self.vectors[layer.input.0][0], self.vectors[index + 1][0]);
        let target = self.target;
        if !layer.is_narrow() {
            let (mut steps, x) = match layer.is_contiguous() {
                true => (vec![], x),
                false => self.gather(&mut layer, x),
            };
            steps.push(self.push(Step::Wide(layer.wide(x, y))));
            return steps;
        }
        if let Some(taps) = layer.taps(x, y) {
            return vec![self.push(Step::Taps(taps))];
        }
        if target.bytes && layer.fits_bytes() {
            let (split, bytes) = self.split(x + layer.first(), layer.window(), layer.input_bits());
            let dense = layer.dense(bytes, y, target.tiles);
            return vec![split, self.push(Step::Dense(dense))];
        }
        if let Some(groups) = layer.groups(x, y, target.tiles) {
            return vec![self.push(Step::Groups(groups))];
        }
        let (mut steps, x) = self.gather(&mut layer, x);
        let groups = layer.groups(x, y, target.tiles).expect("contiguous windows can be gathered");
        steps.push(self.push(Step::Groups(groups)));
        steps
    }

    /// The windows of `layer` one after the other, which it reads from then on.
    fn gather(&mut self, layer: &mut Layer, x: usize) -> (Vec<usize>, usize) {
        let words = layer.gather();
        let place = self.take(words.len());
        let from: Vec<usize> = words.iter().map(|word| x + word).collect();
        (vec![self.push(Step::Copy(Copies::new(&from), place))], place)
    }

    /// The step that splits `count` words at `x`, and where the bytes are.
    fn split(&mut self, x: usize, count: usize, bits: u32) -> (usize, usize) {
        if let Some(&known) = self.splits.get(&[x, count]) {
            return known;
        }
        let y = self.take(count);
        let sign = affine::sign(bits);
        let step = self.push(Step::Split(Split { x, y, vectors: count.div_ceil(32), sign }));
        self.splits.insert([x, count], (step, y));
        (step, y)
    }

    fn level(&mut self, level: usize, nodes: &[Vec<usize>]) -> Program {
        let emulator = self.emulator;
        let needed = emulator.needed_at(level);
        let mut steps: Vec<usize> = vec![];
        for index in (0..nodes.len()).filter(|&node| needed[node]) {
            for &step in &nodes[index] {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
            if emulator.router().is_some_and(|router| router.scores.0 == index + 1) {
                steps.push(self.push(Step::Route));
            }
        }
        let words: Vec<usize> = emulator
            .output()
            .sources_at(level)
            .iter()
            .flat_map(|v| (0..emulator.size(*v)).map(|word| self.vectors[v.0][0] + word))
            .collect();
        let output = match &emulator.output().order {
            Some(order) => Copies::new(&order.iter().map(|&i| words[i]).collect::<Vec<_>>()),
            None => Copies::new(&words),
        };
        Program { steps, output }
    }
}
