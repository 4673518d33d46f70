//! Quality levels: the part of an emulator that a level needs.

use crate::{Emulator, Node, Router, VectorId};

impl Emulator {
    /// For every node, whether quality level `level` (the highest one for any beyond) needs it.
    pub(crate) fn needed_at(&self, level: usize) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        let mark = |vectors: &[VectorId], needed: &mut [bool]| {
            vectors.iter().filter_map(|v| v.0.checked_sub(1)).for_each(|node| needed[node] = true);
        };
        mark(self.output.sources_at(level), &mut needed);
        for index in (0..self.nodes.len()).rev() {
            if !needed[index] {
                continue;
            }
            let node = &self.nodes[index];
            mark(&node.op.operands(), &mut needed);
            if let (true, Some(router)) = (node.is_of_members(), &self.router) {
                mark(&[router.scores], &mut needed);
            }
        }
        needed
    }

    /// The complete emulator of quality level `level` (the highest one for any beyond): the nodes that it needs under their
    /// names, and one level.
    pub fn at_level(&self, level: usize) -> Self {
        let needed = self.needed_at(level);
        let mut vectors = vec![None; self.nodes.len() + 1];
        vectors[0] = Some(VectorId::INPUT);
        let mut nodes = Vec::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let mut node = node.clone();
            node.op.operands_mut().for_each(|v| *v = vectors[v.0].expect("operands come first"));
            nodes.push(node);
            vectors[index + 1] = Some(VectorId(nodes.len()));
        }
        let id = |v: &VectorId| vectors[v.0].expect("what a level needs is in it");
        let routes = nodes.iter().any(Node::is_of_members);
        let router = self.router.as_ref().filter(|_| routes);
        let mut output = self.output.clone();
        (output.sources, output.lower) = (self.output.sources_at(level).iter().map(id).collect(), vec![]);
        Self {
            nodes,
            router: router.map(|router| Router { scores: id(&router.scores), ..router.clone() }),
            output,
            provenance: match level + 1 < self.levels() {
                true => self.provenance.of_another(),
                false => self.provenance.clone(),
            },
            ..self.clone()
        }
    }
}
