//! The dispatch table: for every instruction set, the [`Kernels`] that it was compiled to.

mod compiled;
mod table;

pub(crate) use table::{Infer, Kernels};

use crate::{Isa, simd::isa};

impl Kernels {
    /// Those of an instruction set; none for the specification, or if they are not for this kind of machine.
    pub(crate) fn of(isa: Isa) -> Option<&'static Self> {
        match isa {
            Isa::Portable => Some(&compiled::portable::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Some(&compiled::avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Some(&compiled::avx512::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Some(&compiled::neon::KERNELS),
            _ => None,
        }
    }
}

impl Isa {
    /// Does nothing but `rounds` times some dot products of bytes in registers, and says how many multiply-accumulates that
    /// were: divided by the time, the most that any kernel can reach. None if there is no dot product of bytes.
    pub fn busy(self, rounds: usize) -> Option<usize> {
        let kernels = Kernels::of(self).filter(|kernels| self.is_available() && kernels.bytes)?;
        // SAFETY: *machine*: it is available.
        std::hint::black_box(unsafe { (kernels.busy)(rounds) });
        Some(rounds * isa::MACS)
    }
}
