//! Files of every kind at the command line: what is read, and that whatever is not ends in one short message that names it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use emeuro::golden::Emulator;
use proptest::prelude::*;

fn emeuro(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emeuro"));
    command.args(arguments);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The two ends of a file of the test inputs.
fn case(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = if name.ends_with(".yaml") { "compiler/tests" } else { "tables/tests/files" };
    root.join(folder).join(name).to_str().unwrap().to_owned()
}

/// Trains for a moment; gives the folder with the emulator, and what was said.
fn trained(arguments: &[&str]) -> (tempfile::TempDir, Output) {
    let out = tempfile::tempdir().unwrap();
    let more = ["--budget", "1s", "--target", "20%", "--out", out.path().to_str().unwrap()];
    let output = emeuro(&[&["train", "--data"], arguments, &more[..]].concat()).output().unwrap();
    (out, output)
}

#[test]
fn tables_with_semicolons_and_integers_train() {
    let (out, output) = trained(&[&case("semicolon.csv"), "--inputs", "2"]);
    assert!(out.path().join("semicolon.yaml").exists(), "{}", said(&output));
    let emulator = Emulator::load(out.path().join("semicolon.yaml")).unwrap();
    let names: Vec<&str> = emulator.input().segments.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
    let (out, output) = trained(&[&case("integers.npy"), "--inputs", "1"]);
    assert!(out.path().join("integers.yaml").exists(), "{}", said(&output));
    assert!(said(&output).contains("integers.npy: column 1 counts the rows"), "{}", said(&output));

    // A header that names the inputs says where they are, beside the outputs and in any order.
    let yaml = trained(&[&case("semicolon.csv"), "--inputs", "2"]).0;
    let yaml = yaml.path().join("semicolon.yaml");
    let folder = tempfile::tempdir().unwrap();
    let run = |text: &str| {
        let path = folder.path().join("points.TXT");
        fs::write(&path, text).unwrap();
        let arguments = ["run", yaml.to_str().unwrap(), "--input", path.to_str().unwrap()];
        let output = emeuro(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        (String::from_utf8(output.stdout.clone()).unwrap(), said(&output))
    };
    let (expected, notes) = run("0.5,0.25\n-0.5,0.75\n");
    assert_eq!(notes, "");
    assert_eq!(run("x;y\n0,5;0,25\n-0,5;0,75\n").0, expected);
    let (swapped, notes) = run("y\tx\n0.25\t0.5\n0.75\t-0.5\n");
    assert_eq!(swapped, expected);
    assert!(notes.contains("in another order"), "{notes}");
    let (more, notes) = run("a,y,x\n9,0.25,0.5\n9,0.75,-0.5\n");
    assert_eq!(more, expected);
    assert!(notes.contains("1 of 3 columns are not used"), "{notes}");
}

#[test]
fn columns_are_chosen_by_name_and_the_provenance_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plant.csv");
    let row = |k: u32| {
        let [a, b] = [0.618_034, 0.414_213].map(|v: f64| 2.0 * (v * f64::from(k)).fract() - 1.0);
        format!("{k},{:.6},{:.6},{:.6}\n", 20.0 + a, a + 0.5 * b, b)
    };
    let rows: String = (0..400).map(row).collect();
    fs::write(&path, format!("n,temp [C],loss (W),load\n{rows}")).unwrap();
    let path = path.to_str().unwrap();
    let (out, output) = trained(&[path, "--inputs", "temp,load", "--outputs", "loss"]);
    let emulator =
        Emulator::load(out.path().join("plant.yaml")).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    let names =
        |port: &emeuro::golden::Port| port.segments.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(emulator.input()), names(&emulator.output().port)),
        (vec!["temp".into(), "load".into()], vec!["loss".into()])
    );
    let command = &emulator.provenance().command;
    assert!(
        command.contains("train data plant.csv --inputs temp,load --outputs loss --name plant"),
        "{command}"
    );

    // From a pipe, the same numbers make the same network.
    let out = tempfile::tempdir().unwrap();
    let arguments =
        ["train", "--data", "-", "--inputs", "2,4", "--outputs", "3-3", "--name", "plant", "--budget", "1s"];
    let mut child = emeuro(&arguments)
        .args(["--target", "20%", "--out", out.path().to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(path).unwrap()).unwrap();
    child.wait().unwrap();
    let piped = Emulator::load(out.path().join("plant.yaml")).unwrap();
    let inputs = [20.5, 0.25];
    assert_eq!(piped.run_values(&inputs).unwrap(), emulator.run_values(&inputs).unwrap());
    for (arguments, expected) in [
        (&["--inputs", "temp,lood"][..], "no column is called \"lood\", did you mean \"load\"?"),
        (&["--inputs", "1-2", "--outputs", "temp"], "column 2 (\"temp\") is an input too"),
        (&["--inputs", "7"], "expected more than 7 columns"),
    ] {
        let (out, output) = trained(&[&[path], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected) && said(&output).contains("plant.csv"), "{}", said(&output));
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_unit_file_with_a_mark_is_read() {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("unit");
    let arguments = ["generate", network, "--unit", &case("bom.yaml"), "--out", folder.to_str().unwrap()];
    let output = emeuro(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(fs::read_to_string(folder.join("unit.yaml")).unwrap().contains("lanes: 4\n"));
}

/// Gives a file with any content to every command that reads one of its kind.
fn check(content: &[u8]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("mine.txt");
    fs::write(&kept, "mine").unwrap();
    let file = |name: &str| {
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
    let (csv, npy, yaml) = (file("some.csv"), file("some.npy"), file("some.yaml"));
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for (path, arguments) in [
        (&csv, vec!["run", network, "--input", &csv]),
        (&npy, vec!["run", network, "--input", &npy]),
        (&csv, vec!["train", "--data", &csv, "--inputs", "1", "--budget", "1s", "--out", out]),
        (&yaml, vec!["run", &yaml, "--input", &csv]),
        (&yaml, vec!["generate", network, "--unit", &yaml, "--out", out]),
    ] {
        let output = emeuro(&arguments).output().unwrap();
        let message = said(&output);
        let code = output.status.code();
        prop_assert!(
            matches!(code, Some(0..=2)) && !message.contains("panicked"),
            "{:?}: {}",
            arguments,
            message
        );
        if code == Some(2) {
            prop_assert!(message.chars().count() < 2000, "{}", message);
            prop_assert!(message.contains(path.as_str()), "{:?}: {}", arguments, message);
        }
        prop_assert_eq!(&fs::read(path).unwrap()[..], content);
    }
    prop_assert_eq!(fs::read_to_string(&kept).unwrap(), "mine");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&content)?;
    }

    #[test]
    fn any_lines_of_fields(content in "(((-?[0-9.]{1,4}|[a-c]|nan|\"[0-9,]?\"|)[,;\t ]){0,4}\n){0,5}") {
        check(content.as_bytes())?;
    }

    #[test]
    fn any_yaml(content in "(emeuro: 1\n|emeuro_unit: 1\n)?((- |[a-c]+: |lanes: |[&*!][a-c]? ?|[\\[\\]{},\"'|>#%?:-]|[0-9.]{1,4}|\n *){1,3}){0,20}") {
        check(content.as_bytes())?;
    }

    #[test]
    fn any_header_of_an_array(rows in any::<u64>(), columns in any::<u64>(), kind in "[<>][iuf][1248]", order in "True|False") {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({rows}, {columns}), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        check(&[b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), &[0; 32]].concat())?;
    }
}

#[test]
fn hostile_files_cost_nothing() {
    for content in ["[".repeat(200_000), "{a: ".repeat(50_000), "- ".repeat(100_000), "x,".repeat(100_000)] {
        let begun = std::time::Instant::now();
        check(content.as_bytes()).unwrap();
        assert!(begun.elapsed().as_secs() < 20, "{:?}", &content[..5]);
    }
}
