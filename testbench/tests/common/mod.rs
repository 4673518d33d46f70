//! What the test files share: the fixtures, the cache, and random frames with their expected answers.
#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};

use emeuro_testbench::{Cache, Design, Model, Options};
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
