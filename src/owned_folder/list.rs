//! The list of what this program wrote to a folder: hashes and names, as `sha256sum --check` reads them.
//!
//! A file is the program's if its name is on the list and its contents have the hash that stands there. A name may stand there
//! with two hashes, while one takes the place of the other: whatever interrupts a run, both are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use emeuro::golden::FileKind;
use sha2::{Digest, Sha256};

/// Its file in the folder.
pub(crate) const LIST_FILE: &str = ".emeuro.sha256";

/// What files and folders begin with that belong to a run under way, or to one that was killed.
pub(super) const UNDER_WAY: &str = ".emeuro-";

/// How every list begins.
const MAGIC: &str = "# emeuro list 1: ";

/// Bytes of a list at most.
const MOST: u64 = 4 << 20;

const LIST: FileKind =
    FileKind { name: "a list of what this program wrote", is: |head| head.starts_with(MAGIC.as_bytes()) };

/// What a folder is for. A command replaces what commands of its own kind wrote, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// A unit, of `generate` and `build`.
    Unit,
    /// Frames for other benches.
    Vectors,
    /// What synthesis leaves.
    Synthesis,
    /// Verilog whose lines were counted.
    Coverage,
    /// Emulators, and what stands beside them.
    Emulators,
}

impl Contents {
    const ALL: [Self; 5] = [Self::Unit, Self::Vectors, Self::Synthesis, Self::Coverage, Self::Emulators];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Vectors => "vectors",
            Self::Synthesis => "synthesis",
            Self::Coverage => "coverage",
            Self::Emulators => "emulators",
        }
    }
}

/// SHA-256, in hexadecimal digits.
pub(super) type Hash = String;

/// Names with the hashes that their files may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List(BTreeMap<String, BTreeSet<Hash>>);

impl List {
    /// The list in `folder`, if there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(folder: &Path, contents: Contents) -> Result<Option<Self>, String> {
        let path = folder.join(LIST_FILE);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        if !metadata.is_file() {
            return Err("expected a file, found a link, a folder or something else".to_owned());
        }
        let mut text = String::new();
        let file = File::open(&path).map_err(|e| e.to_string())?;
        file.take(MOST + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
        if text.len() as u64 > MOST {
            return Err(format!("expected at most {MOST} bytes, found more"));
        }
        Self::parse(&text, contents).map(Some)
    }

    fn parse(text: &str, contents: Contents) -> Result<Self, String> {
        let mut lines = (1..).zip(text.lines());
        let first = lines.next().map_or("", |(_, line)| line);
        let found = first.strip_prefix(MAGIC);
        match Contents::ALL.into_iter().find(|contents| found == Some(contents.word())) {
            Some(found) if found == contents => {}
            Some(found) => {
                return Err(format!(
                    "expected the list of a folder of {:?}, found one of {:?}",
                    contents.word(),
                    found.word()
                ));
            }
            None => return Err(format!("expected '{MAGIC}{}' in the first line", contents.word())),
        }
        if !text.ends_with('\n') {
            return Err("expected the end of its last line".to_owned());
        }
        let mut list = Self::default();
        for (number, line) in lines.filter(|(_, line)| !line.starts_with('#')) {
            let entry = line.split_once("  ").filter(|(hash, name)| is_hash(hash) && is_plain(name));
            let Some((hash, name)) = entry else {
                return Err(format!("line {number}: expected a hash, two spaces and a plain file name"));
            };
            list.add(name, hash.to_owned());
        }
        Ok(list)
    }

    fn text(&self, contents: Contents) -> String {
        let mut text = format!(
            "{MAGIC}{}\n# Files that this program wrote; `sha256sum --check {LIST_FILE}` finds changed ones.\n",
            contents.word()
        );
        for (name, hashes) in &self.0 {
            for hash in hashes {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{hash}  {name}");
            }
        }
        text
    }

    /// Writes the list, in one piece.
    pub(super) fn write(&self, folder: &Path, contents: Contents) -> io::Result<()> {
        LIST.write(&folder.join(LIST_FILE), self.text(contents).as_bytes())
    }

    /// A file of this name may have this hash.
    pub(super) fn add(&mut self, name: &str, hash: Hash) {
        self.0.entry(name.to_owned()).or_default().insert(hash);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The hashes that the file of this name may have; none if the name is not listed.
    pub(super) fn hashes(&self, name: &str) -> Option<&BTreeSet<Hash>> {
        self.0.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

/// The hash of a file.
pub(super) fn hash_of(path: &Path) -> io::Result<Hash> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(digits(hash))
}

/// The hash of a file that holds `text`.
pub(super) fn hash_of_text(text: &str) -> Hash {
    digits(Sha256::new_with_prefix(text))
}

fn digits(hash: Sha256) -> Hash {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a file of this name lies in the folder itself, and is neither the list nor a file under way.
pub(super) fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= 255
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
        && name != LIST_FILE
        && !name.starts_with(UNDER_WAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let mut list = List::default();
        for (name, text) in [("a.v", "module a;"), ("a.v", "module b;"), ("a b", "")] {
            list.add(name, hash_of_text(text));
        }
        let text = list.text(Contents::Unit);
        assert!(
            text.contains("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a b\n"),
            "{text}"
        );
        assert_eq!(List::parse(&text, Contents::Unit), Ok(list));
        let problem = List::parse(&text, Contents::Vectors).unwrap_err();
        assert_eq!(problem, "expected the list of a folder of \"vectors\", found one of \"unit\"");
    }

    #[test]
    fn hostile_lists_are_refused() {
        let hash = hash_of_text("");
        let parse = |text: &str| List::parse(text, Contents::Unit);
        let first = format!("{MAGIC}unit\n");
        assert!(parse(&first).is_ok());
        for name in
            ["../a", "/etc/passwd", "a/b", "a\\b", "c:a", ".", "..", "", LIST_FILE, ".emeuro-a", "a\u{7}"]
        {
            let problem = parse(&format!("{first}{hash}  {name}\n")).unwrap_err();
            assert!(problem.starts_with("line 2: expected"), "{name}: {problem}");
        }
        for text in
            ["", "\n", "# emeuro list 2: unit\n", "# emeuro list 1: all\n", &format!("{first}{hash}  a")]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        for line in
            ["a", "00  a", &format!("{hash} a"), &format!("{}  a", hash.to_uppercase()), &"x".repeat(99)]
        {
            assert!(parse(&format!("{first}{line}\n")).is_err(), "{line}");
        }
    }
}
