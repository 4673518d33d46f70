//! What sources must look like: files of different folders, and the folders below a crate's root, do not import each other in a circle,
//! and unsafe code names the clauses of one contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Path of a module from the crate's root: `["simd", "isa"]`.
type Module = Vec<String>;

/// The modules of a crate, by their paths.
type Crate = BTreeMap<Module, File>;

/// A module that is a file.
#[derive(Default)]
struct File {
    /// Relative to the crate's sources.
    path: PathBuf,
    /// Paths that it names, as written: those of its `use` items, and those in its code.
    imports: Vec<Vec<String>>,
    /// What its `use` items bring in: the path of each name.
    names: BTreeMap<String, Vec<String>>,
}

/// Names, `::`, braces and all else of a source one by one, without comments, strings and modules of tests.
fn tokens(source: &str) -> Vec<String> {
    let mut code = String::new();
    let mut in_tests = false;
    for line in source.lines() {
        in_tests |= line == "mod tests {";
        if !in_tests {
            // Strings with `//` or with names of paths would be of no harm, but their quotes could.
            code.push_str(line.split("//").next().unwrap_or(""));
            code.push('\n');
        }
        in_tests &= line != "}";
    }
    let mut tokens: Vec<String> = vec![];
    let mut rest = code.chars().peekable();
    while let Some(next) = rest.next() {
        if next.is_alphanumeric() || next == '_' {
            let mut name = String::from(next);
            while let Some(more) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                name.push(more);
            }
            tokens.push(name);
        } else if next == ':' && rest.next_if_eq(&':').is_some() {
            tokens.push("::".into());
        } else if !next.is_whitespace() {
            tokens.push(next.into());
        }
    }
    tokens
}

/// The paths of the tree of a `use` item that begins at token `at`, with the name that each gets, and where the tree ends.
fn tree(tokens: &[String], mut at: usize, path: &[String], found: &mut Vec<(Vec<String>, String)>) -> usize {
    let mut path = path.to_vec();
    loop {
        match tokens[at].as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = tree(tokens, at, &path, found);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            "," | "}" | ";" => {
                // `self` in braces is the path itself.
                path.pop_if(|last| last == "self");
                let name = path.last().cloned().unwrap_or_default();
                found.push((path, name));
                return at;
            }
            "as" => {
                found.push((path, tokens[at + 1].clone()));
                return at + 2;
            }
            name => {
                path.push(name.into());
                at += 1;
            }
        }
    }
}

/// Reads a source. A path of a module within the file is taken to be one of the file.
fn parse(path: &Path, source: &str) -> File {
    let tokens = tokens(source);
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut file = File { path: path.into(), ..File::default() };
    // Braces around, and after how many of them modules within the file begin.
    let (mut braces, mut within) = (0, vec![]);
    let mut at = 0;
    while at < tokens.len() {
        let mut found = vec![];
        match token(at) {
            "use" => at = tree(&tokens, at + 1, &[], &mut found),
            "mod" => {
                while !["{", ";"].contains(&token(at)) {
                    at += 1;
                }
                if token(at) == "{" {
                    within.push(braces);
                }
            }
            // Who may see an item.
            "(" if token(at + 1) == "in" => {
                while token(at) != ")" {
                    at += 1;
                }
            }
            "{" => (braces, at) = (braces + 1, at + 1),
            "}" => {
                (braces, at) = (braces - 1, at + 1);
                within.pop_if(|begin| *begin == braces);
            }
            _ if token(at + 1) == "::" => {
                let mut path = vec![token(at).to_owned()];
                while token(at + 1) == "::" {
                    at += 2;
                    path.push(token(at).to_owned());
                }
                at += 1;
                found.push((path, String::new()));
            }
            _ => at += 1,
        }
        for (mut path, name) in found {
            let supers = path.iter().take_while(|part| *part == "super").count();
            path.drain(..supers.min(within.len()));
            if !name.is_empty() && within.is_empty() {
                file.names.insert(name, path.clone());
            }
            file.imports.push(path);
        }
    }
    file
}

/// Where a module is, from the path of its file.
fn module(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    module
}

/// The module in which a path ends that stands in `from`: through what modules bring in from others, to where it is defined. None if it
/// is of another crate.
fn resolve(files: &Crate, from: &Module, path: &[String]) -> Option<Module> {
    resolve_within(files, from, path, 32)
}

fn resolve_within(files: &Crate, from: &Module, path: &[String], depth: usize) -> Option<Module> {
    let depth = depth.checked_sub(1)?;
    let (mut at, mut rest) = (from.clone(), path);
    let [start, ..] = path else { return Some(from.clone()) };
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => _ = at.pop(),
            "self" => {}
            _ => break,
        }
        rest = more;
    }
    if rest.len() == path.len() && !files.contains_key(&[&from[..], std::slice::from_ref(start)].concat()) {
        let first = files.get(from)?.names.get(start)?;
        // A name of its own is of another crate.
        let other = first.first().is_some_and(|name| name == start);
        return if other { None } else { resolve_within(files, from, &[first, &path[1..]].concat(), depth) };
    }
    while let [next, more @ ..] = rest {
        let below = [&at[..], std::slice::from_ref(next)].concat();
        if files.contains_key(&below) {
            (at, rest) = (below, more);
            continue;
        }
        let Some(brought) = files.get(&at)?.names.get(next) else { return Some(at) };
        return resolve_within(files, &at, &[brought, more].concat(), depth);
    }
    Some(at)
}

/// Which nodes of a graph each of them reaches.
fn reached<N: Ord + Clone>(edges: &BTreeSet<(N, N)>) -> BTreeMap<N, BTreeSet<N>> {
    let mut reached: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (from, to) in edges {
        reached.entry(from.clone()).or_default().insert(to.clone());
    }
    loop {
        let before: usize = reached.values().map(BTreeSet::len).sum();
        for from in reached.keys().cloned().collect::<Vec<_>>() {
            let next = reached[&from].iter().filter_map(|to| reached.get(to)).flatten().cloned();
            let next: Vec<N> = next.collect();
            reached.get_mut(&from).expect("a key").extend(next);
        }
        if reached.values().map(BTreeSet::len).sum::<usize>() == before {
            return reached;
        }
    }
}

/// The imports among files, and those among their folders.
type Edges = BTreeSet<(PathBuf, PathBuf)>;

fn edges(sources: &[(PathBuf, String)]) -> Edges {
    let files: Crate = sources.iter().map(|(path, source)| (module(path), parse(path, source))).collect();
    let mut edges = Edges::new();
    for (from, file) in &files {
        for to in file.imports.iter().filter_map(|path| resolve(&files, from, path)) {
            let to = &files[&to].path;
            if *to != file.path {
                edges.insert((file.path.clone(), to.clone()));
            }
        }
    }
    edges
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).into()
}

/// Every import that is a part of a circle which leaves a folder: between files, or between folders below the crate's root. What
/// stands in the root is judged file by file, as the root has what all folders are about.
fn circles(sources: &[(PathBuf, String)]) -> Vec<String> {
    let files = edges(sources);
    let folders: Edges = files
        .iter()
        .map(|(from, to)| (folder(from), folder(to)))
        .filter(|(from, to)| from != to && ![from, to].contains(&&PathBuf::new()))
        .collect();
    let mut circles = vec![];
    for (edges, across) in [(&files, true), (&folders, false)] {
        let reached = reached(edges);
        for (from, to) in edges {
            let back = reached.get(to).is_some_and(|reached| reached.contains(from));
            if back && (!across || folder(from) != folder(to)) {
                circles.push(format!("{} imports {}", from.display(), to.display()));
            }
        }
    }
    circles
}

/// The sources of a crate, or of a folder.
fn sources(root: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (vec![], vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                found.push((path.strip_prefix(root).expect("below the root").into(), source));
            }
        }
    }
    found
}

/// Fails for a crate whose folders import each other in a circle.
fn check(root: &Path) {
    let sources = sources(&root.join("src"));
    let circles = circles(&sources);
    assert!(circles.is_empty(), "{}: a circle of\n{}", root.display(), circles.join("\n"));
}

#[test]
fn folders_of_the_golden_model_import_each_other_in_no_circle() {
    check(Path::new(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn folders_of_the_trainer_import_each_other_in_no_circle() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer"));
}

#[test]
fn files_of_the_kernels_import_each_other_in_no_circle() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let kernels = edges(&sources).into_iter();
    let kernels: Edges =
        kernels.filter(|(from, to)| [from, to].iter().all(|path| path.starts_with("simd"))).collect();
    assert!(kernels.len() > 50, "{} imports", kernels.len());
    let reached = reached(&kernels);
    for (from, to) in &kernels {
        let back = reached.get(to).is_some_and(|reached| reached.contains(from));
        assert!(!back, "{} imports {} in a circle", from.display(), to.display());
    }
}

/// The clauses of a contract: the name between asterisks of every numbered line of a file's documentation.
fn clauses(source: &str) -> BTreeSet<String> {
    let numbered = source.lines().filter_map(|line| {
        let text = line.strip_prefix("//! ")?;
        let (number, rest) = text.split_once(". *")?;
        number.parse::<usize>().ok()?;
        Some(rest.split_once('*')?.0.to_lowercase())
    });
    numbered.collect()
}

/// What unsafe code says of itself without a clause, or with one that there is not.
fn uncovered(clauses: &BTreeSet<String>, source: &str) -> Vec<String> {
    let mut uncovered = vec![];
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        let text = match *line {
            "/// # Safety" => {
                lines[at + 1..].iter().take_while(|line| line.starts_with("///")).copied().collect()
            }
            _ => line.split_once("// SAFETY:").map_or(String::new(), |(_, text)| text.to_owned()),
        };
        if text.is_empty() && *line != "/// # Safety" {
            continue;
        }
        let named: Vec<String> = text.split('*').skip(1).step_by(2).map(str::to_lowercase).collect();
        if named.is_empty() || named.iter().any(|name| !clauses.contains(name)) {
            uncovered.push(format!("line {}: {line} {text}", at + 1));
        }
    }
    uncovered
}

#[test]
fn unsafe_kernels_name_clauses_of_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/simd");
    let clauses = clauses(&fs::read_to_string(root.join("mod.rs")).expect("the contract"));
    assert_eq!(clauses.len(), 8, "{clauses:?}");
    for (path, source) in sources(&root) {
        let uncovered = uncovered(&clauses, &source);
        assert!(uncovered.is_empty(), "{}:\n{}", path.display(), uncovered.join("\n"));
    }
}

#[test]
fn unsafe_code_without_a_clause_is_found() {
    let clauses = clauses("//! 1. *Machine*: it is.\n//! 2. *Frame*: it is there.\n//! 3. No clause.\n");
    assert_eq!(clauses, ["machine", "frame"].map(String::from).into());
    let right = "/// # Safety\n/// *Machine*, *frame*.\nfn f()\n// SAFETY: *frame*; and more.\n";
    assert!(uncovered(&clauses, right).is_empty());
    for wrong in
        ["/// # Safety\n/// A machine.\n", "/// # Safety\n", "// SAFETY: a frame.", "// SAFETY: *level*."]
    {
        assert_eq!(uncovered(&clauses, wrong).len(), 1, "{wrong}");
    }
}

/// Made-up files of a crate.
fn made_up(files: &[(&str, &str)]) -> Vec<(PathBuf, String)> {
    files.iter().map(|(path, source)| (PathBuf::from(path), source.to_string())).collect()
}

#[test]
fn a_circle_is_found() {
    let lib = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::{x::X, y};\npub use c::C as D;\n");
    let a = [("a/mod.rs", "pub mod x;\npub mod y;\n"), ("a/x.rs", "pub struct X;\n")];
    // Both are named through the root, one by another name, and one in its code alone.
    let back = ("a/y.rs", "fn y() -> u8 {\n    crate::b::in_b()\n}\n");
    let there = ("b.rs", "use crate::y;\nuse std::{fmt, path::Path};\npub fn in_b() -> u8 { y::Y }\n");
    let found = circles(&made_up(&[lib, a[0], a[1], back, there]));
    assert_eq!(found, ["a/y.rs imports b.rs", "b.rs imports a/y.rs"]);
    let there = ("b.rs", "use crate::X;\npub fn in_b() -> u8 { 0 }\n");
    assert!(circles(&made_up(&[lib, a[0], a[1], back, there])).is_empty());
    // In comments and tests anything may be named.
    let there = ("b.rs", "// use crate::y;\npub fn in_b() {}\nmod tests {\n    use crate::y::Y;\n}\n");
    assert!(circles(&made_up(&[lib, a[0], a[1], back, there])).is_empty());
    // Through three files and a name that the root gives.
    let c = ("c.rs", "use super::a::y as other;\npub struct C(other::Y);\n");
    let there = ("b.rs", "use crate::{D, X};\n");
    let found = circles(&made_up(&[lib, a[0], a[1], back, there, c]));
    assert_eq!(found, ["a/y.rs imports b.rs", "c.rs imports a/y.rs"]);
    // A module is named by the file that it is below without any `use`; who may see an item is no import.
    let above = ("a/mod.rs", "pub mod x;\npub mod y;\npub(in crate::b) fn of_x() { x::new() }\n");
    let found = edges(&made_up(&[lib, above, a[1], back, there]));
    assert!(found.contains(&("a/mod.rs".into(), "a/x.rs".into())));
    assert!(!found.contains(&("a/mod.rs".into(), "b.rs".into())));
    // What a module within a file takes from the file is no import.
    let c = ("c.rs", "mod inner {\n    use super::*;\n    use super::super::a::x;\n}\n");
    assert!(edges(&made_up(&[lib, a[0], a[1], c])).contains(&("c.rs".into(), "a/x.rs".into())));
    assert!(!edges(&made_up(&[lib, a[0], a[1], c])).contains(&("c.rs".into(), "lib.rs".into())));
}

#[test]
fn a_circle_of_folders_is_found_without_one_of_files() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a/mod.rs", "mod x;\nmod y;\n"),
        ("a/x.rs", "use crate::b::x::X;\n"),
        ("a/y.rs", "pub struct Y;\n"),
        ("b/mod.rs", "mod x;\nmod y;\n"),
        ("b/x.rs", "pub struct X;\n"),
        ("b/y.rs", "use crate::a::{self, y::Y};\n"),
    ];
    assert_eq!(circles(&made_up(&files)), ["a imports b", "b imports a"]);
    let mut right = files;
    right[2].1 = "use super::y::Y;\n";
    assert!(circles(&made_up(&right)).is_empty());
    // Files of one folder may.
    right[3].1 = "use super::x;\n";
    assert!(circles(&made_up(&right)).is_empty());
}
