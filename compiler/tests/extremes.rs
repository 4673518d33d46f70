//! Extreme integers in every place of an emulator file and of a unit file: an error with its place, or an emulator that
//! compiles or is refused; never a panic, and never for long.

use std::path::Path;
use std::time::{Duration, Instant};

use emeuro_compiler::{Machine, UnitConfig, UnitFile, compile};
use emeuro_golden::{Emulator, Sampler, sample_clusters, sample_emulator, sample_levels};
use serde_yaml::Value;

const ALL_OPS: &str = include_str!("../../golden/tests/all_ops.yaml");
const STRIDE: &str = include_str!("stride_min_i64.yaml");
const UNIT: &str = "emeuro_unit: 1\nlanes: 4\nslots: 2\nwords_per_beat: 2\nlimits:\n  weight_bits: 8\n  word_bits: 16\n  \
                    accumulator_bits: 48\n  weight_words: 1000\n";

/// What a place may hold instead of its number.
fn extremes() -> Vec<Value> {
    let mut numbers: Vec<i128> =
        vec![0, 1, -1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257];
    for bits in [15, 16, 31, 32, 47, 48, 62, 63, 64] {
        numbers.extend([(1 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1, -(1 << bits) + 1]);
    }
    let value = |number: i128| match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Some(Value::from(number)),
        (_, Ok(number)) => Some(Value::from(number)),
        _ => None,
    };
    numbers.into_iter().filter_map(value).collect()
}

/// Where the numbers of a document are.
fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Sequence(items) => items.iter().map(numbers).sum(),
        Value::Mapping(fields) => fields.values().map(numbers).sum(),
        _ => 0,
    }
}

/// The `number`-th number of a document.
fn number_mut(value: &mut Value, number: usize) -> Option<&mut Value> {
    let mut before = 0;
    let inner: Vec<&mut Value> = match value {
        Value::Number(_) => return (number == 0).then_some(value),
        Value::Sequence(items) => items.iter_mut().collect(),
        Value::Mapping(fields) => fields.values_mut().collect(),
        _ => return None,
    };
    for item in inner {
        let here = numbers(item);
        if number < before + here {
            return number_mut(item, number - before);
        }
        before += here;
    }
    None
}

/// The document with every number in turn replaced by every extreme.
fn mutants(text: &str) -> impl Iterator<Item = String> {
    let document: Value = serde_yaml::from_str(text).unwrap();
    (0..numbers(&document)).flat_map(move |number| {
        let document = document.clone();
        extremes().into_iter().map(move |extreme| {
            let mut document = document.clone();
            *number_mut(&mut document, number).unwrap() = extreme;
            serde_yaml::to_string(&document).unwrap()
        })
    })
}

/// Runs and compiles what is valid.
fn check(text: &str, config: &UnitConfig) -> bool {
    let begin = Instant::now();
    let parsed = Emulator::parse(text, "mutant.yaml");
    let is_valid = parsed.is_ok();
    match parsed {
        Ok(emulator) => {
            let input =
                vec![emulator.input().formats().next().unwrap().min() as i16; emulator.input().size()];
            emulator.run(&input).unwrap();
            if let Ok(program) = compile(&emulator, config) {
                Machine::cycles(&program).unwrap();
            }
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("mutant.yaml: ") && message.len() < 2000, "{message}\n{text}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?} for\n{text}", begin.elapsed());
    is_valid
}

#[test]
fn integers_of_an_emulator_file() {
    let config = UnitConfig::new(3).unwrap();
    for text in [ALL_OPS, STRIDE] {
        let valid = mutants(text).filter(|text| check(text, &config)).count();
        assert!(valid > 0);
    }
}

/// Several at once, in networks of all kinds.
#[test]
fn several_integers_of_an_emulator_file() {
    let samples = (0..12).map(|seed| match seed % 3 {
        0 => sample_emulator(seed).to_yaml(),
        1 => sample_levels(seed).to_yaml(),
        _ => sample_clusters(seed).to_yaml(),
    });
    let texts: Vec<String> = [ALL_OPS, STRIDE].map(str::to_owned).into_iter().chain(samples).collect();
    let mut sampler = Sampler::new(16);
    let mut below = |count: usize| sampler.range(0, count as i64 - 1) as usize;
    let extremes = extremes();
    for text in &texts {
        let document: Value = serde_yaml::from_str(text).unwrap();
        let places = numbers(&document);
        for number in 0..100 {
            let config = UnitConfig::new(1 + below(16)).unwrap();
            let mut document = document.clone();
            for _ in 0..=number % 3 {
                let (place, extreme) = (below(places), below(extremes.len()));
                *number_mut(&mut document, place).unwrap() = extremes[extreme].clone();
            }
            check(&serde_yaml::to_string(&document).unwrap(), &config);
        }
    }
}

/// -2^63 has no magnitude among the integers of 64 bits.
#[test]
fn the_farthest_stride_is_refused_by_its_name() {
    let message = Emulator::parse(STRIDE, "stride_min_i64.yaml").unwrap_err().to_string();
    assert_eq!(
        message,
        "stride_min_i64.yaml: layer \"r\": stride: -9223372036854775808 is longer than any vector (65536)"
    );
}

#[test]
fn integers_of_a_unit_file() {
    let emulator = Emulator::parse(ALL_OPS, Path::new("all_ops.yaml")).unwrap();
    for text in mutants(UNIT) {
        match UnitFile::parse(&text, "unit.yaml") {
            Ok(file) => {
                if let Ok(program) = compile(&emulator, &file.config) {
                    Machine::cycles(&program).unwrap();
                }
            }
            Err(error) => assert!(error.to_string().starts_with("unit.yaml: "), "{error}"),
        }
    }
}
