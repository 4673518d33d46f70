//! The golden model with vector instructions, bit for bit as the specification in [`run`](crate::Runner).
//!
//! Folders from the bottom up; none knows those after it:
//!
//! 1. [`memory`]: lines, and places in a frame of memory.
//! 2. [`isa`]: what kernels need of an instruction set ([`isa::Lanes`]), and every instruction set.
//! 3. [`steps`]: a step is one kernel with its data, written once over [`isa::Lanes`]; a [`steps::plan::Plan`] lists them.
//! 4. [`lowering`]: a plan is made once per emulator. Every node becomes one or two steps with their places in a frame and with weights
//!    packed in the order in which they are read.
//! 5. [`kernels`]: the steps compiled for every instruction set, as a table of functions.
//! 6. [`engine::Engine`]: the memory of a runner. Nothing is allocated or checked per frame.
//!
//! # Safety
//!
//! There is one contract. A `# Safety` section says which of its clauses a caller promises, and a `SAFETY:` line which of them make a
//! call or an access sound: those of the function around it, unless the line gives another reason.
//!
//! 1. *Machine*: it has the instructions that the code is compiled for. [`Isa::is_available`](crate::Isa::is_available) says so.
//! 2. *Frame*: a pointer to a frame points to the first of as many words as [`Plan::words`](steps::plan::Plan::words) says, which nobody
//!    else reads or writes meanwhile. All places of the plan's steps are within, with what vectors read and write beyond them
//!    ([`memory::Layout`]), and words of a vector fit its format; words beside them may be any.
//! 3. *Step*: it is a step of the plan that the frame is of, and it is what the kernel was compiled for: number of tiles, quads and pairs,
//!    kind of operands, bytes. Blocks are blocks of the step.
//! 4. *Member*: the step has weights of this member, or of one for all.
//! 5. *Level*: the plan has it; [`Plan::level`](steps::plan::Plan::level) gives one that it has.
//! 6. *Ports*: as many elements can be read, or written, as the plan's port has words, for every frame.
//! 7. *Reach*: from a pointer on, as many values can be read, or written, as the function says. They need not be aligned.
//! 8. *Local*: what is pointed to, or computed, belongs to the function itself, as the line says.

#![allow(unsafe_code)]
// Loops with indices over arrays of vectors are unrolled, so that the arrays stay in registers.
#![allow(clippy::needless_range_loop)]

mod engine;
mod isa;
mod kernels;
mod lowering;
mod memory;
mod steps;

pub(crate) use engine::{Engine, unsupported};
