//! Measures the driver: time to build a model, to load it from the cache, and clocks per second with full checking.
//!
//! `cargo run --release -p emeuro-testbench --example clock_rate`

use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use emeuro_golden::{Emulator, Sampler, VectorId};
use emeuro_testbench::{Cache, Design, Model, Options, Recipe, Roms, Sim, StreamBench, Traffic, UnitBench};

const FRAMES: usize = 250_000;
const UNIT_FRAMES: usize = 200;
const UNIT_SCENARIOS: u64 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let cache = tempfile::tempdir()?;
    let options = Options::new(Cache::new(cache.path()));
    let build = |name: &str| -> Result<Model, Box<dyn Error>> {
        let design = Design::read(name, [fixtures.join(format!("{name}.v"))])?;
        let begin = Instant::now();
        let model = Model::build(&design, &options)?;
        println!("{name}: model ready after {:.2?}", begin.elapsed());
        Ok(model)
    };
    println!("first build, with Verilator's run-time:");
    build("frame_sum")?;
    println!("further build:");
    let model = build("frame_adder")?;
    println!("from the cache:");
    build("frame_adder")?;

    let mut sim = Sim::new(&model, Roms::Folder(&fixtures), 1)?;
    let begin = Instant::now();
    for _ in 0..10_000_000 {
        sim.tick()?;
    }
    println!("bare clocks: {:.1} M/s", 10.0 / begin.elapsed().as_secs_f64());

    let rom = [0x0001i16, 0x0010, 0x0100, 0x1000, 0x7fff, i16::MIN, -1, 0x00ff];
    let frame = |index: usize| -> Vec<i16> {
        (0..8).map(|word| (index * 8 + word).wrapping_mul(40_503) as i16).collect()
    };
    let inputs: Vec<_> = (0..FRAMES).map(frame).collect();
    let answer = |frame: &Vec<i16>| -> Vec<i16> {
        frame.iter().zip(rom).map(|(word, add)| word.wrapping_add(add)).collect()
    };
    let expected: Vec<_> = inputs.iter().map(answer).collect();
    for (name, traffic) in Traffic::standard() {
        let bench = StreamBench::new(&model, 16, 16)?.with_traffic(traffic);
        let begin = Instant::now();
        let statistics = bench.run(&mut sim, &inputs, &expected, 1)?;
        let rate = statistics.cycles as f64 / begin.elapsed().as_secs_f64() / 1e6;
        println!("checked, {name} traffic: {rate:.1} M clocks/s, {} words", statistics.words);
    }
    ["newton", "rope", "fft", "convolution", "optical_flow"]
        .into_iter()
        .try_for_each(|app| unit(app, &options))
}

/// Verilog or the contents of a ROM.
fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "v" || extension == "hex")
}

/// The checked-in unit of an application, 16 lanes, on random frames.
fn unit(app: &str, options: &Options) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("rtl-out").join(app);
    let emulator = Emulator::load(root.join(format!("apps/emulators/{app}.yaml")))?;
    let files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let design = Design::read(format!("{app}_unit"), files.iter().filter(|path| is_source(path)))?;
    let model = Model::build(&design, options)?;
    let mut sampler = Sampler::new(1);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<_> = (0..UNIT_FRAMES).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let expected = inputs.iter().map(|input| emulator.run(input)).collect::<Result<Vec<_>, _>>()?;
    let mut sim = Sim::new(&model, Roms::Folder(&folder), 1)?;
    let (mut clocks, begin) = (0, Instant::now());
    for (_, traffic) in Traffic::standard() {
        let bench = StreamBench::new(&model, emulator.input().bits, emulator.output().port.bits)?
            .with_traffic(traffic);
        clocks += bench.run(&mut sim, &inputs, &expected, 1)?.cycles;
    }
    let rate = clocks as f64 / begin.elapsed().as_secs_f64() / 1e6;
    println!("{app} with 16 lanes, checked, all traffic: {rate:.2} M clocks/s");

    let bench = UnitBench::of_emulator(&emulator, &design, options)?;
    let scenarios: Vec<_> = (0..UNIT_SCENARIOS).map(|seed| Recipe::of(&bench).draw(seed)).collect();
    let (mut clocks, begin) = (0, Instant::now());
    for scenario in &scenarios {
        clocks += bench.play(scenario)?.clocks;
    }
    let rate = clocks as f64 / begin.elapsed().as_secs_f64() / 1e6;
    println!("{app} with 16 lanes, random scenarios with their power-up: {rate:.2} M clocks/s");
    Ok(())
}
