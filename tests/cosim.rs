//! `emeuro cosim` on the checked-in units, that it notices a weight that somebody has changed, and that what it then prints and
//! keeps is true.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use emeuro::testbench::RtlPolicy;
use serde_json::Value;

/// Runs the program, which keeps waveforms in `folder`.
fn emeuro(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .args(arguments)
        .env("EMEURO_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .env("EMEURO_KEEP_WAVES", folder)
        .output()
        .unwrap()
}

fn cosim(rtl: &Path, app: &str) -> (Option<i32>, Value, String) {
    let waves = tempfile::tempdir().unwrap();
    let rtl = rtl.to_str().unwrap();
    let output =
        emeuro(waves.path(), &["cosim", app, "--frames", "24", "--seed", "3", "--json", "--rtl", rtl]);
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

/// The unit of `newton` with another weight.
fn copy_altered(rtl: &Path, to: &Path) {
    copy(&rtl.join("newton"), &to.join("newton"));
    let rom = to.join("newton/newton_weights_5.hex");
    let mut lines: Vec<String> = fs::read_to_string(&rom).unwrap().lines().map(str::to_owned).collect();
    let weight = u8::from_str_radix(&lines[0], 16).unwrap();
    lines[0] = format!("{:02x}", weight ^ 0x40);
    fs::write(&rom, lines.join("\n") + "\n").unwrap();
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
    copy_altered(&rtl, altered.path());
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
    assert!(message.contains("unit.yaml: lanes: expected a whole number"), "{message}");
}

/// The first bytes of an FST file.
const FST: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 1, 73];

#[test]
fn what_a_failure_prints_reproduces_it() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    copy_altered(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-out"), folder.path());
    let arguments = ["cosim", "newton", "--rtl", &path(""), "--seed", "3"];
    // Found by the comparison of frames, and by a scenario.
    for (kind, more) in [["--frames", "24"], ["--frames", "0"]].into_iter().enumerate() {
        let (waves, xml) = (folder.path().join(format!("waves_{kind}")), path("out.xml"));
        let more = [more[0], more[1], "--junit", &xml];
        let output = emeuro(&waves, &[&arguments[..], &more].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let told = |start: &str| -> String {
            let line = text.lines().find_map(|line| line.strip_prefix(start));
            line.unwrap_or_else(|| panic!("{start} {text}")).to_owned()
        };
        // Scenarios have seeds of their own, counted up: not each of them has a frame to which the weight matters.
        let found = told("newton, 16 lanes: newton_unit: seed ");
        assert!(found.contains(", run ") && found.contains(": expected "), "{text}");
        // A wrong weight needs one frame, and of it one word.
        assert!(told("shortest stimulus: ").starts_with("1 of "), "{text}");
        assert!(text.contains(", 1 of ") && text.contains("frame of 40: all 0, but word "), "{text}");
        let shortest = told("shortest stimulus: ");
        let (_, shortest) = shortest.split_once("tried): ").unwrap();
        let waveform = PathBuf::from(told("waveform: "));
        assert!(waveform.starts_with(&waves) && fs::read(&waveform).unwrap().starts_with(&FST));
        let report = fs::read_to_string(&xml).unwrap();
        assert!(report.contains("failures=\"1\"") && report.contains("shortest stimulus"), "{report}");
        assert!(report.contains("<testcase name=\"16 lanes\" classname=\"newton\" time=\""), "{report}");

        for command in [told("reproduce: "), told("as it was found: ")] {
            let (command, given) = command.rsplit_once(' ').unwrap();
            assert!(given.ends_with(".fst"), "{command}");
            let mut words: Vec<&str> = command.split(' ').collect();
            assert_eq!(words.remove(0), "emeuro");
            let again = path(&format!("again_{kind}.fst"));
            words.push(&again);
            let output = emeuro(&waves, &words);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains(shortest), "{command}: {text}");
            assert!(fs::read(&again).unwrap().starts_with(&FST));
            fs::remove_file(&again).unwrap();
        }
    }
}

#[test]
fn reports_are_written_whole_and_waveforms_are_of_one_unit() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (report, xml) = (path("new/report.json"), path("new/out.xml"));
    let network = format!("{}/tests/networks/16-16-8.yaml", env!("CARGO_MANIFEST_DIR"));
    let base = ["cosim", &network, "--frames", "12", "--scenarios", "3"];
    let units = ["emeuro_unit: 1\nlanes: 4\n", "emeuro_unit: 1\ncontrol: axi_lite\nweights: ram\nlanes: 4\n"];
    let units: Vec<String> = units
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let file = path(&format!("unit_{index}.yaml"));
            fs::write(&file, text).unwrap();
            file
        })
        .collect();
    let more = ["--unit", &units.join(","), "--json", "--report", &report, "--junit", &xml];
    let output = emeuro(folder.path(), &[&base[..], &more].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&report).unwrap()).unwrap(), printed);
    assert_eq!((&printed["configurations"], &printed["mismatches"]), (&2.into(), &0.into()));
    let sum = |of: fn(&Value) -> &Value| -> u64 {
        printed["designs"].as_array().unwrap().iter().map(|design| of(design).as_u64().unwrap()).sum()
    };
    let words = sum(|design| &design["words"]) + sum(|design| &design["scenarios"]["words"]);
    assert_eq!(printed["words"], words);
    assert_eq!(sum(|design| &design["words"]), 2 * 12 * 8);
    let accesses = |design: usize| printed["designs"][design]["scenarios"]["accesses"].as_u64().unwrap();
    assert!(accesses(0) == 0 && accesses(1) > 0, "{printed}");
    let xml = fs::read_to_string(&xml).unwrap();
    assert!(xml.contains("tests=\"2\"") && xml.contains("failures=\"0\""), "{xml}");
    assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 2, "nothing half-written");

    let wave = path("x.fst");
    let output = emeuro(folder.path(), &[&base[..], &["--lanes", "4", "--trace", &wave]].concat());
    assert!(output.status.success() && fs::read(&wave).unwrap().starts_with(&FST), "{output:?}");

    let bad = path("bad.json");
    fs::write(&bad, "{\"power_up\": 1,\n \"runs\": [{}]}").unwrap();
    for (arguments, expected) in [
        (vec!["--lanes", "1,4", "--trace", &wave], "expected one unit, found 2"),
        (vec!["--frames", "0", "--trace", &wave], "with --frames 0, expected --scenarios 1"),
        (vec!["--play", "/nonexistent.json"], "/nonexistent.json: No such file"),
        (vec!["--play", &bad], "bad.json: missing field `reset` at line 2 column"),
        (vec!["--trace", "/nonexistent/x.fst"], "/nonexistent/x.fst"),
        (vec!["--frames", "1", "--scenarios", "0", "--junit", "/proc/x/out.xml"], "/proc/x"),
    ] {
        let output = emeuro(folder.path(), &[&["cosim", network.as_str()], &arguments[..]].concat());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn processes_share_a_cache() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = format!("{}/tests/networks/16-16-8.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_emeuro"));
    command.args(["cosim", &network, "--lanes", "3", "--frames", "12", "--json"]);
    command.env("EMEURO_CACHE", folder.path()).stdout(Stdio::piped());
    let processes: Vec<_> = (0..4).map(|_| command.spawn().unwrap()).collect();
    let outputs: Vec<Output> =
        processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    let words = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap()["words"].clone();
    for output in &outputs {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(words(output), words(&outputs[0]));
    }
    let mut kinds: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path().extension().unwrap().to_string_lossy().into_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["a", "lock", "lock", "so"], "one model, one run-time, and their locks");
}

#[test]
fn the_scenario_of_the_documentation_plays() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let (network, file) =
        (format!("{root}/tests/networks/16-16-8.yaml"), format!("{root}/docs/examples/SCENARIO.json"));
    let play = |file: &str| {
        let unit = folder.path().join("unit.yaml");
        fs::write(&unit, "emeuro_unit: 1\nlanes: 4\ncontrol: axi_lite\n").unwrap();
        let unit = unit.to_str().unwrap();
        let output = emeuro(folder.path(), &["cosim", &network, "--unit", unit, "--json", "--play", file]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["designs"][0]["scenarios"].clone()
    };
    let seen = play(&file);
    // The short frame, and the rest of the third, of which 30 clocks let 11 words in.
    assert_eq!(
        (&seen["resets"], &seen["dropped"], &seen["frames"]),
        (&2.into(), &2.into(), &1.into()),
        "{seen}"
    );
    let accesses = seen["accesses"].as_u64().unwrap();

    // With the accesses that the documentation shows.
    let page = fs::read_to_string(format!("{root}/docs/src/verification.md")).unwrap().replace('\n', " ");
    let (read, write) = (
        r#"{"access": {"read": {"offset": 12}}}"#,
        r#"{"access": {"write": {"offset": 12, "data": 65536, "strobe": 15}}}"#,
    );
    assert!(page.contains(read) && page.contains(write) && page.contains(r#""reset": "register""#));
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(r#"{ "pause": 20 }"#, &format!("{write}, {read}"));
    let changed = folder.path().join("changed.json");
    let text = text.replace(r#""reset": { "port": { "clocks": 1 } }"#, r#""reset": "register""#);
    fs::write(&changed, text).unwrap();
    // Those two, and the one that resets.
    assert_eq!(play(changed.to_str().unwrap())["accesses"], accesses + 3);
}

#[test]
fn a_unit_that_is_late_keeps_its_waveform() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let waves = folder.path().join("waves");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-out/newton"), &folder.path().join("newton"));
    // Takes a word on every other clock.
    let loader = folder.path().join("newton/newton_input_loader.v");
    let text = fs::read_to_string(&loader).unwrap();
    let text = text.replace("assign s_axis_tready = ", "assign s_axis_tready = slow && ");
    let slow = "    reg dropping;\n    reg slow;\n    always @(posedge clock) slow <= resetn && !slow;\n";
    fs::write(&loader, text.replace("    reg dropping;\n", slow)).unwrap();
    let rtl = folder.path().to_str().unwrap();
    let run = |arguments: &[&str]| -> (Option<i32>, String) {
        let output = emeuro(&waves, arguments);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = run(&["cosim", "newton", "--rtl", rtl, "--frames", "60"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("newton, 16 lanes: expected a latency of "), "{text}");
    let told = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap().to_owned();
    let waveform = PathBuf::from(told("waveform: "));
    assert!(waveform.starts_with(&waves) && fs::read(&waveform).unwrap().starts_with(&FST));
    let command = told("reproduce: ");
    let (status, again) = run(&command.split(' ').skip(1).collect::<Vec<_>>());
    assert_eq!(status, Some(1), "{command}: {again}");
    assert!(again.contains("newton, 16 lanes: expected a latency of "), "{again}");
}
