//! The router against a search for the largest score.

use emeuro_compiler::{Members, timing};
use emeuro_hdl::units::router::{Router, RouterShape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, signed, word};

ports!(
    Router, [clock], [resetn, score, number, word, force, forced] -> [
        member, unfamiliar, routed, weight_offset, bias_offset,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        route("router_two", 2, 16, false),
        route("router_two_forced", 2, 8, true),
        route("router_five", 5, 16, false),
        route("router_five_forced", 5, 16, true),
        route("router_eight_forced", 8, 16, true),
        route("router_many", 37, 8, true),
    ]
}

/// Clocks from the last score to the member: the score reaches the router one clock before its register shows it, and the
/// address of the first step is loaded one clock before that step.
const LATENCY: usize = timing::SCORE_TO_STEP as usize;

fn route(name: &str, count: usize, bits: u32, is_forced: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(47);
    let threshold = |random: &mut ChaCha8Rng| signed(word(random, bits), bits) as i16;
    let members = Members {
        thresholds: (0..count).map(|_| threshold(&mut random)).collect(),
        weight_words: 29,
        bias_words: 3,
    };
    let shape = RouterShape { members: &members, word: bits, weight_address: 12, bias_address: 8 };
    let router = Router::new(shape);
    let mut bench = Bench::new(name, if is_forced { router.with_force() } else { router });
    let inputs = |common: [u64; 4], [force, forced]: [u64; 2]| -> Vec<u64> {
        common.into_iter().chain([force, forced].into_iter().filter(|_| is_forced)).collect()
    };
    let highest = count as u64 - 1;
    let all_members = u64::MAX >> highest.leading_zeros();
    bench.clock(&inputs([0; 4], [0; 2]));
    bench.settled();
    let (mut member, mut unfamiliar) = (0, 0);
    let (mut ties, mut strangers, mut forces) = (0, 0, 0);
    for _ in 0..300 {
        let mut order: Vec<usize> = (0..count).collect();
        if once_in(&mut random, 2) {
            (1..count).for_each(|i| order.swap(i, random.random_range(0..=i)));
        }
        // Often few different scores, so that there are ties.
        let narrow = once_in(&mut random, 2);
        let scores: Vec<i64> = (0..count)
            .map(|_| match narrow {
                true => random.random_range(-2..2),
                false => signed(word(&mut random, bits), bits),
            })
            .collect();
        let cut = if once_in(&mut random, 5) { random.random_range(0..count) } else { count };
        for &number in &order[..cut] {
            while once_in(&mut random, 4) {
                let noise = word(&mut random, bits);
                let found = bench.tick(&inputs([1, 0, random.random_range(0..=all_members), noise], [0; 2]));
                check(name, &members, found, member, unfamiliar, false);
            }
            let found = bench.tick(&inputs([1, 1, number as u64, scores[number] as u64], [1, 0]));
            check(name, &members, found, member, unfamiliar, false);
        }
        if cut < count {
            bench.clock(&inputs([0, random.random_range(0..2), 0, 0], [0; 2]));
            (member, unfamiliar) = (0, 0);
            continue;
        }
        let force = [u64::from(once_in(&mut random, 3)), random.random_range(0..=all_members)];
        for _ in 1..LATENCY {
            let found = bench.tick(&inputs([1, 0, 0, word(&mut random, bits)], force));
            check(name, &members, found, member, unfamiliar, false);
        }
        let largest = *scores.iter().max().unwrap();
        let first = scores.iter().position(|&score| score == largest).unwrap();
        ties += u32::from(scores.iter().filter(|&&score| score == largest).count() > 1);
        member = first as u64;
        unfamiliar = u64::from(largest < i64::from(members.thresholds[first]));
        strangers += unfamiliar;
        if is_forced && force[0] == 1 {
            member = force[1].min(highest);
            forces += 1;
        }
        let found = bench.tick(&inputs([1, 0, 0, 0], [0; 2]));
        check(name, &members, found, member, unfamiliar, true);
        if once_in(&mut random, 2) {
            let found = bench.tick(&inputs([1, 0, 0, 0], [1, 0]));
            check(name, &members, found, member, unfamiliar, false);
        }
    }
    assert!(ties > 20 && (50..250).contains(&strangers), "{name}: {ties} {strangers}");
    assert!(!is_forced || forces > 50, "{name}: {forces}");
    bench.finish(vec![])
}

fn check(name: &str, members: &Members, found: [u64; 5], member: u64, unfamiliar: u64, routed: bool) {
    let distances = [members.weight_words, members.bias_words].map(|words| member * words as u64);
    assert_eq!(found, [member, unfamiliar, routed.into(), distances[0], distances[1]], "{name}");
}

#[test]
fn the_largest_score_wins() {
    cases();
}
