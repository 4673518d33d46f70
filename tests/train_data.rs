//! `emeuro train --data` from outside: what it writes and says, and what it refuses.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use ndarray::{Array1, Array2};
use ndarray_npy::write_npy;
use serde_json::Value;

fn emeuro(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro")).args(arguments).output().unwrap()
}

/// A command that must fail for its input: status 2, one paragraph on standard error, nothing on standard output, nothing written.
fn refused(arguments: &[&str]) -> String {
    let output = emeuro(&[&["train"], arguments].concat());
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty() && !message.contains("panicked"), "{arguments:?}: {message}");
    message
}

/// Rows of a smooth function of three inputs with outputs in different units.
fn rows(count: usize, seed: usize) -> Vec<[f64; 5]> {
    let row = |k: usize| {
        let t = (k + seed) as f64;
        let [a, b, c] = [0.618_034 * t, 0.414_213 * t, 0.732_051 * t].map(|v| 2.0 * v.fract() - 1.0);
        let c = 500.0 + 100.0 * c;
        [a, b, c, (1.5 * a).sin() + b * b, c * (0.1 + 0.02 * a)]
    };
    (0..count).map(row).collect()
}

fn csv(rows: &[[f64; 5]]) -> String {
    let line = |row: &[f64; 5]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n";
    rows.iter().map(line).collect()
}

#[test]
fn a_csv_file_becomes_an_emulator_that_errs_as_reported_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("my-data.csv"), format!("a,b,flow rate,y,z\n{}", csv(&rows(2000, 1)))).unwrap();
    let arguments = ["train", "--data", &path("my-data.csv"), "--inputs", "3", "--out", &path("out")];
    let more = ["--target", "5%", "--budget", "1s", "--json"];
    let output = emeuro(&[&arguments[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["name"].as_str(), report["reaches_target"].as_bool()), (Some("my_data"), Some(true)));
    let emulator = emeuro::golden::Emulator::load(path("out/my_data.yaml")).unwrap();
    let names: Vec<&str> = emulator.input().segments.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "flow_rate"]);
    assert!(!emulator.provenance().command.contains(folder.path().to_str().unwrap()));

    // Rows that the trainer has not seen, by the command that runs emulators.
    let fresh = rows(400, 100_000);
    let inputs: String = fresh.iter().map(|r| format!("{},{},{}\n", r[0], r[1], r[2])).collect();
    fs::write(path("inputs.csv"), inputs).unwrap();
    let printed = emeuro(&["run", &path("out/my_data.yaml"), "--input", &path("inputs.csv")]);
    let text = String::from_utf8(printed.stdout).unwrap();
    let estimates: Vec<Vec<f64>> =
        text.lines().map(|line| line.split(',').map(|v| v.trim().parse().unwrap()).collect()).collect();
    assert_eq!(estimates.len(), 400);
    for output in 0..2 {
        let mean = fresh.iter().map(|r| r[3 + output]).sum::<f64>() / 400.0;
        let spread: f64 = fresh.iter().map(|r| (r[3 + output] - mean).powi(2)).sum();
        let squares: f64 =
            fresh.iter().zip(&estimates).map(|(r, e)| (r[3 + output] - e[output]).powi(2)).sum();
        let error = (squares / spread).sqrt();
        let reported = report["outputs"][output]["nrmse"].as_f64().unwrap();
        assert!(
            error < 0.08 && error < 1.5 * reported + 1e-3,
            "output {output}: {error}, reported {reported}"
        );
    }

    // The same command makes the same bytes, from an NPY file with the same numbers too, but for the name in the provenance.
    let bytes = fs::read_to_string(path("out/my_data.yaml")).unwrap();
    assert!(emeuro(&[&arguments[..], &more].concat()).status.success());
    assert_eq!(fs::read_to_string(path("out/my_data.yaml")).unwrap(), bytes);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let check = |name: &str, inputs: &str, expected: &[&str]| {
        let path = folder.path().join(name);
        let message = refused(&["--data", path.to_str().unwrap(), "--inputs", inputs, "--out", out]);
        for part in expected.iter().chain([&name]) {
            assert!(message.contains(part), "{name}: {message}");
        }
    };
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let good = csv(&rows(150, 1));
    write("ragged.csv", &format!("{good}1,2,3\n"));
    check("ragged.csv", "3", &["line 151: expected 5 fields as in the first line, found 3"]);
    write("nan.csv", &format!("a,b,c,d,e\n{good}1,2,nan,4,5\n"));
    check("nan.csv", "3", &["line 152, column 3: expected a finite number, found NaN"]);
    write("infinite.csv", &format!("1,2,3,4,inf\n{good}"));
    check("infinite.csv", "3", &["line 1, column 5", "found inf"]);
    write("word.csv", &format!("{good}1,2,x,4,5\n"));
    check("word.csv", "3", &["line 151, column 3: expected a number, found \"x\""]);
    write("half-header.csv", &format!("a,b,3,d,e\n{good}"));
    check("half-header.csv", "3", &["line 1, column 1: expected a number, found \"a\""]);
    write("few-columns.csv", &good);
    check("few-columns.csv", "5", &["expected more than 5 columns", "found 5"]);
    write("few-rows.csv", &csv(&rows(40, 1)));
    check("few-rows.csv", "3", &["40 rows with 40 different inputs: expected at least 100"]);
    write("same.csv", &csv(&rows(1, 1)).repeat(500));
    check("same.csv", "3", &["500 rows with 1 different inputs"]);
    write("empty.csv", "");
    check("empty.csv", "3", &["expected at least one row"]);
    write("header.csv", "a,b,c,d,e\n");
    check("header.csv", "3", &["expected at least one row"]);
    write("data.txt", &good);
    check("data.txt", "3", &["expected a name that ends in .csv or .npy"]);
    check("missing.csv", "3", &["No such file"]);
    let npy = |name: &str| folder.path().join(name);
    write_npy(npy("flat.npy"), &Array1::<f64>::zeros(10)).unwrap();
    check("flat.npy", "3", &["two-dimensional array of f32 or f64"]);
    write_npy(npy("integers.npy"), &Array2::<i32>::zeros((200, 5))).unwrap();
    check("integers.npy", "3", &["two-dimensional array of f32 or f64"]);
    let mut values = Array2::<f32>::zeros((200, 5));
    values[(6, 1)] = f32::NAN;
    write_npy(npy("nan.npy"), &values).unwrap();
    check("nan.npy", "3", &["row 7, column 2: expected a finite number"]);
    write("no-array.npy", "text");
    check("no-array.npy", "3", &["two-dimensional array"]);
    assert!(!Path::new(out).exists(), "nothing is written");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (arguments, expected) in [
        (&["--data", "x.csv"][..], "--inputs"),
        (&["--inputs", "3"], "--data"),
        (&["--data", "x.csv", "--inputs", "0"], "1.."),
        (&["newton", "--data", "x.csv", "--inputs", "3"], "cannot be used with"),
        (&["--data", "x.csv", "--inputs", "3", "--search"], "cannot be used with"),
        (&["--data", "x.csv", "--inputs", "3", "--profile", "p"], "cannot be used with"),
        (&["--data", "x.csv", "--inputs", "3", "--target", "0"], "share between 0 and 1"),
        (&["--data", "x.csv", "--inputs", "3", "--name", "a-b"], "letters, digits and underscores"),
        (&["--profile", "/nowhere"], "profile mode"),
        (&["--regions", "a"], "--profile"),
        (&["newton", "--budget", "3s"], "--search"),
    ] {
        let message = refused(arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}
