//! Folders that commands write: what this program wrote there is replaced, by a list of names and hashes, and nothing else.
//!
//! A command that fills a folder has an [`OwnedFolder`]; one that adds files to a folder of the user's has a [`SharedFolder`].
//! New files are written to a folder under way inside it first. Then the list takes in their hashes beside the old ones, each file gets
//! its name, and the list forgets the old hashes. Whatever interrupts that, every file there has a hash on the list or is
//! not the program's, and the next run goes on from it.

mod list;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::{TempDir, TempPath};

use crate::failure::{Failure, input_in, unwritten};
pub(crate) use list::{Contents, LIST_FILE};
use list::{Hash, List, UNDER_WAY, hash_of, hash_of_text, is_plain};

/// Names that a message lists at most.
const NAMED: usize = 5;

/// Letters of a name that a message shows at most.
const LETTERS: usize = 60;

/// A folder that holds what one command wrote, and nothing else. No other run writes to it while this value lives.
#[derive(Debug)]
pub(crate) struct OwnedFolder {
    files: Files,
    /// Taken on the folder itself.
    _lock: Option<File>,
}

impl OwnedFolder {
    /// The folder at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// It holds files that are not on its list or were changed since; with `force`, they do not matter as long as no file has to take
    /// their place.
    pub(crate) fn open(path: &Path, contents: Contents, force: bool) -> Result<Self, Failure> {
        let place = Place::open(path)?;
        let lock = lock(path)?;
        let mut files = Files { place, contents, force, list: List::default() };
        let list = files.read_list()?;
        let is_listed = list.is_some();
        files.list = list.unwrap_or_default();
        files.survey(is_listed)?;
        Ok(Self { files, _lock: lock })
    }

    /// A new folder for the files that are to be here, to be handed to [`commit`](Self::commit).
    pub(crate) fn stage(&self) -> Result<TempDir, Failure> {
        self.files.stage()
    }

    /// Makes the files in `stage` the files of this folder.
    ///
    /// # Errors
    /// A file is in the way that is not the program's, or the folder cannot be written.
    pub(crate) fn commit(mut self, stage: &TempDir) -> Result<(), Failure> {
        let new = staged(stage)?;
        self.files.check(new.keys().map(String::as_str))?;
        let old: Vec<String> =
            self.files.list.names().filter(|name| !new.contains_key(*name)).cloned().collect();
        self.files.announce(&new)?;
        for name in &old {
            // A changed file is somebody's work: it stays, and is no longer listed.
            if matches!(self.files.state(name)?, State::Ours) {
                let path = self.files.path().join(name);
                fs::remove_file(&path).map_err(|e| unwritten(&path, e))?;
            }
        }
        self.files.put(&new, stage)?;
        self.files.list = List::default();
        self.files.finish(&new)
    }

    /// Makes these files, by name and text, the files of this folder.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub(crate) fn replace<T: AsRef<str>>(self, files: &[(T, String)]) -> Result<(), Failure> {
        self.files.check(files.iter().map(|(name, _)| name.as_ref()))?;
        let stage = self.stage()?;
        fill(&stage, files)?;
        self.commit(&stage)
    }
}

/// A folder in which files of this program may lie among others.
#[derive(Debug)]
pub(crate) struct SharedFolder {
    files: Files,
    /// Files that are the program's although they are not listed.
    known: Vec<(String, Hash)>,
}

impl SharedFolder {
    /// The folder at `path`, which is made if it is not there. Files with a name and a text of `known` are the program's in any case.
    ///
    /// # Errors
    /// It is no folder, or its list is none.
    pub(crate) fn open<T: AsRef<str>>(
        path: &Path,
        contents: Contents,
        force: bool,
        known: impl IntoIterator<Item = (String, T)>,
    ) -> Result<Self, Failure> {
        let place = Place::open(path)?;
        let known = known.into_iter().map(|(name, text)| (name, hash_of_text(text.as_ref()))).collect();
        let mut folder = Self { files: Files { place, contents, force, list: List::default() }, known };
        folder.read()?;
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.files.path()
    }

    /// Whether [`add`](Self::add) would take files of these names: to be asked before long work.
    ///
    /// # Errors
    /// A file is in the way that is not the program's.
    pub(crate) fn check<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        self.files.check(names)
    }

    /// Writes these files, by name and text; all others stay.
    ///
    /// # Errors
    /// As [`check`](Self::check), or the folder cannot be written.
    pub(crate) fn add<T: AsRef<str>>(&mut self, files: &[(T, String)]) -> Result<(), Failure> {
        // Another run may add files meanwhile, but not at the same time.
        let folder = File::open(self.path()).ok();
        let _lock = folder.as_ref().map(File::lock);
        self.read()?;
        self.check(files.iter().map(|(name, _)| name.as_ref()))?;
        let stage = self.files.stage()?;
        fill(&stage, files)?;
        let new = staged(&stage)?;
        self.files.announce(&new)?;
        self.files.put(&new, &stage)?;
        self.files.finish(&new)
    }

    fn read(&mut self) -> Result<(), Failure> {
        self.files.list = self.files.read_list()?.unwrap_or_default();
        for (name, hash) in &self.known {
            if is_file(&self.path().join(name), hash) {
                self.files.list.add(name, hash.clone());
            }
        }
        Ok(())
    }
}

/// A folder that exists; what was made of its path goes again if it stays empty.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// Folders that were not there before, the innermost first.
    made: Vec<PathBuf>,
}

impl Place {
    fn open(path: &Path) -> Result<Self, Failure> {
        let refused =
            |found: &str| Err(input_in(path, format_args!("cannot write: expected a folder, found {found}")));
        if path.as_os_str().is_empty() {
            return Err(Failure::Input("expected the path of a folder, found an empty one".to_owned()));
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path: path.to_owned(), made: vec![] }),
            Ok(_) => refused("a file"),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    return refused("a link to nothing");
                }
                let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
                let made = path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
                fs::create_dir_all(path).map_err(|e| unwritten(path, e))?;
                Ok(Self { path: path.to_owned(), made })
            }
            Err(e) => Err(unwritten(path, e)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for folder in &self.made {
            // Fails if there is anything in it, which is what should stay.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Takes the folder for this run, where the system can.
fn lock(path: &Path) -> Result<Option<File>, Failure> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => Err(input_in(path, "another run of this program is writing to it")),
        _ => Ok(Some(folder)),
    }
}

/// What is in the folder under a name.
enum State {
    Missing,
    /// A file as this program wrote it.
    Ours,
    /// A file that is listed and was changed since.
    Changed,
    /// A file that is not listed.
    Unlisted,
    /// Something that is not replaced even if its name is listed.
    Blocked(&'static str),
}

/// A folder and its list.
#[derive(Debug)]
struct Files {
    place: Place,
    contents: Contents,
    force: bool,
    list: List,
}

impl Files {
    fn path(&self) -> &Path {
        &self.place.path
    }

    fn read_list(&self) -> Result<Option<List>, Failure> {
        List::read(self.path(), self.contents).map_err(|problem| {
            let advice = "nothing was written: give another folder, or move this one away";
            input_in(&self.path().join(LIST_FILE), format_args!("{problem}; {advice}"))
        })
    }

    fn state(&self, name: &str) -> Result<State, Failure> {
        let path = self.path().join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
            Err(e) => return Err(unwritten(&path, e)),
        };
        let Some(hashes) = self.list.hashes(name) else { return Ok(State::Unlisted) };
        Ok(match metadata.file_type() {
            kind if kind.is_symlink() => State::Blocked("a link"),
            kind if kind.is_dir() => State::Blocked("a folder"),
            kind if !kind.is_file() => State::Blocked("no file"),
            _ if metadata.permissions().readonly() => State::Blocked("read-only"),
            _ if hashes.contains(&hash_of(&path).map_err(|e| input_in(&path, e))?) => State::Ours,
            _ => State::Changed,
        })
    }

    /// Refuses a folder with files that are not on its list or were changed since.
    fn survey(&self, is_listed: bool) -> Result<(), Failure> {
        let (mut strangers, mut changed, mut blocked) =
            (Named::default(), Named::default(), Named::default());
        for entry in fs::read_dir(self.path()).map_err(|e| unwritten(self.path(), e))? {
            let name = entry.map_err(|e| unwritten(self.path(), e))?.file_name();
            let state = match name.to_str() {
                Some(LIST_FILE) => continue,
                Some(name) if name.starts_with(UNDER_WAY) => continue,
                Some(name) => self.state(name)?,
                None => State::Unlisted,
            };
            match state {
                State::Missing | State::Ours => {}
                State::Unlisted => strangers.add(name),
                State::Changed => changed.add(name),
                State::Blocked(what) => blocked.add_as(name, what),
            }
        }
        let refused =
            |found: String, advice: &str| Err(input_in(self.path(), format_args!("{found}; {advice}")));
        if !is_listed && !strangers.is_empty() {
            let found = format!(
                "expected a new or empty folder, or one with this program's list {LIST_FILE} (folders of its first versions have \
                 none), found {strangers}"
            );
            return refused(found, "nothing was written: give another folder, or move this one away");
        }
        if !blocked.is_empty() {
            let found = format!("expected files as this program wrote them, found {blocked}");
            return refused(found, "nothing was written: give another folder, or move them away");
        }
        if self.force || (strangers.is_empty() && changed.is_empty()) {
            return Ok(());
        }
        let parts = [("not on its list", strangers), ("changed since they were written", changed)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let found: Vec<String> = parts.map(|(what, names)| format!("{what}: {names}")).collect();
        let advice = match self.contents {
            Contents::Coverage => "nothing was written: give another folder, or move them away",
            _ => {
                "nothing was written: give another folder, move them away, or replace only the files on the list with --force"
            }
        };
        refused(format!("expected only files as this program wrote them; {}", found.join("; ")), advice)
    }

    /// Refuses names under which lies something that may not be replaced.
    fn check<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        let present = || -> io::Result<Vec<OsString>> {
            fs::read_dir(self.path())?.map(|entry| Ok(entry?.file_name())).collect()
        };
        let present = present().map_err(|e| unwritten(self.path(), e))?;
        let mut in_the_way = Named::default();
        for name in names {
            if !is_plain(name) {
                in_the_way.add_as(name.into(), "no plain file name");
                continue;
            }
            match self.state(name)? {
                State::Ours => {}
                State::Changed if self.force => {}
                State::Changed => in_the_way.add_as(name.into(), "changed since it was written"),
                State::Unlisted => in_the_way.add_as(name.into(), "not on its list"),
                State::Blocked(what) => in_the_way.add_as(name.into(), what),
                State::Missing => {
                    // Where upper and lower case are one, it would be replaced.
                    let same = present.iter().find(|other| other.eq_ignore_ascii_case(name));
                    in_the_way.0.extend(same.filter(|other| self.is_unlisted(other)).map(shown));
                }
            }
        }
        if in_the_way.is_empty() {
            return Ok(());
        }
        let advice = if self.force { "" } else { ", or replace those that were changed with --force" };
        let problem = format!(
            "expected names that are free, or files on its list {LIST_FILE} as this program wrote them, found {in_the_way}; nothing was \
             written: give another folder, or move them away{advice}"
        );
        Err(input_in(self.path(), problem))
    }

    fn is_unlisted(&self, name: &OsString) -> bool {
        name.to_str().is_none_or(|name| self.list.hashes(name).is_none())
    }

    fn stage(&self) -> Result<TempDir, Failure> {
        let folder = tempfile::Builder::new().prefix(UNDER_WAY).tempdir_in(self.path());
        folder.map_err(|e| unwritten(self.path(), e))
    }

    /// Lists new files beside the old ones, before any of them is there.
    fn announce(&mut self, new: &BTreeMap<String, Hash>) -> Result<(), Failure> {
        for (name, hash) in new {
            self.list.add(name, hash.clone());
        }
        self.write_list()
    }

    /// Gives the files in `stage` their names.
    fn put(&self, new: &BTreeMap<String, Hash>, stage: &TempDir) -> Result<(), Failure> {
        for name in new.keys() {
            let (from, to) = (stage.path().join(name), self.path().join(name));
            let failed = |e: io::Error| unwritten(&to, e);
            match self.state(name)? {
                State::Missing => {
                    let from = TempPath::try_from_path(&from).map_err(failed)?;
                    // What has appeared there meanwhile stays.
                    from.persist_noclobber(&to).map_err(|e| failed(e.error))?;
                }
                State::Changed if !self.force => return self.check([name.as_str()]),
                State::Unlisted | State::Blocked(_) => return self.check([name.as_str()]),
                State::Ours | State::Changed => {
                    let permissions = fs::metadata(&to).map_err(failed)?.permissions();
                    fs::set_permissions(&from, permissions).map_err(failed)?;
                    fs::rename(&from, &to).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// Forgets the hashes that the new files have replaced.
    fn finish(&mut self, new: &BTreeMap<String, Hash>) -> Result<(), Failure> {
        for (name, hash) in new {
            self.list.remove(name);
            self.list.add(name, hash.clone());
        }
        self.write_list()
    }

    fn write_list(&self) -> Result<(), Failure> {
        self.list.write(self.path(), self.contents).map_err(|e| unwritten(&self.path().join(LIST_FILE), e))
    }
}

/// Writes files, whose names were checked, to a folder under way.
fn fill<T: AsRef<str>>(stage: &TempDir, files: &[(T, String)]) -> Result<(), Failure> {
    for (name, text) in files {
        let path = stage.path().join(name.as_ref());
        fs::write(&path, text).map_err(|e| unwritten(&path, e))?;
    }
    Ok(())
}

/// The files in a folder under way, with their hashes.
fn staged(stage: &TempDir) -> Result<BTreeMap<String, Hash>, Failure> {
    let failed = |e: io::Error| unwritten(stage.path(), e);
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(stage.path()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_plain(&name) && entry.file_type().map_err(failed)?.is_file() {
            let hash = hash_of(&entry.path()).map_err(failed)?;
            files.insert(name, hash);
        }
    }
    Ok(files)
}

/// Whether there is a plain file with this hash.
fn is_file(path: &Path, hash: &Hash) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
        && hash_of(path).is_ok_and(|found| found == *hash)
}

/// Names for a message: the first few, and how many more there are.
#[derive(Default)]
struct Named(Vec<String>);

impl Named {
    fn add(&mut self, name: OsString) {
        self.0.push(shown(&name));
    }

    fn add_as(&mut self, name: OsString, what: &str) {
        self.0.push(format!("{} ({what})", shown(&name)));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names = self.0.clone();
        names.sort();
        f.write_str(&names[..names.len().min(NAMED)].join(", "))?;
        match names.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A name in quotes, on one line and not too long.
fn shown(name: &OsString) -> String {
    let name = name.to_string_lossy();
    match name.chars().count() > LETTERS {
        true => format!("{:?}", name.chars().take(LETTERS).chain(['…']).collect::<String>()),
        false => format!("{name:?}"),
    }
}

#[cfg(all(test, unix))]
mod tests;
