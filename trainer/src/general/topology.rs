//! Topologies for functions of which nothing is known.

use crate::{Function, Network, Result};

/// From here on a port is wide: a bottleneck before or after the hidden layers may be worth it.
const WIDE: usize = 48;

/// Width of bottlenecks.
const BOTTLENECK: usize = 24;

/// A linear path, and hidden layers beside it.
///
/// Every hidden layer but the last ends a lower quality level, with an output of its own, which costs the higher ones no clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topology {
    /// Widths of the hidden layers; none if there is the linear path alone.
    pub(super) hidden: Vec<usize>,
    pub(super) function: Function,
    /// Wide inputs are reduced to few coordinates first, and wide outputs are made of few coordinates.
    pub(super) bottleneck: bool,
}

/// Hidden layers that are tried.
const HIDDEN: [&[usize]; 17] = [
    &[],
    &[8],
    &[16],
    &[32],
    &[64],
    &[128],
    &[8, 8],
    &[16, 16],
    &[32, 16],
    &[32, 32],
    &[64, 32],
    &[64, 64],
    &[128, 64],
    &[128, 128],
    &[16, 16, 16],
    &[32, 32, 32],
    &[64, 64, 64],
];

/// What is compared to choose an activation function.
const MIDDLE: &[usize] = &[16, 16];

/// Lanes of the unit whose clocks are estimated.
const LANES: usize = 16;

/// Clocks that a layer takes until its results can be read, beyond those of its multiply-accumulates.
const LATENCY: usize = 13;

/// What is compared to choose an activation function.
pub(super) fn middle(function: Function, inputs: usize, outputs: usize) -> Topology {
    Topology { bottleneck: inputs >= WIDE || outputs >= WIDE, ..Topology::new(MIDDLE, function) }
}

/// All topologies for a function with so many inputs and outputs, the cheapest first.
pub(super) fn candidates(function: Function, inputs: usize, outputs: usize) -> Vec<Topology> {
    let plain = HIDDEN.map(|hidden| Topology::new(hidden, function));
    let wide = plain.clone().map(|topology| Topology { bottleneck: true, ..topology });
    let wide = wide.into_iter().filter(|_| inputs >= WIDE || outputs >= WIDE);
    let mut all: Vec<Topology> = plain.into_iter().chain(wide).collect();
    all.sort_by_key(|topology| topology.network(inputs, outputs).map_or(usize::MAX, |n| clocks(&n)));
    all
}

/// About how many clocks a frame takes in a unit, at the highest quality level: small networks wait for their layers more than they
/// multiply.
pub(super) fn clocks(network: &Network) -> usize {
    let needed = network.graph().needed_for(usize::MAX, |_| false);
    let nodes = network.graph().nodes().iter().zip(needed).filter(|(_, needed)| *needed);
    let layers = nodes.map(|(node, _)| node.macs()).filter(|&macs| macs > 0);
    layers.map(|macs| LATENCY + macs.div_ceil(LANES)).sum()
}

impl Topology {
    fn new(hidden: &[usize], function: Function) -> Self {
        Self { hidden: hidden.to_vec(), function, bottleneck: false }
    }

    /// For example `silu 16x16`.
    pub(super) fn name(&self) -> String {
        let widths: Vec<String> = self.hidden.iter().map(usize::to_string).collect();
        let name = match widths.is_empty() {
            true => String::from("linear"),
            false => format!("{} {}", self.function.name(), widths.join("x")),
        };
        if self.bottleneck { format!("{name} through {BOTTLENECK}") } else { name }
    }

    /// The largest hidden layer.
    pub(super) fn widest(&self) -> usize {
        self.hidden.iter().copied().max().unwrap_or(0)
    }

    /// The graph.
    pub(super) fn network(&self, inputs: usize, outputs: usize) -> Result<Network> {
        let mut network = Network::new();
        let x = network.input(inputs)?;
        let narrow = |width: usize| self.bottleneck && width >= WIDE;
        let base = if narrow(inputs) { network.dense(x, BOTTLENECK)? } else { x };
        let modes = if narrow(outputs) { BOTTLENECK } else { outputs };
        let linear = network.dense(base, modes)?;
        let mut hidden = base;
        for (layer, &width) in self.hidden.iter().enumerate() {
            let sums = network.dense(hidden, width)?;
            hidden = network.activate(sums, self.function)?;
            let more = network.dense(hidden, modes)?;
            let sum = network.add(linear, more)?;
            let output = if narrow(outputs) { network.dense(sum, outputs)? } else { sum };
            if layer + 1 < self.hidden.len() {
                network.lower_level(output)?;
            }
        }
        if self.hidden.is_empty() && narrow(outputs) {
            network.dense(linear, outputs)?;
        }
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
            assert_eq!(all.len(), HIDDEN.len() * if inputs.max(outputs) >= WIDE { 2 } else { 1 });
            let mut before = 0;
            for topology in all {
                let network = topology.network(inputs, outputs).unwrap();
                network.check().unwrap();
                assert_eq!((network.inputs(), network.outputs()), (inputs, outputs));
                assert!(clocks(&network) >= before, "{}", topology.name());
                before = clocks(&network);
            }
        }
    }

    #[test]
    fn what_only_the_lower_level_needs_costs_no_clocks() {
        let network = Topology::new(&[16, 16], Function::Silu).network(2, 3).unwrap();
        let layers: [usize; 4] = [2 * 3, 2 * 16, 16 * 16, 16 * 3];
        assert_eq!(clocks(&network), layers.iter().map(|macs| 13 + macs.div_ceil(16)).sum::<usize>());
        assert_eq!(network.levels().count(), 2);
        assert_eq!(network.macs(), layers.iter().sum::<usize>() + 16 * 3);
    }

    #[test]
    fn names_say_what_there_is() {
        let names: Vec<String> = candidates(Function::Tanh, 2, 1).iter().map(Topology::name).collect();
        assert!(names.contains(&"linear".into()) && names.contains(&"tanh 16x16".into()), "{names:?}");
        assert_eq!(middle(Function::Relu, 100, 1).name(), "relu 16x16 through 24");
    }
}
