//! The delay lines against their own past.

use emeuro_hdl::units::delay_line::{FlagDelay, WordDelay};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(FlagDelay, [clock], [resetn, d] -> [q]);
ports!(WordDelay, [clock], [d] -> [q]);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        flag("flag_delay_1", 1),
        flag("flag_delay_2", 2),
        flag("flag_delay_7", 7),
        words("word_delay_1", 13, 1),
        words("word_delay_4", 16, 4),
        words("word_delay_bit", 1, 3),
    ]
}

/// A flag comes out if it went in so many clocks ago and there was no reset since then.
fn flag(name: &'static str, clocks: usize) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(23);
    let mut bench = Bench::new(name, FlagDelay::new(clocks as u32));
    let mut past: Vec<(bool, bool)> = vec![];
    for clock in 0..2000 {
        // One clock of reset must be enough.
        let resetn = clock > 0 && !once_in(&mut random, 20);
        let d = once_in(&mut random, 2);
        let [q] = bench.tick(&[resetn.into(), d.into()]);
        if clock == 0 {
            bench.settled();
        } else {
            let expected = clock >= clocks
                && past[clock - clocks].1
                && past[clock - clocks..].iter().all(|(resetn, _)| *resetn);
            assert_eq!(q, u64::from(expected), "{name}, clock {clock}");
        }
        past.push((resetn, d));
    }
    bench.finish(vec![])
}

fn words(name: &'static str, width: u32, clocks: usize) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(24);
    let mut bench = Bench::new(name, WordDelay::new(width, clocks as u32));
    let mut past: Vec<u64> = vec![];
    for clock in 0..500 {
        let d = word(&mut random, width);
        let [q] = bench.tick(&[d]);
        if clock >= clocks {
            assert_eq!(q, past[clock - clocks], "{name}, clock {clock}");
        } else {
            bench.settled();
        }
        past.push(d);
    }
    bench.finish(vec![])
}

#[test]
fn what_goes_in_comes_out_later() {
    cases();
}
