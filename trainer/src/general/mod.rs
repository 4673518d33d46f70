//! Emulators of functions of which nothing is known but pairs of inputs and outputs.
//!
//! 1. [`Pairs`] are checked numbers with names; `split` deals them out to four disjoint sets.
//! 2. Ports, with their scales and offsets, follow from where the columns lie; outputs that never change become constants.
//! 3. Topologies of rising cost, all with a linear path beside the hidden layers, are tried for a moment each; the cheapest ones that
//!    promise to reach the target are trained in full, until one does ([`learn`]).
//! 4. The error is that of the golden model on pairs that nothing was learnt or chosen from; where there are few, of what is learnt in the
//!    same way without a part of them, on that part.

mod choose;
mod cross;
mod finish;
mod measure;
mod notes;
mod pairs;
mod placement;
mod plan;
mod ports;
mod split;
mod topology;

pub(crate) use choose::probe;
pub use choose::{Learning, Learnt, Tried, learn};
pub use cross::Folds;
pub use emeuro_golden::Errors;
pub use pairs::{Pairs, Part};
pub use split::{Counts, FEW_ROWS, LEAST_ROWS};

/// `name` as an identifier of at most 64 characters: what an emulator and its segments can be called.
#[must_use]
pub fn identifier(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let plain: String = plain.take(60).collect();
    match plain.chars().next() {
        Some(c) if c.is_ascii_digit() => format!("_{plain}"),
        Some(_) => plain,
        None => String::from("_"),
    }
}
