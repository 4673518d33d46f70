//! The address generator against base + Σ index · distance over whole nests.

use emeuro_hdl::units::address_generator::AddressGenerator;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::nest::{element, iterations};
use crate::bench::{Bench, Case, low_bits, once_in, ports};

ports!(AddressGenerator, [clock], [load, base, advance, level, delta] -> [address]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        walk("address_generator", AddressGenerator::new(11, 5)),
        walk("address_generator_four", AddressGenerator::new(9, 4)),
        walk("address_generator_small", AddressGenerator::new(1, 1)),
    ]
}

fn walk(name: &'static str, unit: AddressGenerator) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    let (levels, width) = (unit.delta.len(), unit.address.width());
    let mut bench = Bench::new(name, unit);
    let mut known: Option<u64> = None;
    for _ in 0..60 {
        let counts: Vec<usize> = (0..levels).map(|_| random.random_range(1..=4)).collect();
        let distances: Vec<i64> = (0..levels).map(|_| random.random_range(-3000..3000)).collect();
        let base = random.random_range(0..1i64 << width);
        let loops: Vec<(usize, i64)> = counts.iter().copied().zip(distances.iter().copied()).collect();
        let deltas = emeuro_compiler::AddressGenerator::new(base, &loops).deltas;
        let mut clock = |load: bool, advance: bool, level: usize, following: Option<i64>| {
            let mut words = vec![load.into(), base as u64, advance.into(), level as u64];
            words.extend(deltas.iter().map(|&delta| delta as u64));
            let outputs = bench.clock(&words);
            let following = following.map(|address| low_bits(address, width)).or(known);
            assert!(
                known.is_none_or(|address| outputs[0] == address),
                "{name}: {outputs:?} is not {known:?}"
            );
            if known.is_none() {
                bench.settled();
            }
            known = following;
        };
        // A load overrules an advance.
        clock(true, once_in(&mut random, 2), random.random_range(0..=levels), Some(base));
        for iteration in iterations(&counts) {
            let here = element(base, &distances, &iteration.indices);
            while once_in(&mut random, 4) {
                clock(false, false, random.random_range(0..=levels), Some(here));
            }
            // After the nest, the outermost loop just goes on.
            let mut next = iteration.indices.clone();
            let level = iteration.level.min(levels - 1);
            next[..level].fill(0);
            next[level] += 1;
            let next = match iteration.level {
                level if level == levels => here + deltas[levels - 1],
                _ => element(base, &distances, &next),
            };
            clock(false, true, iteration.level, Some(next));
        }
    }
    bench.finish(vec![])
}

#[test]
fn walks_through_nests() {
    cases();
}
