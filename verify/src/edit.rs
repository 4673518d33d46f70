//! One change of one generated file: how a bug is planted.

use std::path::Path;

use emeuro_golden::text::{self, Aliases, TextError, from_yaml};
use serde::Deserialize;

use crate::error::{Error, Result};

/// Replaces a text that must stand exactly once in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file's name without the design's prefix, for example `requantiser.v`.
    pub file: String,
    /// What stands there.
    pub find: String,
    /// What shall stand there.
    pub replace: String,
}

impl Edit {
    /// A change of `file`.
    pub fn new(file: impl Into<String>, find: impl Into<String>, replace: impl Into<String>) -> Self {
        Self { file: file.into(), find: find.into(), replace: replace.into() }
    }

    /// Whether `name` is the file, with or without a prefix.
    fn is_of(&self, name: &str) -> bool {
        name.strip_suffix(self.file.as_str()).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('_'))
    }

    /// Changes the file among `files`, names and texts.
    ///
    /// # Errors
    /// [`Error::Edit`] if the text is not there exactly once in all files of that name together: then the change no
    /// longer says what it was made to say.
    pub fn apply(&self, files: &mut [(String, String)]) -> Result<()> {
        let found = files
            .iter()
            .filter(|(name, _)| self.is_of(name))
            .map(|(_, text)| text.matches(&self.find).count())
            .sum();
        if found != 1 {
            return Err(Error::Edit { file: self.file.clone(), find: self.find.clone(), found });
        }
        for (name, text) in files {
            if self.is_of(name) {
                *text = text.replace(&self.find, &self.replace);
            }
        }
        Ok(())
    }
}

/// A documented bug: a change with the reason why it is a likely mistake, and the fault that must be seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantedBug {
    /// One line: what is wrong.
    pub bug: String,
    /// How such a mistake comes about, and why it is hard to see.
    pub why: String,
    /// The kind of fault that the bench must report.
    pub fault: String,
    /// The file's name without the design's prefix.
    pub file: String,
    /// What stands there.
    pub find: String,
    /// What the mistake makes of it.
    pub replace: String,
}

impl PlantedBug {
    /// Reads a bug from a YAML file.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::File`] with the field that is missing or wrong.
    pub fn read(path: &Path) -> Result<Self> {
        const KIND: &str = "a planted bug";
        let wrong = |message| Error::File { file: path.display().to_string(), message };
        let text = text::read(path, KIND).map_err(|error| match error {
            TextError::Io(error) => Error::io(path)(error),
            TextError::Content(message) => wrong(message),
        })?;
        from_yaml(&text, KIND, Aliases::Followed).map_err(wrong)
    }

    /// Its change.
    pub fn edit(&self) -> Edit {
        Edit::new(&self.file, &self.find, &self.replace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_must_fit_exactly_once() {
        let mut files = vec![
            ("demo_ram.v".to_owned(), "a <= b;".to_owned()),
            ("demo_program.v".to_owned(), "a <= b;".to_owned()),
        ];
        Edit::new("ram.v", "b;", "c;").apply(&mut files).unwrap();
        assert_eq!(files[0].1, "a <= c;");
        assert_eq!(files[1].1, "a <= b;", "`ram.v` is not the end of a word");
        let missing = Edit::new("ram.v", "b;", "c;").apply(&mut files).unwrap_err().to_string();
        assert_eq!(missing, "ram.v: expected the text `b;` exactly once, found it 0 times");
        files[0].1 = "b; b;".into();
        assert!(matches!(Edit::new("ram.v", "b;", "").apply(&mut files), Err(Error::Edit { found: 2, .. })));
    }
}
