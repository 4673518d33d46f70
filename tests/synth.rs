//! `emeuro synth` from outside, with Yosys alone: what it prints and what it keeps.

use std::{io::Write, process::Command};

use emeuro::synth::{Tool, ToolKind};
use serde_json::Value;

#[test]
fn one_unit_is_an_object_with_its_figures_and_its_files_are_kept() {
    if let Err(error) = Tool::find(ToolKind::Yosys) {
        let required = std::env::var("EMEURO_REQUIRE_RTL").as_deref() == Ok("1");
        assert!(!required, "EMEURO_REQUIRE_RTL is set: {error}");
        // Not `eprintln!`, which the test runner hides when a test passes. If nobody reads it, so be it.
        let _ = writeln!(std::io::stderr(), "skipped: {error}");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["synth", network, "--lanes", "2", "--target", "xc7", "--json", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    // 384 multiply-accumulates in two lanes; the rest of the clocks fills and empties the pipeline.
    let cycles = figures["cycles_per_frame"].as_u64().unwrap();
    assert!((192..300).contains(&cycles), "{figures}");
    assert_eq!(figures["utilisation"].as_f64(), Some(384.0 / (2.0 * cycles as f64)));
    assert_eq!(figures["dsp"], 2);
    for field in ["lut4_eq", "ff"] {
        assert!(figures[field].as_u64().unwrap() > 100, "{field}: {figures}");
    }
    assert!(figures["bram"].is_u64());
    for field in ["fmax_mhz", "critical_path", "failure"] {
        assert_eq!(figures[field], Value::Null, "{field}");
    }
    assert!(figures["tools"][0].as_str().unwrap().starts_with("Yosys "));
    let kept = out.path().join("plain_16_16_8");
    let file: Value =
        serde_json::from_str(&std::fs::read_to_string(kept.join("synth.json")).unwrap()).unwrap();
    assert_eq!(file, figures);
    assert!(kept.join("map.log").exists());
    let report = std::fs::read_to_string(kept.join("REPORT.md")).unwrap();
    let line = |name: &str| report.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap();
    assert!(line("LUT4-equivalents").contains(&figures["lut4_eq"].to_string()), "{report}");
    assert!(line("DSP blocks").contains('2') && report.contains("7 series, Yosys "), "{report}");
    // Every file that the report shows is there.
    let listed = report.split("## Files").nth(1).unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let mut listed: Vec<&str> = listed.map(|line| line.split('`').next().unwrap()).collect();
    assert!(listed.len() > 20, "{report}");
    listed.extend(
        report.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|l| l.ends_with(".svg")),
    );
    for name in listed {
        assert!(kept.join(name).exists(), "{name}");
    }
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("plain_16_16_8: synthesis"), "{told}");
}

/// A stand-in for nextpnr, on whose device there are two multipliers.
#[cfg(unix)]
#[test]
fn a_unit_that_does_not_fit_is_told_how_many_lanes_do() {
    use std::os::unix::fs::PermissionsExt;
    if Tool::find(ToolKind::Yosys).is_err() {
        // As above.
        assert_ne!(std::env::var("EMEURO_REQUIRE_RTL").as_deref(), Ok("1"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("nextpnr-ice40");
    let script = r#"#!/bin/sh
[ "$1" = --version ] && { echo 'nextpnr-ice40 -- Next Generation Place and Route (Version unknown)'; exit; }
[ "$(grep -c '"type": "SB_MAC16"' netlist.json)" -le 2 ] || { echo 'ERROR: no BELs remaining'; exit 1; }
while [ "$1" != --report ]; do shift; done
echo '{"critical_paths": [], "fmax": {"clock": {"achieved": 30.0}}, "utilization": {}}' > "$2"
"#;
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    // A process that another test begins has the file open for a moment.
    let is_busy = |e: std::io::Error| e.kind() == std::io::ErrorKind::ExecutableFileBusy;
    while Command::new(&program).arg("--version").output().is_err_and(is_busy) {}
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["synth", network, "--target", "ice40", "--lanes", "3"])
        .env("NEXTPNR_ICE40", &program)
        .output()
        .unwrap();
    let (code, said) = (output.status.code(), String::from_utf8(output.stdout).unwrap());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not placed: ERROR: no BELs remaining\n"), "{said}");
    assert!(said.contains("plain_16_16_8: 2 lanes fit (--lanes 2).\n"), "{said}");
    assert!(said.contains("nextpnr-ice40 (version unknown)"), "{said}");
}
