//! The program counter against a walk through lists of instructions.

use emeuro_hdl::units::program_counter::ProgramCounter;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports};

ports!(
    ProgramCounter, [clock], [resetn, finish, ends_program, forks, second, joins] -> [rom_address, parity]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        walk("program_counter", &[0, 1, 2, 3, 4], None),
        walk("program_counter_one", &[0], None),
        walk("program_counter_pairs", &[0, 1, 2, 3], Some((1, &[false, true, true, false, true]))),
        walk("program_counter_pairs_at_once", &[0, 1], Some((0, &[true, true]))),
    ]
}

/// Walks through the instructions `alone` of one frame; after the one at `fork`, some walks go on with as many
/// others as the list behind it has, which says which of them work on the second frame.
fn walk(name: &'static str, alone: &[u64], pair: Option<(usize, &[bool])>) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(41);
    let joint = pair.map_or(&[][..], |(_, seconds)| seconds);
    let first_joint = pair.map(|_| alone.len());
    let unit = ProgramCounter::new(alone.len() + joint.len(), first_joint);
    let mut bench = Bench::new(name, unit);
    let inputs = |resetn: bool, finish: bool, ends: bool, flags: [bool; 3]| -> Vec<u64> {
        let flags = flags.into_iter().filter(|_| pair.is_some());
        [resetn, finish, ends].into_iter().chain(flags).map(u64::from).collect()
    };
    for _ in 0..2 {
        bench.clock(&inputs(false, false, false, [false; 3]));
    }
    bench.settled();
    let mut buffer = 0;
    for _ in 0..60 {
        // Number, whether it forks, whether it is of the second frame, whether it is the last.
        let single =
            alone.iter().enumerate().map(|(i, &n)| (n, pair.is_some_and(|(fork, _)| fork == i), false));
        let joins = pair.is_some() && random.random();
        let course: Vec<(u64, bool, bool)> = match (pair, joins) {
            (Some((fork, seconds)), true) => {
                let others =
                    seconds.iter().enumerate().map(|(i, &second)| ((alone.len() + i) as u64, false, second));
                single.take(fork + 1).chain(others).collect()
            }
            _ => single.collect(),
        };
        let next_of = |place: usize| course.get(place + 1).map_or(0, |next| next.0);
        let cut = if once_in(&mut random, 4) { random.random_range(0..course.len()) } else { course.len() };
        for (place, &(number, forks, second)) in course[..cut].iter().enumerate() {
            let ends = place + 1 == course.len();
            let parity = buffer ^ u64::from(second);
            while once_in(&mut random, 2) {
                let found = bench.tick(&inputs(true, false, ends, [forks, second, random.random()]));
                assert_eq!(found, [number, parity], "{name}: {course:?} {place}");
            }
            let joining = if forks { joins } else { random.random() };
            let found = bench.tick(&inputs(true, true, ends, [forks, second, joining]));
            assert_eq!(found, [next_of(place), parity], "{name}: {course:?} {place}");
        }
        if cut == course.len() {
            buffer ^= u64::from(!joins);
        } else {
            let [next, _] = bench.tick(&inputs(false, random.random(), random.random(), [false; 3]));
            assert_eq!(next, 0, "{name}");
            buffer = 0;
        }
    }
    bench.finish(vec![])
}

#[test]
fn instructions_follow_each_other() {
    cases();
}
