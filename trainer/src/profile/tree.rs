//! Which regions to emulate: those that save most time, no two of them on one path of the call tree.

/// Calls of a region from one place of the call tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Index of the region.
    pub region: usize,
    /// Index of the calling place; none if the program itself calls.
    pub parent: Option<usize>,
    /// How often.
    pub calls: u64,
    /// Time in it, with all that it calls, seconds.
    pub seconds: f64,
}

/// So many regions are chosen from by trying all sets.
const ALL: usize = 12;

/// The set of regions that saves most time; `times` are the seconds per call of the emulators of those that can be emulated.
///
/// A region that is only called inside emulated ones is not chosen: it would never be asked.
pub(super) fn choose(calls: &[Call], times: &[Option<f64>]) -> Vec<bool> {
    let able: Vec<usize> = (0..times.len()).filter(|&region| times[region].is_some()).collect();
    let mut best = vec![false; times.len()];
    let mut most = 0.0;
    let mut offer = |chosen: Vec<bool>| {
        let saved = saving(calls, times, &chosen);
        if saved > most {
            (most, best) = (saved, chosen);
        }
    };
    if able.len() <= ALL {
        for set in 0..1usize << able.len() {
            let mut chosen = vec![false; times.len()];
            able.iter().enumerate().for_each(|(bit, &region)| chosen[region] = set >> bit & 1 == 1);
            offer(chosen);
        }
    } else {
        // One change at a time, from nothing and from everything.
        for everything in [false, true] {
            let start: Vec<bool> = times.iter().map(|time| everything && time.is_some()).collect();
            offer(climb(calls, times, &able, start));
        }
    }
    let used: Vec<usize> = effective(calls, &best).map(|call| calls[call].region).collect();
    best.iter().enumerate().map(|(region, chosen)| *chosen && used.contains(&region)).collect()
}

fn climb(calls: &[Call], times: &[Option<f64>], able: &[usize], mut chosen: Vec<bool>) -> Vec<bool> {
    let mut saved = saving(calls, times, &chosen);
    loop {
        let flipped = |region: usize| {
            let mut other = chosen.clone();
            other[region] = !other[region];
            (saving(calls, times, &other), other)
        };
        let best = able.iter().map(|&region| flipped(region)).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((more, other)) if more > saved => (saved, chosen) = (more, other),
            _ => return chosen,
        }
    }
}

/// Seconds that are saved when the `chosen` regions are emulated.
pub(super) fn saving(calls: &[Call], times: &[Option<f64>], chosen: &[bool]) -> f64 {
    effective(calls, chosen)
        .map(|call| {
            let Call { region, calls, seconds, .. } = calls[call];
            seconds - times[region].unwrap_or(f64::INFINITY) * calls as f64
        })
        .sum()
}

/// Places of the call tree whose region is chosen, and that are not inside another such place.
pub(super) fn effective<'a>(calls: &'a [Call], chosen: &'a [bool]) -> impl Iterator<Item = usize> + 'a {
    (0..calls.len()).filter(move |&call| {
        chosen[calls[call].region] && !callers(calls, call).any(|caller| chosen[calls[caller].region])
    })
}

/// The places that a place is called from, the nearest first.
pub(super) fn callers(calls: &[Call], call: usize) -> impl Iterator<Item = usize> + '_ {
    std::iter::successors(calls[call].parent, |&caller| calls[caller].parent)
}

/// Time in a region, seconds: of its places that are not inside itself.
pub(super) fn seconds(calls: &[Call], region: usize) -> (u64, f64) {
    let mine: Vec<bool> =
        (0..=calls.iter().map(|c| c.region).max().unwrap_or(0)).map(|r| r == region).collect();
    effective(calls, &mine).fold((0, 0.0), |(count, sum), i| (count + calls[i].calls, sum + calls[i].seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(region: usize, parent: Option<usize>, calls: u64, seconds: f64) -> Call {
        Call { region, parent, calls, seconds }
    }

    /// A region 0 that calls 1 and 2; 2 is also called by the program.
    fn calls() -> Vec<Call> {
        vec![
            call(0, None, 100, 10.0),
            call(1, Some(0), 200, 4.0),
            call(2, Some(0), 100, 5.0),
            call(2, None, 50, 2.5),
        ]
    }

    #[test]
    fn outer_or_inner_ones_whichever_save_more() {
        // Emulated whole, the outer one saves 9 seconds, the inner ones 8.
        assert_eq!(choose(&calls(), &[Some(0.01), Some(0.001), Some(0.008)]), [true, false, true]);
        // Four times as slow, 6 against 8.
        assert_eq!(choose(&calls(), &[Some(0.04), Some(0.001), Some(0.008)]), [false, true, true]);
        // It cannot be emulated.
        assert_eq!(choose(&calls(), &[None, Some(0.001), Some(0.008)]), [false, true, true]);
        // Slower than exact.
        assert_eq!(choose(&calls(), &[None, Some(0.03), Some(0.06)]), [false, false, false]);
    }

    #[test]
    fn what_is_only_called_inside_an_emulated_region_is_not_chosen() {
        assert_eq!(choose(&calls(), &[Some(0.001), Some(0.0), None]), [true, false, false]);
    }

    #[test]
    fn time_of_a_region_that_calls_itself_counts_once() {
        let calls = [call(0, None, 3, 6.0), call(0, Some(0), 5, 4.0), call(1, Some(1), 1, 1.0)];
        assert_eq!(seconds(&calls, 0), (3, 6.0));
        assert_eq!(choose(&calls, &[Some(1.0), Some(0.1)]), [true, false]);
    }

    proptest! {
        /// Climbing never beats trying all sets, and does not fall far behind.
        #[test]
        fn the_best_set_is_found(
            parents in prop::collection::vec((0usize..6, any::<prop::sample::Index>(), 1u64..50, 0.1f64..1.0), 1..9),
            times in prop::collection::vec(prop::option::of(0.0f64..0.05), 6)
        ) {
            let mut calls: Vec<Call> = vec![];
            for (region, parent, count, share) in parents {
                let parent = if calls.is_empty() { None } else { Some(parent.index(calls.len() + 1)).filter(|p| *p < calls.len()) };
                let seconds = parent.map_or(10.0, |p: usize| calls[p].seconds) * share;
                calls.push(call(region, parent, count, seconds));
            }
            let chosen = choose(&calls, &times);
            let most = saving(&calls, &times, &chosen);
            for set in 0..64usize {
                let other: Vec<bool> = (0..6).map(|r| set >> r & 1 == 1 && times[r].is_some()).collect();
                prop_assert!(saving(&calls, &times, &other) <= most + 1e-9);
            }
            for call in effective(&calls, &chosen) {
                prop_assert!(!callers(&calls, call).any(|c| chosen[calls[c].region]));
            }
        }
    }
}
