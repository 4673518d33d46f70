//! [`Lanes`] of two registers of 256 bits: AVX2.

use std::arch::x86_64::*;

use super::{convert::Convert, lanes::Lanes, range::Range};

/// Two registers of 256 bits.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

type Two = [__m256i; 2];

/// A block of intrinsics.
macro_rules! vector {
    ($made:expr) => {
        // SAFETY: *machine*, *reach*.
        unsafe { $made }
    };
}

/// An intrinsic on both halves.
macro_rules! halves {
    ($intrinsic:ident, $($operand:expr),+) => {
        vector!([$intrinsic($($operand[0]),+), $intrinsic($($operand[1]),+)])
    };
}

impl Lanes for Avx2 {
    type Words = Two;
    type Sums = Two;
    const TILES: usize = 4;
    const BYTES: bool = false;

    #[inline(always)]
    unsafe fn load(at: *const i16) -> Two {
        vector!([_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(16).cast())])
    }

    #[inline(always)]
    unsafe fn store(at: *mut i16, words: Two) {
        vector!({
            _mm256_storeu_si256(at.cast(), words[0]);
            _mm256_storeu_si256(at.add(16).cast(), words[1]);
        })
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut i16, words: Two, count: usize) {
        let mut all = [0; 32];
        vector!({
            Self::store(all.as_mut_ptr(), words);
            std::ptr::copy_nonoverlapping(all.as_ptr(), at, count);
        })
    }

    #[inline(always)]
    unsafe fn splat(word: i16) -> Two {
        vector!([_mm256_set1_epi16(word); 2])
    }

    #[inline(always)]
    unsafe fn splat_pair(at: *const i16) -> Two {
        vector!([_mm256_set1_epi32(at.cast::<i32>().read_unaligned()); 2])
    }

    #[inline(always)]
    unsafe fn permute(words: Two, bytes: *const u8) -> Two {
        // A byte b of 64 comes from quarter b / 16: shuffle each quarter, and take the bytes of the right one.
        vector!({
            let sources = [
                _mm256_permute2x128_si256::<0x00>(words[0], words[0]),
                _mm256_permute2x128_si256::<0x11>(words[0], words[0]),
                _mm256_permute2x128_si256::<0x00>(words[1], words[1]),
                _mm256_permute2x128_si256::<0x11>(words[1], words[1]),
            ];
            let mut made = [_mm256_setzero_si256(); 2];
            for half in 0..2 {
                let index = _mm256_loadu_si256(bytes.add(32 * half).cast());
                for quarter in 0..4 {
                    // Bytes of another quarter get an index of 16 or more; adding 112 makes that negative, which gives 0.
                    let own = _mm256_sub_epi8(index, _mm256_set1_epi8(16 * quarter as i8));
                    let own = _mm256_adds_epu8(own, _mm256_set1_epi8(112));
                    made[half] = _mm256_or_si256(made[half], _mm256_shuffle_epi8(sources[quarter], own));
                }
            }
            made
        })
    }

    #[inline(always)]
    unsafe fn load_quarters([a, b, c, d]: [*const i16; 4]) -> Two {
        vector!([_mm256_loadu2_m128i(b.cast(), a.cast()), _mm256_loadu2_m128i(d.cast(), c.cast())])
    }

    #[inline(always)]
    unsafe fn transpose_quarters([a, b, c, d]: [Two; 4]) -> [Two; 4] {
        let ab = [halves!(_mm256_unpacklo_epi32, a, b), halves!(_mm256_unpackhi_epi32, a, b)];
        let cd = [halves!(_mm256_unpacklo_epi32, c, d), halves!(_mm256_unpackhi_epi32, c, d)];
        [
            halves!(_mm256_unpacklo_epi64, ab[0], cd[0]),
            halves!(_mm256_unpackhi_epi64, ab[0], cd[0]),
            halves!(_mm256_unpacklo_epi64, ab[1], cd[1]),
            halves!(_mm256_unpackhi_epi64, ab[1], cd[1]),
        ]
    }

    #[inline(always)]
    unsafe fn gather_pairs(at: *const i16, index: Two) -> Two {
        vector!([
            _mm256_i32gather_epi32::<2>(at.cast(), index[0]),
            _mm256_i32gather_epi32::<2>(at.cast(), index[1]),
        ])
    }

    #[inline(always)]
    unsafe fn interleave(a: Two, b: Two) -> [Two; 2] {
        [halves!(_mm256_unpacklo_epi16, a, b), halves!(_mm256_unpackhi_epi16, a, b)]
    }

    #[inline(always)]
    unsafe fn add_saturating(a: Two, b: Two) -> Two {
        halves!(_mm256_adds_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn add(a: Two, b: Two) -> Two {
        halves!(_mm256_add_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn sub(a: Two, b: Two) -> Two {
        halves!(_mm256_sub_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn mul_low(a: Two, b: Two) -> Two {
        halves!(_mm256_mullo_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn mul_high(a: Two, b: Two) -> Two {
        halves!(_mm256_mulhi_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn mul_rounded(a: Two, b: Two) -> Two {
        halves!(_mm256_mulhrs_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn min(a: Two, b: Two) -> Two {
        halves!(_mm256_min_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn max(a: Two, b: Two) -> Two {
        halves!(_mm256_max_epi16, a, b)
    }

    #[inline(always)]
    unsafe fn and(a: Two, b: Two) -> Two {
        halves!(_mm256_and_si256, a, b)
    }

    #[inline(always)]
    unsafe fn or(a: Two, b: Two) -> Two {
        halves!(_mm256_or_si256, a, b)
    }

    #[inline(always)]
    unsafe fn is_zero([a, b]: Two) -> bool {
        vector!({
            let all = _mm256_or_si256(a, b);
            _mm256_testz_si256(all, all) == 1
        })
    }

    #[inline(always)]
    unsafe fn xor(a: Two, b: Two) -> Two {
        halves!(_mm256_xor_si256, a, b)
    }

    #[inline(always)]
    unsafe fn shift_right_logical(words: Two, count: u32) -> Two {
        let count = vector!([_mm_cvtsi32_si128(count as i32); 2]);
        halves!(_mm256_srl_epi16, words, count)
    }

    #[inline(always)]
    unsafe fn select_negative(by: Two, yes: Two, no: Two) -> Two {
        let negative = vector!([_mm256_srai_epi16::<15>(by[0]), _mm256_srai_epi16::<15>(by[1])]);
        halves!(_mm256_blendv_epi8, no, yes, negative)
    }

    #[inline(always)]
    unsafe fn split(words: Two) -> Two {
        words
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const i32) -> Two {
        vector!(Self::load(at.cast()))
    }

    #[inline(always)]
    unsafe fn splat_sum(sum: i32) -> Two {
        vector!([_mm256_set1_epi32(sum); 2])
    }

    #[inline(always)]
    unsafe fn as_sums(words: Two) -> Two {
        words
    }

    #[inline(always)]
    unsafe fn add_sums(a: Two, b: Two) -> Two {
        halves!(_mm256_add_epi32, a, b)
    }

    #[inline(always)]
    unsafe fn shift_left(sums: Two, count: u32) -> Two {
        let count = vector!([_mm256_set1_epi32(count as i32); 2]);
        halves!(_mm256_sllv_epi32, sums, count)
    }

    #[inline(always)]
    unsafe fn low_bits(sums: Two, count: u32) -> Two {
        let mask = vector!([_mm256_set1_epi32((1 << count) - 1); 2]);
        halves!(_mm256_and_si256, sums, mask)
    }

    #[inline(always)]
    unsafe fn shift_right(sums: Two, counts: Two) -> Two {
        halves!(_mm256_srav_epi32, sums, counts)
    }

    #[inline(always)]
    unsafe fn dot(sums: Two, a: Two, b: Two) -> Two {
        // Only twice 2^30 wraps, as the sums do.
        let products = halves!(_mm256_madd_epi16, a, b);
        halves!(_mm256_add_epi32, sums, products)
    }

    #[inline(always)]
    unsafe fn dot_bytes(sums: Two, _: Two, _: Two) -> Two {
        sums
    }

    #[inline(always)]
    unsafe fn narrow(a: Two, b: Two) -> Two {
        halves!(_mm256_packs_epi32, a, b)
    }

    #[inline(always)]
    unsafe fn narrow_in_turns(a: Two, b: Two) -> Two {
        // Packed, every quarter has four words of `a` and then four of `b`.
        const TURNS: i128 = 0x0f0e_0706_0d0c_0504_0b0a_0302_0908_0100;
        let packed = halves!(_mm256_packs_epi32, a, b);
        let turns = vector!(_mm_set_epi64x((TURNS >> 64) as i64, TURNS as i64));
        let turns = vector!([_mm256_broadcastsi128_si256(turns); 2]);
        halves!(_mm256_shuffle_epi8, packed, turns)
    }

    #[inline(always)]
    unsafe fn narrow_in_order(a: Two, b: Two) -> Two {
        // Each half of the result is one operand: its quarters 0 and 1, which packing keeps apart.
        let packed = vector!([_mm256_packs_epi32(a[0], a[1]), _mm256_packs_epi32(b[0], b[1])]);
        vector!([_mm256_permute4x64_epi64::<0xd8>(packed[0]), _mm256_permute4x64_epi64::<0xd8>(packed[1])])
    }
}

/// Those of eight values from `at` on that are among the first `count`.
#[inline(always)]
unsafe fn present(count: usize, at: usize) -> __m256i {
    vector!({
        let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32 - at as i32), places)
    })
}

impl Convert<f64> for Avx2 {}

impl Convert<f32> for Avx2 {
    #[inline(always)]
    unsafe fn quantise(values: *const f32, factors: *const f32, range: Range, count: usize) -> (Two, bool) {
        vector!({
            let most = _mm256_set1_ps(2.0 * f32::from(range.max));
            let (zero, one) = (_mm256_setzero_ps(), _mm256_set1_epi32(1));
            let (mut eights, mut seen) = ([_mm256_setzero_si256(); 4], zero);
            for q in 0..4 {
                let from = values.wrapping_add(8 * q);
                let x = match count {
                    32 => _mm256_loadu_ps(from),
                    _ => _mm256_maskload_ps(from, present(count, 8 * q)),
                };
                // NaN from the first value on that is not finite.
                seen = _mm256_fmadd_ps(x, zero, seen);
                // As `Scaled::nearest`. What is too small for 32 bits becomes the least of them, and saturates again below.
                let twice = _mm256_mul_ps(_mm256_add_ps(x, x), _mm256_loadu_ps(factors.add(8 * q)));
                let floor = _mm256_cvttps_epi32(_mm256_floor_ps(_mm256_min_ps(twice, most)));
                eights[q] = _mm256_srai_epi32::<1>(_mm256_add_epi32(floor, one));
            }
            let words = Self::narrow_in_order([eights[0], eights[1]], [eights[2], eights[3]]);
            let unbounded = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_UNORD_Q>(seen, seen));
            (range.clamp::<Self>(words), unbounded == 0)
        })
    }

    #[inline(always)]
    unsafe fn dequantise(words: Two, factors: *const f32, values: *mut f32, count: usize) {
        vector!({
            for q in 0..4 {
                let eight = match q % 2 {
                    0 => _mm256_castsi256_si128(words[q / 2]),
                    _ => _mm256_extracti128_si256::<1>(words[q / 2]),
                };
                let x = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(eight));
                let x = _mm256_mul_ps(x, _mm256_loadu_ps(factors.add(8 * q)));
                let to = values.wrapping_add(8 * q);
                match count {
                    32 => _mm256_storeu_ps(to, x),
                    _ => _mm256_maskstore_ps(to, present(count, 8 * q), x),
                }
            }
        })
    }
}
