//! Many units of many kinds, each against the golden model and its predicted clocks, with random scenarios: formats, networks,
//! lanes, words per beat, slots, memories and control ports.
//!
//! Two sizes: a million words over some configurations, and, as an ignored test for a release build, ten millions over all.
//! Both write what they have seen to `verification/cosim-configurations.json` in the target folder, or in the folder that
//! EMEURO_VERIFICATION names.

mod common;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{env, fs, thread};

use common::{GeneratedUnit, unit_config};
use emeuro_compiler::{Control, UnitConfig, WeightMemory};
use emeuro_golden::{
    Activation, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Sampler, VectorId, Weights,
    sample_emulator, write_atomically,
};
use emeuro_testbench::{Evidence, Recipe, RtlPolicy, Score};

/// Which network a unit is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    /// Dense layers with ReLU and tanh, of this many bits per weight and word.
    Formats { weights: u32, words: u32 },
    /// Anything, by its seed.
    Sampled(u64),
    /// A file in `tests/networks`.
    File(&'static str),
}

/// Lanes, slots (0: as many as are worth it), words per beat.
type Shape = (usize, usize, usize);

const ROM: (Control, WeightMemory) = (Control::None, WeightMemory::Rom);
const WATCHED: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Rom);
const RAM: (Control, WeightMemory) = (Control::AxiLite, WeightMemory::Ram);

const fn formats(weights: u32, words: u32) -> Network {
    Network::Formats { weights, words }
}

/// Every configuration once; the first ones are those of the small test.
const CONFIGURATIONS: [(Network, Shape, (Control, WeightMemory)); 48] = [
    (formats(8, 16), (16, 0, 1), ROM),
    (formats(4, 8), (8, 2, 4), ROM),
    (formats(16, 16), (5, 1, 2), RAM),
    (formats(8, 8), (1, 1, 1), WATCHED),
    (Network::Sampled(20), (3, 2, 1), ROM),
    (Network::Sampled(392), (4, 0, 2), RAM),
    (Network::File("64-16-64"), (32, 4, 4), ROM),
    (Network::File("20-32-20"), (16, 0, 1), WATCHED),
    (formats(4, 8), (1, 1, 1), ROM),
    (formats(4, 8), (16, 4, 1), RAM),
    (formats(4, 8), (33, 0, 2), WATCHED),
    (formats(4, 16), (2, 1, 1), ROM),
    (formats(4, 16), (16, 2, 4), RAM),
    (formats(4, 16), (7, 0, 2), WATCHED),
    (formats(8, 8), (16, 4, 4), ROM),
    (formats(8, 8), (6, 0, 2), RAM),
    (formats(8, 8), (64, 8, 4), ROM),
    (formats(8, 16), (1, 1, 1), RAM),
    (formats(8, 16), (3, 0, 2), WATCHED),
    (formats(8, 16), (24, 4, 4), RAM),
    (formats(8, 16), (64, 16, 4), ROM),
    (formats(8, 16), (128, 0, 4), ROM),
    (formats(16, 8), (4, 1, 1), ROM),
    (formats(16, 8), (16, 2, 2), WATCHED),
    (formats(16, 8), (9, 0, 4), RAM),
    (formats(16, 16), (1, 1, 4), ROM),
    (formats(16, 16), (16, 2, 1), ROM),
    (formats(16, 16), (48, 8, 4), WATCHED),
    (Network::Sampled(21), (4, 1, 4), ROM),
    (Network::Sampled(22), (5, 4, 2), WATCHED),
    (Network::Sampled(23), (8, 8, 4), ROM),
    (Network::Sampled(24), (16, 2, 2), RAM),
    (Network::Sampled(25), (16, 4, 1), ROM),
    (Network::Sampled(26), (64, 16, 4), ROM),
    (Network::Sampled(27), (1, 1, 2), RAM),
    (Network::Sampled(28), (2, 0, 1), ROM),
    (Network::Sampled(29), (11, 0, 1), WATCHED),
    (Network::Sampled(30), (16, 0, 4), ROM),
    (Network::Sampled(280), (8, 0, 1), RAM),
    (Network::Sampled(204), (3, 0, 1), RAM),
    (Network::File("16-16-8"), (16, 0, 1), ROM),
    (Network::File("16-16-8"), (4, 2, 2), RAM),
    (Network::File("20-32-20"), (1, 1, 1), ROM),
    (Network::File("64-16-64"), (16, 0, 2), RAM),
    (Network::File("200-24-200"), (16, 0, 1), ROM),
    (Network::File("200-24-200"), (64, 0, 4), RAM),
    (Network::File("512-16-2"), (16, 0, 4), ROM),
    (Network::File("512-16-2"), (3, 1, 1), WATCHED),
];

/// Configurations of the small test.
const FEW: usize = 8;
/// Clocks of one configuration at full rate, at most: networks with short outputs would take long for their words.
const CLOCKS: u64 = 3_000_000;

fn network(network: Network) -> Emulator {
    match network {
        Network::Formats { weights, words } => dense(weights, words),
        Network::Sampled(seed) => sample_emulator(seed),
        Network::File(name) => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/networks");
            Emulator::load(folder.join(format!("{name}.yaml"))).unwrap()
        }
    }
}

/// 24-20-32: ReLU after the first layer, tanh after the second.
fn dense(weight_bits: u32, word_bits: u32) -> Emulator {
    let mut sampler = Sampler::new(u64::from(weight_bits * 100 + word_bits));
    let word = Format::new(word_bits, word_bits as i32 - 3).unwrap();
    let weight = Format::new(weight_bits, weight_bits as i32).unwrap();
    let port = |name: &str, size| Port::new(name, size, word);
    let name = format!("w{weight_bits}a{word_bits}");
    let mut builder = EmulatorBuilder::new(&name, port("x", 24), 48).unwrap();
    let mut layer = |builder: &mut EmulatorBuilder, name: &str, input, inputs: usize, outputs: usize| {
        let mut draw = |low: i32, high: i32| sampler.range(low.into(), high.into());
        let values = (0..inputs * outputs).map(|_| draw(weight.min(), weight.max()) as i16).collect();
        let largest = 1 << (weight.frac() + word.frac() - 1);
        let bias = (0..outputs).map(|_| draw(-largest, largest)).collect();
        builder.dense(name, input, Weights { format: weight, values }, bias, word).unwrap()
    };
    let hidden = layer(&mut builder, "hidden", VectorId::INPUT, 24, 20);
    let hidden = builder.activate("relu", hidden, Activation::Relu, word).unwrap();
    let sums = layer(&mut builder, "sums", hidden, 20, 32);
    let tanh = Activation::table("tanh", f64::tanh, word, word).unwrap();
    let output = builder.activate("tanh", sums, tanh, word).unwrap();
    let spec = OutputSpec { sources: vec![output], lower: vec![], order: None, port: port("y", 32) };
    builder.finish(spec, Provenance::default()).unwrap()
}

/// What was seen in all configurations.
#[derive(Default, Debug)]
struct Total {
    configurations: u64,
    frames: u64,
    words: u64,
    clocks: u64,
    scenarios: u64,
    score: Score,
}

/// One configuration: frames under all traffic, clocks, random scenarios.
fn check(
    (kind, (lanes, slots, words_per_beat), (control, weights)): (Network, Shape, (Control, WeightMemory)),
    words: usize,
    scenarios: u64,
    evidence: &Evidence<'_>,
    total: &Mutex<Total>,
) {
    let emulator = network(kind);
    let mut config: UnitConfig = unit_config(lanes, words_per_beat, control, weights);
    if slots > 0 {
        config = config.with_slots(slots).unwrap();
    }
    let unit = GeneratedUnit::new(emulator, &config);
    let place = format!("{kind:?}, {config:?}");
    let predicted = unit.cycles();
    let bench = unit.bench();
    let shape = bench.shape();
    let count = (words / shape.output_words).min((CLOCKS / predicted.period) as usize).max(24);
    let mut sampler = Sampler::new(lanes as u64);
    let word = unit.emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..count).map(|_| sampler.frame(shape.input_words, word)).collect();
    let comparison = unit.assert_agrees(&place, &inputs, 1, evidence);
    let recipe = Recipe { clocks_per_frame: predicted.latency as u32, ..Recipe::of(&bench) };
    let mut score = Score::default();
    for seed in 0..scenarios {
        score += bench
            .check(&recipe.draw(seed), evidence)
            .unwrap_or_else(|error| panic!("{place}, scenario {seed}: {error}"));
    }
    let mut total = total.lock().unwrap();
    total.configurations += 1;
    total.frames += comparison.frames + score.frames;
    total.words += comparison.words + score.words;
    total.clocks += comparison.clocks + score.clocks;
    total.scenarios += scenarios;
    total.score += score;
}

/// Checks configurations on all processors, and writes what was seen.
fn check_all(
    configurations: &[(Network, Shape, (Control, WeightMemory))],
    words: usize,
    scenarios: u64,
) -> Total {
    let begin = Instant::now();
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Total::default()));
    // Named after the thread of the test.
    let evidence = Evidence::of_this_test();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&configuration) = configurations.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(configuration, words, scenarios, &evidence, &total);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    let report = serde_json::json!({
        "configurations": total.configurations,
        "frames": total.frames,
        "words": total.words,
        "mismatches": 0,
        "clocks": total.clocks,
        "scenarios": total.scenarios,
        "resets": total.score.resets,
        "dropped": total.score.dropped,
        "accesses": total.score.accesses,
        "seconds": begin.elapsed().as_secs_f64(),
    });
    let folder = verification();
    fs::create_dir_all(&folder).unwrap();
    write_atomically(&folder.join("cosim-configurations.json"), format!("{report:#}\n").as_bytes()).unwrap();
    println!("{report}");
    total
}

fn verification() -> PathBuf {
    match env::var_os("EMEURO_VERIFICATION") {
        Some(folder) => folder.into(),
        // The folder of the test's own files is target/tmp.
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("verification"),
    }
}

#[test]
fn configurations_are_distinct_and_of_every_kind() {
    let distinct: HashSet<String> = CONFIGURATIONS.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(distinct.len(), CONFIGURATIONS.len());
    for few in [&CONFIGURATIONS[..FEW], &CONFIGURATIONS] {
        for words_per_beat in [1, 2, 4] {
            assert!(few.iter().any(|(_, shape, _)| shape.2 == words_per_beat));
        }
        for kind in [ROM, WATCHED, RAM] {
            assert!(few.iter().any(|(.., found)| *found == kind));
        }
        for bits in [4, 8, 16] {
            assert!(few.iter().any(
                |(network, ..)| matches!(network, Network::Formats { weights, .. } if *weights == bits)
            ));
        }
    }
    for (weights, words) in [4, 8, 16].into_iter().flat_map(|weights| [8, 16].map(|words| (weights, words))) {
        assert!(CONFIGURATIONS.iter().any(|(network, ..)| *network == formats(weights, words)));
    }
}

#[test]
fn a_million_words() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let total = check_all(&CONFIGURATIONS[..FEW], 150_000, 10);
    assert!(total.words >= 1_000_000, "{total:?}");
}

#[test]
#[ignore = "minutes; for a release build"]
fn ten_million_words() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let total = check_all(&CONFIGURATIONS, 300_000, 50);
    assert!(total.words >= 10_000_000 && total.configurations >= 40, "{total:?}");
}
