//! Modes and emulators from the environment or a file.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use emeuro_golden::text::{self, TextError};

use crate::{
    Error, Mode, Region, Result, Setting, SettingsFile, Target, load, profile, region, regions, write_profile,
};

/// Sets up all regions as the environment says; without it, they stay as they are.
///
/// | variable | for example | meaning |
/// | --- | --- | --- |
/// | `EMEURO_EMULATORS` | `emulators` | folder with the emulators: `crate.module.name.yaml` ([`Region::file_stem`]), or `name.yaml` |
/// | `EMEURO_SETTINGS` | `regions.yaml` | a file that names regions, each with `mode`, `emulator` and `target`: a [`SettingsFile`] |
/// | `EMEURO_MODE` | `reach=emulate:1,*=profile` | modes; `*`, or a mode alone, means every region that is not named |
/// | `EMEURO_MISSING` | `exact` | what a region without its emulator does instead of emulating; without it, that is an error |
/// | `EMEURO_PROFILE` | `profile` | folder that [`finish`] writes to |
///
/// Later ones of the first three win. A program that calls it at its beginning can be profiled, emulated and checked without being
/// compiled again. A region that contains [exact code](Region::exact_code) is never emulated as a whole: `*` leaves it out, and its name
/// is an error.
///
/// # Errors
/// A variable or file that says nothing sensible, an emulator that does not fit its region, or a mode that needs one which is
/// missing.
pub fn init() -> Result<()> {
    let missing = Missing::from_environment()?;
    let folder = env::var_os("EMEURO_EMULATORS").map(PathBuf::from);
    if let Some(folder) = &folder {
        load_folder(folder)?;
    }
    if let Some(path) = env::var_os("EMEURO_SETTINGS") {
        apply_file(Path::new(&path), missing)?;
    }
    if let Some(text) = variable("EMEURO_MODE")? {
        apply_modes("EMEURO_MODE", &text, folder.as_deref(), missing)?;
    }
    Ok(())
}

/// Writes what was recorded to the folder in `EMEURO_PROFILE`, or to `profile`, and says which; writes nothing if nothing was.
///
/// # Errors
/// As [`write_profile`].
pub fn finish() -> Result<Option<PathBuf>> {
    if !profile::is_any() {
        return Ok(None);
    }
    let folder = env::var_os("EMEURO_PROFILE").map_or_else(|| PathBuf::from("profile"), PathBuf::from);
    write_profile(&folder)?;
    Ok(Some(folder))
}

/// What a region without its emulator does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Error,
    Exact,
}

impl Missing {
    fn from_environment() -> Result<Self> {
        match variable("EMEURO_MISSING")?.as_deref() {
            None | Some("" | "error") => Ok(Self::Error),
            Some("exact") => Ok(Self::Exact),
            Some(other) => {
                let problem = format!("expected exact or error, found {other:?}");
                Err(Error::Setting { place: "EMEURO_MISSING".into(), problem })
            }
        }
    }
}

fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::Setting { place: name.to_owned(), problem: "expected UTF-8".to_owned() })
        }
    }
}

/// Loads the file of every region that has one.
fn load_folder(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        let problem = format!("expected a folder, found {}", folder.display());
        return Err(Error::Setting { place: "EMEURO_EMULATORS".into(), problem });
    }
    for region in regions() {
        let long = folder.join(format!("{}.yaml", region.file_stem()));
        let short = folder.join(format!("{}.yaml", region.name()));
        if long.exists() {
            load(&region.path(), long)?;
        } else if short.exists() {
            // An error if several regions could be meant.
            load(region.name(), short)?;
        }
    }
    Ok(())
}

fn apply_file(path: &Path, missing: Missing) -> Result<()> {
    let place = path.display().to_string();
    let wrong = |problem| Error::Setting { place: place.clone(), problem };
    let text = text::read(path, SettingsFile::KIND).map_err(|error| match error {
        TextError::Io(source) => Error::Io { path: path.to_owned(), source },
        TextError::Content(problem) => wrong(problem),
    })?;
    let SettingsFile(settings) = SettingsFile::parse(&text).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (region, name) in targets(settings.keys())? {
        let Setting { mode, emulator, target } = &settings[name];
        let place = format!("{place}: {name}");
        if let Some(emulator) = emulator.as_ref().map(|file| folder.join(file)) {
            // A file that is there and is wrong is an error in any case.
            if missing == Missing::Error || emulator.exists() {
                load(&region.path(), emulator)?;
            }
        }
        if let Some(nrmse) = target {
            if !nrmse.is_finite() || *nrmse <= 0.0 {
                let problem = format!("target: expected a positive number, found {nrmse}");
                return Err(Error::Setting { place, problem });
            }
            region.set_target(Target { nrmse: *nrmse });
        }
        if let Some(mode) = mode {
            apply_mode(region, name, mode_of(&place, mode)?, None, missing)?;
        }
    }
    Ok(())
}

/// Modes like `reach=emulate:1,*=profile`, or `profile` for all.
fn apply_modes(place: &str, text: &str, folder: Option<&Path>, missing: Missing) -> Result<()> {
    let mut modes = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, mode) = part.split_once('=').unwrap_or((EVERYTHING, part));
        let (name, mode) = (name.trim(), mode_of(place, mode.trim())?);
        if modes.insert(name.to_owned(), mode).is_some() {
            let problem = format!("{name} has two modes");
            return Err(Error::Setting { place: place.to_owned(), problem });
        }
    }
    for (region, name) in targets(modes.keys())? {
        apply_mode(region, name, modes[name], folder, missing)?;
    }
    Ok(())
}

/// Changes the mode of a region that is meant by `name`.
fn apply_mode(
    region: &Region,
    name: &str,
    mode: Mode,
    folder: Option<&Path>,
    missing: Missing,
) -> Result<()> {
    match region.set_mode(mode) {
        // Split around its exact code: the regions that it calls are emulated.
        Err(Error::ContainsExact { .. }) if name == EVERYTHING => region.set_mode(Mode::Exact),
        Err(Error::NoEmulator(_)) if missing == Missing::Exact => region.set_mode(Mode::Exact),
        Err(Error::NoEmulator(path)) => Err(match folder {
            Some(folder) => {
                let file = folder.join(format!("{}.yaml", region.file_stem()));
                Error::NoFile { region: path, path: file }
            }
            None => Error::NoEmulator(path),
        }),
        other => other,
    }
}

/// The name that means every region that is not named.
const EVERYTHING: &str = "*";

fn mode_of(place: &str, text: &str) -> Result<Mode> {
    text.parse().map_err(|problem| Error::Setting { place: place.to_owned(), problem })
}

/// Every region that is meant, with the name that means it: its own, or `*`.
fn targets<'a>(names: impl Iterator<Item = &'a String>) -> Result<Vec<(&'static Region, &'a str)>> {
    let mut targets: Vec<(&'static Region, &'a str)> = vec![];
    let mut everything = None;
    for name in names {
        match name.as_str() {
            EVERYTHING => everything = Some(name.as_str()),
            name => targets.push((region(name)?, name)),
        }
    }
    let Some(everything) = everything else { return Ok(targets) };
    let named = |region: &&'static Region| targets.iter().any(|(named, _)| std::ptr::eq(*named, *region));
    let others: Vec<&'static Region> = regions().into_iter().filter(|region| !named(region)).collect();
    targets.extend(others.into_iter().map(|region| (region, everything)));
    Ok(targets)
}
