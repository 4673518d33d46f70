//! What is searched over for `convolution`: the rank of the bottleneck, and how the result unfolds from it.

use emeuro_trainer::Quantisation;

use super::{
    Decision, Make, SearchCandidate, SearchSpace, Subroutine, Way,
    knobs::WEIGHT_BITS,
    low_rank::{self, Spline},
    space::widths,
};
use crate::{Convolution, Result};

/// Ranks of the bottleneck.
const RANKS: [usize; 11] = [4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32];

/// Ways to unfold the result; `None`: a dense layer.
const SPLINES: [Option<Spline>; 5] = [
    None,
    Some(Spline { knots: 16, taps: 4 }),
    Some(Spline { knots: 16, taps: 6 }),
    Some(Spline { knots: 24, taps: 4 }),
    Some(Spline { knots: 32, taps: 6 }),
];

pub(crate) fn space() -> Result<SearchSpace> {
    let tree = Subroutine::new("convolution", 512, 1023)
        .ways(&[Way::Emulate, Way::Descend])
        .refuse(Way::Exact, "the direct form has 262144 multiply-adds, ten times as many as the bottleneck")
        .children(vec![
            Subroutine::new("smooth", 512, 67).ways(&[Way::Emulate]),
            Subroutine::new("unfold", 67, 1023).ways(&[Way::Exact]).refuse(
                Way::Emulate,
                "splines are linear: training can only find the weights that are known",
            ),
        ]);
    let recipe = SearchSpace::of_recipe(&Convolution)?;
    let mut candidates = recipe.candidates;
    for weight_bits in WEIGHT_BITS {
        let quantisation = Quantisation { weight_bits, ..Quantisation::default() };
        for spline in SPLINES {
            candidates.extend(RANKS.map(|rank| candidate(rank, spline, quantisation)));
        }
    }
    Ok(SearchSpace { tree, candidates, near: 0, reference: recipe.reference })
}

fn candidate(rank: usize, spline: Option<Spline>, quantisation: Quantisation) -> SearchCandidate {
    let (suffix, unfolds, decisions) = match spline {
        None => {
            (String::new(), String::from("a dense layer"), vec![Decision::new("convolution", Way::Emulate)])
        }
        Some(Spline { knots, taps }) => (
            format!("-spline{knots}x{taps}"),
            format!("a spline of order {taps} with a knot every {knots} samples"),
            vec![
                Decision::new("convolution", Way::Descend),
                Decision::new("smooth", Way::Emulate),
                Decision::new("unfold", Way::Exact),
            ],
        ),
    };
    SearchCandidate {
        name: format!("rank{rank}{suffix}-{}", widths(quantisation)),
        decisions,
        topology: format!("bottleneck of {rank}, unfolded by {unfolds}"),
        quantisation,
        make: Make::computed(move || low_rank::build(rank, spline, quantisation)),
    }
}
