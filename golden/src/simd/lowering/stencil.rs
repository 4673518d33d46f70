//! Layers for a [`Stencil`].

use super::layer::Layer;
use crate::{
    BlockGeometry,
    simd::{
        memory::{Lines, Place},
        steps::{
            stencil::{Pairing, Stencil},
            tiles::{Packed, TILE},
        },
    },
};

impl Layer<'_> {
    /// The layer along lines of repeats, if neighbours among them read and write neighbours.
    pub(super) fn stencil(&self, x: Place, y: Place) -> Option<Stencil> {
        let BlockGeometry { repeat, in_stride, out_stride, outputs, out_step, shared, .. } = &self.geometry;
        let repeats = *repeat.last()?;
        let neighbours = in_stride.last() == Some(&1) && out_stride.last() == Some(&1);
        if !shared || !neighbours || repeats < TILE || *out_step < 0 {
            return None;
        }
        let nearest = *self.offsets.iter().min()?;
        let distance = |offset: i64| (offset - nearest) as usize;
        let two = |two: &[i64]| [distance(two[0]), distance(two[two.len() - 1])];
        let mut pairs: Vec<[usize; 2]> = self.offsets.chunks(2).map(two).collect();
        let lines: Vec<[usize; 2]> = self
            .origins
            .iter()
            .step_by(repeats)
            .map(|[read, write]| [x + (*read as i64 + nearest) as usize, y + write])
            .collect();
        let (mut weights, mut bias) = (vec![], vec![]);
        for member in 0..self.affine.members {
            for row in self.affine.weights_of(member).chunks(self.window()) {
                weights.extend_from_slice(row);
                weights.resize(weights.len().next_multiple_of(2), 0);
            }
            // Members begin at whole lines; so do pairs, as every row is of whole pairs.
            weights.resize(weights.len().next_multiple_of(32), 0);
            bias.extend(self.affine.bias_of(member).iter().map(|bias| (bias + self.rounding.half()) as i32));
        }
        Some(Stencil {
            whole: lines.len() * outputs == 1,
            lines,
            repeats,
            pairing: Pairing::of(&mut pairs),
            pairs,
            outputs: (0..*outputs).map(|output| output * *out_step as usize).collect(),
            packed: Packed::new(Lines::from_words(&weights), &bias, self.affine.members),
            rounding: self.rounding,
        })
    }
}
