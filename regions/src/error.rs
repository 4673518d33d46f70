//! What can go wrong while regions are set up. A call of a region never fails.

use std::{io, path::PathBuf};

/// Why a region cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No function with `#[approximate]` has this name.
    #[error("no region is called {name:?}; there are: {}", .known.join(", "))]
    UnknownRegion {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several functions have this name.
    #[error("several regions are called {name:?}: {}; name one with its module", .known.join(", "))]
    AmbiguousRegion {
        /// The name that was asked for.
        name: String,
        /// Those that it could mean.
        known: Vec<String>,
    },
    /// The emulator of a region has frames of another size.
    #[error(
        "region {region:?} has {} inputs and {} outputs, emulator {emulator:?} has {} and {}",
        .expected[0], .expected[1], .found[0], .found[1]
    )]
    Shape {
        /// The region.
        region: String,
        /// The emulator.
        emulator: String,
        /// Inputs and outputs of the region.
        expected: [usize; 2],
        /// Inputs and outputs of the emulator.
        found: [usize; 2],
    },
    /// A mode that needs an emulator, and none is loaded.
    #[error("region {0:?} has no emulator: load one before it emulates")]
    NoEmulator(String),
    /// A mode that needs an emulator, and the folder of emulators has none.
    #[error(
        "region {region:?} has no emulator: expected {path}; EMEURO_MISSING=exact runs its own code instead",
        path = .path.display()
    )]
    NoFile {
        /// The region.
        region: String,
        /// The file that would have been loaded.
        path: PathBuf,
    },
    /// A mode that would skip exact code.
    #[error("region {region:?} cannot be emulated as a whole: it contains exact code ({}); {}", .exact.join(", "), advice(.nested))]
    ContainsExact {
        /// The region.
        region: String,
        /// The exact code: functions, and places of `#[exact]`.
        exact: Vec<String>,
        /// The regions that it calls.
        nested: Vec<String>,
    },
    /// An emulator file that cannot be used.
    #[error(transparent)]
    Emulator(#[from] emeuro_golden::FileError),
    /// A setting that nobody understands.
    #[error("{place}: {problem}")]
    Setting {
        /// The variable, or the file and its line.
        place: String,
        /// What was expected and found.
        problem: String,
    },
    /// A file that cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn advice(nested: &[String]) -> String {
    match nested {
        [] => "put what is before and after it into functions of their own with #[approximate]".to_owned(),
        nested => format!("emulate the regions that it calls instead: {}", nested.join(", ")),
    }
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;
