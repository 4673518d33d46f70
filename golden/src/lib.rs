//! Fixed point, the emulator graph and its bit-exact software model.
//!
//! 1. A number is a [`Format`] (bits, binary point, kind) and a raw word; [`requantise`] is the only rounding.
//! 2. A [`Graph`] is made of operations on vectors: dense, block, add, multiply, maximum, activate; it is the same for words and for
//!    numbers in floating point ([`Numbers`]). An [`Emulator`] is a graph of words with ports.
//! 3. A value of type [`Emulator`] is right by construction: shapes fit, words fit, and no accumulator can overflow.
//! 4. An emulator has one or more quality levels; a [`Router`] may pick the weights of each frame.
//! 5. [`Runner`] computes what the hardware computes, bit for bit: as the specification, which is written to be read, or
//!    with the vector instructions of the machine ([`Isa`]).
//! 6. Emulators are YAML files ([`Emulator::load`], [`Emulator::save`]); every violation names its place.
//! 7. Files of text are read through [`text`], which bounds what they can cost and says what they are if they are something else.
//! 8. [`nrmse`] is the one error metric; [`Errors`] has it for every output, with what stands beside it.

mod builder;
mod compose;
mod emulator;
mod error;
mod file;
mod format;
mod geometry;
mod graph;
mod isa;
mod metrics;
mod number;
mod ops;
mod plans;
mod port;
mod run;
#[cfg(feature = "samples")]
mod sample;
mod sampler;
mod simd;
mod specification;
pub mod text;
mod value;
mod vector;

pub use builder::{EmulatorBuilder, OutputSpec};
pub use emulator::{Emulator, Output, Provenance, WIDEST_ACCUMULATOR};
pub use error::{EmulatorError, FileError, Problem};
pub use file::{FileKind, write_atomically};
pub use format::{Format, Kind, requantise};
pub use geometry::BlockGeometry;
pub use graph::{Graph, MAX_MEMBERS, Node, Router, Selected};
pub use isa::Isa;
pub use metrics::{Errors, OutputErrors, even_nrmse, nrmse, nrmse_masked};
pub use ops::{
    Activate, Activation, Add, Affine, Block, Dense, Integers, MAX_ALIGNMENT, MAX_PRODUCT_SHIFT,
    MAX_SEGMENTS_LOG2, MAX_SHIFT, Maximum, Multiply, Numbers, Op, TABLE_ERROR, Weights, accumulator_bits,
};
pub use port::{Conversion, Port, Ranges, Segment};
pub use run::Runner;
#[cfg(feature = "samples")]
pub use sample::{
    sample_clusters, sample_emulator, sample_formats, sample_levels, sample_members, sample_weights,
};
pub use sampler::Sampler;
pub use value::Value;
pub use vector::{MAX_VECTOR, Vector, VectorId};
