//! Verilator finds nothing to say about units of any kind (`--lint-only -Wall`).

mod common;

use std::fs;

use common::{GeneratedUnit, fixture, sampled_unit, unit_config};
use emeuro_compiler::{Control, WeightMemory};
use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, MAX_MEMBERS, OutputSpec, Port, Provenance, VectorId, Weights,
};
use emeuro_testbench::{RtlPolicy, Verilator};

fn lint(verilator: &Verilator, place: &str, unit: &GeneratedUnit) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![];
    for source in unit.design.sources.iter().filter(|source| source.name.ends_with(".v")) {
        let path = folder.path().join(&source.name);
        fs::write(&path, &source.text).unwrap();
        files.push(path);
    }
    let said = verilator.lint(&unit.design.top, &files).unwrap();
    assert!(said.is_empty(), "{place}, {:?}:\n{said}", unit.program.config);
}

const KINDS: [(Control, WeightMemory); 3] = [
    (Control::None, WeightMemory::Rom),
    (Control::AxiLite, WeightMemory::Rom),
    (Control::AxiLite, WeightMemory::Ram),
];

/// Scores have addresses of their own, more of them than a small network has words.
#[test]
fn any_number_of_members() {
    let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
    let mut units: Vec<(String, Emulator)> = (2..=9)
        .chain([15, 16, 17, 33, 128, MAX_MEMBERS])
        .map(|count| (format!("{count} members"), members(count)))
        .collect();
    units.push(("lint_8_members".to_owned(), fixture("lint_8_members.yaml")));
    for (number, (place, emulator)) in units.iter().enumerate() {
        for (lanes, (control, weights)) in [1, 3, 8].into_iter().zip(KINDS) {
            let config = unit_config(lanes, 1 << (number % 3), control, weights);
            lint(verilator, place, &GeneratedUnit::new(emulator.clone(), &config));
        }
    }
}

/// Two words, a score for each of `count` members, and one word from the member.
fn members(count: usize) -> Emulator {
    let (word, weight) = (Format::new(16, 0).unwrap(), Format::new(8, 0).unwrap());
    let weights =
        |rows: usize| Weights { format: weight, values: (0..2 * rows).map(|i| i as i16 % 19 - 9).collect() };
    let mut builder = EmulatorBuilder::new("members", Port::new("x", 2, word), 48).unwrap();
    let scores = builder.dense("scores", VectorId::INPUT, weights(count), vec![0; count], word).unwrap();
    builder.route(scores, vec![0; count]).unwrap();
    let y = builder.dense_of_members("y", VectorId::INPUT, weights(count), vec![1; count], word).unwrap();
    let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 1, word) };
    builder.finish(output, Provenance::default()).unwrap()
}

#[test]
fn units_of_every_kind() {
    let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
    for seed in 0..40 {
        lint(verilator, &format!("unit {seed}"), &sampled_unit(seed));
    }
}

#[test]
#[ignore = "minutes; for a release build"]
fn many_units_of_every_kind() {
    let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
    for seed in 1000..1500 {
        lint(verilator, &format!("unit {seed}"), &sampled_unit(seed));
    }
}
