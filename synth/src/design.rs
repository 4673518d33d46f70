//! The Verilog that is synthesised: files, top module, clock.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// A design to synthesise.
///
/// Hex files are found by `$readmemh` under the names that the Verilog gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// The top module.
    pub top: String,
    /// The top's clock input.
    pub clock: String,
    /// Every file, by name and text; those that end in `.v` are synthesised.
    pub files: Vec<(String, String)>,
}

impl Design {
    /// A design whose clock is `aclk`.
    pub fn new(top: impl Into<String>, files: Vec<(String, String)>) -> Self {
        Self { top: top.into(), clock: "aclk".into(), files }
    }

    /// The Verilog files.
    pub(crate) fn verilog(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str()).filter(|name| name.ends_with(".v"))
    }

    /// Writes all files into `folder`.
    ///
    /// # Errors
    /// [`Error::Design`] for names that are no plain words, which a tool would take for something else; [`Error::Io`].
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let error = |message: String| Err(Error::Design { top: self.top.clone(), message });
        for name in [&self.top, &self.clock] {
            if !is_plain(name, "_") {
                return error(format!("`{name}` is not a Verilog identifier"));
            }
        }
        if let Some((name, _)) = self.files.iter().find(|(name, _)| !is_plain(name, "_.-")) {
            return error(format!("`{name}` is not a plain file name"));
        }
        if self.verilog().next().is_none() {
            return error("no Verilog file (.v) among the files".into());
        }
        for (name, text) in &self.files {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::io(&path))?;
        }
        Ok(())
    }
}

fn is_plain(name: &str, also: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_tool_could_misread_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |top: &str, file: &str| {
            Design::new(top, vec![(file.into(), "module a(); endmodule".into())]).write(folder.path())
        };
        assert!(write("a", "a.v").is_ok());
        for (top, file, problem) in [
            ("a b", "a.v", "`a b` is not a Verilog identifier"),
            ("a", "../a.v", "`../a.v` is not a plain file name"),
            ("a", "a b.v", "`a b.v` is not a plain file name"),
            ("a", "a.hex", "no Verilog file"),
        ] {
            let message = write(top, file).unwrap_err().to_string();
            assert!(message.contains(problem), "{message}");
        }
    }
}
