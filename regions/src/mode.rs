//! How a region answers.

use std::{fmt, str::FromStr};

/// How a region answers.
///
/// In text: `exact`, `profile`, `emulate`, `emulate:1` (quality level 1), `check:100` (every hundredth call).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By its own code.
    #[default]
    Exact,
    /// By its own code; inputs, outputs and times are recorded.
    Profile,
    /// By its emulator.
    Emulate {
        /// Quality level, from 0; the highest for any beyond.
        quality: u32,
    },
    /// By its emulator, and every so often by its own code, to know the error.
    Check {
        /// Calls from one check to the next, at least 1.
        every: u32,
    },
}

/// The highest quality level that there is.
const HIGHEST: u32 = (1 << 30) - 1;

impl Mode {
    /// By its emulator, at its highest quality level.
    pub const EMULATE: Self = Self::Emulate { quality: HIGHEST };

    /// As one number, 0 for [`Mode::Exact`].
    pub(crate) fn packed(self) -> u32 {
        match self {
            Self::Exact => 0,
            Self::Profile => 1,
            Self::Emulate { quality } => 1 << 31 | quality.min(HIGHEST),
            Self::Check { every } => 1 << 30 | every.clamp(1, HIGHEST),
        }
    }

    /// What [`packed`](Self::packed) gave the number.
    pub(crate) fn unpacked(packed: u32) -> Self {
        match (packed >> 30, packed & HIGHEST) {
            (0, 0) => Self::Exact,
            (0, _) => Self::Profile,
            (1, every) => Self::Check { every },
            (_, quality) => Self::Emulate { quality },
        }
    }

    /// Whether it needs an emulator.
    pub fn emulates(self) -> bool {
        matches!(self, Self::Emulate { .. } | Self::Check { .. })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected exact, profile, emulate, emulate:LEVEL or check:CALLS, found {text:?}");
        let number = |text: &str| text.parse().ok().filter(|n| *n <= HIGHEST).ok_or_else(wrong);
        match text.split_once(':') {
            None if text == "exact" => Ok(Self::Exact),
            None if text == "profile" => Ok(Self::Profile),
            None if text == "emulate" => Ok(Self::EMULATE),
            Some(("emulate", level)) => Ok(Self::Emulate { quality: number(level)? }),
            Some(("check", calls)) => Ok(Self::Check { every: number(calls)?.max(1) }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exact => write!(f, "exact"),
            Self::Profile => write!(f, "profile"),
            Self::EMULATE => write!(f, "emulate"),
            Self::Emulate { quality } => write!(f, "emulate:{quality}"),
            Self::Check { every } => write!(f, "check:{every}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_survive_packing_and_text() {
        let modes = [
            Mode::Exact,
            Mode::Profile,
            Mode::Emulate { quality: 0 },
            Mode::Emulate { quality: 7 },
            Mode::EMULATE,
            Mode::Check { every: 1 },
            Mode::Check { every: 1000 },
        ];
        for mode in modes {
            assert_eq!(Mode::unpacked(mode.packed()), mode);
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!(Mode::Exact.packed(), 0);
        for wrong in ["", "Exact", "emulate:", "check", "check:-1", "emulate:4294967295"] {
            assert!(wrong.parse::<Mode>().unwrap_err().contains(&format!("{wrong:?}")), "{wrong}");
        }
    }
}
