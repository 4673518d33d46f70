//! How wide the sums of a layer are, on which hangs which kernels can compute it.

/// How many bits the sums of a layer take, with the rounding constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 32.
    One,
    /// More: without so many low bits, of which no more than 15 are shifted out, 32 again.
    Two { low: u32 },
    /// More than that.
    Wide,
}

impl Width {
    /// Of sums of `bits` that are shifted right by `shift`.
    pub(super) fn of(bits: u32, shift: u32) -> Self {
        match bits.saturating_sub(32) {
            0 => Self::One,
            low if low <= shift.min(15) => Self::Two { low },
            _ => Self::Wide,
        }
    }
}
