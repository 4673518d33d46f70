//! The instruction sets that the golden model is computed with.

use std::{fmt, str::FromStr};

use crate::EmulatorError;

/// How the golden model is computed. All give the same words; they differ in time alone.
///
/// ```
/// use emeuro_golden::Isa;
/// assert!(Isa::available().any(|isa| isa == Isa::best()));
/// assert_eq!("scalar".parse::<Isa>()?, Isa::Scalar);
/// # Ok::<(), emeuro_golden::EmulatorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// The specification: one word after the other, written to be read.
    Scalar,
    /// Vectors without intrinsics, as wide as the compiler makes them. On every little-endian machine.
    Portable,
    /// 256-bit vectors of x86-64.
    Avx2,
    /// 512-bit vectors of x86-64 with VNNI dot products and byte permutations (VBMI): Ice Lake, Zen 4 and later.
    Avx512,
    /// 128-bit vectors of AArch64.
    Neon,
}

impl Isa {
    /// All of them, the slowest first.
    pub const ALL: [Self; 5] = [Self::Scalar, Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The fastest of this machine.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Scalar)
    }

    /// Those that this machine has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// Whether this machine has it. A big-endian machine has the specification alone: kernels read pairs of words as one number, and
    /// words as bytes, in little-endian order.
    pub fn is_available(self) -> bool {
        self.has_order(cfg!(target_endian = "little")) && self.has_instructions()
    }

    /// Whether it is right with this order of bytes in memory.
    fn has_order(self, is_little_endian: bool) -> bool {
        is_little_endian || self == Self::Scalar
    }

    /// Whether this machine has the instructions.
    fn has_instructions(self) -> bool {
        match self {
            Self::Scalar | Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
                    && is_x86_feature_detected!("avx512vbmi")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Scalar => "scalar",
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        })
    }
}

impl FromStr for Isa {
    type Err = EmulatorError;

    fn from_str(text: &str) -> Result<Self, EmulatorError> {
        Self::ALL.into_iter().find(|isa| isa.to_string() == text).ok_or_else(|| {
            let names = Self::ALL.map(|isa| isa.to_string()).join(", ");
            EmulatorError::expected("isa", format_args!("one of {names}"), format_args!("{text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_machines_have_the_specification_alone() {
        for isa in Isa::ALL {
            assert!(isa.has_order(true), "{isa}");
            assert_eq!(isa.has_order(false), isa == Isa::Scalar, "{isa}");
        }
        assert_eq!(Isa::Portable.is_available(), cfg!(target_endian = "little"));
        assert!(Isa::Scalar.is_available());
    }
}
