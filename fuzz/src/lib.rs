//! Any bytes, given to everything that reads files of users.
//!
//! A target is a function of bytes. It panics if the reader does, if a message is long or does not name the file, or if what was read is
//! not what its type promises. `fuzz_targets` gives them to libFuzzer, the program `short` to a generator with a seed.

use std::{fs, path::Path};

use emeuro_compiler::UnitFile;
use emeuro_golden::Emulator;
use emeuro_regions::{ProfileFile, SettingsFile};
use emeuro_tables::{Reading, TableError, TooMany};
use emeuro_trainer::{
    profile::Profile,
    search::{Candidate, Effort, Journal},
};

/// A target, and files from which inputs are made.
pub struct Target {
    /// What `cargo fuzz` calls it.
    pub name: &'static str,
    /// Reads the bytes.
    pub run: fn(&[u8]),
    /// Files as they should be, or nearly.
    pub seeds: &'static [&'static [u8]],
}

macro_rules! file {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path))
    };
}

const EMULATORS: &[&[u8]] = &[
    file!("golden/tests/all_ops.yaml"),
    file!("golden/tests/members.yaml"),
    file!("golden/tests/files/lint_8_members.yaml"),
];
const UNITS: &[&[u8]] = &[
    file!("compiler/tests/bom.yaml"),
    b"emeuro_unit: 1\nlanes: 4\nslots: 2\nwords_per_beat: 2\nweights: ram\ncontrol: axi_lite\nlimits:\n  weight_bits: 8\n",
];
const SETTINGS: &[&[u8]] =
    &[b"reach:\n  mode: emulate:1\n  emulator: robot.reach.yaml\n  target: 0.02\n'*': {mode: &m profile}\nother: {mode: *m}\n"];
const TABLES: &[&[u8]] = &[
    file!("tables/tests/files/semicolon.csv"),
    b"temp [C],load,loss\n# comment\n1,2,3\n4,5,6\n",
    b",0,1\n0,0.5,1.5\n1,2.5,1e3\n",
    b"sep=;\nx;y\nm;s\n1,5;\"2\"\n",
    b"1 2 3\n4 5 6\n",
];
const ARRAYS: &[&[u8]] = &[
    file!("tables/tests/files/integers.npy"),
    b"\x93NUMPY\x01\0\x42\0{'descr': '>f2', 'fortran_order': True, 'shape': (2, 3L), }        \n123456789012",
];
const PROFILES: &[&[u8]] = &[b"seconds: 2.5\ncalls:\n- region: a::b\n  parent: null\n  calls: 3\n  seconds: 2.0\nregions:\n- region: a::b\n  inputs:\n  - name: x\n    size: 2\n  outputs:\n  - name: y\n    size: 2\n  input_file: a.npy\n  output_file: a.npy\n"];
const JOURNALS: &[&[u8]] = &[b"EMEURO search journal 1\nseed 1, 1 candidates 0000000000000000\n", b"EMEURO search"];

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "emulator", run: emulator, seeds: EMULATORS },
    Target { name: "unit", run: unit, seeds: UNITS },
    Target { name: "settings", run: settings, seeds: SETTINGS },
    Target { name: "csv", run: csv, seeds: TABLES },
    Target { name: "npy", run: npy, seeds: ARRAYS },
    Target { name: "profile", run: profile, seeds: PROFILES },
    Target { name: "journal", run: journal, seeds: JOURNALS },
];

/// Holds a message to what every message has to be.
fn check(message: &str, name: &str) {
    assert!(message.chars().count() < 2000, "a long message: {message}");
    assert!(message.contains(name), "a message that does not name {name}: {message}");
}

/// Emulator files: what is read is written and read again as the same.
pub fn emulator(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Emulator::parse(text, "some.yaml") {
        Ok(emulator) => assert_eq!(Emulator::parse(&emulator.to_yaml(), "again.yaml").unwrap(), emulator),
        Err(error) => check(&error.to_string(), "some.yaml"),
    }
}

/// Unit files.
pub fn unit(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match UnitFile::parse(text, "some.yaml") {
        Ok(unit) => assert_eq!(UnitFile::parse(&unit.to_yaml(), "again.yaml").unwrap(), unit),
        Err(error) => check(&error.to_string(), "some.yaml"),
    }
}

/// Settings of regions; who reads the file adds its name.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(message) = SettingsFile::parse(text) {
        check(&message, "");
    }
}

/// Tables as text.
pub fn csv(bytes: &[u8]) {
    table(bytes);
}

/// NumPy's arrays.
pub fn npy(bytes: &[u8]) {
    table(bytes);
}

fn table(bytes: &[u8]) {
    let read = |too_many| Reading { most: 1000, too_many, ..Reading::default() }.parse(bytes, "some.file");
    for result in [read(TooMany::Refuse), read(TooMany::Sample { seed: 1 })] {
        let refused = |error: TableError| check(&error.to_string(), "some.file");
        match result {
            Ok(table) => {
                let rows = table.rows();
                assert!(!rows.is_empty() && rows.len() <= 1000.max(rows.ncols()) && rows.iter().all(|v| v.is_finite()));
                let _ = table.inputs_and_outputs("1-2,a", Some("b"));
                let _ = table.frames(2, Some(&["x", "y"])).map_err(refused);
            }
            Err(error) => refused(error),
        }
    }
}

/// The description of a profile.
pub fn profile(bytes: &[u8]) {
    if let Some(Err(message)) = std::str::from_utf8(bytes).ok().map(ProfileFile::parse) {
        check(&message, "");
    }
    in_folder(|folder| {
        fs::write(folder.join(ProfileFile::NAME), bytes).unwrap();
        fs::write(folder.join("a.npy"), ARRAYS[0]).unwrap();
        if let Err(error) = Profile::read(folder) {
            check(&error.to_string(), &folder.display().to_string());
        }
    });
}

/// The journal of a search: what is refused stays as it is.
pub fn journal(bytes: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("journal");
        fs::write(&path, bytes).unwrap();
        let candidates = [Candidate { name: "one".into(), effort: Effort::Rungs }];
        if let Err(error) = Journal::open(&path, "seed 1", &candidates) {
            check(&error.to_string(), &path.display().to_string());
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    });
}

fn in_folder(work: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    work(folder.path());
}
