//! The passes, in the order in which they run.

pub(crate) mod isolate;
pub(crate) mod lower;
pub(crate) mod map;
pub(crate) mod pair;
pub(crate) mod place;
pub(crate) mod schedule;
pub(crate) mod select;
pub(crate) mod straighten;

/// Name and one-sentence description of every pass, in order.
pub const PASSES: [(&str, &str); 8] = [
    ("select", select::DESCRIPTION),
    ("straighten", straighten::DESCRIPTION),
    ("isolate", isolate::DESCRIPTION),
    ("pair", pair::DESCRIPTION),
    ("place", place::DESCRIPTION),
    ("map", map::DESCRIPTION),
    ("lower", lower::DESCRIPTION),
    ("schedule", schedule::DESCRIPTION),
];
