//! `emeuro train --data` from outside: what it writes and says, and what it refuses.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use emeuro::trainer::{
    Session,
    general::{Learning, Pairs, Part, learn},
};
use ndarray::{Array1, Array2, Array3};
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
    check("ragged.csv", "3", &["line 151: expected 5 fields as in line 1, found 3"]);
    write("nan.csv", &format!("a,b,c,d,e\n{good}1,2,nan,4,5\n"));
    check("nan.csv", "3", &["line 152, column 3 (\"c\"): expected a finite number, found NaN"]);
    write("infinite.csv", &format!("1,2,3,4,inf\n{good}"));
    check("infinite.csv", "3", &["line 1, column 5", "found inf"]);
    write("word.csv", &format!("{good}1,2,x,4,5\n"));
    check("word.csv", "3", &["line 151, column 3: expected a number, found \"x\""]);
    write("half-header.csv", &format!("a,b,3,d,e\n{good}"));
    check("half-header.csv", "3", &["line 1, column 1: expected a number, found \"a\""]);
    write("few-columns.csv", &good);
    check("few-columns.csv", "5", &["expected more than 5 columns", "found 5"]);
    write("few-rows.csv", &csv(&rows(15, 1)));
    check("few-rows.csv", "3", &["15 rows with 15 different inputs: expected at least 20"]);
    write("same.csv", &csv(&rows(1, 1)).repeat(500));
    check("same.csv", "3", &["500 rows with 1 different inputs"]);
    write("empty.csv", "");
    check("empty.csv", "3", &["expected at least one row"]);
    write("header.csv", "a,b,c,d,e\n");
    check("header.csv", "3", &["expected at least one row"]);
    check("missing.csv", "3", &["No such file"]);
    let npy = |name: &str| folder.path().join(name);
    write_npy(npy("flat.npy"), &Array1::<f64>::zeros(10)).unwrap();
    check("flat.npy", "3", &["--inputs 3: expected more than 3 columns", "found 1"]);
    write_npy(npy("cube.npy"), &Array3::<f64>::zeros((5, 5, 5))).unwrap();
    check("cube.npy", "3", &["expected an array of two dimensions", "found 3 (5×5×5)"]);
    let mut values = Array2::<f32>::zeros((200, 5));
    values[(6, 1)] = f32::NAN;
    write_npy(npy("nan.npy"), &values).unwrap();
    check("nan.npy", "3", &["row 7, column 2: expected a finite number"]);
    write("no-array.npy", "text");
    check("no-array.npy", "3", &["expected a NumPy array (.npy)"]);
    assert!(!Path::new(out).exists(), "nothing is written");
}

/// Two outputs of one segment, the second of which has a third of the spread of the first.
const TWO_OUTPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/figures/two-outputs-one-segment.csv");

#[test]
fn every_output_has_one_figure_wherever_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = path("out");
    let arguments = ["train", "--data", TWO_OUTPUTS, "--inputs", "2", "--out", &out, "--name", "two"];
    let more = ["--target", "10%", "--budget", "1s"];
    let text = emeuro(&[&arguments[..], &more].concat());
    let json = emeuro(&[&arguments[..], &more, &["--json"]].concat());
    assert!(text.status.success() && json.status.success());
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    let outputs = report["outputs"].as_array().unwrap();
    assert_eq!(outputs.iter().map(|o| o["name"].as_str().unwrap()).collect::<Vec<_>>(), ["y[0]", "y[1]"]);
    assert_eq!(report["segments"], serde_json::json!([{ "name": "y", "nrmse": report["nrmse"] }]));
    let figure = |output: &Value, name: &str| output[name].as_f64().unwrap();
    assert!(
        figure(&outputs[1], "nrmse") > 1.5 * figure(&report, "nrmse"),
        "the pooled figure hides it: {report}"
    );

    // The same rows, by the trainer itself and by the command that compares.
    let rows: Vec<Vec<f64>> = fs::read_to_string(TWO_OUTPUTS)
        .unwrap()
        .lines()
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    let matrix = |from: usize| Array2::from_shape_fn((rows.len(), 2), |(r, c)| rows[r][from + c]);
    let parts = |name: &str| vec![Part::new(name, 2)];
    let pairs = Pairs::new(matrix(0), matrix(2), parts("x"), parts("y")).unwrap();
    let options = Learning { target: 0.1, budget: Duration::from_secs(1), ..Learning::new("two") };
    let learnt = learn(&pairs, &options, &Session::default()).unwrap();
    let csv = |columns: std::ops::Range<usize>| -> String {
        let line = |&row: &usize| {
            rows[row - 1][columns.clone()].iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n"
        };
        learnt.test_rows.iter().map(line).collect()
    };
    fs::write(path("x.csv"), csv(0..2)).unwrap();
    fs::write(path("y.csv"), csv(2..4)).unwrap();
    let (file, x, y) = (path("out/two.yaml"), path("x.csv"), path("y.csv"));
    let compared = emeuro(&["run", &file, "--input", &x, "--compare", &y, "--json"]);
    let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!((&compared["nrmse"], &compared["nrmse_even"]), (&report["nrmse"], &report["nrmse_even"]));
    assert_eq!(compared["segments"], report["segments"]);
    for (mine, theirs) in outputs.iter().zip(compared["outputs"].as_array().unwrap()) {
        for field in ["name", "unit", "nrmse", "p95", "p99", "largest"] {
            assert_eq!(mine[field], theirs[field], "{field}");
        }
        // The row is the line of the file, whatever it is called elsewhere.
        let place = theirs["row"].as_u64().unwrap() as usize;
        assert_eq!(mine["row"].as_u64().unwrap() as usize, learnt.test_rows[place - 1]);
    }

    // As text: in the table, in the comparison and in the report of the unit.
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("| y["));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let table = lines(&String::from_utf8(text.stdout).unwrap());
    assert_eq!(table.len(), 2);
    assert!(emeuro(&["generate", &file, "--out", &path("rtl")]).status.success());
    assert_eq!(lines(&fs::read_to_string(path("rtl/REPORT.md")).unwrap()), table);
    let text = emeuro(&["run", &file, "--input", &x, "--compare", &y]);
    let without_row = |line: &String| line.rsplitn(3, '|').nth(2).unwrap().to_owned();
    let compared: Vec<String> =
        lines(&String::from_utf8(text.stdout).unwrap()).iter().map(without_row).collect();
    assert_eq!(compared, table.iter().map(without_row).collect::<Vec<_>>());
}

#[test]
fn rows_of_another_count_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let frame = |width: usize| vec!["0.1"; width].join(",") + "\n";
    fs::write(path("x.csv"), frame(40).repeat(3)).unwrap();
    fs::write(path("y.csv"), frame(20).repeat(2)).unwrap();
    let output = emeuro(&["run", "newton", "--input", &path("x.csv"), "--compare", &path("y.csv")]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("y.csv: expected 3 frames as in the input, found 2"), "{message}");
    // What never changes has no NRMSE, and JSON says so.
    fs::write(path("y.csv"), frame(20).repeat(3)).unwrap();
    let output = emeuro(&["run", "newton", "--input", &path("x.csv"), "--compare", &path("y.csv"), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["nrmse"].is_null() && report["outputs"].as_array().unwrap().len() == 20, "{report}");
    let output = emeuro(&["run", "newton", "--input", &path("x.csv"), "--compare", &path("y.csv")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the 8 of 20 outputs") && text.contains("constant"), "{text}");
}

#[test]
fn a_target_that_is_missed_and_an_emulator_that_is_none_end_with_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = path("out");
    let train = |data: &str, more: &[&str]| {
        let arguments =
            ["train", "--data", data, "--inputs", "2", "--out", &out, "--name", "it", "--budget", "0.3s"];
        let output = emeuro(&[&arguments[..], more].concat());
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let missed = train(TWO_OUTPUTS, &["--target", "0.0001%"]);
    assert!(missed.contains("is not reached") && missed.contains("although it misses"), "{missed}");
    assert!(!missed.contains("Next") && !missed.contains("generate"), "{missed}");
    let mut written = fs::read_to_string(path("out/it.yaml")).unwrap();
    // Outputs that have nothing to do with the inputs.
    let bits = |k: u64| {
        (k.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (k << 21)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
    };
    let rows: Vec<[u64; 3]> = (1..=400).map(|k| [bits(3 * k), bits(3 * k + 1), bits(3 * k + 2)]).collect();
    let noise: String = rows.iter().map(|[a, b, c]| format!("{a},{b},{c}\n")).collect();
    fs::write(path("noise.csv"), noise).unwrap();
    let mut nothing = 0;
    for seed in 1..=6 {
        let text = train(&path("noise.csv"), &["--seed", &seed.to_string()]);
        assert!(!text.contains("Next"), "{text}");
        if text.contains("Nothing is written") {
            assert!(text.contains("the means of the outputs"), "{text}");
            assert_eq!(fs::read_to_string(path("out/it.yaml")).unwrap(), written, "what was there stays");
            nothing += 1;
        } else {
            written = fs::read_to_string(path("out/it.yaml")).unwrap();
        }
    }
    assert!(nothing > 0, "of six trainings on noise, none was as bad as the mean");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (arguments, expected) in [
        (&["--data", "x.csv"][..], "--inputs"),
        (&["--inputs", "3"], "unexpected argument '--inputs'"),
        (&["--data", "x.csv", "--inputs", "0"], "from 1 on"),
        (&["newton", "--data", "x.csv", "--inputs", "3"], "unexpected argument 'newton'"),
        (&["--data", "x.csv", "--inputs", "3", "--search"], "unexpected argument '--search'"),
        (&["--data", "x.csv", "--inputs", "3", "--profile", "p"], "unexpected argument '--profile'"),
        (&["--data", "x.csv", "--inputs", "3", "--target", "0"], "share between 0 and 1"),
        (&["--data", "x.csv", "--inputs", "3", "--name", "a-b"], "letters, digits and underscores"),
        (&["--profile", "/nowhere"], "profile mode"),
        (&["--regions", "a"], "unexpected argument '--regions'"),
        (&["newton", "--budget", "3s"], "--search"),
        (&["data"], "<FILE>"),
        (&["search", "newton", "--quantisation", "w8a8"], "unexpected argument '--quantisation'"),
    ] {
        let message = refused(arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}
