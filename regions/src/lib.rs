//! Functions that may be answered by an emulator.
//!
//! ```
//! use emeuro_regions::approximate;
//!
//! /// Angles of an arm with two links of length 1 whose hand is at `x`, `y`.
//! #[approximate]
//! fn reach(x: f64, y: f64) -> [f64; 2] {
//!     let elbow = ((x * x + y * y) / 2.0 - 1.0).clamp(-1.0, 1.0).acos();
//!     [y.atan2(x) - elbow / 2.0, elbow]
//! }
//!
//! // Nothing has changed yet.
//! assert!((reach(1.0, 1.0)[1] - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
//! ```
//!
//! 1. A function with `#[approximate]` is a [`Region`]: numbers in, numbers out ([`Frame`]). It runs exactly until a [`Mode`] says
//!    otherwise: [`set_mode`] from code, [`init`] from the environment or a file.
//! 2. In [`Mode::Profile`] it records its inputs, outputs and time, which region called it, and whether its outputs come back as inputs
//!    ([`write_profile`]).
//! 3. In [`Mode::Emulate`] the emulator that was [loaded](load) for it answers, at a quality level. Inputs that are not finite, or for
//!    which a slice has another length than was stated, go to the exact code and are counted.
//! 4. In [`Mode::Check`] the emulator answers, and every so many calls the exact code does too: the [`Quality`] that results
//!    raises or lowers the level to hold a target error.
//! 5. Code with [`exact`](macro@exact) is never replaced: a region that contains some is split around it ([`Region::exact_code`]).
//! 6. What the emulator cannot answer may be learnt while the program runs ([`Learner`]).
//!
//! ```
//! use emeuro_regions::{Mode, approximate, exact, region, take_profile};
//!
//! #[exact]
//! fn log(x: f64) {
//!     println!("{x}");
//! }
//!
//! #[approximate]
//! fn half(x: f64) -> f64 {
//!     x / 2.0
//! }
//!
//! #[approximate]
//! fn quarter(x: f64) -> f64 {
//!     let y = half(x);
//!     log(y);
//!     half(y)
//! }
//!
//! let whole = region("quarter")?;
//! let error = whole.set_mode(Mode::Emulate { quality: 0 }).unwrap_err().to_string();
//! assert!(error.contains("it contains exact code") && error.contains("::log)"));
//! assert!(error.contains("emulate the regions that it calls instead") && error.ends_with("::half"));
//! // It is profiled like any other, with the regions that it calls.
//! whole.set_mode(Mode::Profile)?;
//! region("half")?.set_mode(Mode::Profile)?;
//! assert_eq!(quarter(8.0), 2.0);
//! let profile = take_profile();
//! assert_eq!((profile.calls[1].parent, profile.calls[1].calls), (Some(0), 2));
//! # Ok::<(), emeuro_regions::Error>(())
//! ```
//!
//! Numbers (`f32`, `f64`), arrays, tuples and structs that derive [`Frame`](derive@Frame) can be parameters and results, by value or by
//! reference; slices need a length: `#[approximate(x = 40)]`. Parameters behind `&mut` are inputs and outputs, or outputs alone:
//! `#[approximate(y = 40, out(y))]`. The name of a
//! region is that of the function, or `#[approximate(name = "…")]`.

mod check;
mod error;
mod exact;
mod frame;
mod learner;
mod mode;
mod profile;
mod profile_file;
mod region;
mod region_path;
mod registry;
mod settings;
mod settings_file;

pub use check::{Quality, Target};
pub use emeuro_regions_macros::{Frame, approximate, exact};
pub use error::{Error, Result};
pub use frame::{Frame, Part};
pub use learner::{Learner, Pair, Why};
pub use mode::Mode;
pub use profile::{
    Feedback, Link, Profile, ProfileNode, RegionProfile, Sequence, take_profile, write_profile,
};
pub use region::{Counts, Region};
pub use registry::{load, region, regions, set_mode};
pub use settings::{finish, init};
pub use settings_file::{Setting, SettingsFile};

// What the macros write into programs, and what reads profiles.
#[doc(hidden)]
pub use exact::{ExactCode, RegisteredExact};
#[doc(hidden)]
pub use frame::{read_slice, size, write_slice};
#[doc(hidden)]
pub use inventory;
#[doc(hidden)]
pub use profile_file::{FeedbackEntry, PartEntry, ProfileFile, RegionEntry};
#[doc(hidden)]
pub use region::{Buffers, Local, Plan, Source, Watch};
#[doc(hidden)]
pub use region_path::{file_stem_of, is_name_of};
#[doc(hidden)]
pub use registry::Registered;
