//! The five programs of `examples/` on small data, in every mode: they run, and what they compute is what the exact code computes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

const NAMES: [&str; 5] = ["convolution", "fft", "newton", "optical_flow", "rope"];

/// The folder with the programs. `cargo test` has built them, unless it was asked for this test alone.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_BIN_EXE_emeuro")).with_file_name("examples");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let changed = |path: PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    let is_fresh = |name: &&str| {
        let program = changed(folder.join(name));
        let shared = changed(sources.join("program/mod.rs"));
        program > shared && program > changed(sources.join(format!("{name}.rs")))
    };
    if !NAMES.iter().all(is_fresh) {
        let is_release = folder.parent().is_some_and(|parent| parent.ends_with("release"));
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--profile", if is_release { "release" } else { "dev" }])
            .args(NAMES.iter().flat_map(|name| ["--example", name]))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "cargo build");
    }
    folder
});

fn start(name: &str, folder: &Path, mode: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAMS.join(name));
    for variable in ["EMULATORS", "SETTINGS", "MODE", "MISSING", "PROFILE"] {
        command.env_remove(format!("EMEURO_{variable}"));
    }
    command.args(arguments).current_dir(folder).envs(mode.map(|mode| ("EMEURO_MODE", mode)));
    command.output().unwrap()
}

/// What a program prints.
fn run(name: &str, folder: &Path, mode: Option<&str>, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = start(name, folder, mode, arguments);
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{name} {mode:?}: {text}");
    text
}

/// The number behind `label` in what a program prints.
fn number(text: &str, label: &str) -> f64 {
    let line =
        text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label} in {text}"));
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

/// Runs a program in every mode; errors in per cent stay below `error`, and below `low` at the lowest level.
fn run_in_every_mode(name: &str, arguments: &[&str], folder: &Path, error: f64, low: f64) {
    let text = run(name, folder, None, arguments);
    assert!(text.contains("emulate ") && number(&text, "calls") > 0.0, "{text}");
    let found = number(&text, "error");
    assert!(found < error, "{name}: {found} %");
    let found = number(&run(name, folder, Some("emulate:0"), arguments), "error");
    assert!(found < low, "{name}, lowest level: {found} %");
    let checked = run(name, folder, Some("check:2"), arguments);
    // Per call, not for what the program makes of them.
    assert!(number(&checked, "error") < low && number(&checked, "checked") < 5.0, "{checked}");
    let exact = run(name, folder, Some("exact"), arguments);
    assert!(number(&exact, "exact") > 0.0 && !exact.contains("error"), "{exact}");
    let profiled = run(name, folder, Some("profile"), arguments);
    assert_eq!(number(&profiled, "error"), 0.0, "{profiled}");
    let yaml = fs::read_to_string(folder.join("profile/profile.yaml")).unwrap();
    assert!(yaml.contains(&format!("region: {name}::")), "{yaml}");
}

/// Writes rows as CSV.
fn table(folder: &Path, name: &str, rows: impl Iterator<Item = Vec<f64>>) {
    let lines: Vec<String> =
        rows.map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",")).collect();
    fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
}

/// The program says what is wrong with its data.
fn refuses(name: &str, folder: &Path, file: &str, expected: &str) {
    let output = start(name, folder, None, &[file]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains(file) && text.contains(expected), "{name}: {text}");
}

#[test]
fn rope() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A straight rope, stretched by its weight, at four angles, and its length at rest.
    let state = |angle: f64| {
        let mut length = 0.0;
        let along: Vec<f64> = (0..100)
            .map(|i| {
                length += 0.05 + 0.05 * 9.81 * f64::from(100 - i) * angle.cos() / 1e4;
                length
            })
            .collect();
        let x = along.iter().map(|l| l * angle.sin());
        x.chain(along.iter().map(|l| -l * angle.cos())).chain([0.0; 200]).collect()
    };
    table(folder, "states.csv", [-0.4, -0.1, 0.2, 0.35].map(state).into_iter());
    run_in_every_mode("rope", &["states.csv"], folder, 2.0, 4.0);
    table(folder, "short.csv", [vec![1.0; 399]].into_iter());
    refuses("rope", folder, "short.csv", "expected rows of 400 numbers, found 399");
    refuses("rope", folder, "gone.npy", "No such file");
}

#[test]
fn newton() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let point = |k: i32| (0..20).map(|i| f64::from((7 * k + 3 * i) % 11 - 5) / 40.0).collect();
    table(folder, "points.csv", (0..10).map(point));
    // All end in the one minimum, so the spread is that of its coordinates; the end is exact.
    run_in_every_mode("newton", &["points.csv"], folder, 1e-3, 1e-3);
    fs::write(folder.join("text.csv"), "1,two,3\n").unwrap();
    refuses("newton", folder, "text.csv", "line 1, column 2: expected a number, found \"two\"");
}

#[test]
fn fft() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, count: i32| {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(folder.join(name), spec).unwrap();
        for n in 0..count {
            // 1000 Hz to the left, louder and louder, nothing to the right.
            let tone = f64::from(n) * (f64::from(n) * std::f64::consts::TAU / 8.0).sin();
            writer.write_sample(tone as i16).unwrap();
            writer.write_sample(0i16).unwrap();
        }
        writer.finalize().unwrap();
    };
    write("tone.wav", 8000);
    run_in_every_mode("fft", &["tone.wav"], folder, 0.5, 1.0);
    let text = run("fft", folder, None, &["tone.wav"]);
    assert!(text.contains("   1000 Hz"), "{text}");
    write("click.wav", 100);
    refuses("fft", folder, "click.wav", "expected 512 samples or more, found 100");
    fs::write(folder.join("no.wav"), "RIFF").unwrap();
    refuses("fft", folder, "no.wav", "no.wav: ");
}

#[test]
fn convolution() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rough = |n: i32| vec![f64::from(n / 700 % 3) + f64::from((n * 7919) % 101) / 50.0];
    table(folder, "signal.csv", (0..5000).map(rough));
    run_in_every_mode("convolution", &["signal.csv"], folder, 0.2, 0.5);
    fs::write(folder.join("nan.csv"), "1\nNaN\n").unwrap();
    refuses("convolution", folder, "nan.csv", "line 2, column 1: expected a finite number, found NaN");
}

#[test]
fn optical_flow() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A texture that moves by half a pixel to the right, grey and coloured with transparency.
    let write = |name: &str, shift: f64, colour: png::ColorType, side: u32| {
        let file = fs::File::create(folder.join(name)).unwrap();
        let mut encoder = png::Encoder::new(file, side, side);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        let level = |i: u32| {
            let (x, y) = (f64::from(i % side) - shift, f64::from(i / side));
            let wave = (0.5 * x + 0.2 * y).sin() + (0.6 * y - 0.2 * x).sin() + (0.3 * x - 0.4 * y).sin();
            (127.5 + 40.0 * wave) as u8
        };
        let pixel = |i: u32| [level(i), level(i), level(i), 200].into_iter().take(colour.samples());
        let bytes: Vec<u8> = (0..side * side).flat_map(pixel).collect();
        encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    };
    write("a.png", 0.0, png::ColorType::Grayscale, 66);
    write("b.png", 0.5, png::ColorType::Rgba, 66);
    run_in_every_mode("optical_flow", &["a.png", "b.png"], folder, 2.0, 5.0);
    let text = run("optical_flow", folder, None, &["a.png", "b.png"]);
    let line = text.lines().find(|line| line.contains("pixels have a flow")).unwrap();
    let words: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(words[0] > 1000.0 && (0.4..0.6).contains(&words[1]), "{line}");
    write("small.png", 0.0, png::ColorType::Grayscale, 20);
    let output = start("optical_flow", folder, None, &["a.png", "small.png"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("all of one size"));
    fs::write(folder.join("no.png"), "PNG").unwrap();
    refuses("optical_flow", folder, "no.png", "no.png: ");
}
