//! Emulators that learn from unfamiliar inputs while they run.
//!
//! 1. An input whose score stays below its member's threshold is *unfamiliar*: the exact code answers ([`Online::infer`]).
//! 2. The pair is kept in the bounded [`Reservoir`] of its member, beside one with pairs that were familiar before.
//! 3. When enough is new, that member alone is retrained on both in the background, and swapped in between two frames. A
//!    retrained member that is worse on what was familiar is refused.
//! 4. A [`Store`] keeps emulator and reservoirs in a folder: pairs in a journal, emulators by renaming. A crash loses nothing
//!    but the pair that was being written.

mod error;
mod online;
mod reservoir;
mod retraining;
mod store;

pub use error::{Error, Result};
pub use online::{Answer, Caller, Online, Policy};
pub use reservoir::{Reservoir, Sample};
pub use retraining::{Errors, Retrained};
pub use store::{Kind, Store};
