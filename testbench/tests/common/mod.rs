//! What the test files share: the fixtures, the cache, random frames with their expected answers, and generated units.
#![allow(dead_code, unreachable_pub)]

pub mod icarus;

use std::path::{Path, PathBuf};

use emeuro_compiler::{Control, Cycles, Machine, Multiplier, Program, UnitConfig, WeightMemory, compile};
use emeuro_golden::{Emulator, Sampler, sample_clusters, sample_emulator, sample_levels};
use emeuro_hdl::UnitDesign;
use emeuro_hdl::register_map::UnitNumbers;
use emeuro_testbench::{
    Cache, Comparison, Design, Error, Evidence, Model, Options, SourceFile, UnitBench, cosim, cosim_at,
    cosim_scenario,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const ADDER_WORDS: usize = 8;
pub const ADDER_ROM: [u16; ADDER_WORDS] = [0x0001, 0x0010, 0x0100, 0x1000, 0x7fff, 0x8000, 0xffff, 0x00ff];

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub fn options() -> Options {
    Options::new(Cache::from_env_or(Path::new(env!("CARGO_TARGET_TMPDIR")).join("emeuro-cache")))
}

pub fn design(name: &str) -> Design {
    Design::read(name, [fixtures().join(format!("{name}.v"))]).unwrap()
}

pub fn build(name: &str) -> Model {
    Model::build(&design(name), &options()).unwrap()
}

pub fn build_with(name: &str, flags: &[&str]) -> Model {
    let mut options = options();
    options.verilator_flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Model::build(&design(name), &options).unwrap()
}

pub fn random_frames(count: usize, words: usize, bits: u32, seed: u64) -> Vec<Vec<i16>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let limit = (1i32 << (bits - 1)) as i16;
    let mut word = || if limit < 0 { random.random() } else { random.random_range(-limit..limit) };
    (0..count).map(|_| (0..words).map(|_| word()).collect()).collect()
}

/// What `frame_adder` computes.
pub fn adder_answers(frames: &[Vec<i16>]) -> Vec<Vec<i16>> {
    let answer = |frame: &Vec<i16>| {
        frame.iter().zip(ADDER_ROM).map(|(word, rom)| word.wrapping_add(rom as i16)).collect()
    };
    frames.iter().map(answer).collect()
}

/// What `frame_sum` computes.
pub fn sum_answers(frames: &[Vec<i16>]) -> Vec<Vec<i16>> {
    frames.iter().map(|frame| vec![frame.iter().sum()]).collect()
}

pub fn unit_config(
    lanes: usize,
    words_per_beat: usize,
    control: Control,
    weights: WeightMemory,
) -> UnitConfig {
    let config = UnitConfig::new(lanes).unwrap().with_words_per_beat(words_per_beat).unwrap();
    config.with_control(control, weights).unwrap()
}

/// A unit of any kind for a network of any kind: every choice that a unit file has.
pub fn sampled_unit(seed: u64) -> GeneratedUnit {
    let sample = [sample_emulator, sample_levels, sample_clusters][seed as usize % 3];
    let mut sampler = Sampler::new(!seed);
    let mut up_to = |most: i64| sampler.range(0, most) as usize;
    let (control, weights) = [
        (Control::None, WeightMemory::Rom),
        (Control::AxiLite, WeightMemory::Rom),
        (Control::AxiLite, WeightMemory::Ram),
    ][up_to(2)];
    let mut config = unit_config(1 + up_to(23), 1 << up_to(2), control, weights);
    config = config.with_pairs(up_to(3) > 0);
    config = config.with_multiplier([Multiplier::Generic, Multiplier::Generic, Multiplier::Ecp5][up_to(2)]);
    if up_to(1) > 0 {
        config = config.with_slots(1 << up_to(4)).unwrap();
    }
    GeneratedUnit::new(sample(seed), &config)
}

/// A network of this crate's own tests.
pub fn fixture(name: &str) -> Emulator {
    Emulator::load(fixtures().join(name)).unwrap()
}

/// A generated unit with its network.
pub struct GeneratedUnit {
    pub emulator: Emulator,
    pub program: Program,
    pub design: Design,
}

impl GeneratedUnit {
    pub fn new(emulator: Emulator, config: &UnitConfig) -> Self {
        let program = compile(&emulator, config).unwrap();
        let unit = UnitDesign::new(&program, Machine::cycles(&program).unwrap(), "cargo test").unwrap();
        let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
        GeneratedUnit { emulator, program, design: Design::new(&unit.top, sources) }
    }

    /// That of a sampled network.
    pub fn sampled(seed: u64, config: UnitConfig) -> Self {
        GeneratedUnit::new(sample_emulator(seed), &config)
    }

    /// What the compiler predicts.
    pub fn cycles(&self) -> Cycles {
        Machine::cycles(&self.program).unwrap()
    }

    /// Plays frames under all traffic; words and clocks are as predicted. A word that is not ends the test with the shortest
    /// stimulus that shows it.
    pub fn assert_agrees(
        &self,
        place: &str,
        inputs: &[Vec<i16>],
        seed: u64,
        evidence: &Evidence<'_>,
    ) -> Comparison {
        let comparison = cosim(&self.emulator, &self.design, &options(), inputs, seed);
        let is_wrong = match &comparison {
            Ok(comparison) => comparison.mismatches > 0,
            Err(error) => matches!(error, Error::Failure(_)),
        };
        if is_wrong && let Err(finding) = self.bench().check(&cosim_scenario(inputs, seed), evidence) {
            panic!("{place}: {finding}");
        }
        let comparison = comparison.unwrap_or_else(|error| panic!("{place}: {error}"));
        let predicted = self.cycles();
        assert!(comparison.holds(predicted), "{place}: {comparison:?}, predicted {predicted:?}");
        for level in 0..self.emulator.levels() - 1 {
            self.assert_agrees_at(level, place, inputs, seed);
        }
        comparison
    }

    /// Words and clocks of a quality level are as predicted.
    fn assert_agrees_at(&self, level: usize, place: &str, inputs: &[Vec<i16>], seed: u64) {
        let comparison = cosim_at(&self.emulator, level, &self.design, &options(), inputs, seed);
        let comparison = comparison.unwrap_or_else(|error| panic!("{place}, level {level}: {error}"));
        let predicted = Machine::cycles_at(&self.program, level).unwrap();
        assert!(
            comparison.holds(predicted),
            "{place}, level {level}: {comparison:?}, predicted {predicted:?}"
        );
    }

    pub fn bench(&self) -> UnitBench<'_> {
        let bench = UnitBench::of_emulator(&self.emulator, &self.design, &options()).unwrap();
        let latency = self.cycles().latency;
        let bench = bench.with_quiet(latency + 64).with_watchdog(20_000 + 4 * latency);
        match self.program.config.control() {
            Control::None => bench,
            Control::AxiLite => bench.with_registers(UnitNumbers::of(&self.program)).unwrap(),
        }
    }
}
