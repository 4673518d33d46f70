//! Matrix by vector with accumulators of 64 bits, row by row without vectors: dense layers and blocks whose sums fit neither 32 bits
//! nor two parts of them.

use super::epilogue::Rounding;
use crate::simd::isa::Range;

/// An affine layer with sums of 64 bits, one row after the other.
#[derive(Clone, Debug)]
pub(crate) struct GemvAcc64 {
    /// For every row: the first word of its window, the word that it is, and the row of the weights.
    pub(crate) rows: Vec<[usize; 3]>,
    /// Words of a window, one after the other.
    pub(crate) window: usize,
    /// `[member][row][window]`.
    pub(crate) weights: Vec<i16>,
    /// `[member][row]`, with the half that rounds.
    pub(crate) bias: Vec<i64>,
    /// Weights and biases of a member.
    pub(crate) strides: [usize; 2],
    pub(crate) rounding: Rounding,
}

impl GemvAcc64 {
    /// # Safety
    /// *Frame*, *step*, *member*.
    #[inline(always)]
    pub(crate) unsafe fn run(&self, frame: *mut i16, member: usize) {
        let weights = &self.weights[member * self.strides[0]..];
        let bias = &self.bias[member * self.strides[1]..];
        let Range { min, max } = self.rounding.range;
        for &[x, y, row] in &self.rows {
            // SAFETY: *frame*, *step*; the windows are read before anything is written.
            let x = unsafe { std::slice::from_raw_parts(frame.add(x), self.window) };
            let mut sum = bias[row];
            for (&w, &x) in weights[row * self.window..][..self.window].iter().zip(x) {
                sum += i64::from(i32::from(w) * i32::from(x));
            }
            let word = (sum >> self.rounding.shift).clamp(i64::from(min), i64::from(max)) as i16;
            // SAFETY: *frame*, *step*.
            unsafe { *frame.add(y) = word };
        }
    }
}
