//! The folder of a generated unit: written as a whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use emeuro::{
    hdl::UnitDesign,
    testbench::{Design, SourceFile},
};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, input};

/// The file that says what the folder holds.
const UNIT_FILE: &str = "unit.yaml";

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitFile {
    /// Version of this file.
    pub(crate) emeuro_unit: u32,
    /// The emulator: an application, or the path of a file.
    pub(crate) emulator: String,
    /// The top module.
    pub(crate) top: String,
    /// Number of lanes.
    pub(crate) lanes: usize,
}

impl UnitFile {
    /// The description of a unit.
    pub(crate) fn new(emulator: &str, design: &UnitDesign, lanes: usize) -> Self {
        Self { emeuro_unit: 1, emulator: emulator.to_owned(), top: design.top.clone(), lanes }
    }
}

/// All files of a folder, by name: the unit's, its description, and the list of Verilog files in their order.
pub(crate) fn files(design: &UnitDesign, unit: &UnitFile) -> Vec<(String, String)> {
    let list: String = design.verilog.iter().map(|(name, _)| format!("{name}\n")).collect();
    let description = format!(
        "emeuro_unit: {}\nemulator: {:?}\ntop: {}\nlanes: {}\n",
        unit.emeuro_unit, unit.emulator, unit.top, unit.lanes
    );
    let mut files: Vec<(String, String)> = design.files().cloned().collect();
    files.push((format!("{}.f", unit.top), list));
    files.push((UNIT_FILE.to_owned(), description));
    files
}

/// Replaces `folder` by the given files: they are written to a new folder, which then takes the place of the old one.
pub(crate) fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::Input(format!("{}: cannot write: {e}", folder.display()));
    if folder.exists() && !is_replaceable(folder).map_err(failed)? {
        let problem =
            format!("expected a new or empty folder, or one with a {UNIT_FILE}; it would be replaced");
        return Err(Failure::Input(format!("{}: {problem}", folder.display())));
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

/// Reads a generated folder: its description and its design as it stands there.
pub(crate) fn read(folder: &Path) -> Result<(UnitFile, Design), Failure> {
    let path = folder.join(UNIT_FILE);
    let named = |e: &dyn std::fmt::Display| Failure::Input(format!("{}: {e}", path.display()));
    let text = fs::read_to_string(&path).map_err(|e| named(&e))?;
    let unit: UnitFile = serde_yaml::from_str(&text).map_err(|e| named(&e))?;
    if unit.emeuro_unit != 1 {
        return Err(named(&format!("emeuro_unit: expected version 1, found {}", unit.emeuro_unit)));
    }
    let mut sources: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>())
        .map_err(|e| Failure::Input(format!("{}: {e}", folder.display())))?;
    sources.retain(|path| path.extension().is_some_and(|e| e == "v" || e == "hex"));
    sources.sort();
    let sources =
        sources.iter().map(|path| SourceFile::read(path).map_err(input)).collect::<Result<_, _>>()?;
    Ok((unit.clone(), Design::new(unit.top, sources)))
}
