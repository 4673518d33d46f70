//! The loop counters against counting: which loop of a nest advances after every iteration.

use emeuro_hdl::units::loop_counters::LoopCounters;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::iterations;
use crate::bench::{Bench, Case, once_in, ports};

ports!(LoopCounters, [clock], [resetn, advance, limit, last_limit] -> [level]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        count("loop_counters", &[3, 1, 2, 2, 1], false),
        count("loop_counters_three", &[2, 3, 1], false),
        count("loop_counters_one", &[4], false),
        count("loop_counters_last", &[2, 3, 1], true),
        count("loop_counters_last_two", &[3, 2], true),
    ]
}

/// The level that advances after every iteration, if the innermost loop has `last` iterations in the last of the next.
fn levels(counts: &[usize], last: Option<usize>) -> Vec<usize> {
    let Some(last) = last else { return iterations(counts).map(|iteration| iteration.level).collect() };
    let outer = iterations(&counts[1..]).flat_map(|iteration| {
        let inner = if iteration.indices[0] + 1 == counts[1] { last } else { counts[0] };
        (1..=inner).map(move |i| if i == inner { iteration.level + 1 } else { 0 })
    });
    outer.collect()
}

fn count(name: &'static str, widths: &[u32], has_last: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(22);
    let unit = LoopCounters::new(widths);
    let mut bench = Bench::new(name, if has_last { unit.with_last_limit() } else { unit });
    let inputs = |resetn: bool, advance: bool, counts: &[usize], last: Option<usize>| -> Vec<u64> {
        let limits = counts.iter().copied().chain(last).map(|count| count as u64 - 1);
        [resetn.into(), advance.into()].into_iter().chain(limits).collect()
    };
    let mut is_fresh = false;
    for nest in 0..80 {
        // Loops that run only once are where it is easy to be wrong.
        let ones = random.random_range(1..=3);
        let count = |&width: &u32| match random.random_range(0..4) {
            n if n < ones => 1,
            3 => 1 << width,
            _ => random.random_range(1..=1 << width),
        };
        let mut drawn: Vec<usize> =
            widths.iter().chain(&widths[..usize::from(has_last)]).map(count).collect();
        let last = if has_last { drawn.pop() } else { None };
        let counts = drawn;
        // The limits have to be there one clock before the nest begins; this may be a reset.
        let resets = !is_fresh || once_in(&mut random, 3);
        bench.clock(&inputs(!resets, resets && once_in(&mut random, 2), &counts, last));
        if nest == 0 {
            bench.settled();
        }
        for _ in 0..random.random_range(1..=2) {
            // Some nests are cut short; a reset has to follow.
            let levels = levels(&counts, last);
            let total = levels.len();
            let length = if once_in(&mut random, 3) { random.random_range(0..=total) } else { total };
            for (iteration, &expected) in levels[..length].iter().enumerate() {
                while once_in(&mut random, 4) {
                    let level = bench.tick(&inputs(true, false, &counts, last));
                    assert_eq!(level, [expected as u64], "{name}");
                }
                let level = bench.tick(&inputs(true, true, &counts, last));
                assert_eq!(level, [expected as u64], "{name}: {iteration} of {counts:?}, {last:?}");
            }
            is_fresh = length == total;
            if !is_fresh {
                break;
            }
        }
    }
    bench.finish(vec![])
}

#[test]
fn levels_are_those_of_the_nest() {
    cases();
}
