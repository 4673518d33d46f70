//! Affine layers whose sums do not fit 32 bits, nor two parts of them: see [`Width`](super::affine::Width).

use super::{elementwise::Range, tiles::Rounding};

/// An affine layer with sums of 64 bits, one row after the other.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    /// For every row: the first word of its window, the word that it is, and the row of the weights.
    pub(super) rows: Vec<[usize; 3]>,
    /// Words of a window, one after the other.
    pub(super) window: usize,
    /// `[member][row][window]`.
    pub(super) weights: Vec<i16>,
    /// `[member][row]`, with the half that rounds.
    pub(super) bias: Vec<i64>,
    /// Weights and biases of a member.
    pub(super) strides: [usize; 2],
    pub(super) rounding: Rounding,
}

impl Wide {
    /// # Safety
    /// A frame that has the step's places, and a member that the layer has.
    #[inline(always)]
    pub(super) unsafe fn run(&self, frame: *mut i16, member: usize) {
        let weights = &self.weights[member * self.strides[0]..];
        let bias = &self.bias[member * self.strides[1]..];
        let Range { min, max } = self.rounding.range;
        for &[x, y, row] in &self.rows {
            // SAFETY: the caller promises the places; the windows are read before anything is written.
            let x = unsafe { std::slice::from_raw_parts(frame.add(x), self.window) };
            let mut sum = bias[row];
            for (&w, &x) in weights[row * self.window..][..self.window].iter().zip(x) {
                sum += i64::from(i32::from(w) * i32::from(x));
            }
            let word = (sum >> self.rounding.shift).clamp(i64::from(min), i64::from(max)) as i16;
            // SAFETY: as above.
            unsafe { *frame.add(y) = word };
        }
    }
}
