//! Topologies for functions of which nothing is known.

use crate::{Function, Network, NodeId, Result};

/// From here on a port is wide: a bottleneck before or after the hidden layers may be worth it.
const WIDE: usize = 48;

/// Width of bottlenecks.
const BOTTLENECK: usize = 24;

/// A linear path, and beside it stages of hidden layers; every stage but the last ends a lower quality level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topology {
    /// Widths of the hidden layers of every stage; none if there is the linear path alone.
    pub(super) stages: Vec<Vec<usize>>,
    pub(super) function: Function,
    /// Wide inputs are reduced to few coordinates first, and wide outputs are made of few coordinates.
    pub(super) bottleneck: bool,
}

/// Stages by rising cost. A second hidden layer pays from the start; the small stages below make a lower quality level for next to
/// nothing, and take no accuracy from the highest.
const LADDER: [&[&[usize]]; 11] = [
    &[],
    &[&[8]],
    &[&[16]],
    &[&[8], &[8, 8]],
    &[&[8], &[32]],
    &[&[8], &[16, 16]],
    &[&[16], &[32, 32]],
    &[&[32], &[96]],
    &[&[16], &[64, 32]],
    &[&[32], &[64, 64]],
    &[&[32], &[128, 64]],
];

/// The place in the ladder where activation functions are compared.
const MIDDLE: usize = 5;

/// What is compared to choose an activation function.
pub(super) fn middle(function: Function, inputs: usize, outputs: usize) -> Topology {
    Topology { bottleneck: inputs >= WIDE || outputs >= WIDE, ..Topology::new(LADDER[MIDDLE], function) }
}

/// All topologies for a function with so many inputs and outputs, the cheapest first.
pub(super) fn candidates(function: Function, inputs: usize, outputs: usize) -> Vec<Topology> {
    let plain = LADDER.map(|stages| Topology::new(stages, function));
    let wide = plain.clone().map(|topology| Topology { bottleneck: true, ..topology });
    let wide = wide.into_iter().filter(|_| inputs >= WIDE || outputs >= WIDE);
    let mut all: Vec<Topology> = plain.into_iter().chain(wide).collect();
    all.sort_by_key(|topology| topology.network(inputs, outputs).map_or(usize::MAX, |n| n.macs()));
    all
}

impl Topology {
    fn new(stages: &[&[usize]], function: Function) -> Self {
        let stages = stages.iter().map(|widths| widths.to_vec()).collect();
        Self { stages, function, bottleneck: false }
    }

    /// For example `silu 8+16x16`: a stage of 8 units and one of two layers of 16.
    pub(super) fn name(&self) -> String {
        let stage = |widths: &Vec<usize>| widths.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let stages: Vec<String> = self.stages.iter().map(stage).collect();
        let name = match stages.is_empty() {
            true => String::from("linear"),
            false => format!("{} {}", self.function.name(), stages.join("+")),
        };
        if self.bottleneck { format!("{name} through {BOTTLENECK}") } else { name }
    }

    /// The largest hidden layer.
    pub(super) fn widest(&self) -> usize {
        self.stages.iter().flatten().copied().max().unwrap_or(0)
    }

    /// The graph.
    pub(super) fn network(&self, inputs: usize, outputs: usize) -> Result<Network> {
        let mut network = Network::new();
        let x = network.input(inputs)?;
        let narrow = |width: usize| self.bottleneck && width >= WIDE;
        let base = if narrow(inputs) { network.dense(x, BOTTLENECK)? } else { x };
        let modes = if narrow(outputs) { BOTTLENECK } else { outputs };
        let mut sum = network.dense(base, modes)?;
        let end = |network: &mut Network, sum: NodeId| match narrow(outputs) {
            true => network.dense(sum, outputs),
            false => Ok(sum),
        };
        for (stage, widths) in self.stages.iter().enumerate() {
            let mut hidden = base;
            for &width in widths {
                let sums = network.dense(hidden, width)?;
                hidden = network.activate(sums, self.function)?;
            }
            let more = network.dense(hidden, modes)?;
            sum = network.add(sum, more)?;
            if stage + 1 < self.stages.len() {
                let output = end(&mut network, sum)?;
                network.lower_level(output)?;
            }
        }
        end(&mut network, sum)?;
        Ok(network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_rise_and_every_network_is_whole() {
        for (inputs, outputs) in [(1, 1), (5, 2), (40, 20), (400, 200), (3, 100)] {
            let all = candidates(Function::Silu, inputs, outputs);
            assert_eq!(all.len(), if inputs.max(outputs) >= WIDE { 22 } else { 11 });
            let mut before = 0;
            for topology in all {
                let network = topology.network(inputs, outputs).unwrap();
                network.check().unwrap();
                assert_eq!((network.inputs(), network.outputs()), (inputs, outputs));
                assert!(network.macs() >= before, "{}", topology.name());
                before = network.macs();
            }
        }
    }

    #[test]
    fn names_say_what_there_is() {
        let names: Vec<String> = candidates(Function::Tanh, 2, 1).iter().map(Topology::name).collect();
        assert!(names.contains(&"linear".into()) && names.contains(&"tanh 8+16x16".into()), "{names:?}");
        assert_eq!(middle(Function::Relu, 100, 1).name(), "relu 8+16x16 through 24");
    }
}
