//! What the machine can do at most: dot products in registers alone.

use super::{kernels::Kernels, lanes::Lanes};
use crate::Isa;

/// Sums at once, enough to hide the latency of a dot product.
const SUMS: usize = 12;

impl Isa {
    /// Does nothing but `rounds` times some dot products of bytes in registers, and says how many multiply-accumulates that
    /// were: divided by the time, the most that any kernel can reach. None if there is no dot product of bytes.
    pub fn busy(self, rounds: usize) -> Option<usize> {
        let kernels = Kernels::of(self).filter(|kernels| self.is_available() && kernels.bytes)?;
        // SAFETY: the machine has the instructions.
        std::hint::black_box(unsafe { (kernels.busy)(rounds) });
        Some(rounds * SUMS * 64)
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn busy<L: Lanes>(rounds: usize) -> [i16; 32] {
    let mut words = [0; 32];
    // SAFETY: the caller promises the machine.
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
