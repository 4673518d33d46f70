//! The reducer against plain sums over groups of lanes.

use emeuro_compiler::timing;
use emeuro_hdl::units::reducer::{Reducer, Tap};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(Reducer, [clock], [resetn, complete, tap, sum] -> [capture, head]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        reduce("reducer", 24, &[(0, 3), (2, 2), (4, 1)]),
        reduce("reducer_lanes", 17, &[(0, 5)]),
        reduce("reducer_single", 16, &[(0, 1)]),
        reduce("reducer_pairs", 40, &[(1, 3)]),
        reduce("reducer_tree", 20, &[(3, 1)]),
        reduce("reducer_two", 33, &[(0, 4), (1, 2)]),
        // Lanes that are no power of two, and more of them at a level than the deepest needs.
        reduce("reducer_wide", 30, &[(0, 6), (1, 5), (2, 3), (3, 1)]),
    ]
}

/// Inputs of one clock, and which tap was captured at its end.
struct Clock {
    sums: Vec<i64>,
    captured: Option<Tap>,
}

fn reduce(name: &'static str, width: u32, taps: &[(u32, usize)]) -> Case {
    let taps: Vec<Tap> = taps.iter().map(|&(level, results)| Tap { level, results }).collect();
    let mut random = ChaCha8Rng::seed_from_u64(26);
    let unit = Reducer::new(width, &taps);
    let (lanes, selector) = (unit.sum.len(), unit.tap.first().map(|tap| tap.width()));
    assert_eq!(lanes, taps.iter().map(|t| t.results << t.level).max().unwrap(), "{name}");
    let mut bench = Bench::new(name, unit);
    let mut past: Vec<Clock> = vec![];
    // Tiles in the tree: when they were complete, and their taps.
    let mut tiles: Vec<(usize, Tap)> = vec![];
    let widest = (0..taps.len()).max_by_key(|&tap| taps[tap].results).unwrap();
    for clock in 0..4000 {
        // At first, tile after tile fills all registers.
        let is_warm = clock > 20;
        let resetn = clock > 0 && !(is_warm && once_in(&mut random, 60));
        let selected = if is_warm { random.random_range(0..taps.len()) } else { widest };
        let arrival = |(clock, tap): &(usize, Tap)| clock + tap.level as usize;
        let tile = (clock, taps[selected]);
        // Two tiles at once have no room in the drain register; the compiler sees to that.
        let has_room = tiles.iter().all(|other| arrival(other) != arrival(&tile));
        let complete = has_room && (!is_warm || once_in(&mut random, 4));
        if complete {
            tiles.push(tile);
        }
        let sums: Vec<u64> = (0..lanes).map(|_| word(&mut random, width)).collect();
        let mut words = vec![resetn.into(), complete.into()];
        words.extend(selector.map(|_| selected as u64));
        words.extend(&sums);
        let [capture, head] = bench.tick(&words);
        let arrived = tiles.iter().position(|tile| arrival(tile) == clock);
        let captured = arrived.map(|index| tiles.swap_remove(index).1);
        if is_warm {
            assert_eq!(capture, u64::from(captured.is_some()), "{name}, clock {clock}");
            if let Some(expected) = expected_head(&past, clock) {
                assert_eq!(head, low_bits(expected, width), "{name}, clock {clock}");
            }
        } else {
            bench.settled();
        }
        if !resetn {
            tiles.clear();
        }
        let sums = sums.iter().map(|&sum| signed(sum, width)).collect();
        past.push(Clock { sums, captured });
    }
    bench.finish(vec![])
}

/// The result at the head: of the tile that was captured last, as many clocks later as the result has others before it.
fn expected_head(past: &[Clock], clock: usize) -> Option<i64> {
    let capture = past.iter().rposition(|c| c.captured.is_some())?;
    let result = clock - capture - timing::CAPTURE_TO_HEAD as usize;
    let Tap { level, results } = past[capture].captured?;
    let sums = &past[capture - level as usize].sums;
    (result < results).then(|| sums[result << level..(result + 1) << level].iter().sum())
}

#[test]
fn heads_are_sums_of_groups() {
    cases();
}
