//! The whole unit in the direct loop: every word is the golden model's, every clock the machine's.

use emeuro_compiler::{Cycles, Machine, Program, UnitConfig, compile};
use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, Segment, VectorId, Weights,
};
use emeuro_hdl::units::Unit;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::programs::samples;
use crate::bench::{Bench, Case, low_bits, once_in, ports, signed, word};

ports!(
    Unit, [aclk], [aresetn, s_axis_tdata, s_axis_tvalid, s_axis_tlast, m_axis_tready] -> [
        s_axis_tready, m_axis_tdata, m_axis_tvalid, m_axis_tlast, short_frame, long_frame,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    let emulator = narrow_sums();
    let program = compile(&emulator, &UnitConfig::new(2).unwrap()).unwrap();
    let frames = frames(&emulator, 8, 5);
    let mut traffic = Traffic::new("unit_narrow_sums", &program);
    for clocks in 0..40 {
        traffic.disturb(clocks);
        let outputs = traffic.run(&frames, 3).0;
        compare(&emulator, &frames, &outputs);
    }
    let hex = traffic.bench.unit.hex_files();
    vec![traffic.bench.finish(hex)]
}

/// Bytes through weights of 0 and 1 to words: the sums need fewer bits than a word has.
fn narrow_sums() -> Emulator {
    let port = |bits, name: &str, size| Port {
        bits,
        segments: vec![Segment { name: name.into(), unit: String::new(), size, frac: 0 }],
    };
    let mut builder = EmulatorBuilder::new("narrow", port(8, "x", 3), 32).unwrap();
    let weights = Weights { format: Format::new(4, 0).unwrap(), values: vec![1, 0, 0, -1, 1, 0, 0, 0, 0] };
    let y = builder.dense("copy", VectorId::INPUT, weights, vec![0; 3], Format::new(16, 0).unwrap()).unwrap();
    let spec = OutputSpec { sources: vec![y], order: None, port: port(16, "y", 3) };
    let provenance =
        Provenance { command: String::new(), seed: 0, data: String::new(), nrmse: None, nrmse_float: None };
    builder.finish(spec, provenance).unwrap()
}

fn frames(emulator: &Emulator, count: usize, seed: u64) -> Vec<Vec<i16>> {
    let mut sampler = Sampler::new(seed);
    let format = emulator.format(VectorId::INPUT);
    (0..count).map(|_| sampler.frame(emulator.input().size(), format)).collect()
}

fn compare(emulator: &Emulator, inputs: &[Vec<i16>], outputs: &[Vec<i16>]) {
    for (frame, (input, output)) in inputs.iter().zip(outputs).enumerate() {
        assert_eq!(*output, emulator.run(input).unwrap(), "{}, frame {frame}", emulator.name());
    }
    assert_eq!(inputs.len(), outputs.len());
}

/// A unit with streams at both ends.
struct Traffic<'a> {
    bench: Bench<Unit>,
    program: &'a Program,
    clock: u64,
}

/// Clocks of the first input word and of the last output word of every frame.
type Times = (Vec<u64>, Vec<u64>);

impl<'a> Traffic<'a> {
    fn new(name: &'static str, program: &'a Program) -> Self {
        let mut bench =
            Bench::new(name, Unit::new(program, name)).only_while("m_axis_tdata", "m_axis_tvalid");
        bench.clock(&[0, 0, 0, 0, 1]);
        bench.settled();
        Self { bench, program, clock: 0 }
    }

    /// Streams anything into the unit for some clocks, then resets it for one.
    fn disturb(&mut self, clocks: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(clocks);
        let mut index = 0;
        for _ in 0..clocks {
            let is_last = index + 1 == self.program.input_words;
            let [valid, ready] = [3, 2].map(|n| !once_in(&mut random, n));
            let word = word(&mut random, self.program.input_bits);
            let taken = self.bench.clock(&[1, word, valid.into(), is_last.into(), ready.into()])[0] == 1;
            if valid && taken {
                index = if is_last { 0 } else { index + 1 };
            }
        }
        self.bench.clock(&[0, 0, 0, 0, 1]);
    }

    /// Streams `frames` through the unit; the streams pause once in `pause` clocks, or never if it is 0.
    fn run(&mut self, frames: &[Vec<i16>], pause: u32) -> (Vec<Vec<i16>>, Times) {
        let mut random = ChaCha8Rng::seed_from_u64(38);
        let mut words = frames.iter().flat_map(|frame| {
            frame.iter().enumerate().map(|(index, word)| (index, *word, index + 1 == frame.len()))
        });
        let mut next = words.next();
        let (mut outputs, mut frame) = (vec![], vec![]);
        let (mut begun, mut ended) = (vec![], vec![]);
        let patience = self.clock + 100_000;
        let mut valid = false;
        while outputs.len() < frames.len() {
            assert!(self.clock < patience, "frame {} does not arrive", outputs.len());
            // A word that was offered stays.
            valid = next.is_some() && (valid || pause == 0 || !once_in(&mut random, pause));
            let ready = pause == 0 || !once_in(&mut random, pause);
            let (index, word, is_last) = next.unwrap_or((0, 0, false));
            let [taken, data, there, last, short, long] =
                self.bench.tick(&[1, word as u64, valid.into(), is_last.into(), ready.into()]);
            assert_eq!((short, long), (0, 0));
            if valid && taken == 1 {
                if index == 0 {
                    begun.push(self.clock);
                }
                next = words.next();
                valid = false;
            }
            if there == 1 && ready {
                frame.push(signed(data, self.program.output_bits) as i16);
                assert_eq!(last == 1, frame.len() == self.program.output.frame_words());
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
    const NAMES: [&str; 3] = ["unit_0", "unit_1", "unit_2"];
    for ((emulator, program), name) in samples().iter().zip(NAMES) {
        let mut traffic = Traffic::new(name, program);
        let single = frames(emulator, 1, 1);
        let (outputs, (begun, ended)) = traffic.run(&single, 0);
        compare(emulator, &single, &outputs);
        let latency = ended[0] - begun[0] + 1;
        // Frames take turns in the two buffers, so an even number of them leads back to the first.
        let (outputs, _) = traffic.run(&single, 0);
        compare(emulator, &single, &outputs);
        let many = frames(emulator, 10, 2);
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
    let (emulator, program) = &samples()[0];
    let size = emulator.input().size();
    let mut traffic = Traffic::new("unit_wrong", program);
    let good = frames(emulator, 2, 4);
    for (length, flags) in [(size - 1, (1, 0)), (2 * size + 1, (0, 1))] {
        let mut seen = (0, 0);
        for index in 0..length {
            let is_last = index + 1 == length;
            while traffic.bench.clock(&[1, 99, 1, is_last.into(), 1])[0] == 0 {}
        }
        // The flags stay; the next frames are not harmed.
        for frame in &good {
            for (index, &word) in frame.iter().enumerate() {
                let words = [1, low_bits(word.into(), program.input_bits), 1, (index + 1 == size).into(), 1];
                while traffic.bench.clock(&words)[0] == 0 {}
            }
        }
        let (mut words, mut idle) = (vec![], 0);
        while words.len() < 2 * program.output.frame_words() {
            let [_, data, valid, _, short, long] = traffic.bench.tick(&[1, 0, 0, 0, 1]);
            words.extend((valid == 1).then(|| signed(data, program.output_bits) as i16));
            seen = (short, long);
            idle += 1;
            assert!(idle < 100_000, "frames do not arrive");
        }
        let expected: Vec<i16> = good.iter().flat_map(|frame| emulator.run(frame).unwrap()).collect();
        assert_eq!(words, expected);
        assert_eq!(seen, flags);
        traffic.bench.clock(&[0, 0, 0, 0, 1]);
    }
}

#[test]
fn sums_may_be_narrower_than_words() {
    cases();
}
