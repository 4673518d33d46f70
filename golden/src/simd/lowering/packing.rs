//! Weights and biases in the order in which kernels read them: outputs in tiles, tiles in blocks.

use std::collections::HashMap;

use super::layer::Layer;
use crate::{
    BlockGeometry,
    simd::{
        memory::{Lines, Place},
        steps::{
            split_bytes::sign,
            tiles::{Block, MAX_TILES, Packed, TILE},
        },
    },
};

/// An output: its repeat, and its number among the outputs of the repeat.
pub(super) type Lane = Option<[usize; 2]>;

/// Outputs that are neighbours in the result and computed together.
pub(super) struct Tile {
    /// The first word of the result.
    pub(super) y: usize,
    /// Its outputs.
    pub(super) lanes: [Lane; TILE],
}

/// What a dot product takes at once.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// Two words.
    Pair,
    /// Two words of the weights' high parts; after the tiles of these, as many tiles of the low parts, of `low` bits.
    Parts { low: u32 },
    /// Four bytes.
    Quad,
}

impl Layer<'_> {
    pub(super) fn origin(&self, lane: Lane) -> usize {
        lane.map_or(0, |[repeat, _]| self.origins[repeat][0])
    }

    /// The outputs in tiles, in the order of the result.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let BlockGeometry { outputs, out_step, .. } = self.geometry;
        if out_step == 1 && (outputs >= 12 || self.origins.len() == 1) {
            // Tiles of one repeat each: all lanes read the same.
            let mut repeats: Vec<usize> = (0..self.origins.len()).collect();
            repeats.sort_by_key(|&repeat| self.origins[repeat][1]);
            let tiles = repeats.into_iter().flat_map(|repeat| {
                (0..outputs).step_by(TILE).map(move |first| {
                    let lane = |i: usize| (first + i < outputs).then_some([repeat, first + i]);
                    (repeat, first, std::array::from_fn(lane))
                })
            });
            return tiles
                .map(|(repeat, first, lanes)| Tile { y: self.origins[repeat][1] + first, lanes })
                .collect();
        }
        let mut order = vec![None; self.origins.len() * outputs];
        for (repeat, [_, write]) in self.origins.iter().enumerate() {
            for output in 0..outputs {
                order[(*write as i64 + output as i64 * out_step) as usize] = Some([repeat, output]);
            }
        }
        let tile = |(index, lanes): (usize, &[Lane])| Tile {
            y: index * TILE,
            lanes: std::array::from_fn(|i| lanes.get(i).copied().flatten()),
        };
        order.chunks(TILE).enumerate().map(tile).collect()
    }

    /// Tiles that read alike in blocks, with their tiles and the patterns of distances of their lanes' operands. `begin` says
    /// for the lanes' first operands where the block's first operand is, and what distances begin from.
    pub(super) fn blocks(
        &self,
        tiles: &[Tile],
        most: usize,
        begin: impl Fn(&[usize; TILE]) -> (Place, usize),
    ) -> (Vec<Block>, Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let mut blocks: Vec<Block> = vec![];
        let mut members: Vec<Vec<usize>> = vec![];
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut patterns: Vec<Vec<usize>> = vec![];
        for (index, tile) in tiles.iter().enumerate() {
            let origins = tile.lanes.map(|lane| self.origin(lane.or(tile.lanes[0])));
            let (x, first) = begin(&origins);
            let pattern: Vec<usize> = origins.iter().map(|origin| origin - first).collect();
            let next = known.len();
            let pattern = *known.entry(pattern.clone()).or_insert_with(|| {
                patterns.push(pattern);
                next
            });
            match blocks.last_mut() {
                Some(last)
                    if [last.x, last.pattern, last.y + last.tiles * TILE] == [x, pattern, tile.y]
                        && last.tiles < most.min(MAX_TILES) =>
                {
                    last.tiles += 1;
                    members.last_mut().expect("a block has tiles").push(index);
                }
                _ => {
                    blocks.push(Block { tiles: 1, x, y: tile.y, pattern, weights: 0, bias: 0 });
                    members.push(vec![index]);
                }
            }
        }
        (blocks, members, patterns)
    }

    /// Weights and biases of all blocks, equal ones once, and the number of biases of a member.
    pub(super) fn pack(
        &self,
        blocks: &mut [Block],
        members: &[Vec<usize>],
        tiles: &[Tile],
        unit: Unit,
    ) -> (Packed, usize) {
        let mut known: HashMap<Vec<Option<usize>>, [usize; 2]> = HashMap::new();
        let mut distinct: Vec<Vec<Option<usize>>> = vec![];
        let mut ends = [0, 0];
        let elements = match unit {
            Unit::Pair | Unit::Parts { .. } => 2,
            Unit::Quad => 4,
        };
        let (window, steps) = (self.window(), self.window().div_ceil(elements));
        for (block, members) in blocks.iter_mut().zip(members) {
            let row = |lane: Lane| lane.map(|lane| self.row(lane));
            let mut rows: Vec<Option<usize>> =
                members.iter().flat_map(|&tile| tiles[tile].lanes.map(row)).collect();
            if let Unit::Parts { .. } = unit {
                rows.extend_from_within(..);
            }
            let [weights, bias] = *known.entry(rows.clone()).or_insert_with(|| {
                let begins = ends;
                ends = [ends[0] + rows.len() * 2 * steps, ends[1] + rows.len()];
                distinct.push(rows);
                begins
            });
            (block.weights, block.bias) = (weights, bias);
        }
        let offset = i64::from(sign(self.operand.bits()) as u16);
        let (mut packed, mut biases) = (Vec::with_capacity(4 * ends[0]), vec![]);
        for member in 0..self.affine.members {
            let (weights, bias) = (self.affine.weights_of(member), self.affine.bias_of(member));
            let row = |row: usize| &weights[row * window..][..window];
            for rows in &distinct {
                for (step, tile, lane) in lanes(steps, rows.len() / TILE) {
                    let row = rows[tile * TILE + lane].map_or(&[][..], row);
                    for element in elements * step..elements * (step + 1) {
                        let weight = row.get(element).copied().unwrap_or(0);
                        match unit {
                            Unit::Pair => packed.extend(weight.to_le_bytes()),
                            Unit::Parts { low } => {
                                let is_high = tile < rows.len() / TILE / 2;
                                packed.extend(parts(weight, low)[usize::from(is_high)].to_le_bytes());
                            }
                            Unit::Quad => packed.push(weight as u8),
                        }
                    }
                }
                biases.extend(rows.iter().enumerate().map(|(place, index)| {
                    let Some(index) = *index else { return 0 };
                    let sum: i64 = row(index).iter().copied().map(i64::from).sum();
                    let bias = bias[index] + self.rounding.half();
                    match unit {
                        Unit::Pair => bias as i32,
                        // Wraps as the high sums do; only the whole sum without the low bits fits 32 bits.
                        Unit::Parts { low } if place < rows.len() / 2 => (bias >> low) as i32,
                        Unit::Parts { low } => (bias & ((1 << low) - 1)) as i32,
                        // Wraps as the sums do; only the whole sum fits 32 bits.
                        Unit::Quad => (bias - offset * sum) as i32,
                    }
                }));
            }
        }
        (Packed::new(Lines::from_bytes(&packed), &biases, self.affine.members), ends[1])
    }
}

/// The low part of a weight, `low` bits with a sign, and the high part: weight = high · 2^low + low.
fn parts(weight: i16, low: u32) -> [i16; 2] {
    let (weight, half) = (i32::from(weight), 1 << (low - 1));
    let part = ((weight + half) & ((1 << low) - 1)) - half;
    [part as i16, ((weight - part) >> low) as i16]
}

/// Every step, tile and lane, in the order of packed weights.
pub(super) fn lanes(steps: usize, tiles: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let lanes = move |step, tile| (0..TILE).map(move |lane| (step, tile, lane));
    (0..steps).flat_map(move |step| (0..tiles).flat_map(move |tile| lanes(step, tile)))
}
