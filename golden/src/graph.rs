//! The graph: named operations on vectors, quality levels and a router, whatever its numbers are.
//!
//! Emulators are graphs of [`Integers`](crate::Integers); the trainer's networks are graphs of parameters in floating point.

use crate::{EmulatorError, Format, Integers, MAX_VECTOR, Numbers, Op, Vector, VectorId, ops::Known};

/// The most members that a router can choose from.
pub const MAX_MEMBERS: usize = 256;

/// One named operation and the vector that it makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<N: Numbers = Integers> {
    /// Unique name.
    pub name: String,
    /// The operation.
    pub op: Op<N>,
    /// Format of the output words.
    pub format: N::Format,
    /// Number of output words.
    pub size: usize,
}

impl<N: Numbers> Node<N> {
    /// Multiply-accumulates per frame: weights applied, or one per element-wise product.
    pub fn macs(&self) -> usize {
        self.op.macs(self.size)
    }
}

impl Node {
    /// Whether the weights depend on the member that the [`Router`] picks.
    pub fn is_of_members(&self) -> bool {
        self.op.affine().is_some_and(|affine| affine.members > 1)
    }
}

/// Picks the member whose weights a frame is computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// One word per member: the largest wins, the first of equals.
    pub scores: VectorId,
    /// An input is *familiar* if the winner's score is at least this, one per member.
    pub thresholds: Vec<i16>,
}

impl Router {
    /// Number of members.
    pub fn members(&self) -> usize {
        self.thresholds.len()
    }

    /// What the words of the scores say.
    pub fn select(&self, scores: &[i16]) -> Selected {
        let better = |best: usize, member: usize| if scores[member] > scores[best] { member } else { best };
        let member = (0..scores.len()).fold(0, better);
        Selected { member, familiar: scores[member] >= self.thresholds[member] }
    }
}

/// What a [`Router`] says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The member whose weights the frame is computed with.
    pub member: usize,
    /// Whether the input is like those that the member was trained on.
    pub familiar: bool,
}

/// Operations in the order of computation, every one after its operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph<N: Numbers = Integers> {
    pub(crate) inputs: Vec<Vector<N::Format>>,
    pub(crate) nodes: Vec<Node<N>>,
    pub(crate) router: Option<Router>,
    /// The vectors that are the output of every quality level, the lowest first.
    pub(crate) levels: Vec<Vec<VectorId>>,
}

impl<N: Numbers> Graph<N> {
    /// A graph without nodes yet.
    pub fn new(inputs: Vec<Vector<N::Format>>) -> Self {
        Self { inputs, nodes: vec![], router: None, levels: vec![] }
    }

    /// Adds an input, before any node.
    ///
    /// # Errors
    /// There are nodes already, or the vector is empty or too long.
    pub fn input(&mut self, vector: Vector<N::Format>) -> Result<VectorId, EmulatorError> {
        if !self.nodes.is_empty() {
            return Err(EmulatorError::new("input", "expected all inputs before the first operation"));
        }
        if !(1..=MAX_VECTOR).contains(&vector.size) {
            return Err(EmulatorError::expected(
                "input",
                format_args!("1..={MAX_VECTOR} elements"),
                vector.size,
            ));
        }
        self.inputs.push(vector);
        Ok(VectorId(self.inputs.len() - 1))
    }

    /// Says what the output of every quality level is made of, the lowest level first.
    ///
    /// # Errors
    /// No level, a level without vectors, or a vector of another graph.
    pub fn set_levels(&mut self, levels: Vec<Vec<VectorId>>) -> Result<(), EmulatorError> {
        if levels.is_empty() || levels.iter().any(Vec::is_empty) {
            return Err(EmulatorError::new("output", "expected at least one vector at every level"));
        }
        levels
            .iter()
            .flatten()
            .try_for_each(|&v| self.operand(v).map(drop))
            .map_err(|e| e.within("output"))?;
        self.levels = levels;
        Ok(())
    }

    /// The vectors that are the output of every quality level, the lowest first.
    pub fn levels(&self) -> &[Vec<VectorId>] {
        &self.levels
    }

    /// The result of the first node that nothing reads.
    pub fn unread(&self) -> Option<VectorId> {
        let read: Vec<VectorId> = self.read().collect();
        self.vectors().skip(self.inputs.len()).find(|v| !read.contains(v))
    }

    /// The operations, every one after its operands.
    pub fn nodes(&self) -> &[Node<N>] {
        &self.nodes
    }

    /// The inputs, which are the first vectors.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = VectorId> + use<N> {
        (0..self.inputs.len()).map(VectorId)
    }

    /// All vectors in the order of computation: the inputs, then one per node.
    pub fn vectors(&self) -> impl DoubleEndedIterator<Item = VectorId> + ExactSizeIterator + use<N> {
        (0..self.inputs.len() + self.nodes.len()).map(VectorId)
    }

    /// The vector that node `index` makes.
    ///
    /// # Panics
    /// There is no such node.
    pub fn vector_of(&self, index: usize) -> VectorId {
        assert!(index < self.nodes.len(), "node {index} of {}", self.nodes.len());
        VectorId(self.inputs.len() + index)
    }

    /// Whether `vector` is one of this graph.
    pub fn has(&self, vector: VectorId) -> bool {
        vector.0 < self.inputs.len() + self.nodes.len()
    }

    /// Position of the node that makes `vector`; none for an input.
    pub fn index_of(&self, vector: VectorId) -> Option<usize> {
        vector.0.checked_sub(self.inputs.len())
    }

    /// The node that makes `vector`; none for an input, or a vector of another graph.
    pub fn maker(&self, vector: VectorId) -> Option<&Node<N>> {
        self.index_of(vector).and_then(|index| self.nodes.get(index))
    }

    /// Size and format of `vector`.
    ///
    /// # Panics
    /// `vector` is not of this graph.
    pub fn vector(&self, vector: VectorId) -> Vector<N::Format> {
        match self.maker(vector) {
            Some(node) => Vector { size: node.size, format: node.format },
            None => self.inputs[vector.0],
        }
    }

    /// The name of the node that makes `vector`, or `input`.
    pub fn name(&self, vector: VectorId) -> &str {
        self.maker(vector).map_or("input", |node| &node.name)
    }

    /// The nodes that read `vector`, in order.
    pub fn readers(&self, vector: VectorId) -> impl Iterator<Item = VectorId> + '_ {
        let reads = move |node: &Node<N>| node.op.operands().contains(&vector);
        (0..self.nodes.len())
            .filter(move |&index| reads(&self.nodes[index]))
            .map(|index| self.vector_of(index))
    }

    /// The vectors that are concatenated at quality level `level`; those of the highest one for any beyond.
    ///
    /// # Panics
    /// The graph has no levels yet.
    pub fn sources_at(&self, level: usize) -> &[VectorId] {
        &self.levels[level.min(self.levels.len() - 1)]
    }

    /// Adds a node whose operation fits its operands.
    ///
    /// # Errors
    /// A name that is not an identifier or taken, operands of another graph, or shapes that do not fit.
    pub fn push(&mut self, name: &str, op: Op<N>, format: N::Format) -> Result<VectorId, EmulatorError> {
        let place = self.place(name)?;
        let sizes = op.operands().iter().map(|&v| self.operand(v).map(|vector| vector.size));
        let size = sizes.collect::<Result<Vec<_>, _>>().and_then(|sizes| op.size(&sizes));
        let size = size.map_err(|e| e.within(&place))?;
        self.nodes.push(Node { name: name.to_owned(), op, format, size });
        Ok(VectorId(self.inputs.len() + self.nodes.len() - 1))
    }

    /// What errors of a new node called `name` begin with.
    pub(crate) fn place(&self, name: &str) -> Result<String, EmulatorError> {
        let place = format!("layer {name:?}");
        check_identifier(&place, name)?;
        if name == "input" || self.nodes.iter().any(|node| node.name == name) {
            return Err(EmulatorError::new(place, "the name is taken"));
        }
        Ok(place)
    }

    /// A vector of this graph.
    pub(crate) fn operand(&self, vector: VectorId) -> Result<Vector<N::Format>, EmulatorError> {
        match self.has(vector) {
            true => Ok(self.vector(vector)),
            false => Err(EmulatorError::new("input", "the operand belongs to another emulator")),
        }
    }

    /// All that anything reads: operands, outputs and scores.
    pub(crate) fn read(&self) -> impl Iterator<Item = VectorId> + '_ {
        let operands = self.nodes.iter().flat_map(|node| node.op.operands());
        let scores = self.router.iter().map(|router| &router.scores);
        operands.chain(self.levels.iter().flatten()).chain(scores).copied()
    }

    /// For every node, whether quality level `level` (the highest one for any beyond) needs it; `routed` says which nodes need
    /// the router.
    pub fn needed_for(&self, level: usize, routed: impl Fn(&Node<N>) -> bool) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        let mark = |vectors: &[VectorId], needed: &mut [bool]| {
            vectors.iter().filter_map(|&v| self.index_of(v)).for_each(|node| needed[node] = true);
        };
        mark(self.sources_at(level), &mut needed);
        for index in (0..self.nodes.len()).rev() {
            if !needed[index] {
                continue;
            }
            let node = &self.nodes[index];
            mark(node.op.operands(), &mut needed);
            if let (true, Some(router)) = (routed(node), &self.router) {
                mark(&[router.scores], &mut needed);
            }
        }
        needed
    }
}

impl Graph {
    /// For every node, whether quality level `level` (the highest one for any beyond) needs it.
    pub(crate) fn needed_at(&self, level: usize) -> Vec<bool> {
        self.needed_for(level, Node::is_of_members)
    }

    /// The graph of quality level `level` (the highest one for any beyond): the nodes that it needs under their names, and one
    /// level.
    pub(crate) fn at_level(&self, level: usize) -> Self {
        let needed = self.needed_at(level);
        let mut graph = Self::new(self.inputs.clone());
        let mut vectors: Vec<Option<VectorId>> = self.inputs().map(Some).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            if !needed[index] {
                vectors.push(None);
                continue;
            }
            let mut node = node.clone();
            let id = |v: VectorId| vectors[v.0].expect("operands come first");
            node.op.operands_mut().iter_mut().for_each(|v| *v = id(*v));
            graph.nodes.push(node);
            vectors.push(Some(graph.vector_of(graph.nodes.len() - 1)));
        }
        let id = |v: &VectorId| vectors[v.0].expect("what a level needs is in it");
        let router = self.router.as_ref().filter(|_| graph.nodes.iter().any(Node::is_of_members));
        graph.router = router.map(|router| Router { scores: id(&router.scores), ..router.clone() });
        graph.levels = vec![self.sources_at(level).iter().map(id).collect()];
        graph
    }

    /// Formats of a node's operands.
    pub(crate) fn operand_formats(&self, op: &Op) -> Vec<Format> {
        op.operands().iter().map(|&v| self.vector(v).format).collect()
    }

    /// The width of the widest sum of products of a node.
    pub(crate) fn accumulator_bits(&self, op: &Op) -> u32 {
        op.on_words().accumulator_bits(&self.operand_formats(op)).unwrap_or(0)
    }
}

impl Known for Graph {
    fn vector(&self, name: &str) -> Option<(VectorId, Vector<Format>)> {
        let id = match name {
            "input" => VectorId::INPUT,
            _ => self.vector_of(self.nodes.iter().position(|node| node.name == name)?),
        };
        Some((id, Graph::vector(self, id)))
    }

    fn members(&self) -> Result<usize, EmulatorError> {
        let missing = || EmulatorError::new("members", "expected a router before it");
        self.router.as_ref().map(Router::members).ok_or_else(missing)
    }
}

/// Checks that `name` is an identifier.
pub(crate) fn check_identifier(place: &str, name: &str) -> Result<(), EmulatorError> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let valid = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
    if valid && name.len() <= 64 {
        return Ok(());
    }
    Err(EmulatorError::expected(
        place,
        "up to 64 letters, digits and underscores, the first no digit",
        format_args!("{name:?}"),
    ))
}
