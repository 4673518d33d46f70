//! Unit files: the choices for a unit as YAML, versioned, every other field optional.
//!
//! A generated folder describes itself with the same fields, and with two more that say what it holds; either file can
//! be read for its configuration.

use std::{
    fmt::{Display, Write},
    io,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
};

use emeuro_golden::text::{self, Aliases, TextError, from_yaml};
use serde::Deserialize;

use crate::{ConfigError, Control, Limits, Multiplier, UnitConfig, WeightMemory};

/// The version of the file format.
const VERSION: u32 = 1;

/// What the files are, in messages.
const KIND: &str = "a unit file";

/// Why a unit file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitFileError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The text is not YAML, or a field is missing, unknown or of the wrong type.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message with field, line and column.
        message: String,
    },
    /// Another version of the file format.
    #[error("{path}: emeuro_unit: expected version {VERSION} of the file format, found {found}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that the file names.
        found: u32,
    },
    /// One of the two fields that describe a generated unit stands without the other.
    #[error("{path}: expected emulator and top together, or neither; {missing} is missing")]
    HalfNamed {
        /// The file.
        path: PathBuf,
        /// The field that is not there.
        missing: &'static str,
    },
    /// A choice that is impossible.
    #[error("{path}: {source}")]
    Config {
        /// The file.
        path: PathBuf,
        /// The violated rule, which names the field.
        source: ConfigError,
    },
}

/// What a generated folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesignNames {
    /// The emulator: an application, or the path of a file.
    pub emulator: String,
    /// The top module.
    pub top: String,
}

/// A unit file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFile {
    /// The choices for the unit.
    pub config: UnitConfig,
    /// What has been made of them, in the file of a generated folder.
    pub design: Option<DesignNames>,
}

impl UnitFile {
    /// Reads a unit file.
    ///
    /// # Errors
    /// The file cannot be read, is not YAML of the right shape, or asks for an impossible unit; the message names the
    /// file, the field and the expectation.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, UnitFileError> {
        let path = path.as_ref();
        let text = text::read(path, KIND).map_err(|error| match error {
            TextError::Io(source) => UnitFileError::Io { path: path.to_owned(), source },
            TextError::Content(message) => UnitFileError::Syntax { path: path.to_owned(), message },
        })?;
        Self::parse(&text, path)
    }

    /// Reads the text of a unit file; `path` is for messages.
    ///
    /// ```
    /// use emeuro_compiler::{UnitFile, WeightMemory};
    ///
    /// let file = UnitFile::parse("emeuro_unit: 1\nlanes: 32\n", "UNIT.yaml")?;
    /// assert_eq!((file.config.lanes(), file.config.weights()), (32, WeightMemory::Rom));
    /// # Ok::<(), emeuro_compiler::UnitFileError>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, UnitFileError> {
        let path = path.as_ref().to_owned();
        let syntax = |message| UnitFileError::Syntax { path: path.clone(), message };
        // The version decides how the rest is to be understood, so it is looked at alone first.
        let Version { emeuro_unit: found } = from_yaml(text, KIND, Aliases::Refused).map_err(syntax)?;
        if found != VERSION {
            return Err(UnitFileError::Version { path, found });
        }
        let fields: Fields = from_yaml(text, KIND, Aliases::Refused).map_err(syntax)?;
        let design = match (fields.emulator.clone(), fields.top.clone()) {
            (Some(emulator), Some(top)) => Some(DesignNames { emulator, top }),
            (None, None) => None,
            (Some(_), None) => return Err(UnitFileError::HalfNamed { path, missing: "top" }),
            (None, Some(_)) => return Err(UnitFileError::HalfNamed { path, missing: "emulator" }),
        };
        match fields.config() {
            Ok(config) => Ok(Self { config, design }),
            Err(source) => Err(UnitFileError::Config { path, source }),
        }
    }

    /// The text of the file. Choices that are left to the compiler are left out; everything else is named.
    pub fn to_yaml(&self) -> String {
        let config = &self.config;
        let mut text = format!("emeuro_unit: {VERSION}\n");
        let mut line = |field: &str, value: &dyn Display| {
            let _ = writeln!(text, "{field}: {value}");
        };
        if let Some(DesignNames { emulator, top }) = &self.design {
            line("emulator", &quoted(emulator));
            line("top", top);
        }
        line("lanes", &config.lanes());
        if let Some(slots) = config.slots() {
            line("slots", &slots);
        }
        line("words_per_beat", &config.words_per_beat());
        line("weights", &WeightWord::from(config.weights()).word());
        line("control", &ControlWord::from(config.control()).word());
        line("multiplier", &MultiplierWord::from(config.multiplier()).word());
        if !config.pairs() {
            line("pairs", &"never");
        }
        if let Some(prefix) = config.prefix() {
            // Quoted, for names like `null` and `no`.
            line("prefix", &quoted(prefix));
        }
        let limits = config.limits();
        let limits: Vec<String> = [
            ("weight_bits", limits.weight_bits.map(|bits| bits as usize)),
            ("word_bits", limits.word_bits.map(|bits| bits as usize)),
            ("accumulator_bits", limits.accumulator_bits.map(|bits| bits as usize)),
            ("weight_words", limits.weight_words),
        ]
        .iter()
        .filter_map(|(field, limit)| limit.map(|limit| format!("\n  {field}: {limit}")))
        .collect();
        if !limits.is_empty() {
            line("limits", &limits.concat());
        }
        // A map begins on the next line, without a space before it.
        text.replace("limits: \n", "limits:\n")
    }
}

/// Text in double quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[derive(Deserialize)]
struct Version {
    emeuro_unit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "emeuro_unit")]
    _version: u32,
    emulator: Option<String>,
    top: Option<String>,
    lanes: Option<usize>,
    slots: Option<usize>,
    words_per_beat: Option<usize>,
    weights: Option<WeightWord>,
    control: Option<ControlWord>,
    multiplier: Option<MultiplierWord>,
    pairs: Option<PairsWord>,
    prefix: Option<String>,
    limits: Option<LimitFields>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitFields {
    weight_bits: Option<NonZeroU32>,
    word_bits: Option<NonZeroU32>,
    accumulator_bits: Option<NonZeroU32>,
    weight_words: Option<NonZeroUsize>,
}

/// The words of the file for the variants of an enumeration, in both directions.
macro_rules! words {
    ($words:ident for $type:ident { $($variant:ident = $word:literal),* }) => {
        #[derive(Clone, Copy, Deserialize)]
        enum $words {
            $(#[serde(rename = $word)] $variant),*
        }

        impl $words {
            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl From<$type> for $words {
            fn from(value: $type) -> Self {
                match value {
                    $($type::$variant => Self::$variant),*
                }
            }
        }

        impl From<$words> for $type {
            fn from(value: $words) -> Self {
                match value {
                    $($words::$variant => Self::$variant),*
                }
            }
        }
    };
}

words!(WeightWord for WeightMemory { Rom = "rom", Ram = "ram" });
words!(ControlWord for Control { None = "none", AxiLite = "axi_lite" });
words!(MultiplierWord for Multiplier { Generic = "generic", Ecp5 = "ecp5" });

/// When frames are taken in pairs.
#[derive(Clone, Copy, Deserialize)]
enum PairsWord {
    #[serde(rename = "when_faster")]
    WhenFaster,
    #[serde(rename = "never")]
    Never,
}

impl Fields {
    fn config(self) -> Result<UnitConfig, ConfigError> {
        let mut config = UnitConfig::default();
        if let Some(lanes) = self.lanes {
            config = config.with_lanes(lanes)?;
        }
        if let Some(slots) = self.slots {
            config = config.with_slots(slots)?;
        }
        if let Some(words) = self.words_per_beat {
            config = config.with_words_per_beat(words)?;
        }
        let control = self.control.map_or_else(Control::default, Into::into);
        let weights = self.weights.map_or_else(WeightMemory::default, Into::into);
        config = config.with_control(control, weights)?;
        if let Some(multiplier) = self.multiplier {
            config = config.with_multiplier(multiplier.into());
        }
        if let Some(pairs) = self.pairs {
            config = config.with_pairs(matches!(pairs, PairsWord::WhenFaster));
        }
        if let Some(prefix) = self.prefix {
            config = config.with_prefix(prefix)?;
        }
        let limits = self.limits.unwrap_or_default();
        Ok(config.with_limits(Limits {
            weight_bits: limits.weight_bits.map(NonZeroU32::get),
            word_bits: limits.word_bits.map(NonZeroU32::get),
            accumulator_bits: limits.accumulator_bits.map(NonZeroU32::get),
            weight_words: limits.weight_words.map(NonZeroUsize::get),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        UnitFile::parse(text, "UNIT.yaml").unwrap_err().to_string()
    }

    #[test]
    fn every_choice_survives_writing_and_reading() {
        let limits = Limits {
            weight_bits: Some(8),
            word_bits: Some(16),
            accumulator_bits: Some(32),
            weight_words: Some(4096),
        };
        let all = UnitConfig::new(12)
            .and_then(|c| c.with_slots(4))
            .and_then(|c| c.with_words_per_beat(2))
            .and_then(|c| c.with_control(Control::AxiLite, WeightMemory::Ram))
            .and_then(|c| c.with_prefix("no"))
            .unwrap()
            .with_multiplier(Multiplier::Ecp5)
            .with_pairs(false)
            .with_limits(limits);
        let names =
            DesignNames { emulator: "a \"quoted\"\t\\u\u{301}one.yaml".into(), top: "no_unit".into() };
        let some = Limits { weight_words: Some(5), ..Limits::default() };
        for file in [
            UnitFile::default(),
            UnitFile { config: all.clone(), design: None },
            UnitFile { config: all, design: Some(names) },
            UnitFile { config: UnitConfig::default().with_limits(some), design: None },
        ] {
            let text = file.to_yaml();
            assert_eq!(UnitFile::parse(&text, "UNIT.yaml").unwrap(), file, "{text}");
        }
    }

    #[test]
    fn a_mark_before_the_text_is_left_out() {
        let file = UnitFile::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bom.yaml")).unwrap();
        assert_eq!(file.config.lanes(), 4);
        assert_eq!(UnitFile::parse("\u{feff}emeuro_unit: 1\nlanes: 4\n", "UNIT.yaml").unwrap(), file);
    }

    #[test]
    fn a_version_alone_is_the_usual_unit() {
        assert_eq!(UnitFile::parse("emeuro_unit: 1\n", "UNIT.yaml").unwrap(), UnitFile::default());
    }

    #[test]
    fn wrong_files_are_refused_with_field_and_expectation() {
        let cases = [
            ("", "UNIT.yaml: "),
            ("lanes: 4\n", "missing field `emeuro_unit`"),
            ("emeuro_unit: 2\nstages: 3\n", "emeuro_unit: expected version 1 of the file format, found 2"),
            ("emeuro_unit: 1\nlane: 4\n", "unknown field `lane`, expected one of"),
            (
                "emeuro_unit: 1\nlanes: many\n",
                "lanes: expected a whole number, found the text \"many\" at line 2",
            ),
            ("emeuro_unit: 1\nlanes: 0\n", "UNIT.yaml: lanes: expected 1..=128, found 0"),
            ("emeuro_unit: 1\nlanes: 4\nlanes: 5\n", "duplicate field `lanes`"),
            ("emeuro_unit: 1\nslots: 3\n", "slots: expected a power of two up to 16, found 3"),
            (
                "emeuro_unit: 1\nwords_per_beat: 32\n",
                "words_per_beat: expected a power of two up to 4, found 32",
            ),
            (
                "emeuro_unit: 1\nweights: flash\n",
                "weights: unknown variant `flash`, expected `rom` or `ram` at line 2",
            ),
            ("emeuro_unit: 1\nweights: ram\n", "weights: ram needs control: axi_lite"),
            (
                "emeuro_unit: 1\ncontrol: apb\n",
                "control: unknown variant `apb`, expected `none` or `axi_lite`",
            ),
            (
                "emeuro_unit: 1\nmultiplier: 18\n",
                "multiplier: unknown variant `18`, expected `generic` or `ecp5`",
            ),
            (
                "emeuro_unit: 1\npairs: always\n",
                "pairs: unknown variant `always`, expected `when_faster` or `never`",
            ),
            (
                "emeuro_unit: 1\nprefix: 3d\n",
                "prefix: expected letters, digits and underscores, a letter first",
            ),
            (
                "emeuro_unit: 1\nlimits:\n  weight_bits: 0\n",
                "limits.weight_bits: expected a whole number from 1 to 4294967295, found 0 at line 3",
            ),
            ("emeuro_unit: 1\nlimits:\n  weight: 8\n", "limits: unknown field `weight`, expected one of"),
            ("emeuro: 1\nname: a\n", "expected a unit file, found an emulator file"),
            (
                "emeuro_unit: 1\nlanes: &a 4\nslots: *a\n",
                "line 2: expected text that says everything where it",
            ),
            ("x,y\n1,2\n", "expected a unit file, found a table of numbers"),
            (
                "emeuro_unit: 1\ntop: a_unit\n",
                "expected emulator and top together, or neither; emulator is missing",
            ),
        ];
        for (text, expected) in cases {
            let message = refused(text);
            assert!(message.starts_with("UNIT.yaml: ") && message.contains(expected), "{text:?}: {message}");
        }
        let missing = UnitFile::load("no-such-UNIT.yaml").unwrap_err().to_string();
        assert!(missing.starts_with("no-such-UNIT.yaml: "), "{missing}");
    }
}
