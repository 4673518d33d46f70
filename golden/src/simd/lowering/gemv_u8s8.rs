//! Layers for [`GemvU8S8`]: dense ones, several as one, and blocks.

use std::sync::Arc;

use super::{
    layer::Layer,
    packing::{Unit, lanes},
};
use crate::simd::{
    memory::{Lines, Place},
    steps::{
        epilogue::Sink,
        gemv_u8s8::{GemvU8S8, Quads},
        gemv_u8s8_split_k as split_k,
        split_bytes::sign,
        tiles::{Block, Packed, TILE},
    },
};

impl Layer<'_> {
    /// Dense layers on one operand, one after the other, as dot products of bytes.
    pub(super) fn gemv_u8s8(
        layers: &[&Self],
        bytes: Place,
        sink: Sink,
        end: Option<usize>,
        most: usize,
    ) -> GemvU8S8 {
        let first = layers[0];
        let rows: Vec<(&Self, usize)> = layers
            .iter()
            .flat_map(|&layer| (0..layer.geometry.outputs).map(move |row| (layer, row)))
            .collect();
        let (window, members) = (first.window(), first.affine.members);
        let (tiles, quads) = (rows.len().div_ceil(TILE), window.div_ceil(4));
        let in_split_k = tiles == 1 && quads >= split_k::LONG;
        let mut blocks = vec![];
        for first in (0..tiles).step_by(most) {
            let (weights, bias) = (first * quads * 32, first * TILE);
            let count = most.min(tiles - first);
            blocks.push(Block { tiles: count, x: bytes, y: first * TILE, pattern: 0, weights, bias });
        }
        let offset = i64::from(sign(first.operand.bits()) as u16);
        let (mut packed, mut biases) = (vec![], vec![]);
        for member in 0..members {
            let row = |row: usize| {
                let (layer, row) = rows.get(row)?;
                Some(&layer.affine.weights_of(member)[row * window..][..window])
            };
            let mut pack = |index: usize, quad: usize| {
                let row = row(index).unwrap_or(&[]);
                packed.extend((4 * quad..4 * quad + 4).map(|i| row.get(i).map_or(0, |&w| w as u8)));
            };
            if in_split_k {
                split_k::order(quads).for_each(|[row, quad]| pack(row, quad));
            } else {
                for block in &blocks {
                    lanes(quads, block.tiles)
                        .for_each(|(quad, tile, lane)| pack(block.bias + tile * TILE + lane, quad));
                }
            }
            biases.extend((0..tiles * TILE).map(|index| {
                let Some((layer, in_layer)) = rows.get(index) else { return 0 };
                let sum: i64 = row(index).unwrap_or(&[]).iter().copied().map(i64::from).sum();
                let bias = layer.affine.bias_of(member)[*in_layer] + layer.rounding.half();
                // Wraps as the sums do; only the whole sum fits 32 bits.
                (bias - offset * sum) as i32
            }));
        }
        let shifts: Vec<i32> = (0..tiles * TILE)
            .map(|row| rows.get(row).map_or(0, |(layer, _)| layer.rounding.shift as i32))
            .collect();
        GemvU8S8 {
            quads,
            operands: if in_split_k { Quads::SplitK } else { Quads::Broadcast },
            high: first.operand.bits() == 16,
            blocks,
            packed: Arc::new(Packed::new(Lines::from_bytes(&packed), &biases, members)),
            rounding: first.rounding,
            shifts: Arc::new(Lines::from_sums(&shifts)),
            sink,
            end,
        }
    }

    /// The layer as dot products of the bytes at `bytes` of the whole operand; none if lanes read their quads from too far
    /// apart, or if the weights are too wide or too few to be worth it.
    pub(super) fn gemv_u8s8_of_blocks(&self, bytes: Place, sink: Sink, most: usize) -> Option<GemvU8S8> {
        if self.geometry.shared || !self.affine.weights.format.fits(8) {
            return None;
        }
        let tiles = self.tiles();
        // Patterns begin at whole vectors of the operand, and so do their bytes.
        let (mut blocks, members, patterns) = self.blocks(&tiles, most, |origins| {
            let first = origins.iter().copied().min().unwrap_or(0) / 32 * 32;
            (bytes + first, first)
        });
        let quads = self.window().div_ceil(4);
        let (mut starts, mut index) = (vec![], vec![]);
        for pattern in &patterns {
            for quad in 0..quads {
                let offset = |i: usize| self.offsets.get(4 * quad + i).unwrap_or(&self.offsets[4 * quad]);
                let words: Vec<i64> = pattern
                    .iter()
                    .flat_map(|&lane| (0..4).map(move |i| (lane, i)))
                    .map(|(lane, i)| lane as i64 + offset(i))
                    .collect();
                let start = words[0].div_euclid(32);
                if start < 0 || words.iter().any(|word| word.div_euclid(32) != start) {
                    return None;
                }
                starts.push(start as usize * 32);
                for high in [0, 32] {
                    index.extend(words.iter().map(|word| (word % 32) as u8 + high));
                }
            }
        }
        let one = |pattern: &Vec<usize>| pattern.iter().all(|lane| *lane == pattern[0]);
        let in_place =
            |pattern: &Vec<usize>| pattern[0].is_multiple_of(4) && pattern[0] % 32 + self.window() <= 32;
        let operands = if self.is_contiguous() && patterns.iter().all(|p| one(p) && in_place(p)) {
            // Four words are two words of bytes.
            blocks.iter_mut().for_each(|block| block.x += patterns[block.pattern][0] / 2);
            Quads::Broadcast
        } else {
            Quads::Permuted { starts, bytes: Lines::from_bytes(&index) }
        };
        let (packed, outputs) = self.pack(&mut blocks, &members, &tiles, Unit::Quad);
        Some(GemvU8S8 {
            quads,
            operands,
            high: self.operand.bits() == 16,
            blocks,
            packed: Arc::new(packed),
            rounding: self.rounding,
            shifts: Arc::new(Lines::from_sums(&vec![self.rounding.shift as i32; outputs])),
            sink,
            end: None,
        })
    }
}
