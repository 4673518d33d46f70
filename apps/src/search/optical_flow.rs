//! What is searched over for `optical_flow`: the subroutines of Lucas and Kanade, and a dense network for all of them.

use std::sync::Arc;

use emeuro_trainer::{Function, Network, Phase, Quantisation, TrainingSpec};

use super::{
    Decision, Make, SearchCandidate, SearchSpace, Subroutine, Way,
    flow_solve::{self, FlowSolve},
    flow_structure::{self, Difference, Scales, Structure},
    space::widths,
};
use crate::{
    Application, FrameCounts, OpticalFlow, Result, Training,
    recipe::{hidden_layers, segments},
};

/// Distances of lines: of derivatives, and of the flow field. The first are those of the recipe.
const PITCHES: [(usize, usize); 4] = [(16, 16), (16, 10), (14, 14), (14, 10)];

/// Scales of the sums, and the binary point of the sums down columns that they share.
const SCALES: [(Scales, Option<i32>); 6] = [
    (Scales::Both, None),
    (Scales::Both, Some(13)),
    (Scales::Both, Some(14)),
    (Scales::Both, Some(15)),
    (Scales::Fine, None),
    (Scales::Coarse, None),
];

/// What the normalised difference is made of.
const DIFFERENCES: [Difference; 3] = [Difference::Summed, Difference::Folded, Difference::Derived];

/// Hidden values of networks for the solution.
const SOLVE: [usize; 3] = [8, 16, 32];

/// Hidden layers of dense networks.
const DENSE: [&[usize]; 2] = [&[64], &[128, 64]];

pub(crate) fn space() -> Result<SearchSpace> {
    let subroutine = |name, inputs, outputs| Subroutine::new(name, inputs, outputs).ways(&[Way::Exact]);
    let tree = Subroutine::new("optical_flow", 512, 200).ways(&[Way::Emulate, Way::Descend]).children(vec![
        subroutine("differences", 512, 588),
        subroutine("products", 588, 980).refuse(Way::Emulate, "the unit multiplies two vectors in one layer"),
        subroutine("box_sums", 980, 500)
            .refuse(Way::Emulate, "sums are linear: training can only find weights of 1"),
        Subroutine::new("solve", 500, 200).ways(&[Way::Exact, Way::Emulate]),
    ]);
    let mut recipe = SearchSpace::of_recipe(&OpticalFlow)?;
    let descend: Vec<Decision> = std::iter::once(Decision::new("optical_flow", Way::Descend))
        .chain(tree.children.iter().map(|child| Decision::new(child.name, Way::Exact)))
        .collect();
    recipe.candidates.iter_mut().for_each(|candidate| candidate.decisions.clone_from(&descend));
    recipe.reference.decisions.clone_from(&descend);
    let mut candidates = recipe.candidates;
    let mut near = candidates.len();
    for (area_pitch, field_pitch) in PITCHES {
        for weight_bits in [4, 8] {
            let quantisation = Quantisation { weight_bits, ..Quantisation::default() };
            for (scales, shared_columns) in SCALES {
                candidates.extend(DIFFERENCES.map(|difference| {
                    let structure = Structure { area_pitch, field_pitch, scales, shared_columns, difference };
                    structured(structure, quantisation, &descend)
                }));
            }
        }
        if (area_pitch, field_pitch) == PITCHES[0] {
            near = candidates.len();
        }
    }
    let emulated = with_last(&descend, Decision::new("solve", Way::Emulate));
    candidates.extend(SOLVE.map(|hidden| solved_by_network(hidden, &emulated)));
    candidates.extend(DENSE.map(dense));
    Ok(SearchSpace { tree, candidates, near, reference: recipe.reference })
}

fn with_last(decisions: &[Decision], last: Decision) -> Vec<Decision> {
    let (_, others) = decisions.split_last().expect("there are decisions");
    [others, &[last]].concat()
}

/// The structure with one small network for the solution, shared by all pixels.
fn solved_by_network(hidden: usize, decisions: &[Decision]) -> SearchCandidate {
    let quantisation = Quantisation::default();
    let structure = Structure {
        area_pitch: 16,
        field_pitch: 16,
        scales: Scales::Both,
        shared_columns: None,
        difference: Difference::Summed,
    };
    SearchCandidate {
        name: format!("network{hidden}-{}", widths(quantisation)),
        decisions: decisions.to_vec(),
        topology: format!(
            "fine and coarse sums, solved by a network of {hidden} hidden values that all pixels share, silu"
        ),
        quantisation,
        make: Make::Composed {
            subroutine: Arc::new(FlowSolve),
            plan: Arc::new(move || flow_solve::training(hidden)),
            compose: Arc::new(move |network| {
                flow_structure::build_with_network(structure, quantisation, network)
            }),
        },
    }
}

fn structured(structure: Structure, quantisation: Quantisation, decisions: &[Decision]) -> SearchCandidate {
    let Structure { area_pitch, field_pitch, scales, shared_columns, difference } = structure;
    let (scales, of_scales) = match (scales, shared_columns) {
        (Scales::Fine, _) => (String::from("fine"), String::from("fine sums only")),
        (Scales::Coarse, _) => (String::from("coarse"), String::from("coarse sums only")),
        (Scales::Both, None) => (String::from("both"), String::from("fine and coarse sums")),
        (Scales::Both, Some(frac)) => (
            format!("shared{frac}"),
            format!("fine and coarse sums of the same sums down the columns, binary point {frac}"),
        ),
    };
    let (form, of_form) = match difference {
        Difference::Summed => ("summed", "c from sums of Ix² - Iy²"),
        Difference::Folded => ("folded", "c from sums of Ix² - Iy², folded solution"),
        Difference::Derived => ("derived", "c from sums of Ix², folded solution"),
    };
    SearchCandidate {
        name: format!("pitch{area_pitch}+{field_pitch}-{scales}-{form}-{}", widths(quantisation)),
        decisions: decisions.to_vec(),
        topology: format!(
            "{of_scales}, {of_form}, lines of derivatives {area_pitch} words apart, those of the flow field {field_pitch}"
        ),
        quantisation,
        make: Make::computed(move || flow_structure::build(structure, quantisation)),
    }
}

/// One network for the whole region.
fn dense(hidden: &'static [usize]) -> SearchCandidate {
    let layers = super::knobs::layers(hidden);
    let quantisation = Quantisation::default();
    SearchCandidate {
        name: format!("dense{layers}-{}", widths(quantisation)),
        decisions: vec![Decision::new("optical_flow", Way::Emulate)],
        topology: format!("dense layers of {layers}, silu"),
        quantisation,
        make: Make::trained(move || training(hidden)),
    }
}

fn training(hidden: &[usize]) -> Result<Training> {
    let app = OpticalFlow;
    let mut network = Network::new();
    let x = network.input(app.inputs())?;
    let last = hidden_layers(&mut network, x, hidden, Function::Silu)?;
    network.dense(last, app.outputs())?;
    let spec = TrainingSpec {
        float: Phase { epochs: 24, rate: 3e-3, patience: None },
        tuning: Phase { epochs: 8, rate: 1e-2, patience: None },
        ..TrainingSpec::new(
            app.name(),
            network,
            segments(app.input_signals()),
            segments(app.output_signals()),
        )
    };
    let frames = FrameCounts { train: 8192, validation: 512, calibration: 256, test: 4096 };
    Ok(Training { spec, frames })
}
