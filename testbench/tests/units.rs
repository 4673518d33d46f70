//! Generated units of sampled networks against the golden model, and their lint.

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{Sampler, VectorId, sample_emulator};
use emeuro_hdl::UnitDesign;
use emeuro_testbench::{Cache, Design, Options, RtlPolicy, SourceFile, cosim};

fn check(seed: u64, lanes: usize) {
    let Some(_) = RtlPolicy::current().verilator_or_skip() else { return };
    let emulator = sample_emulator(seed);
    let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
    let predicted = Machine::cycles(&program).unwrap();
    let unit = UnitDesign::new(&program, predicted, "cargo test").unwrap();
    let sources = unit.files().map(|(name, text)| SourceFile::new(name, text)).collect();
    let design = Design::new(&unit.top, sources);
    let mut sampler = Sampler::new(seed);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..24).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let options = Options::new(Cache::from_env_or(env!("CARGO_TARGET_TMPDIR")));
    let comparison = cosim(&emulator, &design, &options, &inputs, seed)
        .unwrap_or_else(|e| panic!("network {seed}, {lanes} lanes: {e}"));
    assert!(
        comparison.holds(predicted),
        "network {seed}, {lanes} lanes: {comparison:?}, predicted {predicted:?}"
    );
}

#[test]
fn sampled_networks_on_few_lanes() {
    for seed in 0..6 {
        check(seed, 1 + seed as usize % 4);
    }
}

#[test]
fn sampled_networks_on_many_lanes() {
    for seed in 6..12 {
        check(seed, 7 + 9 * (seed as usize % 2));
    }
}
