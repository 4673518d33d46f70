//! `emeuro train --profile` from outside: what it chooses, writes and says, and what it refuses.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use ndarray::Array2;
use ndarray_npy::write_npy;
use serde_json::Value;

fn train(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro")).arg("train").args(arguments).output().unwrap()
}

/// Two inputs and what `robot::arm::reach` makes of them.
fn reach(k: usize) -> ([f64; 2], [f64; 2]) {
    let t = k as f64;
    let [a, b] = [0.618_034 * t, 0.414_213 * t].map(|v| 2.0 * v.fract() - 1.0);
    ([a, b], [(1.2 * a).sin() + 0.3 * b, a * b])
}

/// A control loop that calls `reach`, and something that takes no time. Times are in seconds.
fn profile(folder: &Path, exact_code: &str) {
    let region = |name: &str, extra: &str| {
        format!(
            "- region: robot::{name}\n  calls: 600\n  kept: 600\n{extra}  inputs:\n  - name: x\n    size: 2\n  outputs:\n  - name: result\n    \
             size: 2\n  input_file: robot.{name}.inputs.npy\n  output_file: robot.{name}.outputs.npy\n"
        )
    };
    let call = |name: &str, parent: &str, seconds: f64| {
        format!(
            "- region: robot::{name}\n  parent: {parent}\n  calls: 600\n  seconds: {seconds}\n  own_seconds: 0.1\n"
        )
    };
    let yaml = [
        "calls:\n".to_owned(),
        call("control", "null", 2.0),
        call("arm::reach", "0", 1.8),
        call("step", "0", 0.01),
    ]
    .concat()
        + "regions:\n"
        + &region("control", exact_code)
        + &region("arm::reach", "")
        + &region("step", "");
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("profile.yaml"), yaml).unwrap();
    for name in ["control", "arm::reach", "step"] {
        let rows: Vec<_> = (0..600).map(reach).collect();
        let file = |what: &str| folder.join(format!("robot.{name}.{what}.npy"));
        write_npy(file("inputs"), &Array2::from_shape_fn((600, 2), |(r, c)| rows[r].0[c])).unwrap();
        // The loop does not depend on its inputs alone.
        let noise =
            |r: usize| if name == "control" { (r as f64 * 12.9898).sin() * 43_758.545_3 % 1.0 } else { 0.0 };
        write_npy(file("outputs"), &Array2::from_shape_fn((600, 2), |(r, c)| rows[r].1[c] + 9.0 * noise(r)))
            .unwrap();
    }
}

#[test]
fn regions_are_chosen_written_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (from, out) = (folder.path().join("profile"), folder.path().join("out"));
    profile(&from, "");
    let arguments = [
        "--profile",
        from.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--target",
        "5%",
        "--budget",
        "1s",
    ];
    let output = train(&[&arguments[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let field = |index: usize, name: &str| report["regions"][index][name].clone();
    let of = |name: &str| (0..3).map(|i| field(i, name)).collect::<Vec<_>>();
    assert_eq!(of("region"), ["robot::control", "robot::arm::reach", "robot::step"]);
    assert_eq!(of("decision"), ["descend", "emulate", "exact"]);
    assert_eq!(of("depth"), [0, 1, 1]);
    assert!(field(2, "reason").as_str().unwrap().contains("0.50 % of the time"), "{report}");
    assert!((field(1, "exact_ns").as_f64().unwrap() - 3e6).abs() < 1.0);
    // 2 s, of which nearly 1.8 are saved.
    assert!((report["speedup"].as_f64().unwrap() - 10.0).abs() < 0.5, "{report}");

    // The files are where the program looks for them.
    let emulator = emeuro::golden::Emulator::load(out.join("robot.arm.reach.yaml")).unwrap();
    assert_eq!(emulator.name(), "reach");
    let settings: Value =
        serde_yaml::from_str(&fs::read_to_string(out.join("regions.settings.yaml")).unwrap()).unwrap();
    let entries = settings.as_object().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries["robot::arm::reach"]["emulator"], "robot.arm.reach.yaml");
    assert_eq!(entries["robot::arm::reach"]["mode"], "emulate");
    let written: Value =
        serde_yaml::from_str(&fs::read_to_string(out.join("training.report.yaml")).unwrap()).unwrap();
    assert_eq!(written["regions"][1]["decision"], "emulate");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 3);

    // It errs as little as was asked for on what is not in the profile.
    let fresh: Vec<_> = (5000..5400).map(reach).collect();
    for k in 0..2 {
        let mean = fresh.iter().map(|(_, y)| y[k]).sum::<f64>() / 400.0;
        let spread: f64 = fresh.iter().map(|(_, y)| (y[k] - mean).powi(2)).sum();
        let squares: f64 =
            fresh.iter().map(|(x, y)| (emulator.run_values(x).unwrap()[k] - y[k]).powi(2)).sum();
        assert!((squares / spread).sqrt() < 0.08, "output {k}: {}", (squares / spread).sqrt());
    }

    // Exact code in the loop changes the reason; what is said is said in words too.
    profile(&from, "  exact_code:\n  - send\n");
    let output = train(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("descend: it contains exact code (send)") && text.contains("EMEURO_SETTINGS="),
        "{text}"
    );
}

#[test]
fn a_profile_that_is_damaged_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refused = |expected: &[&str]| {
        let arguments = ["--profile", folder.path().to_str().unwrap(), "--out", out.to_str().unwrap()];
        let output = train(&arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
    };
    refused(&["profile.yaml", "profile mode"]);
    profile(folder.path(), "");
    let yaml = folder.path().join("profile.yaml");
    let text = fs::read_to_string(&yaml).unwrap();
    for (from, to, expected) in [
        ("parent: 0", "parent: 7", "calls[1]: expected the index of an earlier call"),
        ("seconds: 1.8", "seconds: -1.8", "calls[1]: seconds"),
        ("seconds: 1.8", "seconds: soon", "calls[1].seconds"),
        ("size: 2", "size: 3", "expected rows of 3 numbers, found 2"),
        ("robot.control.inputs.npy", "elsewhere.npy", "elsewhere.npy"),
    ] {
        fs::write(&yaml, text.replacen(from, to, 1)).unwrap();
        refused(&[expected]);
    }
    fs::write(&yaml, "calls: []\nregions: []\n").unwrap();
    refused(&["no region was called"]);
    assert!(!out.exists());
}
