//! A lane against sums of products of its memory and its weights.

use emeuro_compiler::timing;
use emeuro_hdl::units::lane::Lane;
use emeuro_hdl::units::mac::MacShape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(
    Lane, [clock],
    [
        operand_address, pattern, write_enable, write_address, write_data, weight_address, store, store_address, store_data,
        enable, first, use_held, keep_largest,
    ] -> [sum]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        multiply("lane", 1, false, false),
        multiply("lane_element_wise", 1, true, false),
        multiply("lane_row_2", 2, true, false),
        multiply("lane_row_4", 4, false, true),
        multiply("lane_row_16", 16, true, false),
        multiply("lane_writable", 1, true, true),
    ]
}

/// Clocks from the addresses to `use_held`, to `enable` and `first`, and to the sum.
const TO_USE_HELD: usize = TO_SUM - 3;
const TO_ENABLE: usize = TO_SUM - 1;
const TO_SUM: usize = timing::ISSUE_TO_SUM as usize;

/// Words that are written to one row: which places, and all of the row's words.
struct Write {
    row: usize,
    places: u64,
    words: Vec<u64>,
}

impl Write {
    fn new(random: &mut ChaCha8Rng, row: usize, words: usize, width: u32) -> Self {
        let places = if once_in(random, 2) { u64::MAX >> (64 - words) } else { word(random, words as u32) };
        Self { row, places, words: (0..words).map(|_| word(random, width)).collect() }
    }

    fn apply(&self, memory: &mut [i64], width: u32) {
        let size = self.words.len();
        for (place, &word) in
            self.words.iter().enumerate().filter(|(place, _)| (self.places >> place) & 1 == 1)
        {
            memory[self.row * size + place] = signed(word, width);
        }
    }

    /// The inputs of the write port.
    fn inputs(&self) -> Vec<u64> {
        [&[self.places, self.row as u64], self.words.as_slice()].concat()
    }
}

/// One product of a tile.
struct Step {
    address: usize,
    weight: usize,
    use_held: bool,
    enable: bool,
    first: bool,
    /// The sum of the tile so far.
    sum: i64,
}

fn multiply(name: &str, row: usize, element_wise: bool, is_writable: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(37);
    let shape = MacShape { word: 16, weight: 8, sum: 40, element_wise, ..MacShape::default() };
    let (memory_words, weight_count, offsets) = (32, 23, [0, 7, 30]);
    let mut weights: Vec<u64> = (0..weight_count).map(|_| word(&mut random, shape.weight)).collect();
    let file = format!("{name}.hex");
    let lane = Lane::new(shape, memory_words, row, weights.clone(), &file, &offsets);
    let hex = lane.weights_hex();
    let mut bench = Bench::new(name, if is_writable { lane.with_writable_weights() } else { lane });
    // No weight is written in this clock.
    let nothing: &[u64] = if is_writable { &[0, 0, 0] } else { &[] };
    let mut memory = vec![0; memory_words];
    for _ in 0..40 {
        // New contents, and time for what is in the pipeline to run out.
        for index in (0..memory_words / row).chain(0..memory_words / row) {
            let write = Write::new(&mut random, index, row, shape.word);
            write.apply(&mut memory, shape.word);
            let mut words = [vec![0, 0], write.inputs(), vec![0]].concat();
            // Weights change while words come in, the first time as in the file.
            if is_writable {
                let (row, weight) = (random.random_range(0..weight_count), word(&mut random, shape.weight));
                let changes = !bench.is_fresh() && once_in(&mut random, 2);
                if changes {
                    weights[row] = weight;
                }
                words.extend([changes.into(), row as u64, weight]);
            }
            words.extend([0, 0]);
            words.extend(element_wise.then_some(0));
            bench.clock(&words);
        }
        let pattern = random.random_range(0..offsets.len());
        let lane_address = |common: usize| (common + offsets[pattern] as usize) % memory_words;
        let weight = |address: usize| signed(weights[address], shape.weight);
        let mut steps: Vec<Option<Step>> = vec![];
        // What is written meanwhile, to rows that are not read in the same clock.
        let mut writes: Vec<Option<Write>> = vec![];
        for _ in 0..6 {
            let multiplies = element_wise && once_in(&mut random, 2);
            let length = if multiplies { 2 } else { random.random_range(1..8) };
            let mut sum = 0;
            let mut held = 0;
            for position in 0..length {
                let (address, weight_row) =
                    (random.random_range(0..memory_words), random.random_range(0..weight_count));
                let operand = memory[lane_address(address)];
                let (first, enable) = (position == 0 || multiplies, !multiplies || position == 1);
                let use_held = multiplies && position == 1;
                if enable {
                    sum += operand * if use_held { held } else { weight(weight_row) };
                }
                held = operand;
                steps.push(Some(Step { address, weight: weight_row, use_held, enable, first, sum }));
                // The two operands of a product follow each other.
                if !(multiplies && position == 0) && once_in(&mut random, 6) {
                    steps.push(None);
                }
                while writes.len() < steps.len() {
                    let index = random.random_range(0..memory_words / row);
                    let is_free = index != lane_address(address) / row && once_in(&mut random, 2);
                    let write = is_free.then(|| Write::new(&mut random, index, row, shape.word));
                    write.iter().for_each(|write| write.apply(&mut memory, shape.word));
                    writes.push(write);
                }
            }
        }
        for clock in 0..steps.len() + TO_SUM {
            let step =
                |ago: usize| clock.checked_sub(ago).and_then(|at| steps.get(at)).and_then(Option::as_ref);
            let now = step(0);
            let address = now.map_or(random.random_range(0..memory_words), |s| s.address);
            let mut words = vec![address as u64, pattern as u64];
            match writes.get(clock).and_then(Option::as_ref) {
                Some(write) => words.extend(write.inputs()),
                None => words.resize(words.len() + 2 + row, 0),
            }
            words.extend([now.map_or(random.random_range(0..weight_count), |s| s.weight) as u64]);
            words.extend(nothing);
            words.extend([
                u64::from(step(TO_ENABLE).is_some_and(|s| s.enable)),
                u64::from(step(TO_ENABLE).is_some_and(|s| s.first)),
            ]);
            if element_wise {
                words.push(step(TO_USE_HELD).is_some_and(|s| s.use_held).into());
            }
            let [sum] = bench.tick(&words);
            if let Some(step) = step(TO_SUM).filter(|s| s.enable) {
                assert_eq!(sum, low_bits(step.sum, shape.sum), "{name}, clock {clock}");
            }
            // The first sum of all makes the accumulator known.
            if clock == TO_SUM + 1 && bench.is_fresh() {
                bench.settled();
            }
        }
    }
    bench.finish(vec![(file, hex)])
}

#[test]
fn sums_are_those_of_memory_and_weights() {
    cases();
}
