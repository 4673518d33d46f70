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
        enable, first, hold, use_held,
    ] -> [sum]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        multiply("lane", false, false),
        multiply("lane_element_wise", true, false),
        multiply("lane_writable", true, true),
    ]
}

/// Clocks from the addresses to `hold` and `use_held`, to `enable` and `first`, and to the sum.
const TO_HOLD: usize = TO_ENABLE - 1;
const TO_ENABLE: usize = TO_SUM - 1;
const TO_SUM: usize = timing::ISSUE_TO_SUM as usize;

/// One product of a tile.
struct Step {
    address: usize,
    weight: usize,
    hold: bool,
    use_held: bool,
    enable: bool,
    first: bool,
    /// The sum of the tile so far.
    sum: i64,
}

fn multiply(name: &'static str, element_wise: bool, is_writable: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(37);
    let shape = MacShape { word: 16, weight: 8, sum: 40, element_wise };
    let (memory_words, weight_count, offsets) = (32, 23, [0, 7, 30]);
    let mut weights: Vec<u64> = (0..weight_count).map(|_| word(&mut random, shape.weight)).collect();
    let file = format!("{name}.hex");
    let lane = Lane::new(shape, memory_words, weights.clone(), &file, &offsets);
    let hex = lane.weights_hex();
    let mut bench = Bench::new(name, if is_writable { lane.with_writable_weights() } else { lane });
    // No weight is written in this clock.
    let nothing: &[u64] = if is_writable { &[0, 0, 0] } else { &[] };
    let mut memory = vec![0; memory_words];
    for _ in 0..40 {
        // New contents, and time for what is in the pipeline to run out.
        for (address, stored) in memory.iter_mut().enumerate() {
            let data = word(&mut random, shape.word);
            *stored = signed(data, shape.word);
            let mut words = vec![0, 0, 1, address as u64, data, 0];
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
            words.extend([0, 0].iter().take(2 * usize::from(element_wise)));
            bench.clock(&words);
        }
        let pattern = random.random_range(0..offsets.len());
        let at = |common: usize| memory[(common + offsets[pattern] as usize) % memory_words];
        let weight = |address: usize| signed(weights[address], shape.weight);
        let mut steps: Vec<Option<Step>> = vec![];
        for _ in 0..6 {
            let multiplies = element_wise && once_in(&mut random, 2);
            let length = if multiplies { 2 } else { random.random_range(1..8) };
            let mut sum = 0;
            let mut held = 0;
            for position in 0..length {
                let (address, row) =
                    (random.random_range(0..memory_words), random.random_range(0..weight_count));
                let (first, enable) = (position == 0 || multiplies, !multiplies || position == 1);
                let (hold, use_held) = (multiplies && position == 0, multiplies);
                if enable {
                    sum += at(address) * if use_held { held } else { weight(row) };
                }
                held = at(address);
                steps.push(Some(Step { address, weight: row, hold, use_held, enable, first, sum }));
                if once_in(&mut random, 6) {
                    steps.push(None);
                }
            }
        }
        for clock in 0..steps.len() + TO_SUM {
            let step =
                |ago: usize| clock.checked_sub(ago).and_then(|at| steps.get(at)).and_then(Option::as_ref);
            let now = step(0);
            let mut words = vec![
                now.map_or(random.random_range(0..memory_words), |s| s.address) as u64,
                pattern as u64,
                0,
                0,
                0,
                now.map_or(random.random_range(0..weight_count), |s| s.weight) as u64,
            ];
            words.extend(nothing);
            words.extend([
                u64::from(step(TO_ENABLE).is_some_and(|s| s.enable)),
                u64::from(step(TO_ENABLE).is_some_and(|s| s.first)),
            ]);
            if element_wise {
                let controls =
                    [step(TO_HOLD).is_some_and(|s| s.hold), step(TO_HOLD).is_some_and(|s| s.use_held)];
                words.extend(controls.map(u64::from));
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
