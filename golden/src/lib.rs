//! Fixed point, the emulator graph and its bit-exact software model.
//!
//! 1. A number is a [`Format`] (bits, binary point) and a raw two's complement word; [`requantise`] is the only rounding.
//! 2. An [`Emulator`] is a graph of five operations on vectors of words: dense, block, add, multiply, activate.
//! 3. A value of type [`Emulator`] is right by construction: shapes fit, words fit, and no accumulator can overflow.
//! 4. An emulator has one or more quality levels; a [`Router`] may pick the weights of each frame.
//! 5. [`Runner`] computes what the hardware computes, bit for bit: as the specification, which is written to be read, or
//!    with the vector instructions of the machine ([`Isa`]).
//! 6. Emulators are YAML files ([`Emulator::load`], [`Emulator::save`]); every violation names its place.
//! 7. Files of text are read through [`text`], which bounds what they can cost and says what they are if they are something else.
//! 8. [`nrmse`] is the one error metric; [`Errors`] has it for every output, with what stands beside it.

mod activation;
mod block;
mod builder;
mod compose;
mod emulator;
mod error;
mod file;
mod format;
mod isa;
mod level;
mod metrics;
mod number;
mod overflow;
mod plans;
mod port;
mod run;
mod sample;
mod simd;
mod specification;
pub mod text;
mod value;

pub use activation::{Activation, MAX_SEGMENTS_LOG2, TABLE_ERROR};
pub use block::BlockGeometry;
pub use builder::{EmulatorBuilder, MAX_MEMBERS, OutputSpec};
pub use emulator::{
    Affine, Emulator, MAX_SHIFT, MAX_VECTOR, Node, Op, Output, Provenance, Router, Selected, VectorId,
    Weights,
};
pub use error::{EmulatorError, FileError};
pub use file::{FileKind, write_atomically};
pub use format::{Format, requantise};
pub use isa::Isa;
pub use metrics::{Errors, OutputErrors, even_nrmse, nrmse, nrmse_masked};
pub use overflow::accumulator_bits;
pub use port::{Conversion, Port, Ranges, Segment};
pub use run::Runner;
pub use sample::{Sampler, sample_clusters, sample_emulator, sample_levels, sample_members, sample_weights};
pub use value::Value;
