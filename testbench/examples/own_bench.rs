//! A bench for a unit of your own: random scenarios against a golden model in Rust, and
//! many power-up states.
//!
//! `cargo run --release -p emeuro-testbench --example own_bench`

use std::error::Error;
use std::path::Path;

use emeuro_testbench::{Cache, Design, Evidence, FrameShape, Options, UnitBench};
use emeuro_testbench::{PowerUp, Recipe, Score};

/// Checks the unit; the first failure ends it.
pub fn main() -> Result<(), Box<dyn Error>> {
    // The unit answers frames of four words with the same words in reverse order.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let design = Design::read("frame_mirror", [folder.join("frame_mirror.v")])?;
    let shape = FrameShape {
        input_words: 4,
        input_bits: 16,
        output_words: 4,
        output_bits: 16,
        // Of both streams.
        words_per_beat: 1,
    };
    let golden = |frame: &[i16]| Ok(frame.iter().rev().copied().collect());
    let cache = Cache::from_env_or(std::env::temp_dir().join("emeuro-cache"));
    let options = Options::new(cache);
    let bench = UnitBench::new(&design, &options, shape, golden)?;

    // Resets in the middle of frames, frames of the wrong length, gaps and back-pressure.
    // A failure is shrunk, kept with its waveform, and told with this command.
    let evidence = Evidence::new("waves", |stimulus, waveform| {
        format!("my-bench --play {} --trace {}", stimulus.display(), waveform.display())
    });
    let recipe = Recipe::of(&bench);
    let mut total = Score::default();
    for seed in 0..100 {
        total += bench.check(&recipe.draw(seed), &evidence)?;
    }
    println!("{total:?}");

    // What the registers held before reset must not show.
    let states = [PowerUp::Zeros, PowerUp::Ones, PowerUp::Random(1), PowerUp::Random(2)];
    bench.check_power_up(&recipe.draw(0), &states)?;
    Ok(())
}
