//! Regions as the environment sets them up: every test starts this program again with other variables.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use common::emulator;
use emeuro_regions::*;

#[approximate]
fn reach(x: f64) -> f64 {
    x + 1.0
}

#[approximate]
fn other(x: f64) -> f64 {
    x + 2.0
}

/// Never emulated as a whole.
#[approximate]
fn whole(x: f64) -> f64 {
    let y = reach(x);
    #[exact]
    println!("noted {y}");
    other(y)
}

/// What the tests below start: a program that sets itself up, calls its regions and finishes.
#[test]
fn program() {
    if std::env::var_os("EMEURO_TEST_PROGRAM").is_none() {
        return;
    }
    let report = || -> Result<()> {
        init()?;
        // The first call of an emulated region is its own code's, to see what it contains.
        reach(0.0);
        other(0.0);
        println!("reach {} other {} whole {}", reach(1.0), other(1.0), whole(1.0));
        for region in regions() {
            println!("{} {}", region.name(), region.mode());
        }
        if let Some(folder) = finish()? {
            println!("wrote {}", folder.display());
        }
        Ok(())
    };
    if let Err(error) = report() {
        println!("error: {error}");
    }
}

/// What the program prints in `folder`.
fn run(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "program", "--nocapture"]).current_dir(folder);
    for variable in ["EMULATORS", "SETTINGS", "MODE", "MISSING", "PROFILE"] {
        command.env_remove(format!("EMEURO_{variable}"));
    }
    command.env("EMEURO_TEST_PROGRAM", "1").envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{text}");
    text
}

fn assert_prints(folder: &Path, variables: &[(&str, &str)], expected: &[&str]) {
    let text = run(folder, variables);
    for expected in expected {
        assert!(text.contains(expected), "{variables:?}: expected {expected:?} in\n{text}");
    }
}

fn save(folder: &Path, name: &str, factor: f64) {
    fs::create_dir_all(folder.join("emulators")).unwrap();
    emulator("made", 1, &[factor]).save(folder.join("emulators").join(name)).unwrap();
}

const FOLDER: (&str, &str) = ("EMEURO_EMULATORS", "emulators");

#[test]
fn without_variables_everything_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    assert_prints(folder.path(), &[], &["reach 2 other 3 whole 4\n", "reach exact", "noted 2"]);
    assert!(!run(folder.path(), &[]).contains("wrote"));
}

#[test]
fn a_mode_alone_is_for_all_and_leaves_out_what_contains_exact_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    save(folder, "environment.reach.yaml", 3.0);
    save(folder, "other.yaml", 2.0);
    let expected = ["reach 3 other 2 whole 6\n", "noted 3", "whole exact", "reach emulate\n"];
    assert_prints(folder, &[FOLDER, ("EMEURO_MODE", "emulate")], &expected);
    assert_prints(folder, &[FOLDER, ("EMEURO_MODE", "*=emulate:0, other=exact")], &["reach 1.5 other 3"]);
    assert_prints(folder, &[FOLDER, ("EMEURO_MODE", "reach=check:7")], &["other exact", "reach check:7"]);
    let expected = [
        "error: region \"environment::whole\" cannot be emulated as a whole",
        "environment.rs:",
        "environment::other",
    ];
    assert_prints(folder, &[FOLDER, ("EMEURO_MODE", "whole=emulate")], &expected);
}

#[test]
fn a_missing_emulator_is_an_error_unless_the_exact_code_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    save(folder, "reach.yaml", 3.0);
    let emulate = [FOLDER, ("EMEURO_MODE", "emulate")];
    let expected =
        ["error: region \"environment::other\" has no emulator: expected emulators/environment.other.yaml"];
    assert_prints(folder, &emulate, &expected);
    let asked = [FOLDER, ("EMEURO_MODE", "emulate"), ("EMEURO_MISSING", "exact")];
    assert_prints(folder, &asked, &["reach 3 other 3 whole 5\n", "other exact"]);
    assert_prints(folder, &[("EMEURO_MISSING", "slow")], &["error: EMEURO_MISSING: expected exact or error"]);
    assert_prints(
        folder,
        &[("EMEURO_MODE", "other=check:5")],
        &["\"environment::other\" has no emulator: load one"],
    );
    assert_prints(
        folder,
        &[("EMEURO_EMULATORS", "nowhere")],
        &["EMEURO_EMULATORS: expected a folder, found nowhere"],
    );
    // A file that is there must be right.
    fs::write(folder.join("emulators/other.yaml"), "emeuro: 1\n").unwrap();
    assert_prints(folder, &asked, &["error: ", "other.yaml"]);
    emulator("wide", 2, &[1.0, 1.0]).save(folder.join("emulators/other.yaml")).unwrap();
    assert_prints(folder, &asked, &["has 1 inputs and 1 outputs, emulator \"wide\" has 2 and 1"]);
}

#[test]
fn a_settings_file_names_modes_emulators_and_targets() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    save(folder, "fast.yaml", 3.0);
    let settings = |text: &str| fs::write(folder.join("regions.yaml"), text).unwrap();
    let file = [("EMEURO_SETTINGS", "regions.yaml")];
    settings(
        "reach: {mode: 'emulate:1', emulator: emulators/fast.yaml, target: 0.1}\n'*': {mode: profile}\n",
    );
    assert_prints(folder, &file, &["reach 3 other 3", "reach emulate:1", "whole profile", "wrote profile"]);
    assert_prints(folder, &[file[0], ("EMEURO_MODE", "exact")], &["reach 2 other 3", "reach exact"]);
    for (text, expected) in [
        ("nothing: {mode: exact}\n", "no region is called \"nothing\""),
        ("reach: {mode: fast}\n", "regions.yaml: reach: expected exact, profile"),
        ("reach: {speed: 1}\n", "unknown field"),
        ("reach: {target: -1}\n", "target: expected a positive number"),
        ("reach: {emulator: gone.yaml}\n", "gone.yaml"),
        ("reach: [\n", "regions.yaml"),
    ] {
        settings(text);
        assert_prints(folder, &file, &["error: ", expected]);
    }
    settings("reach: {mode: emulate, emulator: gone.yaml}\n");
    assert_prints(folder, &[file[0], ("EMEURO_MISSING", "exact")], &["reach 2", "reach exact"]);
    assert_prints(folder, &[("EMEURO_SETTINGS", "gone.yaml")], &["error: gone.yaml"]);
}

#[test]
fn modes_that_nobody_understands_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("fast", "EMEURO_MODE: expected exact, profile, emulate"),
        ("reach=emulate:x", "found \"emulate:x\""),
        ("reach=exact,reach=profile", "reach has two modes"),
        ("nobody=exact", "no region is called \"nobody\""),
    ] {
        assert_prints(folder.path(), &[("EMEURO_MODE", text)], &["error: ", expected]);
    }
}

#[test]
fn a_profile_is_written_where_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_prints(
        folder,
        &[("EMEURO_MODE", "profile"), ("EMEURO_PROFILE", "seen/here")],
        &["wrote seen/here"],
    );
    let yaml = fs::read_to_string(folder.join("seen/here/profile.yaml")).unwrap();
    assert!(yaml.contains("region: environment::whole") && yaml.contains("exact_code:"), "{yaml}");
    assert!(folder.join("seen/here/environment.reach.inputs.npy").exists());
}
