//! The loop counters against counting: which loop of a nest advances after every iteration.

use emeuro_hdl::units::loop_counters::LoopCounters;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::iterations;
use crate::bench::{Bench, Case, once_in, ports};

ports!(LoopCounters, [clock], [resetn, advance, limit] -> [level]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        count("loop_counters", &[3, 1, 2, 2, 1]),
        count("loop_counters_three", &[2, 3, 1]),
        count("loop_counters_one", &[4]),
    ]
}

fn count(name: &'static str, widths: &[u32]) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(22);
    let mut bench = Bench::new(name, LoopCounters::new(widths));
    let inputs = |resetn: bool, advance: bool, counts: &[usize]| -> Vec<u64> {
        let limits = counts.iter().map(|&count| count as u64 - 1);
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
        let counts: Vec<usize> = widths.iter().map(count).collect();
        // The limits have to be there one clock before the nest begins; this may be a reset.
        let resets = !is_fresh || once_in(&mut random, 3);
        bench.clock(&inputs(!resets, resets && once_in(&mut random, 2), &counts));
        if nest == 0 {
            bench.settled();
        }
        for _ in 0..random.random_range(1..=2) {
            // Some nests are cut short; a reset has to follow.
            let total: usize = counts.iter().product();
            let length = if once_in(&mut random, 3) { random.random_range(0..=total) } else { total };
            for iteration in iterations(&counts).take(length) {
                while once_in(&mut random, 4) {
                    assert_eq!(bench.tick(&inputs(true, false, &counts)), [iteration.level as u64], "{name}");
                }
                let level = bench.tick(&inputs(true, true, &counts));
                assert_eq!(level, [iteration.level as u64], "{name}: {:?} of {counts:?}", iteration.indices);
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
