//! `emeuro cosim` on the checked-in units, and that it notices a weight that somebody has changed.

use std::{fs, path::Path, process::Command};

use emeuro::testbench::RtlPolicy;
use serde_json::Value;

fn cosim(rtl: &Path, app: &str) -> (Option<i32>, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["cosim", app, "--frames", "24", "--seed", "3", "--json", "--rtl"])
        .arg(rtl)
        .env("EMEURO_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn the_checked_in_unit_agrees_and_an_altered_weight_does_not() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let rtl = Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-out");
    let (status, report, message) = cosim(&rtl, "newton");
    assert_eq!(status, Some(0), "{report} {message}");
    let design = &report["designs"][0];
    assert_eq!(design["mismatches"], 0);
    assert_eq!(design["frames"], 24);
    assert_eq!(design["words"], 24 * 20);
    assert_eq!(design["cycles_predicted"], design["cycles_simulated"]);
    assert_eq!(design["latency_predicted"], design["latency_simulated"]);

    let altered = tempfile::tempdir().unwrap();
    copy(&rtl.join("newton"), &altered.path().join("newton"));
    let rom = altered.path().join("newton/newton_weights_5.hex");
    let mut lines: Vec<String> = fs::read_to_string(&rom).unwrap().lines().map(str::to_owned).collect();
    let weight = u8::from_str_radix(&lines[0], 16).unwrap();
    lines[0] = format!("{:02x}", weight ^ 0x40);
    fs::write(&rom, lines.join("\n") + "\n").unwrap();
    let (status, report, message) = cosim(altered.path(), "newton");
    assert_eq!(status, Some(1), "{report} {message}");
    assert!(report["designs"][0]["mismatches"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_missing_or_broken_folder_is_bad_input() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (status, _, message) = cosim(folder.path(), "newton");
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("unit.yaml"), "{message}");
    fs::create_dir(folder.path().join("newton")).unwrap();
    fs::write(folder.path().join("newton/unit.yaml"), "emeuro_unit: 1\nlanes: many\n").unwrap();
    let (status, _, message) = cosim(folder.path(), "newton");
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("unit.yaml: lanes: invalid type"), "{message}");
}
