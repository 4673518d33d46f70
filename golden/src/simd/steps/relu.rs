//! Rectified words, 32 at a time: `activate: relu` layers that no [epilogue](super::epilogue) has made already.

use super::elementwise::Places;
use crate::simd::isa::Lanes;

/// max(a, 0).
#[derive(Clone, Debug)]
pub(crate) struct Relu {
    pub(crate) places: Places,
}

impl Relu {
    /// # Safety
    /// *Machine*, *frame*, *step*.
    #[inline(always)]
    pub(crate) unsafe fn run<L: Lanes>(&self, frame: *mut i16) {
        let Places { a, y, vectors, .. } = self.places;
        // SAFETY: *machine*, *frame*, *step*.
        unsafe {
            let zero = L::splat(0);
            for i in 0..vectors {
                y.put::<L>(frame, 32 * i, L::max(L::load(frame.add(a + 32 * i)), zero));
            }
        }
    }
}
