//! [`Lanes`] without intrinsics: plain loops that the compiler makes vectors of.

use super::{
    convert::{Convert, Scaled},
    lanes::Lanes,
};

/// Vectors as arrays.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// The array of f(a, b).
#[inline(always)]
fn zip<const N: usize, T: Copy + Default>(a: [T; N], b: [T; N], f: impl Fn(T, T) -> T) -> [T; N] {
    let mut made = [T::default(); N];
    for i in 0..N {
        made[i] = f(a[i], b[i]);
    }
    made
}

impl Lanes for Portable {
    type Words = [i16; 32];
    type Sums = [i32; 16];
    const TILES: usize = 2;
    const BYTES: bool = false;

    #[inline(always)]
    unsafe fn load(at: *const i16) -> [i16; 32] {
        // SAFETY: *reach*: 32 readable words; arrays of words may be read from anywhere.
        unsafe { at.cast::<[i16; 32]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(at: *mut i16, words: [i16; 32]) {
        // SAFETY: *reach*: 32 writable words.
        unsafe { at.cast::<[i16; 32]>().write_unaligned(words) }
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut i16, words: [i16; 32], count: usize) {
        // SAFETY: *reach*: `count` writable words and a count below 32.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), at, count) }
    }

    #[inline(always)]
    unsafe fn splat(word: i16) -> [i16; 32] {
        [word; 32]
    }

    #[inline(always)]
    unsafe fn splat_pair(at: *const i16) -> [i16; 32] {
        // SAFETY: *reach*: two readable words.
        let pair = unsafe { at.cast::<[i16; 2]>().read_unaligned() };
        let mut words = [0; 32];
        for i in 0..32 {
            words[i] = pair[i % 2];
        }
        words
    }

    #[inline(always)]
    unsafe fn permute(words: [i16; 32], bytes: *const u8) -> [i16; 32] {
        let mut made = [0; 32];
        for (i, made) in made.iter_mut().enumerate() {
            // SAFETY: *reach*: 64 readable indices.
            *made = words[usize::from(unsafe { *bytes.add(2 * i) } / 2) % 32];
        }
        made
    }

    #[inline(always)]
    unsafe fn gather_pairs(at: *const i16, index: [i32; 16]) -> [i16; 32] {
        let mut made = [0; 32];
        for i in 0..16 {
            // SAFETY: *reach*: two readable words at every distance.
            let pair = unsafe { at.offset(index[i] as isize).cast::<[i16; 2]>().read_unaligned() };
            (made[2 * i], made[2 * i + 1]) = (pair[0], pair[1]);
        }
        made
    }

    #[inline(always)]
    unsafe fn interleave(a: [i16; 32], b: [i16; 32]) -> [[i16; 32]; 2] {
        let mut made = [[0; 32]; 2];
        for i in 0..32 {
            (made[i / 16][i % 16 * 2], made[i / 16][i % 16 * 2 + 1]) = (a[i], b[i]);
        }
        made
    }

    #[inline(always)]
    unsafe fn add_saturating(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, i16::saturating_add)
    }

    #[inline(always)]
    unsafe fn add(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, i16::wrapping_add)
    }

    #[inline(always)]
    unsafe fn sub(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, i16::wrapping_sub)
    }

    #[inline(always)]
    unsafe fn mul_low(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, i16::wrapping_mul)
    }

    #[inline(always)]
    unsafe fn mul_high(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, |a, b| ((i32::from(a) * i32::from(b)) >> 16) as i16)
    }

    #[inline(always)]
    unsafe fn mul_rounded(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, |a, b| ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15) as i16)
    }

    #[inline(always)]
    unsafe fn min(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, Ord::min)
    }

    #[inline(always)]
    unsafe fn max(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, Ord::max)
    }

    #[inline(always)]
    unsafe fn and(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, |a, b| a & b)
    }

    #[inline(always)]
    unsafe fn or(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, |a, b| a | b)
    }

    #[inline(always)]
    unsafe fn is_zero(words: [i16; 32]) -> bool {
        words.iter().fold(0, |all, word| all | word) == 0
    }

    #[inline(always)]
    unsafe fn xor(a: [i16; 32], b: [i16; 32]) -> [i16; 32] {
        zip(a, b, |a, b| a ^ b)
    }

    #[inline(always)]
    unsafe fn shift_right_logical(words: [i16; 32], count: u32) -> [i16; 32] {
        zip(words, words, |word, _| ((word as u16) >> (count & 15)) as i16)
    }

    #[inline(always)]
    unsafe fn select_negative(by: [i16; 32], yes: [i16; 32], no: [i16; 32]) -> [i16; 32] {
        let mut made = no;
        for i in 0..32 {
            made[i] = if by[i] < 0 { yes[i] } else { no[i] };
        }
        made
    }

    #[inline(always)]
    unsafe fn split(words: [i16; 32]) -> [i16; 32] {
        words
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const i32) -> [i32; 16] {
        // SAFETY: *reach*: 16 readable sums.
        unsafe { at.cast::<[i32; 16]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn splat_sum(sum: i32) -> [i32; 16] {
        [sum; 16]
    }

    #[inline(always)]
    unsafe fn as_sums(words: [i16; 32]) -> [i32; 16] {
        let mut sums = [0; 16];
        for i in 0..16 {
            sums[i] = i32::from(words[2 * i] as u16) | i32::from(words[2 * i + 1]) << 16;
        }
        sums
    }

    #[inline(always)]
    unsafe fn add_sums(a: [i32; 16], b: [i32; 16]) -> [i32; 16] {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    unsafe fn shift_left(sums: [i32; 16], count: u32) -> [i32; 16] {
        zip(sums, sums, |sum, _| sum << (count & 31))
    }

    #[inline(always)]
    unsafe fn low_bits(sums: [i32; 16], count: u32) -> [i32; 16] {
        sums.map(|sum| sum & ((1 << count) - 1))
    }

    #[inline(always)]
    unsafe fn shift_right(sums: [i32; 16], counts: [i32; 16]) -> [i32; 16] {
        zip(sums, counts, |sum, count| sum >> (count & 31))
    }

    #[inline(always)]
    unsafe fn dot(sums: [i32; 16], a: [i16; 32], b: [i16; 32]) -> [i32; 16] {
        let mut made = sums;
        for i in 0..16 {
            let product = |k: usize| i32::from(a[k]) * i32::from(b[k]);
            made[i] = sums[i].wrapping_add(product(2 * i).wrapping_add(product(2 * i + 1)));
        }
        made
    }

    #[inline(always)]
    unsafe fn dot_bytes(sums: [i32; 16], _: [i16; 32], _: [i16; 32]) -> [i32; 16] {
        sums
    }

    #[inline(always)]
    unsafe fn narrow(a: [i32; 16], b: [i32; 16]) -> [i16; 32] {
        let mut made = [0; 32];
        for i in 0..16 {
            made[i] = a[i].clamp(-0x8000, 0x7fff) as i16;
            made[16 + i] = b[i].clamp(-0x8000, 0x7fff) as i16;
        }
        made
    }

    #[inline(always)]
    unsafe fn narrow_in_turns(a: [i32; 16], b: [i32; 16]) -> [i16; 32] {
        let mut made = [0; 32];
        for i in 0..16 {
            made[2 * i] = a[i].clamp(-0x8000, 0x7fff) as i16;
            made[2 * i + 1] = b[i].clamp(-0x8000, 0x7fff) as i16;
        }
        made
    }

    #[inline(always)]
    unsafe fn narrow_in_order(a: [i32; 16], b: [i32; 16]) -> [i16; 32] {
        // SAFETY: *machine*.
        unsafe { Self::narrow(a, b) }
    }
}

impl<V: Scaled> Convert<V> for Portable {}
