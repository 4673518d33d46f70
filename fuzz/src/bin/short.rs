//! Every target for some seconds with any compiler: inputs are made from the seeds by a generator.
//!
//! ```text
//! short [--seconds N] [--seed S] [TARGET…]
//! ```
//!
//! An input that a target does not survive, or that takes it seconds, goes to `artifacts/TARGET`, where `cargo fuzz` would put it.

use std::{
    fs,
    panic::catch_unwind,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use emeuro_fuzz::{TARGETS, Target};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// More than any input of this size may take.
const SLOW: Duration = Duration::from_secs(5);

/// Bytes of the longest input.
const LONGEST: usize = 1 << 18;

/// What files are made of.
const WORDS: &[&str] = &[
    "[", "]", "{", "}", "- ", "? ", ": ", ", ", "&a ", "*a", "!t ", "|\n ", ">", "'", "\"", "#", "---\n", "\n", "\r", "\t", ";", ",", "\u{feff}",
    "-1", "0", "1e999", "nan", "-9223372036854775808", "18446744073709551616", "0.5", "1,5", "~", "null", "emeuro: 1\n", "emeuro_unit: 1\n",
    "(1000000000000, 2)", "'<f8'", "True", "\0", "\u{e9}", "scale: 1", "members: 2",
];

fn main() -> ExitCode {
    let (mut seconds, mut seed, mut names) = (10.0, 1, vec![]);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = |arguments: &mut dyn Iterator<Item = String>| arguments.next().and_then(|text| text.parse::<f64>().ok());
        match argument.as_str() {
            "--seconds" => seconds = number(&mut arguments).expect("--seconds: expected a number"),
            "--seed" => seed = number(&mut arguments).expect("--seed: expected a number") as u64,
            name => names.push(name.to_owned()),
        }
    }
    std::panic::set_hook(Box::new(|_| {}));
    let chosen = TARGETS.iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target.name));
    let mut is_fine = true;
    for target in chosen {
        is_fine &= run(target, Duration::from_secs_f64(seconds), seed);
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Whether a target survives for so long.
fn run(target: &Target, time: Duration, seed: u64) -> bool {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < time {
        let input = input(target.seeds, &mut draw);
        let begun = Instant::now();
        let found = match catch_unwind(|| (target.run)(&input)) {
            Err(panic) => Some(said(&*panic)),
            Ok(()) if begun.elapsed() > SLOW => Some(format!("it took {:.1} s", begun.elapsed().as_secs_f64())),
            Ok(()) => None,
        };
        count += 1;
        if let Some(what) = found {
            let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts")).join(target.name);
            let path = folder.join(format!("input-{seed}-{count}"));
            let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &input));
            println!("{}: input {count}: {what}; {}", target.name, match written {
                Ok(()) => path.display().to_string(),
                Err(error) => format!("it could not be written: {error}"),
            });
            return false;
        }
    }
    println!("{}: {count} inputs", target.name);
    true
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// A seed with some changes.
fn input(seeds: &[&[u8]], draw: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = seeds[draw.random_range(0..seeds.len())].to_vec();
    for _ in 0..draw.random_range(1..6) {
        let place = draw.random_range(0..=bytes.len());
        let end = (place + draw.random_range(0..20)).min(bytes.len());
        match draw.random_range(0..8) {
            0 if place < end => bytes[place] ^= 1 << draw.random_range(0..8),
            1 => drop(bytes.splice(place..place, [draw.random()])),
            2 | 3 => drop(bytes.splice(place..end, WORDS[draw.random_range(0..WORDS.len())].bytes())),
            4 => drop(bytes.drain(place..end)),
            5 => {
                let part = bytes[place..end].to_vec();
                bytes.splice(place..place, part);
            }
            6 => {
                let word = WORDS[draw.random_range(0..WORDS.len())];
                let times = 1 << draw.random_range(0..17);
                bytes.splice(place..place, word.repeat(times).into_bytes());
            }
            _ => {
                let other = seeds[draw.random_range(0..seeds.len())];
                let from = draw.random_range(0..=other.len());
                bytes.splice(place.., other[from..].iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
