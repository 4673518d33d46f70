//! Where results are left for a summary.

use std::env;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};

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
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(value).map_err(Error::unit)? + "\n";
    emeuro_golden::write_atomically(&path, text.as_bytes()).map_err(Error::io(&path))?;
    Ok(path)
}
