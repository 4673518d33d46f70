//! The plain networks of `tests/networks/`: that the files are what this file makes, that their formats suit them, and that their
//! units agree with the golden model.
//!
//! They stand for shapes, not for functions: weights are random. `EMEURO_ACCEPT=1 cargo test --test plain_networks` rewrites them.

use std::{env, path::PathBuf, process::Command};

use emeuro::{
    golden::{
        Activation, Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Runner, Sampler,
        VectorId, Weights, requantise, write_atomically,
    },
    testbench::RtlPolicy,
};
use serde_json::Value;

/// Words of the input and of every layer.
const SHAPES: [&[usize]; 5] = [&[64, 16, 64], &[200, 24, 200], &[512, 16, 2], &[16, 16, 8], &[20, 32, 20]];

const WORD_BITS: u32 = 16;
const WEIGHT_BITS: u32 = 8;
const SEED: u64 = 1;
/// Frames from which the formats are taken.
const CALIBRATION_FRAMES: usize = 2000;
/// Room above the largest sum of the calibration frames.
const HEADROOM: f64 = 1.25;

fn name(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

fn path(shape: &[usize]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/networks");
    folder.join(format!("{}.yaml", name(shape)))
}

/// Frames of uniform words.
fn frames(words: usize, count: usize, sampler: &mut Sampler) -> Vec<Vec<i16>> {
    let mut word = || sampler.range(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
    (0..count).map(|_| (0..words).map(|_| word()).collect()).collect()
}

/// Dense layers with ReLU between them: weights uniform over all 8-bit words but the most negative, biases of up to an eighth of
/// the largest input, and for every result the finest format that holds what the calibration frames make of it.
fn generate(shape: &[usize]) -> Emulator {
    let mut sampler = Sampler::new(SEED);
    let mut values = frames(shape[0], CALIBRATION_FRAMES, &mut sampler);
    // Sums of n products of uniform numbers grow as √n: weights of this scale keep results near 1.
    let mut format = Format::new(WORD_BITS, 15).unwrap();
    let input = Port::new("x", shape[0], format);
    let mut builder =
        EmulatorBuilder::new(&format!("plain_{}", name(shape).replace('-', "_")), input, 32).unwrap();
    let mut vector = VectorId::INPUT;
    for (layer, sizes) in shape.windows(2).enumerate() {
        let (inputs, outputs) = (sizes[0], sizes[1]);
        let weight = Format::new(WEIGHT_BITS, 7 + inputs.ilog2() as i32 / 2).unwrap();
        let weights: Vec<i16> = (0..inputs * outputs).map(|_| sampler.range(-127, 127) as i16).collect();
        let largest_bias = 1 << (WORD_BITS as i32 + weight.frac() - 4);
        let bias: Vec<i64> = (0..outputs).map(|_| sampler.range(-largest_bias, largest_bias)).collect();
        let sum = |row: usize, frame: &[i16]| -> i64 {
            let products = weights[row * inputs..][..inputs].iter().zip(frame);
            bias[row] + products.map(|(&w, &x)| i64::from(w) * i64::from(x)).sum::<i64>()
        };
        let sums: Vec<Vec<i64>> =
            values.iter().map(|frame| (0..outputs).map(|row| sum(row, frame)).collect()).collect();
        let largest = sums.iter().flatten().map(|sum| sum.abs()).max().unwrap();
        let scale = weight.frac() + format.frac();
        let result = Format::covering(WORD_BITS, HEADROOM * largest as f64 * 2f64.powi(-scale)).unwrap();
        let shift = (scale - result.frac()) as u32;
        let weights = Weights { format: weight, values: weights };
        vector = builder.dense(&format!("dense_{}", layer + 1), vector, weights, bias, result).unwrap();
        let hidden = layer + 2 < shape.len();
        if hidden {
            vector =
                builder.activate(&format!("relu_{}", layer + 1), vector, Activation::Relu, result).unwrap();
        }
        let word = |&sum: &i64| {
            let word = requantise(sum, shift, result);
            if hidden { word.max(0) } else { word }
        };
        values = sums.iter().map(|sums| sums.iter().map(word).collect()).collect();
        format = result;
    }
    let provenance = Provenance {
        command: "EMEURO_ACCEPT=1 cargo test --test plain_networks".into(),
        seed: SEED,
        data: "random weights: a benchmark of the shape, it emulates nothing".into(),
        ..Provenance::default()
    };
    let outputs = *shape.last().unwrap();
    let spec = OutputSpec {
        sources: vec![vector],
        lower: vec![],
        order: None,
        port: Port::new("y", outputs, format),
    };
    builder.finish(spec, provenance).unwrap()
}

#[test]
fn the_files_are_what_the_generator_makes() {
    let accept = env::var("EMEURO_ACCEPT").as_deref() == Ok("1");
    for shape in SHAPES {
        let (path, text) = (path(shape), generate(shape).to_yaml());
        if accept {
            write_atomically(&path, text.as_bytes()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is not current: set EMEURO_ACCEPT=1 to rewrite it", path.display());
    }
}

/// On frames that the formats were not taken from: nothing saturates, and the largest results use the top two bits.
#[test]
fn results_use_their_range_and_do_not_saturate() {
    for shape in SHAPES {
        let emulator = Emulator::load(path(shape)).unwrap();
        let mut runner = Runner::new(&emulator);
        let mut largest = 0;
        for frame in frames(shape[0], 500, &mut Sampler::new(SEED + 1)) {
            let mut output = vec![0; emulator.output().port.size()];
            runner.infer(&frame, &mut output).unwrap();
            largest = output.iter().map(|&word| i32::from(word).abs()).fold(largest, i32::max);
        }
        assert!((1 << 13..i32::from(i16::MAX)).contains(&largest), "{}: {largest}", name(shape));
    }
}

#[test]
fn their_units_agree_with_the_golden_model() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["cosim", "--lanes", "1,3,16,64", "--frames", "12", "--seed", "5", "--json"])
        .args(SHAPES.map(path))
        .env("EMEURO_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let designs = report["designs"].as_array().unwrap();
    assert_eq!(designs.len(), 4 * SHAPES.len());
    for design in designs {
        assert_eq!(
            (&design["mismatches"], &design["frames"]),
            (&Value::from(0), &Value::from(12)),
            "{design}"
        );
        assert_eq!(design["cycles_predicted"], design["cycles_simulated"], "{design}");
    }
}
