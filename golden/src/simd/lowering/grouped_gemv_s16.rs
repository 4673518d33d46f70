//! Layers for a [`GroupedGemv`].

use super::{
    layer::Layer,
    packing::{Tile, Unit},
    width::Width,
};
use crate::simd::{
    memory::{Lines, Place},
    steps::{
        epilogue::{Rounding, Sink},
        grouped_gemv_s16::{Carry, GroupedGemv, Operands},
    },
};

/// See [`Operands`].
enum Reads {
    Broadcast,
    Permuted,
    Gathered,
}

impl Layer<'_> {
    /// The layer as dot products of pairs; none if its windows have to be gathered first.
    pub(super) fn grouped_gemv(&self, x: Place, sink: Sink, most: usize) -> Option<GroupedGemv> {
        let tiles = self.tiles();
        let reads = self.reads(&tiles)?;
        let nearest = self.offsets.iter().min().map_or(0, |&offset| offset.min(0));
        let most = if self.width == Width::One { most } else { (most / 2).max(1) };
        let (mut blocks, members, patterns) = self.blocks(&tiles, most, |origins| {
            let first = origins.iter().copied().min().unwrap_or(0);
            ((x as i64 + first as i64 + nearest) as Place, first)
        });
        let (unit, carry, shift) = match self.width {
            Width::Two { low } => {
                // What a pair adds to the low sums at most, as parts of weights are up to 2^(low - 1) in magnitude.
                let most = i64::from(-self.operand.min()) << low;
                let room = i64::from(i32::MAX) - (1 << low);
                let carry = Carry { low, pairs: (room / most) as usize };
                // Sums of 32 bits are 0 or -1 after 31 bits already.
                (Unit::Parts { low }, Some(carry), (self.rounding.shift - low).min(31))
            }
            _ => (Unit::Pair, None, self.rounding.shift),
        };
        let (packed, _) = self.pack(&mut blocks, &members, &tiles, unit);
        let operands = self.operands(reads, &patterns, -nearest);
        let rounding = Rounding { shift, ..self.rounding };
        Some(GroupedGemv { pairs: self.pairs(), blocks, operands, packed, carry, rounding, sink })
    }

    /// How the lanes of all tiles can read their operands.
    fn reads(&self, tiles: &[Tile]) -> Option<Reads> {
        let span = |tile: &Tile| {
            let origins = tile.lanes.iter().flatten().map(|&[repeat, _]| self.origins[repeat][0]);
            let (least, most) = (origins.clone().min().unwrap_or(0), origins.max().unwrap_or(0));
            (most - least) as i64
        };
        let widest = tiles.iter().map(span).max().unwrap_or(0);
        let steps =
            (0..self.pairs()).map(|pair| self.pair(pair)).map(|[a, b]| (b - a).abs()).max().unwrap_or(0);
        let adjacent = self.offsets.chunks(2).all(|two| two.len() == 1 || two[1] == two[0] + 1);
        if widest == 0 && self.is_contiguous() {
            Some(Reads::Broadcast)
        } else if widest + steps < 32 {
            Some(Reads::Permuted)
        } else {
            adjacent.then_some(Reads::Gathered)
        }
    }

    /// The operands of every pattern of lanes; `shift` is what the distances of window elements are more than none.
    fn operands(&self, reads: Reads, patterns: &[Vec<usize>], shift: i64) -> Operands {
        match reads {
            Reads::Broadcast => Operands::Broadcast,
            Reads::Permuted => {
                let (mut starts, mut bytes) = (vec![], vec![]);
                for pattern in patterns {
                    for [a, b] in (0..self.pairs()).map(|pair| self.pair(pair)) {
                        let start = a.min(b) + shift;
                        starts.push(start as usize);
                        for word in
                            pattern.iter().flat_map(|&lane| [a, b].map(|o| lane as i64 + o + shift - start))
                        {
                            bytes.extend([2 * word as u8, 2 * word as u8 + 1]);
                        }
                    }
                }
                Operands::Permuted { starts, bytes: Lines::from_bytes(&bytes) }
            }
            Reads::Gathered => {
                let mut index = vec![];
                for pattern in patterns {
                    for [a, _] in (0..self.pairs()).map(|pair| self.pair(pair)) {
                        index.extend(pattern.iter().map(|&lane| (lane as i64 + a + shift) as i32));
                    }
                }
                Operands::Gathered { index: Lines::from_sums(&index) }
            }
        }
    }
}
