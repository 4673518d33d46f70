//! The whole unit in the direct loop: every word is the golden model's, every clock the machine's.

use emeuro_compiler::{Cycles, Machine, Program, UnitConfig, compile};
use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, Isa, OutputSpec, Port, Provenance, Runner, Sampler, Segment, VectorId,
    Weights,
};
use emeuro_hdl::units::Unit;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::programs::{choices, samples};
use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(
    Unit, [aclk], [aresetn, s_axis_tdata, s_axis_tvalid, s_axis_tlast, m_axis_tready, quality_pin] -> [
        s_axis_tready, m_axis_tdata, m_axis_tkeep, m_axis_tvalid, m_axis_tlast, short_frame, long_frame, member_pin,
        unfamiliar_pin,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let narrow = |lanes| UnitConfig::new(lanes).unwrap();
    // More slots than there are results, and beats that a frame does not fill.
    let wide = narrow(4).with_slots(4).unwrap().with_words_per_beat(2).unwrap();
    let narrow_sums = narrow_sums();
    let [one, several] = [narrow(2), wide].map(|config| compile(&narrow_sums, &config).unwrap());
    let mut cases = vec![
        replayed("unit_narrow_sums", &narrow_sums, &one, 40),
        replayed("unit_narrow_sums_wide", &narrow_sums, &several, 40),
    ];
    // The wires between the units are vectors where a unit has several slots or words per beat.
    let samples = samples();
    for (number, (emulator, program)) in samples.iter().enumerate().filter(|(_, (_, p))| p.memory_row() > 1) {
        cases.push(replayed(&format!("unit_sample_{number}"), emulator, program, 4));
    }
    // Quality levels and members.
    for (number, (emulator, program)) in choices().iter().enumerate() {
        cases.push(replayed(&format!("unit_choices_{number}"), emulator, program, 4));
    }
    cases
}

fn replayed(name: &str, emulator: &Emulator, program: &Program, runs: u64) -> Case {
    let frames = frames(emulator, 8, 5);
    let mut traffic = Traffic::new(name, program);
    for run in 0..runs {
        traffic.disturb(run * 40 / runs);
        // Every level in its turn, without a reset between two of them.
        for level in (0..program.levels()).rev() {
            traffic.level = level;
            let outputs = traffic.run(&frames, 3).0;
            compare_at(level, emulator, &frames, &outputs);
            let last = emulator.router().map(|_| traffic.router_says(emulator, level, &frames));
            assert!(last.unwrap_or(true), "{name}, level {level}: another member");
        }
        traffic.level = program.levels() - 1;
    }
    let hex = traffic.bench.unit.hex_files();
    traffic.bench.finish(hex)
}

/// Bytes through weights of 0 and 1 to words: the sums need fewer bits than a word has.
fn narrow_sums() -> Emulator {
    let port = |bits, name: &str, size| Port { bits, segments: vec![Segment::new(name, "", size, 0)] };
    let mut builder = EmulatorBuilder::new("narrow", port(8, "x", 3), 32).unwrap();
    let weights = Weights { format: Format::new(4, 0).unwrap(), values: vec![1, 0, 0, -1, 1, 0, 0, 0, 0] };
    let y = builder.dense("copy", VectorId::INPUT, weights, vec![0; 3], Format::new(16, 0).unwrap()).unwrap();
    let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port(16, "y", 3) };
    let provenance = Provenance::default();
    builder.finish(spec, provenance).unwrap()
}

fn frames(emulator: &Emulator, count: usize, seed: u64) -> Vec<Vec<i16>> {
    let mut sampler = Sampler::new(seed);
    let format = emulator.format(VectorId::INPUT);
    (0..count).map(|_| sampler.frame(emulator.input().size(), format)).collect()
}

fn compare(emulator: &Emulator, inputs: &[Vec<i16>], outputs: &[Vec<i16>]) {
    compare_at(emulator.levels() - 1, emulator, inputs, outputs);
}

fn compare_at(level: usize, emulator: &Emulator, inputs: &[Vec<i16>], outputs: &[Vec<i16>]) {
    for (frame, (input, output)) in inputs.iter().zip(outputs).enumerate() {
        let expected = emulator.run_at(level, input).unwrap();
        assert_eq!(*output, expected, "{}, frame {frame}, level {level}", emulator.name());
    }
    assert_eq!(inputs.len(), outputs.len());
}

/// The beat with these words; others that it has room for are all ones.
fn beat(program: &Program, words: &[i16]) -> u64 {
    let append =
        |beat: u64, &word: &i16| beat << program.input_bits | low_bits(word.into(), program.input_bits);
    words.iter().rev().fold(u64::MAX, append)
}

/// The words of a beat that belong to the frame: `keep` has as many ones, from the lowest byte up.
fn kept(program: &Program, data: u64, keep: u64) -> Vec<i16> {
    let bytes = program.output_bits / 8;
    let count = keep.count_ones() / bytes;
    assert_eq!(keep, (1 << (count * bytes)) - 1, "{keep:b}");
    let word = |k: u32| signed(data >> (k * program.output_bits), program.output_bits) as i16;
    (0..count).map(word).collect()
}

/// A unit with streams at both ends.
struct Traffic<'a> {
    bench: Bench<Unit>,
    program: &'a Program,
    clock: u64,
    /// Quality level of all frames.
    level: usize,
}

/// Clocks of the first input word and of the last output word of every frame.
type Times = (Vec<u64>, Vec<u64>);

impl<'a> Traffic<'a> {
    fn new(name: &str, program: &'a Program) -> Self {
        let mut bench =
            Bench::new(name, Unit::new(program, name)).only_while("m_axis_tdata", "m_axis_tvalid");
        let level = program.levels() - 1;
        let pin = (level > 0).then_some(level as u64);
        bench.clock(&[0, 0, 0, 0, 1].into_iter().chain(pin).collect::<Vec<u64>>());
        bench.settled();
        Self { bench, program, clock: 0, level }
    }

    /// One clock; outputs up to the flags.
    fn tick(&mut self, inputs: [u64; 5]) -> [u64; 7] {
        let pin = (self.program.levels() > 1).then_some(self.level as u64);
        let found = self.bench.clock(&inputs.into_iter().chain(pin).collect::<Vec<u64>>());
        found[..7].try_into().expect("at least as many outputs")
    }

    /// Whether the pins of the router are those of the last frame that was routed.
    fn router_says(&mut self, emulator: &Emulator, level: usize, frames: &[Vec<i16>]) -> bool {
        let mut runner = Runner::with_isa(emulator, Isa::Scalar).unwrap();
        let mut output = vec![0; emulator.output().port.size()];
        runner.infer_at(level, &frames[frames.len() - 1], &mut output).unwrap();
        let unit = &self.bench.unit;
        let found = [&unit.member_pin[0], &unit.unfamiliar_pin[0]].map(|pin| pin.val().as_u64());
        // A level without members leaves them as they are.
        runner.selected().is_none_or(|it| found == [it.member as u64, u64::from(!it.familiar)])
    }

    /// Streams anything into the unit for some clocks, then resets it for one.
    fn disturb(&mut self, clocks: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(clocks);
        let mut index = 0;
        let per_beat = self.program.config.words_per_beat();
        for _ in 0..clocks {
            let is_last = (index + 1) * per_beat >= self.program.input_words;
            let [valid, ready] = [3, 2].map(|n| !once_in(&mut random, n));
            let words: Vec<i16> =
                (0..per_beat).map(|_| word(&mut random, self.program.input_bits) as i16).collect();
            let beat = beat(self.program, &words);
            let taken = self.tick([1, beat, valid.into(), is_last.into(), ready.into()])[0] == 1;
            if valid && taken {
                index = if is_last { 0 } else { index + 1 };
            }
        }
        self.tick([0, 0, 0, 0, 1]);
    }

    /// Streams `frames` through the unit; the streams pause once in `pause` clocks, or never if it is 0.
    fn run(&mut self, frames: &[Vec<i16>], pause: u32) -> (Vec<Vec<i16>>, Times) {
        let mut random = ChaCha8Rng::seed_from_u64(38);
        let (program, per_beat) = (self.program, self.program.config.words_per_beat());
        let mut beats = frames.iter().flat_map(|frame| {
            let count = frame.len().div_ceil(per_beat);
            let beats = frame.chunks(per_beat).enumerate();
            beats.map(move |(index, words)| (index, beat(program, words), index + 1 == count))
        });
        let mut next = beats.next();
        let (mut outputs, mut frame) = (vec![], vec![]);
        let (mut begun, mut ended) = (vec![], vec![]);
        let patience = self.clock + 100_000;
        let mut valid = false;
        while outputs.len() < frames.len() {
            assert!(self.clock < patience, "frame {} does not arrive", outputs.len());
            // A beat that was offered stays.
            valid = next.is_some() && (valid || pause == 0 || !once_in(&mut random, pause));
            let ready = pause == 0 || !once_in(&mut random, pause);
            let (index, beat, is_last) = next.unwrap_or((0, 0, false));
            let [taken, data, keep, there, last, short, long] =
                self.tick([1, beat, valid.into(), is_last.into(), ready.into()]);
            assert_eq!((short, long), (0, 0));
            if valid && taken == 1 {
                if index == 0 {
                    begun.push(self.clock);
                }
                next = beats.next();
                valid = false;
            }
            if there == 1 && ready {
                frame.extend(kept(program, data, keep));
                assert_eq!(last == 1, frame.len() == program.output.frame_words());
                assert!(last == 1 || frame.len().is_multiple_of(per_beat));
                if last == 1 {
                    outputs.push(std::mem::take(&mut frame));
                    ended.push(self.clock);
                }
            }
            self.clock += 1;
        }
        (outputs, (begun, ended))
    }
}

#[test]
fn words_and_clocks_are_as_predicted() {
    for (number, (emulator, program)) in samples().iter().chain(&choices()[3..5]).enumerate() {
        let name = format!("unit_{number}");
        let mut traffic = Traffic::new(&name, program);
        let single = frames(emulator, 1, 1);
        let (outputs, (begun, ended)) = traffic.run(&single, 0);
        compare(emulator, &single, &outputs);
        let latency = ended[0] - begun[0] + 1;
        // Frames take turns in the two buffers, so an even number of them leads back to the first.
        let (outputs, _) = traffic.run(&single, 0);
        compare(emulator, &single, &outputs);
        // The last frames have none behind them that they could take turns with.
        let many = frames(emulator, 12, 2);
        let (outputs, (_, ended)) = traffic.run(&many, 0);
        compare(emulator, &many, &outputs);
        let period = (ended[9] - ended[7]).div_ceil(2);
        assert_eq!(Cycles { latency, period }, Machine::cycles(program).unwrap(), "{name}");
        let paused = frames(emulator, 6, 3);
        let (outputs, _) = traffic.run(&paused, 3);
        compare(emulator, &paused, &outputs);
        // A reset at any time leaves nothing behind.
        for clocks in (0..2 * latency).step_by(3) {
            traffic.disturb(clocks);
            let (outputs, _) = traffic.run(&paused[..2], 3);
            compare(emulator, &paused[..2], &outputs);
        }
    }
}

#[test]
fn wrong_frames_are_dropped_whole() {
    for (emulator, program) in &samples() {
        drop_wrong_frames(emulator, program);
    }
}

fn drop_wrong_frames(emulator: &Emulator, program: &Program) {
    let per_beat = program.config.words_per_beat();
    let size = emulator.input().size().div_ceil(per_beat);
    let mut traffic = Traffic::new("unit_wrong", program);
    let good = frames(emulator, 2, 4);
    // A frame of one beat can't be too short.
    let lengths = [(size - 1, (1, 0)), (size + 1, (0, 1)), (2 * size + 1, (0, 1))];
    for (length, flags) in lengths.into_iter().filter(|(length, _)| *length > 0) {
        let mut seen = (0, 0);
        for index in 0..length {
            let is_last = index + 1 == length;
            while traffic.tick([1, 99, 1, is_last.into(), 1])[0] == 0 {}
        }
        // The flags stay; the next frames are not harmed.
        for frame in &good {
            for (index, words) in frame.chunks(per_beat).enumerate() {
                let words = [1, beat(program, words), 1, (index + 1 == size).into(), 1];
                while traffic.tick(words)[0] == 0 {}
            }
        }
        let (mut words, mut idle) = (vec![], 0);
        while words.len() < 2 * program.output.frame_words() {
            let [_, data, keep, valid, _, short, long] = traffic.tick([1, 0, 0, 0, 1]);
            words.extend(if valid == 1 { kept(program, data, keep) } else { vec![] });
            seen = (short, long);
            idle += 1;
            assert!(idle < 100_000, "frames do not arrive");
        }
        let expected: Vec<i16> = good.iter().flat_map(|frame| emulator.run(frame).unwrap()).collect();
        assert_eq!(words, expected);
        assert_eq!(seen, flags);
        traffic.tick([0, 0, 0, 0, 1]);
    }
}

#[test]
fn sums_may_be_narrower_than_words() {
    cases();
}
