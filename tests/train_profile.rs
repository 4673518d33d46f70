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
    assert_eq!(fs::read_dir(&out).unwrap().count(), 4, "and the list of them");

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

/// A region `filter` that is called 1200 times with the state that it has left, the second number of its result.
fn profile_with_state(folder: &Path) {
    let yaml = "\
version: 2
calls:
- {region: robot::filter, parent: null, calls: 1200, seconds: 2.0}
regions:
- region: robot::filter
  inputs: [{name: state, size: 1}, {name: u, size: 1}]
  outputs: [{name: state, size: 1}, {name: result, size: 1}]
  input_file: inputs.npy
  output_file: outputs.npy
  feedback:
    links: [{input: 0, output: 0, size: 1}]
    lengths: [700, 500]
    input_file: inputs.npy
    output_file: outputs.npy
";
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("profile.yaml"), yaml).unwrap();
    let mut state = 0.3;
    let rows: Vec<[f64; 4]> = (0..1200)
        .map(|k| {
            let (before, u) = (state, (0.37 * k as f64).sin() + (1.3 * k as f64).cos());
            state = 0.999 * before + 0.05 * u;
            [before, u, state, (before + u).tanh()]
        })
        .collect();
    let values = |from: usize| Array2::from_shape_fn((1200, 2), |(r, c)| rows[r][from + c]);
    write_npy(folder.join("inputs.npy"), &values(0)).unwrap();
    write_npy(folder.join("outputs.npy"), &values(2)).unwrap();
}

#[test]
fn the_error_of_the_loop_stands_beside_that_of_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let (from, out) = (folder.path().join("profile"), folder.path().join("out"));
    profile_with_state(&from);
    let (from_text, out_text) = (from.to_str().unwrap(), out.to_str().unwrap());
    let arguments = [
        "--profile",
        from_text,
        "--out",
        out_text,
        "--regions",
        "filter",
        "--target",
        "5%",
        "--budget",
        "0.5s",
    ];
    let output = train(&[&arguments[..], &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors = &report["regions"][0]["loop"];
    assert_eq!(
        (&errors["state"], &errors["chains"], &errors["longest"], &errors["calls"]),
        (&1.into(), &2.into(), &700.into(), &1200.into())
    );
    let (step, all) =
        (errors["one_step"]["nrmse"].as_f64().unwrap(), errors["in_loop"]["nrmse"].as_f64().unwrap());
    assert!(0.0 < step && step < all, "{errors}");
    assert_eq!(errors["in_loop"]["outputs"][0]["name"], "state");
    // The status is that of the loop.
    let figure = |name: &str| errors["in_loop"][name].as_f64().unwrap();
    let reached = figure("nrmse").max(figure("nrmse_even")) <= 0.05
        && report["regions"][0]["emulator"]["reaches_target"] == true;
    assert_eq!(report["reaches_target"], reached);
    assert_eq!(output.status.code(), Some(i32::from(!reached)));
    let output = train(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["1 of its outputs come back", "| one step ", "| in the loop "] {
        assert!(text.contains(part), "{part}: {text}");
    }

    // What does not fit is refused.
    let yaml = from.join("profile.yaml");
    let valid = fs::read_to_string(&yaml).unwrap();
    for (old, new, expected) in [
        ("version: 2", "version: 3", "version: expected 2 or an older one, found 3"),
        ("[700, 500]", "[700, 501]", "feedback: lengths: expected as many calls in all as rows"),
        ("[700, 500]", "[18446744073709551615, 2]", "feedback: lengths"),
        (
            "output: 0, size: 1",
            "output: 1, size: 2",
            "feedback: links: expected numbers of the 2 inputs and 2 outputs",
        ),
        ("input: 0, output", "input: 18446744073709551615, output", "feedback: links"),
    ] {
        fs::write(&yaml, valid.replacen(old, new, 1)).unwrap();
        let output = train(&arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{new}: {message}");
        assert!(message.contains(expected) && message.contains("profile.yaml"), "{new}: {message}");
    }
}

#[test]
fn a_profile_of_which_nothing_is_learnt_ends_with_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let (from, out) = (folder.path().join("profile"), folder.path().join("out"));
    profile(&from, "");
    let yaml = from.join("profile.yaml");
    let text = fs::read_to_string(&yaml).unwrap();
    // Only the loop, which does not depend on its inputs alone, takes time.
    fs::write(&yaml, text.replace("seconds: 1.8", "seconds: 0.001")).unwrap();
    let arguments = ["--profile", from.to_str().unwrap(), "--out", out.to_str().unwrap(), "--budget", "0.5s"];
    let output = train(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("No region is worth emulating") && text.contains("is not reached"), "{text}");
    assert!(!text.contains("Next"), "{text}");
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
