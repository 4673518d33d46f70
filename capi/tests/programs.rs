//! Programs in C and C++, compiled here and linked with the library, give what the golden model gives.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use emeuro_golden::{Emulator, Runner};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FRAMES: usize = 25;

fn newton() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/emulators/newton.yaml")
}

/// Frames at every level, with what the golden model makes of them: see `frames.c`.
fn vectors(emulator: &Emulator) -> String {
    let (inputs, outputs) = (emulator.input().size(), emulator.output().port.size());
    let mut text = format!("{inputs} {outputs} {} {FRAMES}\n", emulator.levels());
    let mut runner = Runner::new(emulator);
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (mut words, mut values) = (vec![0; outputs], vec![0.0; outputs]);
    for level in 0..emulator.levels() {
        for _ in 0..FRAMES {
            let word_in: Vec<i16> = (0..inputs).map(|_| rng.random()).collect();
            // Some beyond the port's range; all fit single precision.
            let value_in: Vec<f64> = (0..inputs).map(|_| f64::from(rng.random_range(-2.5f32..2.5))).collect();
            runner.infer_at(level, &word_in, &mut words).unwrap();
            runner.infer_values_at(level, &value_in, &mut values).unwrap();
            word_in.iter().chain(&words).for_each(|word| write!(text, "{word} ").unwrap());
            // As many digits as bring back the same double.
            value_in.iter().chain(&values).for_each(|value| write!(text, "{value:e} ").unwrap());
            text.push('\n');
        }
    }
    text
}

/// The folder with the libraries that cargo has made of this crate for its tests.
fn libraries() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Compiles a source of this folder and links it with the library; false if there is no compiler and none is required.
fn compile(compiler: &str, arguments: &[&str], source: &str, program: &Path, link: &[String]) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-I"])
        .arg(folder.join("include"))
        .arg(folder.join("tests").join(source))
        .arg("-o")
        .arg(program)
        .args(link)
        .args(["-lpthread", "-ldl", "-lm"])
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(error) => {
            let is_required = env::var_os("EMEURO_REQUIRE_RTL").is_some_and(|value| value == "1");
            assert!(!is_required, "{compiler}: {error}; EMEURO_REQUIRE_RTL=1 demands compilers");
            println!("skipped: {compiler}: {error}");
            false
        }
    }
}

fn run(program: &Path, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}\n{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn c_programs_get_the_words_and_values_of_the_golden_model() {
    let emulator = Emulator::load(newton()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let frames = scratch.path().join("frames.txt");
    fs::write(&frames, vectors(&emulator)).unwrap();
    let folder = libraries();
    let shared = [
        format!("-L{}", folder.display()),
        "-lemeuro_capi".into(),
        // Before the search path that cargo sets, where an older library may lie.
        format!("-Wl,--disable-new-dtags,-rpath,{}", folder.display()),
    ];
    let archive = [folder.join("libemeuro_capi.a").display().to_string()];
    for (name, link) in [("shared", &shared[..]), ("static", &archive)] {
        let program = scratch.path().join(name);
        if compile("cc", &["-std=c99", "-g"], "frames.c", &program, link) {
            run(&program, &[&newton(), &frames]);
        }
    }
    let program = scratch.path().join("c++");
    if compile("c++", &["-std=c++11"], "include.cpp", &program, &archive) {
        run(&program, &[&newton()]);
    }
}
