//! What the machine can do at most: dot products in registers alone.

use super::lanes::Lanes;

/// Sums at once, enough to hide the latency of a dot product.
const SUMS: usize = 12;

/// Multiply-accumulates of a round of [`busy`].
pub(crate) const MACS: usize = SUMS * 64;

/// Nothing but `rounds` times some dot products of bytes.
///
/// # Safety
/// *Machine*.
#[inline(always)]
pub(crate) unsafe fn busy<L: Lanes>(rounds: usize) -> [i16; 32] {
    let mut words = [0; 32];
    // SAFETY: *machine*; *local*: there are 32 words.
    unsafe {
        let (a, b) = (L::splat(0x0305), L::splat(0x0201));
        let mut sums = [L::splat_sum(0); SUMS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = L::dot_bytes(*sum, a, b);
            }
        }
        for sum in sums {
            let made = L::xor(L::load(words.as_ptr()), L::narrow(sum, sum));
            L::store(words.as_mut_ptr(), made);
        }
    }
    words
}
