//! A folder of build products that parallel tests and processes share without racing.

use std::env;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The environment variable that overrides a caller's default cache folder.
const VARIABLE: &str = "EMEURO_CACHE";

/// A folder in which build products are kept under a name that contains the hash of everything they depend on.
///
/// Products appear by an atomic rename and never change, so that a reader needs no lock. Deleting the folder is always
/// safe between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in the given folder, which is created when first needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Cache { root: root.into() }
    }

    /// The cache in the folder that the environment variable `EMEURO_CACHE` names, or else in the given one.
    pub fn from_env_or(default: impl Into<PathBuf>) -> Self {
        Cache::new(env::var_os(VARIABLE).map_or_else(|| default.into(), PathBuf::from))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the product `name`, after `build` has made it if it was missing.
    ///
    /// `build` gets an empty folder of its own and returns the path of its product in it. It runs at most once at a
    /// time per name, over all threads and processes; after an error nothing is left but the lock file.
    pub(crate) fn get_or_build(
        &self,
        name: &str,
        build: impl FnOnce(&Path) -> Result<PathBuf>,
    ) -> Result<PathBuf> {
        let root = std::path::absolute(&self.root).map_err(Error::io(&self.root))?;
        let product = root.join(name);
        if product.is_file() {
            return Ok(product);
        }
        fs::create_dir_all(&root).map_err(Error::io(&root))?;
        // Lock files stay: one that is removed while somebody waits for it no longer excludes anybody.
        let lock_path = root.join(format!("{name}.lock"));
        let lock = OpenOptions::new().append(true).create(true).open(&lock_path);
        let lock = lock.map_err(Error::io(&lock_path))?;
        lock.lock().map_err(Error::io(&lock_path))?;
        if product.is_file() {
            return Ok(product);
        }
        let work = root.join(format!("{name}.work"));
        // A process that was killed may have left one behind; the lock says that nobody uses it.
        if work.exists() {
            fs::remove_dir_all(&work).map_err(Error::io(&work))?;
        }
        fs::create_dir(&work).map_err(Error::io(&work))?;
        let built = build(&work).and_then(|path| fs::rename(path, &product).map_err(Error::io(&product)));
        let removed = fs::remove_dir_all(&work).map_err(Error::io(&work));
        built?;
        removed?;
        Ok(product)
    }
}

/// The hash of everything that a product depends on.
pub(crate) struct Key(Sha256);

impl Key {
    /// A hash of the given parts.
    pub(crate) fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        parts.into_iter().fold(Key(Sha256::new()), Key::with)
    }

    /// Adds a part. Lengths are hashed too, so that parts cannot run into each other.
    pub(crate) fn with(mut self, part: &str) -> Self {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
        self
    }

    /// 32 hexadecimal digits: 128 bits are far beyond accidental collision and make readable file names.
    pub(crate) fn hex(self) -> String {
        self.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn keys_depend_on_every_part_and_on_where_parts_end() {
        let key = |parts: &[&str]| Key::new(parts.iter().copied()).hex();
        assert_eq!(key(&["ab", "c"]).len(), 32);
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab", "c"]), key(&["ab", "c", ""]));
    }

    #[test]
    fn many_threads_build_a_product_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("new"));
        let builds = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let product = cache
                        .get_or_build("x", |work| {
                            builds.fetch_add(1, Ordering::SeqCst);
                            thread::sleep(Duration::from_millis(50));
                            fs::write(work.join("made"), "content").unwrap();
                            Ok(work.join("made"))
                        })
                        .unwrap();
                    assert_eq!(fs::read_to_string(product).unwrap(), "content");
                });
            }
        });
        assert_eq!(builds.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_can_be_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let failed = cache.get_or_build("x", |work| {
            fs::write(work.join("half"), "").unwrap();
            Err(Error::Stimulus("no".into()))
        });
        assert!(failed.is_err());
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["x.lock"]);
        // What a killed process leaves behind does not disturb either.
        fs::create_dir(folder.path().join("x.work")).unwrap();
        fs::write(folder.path().join("x.work/half"), "").unwrap();
        let product = cache.get_or_build("x", |work| {
            assert!(!work.join("half").exists());
            fs::write(work.join("made"), "").unwrap();
            Ok(work.join("made"))
        });
        assert_eq!(product.unwrap(), folder.path().join("x"));
    }
}
