//! `emeuro new`: what it writes, what it refuses, and where its script leads.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder inside of the checkout: what lies in it must not become a part of the workspace.
fn place() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn new(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emeuro")).arg("new").args(arguments).current_dir(place).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A command that must fail and leave nothing behind.
fn refused(place: &Path, arguments: &[&str]) -> String {
    let before = fs::read_dir(place).unwrap().count();
    let output = new(place, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty() && message.starts_with("error: "), "{message}");
    assert_eq!(fs::read_dir(place).unwrap().count(), before, "{arguments:?}");
    message
}

/// A program in bash with the name `name`.
#[cfg(unix)]
fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::write(&path, format!("#!/usr/bin/env bash\n{text}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_crate_is_whole_and_depends_on_the_checkout() {
    let place = place();
    let output = new(place.path(), &["my-arm"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("cd my-arm && ./demo.sh"));
    let folder = place.path().join("my-arm");
    for file in
        [".gitignore", "Cargo.lock", "Cargo.toml", "README.md", "demo.sh", "src/main.rs", "src/region.rs"]
    {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(!text.contains("{{"), "{file}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no scratch is left");
    // Cargo understands it, and it is no member of the workspace around it.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!((packages.len(), packages[0]["name"].as_str()), (1, Some("my-arm")));
    let dependencies = packages[0]["dependencies"].as_array().unwrap();
    let regions = dependencies.iter().find(|dependency| dependency["name"] == "emeuro-regions").unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(
        Path::new(regions["path"].as_str().unwrap()).canonicalize().unwrap(),
        checkout.join("regions").canonicalize().unwrap()
    );
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("path = \"../"), "a way that survives a move of both: {manifest}");
}

#[test]
fn another_checkout_can_be_named() {
    let place = place();
    let checkout = place.path().join("elsewhere");
    for name in ["golden", "regions"] {
        fs::create_dir_all(checkout.join(name)).unwrap();
        fs::write(checkout.join(name).join("Cargo.toml"), "").unwrap();
    }
    let output = new(place.path(), &["demo", "--emeuro", "elsewhere", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["folder"], &summary["emeuro"]), (&"demo".into(), &"../elsewhere".into()));
    let manifest = fs::read_to_string(place.path().join("demo/Cargo.toml")).unwrap();
    assert!(manifest.contains("emeuro-regions = { path = \"../elsewhere/regions\" }"), "{manifest}");
    let message = refused(place.path(), &["other", "--emeuro", "nowhere"]);
    assert!(message.contains("nowhere: expected a checkout of emeuro"), "{message}");
}

#[test]
fn bad_names_and_bad_places_are_refused() {
    let place = place();
    for name in ["7up", "a/b", "", "fn", "emeuro-regions", "build"] {
        let message = refused(place.path(), &[name]);
        assert!(message.contains(&format!("NAME {name:?}: expected")), "{message}");
    }
    fs::create_dir(place.path().join("there")).unwrap();
    fs::write(place.path().join("file"), "mine").unwrap();
    for name in ["there", "file"] {
        let message = refused(place.path(), &[name]);
        assert!(message.contains(&format!("{name}: expected a name that nothing has yet")), "{message}");
    }
    assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "mine");
    // Everything is there but the name.
    let message = refused(place.path(), &[&"a".repeat(300)]);
    assert!(message.contains("cannot write"), "{message}");
    if cfg!(target_os = "linux") {
        let output = new(Path::new("/proc"), &["demo"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("demo: cannot write"), "{}", text(&output.stderr));
    }
}

/// The script alone: programs that only print stand in for cargo and emeuro.
#[cfg(unix)]
#[test]
fn the_script_ends_with_a_summary_and_says_what_has_failed() {
    let place = place();
    assert!(new(place.path(), &["demo"]).status.success());
    let (folder, programs) = (place.path().join("demo"), place.path().join("programs"));
    fs::create_dir(&programs).unwrap();
    script(&programs, "cargo", "[[ $* != *--compare* ]] || echo \"speed-up  7.5 $*\"\n");
    let emeuro = |trains: &str, cosim: &str| {
        let text = format!(
            "case $1 in\n--version) ;;\ntrain) {trains} ;;\ngenerate) echo \"$4: 123 clocks\" ;;\ncosim) {cosim} ;;\nesac\n"
        );
        script(&programs, "emeuro", &text);
    };
    let run = |arguments: &[&str]| {
        let path = env::join_paths(
            std::iter::once(programs.clone())
                .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
        );
        let mut command = Command::new(folder.join("demo.sh"));
        command.args(arguments).current_dir(place.path()).env("PATH", path.unwrap()).env_remove("EMEURO");
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let trains = "mkdir -p emulators; printf '%s\\n' 'a::one:' '  emulator: one.yaml' 'two:' '  emulator: two.yaml' \
         > emulators/regions.settings.yaml";
    emeuro(trains, "echo All words and clocks as predicted: $2");
    fs::write(place.path().join("mine.csv"), "1,2,3\n").unwrap();
    let (code, out, err) = run(&["mine.csv"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let summary = out.split("== summary").nth(1).unwrap();
    for part in [
        "speed-up  7.5",
        "/mine.csv",
        "hardware/one: 123 clocks",
        "hardware/two: 123 clocks",
        "predicted: emulators/one.yaml",
        "predicted: emulators/two.yaml",
        "simulate 0 s",
    ] {
        assert!(summary.contains(part), "{part}: {out}");
    }
    // No Verilator: said, with everything else, and no success.
    emeuro(trains, "echo 'error: Verilator not found: install it' >&2; exit 2");
    let (code, out, err) = run(&[]);
    assert_eq!(code, Some(1), "{out}{err}");
    let summary = out.split("== summary").nth(1).unwrap();
    assert!(summary.contains("speed-up  7.5") && summary.contains("Verilator not found"), "{out}");
    assert!(err.contains("co-simulation has not passed"), "{err}");
    // Words that differ in the first of two units.
    emeuro(trains, "[ $2 = emulators/two.yaml ] && echo All words right || { echo FAILED; exit 1; }");
    let (code, out, _) = run(&[]);
    assert!(code == Some(1) && out.contains("FAILED") && out.contains("All words right"), "{out}");
    // Nothing is worth an emulator: those of the last run do not stand in.
    emeuro("mkdir -p emulators; echo '{}' > emulators/regions.settings.yaml", "false");
    let (code, out, err) = run(&[]);
    assert!(code == Some(1) && err.contains("no region was found worth"), "{out}{err}");
    emeuro("echo 'error: a bad profile' >&2; exit 2", "false");
    assert_eq!(run(&[]).0, Some(2));
    let (code, _, err) = run(&["missing.csv"]);
    assert!(code == Some(2) && err.contains("missing.csv: expected a file"), "{err}");
}

/// As a newcomer would, from nothing to a passing co-simulation. Builds the new crate in release: minutes.
#[test]
#[ignore = "builds a crate and trains: minutes; ./test --full"]
fn the_demo_goes_from_nothing_to_a_passing_co_simulation() {
    let place = tempfile::tempdir().unwrap();
    assert!(new(place.path(), &["demo"]).status.success());
    let output = Command::new(place.path().join("demo/demo.sh"))
        .env("EMEURO", env!("CARGO_BIN_EXE_emeuro"))
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    let summary = out.split("== summary").nth(1).unwrap();
    println!("{summary}");
    assert!(summary.contains("All words and clocks as predicted"), "{out}");
    let figure = |name: &str| -> f64 {
        let line = summary.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    assert!(figure("speed-up") > 1.0 && figure("error") < 5.0, "{summary}");
}
