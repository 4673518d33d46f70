//! What is searched over for `fft`: the stages that the transform is split into.

use emeuro_trainer::Quantisation;

use super::{
    Decision, Make, Reference, SearchCandidate, SearchSpace, Subroutine, Way,
    knobs::{WEIGHT_BITS, layers},
    mixed_radix,
    space::widths,
};

/// Points of the stages. A single one is a dense layer for the whole region.
const SPLITS: [&[usize]; 14] = [
    &[512],
    &[8, 64],
    &[16, 32],
    &[32, 16],
    &[64, 8],
    &[8, 8, 8],
    &[4, 8, 16],
    &[8, 4, 16],
    &[4, 16, 8],
    &[16, 4, 8],
    &[8, 16, 4],
    &[16, 8, 4],
    &[2, 16, 16],
    &[16, 2, 16],
];

/// Widths of words beside those of weights.
const WIDTHS: [u32; 2] = [16, 8];

pub(crate) fn space() -> SearchSpace {
    let tree = Subroutine::new("fft", 512, 514).ways(&[Way::Emulate, Way::Descend]).children(vec![
        Subroutine::new("butterflies", 512, 514).ways(&[Way::Exact]).refuse(
            Way::Emulate,
            "butterflies are linear: training can only find the weights that are known",
        ),
    ]);
    let mut candidates = vec![];
    for activation_bits in WIDTHS {
        for weight_bits in WEIGHT_BITS {
            let quantisation = Quantisation { weight_bits, activation_bits };
            candidates.extend(SPLITS.map(|points| candidate(points, quantisation)));
        }
    }
    let reference = Reference {
        decisions: decisions(&[16, 32]),
        topology: String::from("block stages of 16x32 points, the second fitted to the rounded first"),
    };
    SearchSpace { tree, candidates, near: 0, reference }
}

fn decisions(points: &[usize]) -> Vec<Decision> {
    match points {
        [_] => vec![Decision::new("fft", Way::Emulate)],
        _ => vec![Decision::new("fft", Way::Descend), Decision::new("butterflies", Way::Exact)],
    }
}

fn candidate(points: &'static [usize], quantisation: Quantisation) -> SearchCandidate {
    let stages = layers(points);
    SearchCandidate {
        name: format!("stages{stages}-{}", widths(quantisation)),
        decisions: decisions(points),
        topology: match points {
            [_] => String::from("one dense layer"),
            _ => format!("block stages of {stages} points"),
        },
        quantisation,
        make: Make::computed(move || mixed_radix::build(points, quantisation)),
    }
}
