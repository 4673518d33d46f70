//! `rtl-out/` is what the code generates, and clean in Verilator's lint and in Yosys.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use emeuro::testbench::RtlPolicy;

const UNITS: [&str; 6] = ["optical_flow", "fft", "convolution", "rope", "newton", "rope_clustered"];

fn checked_in(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-out").join(unit)
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    };
    fs::read_dir(folder).unwrap().map(entry).collect()
}

#[test]
fn the_checked_in_units_are_current() {
    let out = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["build", "--frames", "2", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    for unit in UNITS {
        let (expected, found) = (files(&out.path().join(unit)), files(&checked_in(unit)));
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "rtl-out/{unit}: run `cargo run --release`");
        for (name, text) in &expected {
            assert!(found[name] == *text, "rtl-out/{unit}/{name} is not current: run `cargo run --release`");
        }
    }
}

/// As the page about the generated folder says.
#[test]
fn build_and_generate_differ_in_the_command_that_they_name() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("newton");
    let status = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["generate", "newton", "--out"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let (generated, mut built) = (files(&folder), files(&checked_in("newton")));
    for text in built.values_mut() {
        *text = text.replace("emeuro build newton --lanes 16", "emeuro generate newton --lanes 16");
    }
    assert!(generated.keys().eq(built.keys()), "{:?}", generated.keys());
    for (name, text) in generated.iter().filter(|(name, _)| *name != ".emeuro.sha256") {
        assert!(*text == built[name], "{name}");
    }
}

#[test]
fn verilator_lint_is_silent() {
    let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
    for unit in UNITS {
        let folder = checked_in(unit);
        let sources = files(&folder).into_keys().filter(|name| name.ends_with(".v"));
        let paths: Vec<PathBuf> = sources.map(|name| folder.join(name)).collect();
        let warnings = verilator.lint(&format!("{unit}_unit"), &paths).unwrap();
        assert_eq!(warnings, "", "{unit}");
    }
}

/// Yosys reads every unit, finds nothing wrong and no latch, and maps it to ECP5 cells.
#[test]
fn yosys_maps_every_unit() {
    if Command::new("yosys").arg("-V").output().is_err() {
        assert!(
            std::env::var_os("EMEURO_REQUIRE_RTL").is_none(),
            "EMEURO_REQUIRE_RTL is set, Yosys not found"
        );
        eprintln!("skipped: Yosys not found");
        return;
    }
    // One at a time takes most of a minute per unit, so every core takes the next one that is left.
    let left = Mutex::new(UNITS.into_iter());
    let next = || left.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(unit) = next() {
                    map_to_ecp5(unit);
                }
            });
        }
    });
}

fn map_to_ecp5(unit: &str) {
    let folder = checked_in(unit);
    let sources: Vec<String> = files(&folder).into_keys().filter(|name| name.ends_with(".v")).collect();
    let script = format!(
        "read_verilog {}; hierarchy -check -top {unit}_unit; proc; check -assert; \
         select -assert-none t:$dlatch t:$_DLATCH_*; synth_ecp5 -top {unit}_unit; check -assert",
        sources.join(" ")
    );
    let output = Command::new("yosys").args(["-q", "-p", &script]).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{unit}: {}", String::from_utf8_lossy(&output.stderr));
}
