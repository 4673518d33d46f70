//! Modes and emulators from the environment or a file.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{Error, Mode, Region, Result, Target, load, region, regions};

/// What a settings file says about a region, or about all of them under the name `*`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    mode: Option<String>,
    emulator: Option<PathBuf>,
    target: Option<f64>,
}

/// Sets up all regions as the environment says; without it, they stay as they are.
///
/// | variable | for example | meaning |
/// | --- | --- | --- |
/// | `EMEURO_EMULATORS` | `emulators` | folder with a file `NAME.yaml` for every region that shall have an emulator |
/// | `EMEURO_SETTINGS` | `regions.yaml` | a file that names regions, each with `mode`, `emulator` and `target` |
/// | `EMEURO_MODE` | `reach=emulate:1,*=profile` | modes; `*` means every region that is not named |
///
/// Later ones of the table win. A program that calls it at its beginning can be profiled, emulated and checked without being
/// compiled again.
///
/// # Errors
/// A variable or file that says nothing sensible, an emulator that does not fit its region, or a mode that needs one which is
/// missing.
pub fn init() -> Result<()> {
    if let Some(folder) = env::var_os("EMEURO_EMULATORS") {
        load_folder(Path::new(&folder))?;
    }
    if let Some(path) = env::var_os("EMEURO_SETTINGS") {
        apply_file(Path::new(&path))?;
    }
    if let Ok(text) = env::var("EMEURO_MODE") {
        apply_modes("EMEURO_MODE", &text)?;
    }
    Ok(())
}

/// Loads `NAME.yaml` for every region that has one.
fn load_folder(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        let problem = format!("expected a folder, found {}", folder.display());
        return Err(Error::Setting { place: "EMEURO_EMULATORS".into(), problem });
    }
    for region in regions() {
        let path = folder.join(format!("{}.yaml", region.name()));
        if path.exists() {
            load(&region.path(), path)?;
        }
    }
    Ok(())
}

fn apply_file(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let place = path.display().to_string();
    let settings: BTreeMap<String, Setting> = serde_yaml::from_str(&text)
        .map_err(|e| Error::Setting { place: place.clone(), problem: e.to_string() })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (region, name) in targets(settings.keys())? {
        let Setting { mode, emulator, target } = &settings[name];
        let place = format!("{place}: {name}");
        if let Some(emulator) = emulator {
            load(&region.path(), folder.join(emulator))?;
        }
        if let Some(nrmse) = target {
            if !nrmse.is_finite() || *nrmse <= 0.0 {
                let problem = format!("target: expected a positive number, found {nrmse}");
                return Err(Error::Setting { place, problem });
            }
            region.set_target(Target { nrmse: *nrmse });
        }
        if let Some(mode) = mode {
            region.set_mode(mode_of(&place, mode)?)?;
        }
    }
    Ok(())
}

/// Modes like `reach=emulate:1,*=profile`.
fn apply_modes(place: &str, text: &str) -> Result<()> {
    let mut modes = BTreeMap::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let Some((name, mode)) = part.split_once('=') else {
            let problem = format!("expected REGION=MODE, found {part:?}");
            return Err(Error::Setting { place: place.to_owned(), problem });
        };
        modes.insert(name.trim().to_owned(), mode_of(place, mode.trim())?);
    }
    for (region, name) in targets(modes.keys())? {
        region.set_mode(modes[name])?;
    }
    Ok(())
}

fn mode_of(place: &str, text: &str) -> Result<Mode> {
    text.parse().map_err(|problem| Error::Setting { place: place.to_owned(), problem })
}

/// Every region that is meant, with the name that means it: its own, or `*`.
fn targets<'a>(names: impl Iterator<Item = &'a String>) -> Result<Vec<(&'static Region, &'a str)>> {
    let mut targets: Vec<(&'static Region, &'a str)> = vec![];
    let mut everything = None;
    for name in names {
        match name.as_str() {
            "*" => everything = Some(name.as_str()),
            name => targets.push((region(name)?, name)),
        }
    }
    let Some(everything) = everything else { return Ok(targets) };
    let named = |region: &&'static Region| targets.iter().any(|(named, _)| std::ptr::eq(*named, *region));
    let others: Vec<&'static Region> = regions().into_iter().filter(|region| !named(region)).collect();
    targets.extend(others.into_iter().map(|region| (region, everything)));
    Ok(targets)
}
