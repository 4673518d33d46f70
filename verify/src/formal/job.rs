//! What is proven together: a unit in one shape, its property module, and a fault that must be found.

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::printed::Printed;

/// How properties are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Property-directed reachability, without a bound.
    Reachability,
    /// Induction over so many clocks, without a bound on the time since reset.
    Induction {
        /// Clocks.
        depth: u32,
    },
    /// Everything that can happen in so many clocks, by an SMT solver.
    Bounded {
        /// Clocks.
        depth: u32,
    },
    /// The same by a solver of bits.
    BoundedBits {
        /// Clocks.
        depth: u32,
    },
}

impl Method {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reachability => "reachability",
            Self::Induction { .. } => "induction",
            Self::Bounded { .. } | Self::BoundedBits { .. } => "bounded",
        }
    }

    /// Clocks of the induction or of the bound.
    pub fn depth(self) -> Option<u32> {
        match self {
            Self::Reachability => None,
            Self::Induction { depth } | Self::Bounded { depth } | Self::BoundedBits { depth } => Some(depth),
        }
    }
}

/// A fault for which the proof of a job must fail.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The change of the unit.
    pub edit: Edit,
    /// The assertion that fails.
    pub fails: &'static str,
    /// Clocks within which it fails.
    pub depth: u32,
}

/// A unit with its properties.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// The unit and its shape, for readers.
    pub about: String,
    /// The property module: name without `_properties`, and text.
    pub(crate) module: (&'static str, &'static str),
    /// Parameters of the property module.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// The unit.
    pub(crate) design: Printed,
    /// How it is proven.
    pub(crate) method: Method,
    /// Faults that show that it can fail; at least one per property module.
    pub(crate) faults: Vec<Fault>,
}

impl Job {
    /// The names of its assertions, in the order of the property module.
    pub fn assertions(&self) -> Vec<String> {
        labels(self.module.1)
    }

    /// The name of its property module, without `_properties`.
    pub fn module(&self) -> &'static str {
        self.module.0
    }

    /// How many faults are planted to see it fail.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }

    /// Whether its faults fit the unit as it is generated now, and name assertions that exist.
    ///
    /// # Errors
    /// [`Error::Edit`], or [`Error::Unit`] with the assertion that there is not.
    pub fn check_faults(&self) -> Result<()> {
        for fault in &self.faults {
            self.design.clone().with(&fault.edit)?;
            if !self.assertions().iter().any(|assertion| assertion == fault.fails) {
                return Err(Error::Unit(format!("no assertion is named `{}`", fault.fails)));
            }
        }
        Ok(())
    }
}

/// The labels of the assertions in a property module: `label: assert (…)`, perhaps on two lines.
fn labels(text: &str) -> Vec<String> {
    let before = text.split("assert (").map(|part| part.trim_end());
    let label = |part: &str| {
        let (_, label) = part.strip_suffix(':')?.rsplit_once(char::is_whitespace)?;
        Some(label.to_owned())
    };
    before.filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_on_the_same_line_and_on_the_line_before() {
        let text =
            "  one: assert (a);\n  // no assert here\n two:\n      assert (b);\n  three:  assert (c);\n";
        assert_eq!(labels(text), ["one", "two", "three"]);
    }
}
