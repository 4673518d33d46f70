//! The issue sequencer against nested loops over the program.

use emeuro_compiler::{Combine, Instruction, Program};
use emeuro_hdl::prelude::address_bits;
use emeuro_hdl::units::issue::Issue;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::{distances, element, iterations};
use super::programs::{choices, course, instruction, programs, taps};
use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(
    Issue, [clock], [resetn, input_full, output_busy, quality, taken, weight_offset] -> [
        operand_address, pattern, weight_address, enable, first, complete, reserve, release_input, parity, tap,
        use_held, keep_largest, joined, level,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let choices = choices().into_iter().map(|(_, program)| program);
    programs().into_iter().chain(choices).enumerate().map(|(i, p)| run(&format!("issue_{i}"), &p)).collect()
}

/// What the sequencer does in one clock.
#[derive(Clone, Debug)]
enum Activity {
    /// Loads an instruction; does not go on before it has what it waits for.
    Load {
        waits_for_input: bool,
        reserves_output: bool,
    },
    Idle,
    Step(Step),
}

/// What the lanes do in one clock.
#[derive(Clone, Debug)]
struct Step {
    operand: i64,
    weight: i64,
    of_member: bool,
    pattern: usize,
    combine: Combine,
    reduce: u32,
    per_clock: usize,
    first: bool,
    complete: bool,
    release: bool,
    /// At a fork: whether a second frame joins.
    joins: Option<bool>,
}

/// What is done in a clock, and for which of the buffers.
type Clock = (usize, Activity);

/// One frame in the buffers `buffer`, as the program's fields describe it, or two if another one joins.
fn frame(program: &Program, level: usize, buffer: usize, joins: bool) -> Vec<Clock> {
    let mut activities: Vec<Clock> = vec![];
    for index in course(program, level, joins) {
        let Instruction { issue, drain, second, .. } = instruction(program, index);
        let parity = buffer ^ usize::from(*second);
        let mut push = |activity| activities.push((parity, activity));
        let (waits_for_input, reserves_output) = (issue.waits_for_input, issue.reserves_output);
        push(Activity::Load { waits_for_input, reserves_output });
        (0..issue.delay).for_each(|_| push(Activity::Idle));
        let buffer = if issue.reads_input { parity * program.input_span } else { 0 } as i64;
        let last = |_: usize, loop_: usize| issue.counts[loop_] - 1;
        let (operands, weights) =
            (distances(&issue.operand.deltas, last), distances(&issue.weight.deltas, last));
        for iteration in iterations(&issue.counts) {
            let indices = &iteration.indices;
            let complete = iteration.level >= 2;
            push(Activity::Step(Step {
                operand: element(issue.operand.base, &operands, indices) + buffer,
                weight: element(issue.weight.base, &weights, indices),
                of_member: issue.of_member,
                pattern: issue.pattern,
                combine: issue.combine,
                reduce: drain.reduce,
                per_clock: drain.per_clock,
                first: indices[..2] == [0, 0],
                complete,
                release: issue.releases_input && iteration.level == issue.counts.len(),
                joins: (issue.forks && iteration.level == issue.counts.len()).then_some(joins),
            }));
            if complete && iteration.level < issue.counts.len() {
                (0..issue.pad).for_each(|_| push(Activity::Idle));
            }
        }
    }
    activities
}

fn run(name: &str, program: &Program) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(32);
    let (operand_width, weight_width) = (program.address_bits(), address_bits(program.weights[0].len()));
    let file = format!("{name}.hex");
    let unit = Issue::new(program, &taps(program), operand_width, weight_width, &file);
    let mut bench = Bench::new(name, unit);
    let (has_levels, has_members) = (program.levels() > 1, program.members.is_some());
    let inputs = |common: [u64; 3], level: u64, taken: bool, offset: u64| -> Vec<u64> {
        let of_level = [level, taken.into()].into_iter().filter(|_| has_levels);
        common.into_iter().chain(of_level).chain(has_members.then_some(offset)).collect()
    };
    // Addresses follow from the first instruction: they are known one clock after it is read.
    for _ in 0..3 {
        bench.clock(&inputs([0, 3, 0], 0, false, 0));
    }
    bench.settled();
    // Some runs are cut short by a reset; the next begins with the first buffer again.
    for run in 0..16 {
        let frames = random.random_range(1..=3);
        let mut buffer = 0;
        let mut activities: Vec<Clock> = vec![];
        // Levels of the frames, and where these begin.
        let mut levels = vec![];
        for _ in 0..frames {
            let joins = !program.paired.is_empty() && random.random();
            let level = if has_levels { random.random_range(0..program.levels()) } else { 0 };
            levels.push((activities.len(), level));
            activities.extend(frame(program, level, buffer, joins));
            buffer ^= usize::from(!joins);
        }
        let any_level = |random: &mut ChaCha8Rng| {
            if has_levels { random.random_range(0..program.levels() as u64) } else { 0 }
        };
        let mut joined = false;
        let (mut pending, mut begun, mut offset) = (false, None, 0);
        if has_levels {
            // The level that counts is that of the clock before, which is no longer in reset.
            bench.clock(&inputs([1, 0, 0], levels[0].1 as u64, false, 0));
        }
        let is_cut = run % 2 == 1;
        let length = if is_cut { random.random_range(0..activities.len()) } else { activities.len() };
        for (place, (parity, activity)) in activities[..length].iter().enumerate() {
            let begins = levels.iter().find(|(first, _)| *first == place).map(|(_, level)| *level);
            let next_begins = levels.iter().find(|(first, _)| *first == place + 1).map(|(_, level)| *level);
            if has_members && matches!(activity, Activity::Load { .. }) {
                // It may become known long after an instruction has been loaded, but not after its first step.
                offset = random.random_range(0..1 << weight_width);
            }
            loop {
                let rarely = once_in(&mut random, 4);
                let mut full: u64 = if rarely { random.random_range(0..4) } else { 3 };
                let joins = if let Activity::Step(step) = activity { step.joins } else { None };
                if let Some(joins) = joins {
                    full = full & (1 << parity) | u64::from(joins) << (1 - parity);
                }
                let busy: u64 = if rarely { random.random_range(0..4) } else { 0 };
                let has = |flags: u64| (flags >> parity) & 1 == 1;
                let goes = match activity {
                    Activity::Load { waits_for_input, reserves_output } => {
                        (!waits_for_input || has(full) && !pending) && (!reserves_output || !has(busy))
                    }
                    _ => true,
                };
                // While nothing goes, the level of the coming frame; where the next one may begin, its own.
                let level = match (begins, next_begins) {
                    (Some(level), _) if !goes => level as u64,
                    (_, Some(level)) => level as u64,
                    _ => any_level(&mut random),
                };
                let taken = pending && once_in(&mut random, 8);
                let before = match activity {
                    // Only the clock before the first step counts.
                    Activity::Load { .. } | Activity::Idle if has_members && once_in(&mut random, 2) => {
                        let is_last = matches!(activities.get(place + 1), Some((_, Activity::Step(_))));
                        if goes && is_last { offset } else { random.random_range(0..1 << weight_width) }
                    }
                    _ => offset,
                };
                let found = bench.clock(&inputs([1, full, busy], level, taken, before));
                check(name, program, activity, *parity, goes, offset as i64, &found);
                if let (true, Some(begun)) = (has_levels, begun) {
                    assert_eq!(found[found.len() - 1], begun, "{name}: {activity:?}");
                }
                if goes && let (true, Some(level)) = (has_levels, begins) {
                    (pending, begun) = (true, Some(level as u64));
                } else if taken {
                    pending = false;
                }
                let says_joined = (!program.paired.is_empty()).then(|| found[found.len() - 1] == 1);
                assert!(says_joined.is_none_or(|says| says == joined), "{name}: {activity:?}: {found:?}");
                joined = joins.unwrap_or(joined);
                if goes {
                    break;
                }
            }
        }
        // A frame that went through leaves the sequencer at the first instruction, and in the other buffer.
        if !is_cut {
            let found = bench.clock(&inputs([1, 0, 3], 0, pending, 0));
            assert_eq!((found[3], found[8]), (0, buffer as u64), "{name}: {found:?}");
        }
        bench.clock(&inputs([0, 3, 0], 0, false, 0));
    }
    let hex = bench.unit.hex();
    bench.finish(vec![(file, hex)])
}

fn check(
    name: &str,
    program: &Program,
    activity: &Activity,
    parity: usize,
    goes: bool,
    offset: i64,
    found: &[u64],
) {
    let here = format!("{name}: {activity:?}: {found:?}");
    let (common, special) = found.split_at(9);
    let [operand, pattern, weight, enable, first, complete, reserve, release, buffer] = common else {
        unreachable!("nine outputs that every sequencer has")
    };
    assert_eq!(*buffer, parity as u64, "{here}");
    let (reserves, step) = match activity {
        Activity::Load { reserves_output, .. } => (goes && *reserves_output, None),
        Activity::Idle => (false, None),
        Activity::Step(step) => (false, Some(step)),
    };
    assert_eq!(*reserve, u64::from(reserves), "{here}");
    let Some(step) = step else {
        assert_eq!([enable, complete, release], [&0; 3], "{here}");
        return;
    };
    assert_eq!(*operand, low_bits(step.operand, program.address_bits()), "{here}");
    // Products have no weights.
    let width = address_bits(program.weights[0].len());
    let expected = step.weight + if step.of_member { offset } else { 0 };
    let is_product = step.combine == Combine::Product;
    assert!(is_product || *weight == low_bits(expected, width), "{here}");
    assert_eq!(*pattern, step.pattern as u64, "{here}");
    assert_eq!([complete, release].map(|flag| *flag == 1), [step.complete, step.release], "{here}");
    // A product keeps its first operand and multiplies the second with it, in a sum of its own.
    let holds = is_product && step.first;
    assert_eq!(*enable, u64::from(!holds), "{here}");
    assert!(holds || *first == u64::from(step.first || is_product), "{here}");
    let taps = taps(program);
    let (tap, combined) = special.split_at(usize::from(taps.len() > 1));
    let (use_held, combined) = combined.split_at(usize::from(program.combines(Combine::Product)));
    let (keep_largest, _) = combined.split_at(usize::from(program.combines(Combine::Maximum)));
    for &tap in tap {
        let tap = &taps[tap as usize];
        assert_eq!((tap.level, tap.per_clock), (step.reduce, step.per_clock), "{here}");
    }
    assert!(holds || use_held.iter().all(|&held| held == u64::from(is_product)), "{here}");
    let is_maximum = u64::from(step.combine == Combine::Maximum);
    assert!(keep_largest.iter().all(|&keeps| keeps == is_maximum), "{here}");
}

#[test]
fn steps_are_those_of_the_loops() {
    cases();
}
