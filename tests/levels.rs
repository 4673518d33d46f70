//! Units with quality levels and members on the command line: every level is compared, timed and reported.

use std::{fs, path::Path, process::Command};

use emeuro::{
    compiler::{Machine, UnitConfig, compile},
    golden::{Emulator, sample_clusters, sample_levels},
    testbench::RtlPolicy,
};
use serde_json::Value;

/// Runs the program in a folder that holds `network.yaml`; its outcome as JSON.
fn emeuro(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(arguments)
        .current_dir(folder)
        .env("EMEURO_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn folder_with(emulator: &Emulator) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("network.yaml"), emulator.to_yaml()).unwrap();
    folder
}

#[test]
fn cosim_checks_every_level() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let emulator = sample_levels(2);
    let folder = folder_with(&emulator);
    let arguments = ["cosim", "network.yaml", "--lanes", "8", "--frames", "24", "--scenarios", "4", "--json"];
    let (status, report, message) = emeuro(folder.path(), &arguments);
    assert_eq!(status, Some(0), "{report} {message}");
    let program = compile(&emulator, &UnitConfig::new(8).unwrap()).unwrap();
    let levels = report["designs"][0]["levels"].as_array().unwrap();
    assert_eq!(levels.len(), emulator.levels());
    for (level, found) in levels.iter().enumerate() {
        let predicted = Machine::cycles_at(&program, level).unwrap();
        for (name, clocks) in [("cycles", predicted.period), ("latency", predicted.latency)] {
            assert_eq!(found[format!("{name}_predicted")], clocks);
            assert_eq!(found[format!("{name}_simulated")], clocks);
        }
        assert_eq!(found["mismatches"], 0);
    }
}

#[test]
fn a_wrong_head_start_of_a_lower_level_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let emulator = sample_levels(2);
    let folder = folder_with(&emulator);
    let (status, ..) = emeuro(folder.path(), &["generate", "network.yaml", "--out", "unit", "--json"]);
    assert_eq!(status, Some(0));
    // Instructions of the lower levels lie behind those of the highest: one bit of the last word of the drain's program.
    let rom = folder.path().join("unit/sample_drain.hex");
    let mut lines: Vec<String> = fs::read_to_string(&rom).unwrap().lines().map(str::to_owned).collect();
    let last = lines.last_mut().unwrap();
    let digit = u8::from_str_radix(&last[last.len() - 1..], 16).unwrap();
    last.replace_range(last.len() - 1.., &format!("{:x}", digit ^ 1));
    fs::write(&rom, lines.join("\n") + "\n").unwrap();
    let arguments =
        ["cosim", "network.yaml", "--rtl", "unit", "--frames", "24", "--scenarios", "0", "--json"];
    let (status, report, message) = emeuro(folder.path(), &arguments);
    assert_ne!(status, Some(0), "{report} {message}");
    let failure = report["designs"][0]["failures"][0].as_str().unwrap_or_default();
    assert!(failure.starts_with("quality level "), "{report} {message}");
}

#[test]
fn the_report_lists_levels_and_members() {
    let text = |emulator: &Emulator| {
        let folder = folder_with(emulator);
        let (status, summary, message) =
            emeuro(folder.path(), &["generate", "network.yaml", "--out", "unit", "--json"]);
        assert_eq!(status, Some(0), "{message}");
        (summary, fs::read_to_string(folder.path().join("unit/REPORT.md")).unwrap())
    };
    let emulator = sample_levels(2);
    let (summary, report) = text(&emulator);
    assert_eq!(summary["lower_levels"].as_array().unwrap().len(), emulator.levels() - 1);
    assert!(report.contains("## Quality levels") && report.contains("`quality`"), "{report}");
    let program = compile(&emulator, &UnitConfig::default()).unwrap();
    let (_, table) = report.split_once("## Quality levels").unwrap();
    for level in 0..emulator.levels() {
        let cycles = Machine::cycles_at(&program, level).unwrap();
        let figures = [level as u64, emulator.macs_at(level) as u64, cycles.period, cycles.latency];
        let has_all = |line: &str| {
            let cells: Vec<&str> = line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            cells == figures.map(|figure| figure.to_string())
        };
        assert!(table.lines().any(has_all), "level {level}: {table}");
    }
    let (_, report) = text(&sample_clusters(3));
    assert!(report.contains("| Members ") && report.contains("`member`"), "{report}");
    assert!(report.contains("never, because of quality levels or members"), "{report}");
}
