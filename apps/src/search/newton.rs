//! What is searched over for `newton`: linear paths beside hidden layers.

use emeuro_trainer::{Function, Network, Quantisation};

use super::{
    Decision, Make, SearchCandidate, SearchSpace, Subroutine, Way,
    knobs::{self, around, grid},
    space::widths,
};
use crate::{Application, Newton, Result, Training, recipe::hidden_layers};

/// One topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Topology {
    /// Dense layers from the input straight to the output, whose sum has a finer grid than one alone.
    linear: usize,
    /// Widths of the hidden layers; 0: none.
    hidden: [usize; 2],
    function: Function,
    weight_bits: u32,
    /// Length of the tuning, relative to the recipe's.
    tuning: usize,
}

/// The topology that was made by hand first; that of the recipe has quality levels besides.
const HAND_MADE: Topology =
    Topology { linear: 2, hidden: [128, 0], function: Function::Silu, weight_bits: 8, tuning: 1 };

/// Values of every knob: linear paths, hidden layers, activation, bits of weights, tuning.
fn values() -> [Vec<Topology>; 5] {
    let hidden = [
        [32, 0],
        [48, 0],
        [64, 0],
        [80, 0],
        [96, 0],
        [104, 0],
        [112, 0],
        [120, 0],
        [128, 0],
        [160, 0],
        [192, 0],
        [64, 64],
        [48, 32],
    ];
    [
        [0, 1, 2].map(|linear| Topology { linear, ..HAND_MADE }).to_vec(),
        hidden.map(|hidden| Topology { hidden, ..HAND_MADE }).to_vec(),
        knobs::FUNCTIONS.map(|function| Topology { function, ..HAND_MADE }).to_vec(),
        knobs::WEIGHT_BITS.map(|weight_bits| Topology { weight_bits, ..HAND_MADE }).to_vec(),
        knobs::TUNINGS.map(|tuning| Topology { tuning, ..HAND_MADE }).to_vec(),
    ]
}

fn combine(parts: [Topology; 5]) -> Topology {
    let [linear, hidden, function, bits, tuning] = parts;
    Topology {
        linear: linear.linear,
        hidden: hidden.hidden,
        function: function.function,
        weight_bits: bits.weight_bits,
        tuning: tuning.tuning,
    }
}

pub(crate) fn space(app: &Newton) -> Result<SearchSpace> {
    let tree = Subroutine::new("newton", 40, 20)
        .ways(&[Way::Emulate])
        .refuse(
            Way::Descend,
            "the Hessian alone takes 20·60 + 60·210 multiply-adds in closed form, more than the whole network",
        )
        .children(vec![
            Subroutine::new("hessian", 20, 210),
            Subroutine::new("solve", 230, 20)
                .refuse(Way::Exact, "a Cholesky factor of 20 columns is a chain of 20 divisions and roots"),
        ]);
    let recipe = SearchSpace::of_recipe(app)?;
    let of = |topologies: Vec<Topology>| {
        topologies
            .into_iter()
            .filter(|t| t.linear > 0 || t.hidden[0] >= 64)
            .map(|topology| candidate(*app, topology))
            .collect::<Vec<_>>()
    };
    let near = [of(around(&values(), HAND_MADE, combine)), recipe.candidates].concat();
    let count = near.len();
    let candidates = [near, of(grid(&values(), combine))].concat();
    Ok(SearchSpace { tree, candidates, near: count, reference: recipe.reference })
}

fn candidate(app: Newton, topology: Topology) -> SearchCandidate {
    let Topology { linear, hidden, function, weight_bits, tuning } = topology;
    let hidden: Vec<usize> = hidden.into_iter().filter(|&width| width > 0).collect();
    let quantisation = Quantisation { weight_bits, activation_bits: 16 };
    let (tuned, of_tuning) = knobs::tuned(tuning);
    let layers = knobs::layers(&hidden);
    SearchCandidate {
        name: format!("linear{linear}-hidden{layers}-{}-{}{tuned}", function.name(), widths(quantisation)),
        decisions: vec![Decision::new("newton", Way::Emulate)],
        topology: format!(
            "{linear} linear paths beside hidden layers of {layers}, {}{of_tuning}",
            function.name()
        ),
        quantisation,
        make: Make::trained(move || training(app, topology, &hidden)),
    }
}

/// The training of the recipe with another network.
fn training(app: Newton, topology: Topology, hidden: &[usize]) -> Result<Training> {
    let training = knobs::trained(app.recipe()?)?;
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let linear = (0..topology.linear)
        .map(|_| network.dense(x, app.outputs()))
        .collect::<emeuro_trainer::Result<Vec<_>>>()?;
    let last = hidden_layers(&mut network, x, hidden, topology.function)?;
    let residual = network.dense(last, app.outputs())?;
    linear.into_iter().try_fold(residual, |sum, path| network.add(path, sum))?;
    Ok(knobs::with_network(training, network, topology.tuning))
}
