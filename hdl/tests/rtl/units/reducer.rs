//! The reducer against plain sums over groups of lanes.

use std::collections::HashSet;

use emeuro_compiler::timing;
use emeuro_hdl::units::reducer::{Reducer, Tap};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(Reducer, [clock], [resetn, complete, tap, sum] -> [capture, head]);

pub(crate) fn cases() -> Vec<Case> {
    // Level, results per clock and results of every tap.
    vec![
        reduce("reducer", 24, &[(0, 1, 3), (2, 1, 2), (4, 1, 1)]),
        reduce("reducer_lanes", 17, &[(0, 1, 5)]),
        reduce("reducer_single", 16, &[(0, 1, 1)]),
        reduce("reducer_pairs", 40, &[(1, 1, 3)]),
        reduce("reducer_tree", 20, &[(3, 1, 1)]),
        reduce("reducer_two", 33, &[(0, 1, 4), (1, 1, 2)]),
        // Lanes that are no power of two, and more of them at a level than the deepest needs.
        reduce("reducer_wide", 30, &[(0, 1, 6), (1, 1, 5), (2, 1, 3), (3, 1, 1)]),
        // Several slots: as many results, more, fewer, and no multiple of them.
        reduce("reducer_slots", 18, &[(0, 2, 2)]),
        reduce("reducer_slots_queue", 18, &[(1, 2, 4)]),
        reduce("reducer_slots_rest", 21, &[(0, 4, 7)]),
        reduce("reducer_slots_few", 21, &[(1, 4, 3)]),
        reduce("reducer_slots_many", 16, &[(0, 16, 16), (2, 16, 3)]),
        // All slots and one, at one level and at several.
        reduce("reducer_mixed", 19, &[(0, 1, 5), (0, 2, 5)]),
        reduce("reducer_mixed_short", 19, &[(1, 1, 6), (1, 4, 3)]),
        reduce("reducer_mixed_levels", 25, &[(0, 4, 6), (1, 1, 4), (2, 1, 2), (2, 4, 2), (3, 4, 1)]),
    ]
}

/// Inputs of one clock, and which tap was captured at its end.
struct Clock {
    sums: Vec<i64>,
    captured: Option<usize>,
}

fn reduce(name: &str, width: u32, taps: &[(u32, usize, usize)]) -> Case {
    let taps: Vec<Tap> =
        taps.iter().map(|&(level, per_clock, results)| Tap { level, per_clock, results }).collect();
    let mut random = ChaCha8Rng::seed_from_u64(26);
    let unit = Reducer::new(width, &taps);
    let (lanes, selector) = (unit.sum.len(), unit.tap.first().map(|tap| tap.width()));
    assert_eq!(lanes, taps.iter().map(|t| t.results << t.level).max().unwrap(), "{name}");
    assert_eq!(unit.head.len(), taps.iter().map(|t| t.per_clock).max().unwrap(), "{name}");
    let mut bench = Bench::new(name, unit);
    let mut past: Vec<Clock> = vec![];
    // Tiles in the tree: when they were complete, and their taps.
    let mut tiles: Vec<(usize, usize)> = vec![];
    let arrival = |&(clock, tap): &(usize, usize)| clock + taps[tap].level as usize;
    // Taps and results that were seen at a head.
    let mut seen: HashSet<(usize, usize)> = HashSet::new();
    for clock in 0..4000 {
        // At first, tile after tile of every tap in turn fills all registers.
        let is_warm = clock > 20 * taps.len();
        let resetn = clock > 0 && !(is_warm && once_in(&mut random, 60));
        let selected = if is_warm { random.random_range(0..taps.len()) } else { clock / 20 % taps.len() };
        let tile = (clock, selected);
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
        let found = bench.clock(&words);
        let (capture, heads) = found.split_first().unwrap();
        let arrived = tiles.iter().position(|tile| arrival(tile) == clock);
        let captured = arrived.map(|index| tiles.swap_remove(index).1);
        if is_warm {
            assert_eq!(*capture, u64::from(captured.is_some()), "{name}, clock {clock}");
            for (slot, head) in heads.iter().enumerate() {
                if let Some((tap, result, sum)) = expected_head(&taps, &past, clock, slot) {
                    assert_eq!(*head, low_bits(sum, width), "{name}, clock {clock}, slot {slot}");
                    seen.insert((tap, result));
                }
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
    assert_eq!(seen.len(), taps.iter().map(|tap| tap.results).sum::<usize>(), "{name}: {seen:?}");
    bench.finish(vec![])
}

/// Tap, index and sum of the result at the head of a slot: of the tile that was captured last, as many clocks later as
/// the result has groups of others before it.
fn expected_head(taps: &[Tap], past: &[Clock], clock: usize, slot: usize) -> Option<(usize, usize, i64)> {
    let capture = past.iter().rposition(|c| c.captured.is_some())?;
    let index = past[capture].captured?;
    let Tap { level, per_clock, results } = taps[index];
    let result = (clock - capture - timing::CAPTURE_TO_HEAD as usize) * per_clock + slot;
    let sums = &past[capture - level as usize].sums;
    (slot < per_clock && result < results)
        .then(|| (index, result, sums[result << level..(result + 1) << level].iter().sum()))
}

#[test]
fn heads_are_sums_of_groups() {
    cases();
}
