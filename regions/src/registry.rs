//! All regions of the program.

use std::{path::Path, sync::Arc};

use emeuro_golden::Emulator;

use crate::{Error, Mode, Region, Result, is_name_of};

/// A region, as every function with the attribute submits it.
#[doc(hidden)]
pub struct Registered(pub &'static Region);

inventory::collect!(Registered);

/// All regions of the program, whether they were called or not, by their paths.
pub fn regions() -> Vec<&'static Region> {
    let mut regions: Vec<&'static Region> =
        inventory::iter::<Registered>.into_iter().map(|registered| registered.0).collect();
    regions.sort_by_key(|region| region.path());
    regions
}

/// The region called `name`: the name of the function, or as much of its path as makes it the only one.
///
/// # Errors
/// None or several of this name.
pub fn region(name: &str) -> Result<&'static Region> {
    let all = regions();
    let found: Vec<&'static Region> =
        all.iter().copied().filter(|region| is_name_of(name, &region.path())).collect();
    let paths = |regions: &[&Region]| regions.iter().map(|region| region.path()).collect();
    match found.as_slice() {
        [region] => Ok(region),
        [] => Err(Error::UnknownRegion { name: name.to_owned(), known: paths(&all) }),
        several => Err(Error::AmbiguousRegion { name: name.to_owned(), known: paths(several) }),
    }
}

/// Changes how the region called `name` answers.
///
/// # Errors
/// As [`region`] and [`Region::set_mode`].
pub fn set_mode(name: &str, mode: Mode) -> Result<()> {
    region(name)?.set_mode(mode)
}

/// Loads the emulator in the file `path` for the region called `name`.
///
/// # Errors
/// As [`region`]; a file that is no emulator, or one with frames of another size.
pub fn load(name: &str, path: impl AsRef<Path>) -> Result<()> {
    region(name)?.load(Arc::new(Emulator::load(path)?))
}
