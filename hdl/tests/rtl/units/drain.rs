//! The drain sequencer against nested loops over the program.

use emeuro_compiler::{Function, Program, timing};
use emeuro_hdl::prelude::address_bits;
use emeuro_hdl::units::drain::Drain;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::{distances, element, iterations};
use super::programs::{course, instruction, programs};
use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(
    Drain, [clock], [resetn, capture, joined] -> [
        bias_address, result_address, shift, rectify, narrow, to_memory, to_output, parity, lookup, count,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    programs().iter().enumerate().map(|(i, program)| run(&format!("drain_{i}"), program)).collect()
}

/// A tile: the addresses and the number of the results of its clocks.
struct Tile {
    instruction: usize,
    /// A second frame joins the first.
    joins: bool,
    biases: Vec<i64>,
    results: Vec<i64>,
    counts: Vec<usize>,
    ends_instruction: bool,
}

/// The tiles of one frame, as the program's fields describe them, or of two if another one joins.
fn frame(program: &Program, joins: bool) -> Vec<Tile> {
    let mut tiles = vec![];
    for index in course(program, joins) {
        let drain = &instruction(program, index).drain;
        // Where a loop above that of the tiles advances, the last tile has just gone out.
        let last = |level: usize, loop_: usize| match (level, loop_) {
            (1, 0) => (drain.results - 1) / drain.per_clock,
            (_, 0) => (drain.last_results - 1) / drain.per_clock,
            (_, loop_) => drain.counts[loop_ - 1] - 1,
        };
        let (biases, results) = (distances(&drain.bias.deltas, last), distances(&drain.result.deltas, last));
        for iteration in iterations(&drain.counts) {
            let is_last = iteration.indices[0] + 1 == drain.counts[0];
            let mut left = if is_last { drain.last_results } else { drain.results };
            let mut counts = vec![];
            while left > 0 {
                counts.push(left.min(drain.per_clock));
                left -= counts.last().unwrap();
            }
            let indices = |clock: usize| [&[clock], iteration.indices.as_slice()].concat();
            let clocks = 0..counts.len();
            let addresses = |base: i64, distances: &[i64]| -> Vec<i64> {
                clocks.clone().map(|clock| element(base, distances, &indices(clock))).collect()
            };
            tiles.push(Tile {
                instruction: index,
                joins,
                biases: addresses(drain.bias.base, &biases),
                results: addresses(drain.result.base, &results),
                counts,
                ends_instruction: iteration.level == drain.counts.len(),
            });
        }
    }
    tiles
}

/// What must be seen in one clock.
#[derive(Clone, Debug, Default)]
struct Expected {
    capture: bool,
    /// Instruction whose fields must be there.
    fields: Option<usize>,
    bias: Option<i64>,
    result: Option<i64>,
    /// Results at the heads.
    count: usize,
    /// The last result of a frame or pair.
    ends_program: bool,
    /// The fork is ahead: whether a second frame has joined is known by now.
    joined: Option<bool>,
}

/// Clock by clock what belongs to `tiles`, captured as fast as allowed or with gaps.
fn expect(program: &Program, tiles: &[Tile], random: &mut ChaCha8Rng) -> Vec<Expected> {
    let mut clocks: Vec<Expected> = vec![];
    let mut free = 0;
    for tile in tiles {
        let gap = if once_in(random, 2) { 0 } else { random.random_range(0..5) };
        let capture = free + gap;
        let count = tile.results.len();
        clocks.resize(clocks.len().max(capture + 1 + count), Expected::default());
        clocks[capture].capture = true;
        clocks[capture].fields = Some(tile.instruction);
        for (result, (bias, address)) in tile.biases.iter().zip(&tile.results).enumerate() {
            let head = capture + timing::CAPTURE_TO_HEAD as usize + result;
            clocks[head - 1].bias = Some(*bias);
            clocks[head].result = Some(*address);
            clocks[head].count = tile.counts[result];
            clocks[head].fields = Some(tile.instruction);
            let is_last = result + 1 == count && tile.ends_instruction;
            clocks[head].ends_program = is_last && instruction(program, tile.instruction).drain.last;
        }
        if instruction(program, tile.instruction).drain.forks {
            // It has been decided when the last of these results come, and stays so.
            clocks[capture..].iter_mut().for_each(|clock| clock.joined = Some(tile.joins));
        }
        free = capture + count;
        if tile.ends_instruction {
            free += timing::DRAIN_SWITCH as usize;
        }
    }
    clocks
}

fn run(name: &str, program: &Program) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(33);
    let result_width = program.address_bits().max(address_bits(program.output_span()));
    let bias_width = address_bits(program.bias[0].len());
    let file = format!("{name}.hex");
    let mut bench = Bench::new(name, Drain::new(program, result_width, bias_width, &file));
    let inputs = |resetn: bool, capture: bool, joined: Option<bool>| -> Vec<u64> {
        let joined = (!program.paired.is_empty()).then(|| joined.unwrap_or_default());
        [resetn, capture].into_iter().chain(joined).map(u64::from).collect()
    };
    // Addresses follow from the first instruction: they are known one clock after it is read.
    for _ in 0..3 {
        bench.clock(&inputs(false, false, None));
    }
    bench.settled();
    // Some runs are cut short by a reset.
    for run in 0..16 {
        let frames = random.random_range(1..=3);
        let mut joins = || !program.paired.is_empty() && random.random();
        let tiles: Vec<Tile> = (0..frames).flat_map(|_| frame(program, joins())).collect();
        let clocks = expect(program, &tiles, &mut random);
        let length = if run % 2 == 1 { random.random_range(0..clocks.len()) } else { clocks.len() };
        let mut buffer = 0;
        for (clock, expected) in clocks[..length].iter().enumerate() {
            let found = bench.clock(&inputs(true, expected.capture, expected.joined));
            let here = format!("{name}, clock {clock}, {expected:?}: {found:?}");
            check(program, expected, &found, &here);
            let second = expected.fields.is_some_and(|index| instruction(program, index).second);
            if expected.result.is_some() {
                assert_eq!(found[7], buffer ^ u64::from(second), "{here}");
            }
            buffer ^= u64::from(expected.ends_program && !second);
        }
        // In the unit, no tile can come sooner after a reset.
        bench.clock(&inputs(false, once_in(&mut random, 2), None));
        bench.clock(&inputs(true, false, None));
    }
    let hex = bench.unit.hex();
    bench.finish(vec![(file, hex)])
}

fn check(program: &Program, expected: &Expected, found: &[u64], here: &str) {
    let [bias, result, shift, rectify, narrow, to_memory, to_output] = found[..7] else {
        unreachable!("eight outputs and perhaps more")
    };
    let result_width = program.address_bits().max(address_bits(program.output_span()));
    if let Some(address) = expected.bias {
        assert_eq!(bias, low_bits(address, address_bits(program.bias[0].len())), "{here}");
    }
    let goes_out = expected.fields.is_some_and(|i| instruction(program, i).drain.to_output);
    let is_valid = expected.result.is_some();
    assert_eq!(
        (to_memory, to_output),
        ((is_valid && !goes_out).into(), (is_valid && goes_out).into()),
        "{here}"
    );
    if let Some(address) = expected.result {
        assert_eq!(result, low_bits(address, result_width), "{here}");
    }
    let Some(index) = expected.fields else { return };
    let drain = &instruction(program, index).drain;
    if !is_valid {
        return;
    }
    assert_eq!(shift, u64::from(drain.shift), "{here}");
    assert_eq!(rectify, u64::from(drain.function == Function::Relu), "{here}");
    assert_eq!(narrow, u64::from(drain.bits < program.word_bits), "{here}");
    let table = if let Function::Table(table) = drain.function { table + 1 } else { 0 };
    let lookup = (!program.tables.is_empty()).then_some(table as u64);
    let count = (program.slots > 1).then(|| expected.count as u64 - 1);
    assert_eq!(found[8..], lookup.into_iter().chain(count).collect::<Vec<_>>(), "{here}");
}

#[test]
fn results_are_those_of_the_loops() {
    cases();
}
