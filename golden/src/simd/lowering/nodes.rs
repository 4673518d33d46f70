//! An emulator lowered: which kernel computes every node, which of them are fused, and where their vectors are.

use std::collections::{BTreeMap, HashMap};

use super::{layer::Layer, width::Width};
use crate::{
    Activate, Activation, Block, BlockGeometry, Emulator, Op, VectorId, ops,
    simd::{
        memory::{Layout, Place},
        steps::{
            add::Add,
            elementwise::Places,
            epilogue::Sink,
            gemv_u8s8::{GemvU8S8, GemvU8S8Kernel},
            input::Input,
            lookup::Lookup,
            maximum::Maximum,
            multiply::Multiply,
            permutation::Permutation,
            plan::{Plan, Program, Step},
            quantise::Scales,
            relu::Relu,
            split_bytes::{self, SplitBytes},
            tiles::TILE,
        },
    },
};

/// What the kernels of an instruction set are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Tiles whose sums fit the registers.
    pub(crate) tiles: usize,
    /// Whether there is a dot product of bytes.
    pub(crate) bytes: bool,
    /// The kernel of a step on bytes whose blocks all have as many tiles.
    pub(crate) gemv_u8s8: fn(&GemvU8S8) -> Option<GemvU8S8Kernel>,
}

/// A sink of a layer that is only tried.
const NOWHERE: Sink = Sink { y: 0, relu: None, bytes: None, sign: 0 };

/// The plan of an emulator.
pub(crate) fn lower(emulator: &Emulator, target: Target) -> Plan {
    let mut lowering = Lowering::new(emulator, target);
    lowering.place_vectors();
    lowering.place_bytes();
    let nodes: Vec<Vec<usize>> = (0..emulator.nodes().len()).map(|node| lowering.node(node)).collect();
    let levels = (0..emulator.levels()).map(|level| lowering.level(level, &nodes)).collect();
    let output = lowering.layout.take(emulator.output().port.size());
    Plan {
        input: Input {
            words: lowering.reads_input.then_some(lowering.vectors[0].0),
            bytes: lowering.bytes[0],
            sign: split_bytes::sign(emulator.input().bits),
        },
        steps: lowering.steps,
        levels,
        vectors: lowering.vectors,
        output,
        ports: [Scales::of(emulator.input()), Scales::of(&emulator.output().port)],
        words: lowering.layout.frame(),
    }
}

/// How a node is computed.
enum Kind<'a> {
    GemvAcc64(Layer<'a>),
    Stencil(Layer<'a>),
    Gemv(Layer<'a>),
    /// The same, block by block.
    GemvOfBlocks(Layer<'a>),
    GroupedGemv(Layer<'a>),
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
    layout: Layout,
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
            layout: Layout::default(),
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
            if let Kind::Gemv(layer) = kind {
                known.entry(layer.kinship()).or_default().push(node);
            }
        }
        let tiles = |rows: usize| rows.div_ceil(TILE);
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
            let fused =
                matches!(self.kinds[maker], Kind::Gemv(_) | Kind::GemvOfBlocks(_) | Kind::GroupedGemv(_))
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
                let mut place = self.layout.take(sizes.sum::<usize>() + 32);
                for node in nodes {
                    places[node + 1] = Some(place);
                    place += emulator.nodes()[node].size;
                }
                continue;
            }
            // The last repeats of a block write whole vectors from where they begin.
            let grouped =
                vector > 0 && matches!(self.kinds[vector - 1], Kind::GroupedGemv(_) | Kind::GemvOfBlocks(_));
            let rectified = vector > 0 && matches!(self.kinds[vector - 1], Kind::Rectified);
            places[vector] = Some(self.layout.take(size + if grouped || rectified { 32 } else { 0 }));
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
                Kind::Gemv(layer) => {
                    let vector = layer.input.0;
                    (vector, layer.first() == 0 && layer.window() == self.vectors[vector].1)
                }
                Kind::GemvOfBlocks(layer) => (layer.input.0, true),
                _ => continue,
            };
            let maker = vector.checked_sub(1).map(|node| &self.kinds[node]);
            let with = match maker {
                None | Some(Kind::Elementwise) => true,
                Some(Kind::Gemv(_)) => !self.is_kin(vector - 1) && self.relus[vector].is_none(),
                Some(Kind::Rectified) => {
                    let source = self.relus.iter().position(|&relu| relu == Some(vector));
                    source.is_some_and(|source| matches!(self.kinds[source - 1], Kind::Gemv(_)))
                }
                Some(_) => false,
            };
            if all && with && self.bytes[vector].is_none() {
                self.bytes[vector] = Some(self.layout.take(self.vectors[vector].1));
            }
        }
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Steps of one kernel each.
    fn push_gemv(&mut self, gemv: GemvU8S8) -> Vec<usize> {
        let step = |gemv: GemvU8S8, target: Target| {
            let kernel = (target.gemv_u8s8)(&gemv).expect("its blocks have as many tiles");
            Step::GemvU8S8(gemv, kernel)
        };
        let target = self.target;
        gemv.apart().into_iter().map(|gemv| self.push(step(gemv, target))).collect()
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
            sign: split_bytes::sign(self.emulator.format(VectorId(vector)).bits()),
        }
    }

    /// The steps of a node; those that split words are shared with other nodes.
    fn node(&mut self, index: usize) -> Vec<usize> {
        let kind = std::mem::replace(&mut self.kinds[index], Kind::Elementwise);
        let steps = match &kind {
            Kind::Rectified => vec![],
            Kind::Elementwise => vec![self.elementwise(index)],
            Kind::Stencil(layer) => {
                let stencil = layer.stencil(self.words_of(layer.input), self.vectors[index + 1].0);
                vec![self.push(Step::Stencil(stencil.expect("the layer is of this kind")))]
            }
            // Those that are computed as one follow with their levels.
            Kind::Gemv(layer) => {
                let (mut steps, bytes) = self.bytes_of(layer.input.0, layer.first(), layer.window());
                if !self.is_kin(index) {
                    let sink = self.sink(index + 1);
                    let gemv = Layer::gemv_u8s8(&[layer], bytes, sink, None, self.target.tiles);
                    steps.extend(self.push_gemv(gemv));
                }
                steps
            }
            Kind::GemvOfBlocks(layer) => {
                let size = self.vectors[layer.input.0].1;
                let (mut steps, bytes) = self.bytes_of(layer.input.0, 0, size);
                let gemv = layer.gemv_u8s8_of_blocks(bytes, self.sink(index + 1), self.target.tiles);
                steps.extend(self.push_gemv(gemv.expect("the layer is of this kind")));
                steps
            }
            Kind::GemvAcc64(layer) => {
                let (mut steps, x, gathered) = match layer.is_contiguous() {
                    true => (vec![], self.words_of(layer.input), layer.clone()),
                    false => self.gather(layer),
                };
                steps.push(self.push(Step::GemvAcc64(gathered.gemv_acc64(x, self.vectors[index + 1].0))));
                steps
            }
            Kind::GroupedGemv(layer) => {
                let (x, sink, tiles) = (self.words_of(layer.input), self.sink(index + 1), self.target.tiles);
                match layer.grouped_gemv(x, sink, tiles) {
                    Some(gemv) => vec![self.push(Step::GroupedGemv(gemv))],
                    None => {
                        let (mut steps, x, gathered) = self.gather(layer);
                        let gemv =
                            gathered.grouped_gemv(x, sink, tiles).expect("contiguous windows are read");
                        steps.push(self.push(Step::GroupedGemv(gemv)));
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
            Op::Maximum(ops::Maximum { inputs: [a, b], align, shift }) => {
                Step::Maximum(Maximum::new(places(*a, *b), *align, *shift, node.format))
            }
            Op::Activate(Activate { input, function: Activation::Table { knots, .. } }) => {
                Step::Lookup(Lookup::new(places(*input, *input), knots, self.emulator.format(*input)))
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
        let place = self.layout.take(words.len());
        let from: Vec<Place> = words.iter().map(|word| x + word).collect();
        (vec![self.push(Step::Im2col(Permutation::new(&from), place))], place, gathered)
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
        let y = self.layout.take(count);
        let sign = split_bytes::sign(self.emulator.format(VectorId(vector)).bits());
        let step = self.push(Step::SplitBytes(SplitBytes { x, y, vectors: count.div_ceil(32), sign }));
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
                    Kind::Gemv(layer) => Some(layer.clone()),
                    _ => None,
                })
                .collect();
            let (_, bytes) = self.bytes_of(layers[0].input.0, layers[0].first(), layers[0].window());
            let sink = Sink { relu: None, bytes: None, ..self.sink(run[0] + 1) };
            let rows = layers.iter().map(Layer::outputs).sum();
            let end = (run.last() != nodes.last()).then_some(rows);
            let layers: Vec<&Layer> = layers.iter().collect();
            let gemv = Layer::gemv_u8s8(&layers, bytes, sink, end, self.target.tiles);
            steps.extend(self.push_gemv(gemv));
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
            Some(order) => Permutation::new(&order.iter().map(|&i| words[i]).collect::<Vec<_>>()),
            None => Permutation::new(&words),
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
        Op::Add(_) | Op::Multiply(_) | Op::Maximum(_) | Op::Activate(_) => return Kind::Elementwise,
    };
    match layer.width {
        Width::Wide => return Kind::GemvAcc64(layer),
        Width::Two { .. } => return Kind::GroupedGemv(layer),
        Width::One => {}
    }
    if layer.stencil(0, 0).is_some() {
        Kind::Stencil(layer)
    } else if target.bytes && layer.fits_bytes() {
        Kind::Gemv(layer)
    } else if target.bytes && layer.gemv_u8s8_of_blocks(0, NOWHERE, target.tiles).is_some() {
        Kind::GemvOfBlocks(layer)
    } else {
        Kind::GroupedGemv(layer)
    }
}
