//! The order and the direction of the dimensions of a block decide nothing: same words, same clocks.

use std::path::Path;

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{
    BlockGeometry, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, VectorId,
    Weights,
};

/// One dimension of a block: count, distance of operands, of results, and of columns or rows of weights.
#[derive(Clone, Copy, Debug)]
struct Dimension {
    count: usize,
    operand: i64,
    result: i64,
    weights: i64,
}

/// Dimensions that lie in line in one or two pieces, slowest first: counts whose product is small.
fn line(sampler: &mut Sampler, operand: i64, result: i64) -> Vec<Dimension> {
    let mut dimensions = vec![];
    let mut inside = 1;
    for _ in 0..sampler.range(1, 3) {
        let count = sampler.range(2, 3);
        let dimension = Dimension {
            count: count as usize,
            operand: operand * inside,
            result: result * inside,
            weights: inside,
        };
        dimensions.insert(0, dimension);
        inside *= count;
    }
    dimensions
}

fn shuffle(sampler: &mut Sampler, dimensions: &mut [Dimension]) {
    for last in (1..dimensions.len()).rev() {
        dimensions.swap(last, sampler.range(0, last as i64) as usize);
    }
}

/// Places of weights, the last dimension fastest.
fn places(dimensions: &[Dimension]) -> Vec<i64> {
    dimensions.iter().fold(vec![0], |places, d| {
        places.iter().flat_map(|place| (0..d.count as i64).map(move |i| place + i * d.weights)).collect()
    })
}

struct Block {
    window: Vec<Dimension>,
    repeats: Vec<Dimension>,
    outputs: usize,
    shared: bool,
    weights: Vec<i16>,
    bias: Vec<i64>,
}

impl Block {
    fn sampled(sampler: &mut Sampler) -> Self {
        let window = line(sampler, 1, 0);
        let inputs: usize = window.iter().map(|d| d.count).product();
        let outputs = sampler.range(1, 3) as usize;
        let shared = sampler.once_in(2);
        let distance = if sampler.once_in(3) { 0 } else { inputs as i64 };
        let repeats = line(sampler, distance, outputs as i64);
        let sets = if shared { 1 } else { repeats.iter().map(|d| d.count).product() };
        let weights = (0..sets * outputs * inputs).map(|_| sampler.range(-9, 9) as i16).collect();
        let bias = (0..sets * outputs).map(|_| sampler.range(-99, 99)).collect();
        Self { window, repeats, outputs, shared, weights, bias }
    }

    /// The emulator with the dimensions in this order.
    fn emulator(&self, window: &[Dimension], repeats: &[Dimension]) -> Emulator {
        let word = Format::new(16, 0).unwrap();
        let inputs: usize = window.iter().map(|d| d.count).product();
        let count: usize = repeats.iter().map(|d| d.count).product();
        // Backwards from the last word.
        let offset: i64 =
            window.iter().map(|d| if d.operand < 0 { -d.operand * (d.count as i64 - 1) } else { 0 }).sum();
        let first: i64 =
            window.iter().map(|d| if d.weights < 0 { -d.weights * (d.count as i64 - 1) } else { 0 }).sum();
        let columns: Vec<usize> = places(window).iter().map(|place| (first + place) as usize).collect();
        let sets = if self.shared { vec![0] } else { places(repeats) };
        let (mut values, mut bias) = (vec![], vec![]);
        for set in sets {
            for output in 0..self.outputs {
                let row = set as usize * self.outputs + output;
                values.extend(columns.iter().map(|column| self.weights[row * inputs + column]));
                bias.push(self.bias[row]);
            }
        }
        let geometry = BlockGeometry {
            offset,
            repeat: repeats.iter().map(|d| d.count).collect(),
            in_stride: repeats.iter().map(|d| d.operand).collect(),
            out_stride: repeats.iter().map(|d| d.result).collect(),
            window: window.iter().map(|d| d.count).collect(),
            in_step: window.iter().map(|d| d.operand).collect(),
            outputs: self.outputs,
            out_step: 1,
            shared: self.shared,
        };
        let read = inputs * if repeats[0].operand == 0 { 1 } else { count };
        let mut builder = EmulatorBuilder::new("blocks", Port::new("x", read, word), 40).unwrap();
        let weights = Weights { format: Format::new(8, 0).unwrap(), values };
        let y = builder.block("y", VectorId::INPUT, geometry, weights, bias, word).unwrap();
        let port = Port::new("y", count * self.outputs, word);
        let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port };
        builder.finish(spec, Provenance::default()).unwrap()
    }
}

fn check(emulator: &Emulator, lanes: usize, place: &str) -> (u64, u64) {
    let program =
        compile(emulator, &UnitConfig::new(lanes).unwrap()).unwrap_or_else(|e| panic!("{place}: {e}"));
    let mut sampler = Sampler::new(lanes as u64);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..3).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let run = Machine::new(&program).run(&inputs).unwrap();
    let expected: Vec<Vec<i16>> = inputs.iter().map(|input| emulator.run(input).unwrap()).collect();
    assert_eq!(run.frames, expected, "{place}");
    let cycles = Machine::cycles(&program).unwrap();
    (cycles.latency, cycles.period)
}

#[test]
fn dimensions_in_any_order_and_direction() {
    let mut sampler = Sampler::new(7);
    for block in 0..150 {
        let original = Block::sampled(&mut sampler);
        let sorted = original.emulator(&original.window, &original.repeats);
        for _ in 0..4 {
            let (mut window, mut repeats) = (original.window.clone(), original.repeats.clone());
            shuffle(&mut sampler, &mut window);
            shuffle(&mut sampler, &mut repeats);
            for dimension in &mut window {
                if sampler.once_in(4) {
                    (dimension.operand, dimension.weights) = (-dimension.operand, -dimension.weights);
                }
            }
            let shuffled = original.emulator(&window, &repeats);
            let frame = sampler.frame(sorted.input().size(), sorted.format(VectorId::INPUT));
            assert_eq!(sorted.run(&frame).unwrap(), shuffled.run(&frame).unwrap());
            for lanes in [1, 3, 4, 16] {
                let place = format!("block {block}, {window:?}, {repeats:?}, {lanes} lanes");
                assert_eq!(check(&shuffled, lanes, &place), check(&sorted, lanes, &place), "{place}");
            }
        }
    }
}

#[test]
fn three_ascending_dimensions_in_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testbench/tests/fixtures");
    let emulator = Emulator::load(folder.join("window_line_ascending.yaml")).unwrap();
    assert_eq!(emulator.run(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap(), [39]);
    for lanes in [1, 2, 8] {
        check(&emulator, lanes, "window_line_ascending");
    }
}
