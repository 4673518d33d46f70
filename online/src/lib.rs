//! Emulators that learn from unfamiliar inputs while they run.
//!
//! 1. An input whose score stays below its member's threshold is *unfamiliar*: the exact code answers ([`Caller::infer`]). An emulator
//!    without a router is one member, whose answers are checked now and then ([`Audit`]).
//! 2. When many of the last inputs were unfamiliar, the inputs have changed, and no answer can be trusted: the *alarm* sends all of
//!    them to the exact code until the members have been retrained ([`Alarm`]).
//! 3. The pair is kept in the bounded [`Reservoir`] of its member, beside one with pairs that were familiar before.
//! 4. When enough is new, the members that the new pairs belong to, and no others, are retrained on both in the background,
//!    and swapped in between two frames. A retrained member that is worse on what was familiar is refused.
//! 5. A [`Store`] keeps emulator and reservoirs in a folder: pairs in a journal, emulators by renaming. A crash loses nothing
//!    but the pair that was being written.
//!
//! A region of `emeuro-regions` is taught by [`Online::teach`]: what its emulator cannot answer is learnt, and every better emulator is
//! loaded into it between two calls.

mod alarm;
mod audit;
mod error;
mod online;
mod reservoir;
mod retraining;
mod store;

pub use alarm::Alarm;
pub use audit::Audit;
pub use error::{Error, Result};
pub use online::{Answer, Caller, Online, Policy};
pub use reservoir::{Reservoir, Sample};
pub use retraining::{Errors, Retrained};
pub use store::{Kind, Store};
