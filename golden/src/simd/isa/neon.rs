//! [`Lanes`] of four registers of 128 bits: NEON.

// Where every machine has NEON, its intrinsics are safe.
#![allow(unused_unsafe)]

use std::arch::aarch64::*;

use super::{
    convert::{Convert, Scaled},
    lanes::Lanes,
};

/// Four registers of 128 bits.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

type Words = [int16x8_t; 4];
type Sums = [int32x4_t; 4];

/// A block of intrinsics.
macro_rules! vector {
    ($made:expr) => {
        // SAFETY: *machine*, *reach*.
        unsafe { $made }
    };
}

/// An intrinsic on all quarters.
macro_rules! quarters {
    ($intrinsic:ident, $($operand:expr),+) => {
        vector!([
            $intrinsic($($operand[0]),+),
            $intrinsic($($operand[1]),+),
            $intrinsic($($operand[2]),+),
            $intrinsic($($operand[3]),+),
        ])
    };
}

impl Lanes for Neon {
    type Words = Words;
    type Sums = Sums;
    const TILES: usize = 4;
    const BYTES: bool = false;

    #[inline(always)]
    unsafe fn load(at: *const i16) -> Words {
        vector!([vld1q_s16(at), vld1q_s16(at.add(8)), vld1q_s16(at.add(16)), vld1q_s16(at.add(24))])
    }

    #[inline(always)]
    unsafe fn store(at: *mut i16, words: Words) {
        vector!({
            vst1q_s16(at, words[0]);
            vst1q_s16(at.add(8), words[1]);
            vst1q_s16(at.add(16), words[2]);
            vst1q_s16(at.add(24), words[3]);
        })
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut i16, words: Words, count: usize) {
        let mut all = [0; 32];
        vector!({
            Self::store(all.as_mut_ptr(), words);
            std::ptr::copy_nonoverlapping(all.as_ptr(), at, count);
        })
    }

    #[inline(always)]
    unsafe fn splat(word: i16) -> Words {
        vector!([vdupq_n_s16(word); 4])
    }

    #[inline(always)]
    unsafe fn splat_pair(at: *const i16) -> Words {
        vector!([vreinterpretq_s16_s32(vdupq_n_s32(at.cast::<i32>().read_unaligned())); 4])
    }

    #[inline(always)]
    unsafe fn permute(words: Words, bytes: *const u8) -> Words {
        vector!({
            let all = uint8x16x4_t(
                vreinterpretq_u8_s16(words[0]),
                vreinterpretq_u8_s16(words[1]),
                vreinterpretq_u8_s16(words[2]),
                vreinterpretq_u8_s16(words[3]),
            );
            let mut made = words;
            for (quarter, made) in made.iter_mut().enumerate() {
                *made = vreinterpretq_s16_u8(vqtbl4q_u8(all, vld1q_u8(bytes.add(16 * quarter))));
            }
            made
        })
    }

    #[inline(always)]
    unsafe fn gather_pairs(at: *const i16, index: Sums) -> Words {
        let (mut from, mut pairs) = ([0i32; 16], [0i32; 16]);
        vector!({
            for quarter in 0..4 {
                vst1q_s32(from.as_mut_ptr().add(4 * quarter), index[quarter]);
            }
            for i in 0..16 {
                pairs[i] = at.offset(from[i] as isize).cast::<i32>().read_unaligned();
            }
            Self::load(pairs.as_ptr().cast())
        })
    }

    #[inline(always)]
    unsafe fn interleave(a: Words, b: Words) -> [Words; 2] {
        vector!([
            [vzip1q_s16(a[0], b[0]), vzip2q_s16(a[0], b[0]), vzip1q_s16(a[1], b[1]), vzip2q_s16(a[1], b[1])],
            [vzip1q_s16(a[2], b[2]), vzip2q_s16(a[2], b[2]), vzip1q_s16(a[3], b[3]), vzip2q_s16(a[3], b[3])],
        ])
    }

    #[inline(always)]
    unsafe fn add_saturating(a: Words, b: Words) -> Words {
        quarters!(vqaddq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn add(a: Words, b: Words) -> Words {
        quarters!(vaddq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn sub(a: Words, b: Words) -> Words {
        quarters!(vsubq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn mul_low(a: Words, b: Words) -> Words {
        quarters!(vmulq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn mul_high(a: Words, b: Words) -> Words {
        let high = |a: int16x8_t, b: int16x8_t| {
            vector!({
                let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
                let high = vmull_high_s16(a, b);
                vuzp2q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high))
            })
        };
        [high(a[0], b[0]), high(a[1], b[1]), high(a[2], b[2]), high(a[3], b[3])]
    }

    #[inline(always)]
    unsafe fn mul_rounded(a: Words, b: Words) -> Words {
        quarters!(vqrdmulhq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn min(a: Words, b: Words) -> Words {
        quarters!(vminq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn max(a: Words, b: Words) -> Words {
        quarters!(vmaxq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn and(a: Words, b: Words) -> Words {
        quarters!(vandq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn or(a: Words, b: Words) -> Words {
        quarters!(vorrq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn is_zero([a, b, c, d]: Words) -> bool {
        vector!({
            let all = vorrq_s16(vorrq_s16(a, b), vorrq_s16(c, d));
            vmaxvq_u16(vreinterpretq_u16_s16(all)) == 0
        })
    }

    #[inline(always)]
    unsafe fn xor(a: Words, b: Words) -> Words {
        quarters!(veorq_s16, a, b)
    }

    #[inline(always)]
    unsafe fn shift_right_logical(words: Words, count: u32) -> Words {
        let shift = |words: int16x8_t| {
            vector!({
                let right = vdupq_n_s16(-(count as i16));
                vreinterpretq_s16_u16(vshlq_u16(vreinterpretq_u16_s16(words), right))
            })
        };
        [shift(words[0]), shift(words[1]), shift(words[2]), shift(words[3])]
    }

    #[inline(always)]
    unsafe fn select_negative(by: Words, yes: Words, no: Words) -> Words {
        let negative = quarters!(vcltzq_s16, by);
        quarters!(vbslq_s16, negative, yes, no)
    }

    #[inline(always)]
    unsafe fn split(words: Words) -> Words {
        words
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const i32) -> Sums {
        vector!([vld1q_s32(at), vld1q_s32(at.add(4)), vld1q_s32(at.add(8)), vld1q_s32(at.add(12))])
    }

    #[inline(always)]
    unsafe fn splat_sum(sum: i32) -> Sums {
        vector!([vdupq_n_s32(sum); 4])
    }

    #[inline(always)]
    unsafe fn as_sums(words: Words) -> Sums {
        quarters!(vreinterpretq_s32_s16, words)
    }

    #[inline(always)]
    unsafe fn add_sums(a: Sums, b: Sums) -> Sums {
        quarters!(vaddq_s32, a, b)
    }

    #[inline(always)]
    unsafe fn shift_left(sums: Sums, count: u32) -> Sums {
        let count = vector!([vdupq_n_s32(count as i32); 4]);
        quarters!(vshlq_s32, sums, count)
    }

    #[inline(always)]
    unsafe fn low_bits(sums: Sums, count: u32) -> Sums {
        let mask = vector!([vdupq_n_s32((1 << count) - 1); 4]);
        quarters!(vandq_s32, sums, mask)
    }

    #[inline(always)]
    unsafe fn shift_right(sums: Sums, counts: Sums) -> Sums {
        let counts = quarters!(vnegq_s32, counts);
        quarters!(vshlq_s32, sums, counts)
    }

    #[inline(always)]
    unsafe fn dot(sums: Sums, a: Words, b: Words) -> Sums {
        let dot = |sum: int32x4_t, a: int16x8_t, b: int16x8_t| {
            vector!({
                let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
                vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(a, b)))
            })
        };
        [
            dot(sums[0], a[0], b[0]),
            dot(sums[1], a[1], b[1]),
            dot(sums[2], a[2], b[2]),
            dot(sums[3], a[3], b[3]),
        ]
    }

    #[inline(always)]
    unsafe fn dot_bytes(sums: Sums, _: Words, _: Words) -> Sums {
        sums
    }

    #[inline(always)]
    unsafe fn narrow(a: Sums, b: Sums) -> Words {
        let narrow = |low: int32x4_t, high: int32x4_t| vector!(vqmovn_high_s32(vqmovn_s32(low), high));
        [narrow(a[0], a[1]), narrow(a[2], a[3]), narrow(b[0], b[1]), narrow(b[2], b[3])]
    }

    #[inline(always)]
    unsafe fn narrow_in_turns(a: Sums, b: Sums) -> Words {
        let turns = |a: int32x4_t, b: int32x4_t| {
            vector!({
                let pairs = vzip_s16(vqmovn_s32(a), vqmovn_s32(b));
                vcombine_s16(pairs.0, pairs.1)
            })
        };
        [turns(a[0], b[0]), turns(a[1], b[1]), turns(a[2], b[2]), turns(a[3], b[3])]
    }

    #[inline(always)]
    unsafe fn narrow_in_order(a: Sums, b: Sums) -> Words {
        // SAFETY: *machine*.
        unsafe { Self::narrow(a, b) }
    }
}

impl<V: Scaled> Convert<V> for Neon {}
