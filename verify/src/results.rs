//! Where results are left for a summary.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use emeuro_golden::FileKind;
use serde::Serialize;

use crate::error::{Error, Result};

const RESULTS: FileKind = FileKind {
    name: "results of a verification (JSON)",
    is: |head| {
        [&b"{\n  \"properties\": "[..], b"{\n  \"seed\": "].iter().any(|begin| head.starts_with(begin))
    },
};

/// Says of a folder that whatever is in it may be replaced.
const MARK: FileKind =
    FileKind { name: "the mark of a folder for work", is: |head| head.starts_with(MARK_TEXT.as_bytes()) };
const MARK_FILE: &str = "emeuro-work";
const MARK_TEXT: &str = "EMEURO: everything in this folder is replaced by the next verification\n";

/// The folder for `formal.json` and `mutation.json`: that of the environment variable `EMEURO_VERIFICATION`, by default
/// `target/verification`.
pub fn results_folder() -> PathBuf {
    let folder = env::var_os("EMEURO_VERIFICATION").filter(|path| !path.is_empty());
    PathBuf::from(folder.unwrap_or_else(|| "target/verification".into()))
}

/// Writes a result as `<folder>/<name>`.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(value).map_err(Error::unit)? + "\n";
    RESULTS.write(&path, text.as_bytes()).map_err(Error::io(&path))?;
    Ok(path)
}

/// The folder `work` in the folder for results: for files of tools, of which nothing has to be kept.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unit`] if there is such a folder with other contents and without the mark of this program.
pub(crate) fn work_folder(folder: &Path) -> Result<PathBuf> {
    let work = folder.join("work");
    fs::create_dir_all(&work).map_err(Error::io(&work))?;
    let mark = work.join(MARK_FILE);
    let is_empty = fs::read_dir(&work).map_err(Error::io(&work))?.next().is_none();
    if !is_empty && !fs::read(&mark).is_ok_and(|text| text == MARK_TEXT.as_bytes()) {
        return Err(Error::Unit(format!(
            "{}: expected a new or empty folder, or one with the file {MARK_FILE} of this program; nothing was changed",
            work.display()
        )));
    }
    MARK.write(&mark, MARK_TEXT.as_bytes()).map_err(Error::io(&mark))?;
    Ok(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_with_the_mark_is_for_work() {
        let folder = tempfile::tempdir().unwrap();
        let work = work_folder(folder.path()).unwrap();
        fs::write(work.join("job.sby"), "").unwrap();
        assert_eq!(work_folder(folder.path()).unwrap(), work);
        fs::write(work.join(MARK_FILE), "mine").unwrap();
        let message = work_folder(folder.path()).unwrap_err().to_string();
        assert!(message.contains("expected a new or empty folder"), "{message}");
        assert_eq!(fs::read_to_string(work.join(MARK_FILE)).unwrap(), "mine");
    }

    #[test]
    fn results_replace_results_only() {
        let folder = tempfile::tempdir().unwrap();
        let results = serde_json::json!({ "seed": 1, "mutants": 2 });
        let path = write(folder.path(), "mutation.json", &results).unwrap();
        write(folder.path(), "mutation.json", &results).unwrap();
        fs::write(&path, "{}").unwrap();
        assert!(write(folder.path(), "mutation.json", &results).is_err());
    }
}
