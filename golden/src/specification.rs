//! The specification of the golden model: what the hardware computes, word for word; what each operation means is in `ops`.

use crate::{Emulator, Format, Selected, ops::Context};

/// The words of a frame's vectors, and how they are computed.
#[derive(Clone, Debug)]
pub(crate) struct Specification {
    /// One per vector of the graph.
    pub(crate) vectors: Vec<Vec<i16>>,
    levels: Vec<Level>,
    /// What the router said about the last frame.
    pub(crate) selected: Option<Selected>,
    /// Their formats.
    formats: Vec<Format>,
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
        let needed = emulator.graph.needed_at(level);
        let sources = emulator.sources_at(level);
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
        let graph = &emulator.graph;
        Self {
            vectors: graph.vectors().map(|v| vec![0; emulator.size(v)]).collect(),
            levels: (0..emulator.levels()).map(|level| Level::new(emulator, level)).collect(),
            selected: None,
            formats: graph.vectors().map(|v| emulator.format(v)).collect(),
            window: vec![],
            narrow: graph.nodes.iter().map(|node| graph.accumulator_bits(&node.op) <= 32).collect(),
        }
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
        let (made, rest) = self.vectors.split_at_mut(index + 1);
        let mut context = Context {
            made,
            formats: &self.formats,
            member: self.selected.map_or(0, |selected| selected.member),
            narrow: self.narrow[index],
            window: &mut self.window,
        };
        emulator.graph.nodes[index].op.on_words().compute(&mut context, &mut rest[0]);
        if let Some(router) = emulator.router().filter(|router| router.scores.0 == index + 1) {
            self.selected = Some(router.select(&self.vectors[index + 1]));
        }
    }
}
