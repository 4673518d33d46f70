//! Affine layers lowered: which kernel computes them, and their weights in the order in which it reads them.

use std::{collections::HashMap, sync::Arc};

use super::{
    dense::{Dense, Quads},
    groups::{Carry, Groups, Operands},
    memory::Lines,
    plan::Place,
    quarters,
    sink::Sink,
    taps::{Pairing, Taps},
    tiles::{Block, MAX_TILES, Packed, Rounding, TILE},
    wide::Wide,
};
use crate::{Affine, BlockGeometry, Emulator, Format, VectorId, accumulator_bits};

/// A dense or block layer and where its windows are.
#[derive(Clone)]
pub(super) struct Layer<'a> {
    pub(super) input: VectorId,
    geometry: BlockGeometry,
    affine: &'a Affine,
    rounding: Rounding,
    /// Format of the operand.
    operand: Format,
    width: Width,
    /// For every repeat, its first operand and its first word of the result.
    origins: Vec<[usize; 2]>,
    /// For every window element, the distance from the first operand.
    offsets: Vec<i64>,
}

/// How many bits the sums of a layer take, with the rounding constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 32.
    One,
    /// More: without so many low bits, of which no more than 15 are shifted out, 32 again.
    Two { low: u32 },
    /// More than that.
    Wide,
}

impl Width {
    fn of(bits: u32, shift: u32) -> Self {
        match bits.saturating_sub(32) {
            0 => Self::One,
            low if low <= shift.min(15) => Self::Two { low },
            _ => Self::Wide,
        }
    }
}

/// What makes a signed word of `bits` an offset from the smallest one.
pub(super) fn sign(bits: u32) -> i16 {
    if bits == 16 { i16::MIN } else { 1 << 7 }
}

/// An output: its repeat, and its number among the outputs of the repeat.
type Lane = Option<[usize; 2]>;

/// Outputs that are neighbours in the result and computed together.
struct Tile {
    /// The first word of the result.
    y: usize,
    lanes: [Lane; TILE],
}

impl<'a> Layer<'a> {
    pub(super) fn new(
        emulator: &Emulator,
        input: VectorId,
        geometry: BlockGeometry,
        affine: &'a Affine,
        format: Format,
    ) -> Self {
        let operand = emulator.format(input);
        let width = Width::of(accumulator_bits(affine, operand), affine.shift);
        let origins = geometry.origins().map(|(read, write)| [read as usize, write as usize]).collect();
        let offsets = geometry.window_offsets().collect();
        let rounding = Rounding::new(affine.shift, format);
        Self { input, affine, rounding, operand, width, origins, offsets, geometry }
    }

    /// What the sums take.
    pub(super) fn width(&self) -> Width {
        self.width
    }

    /// Words of a window.
    pub(super) fn window(&self) -> usize {
        self.offsets.len()
    }

    /// The first operand of the first repeat.
    pub(super) fn first(&self) -> usize {
        self.origins[0][0]
    }

    /// Whether the words of a window follow each other.
    pub(super) fn is_contiguous(&self) -> bool {
        self.offsets.iter().enumerate().all(|(i, &offset)| offset == i as i64)
    }

    /// Whether one dot product of bytes per output does it.
    pub(super) fn fits_bytes(&self) -> bool {
        let one = self.origins.len() == 1 && (self.geometry.outputs == 1 || self.geometry.out_step == 1);
        one && self.is_contiguous() && self.affine.weights.format.fits(8)
    }

    /// Puts the windows one after the other, padded to pairs: the operands that they are made of.
    pub(super) fn gather(&mut self) -> Vec<usize> {
        let padded = self.window().next_multiple_of(2);
        let mut words = vec![];
        for [read, _] in &mut self.origins {
            let window = self.offsets.iter().map(|offset| (*read as i64 + offset) as usize);
            let first = words.len();
            words.extend(window);
            words.resize(first + padded, *read);
            *read = first;
        }
        self.offsets = (0..self.offsets.len() as i64).collect();
        words
    }

    /// The row of the weights of an output.
    fn row(&self, [repeat, output]: [usize; 2]) -> usize {
        if self.geometry.shared { output } else { repeat * self.geometry.outputs + output }
    }

    /// The layer with sums of 64 bits.
    pub(super) fn wide(&self, x: usize, y: usize) -> Wide {
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
        Wide {
            rows,
            window: self.window(),
            weights: self.affine.weights.values.clone(),
            bias: self.affine.bias.iter().map(|bias| bias + half).collect(),
            strides,
            rounding: self.rounding,
        }
    }

    /// The layer along lines of repeats, if neighbours among them read and write neighbours.
    pub(super) fn taps(&self, x: usize, y: usize) -> Option<Taps> {
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
        Some(Taps {
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

    /// Dense layers on one operand, one after the other, as dot products of bytes.
    pub(super) fn dense(
        layers: &[&Self],
        bytes: Place,
        sink: Sink,
        end: Option<usize>,
        most: usize,
    ) -> Dense {
        let first = layers[0];
        let rows: Vec<(&Self, usize)> = layers
            .iter()
            .flat_map(|&layer| (0..layer.geometry.outputs).map(move |row| (layer, row)))
            .collect();
        let (window, members) = (first.window(), first.affine.members);
        let (tiles, quads) = (rows.len().div_ceil(TILE), window.div_ceil(4));
        let in_quarters = tiles == 1 && quads >= quarters::LONG;
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
            if in_quarters {
                quarters::order(quads).for_each(|[row, quad]| pack(row, quad));
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
        Dense {
            quads,
            operands: if in_quarters { Quads::Quarters } else { Quads::Broadcast },
            wide: first.operand.bits() == 16,
            blocks,
            packed: Arc::new(Packed::new(Lines::from_bytes(&packed), &biases, members)),
            rounding: first.rounding,
            shifts: Arc::new(Lines::from_sums(&shifts)),
            sink,
            end,
        }
    }

    /// What layers must share to be computed as one: place and length of the operand, members, and width of the result.
    pub(super) fn kinship(&self) -> [usize; 5] {
        let range = self.rounding.range.max as usize;
        [self.input.0, self.first(), self.window(), self.affine.members, range]
    }

    /// Number of outputs of a repeat.
    pub(super) fn outputs(&self) -> usize {
        self.geometry.outputs
    }

    /// The layer as dot products of pairs; none if its windows have to be gathered first.
    pub(super) fn groups(&self, x: Place, sink: Sink, most: usize) -> Option<Groups> {
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
        Some(Groups { pairs: self.pairs(), blocks, operands, packed, carry, rounding, sink })
    }

    /// The layer as dot products of the bytes at `bytes` of the whole operand; none if lanes read their quads from too far
    /// apart, or if the weights are too wide or too few to be worth it.
    pub(super) fn bytes(&self, bytes: Place, sink: Sink, most: usize) -> Option<Dense> {
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
        Some(Dense {
            quads,
            operands,
            wide: self.operand.bits() == 16,
            blocks,
            packed: Arc::new(packed),
            rounding: self.rounding,
            shifts: Arc::new(Lines::from_sums(&vec![self.rounding.shift as i32; outputs])),
            sink,
            end: None,
        })
    }

    /// Tiles that read alike in blocks, with their tiles and the patterns of distances of their lanes' operands. `begin` says
    /// for the lanes' first operands where the block's first operand is, and what distances begin from.
    fn blocks(
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

    fn pairs(&self) -> usize {
        self.window().div_ceil(2)
    }

    fn origin(&self, lane: Lane) -> usize {
        lane.map_or(0, |[repeat, _]| self.origins[repeat][0])
    }

    /// The two window elements of a pair.
    fn pair(&self, pair: usize) -> [i64; 2] {
        let first = self.offsets[2 * pair];
        [first, self.offsets.get(2 * pair + 1).copied().unwrap_or(first)]
    }

    /// The outputs in tiles, in the order of the result.
    fn tiles(&self) -> Vec<Tile> {
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

    /// Weights and biases of all blocks, equal ones once, and the number of biases of a member.
    fn pack(
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

/// What a dot product takes at once.
#[derive(Clone, Copy)]
enum Unit {
    /// Two words.
    Pair,
    /// Two words of the weights' high parts; after the tiles of these, as many tiles of the low parts, of `low` bits.
    Parts { low: u32 },
    /// Four bytes.
    Quad,
}

/// The low part of a weight, `low` bits with a sign, and the high part: weight = high · 2^low + low.
fn parts(weight: i16, low: u32) -> [i16; 2] {
    let (weight, half) = (i32::from(weight), 1 << (low - 1));
    let part = ((weight + half) & ((1 << low) - 1)) - half;
    [part as i16, ((weight - part) >> low) as i16]
}

/// See [`Operands`].
enum Reads {
    Broadcast,
    Permuted,
    Gathered,
}

/// Every step, tile and lane, in the order of packed weights.
fn lanes(steps: usize, tiles: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let lanes = move |step, tile| (0..TILE).map(move |lane| (step, tile, lane));
    (0..steps).flat_map(move |step| (0..tiles).flat_map(move |tile| lanes(step, tile)))
}
