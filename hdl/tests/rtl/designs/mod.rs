//! Designs for the printer's tests.

pub(crate) mod control;
pub(crate) mod lanes;
