//! The folder of a generated unit: written as a whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use emeuro::{
    compiler::{UnitConfig, UnitFile},
    delivery::UNIT_FILE,
    testbench::{Design, SourceFile},
};

use crate::failure::{Failure, input, input_in, unwritten};

/// Replaces `folder` by the given files: they are written to a new folder, which then takes the place of the old one.
pub(crate) fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let failed = |e: io::Error| unwritten(folder, e);
    if folder.exists() && !is_replaceable(folder).map_err(failed)? {
        let problem =
            format!("expected a new or empty folder, or one with a {UNIT_FILE}; it would be replaced");
        return Err(input_in(folder, problem));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed)?;
    let scratch = tempfile::Builder::new().prefix(".emeuro-").tempdir_in(parent).map_err(failed)?;
    let (new, old) = (scratch.path().join("new"), scratch.path().join("old"));
    fs::create_dir(&new).map_err(failed)?;
    for (name, text) in files {
        fs::write(new.join(name), text).map_err(failed)?;
    }
    if folder.exists() {
        fs::rename(folder, &old).map_err(failed)?;
    }
    if let Err(e) = fs::rename(&new, folder) {
        // Best effort: what was there before is better than nothing.
        let _ = fs::rename(&old, folder);
        return Err(failed(e));
    }
    Ok(())
}

/// Whether a folder holds a unit.
pub(crate) fn is_unit(folder: &Path) -> bool {
    folder.join(UNIT_FILE).exists()
}

/// Whether a folder was generated before or is empty; anything else could be somebody's work.
fn is_replaceable(folder: &Path) -> io::Result<bool> {
    Ok(is_unit(folder) || fs::read_dir(folder)?.next().is_none())
}

/// Reads a generated folder: the configuration of its unit, and its design as it stands there.
pub(crate) fn read(folder: &Path) -> Result<(UnitConfig, Design), Failure> {
    let path = folder.join(UNIT_FILE);
    let UnitFile { config, design } = UnitFile::load(&path).map_err(input)?;
    let Some(names) = design else {
        let expected = "expected the file of a generated folder, which names emulator and top";
        return Err(input_in(&path, expected));
    };
    let mut sources: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>())
        .map_err(|e| input_in(folder, e))?;
    sources.retain(|path| path.extension().is_some_and(|e| e == "v" || e == "hex"));
    sources.sort();
    let sources =
        sources.iter().map(|path| SourceFile::read(path).map_err(input)).collect::<Result<_, _>>()?;
    Ok((config, Design::new(names.top, sources)))
}
