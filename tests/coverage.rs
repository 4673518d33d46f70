//! `emeuro cosim --coverage` on a small unit: what is counted, and where it is written.

use std::{path::Path, process::Command};

use emeuro::testbench::RtlPolicy;
use serde_json::Value;

const NETWORK: &str = "tests/networks/16-16-8.yaml";

fn cosim(folder: &Path, more: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["cosim", NETWORK, "--lanes", "1", "--frames", "12", "--coverage", "--lcov"])
        .arg(folder.join("lines.info"))
        .args(more)
        .env("EMEURO_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("emeuro-cache"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn module<'a>(coverage: &'a Value, name: &str) -> &'a Value {
    let modules = coverage.as_array().unwrap();
    modules.iter().find(|module| module["module"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn coverage_is_counted_per_module_and_written_as_lcov() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = cosim(folder.path(), &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["designs"][0]["mismatches"], 0);
    // A co-simulation sends frames of the right length only, which is what its coverage must say.
    let loader = module(&summary["coverage"], "input_loader");
    let missed: Vec<&str> =
        loader["missed_lines"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(missed.contains(&"short_seen <= 'b1;") && missed.contains(&"long_seen <= 'b1;"), "{missed:?}");
    assert!(!missed.contains(&"buffer <= !buffer;"), "{missed:?}");
    let requantiser = module(&summary["coverage"], "requantiser");
    assert_eq!(requantiser["lines"]["hit"], requantiser["lines"]["total"]);
    // The tracefile names Verilog that is there, and marks the same lines.
    let tracefile = std::fs::read_to_string(folder.path().join("lines.info")).unwrap();
    let mut never = vec![];
    let mut lines: Vec<String> = vec![];
    for record in tracefile.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            lines = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
        } else if let Some((line, "0")) = record.strip_prefix("DA:").and_then(|data| data.split_once(',')) {
            never.push(lines[line.parse::<usize>().unwrap() - 1].trim().to_owned());
        }
    }
    assert!(never.iter().any(|line| line.starts_with("short_seen <= 1'b1;")), "{never:?}");
    let text = String::from_utf8(cosim(folder.path(), &[]).stdout).unwrap();
    assert!(text.contains("| module ") && text.contains("| input_loader "), "{text}");
}

#[test]
fn a_tracefile_needs_coverage() {
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["cosim", NETWORK, "--lcov", "lines.info"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--coverage"));
}
