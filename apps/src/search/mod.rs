//! Search over the emulators of an application: over its subroutine tree, topologies and number formats.
//!
//! An application says what can be tried ([`Application::search_space`](crate::Application::search_space)); the trainer's
//! [search](emeuro_trainer::search) says in which order and for how long; here every candidate is made and measured.

mod convolution;
mod cpu;
mod fft;
mod flow_solve;
mod flow_structure;
mod knobs;
mod low_rank;
mod mixed_radix;
mod newton;
mod optical_flow;
mod progress;
mod report;
mod rope;
mod search_emulators;
mod space;
mod tree;
mod trial;

pub use report::{Choice, Point, SearchReport};
pub use search_emulators::{SearchOptions, search_emulators};
pub use space::{Compose, Compute, Make, Plan, Reference, SearchCandidate, SearchSpace};
pub use tree::{Decision, Subroutine, Way};

pub(crate) use convolution::space as convolution_space;
pub(crate) use fft::space as fft_space;
pub(crate) use newton::space as newton_space;
pub(crate) use optical_flow::space as optical_flow_space;
pub(crate) use rope::space as rope_space;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, applications};
    use std::collections::HashSet;

    #[test]
    fn candidates_decide_what_their_tree_allows_and_try_all_of_it() {
        for app in applications() {
            let space = app.search_space().unwrap();
            let mut tried = HashSet::new();
            for candidate in &space.candidates {
                assert!(space.tree.allows(&candidate.decisions), "{}: {}", app.name(), candidate.name);
                tried.extend(candidate.decisions.iter().copied());
            }
            assert!(space.tree.allows(&space.reference.decisions), "{}", app.name());
            for subroutine in space.tree.all() {
                for &way in &subroutine.ways {
                    let decision = Decision { subroutine: subroutine.name, way };
                    assert!(tried.contains(&decision), "{}: {decision}", app.name());
                    assert!(subroutine.refused.iter().all(|(refused, _)| *refused != way), "{decision}");
                }
            }
            let root = &space.tree;
            assert_eq!((root.name, root.inputs, root.outputs), (app.name(), app.inputs(), app.outputs()));
        }
    }

    #[test]
    fn names_are_unique_names_of_files() {
        for app in applications() {
            let space = app.search_space().unwrap().shuffled(1);
            let names: Vec<String> = space.names().into_iter().map(|c| c.name).collect();
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
            assert!(names.iter().all(|name| name.chars().all(allowed)), "{names:?}");
        }
    }

    #[test]
    fn the_seed_draws_the_order_after_what_was_made_by_hand_and_near_ones_come_first() {
        let order = |seed| {
            let space = crate::Rope::new().search_space().unwrap().shuffled(seed);
            space.names().into_iter().map(|c| c.name).collect::<Vec<_>>()
        };
        let space = crate::Rope::new().search_space().unwrap();
        let near: HashSet<String> = space.candidates[..space.near].iter().map(|c| c.name.clone()).collect();
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
        assert_eq!(order(3)[0], "state32-hidden128x64-modes16-relu-linear-w8a16");
        assert!(order(3)[..near.len()].iter().all(|name| near.contains(name)));
    }
}
