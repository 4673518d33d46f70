//! `emeuro new`: a crate to begin with.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::failure::{Failure, Outcome, input_in, unwritten};

/// Writes a crate with a function to emulate, and a script that goes from the function to its Verilog.
///
/// The crate is a program with a region (the inverse kinematics of an arm), inputs for it, tests, and demo.sh: profile, training,
/// comparison, Verilog, co-simulation. Put a function of your own in its place.
#[derive(Args)]
#[command(after_help = "Example: emeuro new demo && cd demo && ./demo.sh")]
pub(crate) struct New {
    /// Name of the crate, and of the folder that is made in the working directory.
    name: String,
    /// The checkout of emeuro that the crate depends on; by default the one that this program was built from.
    #[arg(long)]
    emeuro: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// A file of the crate.
struct Template {
    path: &'static str,
    text: &'static str,
    is_program: bool,
}

macro_rules! template {
    ($path:literal, $file:literal, $is_program:literal) => {
        Template {
            path: $path,
            text: include_str!(concat!("../../templates/new/", $file)),
            is_program: $is_program,
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!(".gitignore", "gitignore", false),
    template!("Cargo.toml", "Cargo.template.toml", false),
    template!("README.md", "README.md", false),
    template!("demo.sh", "demo.sh", true),
    template!("src/input.rs", "src/input.rs", false),
    template!("src/main.rs", "src/main.rs", false),
    template!("src/region.rs", "src/region.rs", false),
];

/// The crates that the new one depends on, and those that come with the language.
const TAKEN: &[&str] = &[
    "emeuro-golden",
    "emeuro-regions",
    "emeuro-tables",
    "rand",
    "rand_chacha",
    "alloc",
    "core",
    "proc_macro",
    "std",
    "test",
];

/// Folders in which cargo puts what it makes; cargo refuses programs of these names.
const FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// Keywords of Rust, now or later.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

impl New {
    /// Writes the crate.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        check_name(&self.name)?;
        let folder = Path::new(&self.name);
        if fs::symlink_metadata(folder).is_ok() {
            let problem = "expected a name that nothing has yet in this folder";
            return Err(input_in(folder, problem));
        }
        let checkout = checkout(self.emeuro.as_deref())?;
        let working =
            Path::new(".").canonicalize().map_err(|e| Failure::Input(format!("working directory: {e}")))?;
        let from_crate = relative(&working.join(folder), &checkout);
        let dependency = toml_text(&from_crate)?;
        let fill = |text: &str| text.replace("{{name}}", &self.name).replace("{{emeuro}}", &dependency);
        let mut files: Vec<(&str, String, bool)> =
            TEMPLATES.iter().map(|file| (file.path, fill(file.text), file.is_program)).collect();
        // The same versions of all crates as in the checkout: they are tested, and mostly there already.
        if let Ok(versions) = fs::read_to_string(checkout.join("Cargo.lock")) {
            files.push(("Cargo.lock", versions, false));
        }
        write(folder, &files).map_err(|e| unwritten(folder, e))?;
        if self.json {
            let names: Vec<&str> = files.iter().map(|(name, ..)| *name).collect();
            let summary =
                json!({ "folder": self.name, "files": names, "emeuro": from_crate.display().to_string() });
            return Ok(Outcome::success(format!("{summary}\n")));
        }
        let name = &self.name;
        Ok(Outcome::success(format!(
            "{name}: a program with a region, the inverse kinematics of an arm, in src/region.rs\n\n  \
             cd {name} && ./demo.sh    from the function to its Verilog, in a few minutes\n\n\
             README.md says how to put a function of your own in its place.\n"
        )))
    }
}

/// Names that cargo takes.
fn check_name(name: &str) -> Result<(), Failure> {
    let wrong = |problem: &str| Err(Failure::Input(format!("NAME {name:?}: {problem}")));
    let mut letters = name.chars();
    if !letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        || !letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        return wrong("expected a letter, then letters, digits, - or _");
    }
    let same = |other: &&str| other.replace('-', "_") == name.replace('-', "_");
    if KEYWORDS.contains(&name) {
        return wrong("expected another name: it is a keyword of Rust");
    }
    if TAKEN.iter().any(same) {
        return wrong("expected another name: it is that of a crate which the new one needs");
    }
    if FOLDERS.contains(&name) {
        return wrong("expected another name: cargo has a folder of this name");
    }
    Ok(())
}

/// The folder of the checkout, which must have the crates that the new one depends on.
fn checkout(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let path = given.unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")));
    let is_checkout = ["golden", "regions"].iter().all(|name| path.join(name).join("Cargo.toml").is_file());
    if !is_checkout {
        let expected = "expected a checkout of emeuro, with the crates golden and regions";
        let advice = if given.is_some() { "" } else { "; --emeuro PATH names one" };
        return Err(input_in(path, format!("{expected}{advice}")));
    }
    path.canonicalize().map_err(|e| input_in(path, e))
}

/// The way from the folder `from` to `to`, both absolute; `to` itself if there is none.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// A path as it stands in quotes in Cargo.toml.
fn toml_text(path: &Path) -> Result<String, Failure> {
    let refused = |problem: &str| input_in(path, problem);
    let text = path.to_str().ok_or_else(|| refused("expected a path in UTF-8"))?;
    // Windows takes slashes too.
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() };
    match text.contains(['"', '\\']) || text.contains(char::is_control) {
        true => Err(refused("expected a path without quotes, backslashes and line ends")),
        false => Ok(text),
    }
}

/// Writes all files into a new folder, which gets its name when it is complete.
fn write(folder: &Path, files: &[(&str, String, bool)]) -> io::Result<()> {
    let scratch = tempfile::Builder::new().prefix(".emeuro-").tempdir_in(".")?;
    let new = scratch.path().join("new");
    for (name, text, is_program) in files {
        let path = new.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&new))?;
        fs::write(&path, text)?;
        if *is_program {
            make_executable(&path)?;
        }
    }
    fs::rename(&new, folder)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = fs::metadata(path)?.permissions();
    // Who may read it may run it.
    permissions.set_mode(permissions.mode() | (permissions.mode() & 0o444) >> 2);
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_takes() {
        for name in ["demo", "a", "my-arm_2", "Arm", "selfie"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["", "2d", "-a", "_", "a b", "a/b", "..", "ärm", "fn", "test", "emeuro_golden", "rand", "deps"]
        {
            let message = check_name(name).unwrap_err().to_string();
            assert!(message.contains(&format!("{name:?}: expected")), "{message}");
        }
    }

    #[test]
    fn the_way_to_the_checkout_is_relative() {
        let way = |from, to| relative(Path::new(from), Path::new(to));
        assert_eq!(way("/home/me/demo", "/home/me/emeuro"), Path::new("../emeuro"));
        assert_eq!(way("/home/me/emeuro/demo", "/home/me/emeuro"), Path::new(".."));
        assert_eq!(way("/tmp/demo", "/home/me/emeuro"), Path::new("../../home/me/emeuro"));
        assert_eq!(way("demo", "/home/me/emeuro"), Path::new("/home/me/emeuro"));
    }

    #[test]
    fn paths_that_would_break_the_files_are_refused() {
        assert_eq!(toml_text(Path::new("../my checkout")).unwrap(), "../my checkout");
        assert!(toml_text(Path::new("a\"b")).is_err() && toml_text(Path::new("a\nb")).is_err());
    }
}
