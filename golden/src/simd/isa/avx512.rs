//! [`Lanes`] of 512 bits: AVX-512 with VNNI and VBMI.

use std::arch::x86_64::*;

use super::{convert::Convert, lanes::Lanes, range::Range};

/// One register of 512 bits.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// A block of intrinsics.
macro_rules! vector {
    ($made:expr) => {
        // SAFETY: *machine*, *reach*.
        unsafe { $made }
    };
}

impl Lanes for Avx512 {
    type Words = __m512i;
    type Sums = __m512i;
    const TILES: usize = 8;
    const BYTES: bool = true;

    #[inline(always)]
    unsafe fn load(at: *const i16) -> __m512i {
        vector!(_mm512_loadu_epi16(at))
    }

    #[inline(always)]
    unsafe fn load_first(at: *const i16, count: usize) -> __m512i {
        vector!(_mm512_maskz_loadu_epi16((1 << count) - 1, at))
    }

    #[inline(always)]
    unsafe fn store(at: *mut i16, words: __m512i) {
        vector!(_mm512_storeu_epi16(at, words))
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut i16, words: __m512i, count: usize) {
        vector!(_mm512_mask_storeu_epi16(at, (1 << count) - 1, words))
    }

    #[inline(always)]
    unsafe fn splat(word: i16) -> __m512i {
        vector!(_mm512_set1_epi16(word))
    }

    #[inline(always)]
    unsafe fn splat_pair(at: *const i16) -> __m512i {
        vector!(_mm512_set1_epi32(at.cast::<i32>().read_unaligned()))
    }

    #[inline(always)]
    unsafe fn splat_eight(at: *const i16) -> __m512i {
        vector!(_mm512_broadcast_i32x4(_mm_loadu_si128(at.cast())))
    }

    #[inline(always)]
    unsafe fn permute(words: __m512i, bytes: *const u8) -> __m512i {
        vector!(_mm512_permutexvar_epi8(_mm512_loadu_epi8(bytes.cast()), words))
    }

    #[inline(always)]
    unsafe fn load_quarters([a, b, c, d]: [*const i16; 4]) -> __m512i {
        vector!({
            let words = _mm512_castsi128_si512(_mm_loadu_si128(a.cast()));
            let words = _mm512_inserti32x4::<1>(words, _mm_loadu_si128(b.cast()));
            let words = _mm512_inserti32x4::<2>(words, _mm_loadu_si128(c.cast()));
            _mm512_inserti32x4::<3>(words, _mm_loadu_si128(d.cast()))
        })
    }

    #[inline(always)]
    unsafe fn transpose_quarters([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        vector!({
            let ab = [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
            let cd = [_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d)];
            [
                _mm512_unpacklo_epi64(ab[0], cd[0]),
                _mm512_unpackhi_epi64(ab[0], cd[0]),
                _mm512_unpacklo_epi64(ab[1], cd[1]),
                _mm512_unpackhi_epi64(ab[1], cd[1]),
            ]
        })
    }

    #[inline(always)]
    unsafe fn gather_pairs(at: *const i16, index: __m512i) -> __m512i {
        vector!(_mm512_i32gather_epi32::<2>(index, at.cast()))
    }

    #[inline(always)]
    unsafe fn interleave(a: __m512i, b: __m512i) -> [__m512i; 2] {
        vector!([_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)])
    }

    #[inline(always)]
    unsafe fn add_saturating(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_adds_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn add(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_add_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn sub(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_sub_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn mul_low(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_mullo_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn mul_high(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_mulhi_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn mul_rounded(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_mulhrs_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn min(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_min_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn max(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_max_epi16(a, b))
    }

    #[inline(always)]
    unsafe fn and(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_and_si512(a, b))
    }

    #[inline(always)]
    unsafe fn or(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_or_si512(a, b))
    }

    #[inline(always)]
    unsafe fn is_zero(words: __m512i) -> bool {
        vector!(_mm512_test_epi32_mask(words, words) == 0)
    }

    #[inline(always)]
    unsafe fn xor(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_xor_si512(a, b))
    }

    #[inline(always)]
    unsafe fn shift_right_logical(words: __m512i, count: u32) -> __m512i {
        vector!(_mm512_srl_epi16(words, _mm_cvtsi32_si128(count as i32)))
    }

    #[inline(always)]
    unsafe fn select_negative(by: __m512i, yes: __m512i, no: __m512i) -> __m512i {
        vector!(_mm512_mask_mov_epi16(no, _mm512_movepi16_mask(by), yes))
    }

    #[inline(always)]
    unsafe fn split(words: __m512i) -> __m512i {
        const LOW_THEN_HIGH: [u8; 64] = {
            let mut bytes = [0; 64];
            let mut i = 0;
            while i < 32 {
                (bytes[i], bytes[32 + i]) = (2 * i as u8, 2 * i as u8 + 1);
                i += 1;
            }
            bytes
        };
        vector!(_mm512_permutexvar_epi8(_mm512_loadu_epi8(LOW_THEN_HIGH.as_ptr().cast()), words))
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const i32) -> __m512i {
        vector!(_mm512_loadu_epi32(at))
    }

    #[inline(always)]
    unsafe fn splat_sum(sum: i32) -> __m512i {
        vector!(_mm512_set1_epi32(sum))
    }

    #[inline(always)]
    unsafe fn as_sums(words: __m512i) -> __m512i {
        words
    }

    #[inline(always)]
    unsafe fn add_sums(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    unsafe fn shift_left(sums: __m512i, count: u32) -> __m512i {
        vector!(_mm512_sllv_epi32(sums, _mm512_set1_epi32(count as i32)))
    }

    #[inline(always)]
    unsafe fn low_bits(sums: __m512i, count: u32) -> __m512i {
        vector!(_mm512_and_si512(sums, _mm512_set1_epi32((1 << count) - 1)))
    }

    #[inline(always)]
    unsafe fn shift_right(sums: __m512i, counts: __m512i) -> __m512i {
        vector!(_mm512_srav_epi32(sums, counts))
    }

    #[inline(always)]
    unsafe fn dot(sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_dpwssd_epi32(sums, a, b))
    }

    #[inline(always)]
    unsafe fn dot_bytes(sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_dpbusd_epi32(sums, a, b))
    }

    #[inline(always)]
    unsafe fn add_fours([a, b, c, d]: [__m512i; 4]) -> __m512i {
        vector!({
            // Halves of a and b in turn, and of c and d: then their halves.
            let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd))
        })
    }

    #[inline(always)]
    unsafe fn narrow(a: __m512i, b: __m512i) -> __m512i {
        vector!(_mm512_packs_epi32(a, b))
    }

    #[inline(always)]
    unsafe fn narrow_in_turns(a: __m512i, b: __m512i) -> __m512i {
        // Packed, every quarter has four words of `a` and then four of `b`.
        const TURNS: i128 = 0x0f0e_0706_0d0c_0504_0b0a_0302_0908_0100;
        vector!({
            let turns = _mm512_broadcast_i32x4(_mm_set_epi64x((TURNS >> 64) as i64, TURNS as i64));
            _mm512_shuffle_epi8(_mm512_packs_epi32(a, b), turns)
        })
    }

    #[inline(always)]
    unsafe fn narrow_in_order(a: __m512i, b: __m512i) -> __m512i {
        vector!({
            let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
            _mm512_permutexvar_epi64(order, _mm512_packs_epi32(a, b))
        })
    }
}

/// Rounding towards -∞.
const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;

/// The classes of numbers that are not finite: quiet and signalling NaN, and infinities.
const UNBOUNDED: i32 = 0x99;

impl Convert<f64> for Avx512 {
    #[inline(always)]
    unsafe fn quantise(
        values: *const f64,
        factors: *const f64,
        range: Range,
        count: usize,
    ) -> (__m512i, bool) {
        vector!({
            let present = (u64::MAX >> (64 - count)) as u32;
            let most = _mm512_set1_pd(f64::from(range.max));
            let half = _mm512_set1_pd(0.5);
            let (mut eights, mut unbounded) = ([_mm256_setzero_si256(); 4], 0);
            for q in 0..4 {
                let x = _mm512_maskz_loadu_pd((present >> (8 * q)) as u8, values.wrapping_add(8 * q));
                unbounded |= _mm512_fpclass_pd_mask::<UNBOUNDED>(x);
                // The product is not rounded, and the sum downwards: past no integer, so that its floor is that of the exact sum.
                let raw = _mm512_fmadd_round_pd::<DOWN>(x, _mm512_loadu_pd(factors.add(8 * q)), half);
                // What is too small for 32 bits becomes the least of them, and saturates again below.
                let raw = _mm512_min_pd(raw, most);
                eights[q] = _mm512_cvt_roundpd_epi32::<DOWN>(raw);
            }
            let low = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(eights[0]), eights[1]);
            let high = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(eights[2]), eights[3]);
            (range.clamp::<Self>(Self::narrow_in_order(low, high)), unbounded == 0)
        })
    }

    #[inline(always)]
    unsafe fn dequantise(words: __m512i, factors: *const f64, values: *mut f64, count: usize) {
        vector!({
            let present = (u64::MAX >> (64 - count)) as u32;
            let halves = [
                _mm512_cvtepi16_epi32(_mm512_castsi512_si256(words)),
                _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(words)),
            ];
            for q in 0..4 {
                let eight = match q % 2 {
                    0 => _mm512_castsi512_si256(halves[q / 2]),
                    _ => _mm512_extracti64x4_epi64::<1>(halves[q / 2]),
                };
                let x = _mm512_mul_pd(_mm512_cvtepi32_pd(eight), _mm512_loadu_pd(factors.add(8 * q)));
                match count {
                    32 => _mm512_storeu_pd(values.add(8 * q), x),
                    _ => _mm512_mask_storeu_pd(values.wrapping_add(8 * q), (present >> (8 * q)) as u8, x),
                }
            }
        })
    }
}

impl Convert<f32> for Avx512 {
    #[inline(always)]
    unsafe fn quantise(
        values: *const f32,
        factors: *const f32,
        range: Range,
        count: usize,
    ) -> (__m512i, bool) {
        vector!({
            let present = (u64::MAX >> (64 - count)) as u32;
            let most = _mm512_set1_ps(f32::from(range.max));
            let half = _mm512_set1_ps(0.5);
            let (mut halves, mut unbounded) = ([_mm512_setzero_si512(); 2], 0);
            for h in 0..2 {
                let x = _mm512_maskz_loadu_ps((present >> (16 * h)) as u16, values.wrapping_add(16 * h));
                unbounded |= _mm512_fpclass_ps_mask::<UNBOUNDED>(x);
                // The product is not rounded, and the sum downwards: past no integer, so that its floor is that of the exact sum.
                let raw = _mm512_fmadd_round_ps::<DOWN>(x, _mm512_loadu_ps(factors.add(16 * h)), half);
                // What is too small for 32 bits becomes the least of them, and saturates again below.
                halves[h] = _mm512_cvt_roundps_epi32::<DOWN>(_mm512_min_ps(raw, most));
            }
            (range.clamp::<Self>(Self::narrow_in_order(halves[0], halves[1])), unbounded == 0)
        })
    }

    #[inline(always)]
    unsafe fn dequantise(words: __m512i, factors: *const f32, values: *mut f32, count: usize) {
        vector!({
            let present = (u64::MAX >> (64 - count)) as u32;
            let halves = [_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64::<1>(words)];
            for h in 0..2 {
                let sixteen = _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(halves[h]));
                let x = _mm512_mul_ps(sixteen, _mm512_loadu_ps(factors.add(16 * h)));
                match count {
                    32 => _mm512_storeu_ps(values.add(16 * h), x),
                    _ => _mm512_mask_storeu_ps(values.wrapping_add(16 * h), (present >> (16 * h)) as u16, x),
                }
            }
        })
    }
}
