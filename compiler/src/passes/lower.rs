//! lower: mapped tasks to instructions and ROM images.

use std::{collections::HashMap, slice};

use crate::{
    AddressGenerator, Combine, Drain, Function, Instruction, Issue, Table, WeightMemory,
    passes::map::{Axis, Mapping, Shape},
    task::{Kind, Place, Task, Tasks},
};
use emeuro_golden::Activation;

pub(crate) const DESCRIPTION: &str =
    "Turns every mapped task into instructions and fills the ROMs of weights, biases, offsets and tables.";

/// The ROM images while they are filled.
#[derive(Debug, Default)]
pub(crate) struct Roms {
    /// What all frames use.
    pub(crate) shared: Images,
    /// What the frames of each member use: the same words at the same places.
    pub(crate) members: Vec<Images>,
    pub(crate) patterns: Vec<Vec<i64>>,
    pub(crate) tables: Vec<Table>,
    lanes: usize,
    /// Every task has biases of its own, because they may be written later.
    writable: bool,
}

/// Weights per lane and biases per slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Images {
    pub(crate) weights: Vec<Vec<i16>>,
    pub(crate) bias: Vec<Vec<i64>>,
}

impl Roms {
    pub(crate) fn new(lanes: usize, slots: usize, members: usize, memory: WeightMemory) -> Self {
        let images = Images { weights: vec![vec![]; lanes], bias: vec![vec![]; slots] };
        Self {
            members: vec![images.clone(); members],
            shared: images,
            lanes,
            writable: memory == WeightMemory::Ram,
            ..Self::default()
        }
    }

    fn pattern(&mut self, offsets: Vec<i64>) -> usize {
        position_or_push(&mut self.patterns, offsets)
    }

    fn table(&mut self, activation: &Activation, input_bits: u32) -> Function {
        match activation {
            Activation::Relu => Function::Relu,
            Activation::Table { function, knots } => {
                let values = knots[..knots.len() - 1].to_vec();
                let slopes = knots.windows(2).map(|k| i32::from(k[1]) - i32::from(k[0])).collect();
                let table = Table { function: function.clone(), input_bits, values, slopes };
                Function::Table(position_or_push(&mut self.tables, table))
            }
        }
    }
}

/// What tasks have put into the ROMs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    parts: HashMap<Part, (i64, i64)>,
}

/// The part of a task that begins with a row of its weights, as a mapping lays it out. The same task of another frame or level
/// uses it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    task: String,
    /// Of element-wise tasks, which passes name as well as people.
    scales: Option<Vec<i16>>,
    mapping: Mapping,
    row: i64,
}

fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
    items.iter().position(|i| *i == item).unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    })
}

/// Weights of a task as rows; element-wise tasks have one.
struct Rows<'a> {
    values: &'a [i16],
    window: usize,
}

impl Rows<'_> {
    fn weight(&self, row: i64, element: usize) -> i16 {
        self.values[row as usize * self.window + element]
    }
}

pub(crate) fn run(
    tasks: &Tasks,
    task: &Task,
    shape: &Shape,
    mapping: &Mapping,
    roms: &mut Roms,
    contents: &mut Contents,
) -> Vec<Instruction> {
    let window = shape.window[0].0 * shape.window[1].0;
    let zeros = vec![0; window];
    let (values, bias, members): (&[i16], &[i64], usize) = match &task.kind {
        Kind::Affine { weights, bias, members, .. } => (weights, bias, *members),
        Kind::Scale { scales } | Kind::Maximum { scales } => (scales, &[0], 1),
        Kind::Multiply => (&zeros, &[0], 1),
    };
    let scales = (!matches!(task.kind, Kind::Affine { .. })).then(|| values.to_vec());
    let rows_of_member = (bias.len() / members) as i64;
    let of_member = task.is_of_members();
    let rows = Rows { values, window };
    let half = if task.shift == 0 { 0 } else { 1 << (task.shift - 1) };
    let bias: Vec<i64> = bias.iter().map(|b| b + half).collect();
    let function = match &task.activation {
        Some(activation) => roms.table(activation, task.format.bits()),
        None => Function::Identity,
    };
    let pattern = roms.pattern(lane_offsets(shape, mapping, roms.lanes));
    let walk = WeightWalk::new(shape, mapping);
    let bias_walk = BiasWalk::new(mapping);
    let target = &tasks.vectors[task.target];
    let mut instructions = vec![];
    for (operand, result, row) in unrolled_origins(&mapping.unrolled) {
        let part = Part { task: task.name.clone(), scales: scales.clone(), mapping: mapping.clone(), row };
        let (weight_base, bias_base) = *contents.parts.entry(part).or_insert_with(|| {
            // Equal biases may share their words, unless that could change.
            let share = !roms.writable && !of_member;
            let images = if of_member { &mut roms.members[..] } else { slice::from_mut(&mut roms.shared) };
            let mut bases = (0, 0);
            for (member, images) in images.iter_mut().enumerate() {
                let row = row + member as i64 * rows_of_member;
                let weight_base = images.weights[0].len() as i64;
                emit_weights(shape, mapping, &walk, &rows, row, &mut images.weights);
                bases = (weight_base, bias_walk.emit(mapping, &bias, row, &mut images.bias, share));
            }
            bases
        });
        let inner = mapping.inner_steps(shape);
        let [low, high] = mapping.blocks;
        let tile_operand = mapping.results as i64 * mapping.lanes.operand;
        let counts = [inner, shape.window[1].0, mapping.tiles(), low.count, high.count];
        let operand_levels = [
            (inner, shape.window[0].1 << mapping.reduce),
            shape.window[1],
            (mapping.tiles(), tile_operand),
            (low.count, low.operand),
            (high.count, high.operand),
        ];
        let weight_levels: Vec<(usize, i64)> = counts.into_iter().zip(walk.distances).collect();
        let last_results = mapping.last_results();
        let levels = |clock: i64, [tile, low_distance, high_distance]: [i64; 3]| DrainLevels {
            clock,
            clocks: mapping.clocks(mapping.results),
            last_clocks: mapping.clocks(last_results),
            loops: [(mapping.tiles(), tile), (low.count, low_distance), (high.count, high_distance)],
        };
        let along = mapping.lanes.result;
        let results = [mapping.results as i64 * along, low.result, high.result];
        let places = task.sources.iter().map(|&v| tasks.vectors[v].place);
        instructions.push(Instruction {
            layer: task.name.clone(),
            issue: Issue {
                delay: 0,
                counts,
                pad: mapping.pad(shape) as u32,
                operand: AddressGenerator::new(shape.operand + operand, &operand_levels),
                weight: AddressGenerator::new(weight_base, &weight_levels),
                pattern,
                combine: match task.kind {
                    Kind::Affine { .. } | Kind::Scale { .. } => Combine::Sum,
                    Kind::Multiply => Combine::Product,
                    Kind::Maximum { .. } => Combine::Maximum,
                },
                reads_input: places.into_iter().all(|p| p == Place::Input),
                of_member,
                waits_for_input: false,
                reserves_output: false,
                releases_input: false,
                forks: false,
                last: false,
            },
            drain: Drain {
                reduce: mapping.reduce,
                results: mapping.results,
                last_results,
                per_clock: mapping.per_clock,
                counts: [mapping.tiles(), low.count, high.count],
                bias: levels(bias_walk.clock, bias_walk.loops).generator(bias_base),
                result: levels(mapping.per_clock as i64 * along, results).generator(shape.result + result),
                shift: task.shift,
                bits: task.format.bits(),
                function,
                to_output: target.place == Place::Output,
                to_router: target.place == Place::Router,
                of_member,
                forks: false,
                last: false,
            },
            second: false,
        });
    }
    instructions
}

/// The loops of a drain address: clocks of a tile, whose number differs in the last tile, and three outer loops.
struct DrainLevels {
    clock: i64,
    clocks: usize,
    last_clocks: usize,
    loops: [(usize, i64); 3],
}

impl DrainLevels {
    fn generator(&self, base: i64) -> AddressGenerator {
        let [(tiles, tile), low, high] = self.loops;
        let mut deltas = vec![self.clock, tile - (self.clocks as i64 - 1) * self.clock];
        // Where the tile loop ends, the last tile has just been left.
        let mut back = (self.last_clocks as i64 - 1) * self.clock + (tiles as i64 - 1) * tile;
        for (count, distance) in [low, high] {
            deltas.push(distance - back);
            back += (count as i64 - 1) * distance;
        }
        AddressGenerator { base, deltas }
    }
}

/// Distances in the bias ROMs per drain level: 0 where all iterations share their biases.
struct BiasWalk {
    clock: i64,
    loops: [i64; 3],
    words: usize,
}

impl BiasWalk {
    fn new(mapping: &Mapping) -> Self {
        let (mut loops, mut words) = ([0; 3], 1);
        let mut clock = 0;
        if mapping.lanes.row != 0 {
            let clocks = mapping.clocks(mapping.results);
            (clock, loops[0]) = (1, clocks as i64);
            words = (mapping.tiles() - 1) * clocks + mapping.clocks(mapping.last_results());
        }
        for (distance, block) in loops[1..].iter_mut().zip(&mapping.blocks) {
            if block.row != 0 {
                *distance = words as i64;
                words *= block.count;
            }
        }
        Self { clock, loops, words }
    }

    /// Puts the biases of an instruction that begins with `first_row` into the ROMs and says where they begin. With `share`,
    /// equal biases have the same words.
    fn emit(
        &self,
        mapping: &Mapping,
        bias: &[i64],
        first_row: i64,
        roms: &mut [Vec<i64>],
        share: bool,
    ) -> i64 {
        let images: Vec<Vec<i64>> =
            (0..mapping.per_clock).map(|slot| self.image(mapping, bias, first_row, slot)).collect();
        let depth = roms[0].len();
        let holds = |base: usize| {
            roms.iter().zip(&images).all(|(rom, image)| rom[base..base + self.words] == image[..])
        };
        let same = (0..(depth + 1).saturating_sub(self.words)).find(|&base| holds(base));
        if let Some(base) = same.filter(|_| share) {
            return base as i64;
        }
        for (slot, rom) in roms.iter_mut().enumerate() {
            rom.extend(images.get(slot).unwrap_or(&vec![0; self.words]));
        }
        depth as i64
    }

    /// What the instruction needs of the ROM of one slot.
    fn image(&self, mapping: &Mapping, bias: &[i64], first_row: i64, slot: usize) -> Vec<i64> {
        let mut image = vec![0; self.words];
        let [low, high] = mapping.blocks;
        let once = |axis: &Axis| if axis.row == 0 { 1 } else { axis.count };
        for h in 0..once(&high) {
            for i in 0..once(&low) {
                for along in 0..once(&mapping.lanes) {
                    let (tile, result) = (along / mapping.results, along % mapping.results);
                    // Results that share their bias share it in all slots.
                    if mapping.lanes.row != 0 && result % mapping.per_clock != slot {
                        continue;
                    }
                    let clock = (result / mapping.per_clock) as i64;
                    let at = clock * self.clock
                        + tile as i64 * self.loops[0]
                        + i as i64 * self.loops[1]
                        + h as i64 * self.loops[2];
                    let row = h as i64 * high.row + i as i64 * low.row + along as i64 * mapping.lanes.row;
                    image[at as usize] = bias[(first_row + row) as usize];
                }
            }
        }
        image
    }
}

/// Operand, result and row distance of every unrolled instruction from the first.
fn unrolled_origins(axes: &[Axis]) -> Vec<(i64, i64, i64)> {
    axes.iter().fold(vec![(0, 0, 0)], |origins, axis| {
        let along = |&(operand, result, row): &(i64, i64, i64)| {
            (0..axis.count as i64)
                .map(move |i| (operand + i * axis.operand, result + i * axis.result, row + i * axis.row))
        };
        origins.iter().flat_map(along).collect()
    })
}

/// A lane's distance from the common operand address: its element of the window and its result of the tile.
fn lane_offsets(shape: &Shape, mapping: &Mapping, lanes: usize) -> Vec<i64> {
    (0..lanes)
        .map(|lane| {
            let (result, element) = (lane >> mapping.reduce, lane & ((1 << mapping.reduce) - 1));
            if result >= mapping.results {
                return 0;
            }
            element as i64 * shape.window[0].1 + result as i64 * mapping.lanes.operand
        })
        .collect()
}

/// Distances in the weight ROM per issue level: 0 where all iterations share their weights.
struct WeightWalk {
    distances: [i64; 5],
    words: usize,
}

impl WeightWalk {
    fn new(shape: &Shape, mapping: &Mapping) -> Self {
        let inner = mapping.inner_steps(shape);
        let axes = [mapping.lanes, mapping.blocks[0], mapping.blocks[1]];
        let counts = [mapping.tiles(), mapping.blocks[0].count, mapping.blocks[1].count];
        let mut distances = [1, inner as i64, 0, 0, 0];
        let mut words = inner * shape.window[1].0;
        for level in 0..3 {
            if axes[level].row != 0 {
                distances[level + 2] = words as i64;
                words *= counts[level];
            }
        }
        Self { distances, words }
    }
}

fn emit_weights(
    shape: &Shape,
    mapping: &Mapping,
    walk: &WeightWalk,
    rows: &Rows,
    first_row: i64,
    roms: &mut [Vec<i16>],
) {
    let [(elements, _), (outer, _)] = shape.window;
    let inner = mapping.inner_steps(shape);
    let [low, high] = mapping.blocks;
    // Loops that share weights are walked once.
    let once = |axis: &Axis, count: usize| if axis.row == 0 { 1 } else { count };
    for (lane, rom) in roms.iter_mut().enumerate() {
        let (result, part) = (lane >> mapping.reduce, lane & ((1 << mapping.reduce) - 1));
        let begin = rom.len();
        rom.resize(begin + walk.words, 0);
        for h in 0..once(&high, high.count) {
            for i in 0..once(&low, low.count) {
                for tile in 0..once(&mapping.lanes, mapping.tiles()) {
                    let along = tile * mapping.results + result;
                    // Where all results of an axis share one row, the lanes of a last, partial tile may keep theirs:
                    // what they compute is not drained.
                    if result >= mapping.results || (mapping.lanes.row != 0 && along >= mapping.lanes.count) {
                        continue;
                    }
                    let row = first_row
                        + h as i64 * high.row
                        + i as i64 * low.row
                        + along as i64 * mapping.lanes.row;
                    for o in 0..outer {
                        for step in 0..inner {
                            let element = (step << mapping.reduce) + part;
                            if element < elements {
                                let at = step as i64 * walk.distances[0]
                                    + o as i64 * walk.distances[1]
                                    + tile as i64 * walk.distances[2]
                                    + i as i64 * walk.distances[3]
                                    + h as i64 * walk.distances[4];
                                rom[begin + at as usize] = rows.weight(row, o * elements + element);
                            }
                        }
                    }
                }
            }
        }
    }
}
