//! What commands write over, from outside: nothing of a user's is changed or deleted, whatever lies where they write.

#![cfg(unix)]

mod snapshot;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use emeuro::testbench::RtlPolicy;
use proptest::prelude::*;
use snapshot::snapshot;

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/16-16-8.yaml");
const LIST: &str = ".emeuro.sha256";

fn emeuro(arguments: &[&str], working: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro")).args(arguments).current_dir(working).output().unwrap()
}

/// Runs a command that must do its job.
fn done(arguments: &[&str], working: &Path) -> String {
    let output = emeuro(arguments, working);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail for what is in the way, and change nothing.
fn refused(arguments: &[&str], working: &Path) -> String {
    let before = snapshot(working);
    let output = emeuro(arguments, working);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {message}");
    assert!(message.len() < 2000 && !message.contains("panicked"), "{message}");
    assert_eq!(snapshot(working), before, "{arguments:?}: {message}");
    message
}

/// A file with one frame for [`NETWORK`].
fn frame(folder: &Path) -> PathBuf {
    let path = folder.join("frame.csv");
    fs::write(&path, format!("{}\n", vec!["0.1"; 16].join(","))).unwrap();
    path
}

#[test]
fn a_test_bench_in_a_generated_folder_survives() {
    let place = tempfile::tempdir().unwrap();
    let generate = ["generate", NETWORK, "--out", "unit"];
    let unit = place.path().join("unit");
    done(&generate, place.path());
    done(&generate, place.path());
    fs::create_dir(unit.join("src")).unwrap();
    fs::write(unit.join("testbench.v"), "module testbench;").unwrap();
    let message = refused(&generate, place.path());
    assert!(message.contains("\"src\", \"testbench.v\"") && message.contains("--force"), "{message}");
    done(&[&generate[..], &["--lanes", "3", "--force"]].concat(), place.path());
    assert_eq!(fs::read_to_string(unit.join("testbench.v")).unwrap(), "module testbench;");
    assert!(
        unit.join("src").is_dir() && fs::read_to_string(unit.join("unit.yaml")).unwrap().contains("lanes: 3")
    );

    // A file that was changed is named, and replaced when that is asked for.
    fs::write(unit.join("REPORT.md"), "notes").unwrap();
    fs::remove_file(unit.join("testbench.v")).unwrap();
    fs::remove_dir(unit.join("src")).unwrap();
    assert!(refused(&generate, place.path()).contains("changed since they were written: \"REPORT.md\""));
    done(&[&generate[..], &["--force"]].concat(), place.path());
    done(&generate, place.path());

    // What looks like a unit and has no list is not one.
    fs::remove_file(unit.join(LIST)).unwrap();
    for force in [&[][..], &["--force"]] {
        let message = refused(&[&generate[..], force].concat(), place.path());
        assert!(message.contains("expected a new or empty folder"), "{message}");
    }
    refused(&["generate", NETWORK, "--out", "."], place.path());
    refused(&["generate", NETWORK, "--out", "/"], place.path());
}

#[test]
fn every_command_with_a_folder_keeps_to_its_own() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path().join("own");
    for (command, folder) in [
        (vec!["generate", NETWORK], "own"),
        (vec!["vectors", NETWORK, "--frames", "2"], "own"),
        (vec!["build", "newton", "--frames", "2"], "own/newton"),
    ] {
        let command = [&command[..], &["--out", "own"]].concat();
        let folder = place.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        done(&command, place.path());
        done(&command, place.path());
        let other = if command[0] == "vectors" { "generate" } else { "vectors" };
        let message = refused(&[other, NETWORK, "--force", "--out", folder.to_str().unwrap()], place.path());
        assert!(message.contains("expected the list of a folder of"), "{message}");
        fs::write(folder.join("mine.txt"), "mine").unwrap();
        assert!(refused(&command, place.path()).contains("\"mine.txt\""));
        done(&[&command[..], &["--force"]].concat(), place.path());
        assert_eq!(fs::read_to_string(folder.join("mine.txt")).unwrap(), "mine");
        fs::remove_dir_all(&own).unwrap();
    }
}

#[test]
fn training_replaces_what_training_wrote() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let rows: String =
        (0..300).map(|k| format!("{},{}\n", 0.01 * f64::from(k), 0.02 * f64::from(k) + 1.0)).collect();
    fs::write(path("pairs.csv"), rows).unwrap();
    let train = ["train", "--data", "pairs.csv", "--inputs", "1", "--budget", "1s", "--out", "."];
    fs::write(path("pairs.yaml"), "mine: 1\n").unwrap();
    for force in [&[][..], &["--force"]] {
        let message = refused(&[&train[..], force].concat(), place.path());
        assert!(message.contains("\"pairs.yaml\" (not on its list)"), "{message}");
    }
    fs::remove_file(path("pairs.yaml")).unwrap();
    done(&train, place.path());
    done(&train, place.path());
    let trained = fs::read_to_string(path("pairs.yaml")).unwrap();
    fs::write(path("pairs.yaml"), trained.replacen("seed: 1", "seed: 2", 1)).unwrap();
    let message = refused(&train, place.path());
    assert!(message.contains("\"pairs.yaml\" (changed since it was written)"), "{message}");
    done(&[&train[..], &["--force"]].concat(), place.path());
    assert_eq!(fs::read_to_string(path("pairs.yaml")).unwrap(), trained);
    // A folder with emulators is none for a unit.
    fs::remove_file(path("pairs.csv")).unwrap();
    let message = refused(&["generate", "pairs.yaml", "--out", ".", "--force"], place.path());
    assert!(message.contains("found one of \"emulators\""), "{message}");
}

#[test]
fn training_of_applications_takes_no_other_files_away() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    for name in ["fft.checkpoint", "fft.txt", "newton.yaml"] {
        fs::write(path(name), "mine").unwrap();
    }
    // As it is checked in, an emulator is known.
    let (_, text) = emeuro::apps::emulator_texts().find(|(name, _)| *name == "fft").unwrap();
    fs::write(path("fft.yaml"), text).unwrap();
    done(&["train", "fft", "--out", "."], place.path());
    for name in ["fft.checkpoint", "fft.txt", "newton.yaml"] {
        assert_eq!(fs::read_to_string(path(name)).unwrap(), "mine", "{name}");
    }
    // Nothing is trained, neither, if the second emulator could not be written.
    fs::remove_file(path("fft.yaml")).unwrap();
    let message = refused(&["train", "fft", "newton", "--out", "."], place.path());
    assert!(message.contains("\"newton.yaml\""), "{message}");
    fs::write(path("fft.front.svg"), "<svg/>").unwrap();
    let message = refused(&["train", "fft", "--search", "--budget", "1s", "--out", "."], place.path());
    assert!(message.contains("\"fft.front.svg\""), "{message}");
}

#[test]
fn a_file_that_is_named_replaces_only_one_of_its_kind() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    frame(place.path());
    let run = |output: &str| {
        ["run", NETWORK, "--input", "frame.csv", "--output"]
            .into_iter()
            .chain([output])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let run = |output: &str, is_refused: bool| {
        let arguments = run(output);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if is_refused { refused(&arguments, place.path()) } else { done(&arguments, place.path()) }
    };
    for output in ["out.csv", "out.npy"] {
        run(output, false);
        run(output, false);
    }
    for (name, text) in [
        ("diary.csv", "monday,rain\n"),
        ("note.csv", "1,note"),
        ("table.csv", "temperature,loss\n1,2\n"),
        ("text.npy", "no array"),
    ] {
        fs::write(path(name), text).unwrap();
        let message = run(name, true);
        assert!(message.contains(name) && message.contains("stays"), "{message}");
    }
    fs::create_dir(path("folder.csv")).unwrap();
    assert!(run("folder.csv", true).contains("found a folder"));
    // Its own input, by any name.
    symlink("frame.csv", path("link.csv")).unwrap();
    for name in ["frame.csv", "./frame.csv", "link.csv"] {
        let message = run(name, true);
        assert!(message.contains("would replace the file of --input"), "{message}");
    }
    // A link stays one.
    symlink("out.csv", path("results.csv")).unwrap();
    fs::write(path("out.csv"), "").unwrap();
    run("results.csv", false);
    assert_eq!(fs::read_link(path("results.csv")).unwrap(), Path::new("out.csv"));
    assert!(!fs::read_to_string(path("out.csv")).unwrap().is_empty());
}

#[test]
fn long_work_is_not_begun_for_a_file_that_cannot_be_written() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let (_, text) = emeuro::apps::emulator_texts().find(|(name, _)| *name == "rope_clustered").unwrap();
    fs::write(path("rope.yaml"), text).unwrap();
    fs::write(path("clusters.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    let adapt = |more: &[&'static str]| [&["adapt", "rope", "--scenario", "wide-angle"], more].concat();
    let message = refused(&adapt(&["--emulator", "rope.yaml", "--out", "rope.yaml"]), place.path());
    assert!(message.contains("would replace the file of --emulator"), "{message}");
    let message = refused(&adapt(&["--out", "clusters.svg"]), place.path());
    assert!(message.contains("an earlier file that holds an emulator"), "{message}");
    let message = refused(&["curves", "clusters", "--out", "."], place.path());
    assert!(message.contains("clusters.svg") && message.contains("stays"), "{message}");
    // The folder of an emulator that learns is nothing else.
    let message = refused(&adapt(&["--state", ".", "--inputs", "1", "--frames", "1"]), place.path());
    assert!(message.contains("expected a new or empty folder"), "{message}");

    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    fs::write(path("package.json"), "{\"name\": \"mine\"}").unwrap();
    for option in ["--report", "--junit", "--lcov", "--trace"] {
        let more = if option == "--lcov" { &["--coverage"][..] } else { &[] };
        let arguments = ["cosim", NETWORK, "--frames", "2", "--scenarios", "0", option, "package.json"];
        let message = refused(&[&arguments[..], more].concat(), place.path());
        assert!(message.contains("package.json") && message.contains("stays"), "{message}");
    }
    let counted =
        ["cosim", NETWORK, "--frames", "2", "--scenarios", "0", "--coverage", "--report", "report.json"];
    done(&counted, place.path());
    done(&counted, place.path());
    let verilog = fs::read_dir(path("coverage.rtl")).unwrap().next().unwrap().unwrap().path();
    fs::write(verilog.join("mine.v"), "module mine;").unwrap();
    let output = emeuro(&counted, place.path());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && message.contains("\"mine.v\""), "{message}");
    assert_eq!(fs::read_to_string(verilog.join("mine.v")).unwrap(), "module mine;");
}

/// What a user may have put somewhere.
#[derive(Clone, Debug)]
enum Thing {
    File(&'static str),
    ReadOnly,
    Folder,
    LinkOutside,
    LinkToNothing,
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        4 => prop::sample::select(&["mine", "emeuro: 1\n", "# emeuro list 1: unit\n", "seconds: 1\ncalls: []\n"][..])
            .prop_map(Thing::File),
        1 => Just(Thing::ReadOnly),
        1 => Just(Thing::Folder),
        1 => Just(Thing::LinkOutside),
        1 => Just(Thing::LinkToNothing),
    ]
}

impl Thing {
    /// Puts it at `path`, in place of what is there.
    fn put(&self, path: &Path, outside: &Path) {
        let _ = fs::remove_file(path);
        match self {
            Self::File(text) => fs::write(path, text).unwrap(),
            Self::ReadOnly => {
                fs::write(path, "mine").unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
            }
            Self::Folder => {
                fs::create_dir(path).unwrap();
                fs::write(path.join("inside"), "mine").unwrap();
            }
            Self::LinkOutside => symlink(outside, path).unwrap(),
            Self::LinkToNothing => symlink("nothing", path).unwrap(),
        }
    }
}

const NAMES: &[&str] = &[
    "unit.yaml",
    "REPORT.md",
    "input.hex",
    "fft.yaml",
    "fft.checkpoint",
    "out.csv",
    "stages.svg",
    "tb.v",
    ".git",
    LIST,
    ".emeuro-x",
    "with a\nline",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_users_is_lost(
        command in 0..4usize,
        is_second: bool,
        force: bool,
        things in prop::collection::btree_map(prop::sample::select(NAMES), thing(), 1..4),
    ) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        let outside = place.path().join("outside");
        fs::create_dir(&folder).unwrap();
        fs::write(&outside, "mine").unwrap();
        let frame = frame(place.path());
        let own = folder.to_str().unwrap();
        let output = folder.join("out.csv");
        let mut arguments = match command {
            0 => vec!["generate", NETWORK, "--out", own],
            1 => vec!["vectors", NETWORK, "--frames", "2", "--out", own],
            2 => vec!["train", "fft", "--out", own],
            _ => vec!["run", NETWORK, "--input", frame.to_str().unwrap(), "--output", output.to_str().unwrap()],
        };
        if is_second {
            done(&arguments, place.path());
        }
        // `run` has no list, and no `--force`.
        let listed = if is_second && command < 3 { snapshot(&folder) } else { BTreeMap::new() };
        if force && command < 3 {
            arguments.push("--force");
        }
        for (name, thing) in &things {
            thing.put(&folder.join(name), &outside);
        }
        let before = snapshot(place.path());
        let output = emeuro(&arguments, place.path());
        let message = String::from_utf8(output.stderr).unwrap();
        prop_assert!(matches!(output.status.code(), Some(0 | 2)), "{}", message);
        prop_assert!(message.len() < 2000 && !message.contains("panicked"), "{}", message);
        prop_assert!(output.status.success() || message.contains("folder"), "{}", message);
        let after = snapshot(place.path());
        for (name, thing) in &things {
            let path = folder.join(name);
            let may_change = match thing {
                // Whoever writes an empty list says that the folder is the program's.
                Thing::File(text) if *name == LIST => text.starts_with("# emeuro list"),
                Thing::File(_) => force && listed.contains_key(&path),
                _ => false,
            };
            prop_assert!(may_change || after.get(&path) == before.get(&path), "{}: {}", path.display(), message);
        }
        prop_assert_eq!(after.get(&outside), before.get(&outside));
        if !output.status.success() {
            prop_assert_eq!(after, before);
        }
    }
}
