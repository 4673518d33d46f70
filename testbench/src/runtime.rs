//! Where Verilator's run-time is: a copy in every model, or, with the feature `verilated`, one in the program.

use crate::error::Result;
use crate::verilator::Verilator;

/// Whether the program has the run-time, linked through the `verilated` crate, and models do not.
///
/// The simulation of a model then resolves the run-time's symbols in the program, which therefore must export them
/// (`-rdynamic`, as `build.rs` says).
pub(crate) const IS_SHARED: bool = cfg!(feature = "verilated");

/// Refuses models of another Verilator than the one whose run-time the program has.
#[cfg(feature = "verilated")]
pub(crate) fn check(verilator: &Verilator) -> Result<()> {
    let linked = verilated::product_version().to_string_lossy().into_owned();
    if is_version(verilator.version(), &linked) {
        return Ok(());
    }
    Err(crate::error::Error::RuntimeMismatch { linked, found: verilator.version().to_owned() })
}

/// Models have the run-time of the Verilator that makes them.
#[cfg(not(feature = "verilated"))]
pub(crate) fn check(_: &Verilator) -> Result<()> {
    Ok(())
}

/// Whether Verilator's banner, `Verilator 5.006 …`, has the number of the run-time's version, `5.006 …`.
#[cfg(feature = "verilated")]
fn is_version(banner: &str, linked: &str) -> bool {
    let number = banner.split(' ').nth(1);
    number.is_some() && number == linked.split(' ').next()
}

#[cfg(all(test, feature = "verilated"))]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_number() {
        let banner = "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)";
        assert!(is_version(banner, "5.006 2023-01-22"));
        assert!(!is_version(banner, "5.008 2023-03-04"));
        assert!(!is_version("Verilator", ""));
    }
}
