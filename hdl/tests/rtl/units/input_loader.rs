//! The input loader against a list of frames: what is whole arrives, what is not sets a flag.

use std::collections::VecDeque;

use emeuro_hdl::units::input_loader::InputLoader;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    InputLoader, [clock],
    [resetn, s_axis_tdata, s_axis_tvalid, s_axis_tlast, blocked, release_buffer, parity, clear_flags] -> [
        s_axis_tready, word_valid, word_address, word, full, short_frame, long_frame,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        load("input_loader", Shape { words: 5, width: 16, span: 8, address: 6 }, false),
        load("input_loader_full_span", Shape { words: 8, width: 8, span: 8, address: 4 }, false),
        load("input_loader_word", Shape { words: 1, width: 8, span: 4, address: 3 }, false),
        load("input_loader_two", Shape { words: 2, width: 16, span: 2, address: 2 }, false),
        load("input_loader_clear", Shape { words: 3, width: 8, span: 4, address: 3 }, true),
    ]
}

struct Shape {
    words: usize,
    width: u32,
    span: usize,
    address: u32,
}

/// What the surroundings know about the loader since the last reset.
#[derive(Default)]
struct World {
    memory: Vec<u64>,
    /// Frames that were given in whole.
    whole: VecDeque<Vec<u64>>,
    /// Buffers that must hold a frame, the first to be read first.
    full: VecDeque<usize>,
    next_buffer: usize,
    short: bool,
    long: bool,
}

fn load(name: &'static str, shape: Shape, clears: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(35);
    let unit = InputLoader::new(shape.words, shape.width, shape.span, shape.address);
    let mut bench = Bench::new(name, if clears { unit.with_clear() } else { unit });
    let inputs = |words: [u64; 7], clear: u64| -> Vec<u64> {
        words.into_iter().chain(clears.then_some(clear)).collect()
    };
    bench.clock(&inputs([0; 7], 0));
    bench.settled();
    let (mut stalls, mut both_full) = (0, 0);
    for run in 0..12 {
        let mut world = World { memory: vec![0; 2 * shape.span], ..World::default() };
        // What traffic is like: how often words come, the write port is taken, a frame is read.
        let [pause, taken] = [0; 2].map(|_: u32| random.random_range(1..6));
        let patience = random.random_range(1..4 * shape.words as u32 + 4);
        for _ in 0..40 {
            let length = length(&mut random, shape.words, run == 0);
            let frame: Vec<u64> = (0..length).map(|_| word(&mut random, shape.width)).collect();
            let mut position = 0;
            while position < length {
                let valid = pause == 1 || !once_in(&mut random, pause);
                let blocked = taken > 1 && once_in(&mut random, taken);
                let read = once_in(&mut random, patience).then(|| world.full.front().copied()).flatten();
                // The number of a buffer that is not given back may be anything.
                let parity = read.unwrap_or(random.random_range(0..2));
                let is_last = position + 1 == length;
                let clear = if clears && once_in(&mut random, 4) { random.random_range(0..4) } else { 0 };
                let words = [
                    1,
                    frame[position],
                    valid.into(),
                    is_last.into(),
                    blocked.into(),
                    read.is_some().into(),
                    parity as u64,
                ];
                let found: [u64; 7] = bench.tick(&inputs(words, clear));
                let here = format!("{name}, run {run}, word {position} of {length}: {found:?}");
                let [ready, word_valid, address, data, full, short, long] = found;
                let expected_full = world.full.iter().map(|b| 1 << b).sum::<u64>();
                assert_eq!(full, expected_full, "{here}");
                assert_eq!((short, long), (world.short.into(), world.long.into()), "{here}");
                // A word is taken if a buffer is free and nobody else writes.
                let free = !world.full.contains(&world.next_buffer);
                assert_eq!(ready, u64::from(free && !blocked), "{here}");
                stalls += u32::from(blocked && valid && free);
                both_full += u32::from(world.full.len() == 2);
                // Frames are looked at when they are given back, before the buffer can be written again.
                if let Some(buffer) = read {
                    world.full.pop_front();
                    let begin = buffer * shape.span;
                    assert_eq!(
                        world.memory[begin..begin + shape.words],
                        world.whole.pop_front().unwrap(),
                        "{here}"
                    );
                }
                let accepted = ready == 1 && valid;
                let fits = position < shape.words;
                assert_eq!(word_valid, u64::from(accepted && fits), "{here}");
                if accepted && fits {
                    assert_eq!(address as usize, world.next_buffer * shape.span + position, "{here}");
                    assert_eq!(data, frame[position], "{here}");
                    world.memory[address as usize] = data;
                }
                // A flag that is set in the clock in which it is cleared stays set.
                world.short &= clear & 1 == 0;
                world.long &= clear & 2 == 0;
                if accepted {
                    position += 1;
                    world.long |= position == shape.words && length > shape.words;
                }
            }
            world.short |= length < shape.words;
            if length == shape.words {
                world.full.push_back(world.next_buffer);
                world.whole.push_back(frame);
                world.next_buffer = 1 - world.next_buffer;
            }
        }
        // A reset in mid-frame: of some words nothing may remain.
        for _ in 0..random.random_range(0..=shape.words) {
            bench.clock(&inputs([1, 1, 1, 0, 0, 0, 0], 0));
        }
        bench.clock(&inputs([0, 1, 1, 1, 0, 0, 0], 0));
    }
    assert!(stalls > 20 && both_full > 20, "{name}: {stalls} {both_full}");
    bench.finish(vec![])
}

/// The length of a frame, mostly right.
fn length(random: &mut ChaCha8Rng, words: usize, only_whole: bool) -> usize {
    match random.random_range(0..8) {
        _ if only_whole => words,
        0 => random.random_range(1..=words),
        1 => words + 1,
        2 => random.random_range(words..3 * words + 3),
        3 => words.saturating_sub(1).max(1),
        _ => words,
    }
}

#[test]
fn whole_frames_arrive() {
    cases();
}
