//! What is searched over for `rope`: a bottleneck on either side of a linear map beside hidden layers.

use emeuro_trainer::{Function, Network, Quantisation};

use super::{
    Decision, Make, SearchCandidate, SearchSpace, Subroutine, Way,
    knobs::{self, around, grid},
    space::widths,
};
use crate::{Application, Result, Rope, Training, recipe::hidden_layers};

/// One topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Topology {
    /// Coordinates that the state is reduced to.
    state: usize,
    /// Widths of the hidden layers; 0: none.
    hidden: [usize; 2],
    /// Coordinates that the displacement is made of.
    modes: usize,
    function: Function,
    /// Whether a linear map goes past the hidden layers.
    bypass: bool,
    weight_bits: u32,
    /// Length of the tuning, relative to the recipe's.
    tuning: usize,
}

/// The topology that was made by hand first; that of the recipe has quality levels besides.
const HAND_MADE: Topology = Topology {
    state: 32,
    hidden: [128, 64],
    modes: 16,
    function: Function::Relu,
    bypass: true,
    weight_bits: 8,
    tuning: 1,
};

/// Values of every knob: state, hidden layers, modes, activation, bypass, bits of weights, tuning.
fn values() -> [Vec<Topology>; 7] {
    let hidden = [
        [64, 0],
        [96, 0],
        [128, 0],
        [192, 0],
        [64, 32],
        [96, 48],
        [96, 64],
        [112, 64],
        [128, 48],
        [128, 64],
        [128, 96],
        [160, 64],
    ];
    [
        [16, 20, 24, 28, 32].map(|state| Topology { state, ..HAND_MADE }).to_vec(),
        hidden.map(|hidden| Topology { hidden, ..HAND_MADE }).to_vec(),
        [8, 12, 16, 20].map(|modes| Topology { modes, ..HAND_MADE }).to_vec(),
        knobs::FUNCTIONS.map(|function| Topology { function, ..HAND_MADE }).to_vec(),
        [true, false].map(|bypass| Topology { bypass, ..HAND_MADE }).to_vec(),
        knobs::WEIGHT_BITS.map(|weight_bits| Topology { weight_bits, ..HAND_MADE }).to_vec(),
        knobs::TUNINGS.map(|tuning| Topology { tuning, ..HAND_MADE }).to_vec(),
    ]
}

fn combine(parts: [Topology; 7]) -> Topology {
    let [state, hidden, modes, function, bypass, bits, tuning] = parts;
    Topology {
        state: state.state,
        hidden: hidden.hidden,
        modes: modes.modes,
        function: function.function,
        bypass: bypass.bypass,
        weight_bits: bits.weight_bits,
        tuning: tuning.tuning,
    }
}

pub(crate) fn space(app: &Rope) -> Result<SearchSpace> {
    let tree = Subroutine::new("rope", 400, 200)
        .ways(&[Way::Emulate])
        .refuse(
            Way::Descend,
            "a frame is 250 time steps, each of which needs the one before: emulated steps would add up their errors",
        )
        .children(vec![
            Subroutine::new("forces", 400, 200)
                .refuse(Way::Exact, "100 square roots and divisions in each of 250 steps"),
            Subroutine::new("move", 600, 400),
        ]);
    let recipe = SearchSpace::of_recipe(app)?;
    let of = |topologies: Vec<Topology>| {
        topologies.into_iter().map(|topology| candidate(*app, topology)).collect::<Vec<_>>()
    };
    let near = [of(around(&values(), HAND_MADE, combine)), recipe.candidates].concat();
    let count = near.len();
    let candidates = [near, of(grid(&values(), combine))].concat();
    Ok(SearchSpace { tree, candidates, near: count, reference: recipe.reference })
}

fn candidate(app: Rope, topology: Topology) -> SearchCandidate {
    let Topology { state, hidden, modes, function, bypass, weight_bits, tuning } = topology;
    let hidden: Vec<usize> = hidden.into_iter().filter(|&width| width > 0).collect();
    let quantisation = Quantisation { weight_bits, activation_bits: 16 };
    let (tuned, of_tuning) = knobs::tuned(tuning);
    let (layers, function_name) = (knobs::layers(&hidden), function.name());
    let (linear, beside) = if bypass { ("-linear", "a linear map beside ") } else { ("", "") };
    SearchCandidate {
        name: format!(
            "state{state}-hidden{layers}-modes{modes}-{function_name}{linear}-{}{tuned}",
            widths(quantisation)
        ),
        decisions: vec![Decision::new("rope", Way::Emulate)],
        topology: format!(
            "{state} state coordinates, {beside}hidden layers of {layers}, {function_name}, {modes} modes{of_tuning}"
        ),
        quantisation,
        make: Make::trained(move || training(app, topology, &hidden)),
    }
}

/// The training of the recipe with another network.
fn training(app: Rope, topology: Topology, hidden: &[usize]) -> Result<Training> {
    let training = knobs::trained(app.recipe()?)?;
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let state = network.dense(x, topology.state)?;
    let linear = if topology.bypass { Some(network.dense(state, topology.modes)?) } else { None };
    let last = hidden_layers(&mut network, state, hidden, topology.function)?;
    let mut modes = network.dense(last, topology.modes)?;
    if let Some(linear) = linear {
        modes = network.add(linear, modes)?;
    }
    network.dense(modes, app.outputs())?;
    Ok(knobs::with_network(training, network, topology.tuning))
}
