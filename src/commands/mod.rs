//! The commands, one per file.

pub(crate) mod adapt;
pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod cosim;
pub(crate) mod coverage;
pub(crate) mod curves;
pub(crate) mod generate;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod synth;
pub(crate) mod train;
pub(crate) mod unit_args;
pub(crate) mod vectors;
