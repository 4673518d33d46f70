//! The coverage suite: a few units that together have every module the generator can print, under every kind of stimulus.

mod common;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};

use common::options;
use emeuro_compiler::{Control, Machine, Multiplier, Program, UnitConfig, WeightMemory, compile, rewrite};
use emeuro_golden::{
    Emulator, Sampler, VectorId, sample_clusters, sample_emulator, sample_levels, sample_weights,
    write_atomically,
};
use emeuro_hdl::register_map::{ADDRESS_BITS, CONTROL, FORCE, QUALITY, STATUS, UnitNumbers, WEIGHT_DATA};
use emeuro_hdl::{UnitDesign, register_writes};
use emeuro_testbench::{
    Beat, ControlMaster, Coverage, CoverageCounts, CoverageExceptions, CoverageReport, Covered, Design,
    Excepted, Model, Order, Pattern, Response, Roms, RtlPolicy, Sim, SourceFile, StreamBench, StreamDriver,
    StreamMonitor, Traffic, Transaction,
};

/// A unit of the suite.
struct Part {
    /// Seed of the sampled network.
    network: u64,
    /// Networks of which kind.
    sample: fn(u64) -> Emulator,
    config: UnitConfig,
}

fn part(
    network: u64,
    lanes: usize,
    slots: usize,
    words_per_beat: usize,
    weights: Option<WeightMemory>,
) -> Part {
    let mut config = UnitConfig::new(lanes).unwrap();
    if let Some(weights) = weights {
        config = config.with_control(Control::AxiLite, weights).unwrap();
    }
    let config = config.with_slots(slots).unwrap().with_words_per_beat(words_per_beat).unwrap();
    Part { network, sample: sample_emulator, config }
}

/// ROM and RAM weights with and without registers, 1, 2 and 4 words per beat, several slots and words per memory row,
/// tables, sums and products of vectors, outputs in another order, weights of 4, 8 and 16 bits.
fn suite() -> Vec<Part> {
    use WeightMemory::{Ram, Rom};
    let mut suite = vec![
        part(0, 1, 1, 1, None),
        part(1, 2, 1, 2, Some(Rom)),
        part(4, 4, 2, 4, None),
        part(9, 8, 4, 2, None),
        part(280, 4, 1, 1, Some(Ram)),
        part(27, 6, 2, 2, None),
        part(15, 3, 1, 1, Some(Ram)),
        part(356, 4, 4, 1, Some(Rom)),
        part(392, 4, 2, 4, Some(Ram)),
        part(208, 1, 1, 1, Some(Ram)),
        Part { sample: sample_levels, ..part(1, 4, 2, 1, None) },
        Part { sample: sample_levels, ..part(5, 3, 1, 2, Some(Rom)) },
        Part { sample: sample_clusters, ..part(36, 4, 1, 1, None) },
        Part { sample: sample_clusters, ..part(6, 8, 2, 1, Some(Ram)) },
    ];
    suite[5].config = suite[5].config.clone().with_multiplier(Multiplier::Ecp5);
    suite
}

/// A unit in simulation with coverage.
struct Bench {
    emulator: Emulator,
    program: Program,
    design: Design,
    model: Model,
    sim: Sim,
    sampler: Sampler,
    seed: u64,
    /// Clocks per frame.
    period: u64,
}

impl Bench {
    fn new(part: &Part) -> Self {
        let emulator = (part.sample)(part.network);
        let program = compile(&emulator, &part.config).unwrap();
        let cycles = Machine::cycles(&program).unwrap();
        let unit = UnitDesign::new(&program, cycles, "cargo test").unwrap();
        let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
        let design = Design::new(&unit.top, sources);
        let mut options = options();
        options.coverage = Coverage::LineAndToggle;
        let model = Model::build(&design, &options).unwrap();
        let sim = Sim::new(&model, Roms::Files(&design.sources), part.network).unwrap();
        let sampler = Sampler::new(part.network);
        Self { emulator, program, design, model, sim, sampler, seed: part.network, period: cycles.period }
    }

    fn frames(&mut self, count: usize) -> Vec<Vec<i16>> {
        let (size, format) = (self.emulator.input().size(), self.emulator.format(VectorId::INPUT));
        (0..count).map(|_| self.sampler.frame(size, format)).collect()
    }

    fn bench(&self, traffic: Traffic) -> StreamBench {
        let (input, output) = (self.emulator.input().bits, self.emulator.output().port.bits);
        let bench = StreamBench::new(&self.model, input, output).unwrap().with_traffic(traffic);
        let bench =
            if self.program.levels() > 1 { bench.with_level(self.program.lower.len()) } else { bench };
        bench.with_words_per_beat(&self.model, self.program.config.words_per_beat()).unwrap()
    }

    /// Every kind of traffic; all words are compared.
    fn traffic(&mut self, frames: usize) {
        for (_, traffic) in Traffic::standard() {
            let inputs = self.frames(frames);
            let expected = answers(&self.emulator, &inputs);
            let bench = self.bench(traffic);
            for level in 0..self.program.lower.len() {
                let expected: Vec<Vec<i16>> =
                    inputs.iter().map(|input| self.emulator.run_at(level, input).unwrap()).collect();
                let bench = bench.clone().with_level(level);
                bench.run(&mut self.sim, &inputs, &expected, self.seed).unwrap();
            }
            bench.run(&mut self.sim, &inputs, &expected, self.seed).unwrap();
        }
    }

    /// Frames while the level changes in any clock.
    fn change_levels(&mut self) {
        let Ok(quality) = self.model.input("quality") else { return };
        self.reset(1);
        let beats: Vec<Beat> = self.frames(40).iter().flat_map(|frame| self.beats(frame)).collect();
        for part in beats.chunks(7) {
            let level = self.sampler.bits();
            self.sim.set(quality, level);
            self.play(part, 12);
        }
        self.reset(1);
        self.sim.set(quality, self.program.lower.len() as u64);
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

    /// Sends beats and takes what comes out, for so many clocks; returns the output words of whole frames.
    fn play(&mut self, beats: &[Beat], clocks: u64) -> Vec<Vec<i16>> {
        let gaps = Pattern::Random { idle: 0.3 };
        let mut driver =
            StreamDriver::new(&self.model, "s_axis", beats.iter().copied(), &gaps, self.seed).unwrap();
        let mut monitor = StreamMonitor::new(&self.model, "m_axis", &gaps, false, self.seed).unwrap();
        let bits = self.emulator.output().port.bits;
        let words_per_beat = self.program.config.words_per_beat();
        let size = self.emulator.output().port.size();
        let (mut frames, mut frame) = (vec![], vec![]);
        for _ in 0..clocks {
            driver.drive(&mut self.sim);
            monitor.drive(&mut self.sim);
            self.sim.settle().unwrap();
            driver.sample(&self.sim);
            if let Some(beat) = monitor.sample(&self.sim).unwrap() {
                let word = |index| {
                    (((beat.data >> (index as u32 * bits)) << (64 - bits)) as i64 >> (64 - bits)) as i16
                };
                frame.extend((0..words_per_beat.min(size - frame.len())).map(word));
                if beat.last {
                    frames.push(std::mem::take(&mut frame));
                }
            }
            self.sim.edge().unwrap();
        }
        frames
    }

    fn beats(&self, words: &[i16]) -> Vec<Beat> {
        let bits = self.emulator.input().bits;
        let beats = words.chunks(self.program.config.words_per_beat());
        let last = beats.len() - 1;
        let data = |words: &[i16]| {
            words.iter().rev().fold(0, |data, &word| data << bits | (word as u64 & ((1 << bits) - 1)))
        };
        beats.enumerate().map(|(index, words)| Beat::new(data(words), index == last)).collect()
    }

    /// Frames too short and too long between good ones, and resets at any time.
    fn misuse(&mut self) {
        let good = self.frames(6);
        let expected = answers(&self.emulator, &good);
        let size = good[0].len();
        let beat = self.program.config.words_per_beat();
        let rounds = if self.period > 400 { 2 } else { 6 };
        for round in 0..rounds {
            self.reset(1 + round % 3);
            let mut stream = vec![];
            for (index, frame) in good.iter().enumerate() {
                stream.extend(self.beats(frame));
                let cut = (size * (index + 1) / 7).max(1);
                if cut.div_ceil(beat) < size.div_ceil(beat) {
                    stream.extend(self.beats(&frame[..cut]));
                }
                let long: Vec<i16> = frame.iter().cycle().take(3 * size + 8).copied().collect();
                stream.extend(self.beats(&long[..size + beat * (1 + index % size.div_ceil(beat))]));
            }
            let answers = self.play(&stream, 500 + 9 * self.period + 3 * stream.len() as u64);
            assert_eq!(answers, expected, "network {}", self.seed);
            // Stops in the middle of everything.
            self.play(&stream, 37 * (1 + u64::from(round)));
        }
        self.reset(2);
    }
}

impl Bench {
    /// Reads and writes of registers beside frames, flags of wrong frames, other networks, and at last any write anywhere.
    fn control(&mut self) {
        let numbers = UnitNumbers::of(&self.program);
        let patterns = [
            (Pattern::Always, Order::OneByOne),
            (Pattern::Random { idle: 0.6 }, Order::Overlapping),
            (Pattern::Bursts { active: 1..=4, idle: 1..=9 }, Order::Overlapping),
        ];
        for (round, (pattern, order)) in (0..).zip(patterns) {
            let mut master = ControlMaster::new(&self.model, &pattern, round).unwrap().with_order(order);
            let idle = |bench: &mut Self| {
                let valid = bench.model.input("s_axis_tvalid").unwrap();
                bench.sim.set(valid, 0);
            };
            // Beside frames: everything that does not change what they become.
            for offset in (0..1 << ADDRESS_BITS).chain((0..1 << ADDRESS_BITS).step_by(4)) {
                master.push(Transaction::read(offset));
                let others = [&CONTROL, &WEIGHT_DATA, &QUALITY, &FORCE].map(|register| register.offset);
                if !others.contains(&(offset & !3)) {
                    let (data, strobe) = (self.sampler.bits() as u32, self.sampler.bits() as u8 & 15);
                    master.push(Transaction::Write { offset, data, strobe });
                }
            }
            let inputs = self.frames(12);
            let expected = answers(&self.emulator, &inputs);
            let bench = self.bench(Traffic::random(0.2, 0.2));
            bench.run_beside(&mut self.sim, &inputs, &expected, self.seed, &mut master).unwrap();
            idle(self);
            master.finish(&mut self.sim).unwrap();
            // Flags of wrong frames, cleared one by one.
            self.misuse();
            idle(self);
            for data in [1 << 16, 1 << 17, u32::MAX] {
                master.write(&mut self.sim, STATUS.offset, data).unwrap();
            }
            // Another network.
            if self.program.config.weights() == WeightMemory::Ram {
                let other = sample_weights(&self.emulator, round + 1);
                let new = compile(&other, &self.program.config).unwrap();
                let writes = register_writes(&numbers, &rewrite(&self.program, &new).unwrap());
                writes.iter().for_each(|&(offset, data)| master.push(Transaction::write(offset, data)));
                assert!(master.finish(&mut self.sim).unwrap().iter().all(|w| w.response == Response::Okay));
                (self.emulator, self.program) = (other, new);
                let inputs = self.frames(6);
                let expected = answers(&self.emulator, &inputs);
                self.bench(Traffic::full()).run(&mut self.sim, &inputs, &expected, self.seed).unwrap();
                idle(self);
            }
        }
        // Last, any word into any register: weights are lost, and the datapath is reset at any time.
        let mut master = ControlMaster::new(&self.model, &Pattern::Random { idle: 0.2 }, 9).unwrap();
        let beats: Vec<Beat> = self.frames(40).iter().flat_map(|frame| self.beats(frame)).collect();
        let gaps = Pattern::Random { idle: 0.3 };
        let mut driver =
            StreamDriver::new(&self.model, "s_axis", beats.into_iter().cycle(), &gaps, 9).unwrap();
        let ready = self.model.input("m_axis_tready").unwrap();
        for index in 0..4000 {
            let offset = self.sampler.bits() as u32 % (1 << ADDRESS_BITS);
            let offset = if index % 3 == 0 { WEIGHT_DATA.offset } else { offset };
            let data = self.sampler.bits() as u32;
            let strobe = if index % 3 == 0 { 15 } else { self.sampler.bits() as u8 & 15 };
            master.push(Transaction::Write { offset, data, strobe });
            master.push(Transaction::read(offset));
        }
        while !master.is_idle() {
            driver.drive(&mut self.sim);
            self.sim.set(ready, self.sampler.bits() & 1);
            master.drive(&mut self.sim);
            self.sim.settle().unwrap();
            driver.sample(&self.sim);
            master.sample(&self.sim).unwrap();
            self.sim.edge().unwrap();
        }
    }
}

fn answers(emulator: &Emulator, inputs: &[Vec<i16>]) -> Vec<Vec<i16>> {
    inputs.iter().map(|input| emulator.run(input).unwrap()).collect()
}

/// Clocks of the long run, which lets the counters count.
const LONG_RUN_CLOCKS: u64 = 140_000;

impl Bench {
    /// Frames without a pause for a long time, and now and then a look at all registers.
    fn long_run(&mut self) {
        self.reset(2);
        let mut master = ControlMaster::new(&self.model, &Pattern::Always, 5).unwrap();
        let beats: Vec<Beat> = self.frames(4).iter().flat_map(|frame| self.beats(frame)).collect();
        let mut driver =
            StreamDriver::new(&self.model, "s_axis", beats.into_iter().cycle(), &Pattern::Always, 5).unwrap();
        let ready = self.model.input("m_axis_tready").unwrap();
        self.sim.set(ready, 1);
        for clock in 0..LONG_RUN_CLOCKS {
            if clock % 4096 == 0 {
                (0..1 << ADDRESS_BITS).step_by(4).for_each(|offset| master.push(Transaction::read(offset)));
            }
            driver.drive(&mut self.sim);
            master.drive(&mut self.sim);
            self.sim.settle().unwrap();
            driver.sample(&self.sim);
            master.sample(&self.sim).unwrap();
            self.sim.edge().unwrap();
        }
    }
}

/// Plays everything on one unit.
fn exercise(part: &Part) -> (Design, CoverageCounts) {
    let mut bench = Bench::new(part);
    let inputs = bench.frames(3);
    let expected = answers(&bench.emulator, &inputs);
    bench.bench(Traffic::full()).run(&mut bench.sim, &inputs, &expected, bench.seed).unwrap();
    let mut counts = bench.sim.coverage().unwrap().without_toggles();
    bench.sim.clear_coverage().unwrap();
    bench.traffic(8);
    bench.change_levels();
    bench.misuse();
    if bench.program.config.control() != Control::None {
        bench.control();
        if bench.period < 50 {
            bench.long_run();
        }
    }
    counts.add(&bench.sim.coverage().unwrap());
    (bench.design, counts)
}

/// Modules that decide what happens when; the others compute.
const CONTROL_MODULES: [&str; 11] = [
    "axi_lite",
    "control_registers",
    "drain_control",
    "input_loader",
    "issue_control",
    "loop_counters",
    "output_streamer",
    "program_counter",
    "router",
    "stream_control",
    "write_port",
];
/// The least share of the bits of a control module that change.
const LEAST_TOGGLES: f64 = 0.95;

/// Plays everything on every unit of the suite, two at a time.
fn run_suite() -> (usize, CoverageReport) {
    let parts = suite();
    let count = parts.len();
    let (parts, report) = (Mutex::new(parts), Mutex::new(CoverageReport::default()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(part) = parts.lock().unwrap().pop() else { return };
                    let (design, counts) = exercise(&part);
                    report.lock().unwrap().add(&design, &counts);
                }
            });
        }
    });
    (count, report.into_inner().unwrap())
}

/// The names that units give their modules, from the source: a new module must appear in the suite.
fn module_names() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hdl/src/units");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for after in text.split("ModuleInfo::new(").skip(1) {
            // Some names are computed; they are those of memories.
            names.extend(
                after
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|name| name.split('"').next())
                    .map(str::to_owned),
            );
        }
    }
    // The names of tops, which are always `<prefix>_unit`.
    names.remove("controlled_unit");
    names
}

fn json(units: usize, modules: &[Excepted]) -> serde_json::Value {
    let sum = |part: fn(&Excepted) -> Covered, excepted: fn(&Excepted) -> usize, control: bool| {
        let of = || modules.iter().filter(|m| !control || CONTROL_MODULES.contains(&m.module.as_str()));
        let covered: Covered = of().map(part).sum();
        let excepted: usize = of().map(excepted).sum();
        serde_json::json!({ "hit": covered.hit, "total": covered.total, "excepted": excepted })
    };
    serde_json::json!({
        "units": units,
        "lines": sum(|m| m.lines, |m| m.lines_excepted, false),
        "branches": sum(|m| m.branches, |_| 0, false),
        "toggles": sum(|m| m.toggles, |m| m.toggles_excepted, false),
        "control_toggles": sum(|m| m.toggles, |m| m.toggles_excepted, true),
        "modules": modules,
    })
}

/// For the summary of the whole verification.
fn write_json(value: &serde_json::Value) {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("verification");
    let folder = env::var_os("EMEURO_VERIFICATION").map_or_else(default, PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    write_atomically(&folder.join("coverage.json"), format!("{value:#}\n").as_bytes()).unwrap();
}

#[test]
fn the_suite_has_frames_in_pairs() {
    let paired =
        |part: &Part| !compile(&(part.sample)(part.network), &part.config).unwrap().paired.is_empty();
    let pairs: Vec<bool> = suite().iter().map(paired).collect();
    assert!(pairs.contains(&true) && pairs.contains(&false), "{pairs:?}");
}

#[test]
fn every_line_of_every_module_runs_and_control_toggles() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let (units, report) = run_suite();
    let exceptions = Path::new(env!("CARGO_MANIFEST_DIR")).join("coverage-exceptions.yaml");
    let exceptions = CoverageExceptions::load(&exceptions).unwrap();
    let modules = exceptions.apply(&report).unwrap();
    write_json(&json(units, &modules));
    let mut problems = vec![];
    for module in &modules {
        let name = &module.module;
        println!(
            "{name:18} lines {}/{} toggles {}/{} ({} excepted)",
            module.lines.hit,
            module.lines.total,
            module.toggles.hit,
            module.toggles.total,
            module.toggles_excepted
        );
        problems.extend(module.missed_lines.iter().map(|line| format!("{name}: never runs: {line}")));
        if CONTROL_MODULES.contains(&name.as_str()) && module.toggle_share() < LEAST_TOGGLES {
            let share = 100.0 * module.toggle_share();
            problems
                .push(format!("{name}: {share:.1} % of the bits toggle; not {:?}", module.missed_toggles));
        }
    }
    let known: BTreeSet<String> = modules.iter().map(|module| module.module.clone()).collect();
    let missing: Vec<_> = module_names().difference(&known).cloned().collect();
    problems.extend(missing.iter().map(|name| format!("{name}: no unit of the suite has such a module")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
