//! Words in beats: how they are packed, and what of them a beat carries.

/// Words of `bits` bits side by side, the first in the low bits; all ones above.
pub(crate) fn packed(words: &[i16], bits: u32) -> u64 {
    let append = |data: u64, &word: &i16| data << bits | (word as u64 & ((1 << bits) - 1));
    words.iter().rev().fold(u64::MAX, append)
}

/// The low `bits` (1 to 16) of a beat, sign-extended.
#[inline]
pub(crate) fn low_bits(data: u64, bits: u32) -> i16 {
    let unused = 16 - bits;
    ((data as i16) << unused) >> unused
}

/// Whether a word fits `bits` bits in two's complement.
pub(crate) fn fits(word: i16, bits: u32) -> bool {
    low_bits(word as u64, bits) == word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sign_extended_from_their_width() {
        assert_eq!(low_bits(0xFF, 8), -1);
        assert_eq!(low_bits(0xAB7F, 8), 127);
        assert_eq!(low_bits(0x8000, 16), i16::MIN);
        assert_eq!(low_bits(0x0000_FFFF_0000_1234, 16), 0x1234);
        assert_eq!(low_bits(0b1, 1), -1);
    }

    #[test]
    fn words_lie_side_by_side_below_ones() {
        assert_eq!(packed(&[1, -2], 8), 0xFFFF_FFFF_FFFF_FE01);
        assert_eq!(packed(&[0x1234], 16), 0xFFFF_FFFF_FFFF_1234);
        assert_eq!(packed(&[0, 0, 0, 0], 16), 0);
    }

    #[test]
    fn only_words_of_the_width_fit() {
        assert!(fits(127, 8) && fits(-128, 8) && fits(i16::MIN, 16));
        assert!(!fits(128, 8) && !fits(-129, 8));
    }
}
