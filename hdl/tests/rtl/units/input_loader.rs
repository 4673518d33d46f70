//! The input loader against a list of frames: what is whole arrives, what is not sets a flag.

use std::collections::VecDeque;

use emeuro_hdl::units::input_loader::InputLoader;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    InputLoader, [clock],
    [resetn, s_axis_tdata, s_axis_tvalid, s_axis_tlast, blocked, release_buffer, parity, clear_flags, stream_goes_on] -> [
        s_axis_tready, word_valid, word_address, word, full, short_frame, long_frame,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        load("input_loader", Shape { words: 5, width: 16, per_beat: 1, span: 8, address: 6 }, false),
        load("input_loader_full_span", Shape { words: 8, width: 8, per_beat: 1, span: 8, address: 4 }, false),
        load("input_loader_word", Shape { words: 1, width: 8, per_beat: 1, span: 4, address: 3 }, false),
        load("input_loader_two", Shape { words: 2, width: 16, per_beat: 1, span: 2, address: 2 }, false),
        load("input_loader_pairs", Shape { words: 6, width: 16, per_beat: 2, span: 8, address: 4 }, false),
        load(
            "input_loader_pairs_rest",
            Shape { words: 7, width: 8, per_beat: 2, span: 8, address: 6 },
            false,
        ),
        // Less than a beat.
        load(
            "input_loader_pairs_one",
            Shape { words: 1, width: 16, per_beat: 2, span: 4, address: 3 },
            false,
        ),
        load("input_loader_fours", Shape { words: 16, width: 8, per_beat: 4, span: 16, address: 5 }, false),
        load(
            "input_loader_fours_rest",
            Shape { words: 9, width: 16, per_beat: 4, span: 16, address: 7 },
            false,
        ),
        load(
            "input_loader_fours_few",
            Shape { words: 3, width: 16, per_beat: 4, span: 32, address: 6 },
            true,
        ),
        load("input_loader_clear", Shape { words: 3, width: 8, per_beat: 1, span: 4, address: 3 }, true),
    ]
}

struct Shape {
    words: usize,
    width: u32,
    per_beat: usize,
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
    /// The frame that comes is the rest of one that was too long before the reset.
    is_rest: bool,
}

fn load(name: &str, shape: Shape, clears: bool) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(35);
    let unit = InputLoader::new(shape.words, shape.width, shape.per_beat, shape.span, shape.address);
    let mut bench = Bench::new(name, if clears { unit.with_clear() } else { unit });
    let inputs = |words: [u64; 7], clear: u64, goes_on: u64| -> Vec<u64> {
        words.into_iter().chain([clear, goes_on].into_iter().filter(|_| clears)).collect()
    };
    bench.clock(&inputs([0; 7], 0, 0));
    bench.settled();
    let beats = shape.words.div_ceil(shape.per_beat);
    let (mut stalls, mut both_full, mut rests) = (0, 0, 0);
    let mut is_rest = false;
    for run in 0..12 {
        let memory = vec![0; 2 * shape.span];
        let mut world = World { memory, is_rest, long: is_rest, ..World::default() };
        rests += u32::from(is_rest);
        // What traffic is like: how often words come, the write port is taken, a frame is read.
        let [pause, taken] = [0; 2].map(|_: u32| random.random_range(1..6));
        let patience = random.random_range(1..4 * beats as u32 + 4);
        for _ in 0..40 {
            let length = length(&mut random, beats, run == 0);
            // Words beyond the frame in the last beat may be anything.
            let mut frame: Vec<u64> =
                (0..length * shape.per_beat).map(|_| word(&mut random, shape.width)).collect();
            let mut position = 0;
            while position < length {
                let valid = pause == 1 || !once_in(&mut random, pause);
                let blocked = taken > 1 && once_in(&mut random, taken);
                let read = once_in(&mut random, patience).then(|| world.full.front().copied()).flatten();
                // The number of a buffer that is not given back may be anything.
                let parity = read.unwrap_or(random.random_range(0..2));
                let is_last = position + 1 == length;
                let clear = if clears && once_in(&mut random, 4) { random.random_range(0..4) } else { 0 };
                let words = &frame[position * shape.per_beat..(position + 1) * shape.per_beat];
                let wires = [
                    1,
                    words.iter().rev().fold(0, |beat, word| beat << shape.width | word),
                    valid.into(),
                    is_last.into(),
                    blocked.into(),
                    read.is_some().into(),
                    parity as u64,
                ];
                let found = bench.clock(&inputs(wires, clear, 0));
                let here = format!("{name}, run {run}, beat {position} of {length}: {found:?}");
                let [ready, word_valid, address] = found[..3] else { unreachable!("more outputs") };
                let (data, flags) = found[3..].split_at(shape.per_beat);
                let [full, short, long] = flags else { unreachable!("three flags") };
                let expected_full = world.full.iter().map(|b| 1 << b).sum::<u64>();
                assert_eq!(*full, expected_full, "{here}");
                assert_eq!((*short, *long), (world.short.into(), world.long.into()), "{here}");
                // A beat is taken if a buffer is free and nobody else writes.
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
                let fits = position < beats && !world.is_rest;
                assert_eq!(word_valid, u64::from(accepted && fits), "{here}");
                if accepted && fits {
                    let begin = world.next_buffer * shape.span + position * shape.per_beat;
                    assert_eq!(address as usize, begin, "{here}");
                    assert_eq!(data, words, "{here}");
                    world.memory[begin..begin + shape.per_beat].copy_from_slice(data);
                }
                // A flag that is set in the clock in which it is cleared stays set.
                world.short &= clear & 1 == 0;
                world.long &= clear & 2 == 0;
                if accepted {
                    position += 1;
                    world.long |= position == beats && length > beats;
                }
            }
            if std::mem::take(&mut world.is_rest) {
                continue;
            }
            world.short |= length < beats;
            if length == beats {
                frame.truncate(shape.words);
                world.full.push_back(world.next_buffer);
                world.whole.push_back(frame);
                world.next_buffer = 1 - world.next_buffer;
            }
        }
        // A reset in mid-frame: of some beats nothing may remain.
        // And the rest of a frame that was too long is still to come, whatever its length, if the stream goes on.
        for buffer in world.full {
            bench.clock(&inputs([1, 0, 0, 0, 0, 1, buffer as u64], 0, 0));
        }
        let mut taken = 0;
        for _ in 0..random.random_range(0..=beats + 2) {
            taken += bench.clock(&inputs([1, 1, 1, 0, 0, 0, 0], 0, 0))[0] as usize;
        }
        let goes_on = clears && once_in(&mut random, 2);
        is_rest = goes_on && taken >= beats;
        bench.clock(&inputs([0, 1, 1, 1, 0, 0, 0], 0, goes_on.into()));
    }
    assert!(stalls > 20 && both_full > 20, "{name}: {stalls} {both_full}");
    assert!(!clears || rests > 0, "{name}: no reset within a long frame");
    bench.finish(vec![])
}

/// The length of a frame in beats, mostly right.
fn length(random: &mut ChaCha8Rng, beats: usize, only_whole: bool) -> usize {
    match random.random_range(0..8) {
        _ if only_whole => beats,
        0 => random.random_range(1..=beats),
        1 => beats + 1,
        2 => random.random_range(beats..3 * beats + 3),
        3 => beats.saturating_sub(1).max(1),
        _ => beats,
    }
}

#[test]
fn whole_frames_arrive() {
    cases();
}
