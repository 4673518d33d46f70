//! Units under frames of the wrong length and resets at any time: nothing wedges, and good frames are answered.

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{Emulator, Sampler, VectorId, sample_emulator};
use emeuro_hdl::UnitDesign;
use emeuro_testbench::{
    Beat, Cache, Design, Model, Options, Pattern, Roms, RtlPolicy, Sim, SourceFile, StreamDriver,
    StreamMonitor,
};

/// A unit in simulation, driven clock by clock.
struct Bench {
    emulator: Emulator,
    model: Model,
    sim: Sim,
    sampler: Sampler,
}

impl Bench {
    fn new(seed: u64, lanes: usize) -> Option<Self> {
        RtlPolicy::current().verilator_or_skip()?;
        let emulator = sample_emulator(seed);
        let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
        let unit = UnitDesign::new(&program, Machine::cycles(&program).unwrap(), "cargo test").unwrap();
        let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
        let design = Design::new(&unit.top, sources);
        let model =
            Model::build(&design, &Options::new(Cache::from_env_or(env!("CARGO_TARGET_TMPDIR")))).unwrap();
        let sim = Sim::new(&model, Roms::Files(&design.sources), seed).unwrap();
        Some(Self { emulator, model, sim, sampler: Sampler::new(seed) })
    }

    fn frame(&mut self) -> Vec<i16> {
        self.sampler.frame(self.emulator.input().size(), self.emulator.format(VectorId::INPUT))
    }

    fn reset(&mut self, clocks: u32) {
        let reset = self.model.input("aresetn").unwrap();
        let valid = self.model.input("s_axis_tvalid").unwrap();
        self.sim.set(valid, 0);
        self.sim.set(reset, 0);
        for _ in 0..clocks {
            self.sim.tick().unwrap();
        }
        self.sim.set(reset, 1);
    }

    /// Sends beats for `clocks` clocks with gaps and back-pressure, and collects the words of complete output frames.
    fn play(&mut self, beats: &[Beat], clocks: u32, seed: u64) -> Vec<Vec<i16>> {
        let gaps = Pattern::Random { idle: 0.3 };
        let mut driver =
            StreamDriver::new(&self.model, "s_axis", beats.iter().copied(), &gaps, seed).unwrap();
        let mut monitor = StreamMonitor::new(&self.model, "m_axis", &gaps, false, seed).unwrap();
        let (mut frames, mut frame) = (vec![], vec![]);
        for _ in 0..clocks {
            driver.drive(&mut self.sim);
            monitor.drive(&mut self.sim);
            self.sim.settle().unwrap();
            driver.sample(&self.sim);
            if let Some(beat) = monitor.sample(&self.sim).unwrap() {
                let word = match self.emulator.output().port.bits {
                    8 => i16::from(beat.data as i8),
                    _ => beat.data as i16,
                };
                frame.push(word);
                if beat.last {
                    frames.push(std::mem::take(&mut frame));
                }
            }
            self.sim.edge().unwrap();
        }
        frames
    }

    fn flag(&self, name: &str) -> bool {
        self.sim.get(self.model.output(name).unwrap()) == 1
    }
}

fn beats(words: &[i16]) -> Vec<Beat> {
    let last = words.len() - 1;
    words.iter().enumerate().map(|(i, &word)| Beat::new(word as u16 as u64, i == last)).collect()
}

/// Clocks in which the small networks of this file answer a handful of frames, whatever the traffic.
const PLENTY: u32 = 20_000;

#[test]
fn frames_of_the_wrong_length_are_dropped_whole_and_flagged() {
    for (seed, lanes) in [(1, 4), (4, 7), (9, 16)] {
        let Some(mut bench) = Bench::new(seed, lanes) else { return };
        let size = bench.emulator.input().size();
        bench.reset(2);
        let good: Vec<Vec<i16>> = (0..4).map(|_| bench.frame()).collect();
        let mut stream = beats(&good[0]);
        assert!(!bench.flag("short_frame") && !bench.flag("long_frame"));
        if size > 1 {
            stream.extend(beats(&good[1][..size - 1]));
            stream.extend(beats(&good[1][..1]));
        }
        stream.extend(beats(&good[1]));
        stream.extend(beats(&[good[2].clone(), vec![1]].concat()));
        stream.extend(beats(&[good[2].clone(), good[3].clone(), good[3].clone()].concat()));
        stream.extend(beats(&good[2]));
        stream.extend(beats(&good[3]));
        let answers = bench.play(&stream, PLENTY, seed);
        let expected: Vec<Vec<i16>> = good.iter().map(|frame| bench.emulator.run(frame).unwrap()).collect();
        assert_eq!(answers, expected, "network {seed}, {lanes} lanes");
        assert_eq!((bench.flag("short_frame"), bench.flag("long_frame")), (size > 1, true));
        bench.reset(1);
        bench.sim.tick().unwrap();
        assert!(!bench.flag("short_frame") && !bench.flag("long_frame"), "flags last until reset");
    }
}

#[test]
fn a_reset_at_any_clock_leaves_a_working_unit() {
    for (seed, lanes) in [(2, 3), (5, 16)] {
        let Some(mut bench) = Bench::new(seed, lanes) else { return };
        bench.reset(2);
        for interrupted in 0..60 {
            let frames: Vec<Vec<i16>> = (0..3).map(|_| bench.frame()).collect();
            let stream: Vec<Beat> = frames.iter().flat_map(|frame| beats(frame)).collect();
            // Interrupts loading, computing or streaming, depending on the round.
            bench.play(&stream, 1 + 7 * interrupted, u64::from(interrupted));
            bench.reset(1 + interrupted % 3);
            let answers = bench.play(&stream, 3_000, seed);
            let expected: Vec<Vec<i16>> =
                frames.iter().map(|frame| bench.emulator.run(frame).unwrap()).collect();
            assert_eq!(answers, expected, "network {seed}, {lanes} lanes, round {interrupted}");
        }
    }
}
