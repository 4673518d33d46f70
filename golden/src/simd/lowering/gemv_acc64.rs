//! Layers for [`GemvAcc64`].

use super::layer::Layer;
use crate::simd::{memory::Place, steps::gemv_acc64::GemvAcc64};

impl Layer<'_> {
    /// The layer with sums of 64 bits.
    pub(super) fn gemv_acc64(&self, x: Place, y: Place) -> GemvAcc64 {
        let mut rows = vec![];
        for (repeat, &[read, write]) in self.origins.iter().enumerate() {
            for output in 0..self.geometry.outputs {
                let word = (write as i64 + output as i64 * self.geometry.out_step) as usize;
                rows.push([x + read, y + word, self.row([repeat, output])]);
            }
        }
        let half = self.rounding.half();
        let strides = match self.affine.members {
            1 => [0, 0],
            _ => [self.affine.weights_of(0).len(), self.affine.bias_of(0).len()],
        };
        GemvAcc64 {
            rows,
            window: self.window(),
            weights: self.affine.weights.values.clone(),
            bias: self.affine.bias.iter().map(|bias| bias + half).collect(),
            strides,
            rounding: self.rounding,
        }
    }
}
