//! Whatever lies in a folder: what this program did not write is neither changed nor removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::{PermissionsExt, symlink},
};

use proptest::prelude::*;

use super::*;

#[path = "../../tests/snapshot/mod.rs"]
mod snapshot;
use snapshot::snapshot;

fn replace(folder: &Path, files: &[(&str, &str)], force: bool) -> Result<(), String> {
    let files: Vec<(&str, String)> = files.iter().map(|&(name, text)| (name, text.to_owned())).collect();
    let open = OwnedFolder::open(folder, Contents::Unit, force);
    open.and_then(|folder| folder.replace(&files)).map_err(|failure| failure.to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_made_rewritten_and_rid_of_what_is_no_longer_in_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("new/unit");
    replace(&folder, &[("a.v", "one"), ("b.v", "two")], false).unwrap();
    replace(&folder, &[("a.v", "three"), ("c.v", "four")], false).unwrap();
    assert_eq!(names(&folder), [LIST_FILE, "a.v", "c.v"]);
    assert_eq!(fs::read_to_string(folder.join("a.v")).unwrap(), "three");
    // Any tool can tell what was changed.
    let list = fs::read_to_string(folder.join(LIST_FILE)).unwrap();
    assert_eq!(list.lines().filter(|line| !line.starts_with('#')).count(), 2, "{list}");
    assert!(list.contains(&format!("{}  a.v\n", hash_of_text("three"))), "{list}");
}

#[test]
fn strangers_and_changed_files_are_named_and_stay() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("unit");
    replace(&folder, &[("a.v", "one"), ("b.v", "two"), ("old.v", "three")], false).unwrap();
    fs::create_dir(folder.join(".git")).unwrap();
    for (name, text) in [("testbench.v", "mine"), ("b.v", "changed"), ("old.v", "changed too")] {
        fs::write(folder.join(name), text).unwrap();
    }
    let before = snapshot(place.path());
    let message = replace(&folder, &[("a.v", "four")], false).unwrap_err();
    for part in ["\".git\"", "\"testbench.v\"", "\"b.v\"", "\"old.v\"", "--force", folder.to_str().unwrap()] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("a.v"), "{message}");
    // A file that is not listed is not replaced, whatever is asked for.
    let message = replace(&folder, &[("a.v", "four"), ("testbench.v", "ours")], true).unwrap_err();
    assert!(message.contains("\"testbench.v\" (not on its list)"), "{message}");
    assert_eq!(snapshot(place.path()), before);
    // Of the listed ones, those are replaced that have a successor; work on others is not removed.
    replace(&folder, &[("a.v", "four"), ("b.v", "five")], true).unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(
        (read("a.v"), read("b.v"), read("old.v")),
        ("four".into(), "five".into(), "changed too".into())
    );
    assert_eq!((read("testbench.v"), names(&folder).len()), ("mine".into(), 6));
}

#[test]
fn folders_without_a_list_or_with_that_of_others_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("unit");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("unit.yaml"), "emeuro_unit: 1\n").unwrap();
    for force in [false, true] {
        let message = replace(&folder, &[("unit.yaml", "new")], force).unwrap_err();
        assert!(
            message.contains("expected a new or empty folder") && message.contains("\"unit.yaml\""),
            "{message}"
        );
        assert!(message.contains("folders of its first versions have none"), "{message}");
    }
    fs::remove_file(folder.join("unit.yaml")).unwrap();
    OwnedFolder::open(&folder, Contents::Vectors, false).unwrap().replace(&[("a", String::new())]).unwrap();
    let message = replace(&folder, &[("a", "new")], true).unwrap_err();
    assert!(message.contains("found one of \"vectors\""), "{message}");
    for (path, found) in
        [("unit/a", "found a file"), ("nothing", "found a link to nothing"), ("", "an empty one")]
    {
        let path = if path.is_empty() { PathBuf::new() } else { place.path().join(path) };
        if found.contains("link") {
            symlink("missing", &path).unwrap();
        }
        let message = replace(&path, &[("a", "new")], true).unwrap_err();
        assert!(message.contains(found), "{message}");
    }
}

#[test]
fn a_folder_may_be_a_link_and_a_file_may_not() {
    let place = tempfile::tempdir().unwrap();
    let (folder, link) = (place.path().join("unit"), place.path().join("link"));
    fs::create_dir(&folder).unwrap();
    symlink("unit", &link).unwrap();
    replace(&link, &[("a.v", "one"), ("b.v", "two")], false).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("unit"));
    assert_eq!(names(&folder).len(), 3);
    let mine = place.path().join("mine");
    fs::rename(folder.join("a.v"), &mine).unwrap();
    symlink(&mine, folder.join("a.v")).unwrap();
    for force in [false, true] {
        let message = replace(&folder, &[("b.v", "three")], force).unwrap_err();
        assert!(message.contains("\"a.v\" (a link)"), "{message}");
    }
    fs::remove_file(folder.join("a.v")).unwrap();
    // Another name of a file keeps what it had.
    fs::hard_link(folder.join("b.v"), place.path().join("second")).unwrap();
    replace(&folder, &[("b.v", "three")], false).unwrap();
    assert_eq!(fs::read_to_string(place.path().join("second")).unwrap(), "two");
    fs::set_permissions(folder.join("b.v"), fs::Permissions::from_mode(0o444)).unwrap();
    let message = replace(&folder, &[("b.v", "four")], true).unwrap_err();
    assert!(message.contains("\"b.v\" (read-only)"), "{message}");
}

#[test]
fn names_that_differ_in_case_alone_are_not_replaced() {
    let place = tempfile::tempdir().unwrap();
    replace(place.path(), &[("a.v", "one")], false).unwrap();
    fs::write(place.path().join("report.md"), "mine").unwrap();
    let message = replace(place.path(), &[("REPORT.md", "ours")], true).unwrap_err();
    assert!(message.contains("\"report.md\""), "{message}");
}

#[test]
fn a_run_that_was_killed_anywhere_is_made_good_by_the_next() {
    let old = [("a.v", "one"), ("b.v", "two"), ("c.v", "three")];
    let new = [("a.v", "four"), ("b.v", "five"), ("d.v", "six")];
    for done in 0..=new.len() {
        let place = tempfile::tempdir().unwrap();
        replace(place.path(), &old, false).unwrap();
        // As in `commit`, up to a point.
        let mut owned = OwnedFolder::open(place.path(), Contents::Unit, false).unwrap();
        let stage = owned.stage().unwrap();
        fill(&stage, &new.map(|(name, text)| (name, text.to_owned()))).unwrap();
        let all = staged(&stage).unwrap();
        owned.files.announce(&all).unwrap();
        let some = all.into_iter().take(done).collect();
        owned.files.put(&some, &stage).unwrap();
        // What was under way stays behind.
        let _ = stage.keep();
        drop(owned);
        replace(place.path(), &old[..2], false).unwrap();
        let mut found = names(place.path());
        found.retain(|name| !name.starts_with(UNDER_WAY));
        assert_eq!(found, [LIST_FILE, "a.v", "b.v"], "{done}");
        assert_eq!(fs::read_to_string(place.path().join("b.v")).unwrap(), "two");
    }
}

#[test]
fn two_runs_at_once_do_not_mix() {
    let place = tempfile::tempdir().unwrap();
    let first = OwnedFolder::open(place.path(), Contents::Unit, false).unwrap();
    let message = replace(place.path(), &[("a.v", "two")], false).unwrap_err();
    assert!(message.contains("another run"), "{message}");
    first.replace(&[("a.v", "one".to_owned())]).unwrap();
    replace(place.path(), &[("a.v", "two")], false).unwrap();
}

#[test]
fn a_folder_that_was_made_for_nothing_goes_again() {
    let place = tempfile::tempdir().unwrap();
    drop(OwnedFolder::open(&place.path().join("a/b"), Contents::Unit, false).unwrap());
    assert!(names(place.path()).is_empty());
}

fn shared(folder: &Path, force: bool) -> SharedFolder {
    let known = [("app.yaml".to_owned(), "checked in")];
    SharedFolder::open(folder, Contents::Emulators, force, known).unwrap()
}

#[test]
fn files_are_added_beside_those_of_others() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::write(path("mine.yaml"), "mine").unwrap();
    let add = |name: &str, text: &str, force: bool| {
        let mut folder = shared(place.path(), force);
        folder.check([name]).and_then(|()| folder.add(&[(name, text.to_owned())])).map_err(|e| e.to_string())
    };
    add("a.yaml", "one", false).unwrap();
    add("b.yaml", "two", false).unwrap();
    add("a.yaml", "three", false).unwrap();
    for force in [false, true] {
        let message = add("mine.yaml", "ours", force).unwrap_err();
        assert!(message.contains("\"mine.yaml\" (not on its list)"), "{message}");
        assert!(add("../outside", "ours", force).is_err());
    }
    fs::write(path("b.yaml"), "edited").unwrap();
    let message = add("b.yaml", "four", false).unwrap_err();
    assert!(message.contains("\"b.yaml\" (changed since") && message.contains("--force"), "{message}");
    // Others do not matter.
    add("a.yaml", "five", false).unwrap();
    add("b.yaml", "six", true).unwrap();
    // What is known is the program's, as it is known.
    fs::write(path("app.yaml"), "edited").unwrap();
    assert!(add("app.yaml", "new", true).is_err());
    fs::write(path("app.yaml"), "checked in").unwrap();
    add("app.yaml", "new", false).unwrap();
    fs::write(path("app.yaml"), "checked in").unwrap();
    add("app.yaml", "newer", false).unwrap();
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let texts = ["a.yaml", "b.yaml", "app.yaml", "mine.yaml"].map(read);
    assert_eq!(texts, ["five", "six", "newer", "mine"]);
}

/// Something that may lie in a folder.
#[derive(Clone, Debug)]
enum Thing {
    File(String),
    ReadOnly(String),
    Folder,
    LinkToFile,
    LinkToFolder,
    LinkToNothing,
    HardLink,
}

/// What the list of a folder says.
#[derive(Clone, Debug)]
enum Listing {
    None,
    /// The hashes of these files as they are, and of these texts.
    Of(Vec<String>, Vec<(String, String)>),
    /// The same, with text that does not belong there.
    Hostile(Vec<String>, String),
    Link,
    Folder,
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: [&str; 11] =
        ["a.v", "A.v", "b.v", "c.hex", "unit.yaml", "REPORT.md", "src", "tb.v", ".git", ".emeuro-x", "ä\n.v"];
    prop_oneof![5 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "[a-d]{1,3}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "module a;", "mine", "other"][..]).prop_map(str::to_owned)
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        6 => text().prop_map(Thing::File),
        1 => text().prop_map(Thing::ReadOnly),
        1 => Just(Thing::Folder),
        1 => Just(Thing::LinkToFile),
        1 => Just(Thing::LinkToFolder),
        1 => Just(Thing::LinkToNothing),
        1 => Just(Thing::HardLink),
    ]
}

fn listing() -> impl Strategy<Value = Listing> {
    let hostile = prop_oneof![
        Just(format!("{}  ../outside/file\n", hash_of_text("outside"))),
        Just(format!("{}  /etc/hostname\n", hash_of_text("outside"))),
        Just("<<<<<<< HEAD\n".to_owned()),
        ".{0,40}",
    ];
    let names = || prop::collection::vec(name(), 0..4);
    prop_oneof![
        2 => Just(Listing::None),
        6 => (names(), prop::collection::vec((name(), text()), 0..4))
            .prop_map(|(names, texts)| Listing::Of(names, texts)),
        2 => (names(), hostile).prop_map(|(names, text)| Listing::Hostile(names, text)),
        1 => Just(Listing::Link),
        1 => Just(Listing::Folder),
    ]
}

/// Makes what is asked for in `folder`; returns the hashes that a right list has for every name.
fn make(folder: &Path, outside: &Path, things: &BTreeMap<String, Thing>, listing: &Listing) -> List {
    for (name, thing) in things {
        let path = folder.join(name);
        match thing {
            Thing::File(text) => fs::write(&path, text).unwrap(),
            Thing::ReadOnly(text) => {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
            }
            Thing::Folder => {
                fs::create_dir(&path).unwrap();
                fs::write(path.join("inside"), "mine").unwrap();
            }
            Thing::LinkToFile => symlink(outside.join("file"), &path).unwrap(),
            Thing::LinkToFolder => symlink(outside, &path).unwrap(),
            Thing::LinkToNothing => symlink("nothing", &path).unwrap(),
            Thing::HardLink => fs::hard_link(outside.join("file"), &path).unwrap(),
        }
    }
    let mut list = List::default();
    let (Listing::Of(names, _) | Listing::Hostile(names, _)) = listing else {
        let path = folder.join(LIST_FILE);
        match listing {
            Listing::Link => symlink(outside.join("list"), path).unwrap(),
            Listing::Folder => fs::create_dir(path).unwrap(),
            _ => {}
        }
        return list;
    };
    for name in names.iter().filter(|name| is_plain(name) && folder.join(name).is_file()) {
        list.add(name, hash_of(&folder.join(name)).unwrap());
    }
    if let Listing::Of(_, texts) = listing {
        for (name, text) in texts.iter().filter(|(name, _)| is_plain(name)) {
            list.add(name, hash_of_text(text));
        }
    }
    list.write(folder, Contents::Unit).unwrap();
    if let Listing::Hostile(_, text) = listing {
        let path = folder.join(LIST_FILE);
        fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
    }
    list
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_others_is_changed_or_removed(
        things in prop::collection::btree_map(name(), thing(), 0..6),
        listing in listing(),
        new in prop::collection::btree_map(prop_oneof![9 => "[a-d]\\.v", 1 => name()], text(), 0..5),
        force: bool,
        is_shared: bool,
    ) {
        let place = tempfile::tempdir().unwrap();
        let (folder, outside) = (place.path().join("folder"), place.path().join("outside"));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "outside").unwrap();
        List::default().write(&outside, Contents::Unit).unwrap();
        fs::rename(outside.join(LIST_FILE), outside.join("list")).unwrap();
        let list = make(&folder, &outside, &things, &listing);
        let before = snapshot(place.path());

        let files: Vec<(&str, String)> = new.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        let done = if is_shared {
            let known: [(String, &str); 0] = [];
            SharedFolder::open(&folder, Contents::Unit, force, known).and_then(|mut folder| folder.add(&files))
        } else {
            OwnedFolder::open(&folder, Contents::Unit, force).and_then(|folder| folder.replace(&files))
        };
        let after = snapshot(place.path());
        match &done {
            Ok(()) => {
                for (name, text) in &new {
                    prop_assert_eq!(&fs::read_to_string(folder.join(name)).unwrap(), text);
                }
                prop_assert!(!matches!(listing, Listing::Hostile(_, _) | Listing::Link | Listing::Folder)
                    || List::read(&folder, Contents::Unit).is_ok());
            }
            // Nothing at all has happened.
            Err(failure) => {
                prop_assert_eq!(&after, &before);
                let message = failure.to_string();
                prop_assert!(message.len() < 2000 && message.contains("folder"), "{}", message);
            }
        }
        let list_file = folder.join(LIST_FILE);
        let new: BTreeSet<&str> = new.keys().map(String::as_str).collect();
        for (path, (kind, contents, mode)) in &before {
            let name = path.strip_prefix(&folder).ok().and_then(|path| path.to_str());
            let is_ours = *kind == "file" && mode & 0o222 != 0 && name.is_some_and(|name| {
                let hashes = list.hashes(name);
                let is_unchanged = hashes.is_some_and(|hashes| hashes.contains(&hash_of_text(&String::from_utf8_lossy(contents))));
                is_unchanged || (force && hashes.is_some() && new.contains(name))
            });
            if path != &list_file && !is_ours {
                prop_assert_eq!(after.get(path), before.get(path), "{}", path.display());
            }
        }
    }
}
