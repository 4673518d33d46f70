//! `regions.settings.yaml`: which regions emulate, with what, and how far they may err.

use std::{collections::BTreeMap, path::PathBuf};

use emeuro_golden::text::{Aliases, from_yaml};
use serde::{Deserialize, Serialize};

/// What `EMEURO_SETTINGS` names, and what a training on a profile writes: regions by their names. `*` means all that are not named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsFile(pub BTreeMap<String, Setting>);

impl SettingsFile {
    /// Its name beside trained emulators: no name of a region has a point before its ending.
    pub const NAME: &str = "regions.settings.yaml";

    /// Reads the text of the file.
    ///
    /// # Errors
    /// The place, what was found there and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        from_yaml(text, Self::KIND, Aliases::Followed)
    }

    /// What the files are, in messages.
    pub(crate) const KIND: &str = "a file of settings for regions";
}

/// What the file says about a region; what it does not say stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// [`Mode`](crate::Mode) in text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The emulator's file, relative to the folder of the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator: Option<PathBuf>,
    /// The NRMSE that the region may have, as in [`Target`](crate::Target).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}
