//! What the kernels need of an instruction set: 32 words or 16 sums at a time.

/// Vectors of 32 words of 16 bits and of 16 sums of 32 bits.
///
/// All arithmetic wraps unless a name says otherwise. The kernels are written once over this trait, and compiled once for
/// every instruction set.
///
/// # Safety
/// *Machine*, and *reach*: pointers to as many values as a function says.
pub(crate) trait Lanes: Copy {
    /// 32 words.
    type Words: Copy;
    /// 16 sums.
    type Sums: Copy;
    /// Tiles of 16 outputs whose sums fit the registers.
    const TILES: usize;
    /// Whether there is a dot product of bytes.
    const BYTES: bool;

    /// 32 words from anywhere.
    unsafe fn load(at: *const i16) -> Self::Words;
    /// The first `count` words, less than 32, and zeros.
    #[inline(always)]
    unsafe fn load_first(at: *const i16, count: usize) -> Self::Words {
        let mut words = [0; 32];
        // SAFETY: *machine*; *reach*: `count` readable words.
        unsafe {
            std::ptr::copy_nonoverlapping(at, words.as_mut_ptr(), count);
            Self::load(words.as_ptr())
        }
    }
    /// 32 words to anywhere.
    unsafe fn store(at: *mut i16, words: Self::Words);
    /// The first `count` words, less than 32.
    unsafe fn store_first(at: *mut i16, words: Self::Words, count: usize);
    /// One word 32 times.
    unsafe fn splat(word: i16) -> Self::Words;
    /// The two words at `at`, 16 times.
    unsafe fn splat_pair(at: *const i16) -> Self::Words;
    /// The eight words at `at`, 4 times. Only if there are [`BYTES`](Self::BYTES).
    #[inline(always)]
    unsafe fn splat_eight(at: *const i16) -> Self::Words {
        let mut words = [0; 32];
        // SAFETY: *machine*; *reach*: eight words.
        unsafe {
            words.iter_mut().enumerate().for_each(|(i, word)| *word = *at.add(i % 8));
            Self::load(words.as_ptr())
        }
    }
    /// Eight words from each of four places.
    #[inline(always)]
    unsafe fn load_quarters(at: [*const i16; 4]) -> Self::Words {
        let mut words = [[0; 8]; 4];
        // SAFETY: *machine*; *reach*: eight words at every place.
        unsafe {
            for q in 0..4 {
                words[q] = at[q].cast::<[i16; 8]>().read_unaligned();
            }
            Self::load(words.as_flattened().as_ptr())
        }
    }
    /// Within every quarter, pair j of the result's vector i is pair i of vector j.
    #[inline(always)]
    unsafe fn transpose_quarters(vectors: [Self::Words; 4]) -> [Self::Words; 4] {
        let (mut columns, mut rows) = ([[0; 32]; 4], [[0; 32]; 4]);
        // SAFETY: *machine*; *local*: there are 32 words.
        unsafe {
            for j in 0..4 {
                Self::store(columns[j].as_mut_ptr(), vectors[j]);
            }
            for at in 0..32 {
                for j in 0..4 {
                    rows[at / 2 % 4][8 * (at / 8) + 2 * j + at % 2] = columns[j][at];
                }
            }
            [0, 1, 2, 3].map(|i| Self::load(rows[i].as_ptr()))
        }
    }
    /// Byte i of the result is byte `bytes[i]` of `words`; both bytes of a word come from one word, in order.
    unsafe fn permute(words: Self::Words, bytes: *const u8) -> Self::Words;
    /// Byte i of the result is byte `bytes[i]` of `words`. Only if there are [`BYTES`](Self::BYTES).
    #[inline(always)]
    unsafe fn permute_bytes(words: Self::Words, bytes: *const u8) -> Self::Words {
        // SAFETY: *machine*, *reach*.
        unsafe { Self::permute(words, bytes) }
    }
    /// The two words at each of 16 word distances from `at`.
    unsafe fn gather_pairs(at: *const i16, index: Self::Sums) -> Self::Words;
    /// Words of `a` and `b` in turn, in an order that [`narrow`](Self::narrow) undoes.
    unsafe fn interleave(a: Self::Words, b: Self::Words) -> [Self::Words; 2];
    /// a + b, saturating.
    unsafe fn add_saturating(a: Self::Words, b: Self::Words) -> Self::Words;
    /// a + b.
    unsafe fn add(a: Self::Words, b: Self::Words) -> Self::Words;
    /// a - b.
    unsafe fn sub(a: Self::Words, b: Self::Words) -> Self::Words;
    /// The lower half of the products.
    unsafe fn mul_low(a: Self::Words, b: Self::Words) -> Self::Words;
    /// The upper half of the products.
    unsafe fn mul_high(a: Self::Words, b: Self::Words) -> Self::Words;
    /// (a · b + 2^14) >> 15; the operands are not both -2^15.
    unsafe fn mul_rounded(a: Self::Words, b: Self::Words) -> Self::Words;
    /// The smaller words.
    unsafe fn min(a: Self::Words, b: Self::Words) -> Self::Words;
    /// The larger words.
    unsafe fn max(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Bitwise and.
    unsafe fn and(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Bitwise or.
    unsafe fn or(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Bitwise exclusive or.
    unsafe fn xor(a: Self::Words, b: Self::Words) -> Self::Words;
    /// Whether all words are 0.
    unsafe fn is_zero(words: Self::Words) -> bool;
    /// Zeros shifted in from the left, `count` below 16.
    unsafe fn shift_right_logical(words: Self::Words, count: u32) -> Self::Words;
    /// `yes` where `by` is negative.
    unsafe fn select_negative(by: Self::Words, yes: Self::Words, no: Self::Words) -> Self::Words;
    /// The low bytes of all words, then the high bytes.
    unsafe fn split(words: Self::Words) -> Self::Words;

    /// 16 sums from anywhere.
    unsafe fn load_sums(at: *const i32) -> Self::Sums;
    /// One sum 16 times.
    unsafe fn splat_sum(sum: i32) -> Self::Sums;
    /// Pairs of words as sums: the first word of a pair is the lower half.
    unsafe fn as_sums(words: Self::Words) -> Self::Sums;
    /// a + b.
    unsafe fn add_sums(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// sums << `count`.
    unsafe fn shift_left(sums: Self::Sums, count: u32) -> Self::Sums;
    /// sums mod 2^`count`.
    unsafe fn low_bits(sums: Self::Sums, count: u32) -> Self::Sums;
    /// sums >> counts, each below 32.
    unsafe fn shift_right(sums: Self::Sums, counts: Self::Sums) -> Self::Sums;
    /// sums + a₀ · b₀ + a₁ · b₁ for the pairs of words.
    unsafe fn dot(sums: Self::Sums, a: Self::Words, b: Self::Words) -> Self::Sums;
    /// sums + Σ a · b for the quads of bytes, those of `a` unsigned and those of `b` signed. Only if there are
    /// [`BYTES`](Self::BYTES).
    unsafe fn dot_bytes(sums: Self::Sums, a: Self::Words, b: Self::Words) -> Self::Sums;
    /// Sum 4 k + j of the result is the sum of the four from 4 k on of `sums[j]`. Only if there are [`BYTES`](Self::BYTES).
    #[inline(always)]
    unsafe fn add_fours(sums: [Self::Sums; 4]) -> Self::Sums {
        const { assert!(!Self::BYTES) };
        sums[0]
    }
    /// Saturated to words, in the order of words before they were [interleaved](Self::interleave).
    unsafe fn narrow(a: Self::Sums, b: Self::Sums) -> Self::Words;
    /// Saturated to words, one of `a` and one of `b` in turn.
    unsafe fn narrow_in_turns(a: Self::Sums, b: Self::Sums) -> Self::Words;
    /// Saturated to words, those of `a` first.
    unsafe fn narrow_in_order(a: Self::Sums, b: Self::Sums) -> Self::Words;
}
