//! Random scenarios on generated units: resets at any time, frames of every length, registers while frames run.

mod common;

use common::options;
use emeuro_compiler::{Control, Machine, Program, UnitConfig, WeightMemory, compile};
use emeuro_golden::{Emulator, sample_emulator};
use emeuro_hdl::UnitDesign;
use emeuro_hdl::register_map::UnitNumbers;
use emeuro_testbench::{Design, Recipe, RtlPolicy, Score, SourceFile, UnitBench};

/// A generated unit with its network.
struct Unit {
    emulator: Emulator,
    program: Program,
    design: Design,
}

impl Unit {
    fn new(seed: u64, config: UnitConfig) -> Self {
        let emulator = sample_emulator(seed);
        let program = compile(&emulator, &config).unwrap();
        let unit = UnitDesign::new(&program, Machine::cycles(&program).unwrap(), "cargo test").unwrap();
        let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
        Unit { emulator, program, design: Design::new(&unit.top, sources) }
    }

    fn bench(&self) -> UnitBench<'_> {
        let bench = UnitBench::of_emulator(&self.emulator, &self.design, &options()).unwrap();
        let latency = Machine::cycles(&self.program).unwrap().latency;
        let bench = bench.with_quiet(latency + 64).with_watchdog(20_000 + 4 * latency);
        match self.program.config.control() {
            Control::None => bench,
            Control::AxiLite => bench.with_registers(UnitNumbers::of(&self.program)).unwrap(),
        }
    }
}

fn config(lanes: usize, words_per_beat: usize, control: Control, weights: WeightMemory) -> UnitConfig {
    let config = UnitConfig::new(lanes).unwrap().with_words_per_beat(words_per_beat).unwrap();
    config.with_control(control, weights).unwrap()
}

#[test]
fn units_survive_random_scenarios() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut total = Score::default();
    for (network, config) in [
        (2, config(3, 1, Control::None, WeightMemory::Rom)),
        (5, config(16, 4, Control::None, WeightMemory::Rom)),
        (9, config(1, 2, Control::AxiLite, WeightMemory::Rom)),
        (280, config(8, 1, Control::AxiLite, WeightMemory::Ram)),
    ] {
        let unit = Unit::new(network, config);
        let bench = unit.bench();
        let recipe = Recipe::of(&bench);
        for seed in 0..100 {
            let scenario = recipe.draw(seed);
            total += bench.play(&scenario).unwrap_or_else(|e| panic!("network {network}: {e}\n{scenario}"));
        }
    }
    println!("{total:?}");
}
