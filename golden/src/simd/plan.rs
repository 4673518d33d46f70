//! An emulator lowered once: for every node the steps that compute it, with packed weights and places in one frame of memory.

use std::collections::{BTreeMap, HashMap};

use super::{
    affine::{self, Layer, Width},
    copies::Copies,
    dense::Dense,
    elementwise::{Add, Multiply, Places, Relu},
    groups::Groups,
    input::Input,
    kernels::DenseKernel,
    port::Scales,
    sink::Sink,
    split::Split,
    table::Table,
    taps::Taps,
    wide::Wide,
};
use crate::{Activate, Activation, Block, BlockGeometry, Emulator, Op, Router, VectorId, ops};

/// A distance in words from the beginning of a frame of memory.
pub(super) type Place = usize;

/// One kernel with its data.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Split(Split),
    Dense(Dense, DenseKernel),
    Groups(Groups),
    Taps(Taps),
    Wide(Wide),
    /// Words to a place in the frame.
    Copy(Copies, Place),
    Add(Add),
    Multiply(Multiply),
    Relu(Relu),
    Table(Table),
    /// The router looks at its scores, from this place on.
    Route(Router, Place),
}

impl Step {
    /// Words of the weights and biases of a member.
    pub(super) fn weights(&self) -> usize {
        match self {
            Self::Dense(step, _) => step.packed.words(),
            Self::Groups(step) => step.packed.words(),
            Self::Taps(step) => step.packed.words(),
            Self::Wide(step) => step.window * step.rows.len(),
            _ => 0,
        }
    }
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
    /// Where every vector begins, and its length; the input's words are there if a step reads them.
    pub(super) vectors: Vec<(Place, usize)>,
    /// Where the input frame goes.
    pub(super) input: Input,
    /// Where the output frame is put in order.
    pub(super) output: Place,
    /// Formats of the input and output frame.
    pub(super) ports: [Scales; 2],
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
    /// The kernel of a dense step whose blocks all have as many tiles.
    pub(super) dense: fn(&Dense) -> Option<DenseKernel>,
}

/// Words that a kernel may read or write beyond those that it means.
const SLACK: usize = 128;

/// A sink of a layer that is only tried.
const NOWHERE: Sink = Sink { y: 0, relu: None, bytes: None, sign: 0 };

/// Room for `words`, in whole vectors.
fn whole(words: usize) -> usize {
    words.next_multiple_of(32)
}

impl Plan {
    pub(super) fn new(emulator: &Emulator, target: Target) -> Self {
        let mut lowering = Lowering::new(emulator, target);
        lowering.place_vectors();
        lowering.place_bytes();
        let nodes: Vec<Vec<usize>> = (0..emulator.nodes().len()).map(|node| lowering.node(node)).collect();
        let levels = (0..emulator.levels()).map(|level| lowering.level(level, &nodes)).collect();
        let output = lowering.take(emulator.output().port.size());
        Self {
            input: Input {
                words: lowering.reads_input.then_some(lowering.vectors[0].0),
                bytes: lowering.bytes[0],
                sign: affine::sign(emulator.input().bits),
            },
            steps: lowering.steps,
            levels,
            vectors: lowering.vectors,
            output,
            ports: [Scales::of(emulator.input()), Scales::of(&emulator.output().port)],
            words: whole(lowering.words + SLACK),
        }
    }

    /// A level that the plan has: this one, or the highest.
    #[inline]
    pub(super) fn level(&self, level: usize) -> usize {
        level.min(self.levels.len() - 1)
    }
}

/// How a node is computed.
enum Kind<'a> {
    Wide(Layer<'a>),
    Taps(Layer<'a>),
    Dense(Layer<'a>),
    /// As blocks of bytes.
    Bytes(Layer<'a>),
    Groups(Layer<'a>),
    /// Word by word.
    Elementwise,
    /// With the node before it.
    Rectified,
}

struct Lowering<'a> {
    emulator: &'a Emulator,
    target: Target,
    kinds: Vec<Kind<'a>>,
    steps: Vec<Step>,
    vectors: Vec<(Place, usize)>,
    /// Dense layers that are computed as one: the nodes in order, by the first.
    kin: BTreeMap<usize, Vec<usize>>,
    /// For every vector, the rectified one that is made with it.
    relus: Vec<Option<usize>>,
    /// For every vector, its bytes if they are made with it.
    bytes: Vec<Option<Place>>,
    words: usize,
    /// Whether a step reads the input's words.
    reads_input: bool,
    /// The step that splits words, by their place and number.
    splits: HashMap<(Place, usize), (usize, Place)>,
}

impl<'a> Lowering<'a> {
    fn new(emulator: &'a Emulator, target: Target) -> Self {
        let vectors = emulator.nodes().len() + 1;
        let mut lowering = Self {
            emulator,
            target,
            kinds: (0..vectors - 1).map(|node| kind(emulator, node, target)).collect(),
            steps: vec![],
            vectors: vec![],
            kin: BTreeMap::new(),
            relus: vec![None; vectors],
            bytes: vec![None; vectors],
            words: 0,
            reads_input: false,
            splits: HashMap::new(),
        };
        lowering.find_kin();
        lowering.find_relus();
        lowering
    }

    /// Dense layers on one operand that take fewer tiles together than apart.
    fn find_kin(&mut self) {
        let mut known: BTreeMap<[usize; 5], Vec<usize>> = BTreeMap::new();
        for (node, kind) in self.kinds.iter().enumerate() {
            if let Kind::Dense(layer) = kind {
                known.entry(layer.kinship()).or_default().push(node);
            }
        }
        let tiles = |rows: usize| rows.div_ceil(super::tiles::TILE);
        for nodes in known.into_values() {
            let rows: Vec<usize> = nodes.iter().map(|&node| self.emulator.nodes()[node].size).collect();
            if tiles(rows.iter().sum()) < rows.iter().map(|&rows| tiles(rows)).sum() {
                self.kin.insert(nodes[0], nodes);
            }
        }
    }

    fn is_kin(&self, node: usize) -> bool {
        self.kin.values().any(|nodes| nodes.contains(&node))
    }

    /// Layers that are rectified at once.
    fn find_relus(&mut self) {
        for (index, node) in self.emulator.nodes().iter().enumerate() {
            let Op::Activate(Activate { input, function: Activation::Relu }) = &node.op else { continue };
            let Some(maker) = input.0.checked_sub(1) else { continue };
            let fused = matches!(self.kinds[maker], Kind::Dense(_) | Kind::Bytes(_) | Kind::Groups(_))
                && !self.is_kin(maker);
            if fused && self.relus[input.0].is_none() {
                self.relus[input.0] = Some(index + 1);
                self.kinds[index] = Kind::Rectified;
            }
        }
    }

    fn place_vectors(&mut self) {
        let emulator = self.emulator;
        let mut places = vec![None; emulator.nodes().len() + 1];
        for vector in 0..places.len() {
            if places[vector].is_some() {
                continue;
            }
            let size = emulator.size(VectorId(vector));
            if let Some(nodes) = vector.checked_sub(1).and_then(|node| self.kin.get(&node)).cloned() {
                // A level may need only the last of them, and writes whole vectors from where they begin.
                let sizes = nodes.iter().map(|&node| emulator.nodes()[node].size);
                let mut place = self.take(sizes.sum::<usize>() + 32);
                for node in nodes {
                    places[node + 1] = Some(place);
                    place += emulator.nodes()[node].size;
                }
                continue;
            }
            // The last repeats of a block write whole vectors from where they begin.
            let groups = vector > 0 && matches!(self.kinds[vector - 1], Kind::Groups(_) | Kind::Bytes(_));
            let rectified = vector > 0 && matches!(self.kinds[vector - 1], Kind::Rectified);
            places[vector] = Some(self.take(size + if groups || rectified { 32 } else { 0 }));
        }
        let sized = places.into_iter().enumerate();
        self.vectors = sized
            .map(|(vector, place)| {
                (place.expect("every vector has a place"), emulator.size(VectorId(vector)))
            })
            .collect();
    }

    /// Bytes that are made together with the words of a vector.
    fn place_bytes(&mut self) {
        for index in 0..self.kinds.len() {
            let (vector, all) = match &self.kinds[index] {
                Kind::Dense(layer) => {
                    let vector = layer.input.0;
                    (vector, layer.first() == 0 && layer.window() == self.vectors[vector].1)
                }
                Kind::Bytes(layer) => (layer.input.0, true),
                _ => continue,
            };
            let maker = vector.checked_sub(1).map(|node| &self.kinds[node]);
            let with = match maker {
                None | Some(Kind::Elementwise) => true,
                Some(Kind::Dense(_)) => !self.is_kin(vector - 1) && self.relus[vector].is_none(),
                Some(Kind::Rectified) => {
                    let source = self.relus.iter().position(|&relu| relu == Some(vector));
                    source.is_some_and(|source| matches!(self.kinds[source - 1], Kind::Dense(_)))
                }
                Some(_) => false,
            };
            if all && with && self.bytes[vector].is_none() {
                self.bytes[vector] = Some(self.take(self.vectors[vector].1));
            }
        }
    }

    /// Room in the frame.
    fn take(&mut self, words: usize) -> Place {
        let begin = self.words;
        self.words += whole(words);
        begin
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Steps of one kernel each.
    fn push_dense(&mut self, dense: Dense) -> Vec<usize> {
        let step = |dense: Dense, target: Target| {
            let kernel = (target.dense)(&dense).expect("its blocks have as many tiles");
            Step::Dense(dense, kernel)
        };
        let target = self.target;
        dense.apart().into_iter().map(|dense| self.push(step(dense, target))).collect()
    }

    /// Where a step reads the words of a vector.
    fn words_of(&mut self, vector: VectorId) -> Place {
        self.reads_input |= vector == VectorId::INPUT;
        self.vectors[vector.0].0
    }

    /// Where the words of a vector go.
    fn sink(&self, vector: usize) -> Sink {
        let relu = self.relus[vector];
        Sink {
            y: self.vectors[vector].0,
            relu: relu.map(|relu| self.vectors[relu].0),
            bytes: self.bytes[relu.unwrap_or(vector)],
            sign: affine::sign(self.emulator.format(VectorId(vector)).bits()),
        }
    }

    /// The steps of a node; those that split words are shared with other nodes.
    fn node(&mut self, index: usize) -> Vec<usize> {
        let kind = std::mem::replace(&mut self.kinds[index], Kind::Elementwise);
        let steps = match &kind {
            Kind::Rectified => vec![],
            Kind::Elementwise => vec![self.elementwise(index)],
            Kind::Taps(layer) => {
                let taps = layer.taps(self.words_of(layer.input), self.vectors[index + 1].0);
                vec![self.push(Step::Taps(taps.expect("the layer is of this kind")))]
            }
            // Those that are computed as one follow with their levels.
            Kind::Dense(layer) => {
                let (mut steps, bytes) = self.bytes_of(layer.input.0, layer.first(), layer.window());
                if !self.is_kin(index) {
                    let sink = self.sink(index + 1);
                    let dense = Layer::dense(&[layer], bytes, sink, None, self.target.tiles);
                    steps.extend(self.push_dense(dense));
                }
                steps
            }
            Kind::Bytes(layer) => {
                let size = self.vectors[layer.input.0].1;
                let (mut steps, bytes) = self.bytes_of(layer.input.0, 0, size);
                let dense = layer.bytes(bytes, self.sink(index + 1), self.target.tiles);
                steps.extend(self.push_dense(dense.expect("the layer is of this kind")));
                steps
            }
            Kind::Wide(layer) => {
                let (mut steps, x, gathered) = match layer.is_contiguous() {
                    true => (vec![], self.words_of(layer.input), layer.clone()),
                    false => self.gather(layer),
                };
                steps.push(self.push(Step::Wide(gathered.wide(x, self.vectors[index + 1].0))));
                steps
            }
            Kind::Groups(layer) => {
                let (x, sink, tiles) = (self.words_of(layer.input), self.sink(index + 1), self.target.tiles);
                match layer.groups(x, sink, tiles) {
                    Some(groups) => vec![self.push(Step::Groups(groups))],
                    None => {
                        let (mut steps, x, gathered) = self.gather(layer);
                        let groups = gathered.groups(x, sink, tiles).expect("contiguous windows are read");
                        steps.push(self.push(Step::Groups(groups)));
                        steps
                    }
                }
            }
        };
        self.kinds[index] = kind;
        steps
    }

    fn elementwise(&mut self, index: usize) -> usize {
        let node = &self.emulator.nodes()[index];
        let y = self.sink(index + 1);
        let mut places = |a: VectorId, b: VectorId| Places {
            a: self.words_of(a),
            b: self.words_of(b),
            y,
            vectors: node.size.div_ceil(32),
        };
        let step = match &node.op {
            Op::Add(ops::Add { inputs: [a, b], align, shift }) => {
                Step::Add(Add::new(places(*a, *b), *align, *shift, node.format))
            }
            Op::Multiply(ops::Multiply { inputs: [a, b], shift }) => {
                Step::Multiply(Multiply::new(places(*a, *b), *shift, node.format))
            }
            Op::Activate(Activate { input, function: Activation::Table { knots, .. } }) => {
                Step::Table(Table::new(places(*input, *input), knots, self.emulator.format(*input)))
            }
            Op::Activate(Activate { input, .. }) => Step::Relu(Relu { places: places(*input, *input) }),
            Op::Dense { .. } | Op::Block { .. } => unreachable!("affine layers are of other kinds"),
        };
        self.push(step)
    }

    /// The windows of `layer` one after the other: the step, their place, and the layer that reads them.
    fn gather(&mut self, layer: &Layer<'a>) -> (Vec<usize>, Place, Layer<'a>) {
        let mut gathered = layer.clone();
        let (x, words) = (self.words_of(layer.input), gathered.gather());
        let place = self.take(words.len());
        let from: Vec<Place> = words.iter().map(|word| x + word).collect();
        (vec![self.push(Step::Copy(Copies::new(&from), place))], place, gathered)
    }

    /// Where the bytes of `count` words of a vector are, and the step that makes them if it is one of its own.
    fn bytes_of(&mut self, vector: usize, first: usize, count: usize) -> (Vec<usize>, Place) {
        let size = self.vectors[vector].1;
        if let Some(bytes) = self.bytes[vector].filter(|_| count == size) {
            return (vec![], bytes);
        }
        let x = self.words_of(VectorId(vector)) + first;
        if let Some(&(step, bytes)) = self.splits.get(&(x, count)) {
            return (vec![step], bytes);
        }
        let y = self.take(count);
        let sign = affine::sign(self.emulator.format(VectorId(vector)).bits());
        let step = self.push(Step::Split(Split { x, y, vectors: count.div_ceil(32), sign }));
        self.splits.insert((x, count), (step, y));
        (vec![step], y)
    }

    /// The layers among `nodes`, kin of each other, that a level needs: one step for each run of neighbours.
    fn kin_of(&mut self, nodes: &[usize], needed: &[bool]) -> Vec<usize> {
        let mut steps = vec![];
        for run in nodes.chunk_by(|&a, &b| needed[a] == needed[b]).filter(|run| needed[run[0]]) {
            let layers: Vec<Layer> = run
                .iter()
                .filter_map(|&node| match &self.kinds[node] {
                    Kind::Dense(layer) => Some(layer.clone()),
                    _ => None,
                })
                .collect();
            let (_, bytes) = self.bytes_of(layers[0].input.0, layers[0].first(), layers[0].window());
            let sink = Sink { relu: None, bytes: None, ..self.sink(run[0] + 1) };
            let rows = layers.iter().map(Layer::outputs).sum();
            let end = (run.last() != nodes.last()).then_some(rows);
            let layers: Vec<&Layer> = layers.iter().collect();
            let dense = Layer::dense(&layers, bytes, sink, end, self.target.tiles);
            steps.extend(self.push_dense(dense));
        }
        steps
    }

    fn level(&mut self, level: usize, nodes: &[Vec<usize>]) -> Program {
        let emulator = self.emulator;
        let needed = emulator.graph().needed_at(level);
        let mut steps: Vec<usize> = vec![];
        for index in (0..nodes.len()).filter(|&node| needed[node]) {
            for &step in &nodes[index] {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
            let kin = self.kin.values().find(|nodes| nodes.contains(&index)).cloned();
            if let Some(kin) = kin.filter(|kin| kin.iter().find(|&&node| needed[node]) == Some(&index)) {
                steps.extend(self.kin_of(&kin, &needed));
            }
            if let Some(router) = emulator.router().filter(|router| router.scores.0 == index + 1) {
                let scores = self.words_of(router.scores);
                steps.push(self.push(Step::Route(router.clone(), scores)));
            }
        }
        let mut words: Vec<Place> = vec![];
        for &source in emulator.sources_at(level) {
            let begin = self.words_of(source);
            words.extend(begin..begin + emulator.size(source));
        }
        let output = match &emulator.output().order {
            Some(order) => Copies::new(&order.iter().map(|&i| words[i]).collect::<Vec<_>>()),
            None => Copies::new(&words),
        };
        Program { steps, output }
    }
}

fn kind<'a>(emulator: &'a Emulator, index: usize, target: Target) -> Kind<'a> {
    let node = &emulator.nodes()[index];
    let layer = match &node.op {
        Op::Dense(ops::Dense { input, inputs, outputs, affine }) => {
            let geometry = BlockGeometry::dense(*inputs, *outputs);
            Layer::new(emulator, *input, geometry, affine, node.format)
        }
        Op::Block(Block { input, geometry, affine }) => {
            Layer::new(emulator, *input, geometry.clone(), affine, node.format)
        }
        Op::Add(_) | Op::Multiply(_) | Op::Activate(_) => return Kind::Elementwise,
    };
    match layer.width() {
        Width::Wide => return Kind::Wide(layer),
        Width::Two { .. } => return Kind::Groups(layer),
        Width::One => {}
    }
    if layer.taps(0, 0).is_some() {
        Kind::Taps(layer)
    } else if target.bytes && layer.fits_bytes() {
        Kind::Dense(layer)
    } else if target.bytes && layer.bytes(0, NOWHERE, target.tiles).is_some() {
        Kind::Bytes(layer)
    } else {
        Kind::Groups(layer)
    }
}
