//! Bugs that are planted into a generated unit, one at a time: co-simulation must fail on each, for the right reason.

use std::{collections::BTreeSet, fs, path::Path};

use emeuro::{
    compiler::{Machine, UnitConfig, compile},
    golden::{Emulator, Sampler, VectorId},
    hdl::UnitDesign,
    testbench::{
        Cache, Comparison, Design, Error, Model, Options, Roms, RtlPolicy, Sim, SourceFile, StreamBench,
        Traffic, cosim,
    },
};
use emeuro_verify::PlantedBug;

const FRAMES: usize = 60;
const SEED: u64 = 5;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted")
}

/// A network whose layers have several tiles each.
fn network() -> Emulator {
    Emulator::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks/16-16-8.yaml")).unwrap()
}

/// The generated files of its unit: Verilog and hex.
fn generate(emulator: &Emulator) -> (String, Vec<(String, String)>) {
    let program = compile(emulator, &UnitConfig::new(4).unwrap()).unwrap();
    let unit = UnitDesign::new(&program, Machine::cycles(&program).unwrap(), "cargo test").unwrap();
    (unit.top.clone(), unit.files().cloned().collect())
}

fn design(top: &str, files: &[(String, String)]) -> Design {
    Design::new(top, files.iter().map(|(name, text)| SourceFile::new(name, text)).collect())
}

fn options() -> Options {
    Options::new(Cache::from_env_or(env!("CARGO_TARGET_TMPDIR")))
}

fn frames(emulator: &Emulator) -> Vec<Vec<i16>> {
    let mut sampler = Sampler::new(SEED);
    let format = emulator.format(VectorId::INPUT);
    (0..FRAMES).map(|_| sampler.frame(emulator.input().size(), format)).collect()
}

/// The kinds of fault that the bench reports under the standard traffic, each run ending at the first.
fn faults(emulator: &Emulator, design: &Design) -> BTreeSet<String> {
    let model = Model::build(design, &options()).unwrap();
    let (input_bits, output_bits) = (emulator.input().bits, emulator.output().port.bits);
    let bench = StreamBench::new(&model, input_bits, output_bits).unwrap();
    let inputs = frames(emulator);
    let expected: Vec<Vec<i16>> = inputs.iter().map(|frame| emulator.run(frame).unwrap()).collect();
    let fault = |(_, traffic): (_, Traffic)| {
        let mut sim = Sim::new(&model, Roms::Files(&design.sources), SEED).unwrap();
        match bench.clone().with_traffic(traffic).run(&mut sim, &inputs, &expected, SEED) {
            Ok(_) => None,
            Err(Error::Failure(failure)) => {
                let variant = format!("{:?}", failure.fault);
                Some(variant.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned())
            }
            Err(error) => panic!("{error}"),
        }
    };
    Traffic::standard().into_iter().filter_map(fault).collect()
}

/// Whether `emeuro cosim` would call the unit wrong.
fn fails(compared: Result<Comparison, Error>) -> bool {
    match compared {
        Ok(comparison) => comparison.mismatches > 0,
        Err(Error::Failure(_)) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_planted_bug_is_found_for_the_right_reason() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let emulator = network();
    let (top, files) = generate(&emulator);
    let good = design(&top, &files);
    let compared = cosim(&emulator, &good, &options(), &frames(&emulator), SEED).unwrap();
    let predicted = Machine::cycles(&compile(&emulator, &UnitConfig::new(4).unwrap()).unwrap()).unwrap();
    assert!(compared.holds(predicted), "{compared:?}");
    assert!(faults(&emulator, &good).is_empty());

    let mut planted = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let bug = PlantedBug::read(&path).unwrap();
        let mut broken = files.clone();
        bug.edit().apply(&mut broken).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let broken = design(&top, &broken);
        assert!(fails(cosim(&emulator, &broken, &options(), &frames(&emulator), SEED)), "{}", bug.bug);
        let found = faults(&emulator, &broken);
        assert_eq!(found, BTreeSet::from([bug.fault.clone()]), "{}", bug.bug);
        planted += 1;
    }
    assert_eq!(planted, 3, "bugs in {}", folder().display());
}

#[test]
fn a_bug_that_does_not_fit_is_refused() {
    let (_, mut files) = generate(&network());
    let bug = PlantedBug::read(&folder().join("stride.yaml")).unwrap();
    bug.edit().apply(&mut files).unwrap();
    let again = bug.edit().apply(&mut files).unwrap_err().to_string();
    assert!(again.contains("exactly once, found it 0 times"), "{again}");
}
