//! The passes, in the order in which they run.

pub(crate) mod isolate;
pub(crate) mod lower;
pub(crate) mod map;
pub(crate) mod pair;
pub(crate) mod place;
pub(crate) mod schedule;
pub(crate) mod select;

/// Name and one-sentence description of every pass, in order.
pub const PASSES: [(&str, &str); 7] = [
    ("select", select::DESCRIPTION),
    ("isolate", isolate::DESCRIPTION),
    ("pair", pair::DESCRIPTION),
    ("place", place::DESCRIPTION),
    ("map", map::DESCRIPTION),
    ("lower", lower::DESCRIPTION),
    ("schedule", schedule::DESCRIPTION),
];
