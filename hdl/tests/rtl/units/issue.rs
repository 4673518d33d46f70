//! The issue sequencer against nested loops over the program.

use emeuro_compiler::Program;
use emeuro_hdl::prelude::address_bits;
use emeuro_hdl::units::issue::Issue;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::{distances, element, iterations};
use super::programs::programs;
use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(
    Issue, [clock], [resetn, input_full, output_busy] -> [
        operand_address, pattern, weight_address, enable, first, complete, reserve, release_input, parity, hold, use_held,
    ]
);

const NAMES: [&str; 3] = ["issue_0", "issue_1", "issue_2"];

pub(crate) fn cases() -> Vec<Case> {
    programs().iter().zip(NAMES).map(|(program, name)| run(name, program)).collect()
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
    Step {
        operand: i64,
        weight: i64,
        pattern: usize,
        multiply: bool,
        first: bool,
        complete: bool,
        release: bool,
    },
}

/// One frame, read from input buffer `parity`, as the program's fields describe it.
fn frame(program: &Program, parity: usize) -> Vec<Activity> {
    let mut activities = vec![];
    for issue in program.instructions.iter().map(|i| &i.issue) {
        let (waits_for_input, reserves_output) = (issue.waits_for_input, issue.reserves_output);
        activities.push(Activity::Load { waits_for_input, reserves_output });
        activities.extend((0..issue.delay).map(|_| Activity::Idle));
        let buffer = if issue.reads_input { parity * program.input_span } else { 0 } as i64;
        let last = |_: usize, loop_: usize| issue.counts[loop_] - 1;
        let (operands, weights) =
            (distances(&issue.operand.deltas, last), distances(&issue.weight.deltas, last));
        for iteration in iterations(&issue.counts) {
            let indices = &iteration.indices;
            let complete = iteration.level >= 2;
            activities.push(Activity::Step {
                operand: element(issue.operand.base, &operands, indices) + buffer,
                weight: element(issue.weight.base, &weights, indices),
                pattern: issue.pattern,
                multiply: issue.multiply,
                first: indices[..2] == [0, 0],
                complete,
                release: issue.releases_input && iteration.level == issue.counts.len(),
            });
            if complete && iteration.level < issue.counts.len() {
                activities.extend((0..issue.pad).map(|_| Activity::Idle));
            }
        }
    }
    activities
}

fn run(name: &'static str, program: &Program) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(32);
    let (operand_width, weight_width) = (program.address_bits(), address_bits(program.weights[0].len()));
    let file = format!("{name}.hex");
    let unit = Issue::new(program, operand_width, weight_width, &file);
    let has_products = !unit.hold.is_empty();
    let mut bench = Bench::new(name, unit);
    // Addresses follow from the first instruction: they are known one clock after it is read.
    for _ in 0..3 {
        bench.clock(&[0, 3, 0]);
    }
    bench.settled();
    // The second run is cut short by a reset; the third begins with the first buffer again.
    for frames in [3, 2, 2] {
        let activities: Vec<(usize, Activity)> =
            (0..frames).flat_map(|f| frame(program, f % 2).into_iter().map(move |a| (f % 2, a))).collect();
        let length = if frames == 2 { activities.len() * 3 / 4 } else { activities.len() };
        for (parity, activity) in &activities[..length] {
            loop {
                let rarely = once_in(&mut random, 4);
                let full: u64 = if rarely { random.random_range(0..4) } else { 3 };
                let busy: u64 = if rarely { random.random_range(0..4) } else { 0 };
                let found = bench.clock(&[1, full, busy]);
                let has = |flags: u64| (flags >> parity) & 1 == 1;
                let goes = match activity {
                    Activity::Load { waits_for_input, reserves_output } => {
                        (!waits_for_input || has(full)) && (!reserves_output || !has(busy))
                    }
                    _ => true,
                };
                check(name, program, activity, *parity, goes, &found, has_products);
                if goes {
                    break;
                }
            }
        }
        // A frame that went through leaves the sequencer at the first instruction, and in the other buffer.
        if length == activities.len() {
            let found = bench.clock(&[1, 0, 3]);
            assert_eq!((found[3], found[8]), (0, frames as u64 % 2), "{name}: {found:?}");
        }
        bench.clock(&[0, 3, 0]);
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
    found: &[u64],
    has_products: bool,
) {
    let [operand_address, patterns, weight_address, enable, first, complete, reserve, release, buffer] =
        found[..9]
    else {
        unreachable!("nine outputs and perhaps two more")
    };
    assert_eq!(buffer, parity as u64, "{name}: {activity:?}");
    match *activity {
        Activity::Load { reserves_output, .. } => {
            assert_eq!((enable, complete, release), (0, 0, 0), "{name}: {activity:?}");
            assert_eq!(reserve, u64::from(goes && reserves_output), "{name}: {activity:?}");
        }
        Activity::Idle => {
            assert_eq!((enable, complete, release, reserve), (0, 0, 0, 0), "{name}: {activity:?}")
        }
        Activity::Step {
            operand,
            weight,
            pattern,
            multiply,
            first: begins,
            complete: ends,
            release: gives_back,
        } => {
            let width = address_bits(program.weights[0].len());
            assert_eq!(operand_address, low_bits(operand, program.address_bits()), "{name}: {activity:?}");
            // Products have no weights.
            assert!(
                multiply || weight_address == low_bits(weight, width),
                "{name}: {activity:?} {weight_address}"
            );
            assert_eq!(patterns, pattern as u64, "{name}: {activity:?}");
            assert_eq!((complete, release), (ends.into(), gives_back.into()), "{name}: {activity:?}");
            assert_eq!(reserve, 0, "{name}: {activity:?}");
            // A product keeps its first operand and multiplies the second with it, in a sum of its own.
            assert_eq!(enable, u64::from(!(multiply && begins)), "{name}: {activity:?}");
            if enable == 1 {
                assert_eq!(first, u64::from(begins || multiply), "{name}: {activity:?}");
            }
            if has_products {
                assert_eq!(found[9], u64::from(multiply && begins), "{name}: {activity:?}");
                assert!(enable == 0 || found[10] == u64::from(multiply), "{name}: {activity:?}");
            }
        }
    }
}

#[test]
fn steps_are_those_of_the_loops() {
    cases();
}
