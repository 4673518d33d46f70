//! Reads the folder of a generated unit.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use emeuro::{
    compiler::{UnitConfig, UnitFile},
    delivery::UNIT_FILE,
    testbench::{Design, SourceFile},
};

use crate::failure::{Failure, input, input_in};

/// Whether a folder holds a unit.
pub(crate) fn is_unit(folder: &Path) -> bool {
    folder.join(UNIT_FILE).exists()
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
