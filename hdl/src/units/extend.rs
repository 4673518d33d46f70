//! Verilog expressions that widen a vector explicitly, as lint demands, or take a part of one.

/// Bits `high` down to `low` of `name`.
pub(crate) fn slice(name: &str, high: u32, low: u32) -> String {
    if high == low { format!("{name}[{low}]") } else { format!("{name}[{high}:{low}]") }
}

/// `name` of `from` bits (at least 2) as a signed number of `to` bits.
pub(crate) fn sign_extended(name: &str, from: u32, to: u32) -> String {
    match to - from {
        0 => name.to_owned(),
        n => format!("{{{{{n}{{{name}[{}]}}}}, {name}}}", from - 1),
    }
}

/// `name` of `from` bits as an unsigned number of `to` bits.
pub(crate) fn zero_extended(name: &str, from: u32, to: u32) -> String {
    match to - from {
        0 => name.to_owned(),
        n => format!("{{{n}'d0, {name}}}"),
    }
}
