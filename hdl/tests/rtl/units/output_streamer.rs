//! The output streamer against a list of frames.

use std::collections::VecDeque;

use emeuro_compiler::{OutputBuffer, timing};
use emeuro_hdl::units::output_streamer::OutputStreamer;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    OutputStreamer, [clock],
    [resetn, write_enable, write_address, write_data, reserve, reserved, m_axis_tready] -> [
        busy, m_axis_tdata, m_axis_tvalid, m_axis_tlast,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let buffer = |words, order: &[usize], head_start| OutputBuffer {
        words,
        order: (!order.is_empty()).then(|| order.to_vec()),
        head_start,
    };
    vec![
        stream("output_streamer", 16, 8, &buffer(5, &[], 1)),
        stream("output_streamer_full_span", 16, 8, &buffer(8, &[], 4)),
        stream("output_streamer_word", 8, 2, &buffer(1, &[], 1)),
        stream("output_streamer_late", 8, 4, &buffer(3, &[], 3)),
        // Not all words that are written leave.
        stream("output_streamer_ordered", 16, 8, &buffer(8, &[6, 0, 3, 7, 1, 2], 2)),
        stream("output_streamer_ordered_word", 8, 2, &buffer(2, &[1], 1)),
        // More words than were written: some leave twice.
        stream("output_streamer_longer", 8, 4, &buffer(4, &[3, 3, 0, 1, 2, 0], 1)),
    ]
}

/// Clocks from the write that completes the head start to the word at the output.
fn latency(buffer: &OutputBuffer) -> usize {
    (timing::WRITE_TO_OUTPUT + order_latency(buffer)) as usize
}

fn order_latency(buffer: &OutputBuffer) -> u32 {
    if buffer.order.is_some() { timing::OUTPUT_ORDER } else { 0 }
}

/// A random order of writing that no word overtakes which leaves, one per clock, after the head start. The writes after
/// the head start follow each other without a pause.
fn write_order(buffer: &OutputBuffer, addresses: &[usize], random: &mut ChaCha8Rng) -> Vec<usize> {
    let first_read = timing::WRITE_TO_OUTPUT_READ + order_latency(buffer);
    // Write number n happens n + 1 - head_start clocks after the end of the head start; it must come before its read.
    let deadline = |address: usize| match addresses.iter().position(|&a| a == address) {
        Some(word) => word + buffer.head_start - 1 + (first_read - timing::WRITE_TO_READ) as usize,
        None => usize::MAX,
    };
    let mut left: Vec<usize> = (0..buffer.words).collect();
    let mut order = vec![];
    while !left.is_empty() {
        let candidate = left.swap_remove(random.random_range(0..left.len()));
        let mut deadlines: Vec<usize> = left.iter().map(|&address| deadline(address)).collect();
        deadlines.sort_unstable();
        let is_in_time = deadline(candidate) >= order.len();
        if is_in_time && deadlines.iter().zip(order.len() + 1..).all(|(&deadline, number)| deadline >= number)
        {
            order.push(candidate);
        } else {
            left.push(candidate);
        }
    }
    order
}

/// A frame between its reservation and its last word.
struct Frame {
    buffer: usize,
    /// Words by address.
    words: Vec<u64>,
    /// Addresses in the order in which they are written.
    order: Vec<usize>,
    /// How many of them have been written.
    written: usize,
    /// Words that have left.
    left: usize,
}

/// Words that may have left the buffer and not yet the streamer: one behind the memory, one at the output.
const IN_FLIGHT: usize = 2;

fn stream(name: &'static str, width: u32, span: usize, buffer: &OutputBuffer) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(36);
    let file = format!("{name}.hex");
    let bench = Bench::new(name, OutputStreamer::new(buffer, width, span, &file));
    let mut bench = bench.only_while("m_axis_tdata", "m_axis_tvalid");
    bench.clock(&[0, 0, 0, 0, 0, 0, 1]);
    bench.settled();
    let addresses: Vec<usize> = buffer.order.clone().unwrap_or((0..buffer.words).collect());
    let words = addresses.len();
    let (mut stalls, mut both_busy, mut measured) = (0, 0, 0);
    for run in 0..10 {
        let mut frames: VecDeque<Frame> = VecDeque::new();
        let (mut next_buffer, mut in_use) = (0, 0u64);
        let mut offered: Option<[u64; 3]> = None;
        // Clocks since the head start was complete while nothing else was on its way.
        let mut since_start: Option<usize> = None;
        let [pause, patience] = [0; 2].map(|_: u32| random.random_range(1..5));
        for clock in 0..600 {
            let is_writing = frames.back().is_some_and(|f| f.written < f.order.len());
            let reserves = !is_writing && (in_use >> next_buffer) & 1 == 0 && once_in(&mut random, pause);
            let write = frames.back_mut().filter(|f| f.written < f.order.len()).and_then(|frame| {
                let has_started = frame.written >= buffer.head_start;
                (has_started || once_in(&mut random, pause)).then(|| {
                    let address = frame.order[frame.written];
                    frame.written += 1;
                    (frame.buffer * span + address, frame.words[address])
                })
            });
            let starts = write.is_some() && frames.back().is_some_and(|f| f.written == buffer.head_start);
            let ready = once_in(&mut random, patience);
            // What nobody looks at may be anything.
            let other = random.random_range(0..2);
            let found: [u64; 4] = bench.tick(&[
                1,
                write.is_some().into(),
                write.map_or(other * span, |(address, _)| address) as u64,
                write.map_or(0, |(_, word)| word),
                reserves.into(),
                if reserves { next_buffer } else { other } as u64,
                ready.into(),
            ]);
            let here = format!("{name}, run {run}, clock {clock}: {found:?}");
            let [busy, data, valid, last] = found;
            in_use = busy;
            both_busy += u32::from(busy == 3);
            // The write of this clock shows its effect in the next.
            let has_started =
                |f: &Frame, is_last: bool| f.written >= buffer.head_start && !(is_last && starts);
            for number in 0..2 {
                let count = frames.len();
                let of_buffer = || frames.iter().enumerate().filter(|(_, f)| f.buffer == number);
                let may = of_buffer().next().is_some();
                let must =
                    of_buffer().any(|(i, f)| !has_started(f, i + 1 == count) || words - f.left > IN_FLIGHT);
                let is_busy = (busy >> number) & 1 == 1;
                assert!(is_busy && may || !is_busy && !must, "{here}: buffer {number}, {may} {must}");
            }
            // A word that was offered stays until it is taken.
            if let Some(offered) = offered {
                assert_eq!([data, valid, last], offered, "{here}");
            }
            if let Some(clocks) = &mut since_start {
                *clocks += 1;
                assert_eq!(valid, u64::from(*clocks >= latency(buffer)), "{here}");
            }
            if valid == 1 {
                let count = frames.len();
                let frame = frames.front_mut().filter(|f| has_started(f, count == 1));
                let frame = frame.unwrap_or_else(|| panic!("{here}: no word is due"));
                let is_last = frame.left + 1 == words;
                assert_eq!((data, last), (frame.words[addresses[frame.left]], is_last.into()), "{here}");
                measured += u32::from(since_start.take().is_some());
                stalls += u32::from(!ready);
                frame.left += usize::from(ready);
            }
            offered = (valid == 1 && !ready).then_some([data, valid, last]);
            if starts && frames.len() == 1 {
                since_start = Some(0);
            }
            if frames.front().is_some_and(|f| f.left == words && f.written == f.order.len()) {
                frames.pop_front();
            }
            if reserves {
                let order = write_order(buffer, &addresses, &mut random);
                let words = (0..span).map(|_| word(&mut random, width)).collect();
                frames.push_back(Frame { buffer: next_buffer, words, order, written: 0, left: 0 });
                next_buffer = 1 - next_buffer;
            }
        }
        // A reset in mid-frame.
        bench.clock(&[0, once_in(&mut random, 2).into(), 0, 0, once_in(&mut random, 2).into(), 0, 0]);
    }
    assert!(stalls > 100 && both_busy > 100 && measured > 10, "{name}: {stalls} {both_busy} {measured}");
    let hex = bench.unit.hex().map(|hex| (file, hex));
    bench.finish(hex.into_iter().collect())
}

#[test]
fn frames_leave_in_order() {
    cases();
}
