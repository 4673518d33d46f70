//! The output streamer against a list of frames.

use std::collections::VecDeque;
use std::ops::Range;

use emeuro_compiler::{OutputBuffer, timing};
use emeuro_hdl::units::output_streamer::{OutputStreamer, StreamShape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    OutputStreamer, [clock],
    [resetn, write_enable, write_address, write_data, level, reserve, reserved, m_axis_tready] -> [
        busy, m_axis_tdata, m_axis_tkeep, m_axis_tvalid, m_axis_tlast, writing,
    ]
);

/// A streamer, and how frames are written to it.
#[derive(Clone, Copy)]
struct Shape {
    width: u32,
    per_beat: usize,
    row: usize,
    span: usize,
    words: usize,
    order: &'static [usize],
    /// The most words of one write.
    together: usize,
    /// Writes after which a frame begins to leave; the fewest that are enough if this is not said.
    head_start: Option<usize>,
    /// Whether it says that a frame is being written.
    says_writing: bool,
}

/// One word per row and beat.
const SINGLE: Shape = Shape {
    width: 16,
    per_beat: 1,
    row: 1,
    span: 8,
    words: 8,
    order: &[],
    together: 1,
    head_start: None,
    says_writing: false,
};

pub(crate) fn cases() -> Vec<Case> {
    let start = |writes| Some(writes);
    // Beats of two and of four words.
    let pairs = Shape { per_beat: 2, row: 2, together: 2, ..SINGLE };
    let fours = Shape { per_beat: 4, row: 4, span: 16, words: 16, together: 4, ..SINGLE };
    let wide = Shape { row: 4, span: 16, words: 13, ..SINGLE };
    let five = Shape { words: 5, ..SINGLE };
    let ordered = Shape { row: 4, span: 16, words: 13, order: &[12, 1, 3, 7, 9, 11, 0], ..pairs };
    vec![
        stream("output_streamer", Shape { words: 5, head_start: start(1), ..SINGLE }),
        stream("output_streamer_full_span", Shape { head_start: start(4), ..SINGLE }),
        stream("output_streamer_word", Shape { width: 8, span: 2, words: 1, head_start: start(1), ..SINGLE }),
        stream("output_streamer_late", Shape { width: 8, span: 4, words: 3, head_start: start(3), ..SINGLE }),
        // Not all words that are written leave.
        stream(
            "output_streamer_ordered",
            Shape { order: &[6, 0, 3, 7, 1, 2], head_start: start(2), ..SINGLE },
        ),
        stream(
            "output_streamer_says_writing",
            Shape { order: &[6, 0, 3], head_start: start(2), says_writing: true, ..SINGLE },
        ),
        stream(
            "output_streamer_ordered_word",
            Shape { width: 8, span: 2, words: 2, order: &[1], head_start: start(1), ..SINGLE },
        ),
        // More words than were written: some leave twice.
        stream(
            "output_streamer_longer",
            Shape { width: 8, span: 4, words: 4, order: &[3, 3, 0, 1, 2, 0], head_start: start(1), ..SINGLE },
        ),
        // Rows that are wider than a beat; words written one by one and together.
        stream("output_streamer_row", Shape { row: 4, span: 16, words: 13, together: 4, ..SINGLE }),
        stream("output_streamer_row_singles", Shape { row: 2, words: 7, ..SINGLE }),
        stream("output_streamer_row_late", Shape { row: 8, span: 16, words: 8, together: 8, ..SINGLE }),
        stream("output_streamer_pairs", Shape { words: 6, ..pairs }),
        stream("output_streamer_pairs_singles", Shape { words: 8, together: 1, ..pairs }),
        stream("output_streamer_pairs_rest", Shape { width: 8, words: 7, ..pairs }),
        stream("output_streamer_pairs_row", Shape { row: 8, span: 32, words: 29, together: 8, ..pairs }),
        // Less than a beat.
        stream("output_streamer_pairs_one", Shape { span: 4, words: 1, head_start: start(1), ..pairs }),
        stream("output_streamer_fours", Shape { ..fours }),
        stream("output_streamer_fours_rest", Shape { width: 8, words: 9, ..fours }),
        stream("output_streamer_fours_three", Shape { words: 11, together: 2, ..fours }),
        stream("output_streamer_fours_two", Shape { words: 14, together: 1, ..fours }),
        stream("output_streamer_fours_row", Shape { row: 16, span: 64, words: 51, together: 16, ..fours }),
        stream("output_streamer_fours_few", Shape { width: 8, span: 8, words: 3, ..fours }),
        // Every word of a beat has its own copy and may come from anywhere; rows are as wide as anything writes.
        stream(
            "output_streamer_pairs_ordered",
            Shape { row: 1, together: 1, words: 6, order: &[5, 0, 3, 1, 4, 2], ..pairs },
        ),
        stream(
            "output_streamer_pairs_ordered_rest",
            Shape { row: 4, together: 4, span: 16, words: 13, order: &[12, 1, 3, 7, 9, 11, 0], ..pairs },
        ),
        stream(
            "output_streamer_fours_ordered",
            Shape { row: 1, together: 1, span: 8, words: 8, order: &[1, 6, 6, 2, 7, 0, 3, 5], ..fours },
        ),
        stream(
            "output_streamer_fours_ordered_rest",
            Shape {
                width: 8,
                row: 2,
                together: 2,
                words: 9,
                order: &[8, 0, 0, 3, 5, 2, 1, 7, 4, 6],
                ..fours
            },
        ),
        stream(
            "output_streamer_fours_ordered_few",
            Shape { row: 8, together: 8, span: 16, words: 11, order: &[10, 2, 5], ..fours },
        ),
        stream(
            "output_streamer_row_ordered",
            Shape { row: 4, together: 4, span: 8, words: 7, order: &[3, 6, 0, 2, 5], ..SINGLE },
        ),
        // Levels that write word by word, in part together, and late.
        stream_levels(
            "output_streamer_levels",
            &[wide, Shape { together: 4, ..wide }, Shape { together: 2, head_start: start(7), ..wide }],
        ),
        stream_levels(
            "output_streamer_levels_same",
            &[Shape { head_start: start(5), ..five }, Shape { head_start: start(1), ..five }],
        ),
        stream_levels(
            "output_streamer_levels_ordered",
            &[Shape { together: 4, ..ordered }, Shape { together: 1, says_writing: true, ..ordered }],
        ),
    ]
}

impl Shape {
    /// Addresses of the words of a frame, as they leave.
    fn addresses(&self) -> Vec<usize> {
        if self.order.is_empty() { (0..self.words).collect() } else { self.order.to_vec() }
    }

    /// Clocks from the write that completes the head start to the beat at the output.
    fn latency(&self) -> usize {
        (timing::WRITE_TO_OUTPUT + self.order_latency()) as usize
    }

    fn order_latency(&self) -> u32 {
        if self.order.is_empty() { 0 } else { timing::OUTPUT_ORDER }
    }

    /// The words of a frame in pieces that are written together: neighbours in one row.
    fn pieces(&self, random: &mut ChaCha8Rng) -> Vec<Range<usize>> {
        let mut pieces = vec![];
        let mut begin = 0;
        while begin < self.words {
            let row_end = (begin / self.row + 1) * self.row;
            let most = self.together.min(row_end.min(self.words) - begin);
            // Mostly as many as may be.
            let count = if once_in(random, 3) { random.random_range(1..=most) } else { most };
            pieces.push(begin..begin + count);
            begin += count;
        }
        pieces
    }

    /// Before which write at the latest a piece has to be written. Write number n happens n + 1 - head_start clocks after
    /// the end of the head start; it must come before the first beat with a word of the same row is read.
    fn deadline(&self, piece: &Range<usize>, head_start: usize) -> usize {
        let first_read = timing::WRITE_TO_OUTPUT_READ + self.order_latency();
        let in_row = |address: &usize| address / self.row == piece.start / self.row;
        match self.addresses().iter().position(in_row) {
            Some(word) => {
                word / self.per_beat + head_start - 1 + (first_read - timing::WRITE_TO_READ) as usize
            }
            None => usize::MAX,
        }
    }

    /// Whether the pieces can be written in an order that keeps all deadlines, beginning with write number `first`.
    fn is_possible(&self, pieces: &[Range<usize>], head_start: usize, first: usize) -> bool {
        let mut deadlines: Vec<usize> = pieces.iter().map(|p| self.deadline(p, head_start)).collect();
        deadlines.sort_unstable();
        deadlines.iter().zip(first..).all(|(&deadline, number)| deadline >= number)
    }

    /// A random order of writing that no beat overtakes which leaves, one per clock, after the head start. The writes
    /// after the head start follow each other without a pause.
    fn write_order(
        &self,
        pieces: &[Range<usize>],
        head_start: usize,
        random: &mut ChaCha8Rng,
    ) -> Vec<Range<usize>> {
        let mut left = pieces.to_vec();
        let mut order = vec![];
        while !left.is_empty() {
            let candidate = left.swap_remove(random.random_range(0..left.len()));
            let is_in_time = self.deadline(&candidate, head_start) >= order.len();
            if is_in_time && self.is_possible(&left, head_start, order.len() + 1) {
                order.push(candidate);
            } else {
                left.push(candidate);
            }
        }
        order
    }
}

/// A frame between its reservation and its last beat.
struct Frame {
    buffer: usize,
    level: usize,
    /// Words by address.
    words: Vec<u64>,
    /// Addresses that are written together, in the order in which they are written.
    order: Vec<Range<usize>>,
    /// How many of them have been written.
    written: usize,
    /// Beats that have left.
    left: usize,
}

/// Beats that may have left the buffer and not yet the streamer: one behind the memory, one at the output.
const IN_FLIGHT: usize = 2;

fn stream(name: &str, shape: Shape) -> Case {
    stream_levels(name, &[shape])
}

/// Frames of several levels, the lowest first, in which the same words are written in different ways.
fn stream_levels(name: &str, shapes: &[Shape]) -> Case {
    let shape = shapes[shapes.len() - 1];
    let Shape { width, per_beat, row, span, .. } = shape;
    let mut random = ChaCha8Rng::seed_from_u64(36);
    // Of every level: what is written together, and after how many writes a frame leaves.
    let levels: Vec<(Vec<Range<usize>>, usize)> = shapes
        .iter()
        .map(|shape| {
            let pieces = shape.pieces(&mut random);
            let fewest = (1..=pieces.len()).find(|&n| shape.is_possible(&pieces, n, 0)).unwrap();
            (pieces, shape.head_start.unwrap_or(fewest))
        })
        .collect();
    let paces: Vec<(usize, usize)> =
        levels.iter().map(|(pieces, head_start)| (pieces.len(), *head_start)).collect();
    let (writes, head_start) = paces[paces.len() - 1];
    let buffer = OutputBuffer {
        words: shape.words,
        order: (!shape.order.is_empty()).then(|| shape.order.to_vec()),
        writes,
        head_start,
    };
    let head_start = |frame: &Frame| levels[frame.level].1;
    let mut unit = OutputStreamer::new(StreamShape { buffer: &buffer, width, per_beat, row, span }, name);
    let has_levels = shapes.len() > 1;
    if has_levels {
        unit = unit.with_levels(&paces);
    }
    if shape.says_writing {
        unit = unit.with_writing();
    }
    let hex: Vec<(String, String)> = unit.hex_files().collect();
    assert_eq!(hex.len(), if shape.order.is_empty() { 0 } else { per_beat }, "{name}");
    let mut bench = Bench::new(name, unit).only_while("m_axis_tdata", "m_axis_tvalid");
    let level_inputs = usize::from(has_levels);
    let nothing =
        |ready: u64| [vec![1, 0, 0], vec![0; row], vec![0; level_inputs], vec![0, 0, ready]].concat();
    let mut reset = nothing(1);
    reset[0] = 0;
    bench.clock(&reset);
    bench.settled();
    let addresses = shape.addresses();
    let beats = addresses.len().div_ceil(per_beat);
    let all_bytes = (1u64 << (per_beat as u32 * width / 8)) - 1;
    let (mut stalls, mut both_busy, mut measured, mut ended) = (0, 0, 0, 0);
    for run in 0..12 {
        let mut frames: VecDeque<Frame> = VecDeque::new();
        let (mut next_buffer, mut in_use) = (0, 0u64);
        let mut offered: Option<[u64; 4]> = None;
        // Clocks since the head start was complete while nothing else was on its way.
        let mut since_start: Option<usize> = None;
        let [pause, patience] = [0; 2].map(|_: u32| random.random_range(1..5));
        // Long frames take their time.
        for clock in 0..600.max(30 * shape.words) {
            let is_writing = frames.back().is_some_and(|f| f.written < f.order.len());
            let has_written = frames.back().is_some_and(|f| f.written > 0);
            let reserves = !is_writing && (in_use >> next_buffer) & 1 == 0 && once_in(&mut random, pause);
            let write = frames.back_mut().filter(|f| f.written < f.order.len()).and_then(|frame| {
                let has_started = frame.written >= head_start(frame);
                (has_started || once_in(&mut random, pause)).then(|| {
                    let piece = frame.order[frame.written].clone();
                    frame.written += 1;
                    let mut words: Vec<u64> = (0..row).map(|_| word(&mut random, width)).collect();
                    let mut places = 0u64;
                    for address in piece.clone() {
                        words[address % row] = frame.words[address];
                        places |= 1 << (address % row);
                    }
                    (places, (frame.buffer * span + piece.start) / row, words)
                })
            });
            let starts = write.is_some() && frames.back().is_some_and(|f| f.written == head_start(f));
            let level = match write {
                Some(_) => frames.back().map_or(0, |frame| frame.level),
                None if has_levels => random.random_range(0..shapes.len()),
                None => 0,
            };
            let ready = once_in(&mut random, patience);
            // What nobody looks at may be anything.
            let other = random.random_range(0..2);
            let mut inputs = vec![1];
            match write {
                Some((places, address, words)) => {
                    inputs.extend([places, address as u64]);
                    inputs.extend(words);
                }
                None => inputs.extend([vec![0, (other * span / row) as u64], vec![0; row]].concat()),
            }
            inputs.extend(has_levels.then_some(level as u64));
            inputs.extend([reserves.into(), if reserves { next_buffer } else { other } as u64, ready.into()]);
            let found = bench.clock(&inputs);
            let here = format!("{name}, run {run}, clock {clock}: {found:?}");
            let ([busy, data, keep, valid, last], writing) = found.split_first_chunk().unwrap();
            let [busy, data, keep, valid, last] = [*busy, *data, *keep, *valid, *last];
            let says_writing = shape.says_writing.then_some(u64::from(is_writing && has_written));
            assert_eq!(writing, says_writing.as_slice(), "{here}");
            in_use = busy;
            both_busy += u32::from(busy == 3);
            // The write of this clock shows its effect in the next.
            let has_started = |f: &Frame, is_last: bool| f.written >= head_start(f) && !(is_last && starts);
            for number in 0..2 {
                let count = frames.len();
                let of_buffer = || frames.iter().enumerate().filter(|(_, f)| f.buffer == number);
                let may = of_buffer().next().is_some();
                let must =
                    of_buffer().any(|(i, f)| !has_started(f, i + 1 == count) || beats - f.left > IN_FLIGHT);
                let is_busy = (busy >> number) & 1 == 1;
                assert!(is_busy && may || !is_busy && !must, "{here}: buffer {number}, {may} {must}");
            }
            // A beat that was offered stays until it is taken.
            if let Some(offered) = offered {
                assert_eq!([data, keep, valid, last], offered, "{here}");
            }
            if let Some(clocks) = &mut since_start {
                *clocks += 1;
                assert_eq!(valid, u64::from(*clocks >= shape.latency()), "{here}");
            }
            if valid == 1 {
                let count = frames.len();
                let frame = frames.front_mut().filter(|f| has_started(f, count == 1));
                let frame = frame.unwrap_or_else(|| panic!("{here}: no beat is due"));
                let is_last = frame.left + 1 == beats;
                let due = addresses.chunks(per_beat).nth(frame.left).unwrap();
                for (k, &address) in due.iter().enumerate() {
                    let found = (data >> (k as u32 * width)) & (u64::MAX >> (64 - width));
                    assert_eq!(found, frame.words[address], "{here}: word {k}");
                }
                // Bytes beyond the frame do not count.
                let bytes = due.len() as u32 * width / 8;
                assert_eq!((keep, last), (all_bytes & ((1 << bytes) - 1), is_last.into()), "{here}");
                measured += u32::from(since_start.take().is_some());
                stalls += u32::from(!ready);
                ended += u32::from(is_last && ready);
                frame.left += usize::from(ready);
            }
            offered = (valid == 1 && !ready).then_some([data, keep, valid, last]);
            if starts && frames.len() == 1 {
                since_start = Some(0);
            }
            if frames.front().is_some_and(|f| f.left == beats && f.written == f.order.len()) {
                frames.pop_front();
            }
            if reserves {
                let level = if has_levels { random.random_range(0..shapes.len()) } else { 0 };
                let (pieces, head_start) = &levels[level];
                let order = shapes[level].write_order(pieces, *head_start, &mut random);
                let words = (0..span).map(|_| word(&mut random, width)).collect();
                frames.push_back(Frame { buffer: next_buffer, level, words, order, written: 0, left: 0 });
                next_buffer = 1 - next_buffer;
            }
        }
        // A reset in mid-frame.
        let mut reset = nothing(0);
        reset[0] = 0;
        reset[1] = once_in(&mut random, 2).into();
        reset[3 + row + level_inputs] = once_in(&mut random, 2).into();
        bench.clock(&reset);
    }
    let counts = format!("{stalls} {both_busy} {measured} {ended}");
    assert!(stalls > 100 && both_busy > 100 && measured > 10 && ended > 100, "{name}: {counts}");
    bench.finish(hex)
}

#[test]
fn frames_leave_in_order() {
    cases();
}
