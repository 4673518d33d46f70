//! `emeuro vectors`: the files hold what the golden model says, in the form that the manifest describes.

use std::{fs, path::Path, process::Command};

use emeuro::golden::Emulator;
use serde_json::Value;

fn vectors(out: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_emeuro"))
        .arg("vectors")
        .args(arguments)
        .arg("--out")
        .arg(out)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("vectors.json")).unwrap()).unwrap()
}

/// The frames of a port, as a stranger would read them from the manifest.
fn frames(folder: &Path, port: &Value) -> Vec<Vec<i16>> {
    let text = fs::read_to_string(folder.join(port["file"].as_str().unwrap())).unwrap();
    let bits = port["word_bits"].as_u64().unwrap();
    let word = |hex: &str| {
        assert_eq!(hex.len() as u64, bits / 4);
        let raw = u16::from_str_radix(hex, 16).unwrap();
        if bits == 8 { i16::from(raw as u8 as i8) } else { raw as i16 }
    };
    let frame = |line: &str| line.split(' ').map(word).collect::<Vec<_>>();
    let frames: Vec<Vec<i16>> = text.lines().map(frame).collect();
    assert!(frames.iter().all(|frame| frame.len() as u64 == port["words"].as_u64().unwrap()));
    frames
}

#[test]
fn expected_frames_are_the_golden_models() {
    let folder = tempfile::tempdir().unwrap();
    for (argument, path) in [
        ("newton", "apps/emulators/newton.yaml"),
        ("tests/networks/20-32-20.yaml", "tests/networks/20-32-20.yaml"),
    ] {
        let (status, message) = vectors(folder.path(), &[argument, "--frames", "9", "--seed", "4"]);
        assert_eq!(status, Some(0), "{message}");
        let manifest = manifest(folder.path());
        let emulator = Emulator::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let inputs = frames(folder.path(), &manifest["input"]);
        let expected = frames(folder.path(), &manifest["output"]);
        assert_eq!((inputs.len(), expected.len()), (9, 9));
        assert_eq!(manifest["level"], emulator.levels() - 1);
        for (input, expected) in inputs.iter().zip(&expected) {
            assert_eq!(emulator.run(input).unwrap(), *expected, "{argument}");
        }
        assert_eq!(manifest["registers"], Value::Array(vec![]));
        // Other seeds are other frames, the same seed the same.
        let other = tempfile::tempdir().unwrap();
        vectors(other.path(), &[argument, "--frames", "9", "--seed", "5"]);
        assert_ne!(frames(other.path(), &manifest["input"]), inputs);
        vectors(other.path(), &[argument, "--frames", "9", "--seed", "4"]);
        assert_eq!(frames(other.path(), &manifest["input"]), inputs);
    }
}

#[test]
fn the_unit_file_decides_beats_and_registers() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("unit.yaml");
    fs::write(&unit, "emeuro_unit: 1\nlanes: 4\nwords_per_beat: 4\ncontrol: axi_lite\n").unwrap();
    let out = folder.path().join("out");
    let (status, message) = vectors(&out, &["newton", "--frames", "1", "--unit", unit.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{message}");
    let manifest = manifest(&out);
    assert_eq!((&manifest["input"]["words_per_beat"], &manifest["top"]), (&4.into(), &"newton_unit".into()));
    let registers = manifest["registers"].as_array().unwrap();
    let id = registers.iter().find(|register| register["name"] == "ID").unwrap();
    assert_eq!((&id["offset"], &id["reset"]), (&0.into(), &0x454d_4555.into()));
}

#[test]
fn bad_input_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (status, message) = vectors(folder.path(), &["nobody"]);
    assert_eq!(status, Some(2));
    assert!(message.contains("nobody: no such file"), "{message}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (status, message) = vectors(&file, &["newton", "--frames", "1"]);
    assert_eq!(status, Some(2));
    assert!(message.contains("cannot write"), "{message}");
}
