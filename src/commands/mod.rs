//! The commands, one per file.

pub mod build;
pub mod cosim;
pub mod generate;
pub mod run;
pub mod train;
