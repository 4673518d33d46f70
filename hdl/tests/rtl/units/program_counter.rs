//! The program counter against a walk through lists of instructions.

use emeuro_hdl::units::program_counter::ProgramCounter;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports};

ports!(
    ProgramCounter, [clock], [resetn, finish, ends_program, forks, second, joins, quality, begins] -> [
        rom_address, parity, level, waits,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        walk("program_counter", &[0, 1, 2, 3, 4], None),
        walk("program_counter_one", &[0], None),
        walk("program_counter_pairs", &[0, 1, 2, 3], Some((1, &[false, true, true, false, true]))),
        walk("program_counter_pairs_at_once", &[0, 1], Some((0, &[true, true]))),
        choose("program_counter_two_levels", &[5, 3]),
        choose("program_counter_three_levels", &[1, 4, 2]),
        choose("program_counter_five_levels", &[1, 1, 1, 1, 1]),
    ]
}

/// Walks through programs of as many instructions per level, the highest level lying first and the others behind it.
fn choose(name: &'static str, lengths: &[u64]) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(42);
    let highest = lengths.len() - 1;
    let entry = |level: usize| match level {
        level if level >= highest => 0,
        level => lengths[highest] + lengths[..level].iter().sum::<u64>(),
    };
    let unit = ProgramCounter::new(lengths.iter().sum::<u64>() as usize, None);
    let mut bench = Bench::new(name, unit.with_entries((0..=highest).map(entry).collect()));
    let width = bench.unit.quality[0].width();
    let any = |random: &mut ChaCha8Rng| random.random_range(0..1u64 << width);
    let mut next = any(&mut random);
    bench.clock(&[0, 0, 0, next, 0]);
    bench.settled();
    let mut buffer = 0;
    let mut is_reset = true;
    for _ in 0..300 {
        // A reset leads to the highest level, and the first clock after it to the level that is asked for.
        if is_reset {
            let found = bench.tick(&[1, 0, random.random_range(0..2), next, 0]);
            assert_eq!(found, [entry(next as usize), 0, highest as u64, 1], "{name}");
        }
        // The level may change as long as nothing has begun; that of the clock before counts.
        let mut level = (next as usize).min(highest);
        let begins_late = once_in(&mut random, 2);
        while begins_late && once_in(&mut random, 2) {
            let quality = any(&mut random);
            let found = bench.tick(&[1, 0, random.random_range(0..2), quality, 0]);
            assert_eq!(found, [entry(quality as usize), buffer, level as u64, 1], "{name}");
            level = (quality as usize).min(highest);
        }
        is_reset = once_in(&mut random, 6);
        let mut waits = 1;
        for index in 0..lengths[level] {
            let number = entry(level) + index;
            let is_last = index + 1 == lengths[level];
            // An instruction begins, or begins and ends, in one clock.
            if once_in(&mut random, 2) {
                let found = bench.tick(&[1, 0, is_last.into(), any(&mut random), 1]);
                assert_eq!(found, [number, buffer, level as u64, waits], "{name}");
                waits = 0;
            }
            while waits == 0 && once_in(&mut random, 2) {
                let begins = random.random_range(0..2);
                let found = bench.tick(&[1, 0, is_last.into(), any(&mut random), begins]);
                assert_eq!(found, [number, buffer, level as u64, 0], "{name}");
            }
            next = any(&mut random);
            let following = if is_last { entry(next as usize) } else { number + 1 };
            let found = bench.tick(&[1, 1, is_last.into(), next, 1]);
            assert_eq!(found, [following, buffer, level as u64, waits], "{name}");
            waits = 0;
        }
        buffer ^= 1;
        if is_reset {
            let inputs = [0, random.random_range(0..2), 0, any(&mut random), random.random_range(0..2)];
            let [found, ..] = bench.tick::<4>(&inputs);
            assert_eq!(found, entry(highest), "{name}");
            next = any(&mut random);
            buffer = 0;
        }
    }
    bench.finish(vec![])
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
