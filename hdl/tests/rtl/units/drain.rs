//! The drain sequencer against nested loops over the program.

use emeuro_compiler::{Function, Program, timing};
use emeuro_hdl::prelude::address_bits;
use emeuro_hdl::units::drain::Drain;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::{distances, element, iterations};
use super::programs::{choices, course, instruction, programs};
use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(
    Drain, [clock], [resetn, capture, joined, frame_level, bias_offset] -> [
        bias_address, result_address, shift, rectify, narrow, to_memory, to_output, parity, lookup, count, taken, level,
        to_router,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let choices = choices().into_iter().map(|(_, program)| program);
    programs().into_iter().chain(choices).enumerate().map(|(i, p)| run(&format!("drain_{i}"), &p)).collect()
}

/// A tile: the addresses and the number of the results of its clocks.
struct Tile {
    instruction: usize,
    level: usize,
    /// It is the first of its frame.
    begins_frame: bool,
    /// A second frame joins the first.
    joins: bool,
    biases: Vec<i64>,
    results: Vec<i64>,
    counts: Vec<usize>,
    ends_instruction: bool,
}

/// The tiles of one frame, as the program's fields describe them, or of two if another one joins.
fn frame(program: &Program, level: usize, joins: bool) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = vec![];
    for index in course(program, level, joins) {
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
                level,
                begins_frame: tiles.is_empty(),
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
    /// The bias is that of a member.
    of_member: bool,
    result: Option<i64>,
    /// Results at the heads.
    count: usize,
    /// The last result of a frame or pair.
    ends_program: bool,
    /// The first tile of a frame is captured.
    taken: bool,
    /// Level of the frame whose results come or come next.
    next_level: usize,
    /// Level of the results at the heads.
    level: usize,
    /// The fork is ahead: whether a second frame has joined is known by now.
    joined: Option<bool>,
}

/// Clock by clock what belongs to `tiles`, captured as fast as allowed or with gaps.
fn expect(program: &Program, tiles: &[Tile], random: &mut ChaCha8Rng) -> Vec<Expected> {
    let mut clocks: Vec<Expected> = vec![];
    let mut free = 0;
    for tile in tiles {
        let gap = if once_in(random, 2) { 0 } else { random.random_range(0..5) };
        if program.levels() > 1 && tile.begins_frame {
            // Between the begin of a frame and its first results lie more clocks than the sequencer needs to follow.
            free += timing::ISSUE_TO_SUM as usize;
        }
        let capture = free + gap;
        let count = tile.results.len();
        clocks.resize(clocks.len().max(capture + 1 + count), Expected::default());
        clocks[capture].capture = true;
        clocks[capture].taken = tile.begins_frame;
        clocks[capture].fields = Some(tile.instruction);
        for (result, (bias, address)) in tile.biases.iter().zip(&tile.results).enumerate() {
            let head = capture + timing::CAPTURE_TO_HEAD as usize + result;
            clocks[head - 1].bias = Some(*bias);
            clocks[head - 1].of_member = instruction(program, tile.instruction).drain.of_member;
            clocks[head].result = Some(*address);
            clocks[head].count = tile.counts[result];
            clocks[head].level = tile.level;
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
    let mut next_level = tiles[0].level;
    let mut frames = tiles.iter().filter(|tile| tile.begins_frame).map(|tile| tile.level).skip(1);
    for clock in &mut clocks {
        clock.next_level = next_level;
        if clock.taken {
            next_level = frames.next().unwrap_or(0);
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
    let (has_levels, has_members) = (program.levels() > 1, program.members.is_some());
    let inputs = |resetn: bool, capture: bool, joined: Option<bool>, level: usize, offset: u64| -> Vec<u64> {
        let joined = (!program.paired.is_empty()).then(|| joined.unwrap_or_default());
        let flags = [resetn, capture].into_iter().chain(joined).map(u64::from);
        flags.chain(has_levels.then_some(level as u64)).chain(has_members.then_some(offset)).collect()
    };
    // Addresses follow from the first instruction: they are known one clock after it is read.
    for _ in 0..3 {
        bench.clock(&inputs(false, false, None, 0, 0));
    }
    bench.settled();
    // Some runs are cut short by a reset.
    for run in 0..16 {
        let frames = random.random_range(1..=3);
        let mut joins = || !program.paired.is_empty() && random.random();
        let offset = if has_members { random_offset(run, bias_width) } else { 0 };
        let level = |frame: usize| (frame * 7 + run * 3) / 2 % program.levels();
        let tiles: Vec<Tile> = (0..frames).flat_map(|index| frame(program, level(index), joins())).collect();
        let clocks = expect(program, &tiles, &mut random);
        let length = if run % 2 == 1 { random.random_range(0..clocks.len()) } else { clocks.len() };
        let mut buffer = 0;
        for (clock, expected) in clocks[..length].iter().enumerate() {
            let found =
                bench.clock(&inputs(true, expected.capture, expected.joined, expected.next_level, offset));
            let here = format!("{name}, clock {clock}, {expected:?}: {found:?}");
            check(program, expected, offset as i64, &found, &here);
            let second = expected.fields.is_some_and(|index| instruction(program, index).second);
            if expected.result.is_some() {
                assert_eq!(found[7], buffer ^ u64::from(second), "{here}");
            }
            buffer ^= u64::from(expected.ends_program && !second);
        }
        // In the unit, no tile can come sooner after a reset.
        bench.clock(&inputs(false, once_in(&mut random, 2), None, 0, 0));
        let next = (run + 1) * 3 / 2 % program.levels();
        let next_offset = if has_members { random_offset(run + 1, bias_width) } else { 0 };
        bench.clock(&inputs(true, false, None, next, next_offset));
    }
    let hex = bench.unit.hex();
    bench.finish(vec![(file, hex)])
}

/// Some distance of a member's biases.
fn random_offset(run: usize, bits: u32) -> u64 {
    ChaCha8Rng::seed_from_u64(run as u64).random_range(0..1 << bits)
}

fn check(program: &Program, expected: &Expected, offset: i64, found: &[u64], here: &str) {
    let [bias, result, shift, rectify, narrow, to_memory, to_output] = found[..7] else {
        unreachable!("eight outputs and perhaps more")
    };
    let result_width = program.address_bits().max(address_bits(program.output_span()));
    if let Some(address) = expected.bias {
        let of_member = expected.of_member;
        let address = address + if of_member { offset } else { 0 };
        assert_eq!(bias, low_bits(address, address_bits(program.bias[0].len())), "{here}");
    }
    let goes_out = expected.fields.is_some_and(|i| instruction(program, i).drain.to_output);
    let is_score = expected.fields.is_some_and(|i| instruction(program, i).drain.to_router);
    let is_valid = expected.result.is_some();
    assert_eq!(
        (to_memory, to_output),
        ((is_valid && !goes_out && !is_score).into(), (is_valid && goes_out).into()),
        "{here}"
    );
    let (found, router) = found.split_at(found.len() - usize::from(program.members.is_some()));
    assert!(router.iter().all(|&routes| routes == u64::from(is_valid && is_score)), "{here}");
    let (found, levels) = found.split_at(found.len() - if program.levels() > 1 { 2 } else { 0 });
    if let &[taken, level] = levels {
        assert_eq!(taken, u64::from(expected.taken), "{here}");
        assert!(!is_valid || level == expected.level as u64, "{here}");
    }
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
