//! The Verilog that is simulated: files, top module, clock.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// A file by name and content; where the content comes from does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file name without folders, as `` `include `` and error messages use it.
    pub name: String,
    /// The whole content.
    pub text: String,
}

impl SourceFile {
    /// A file in memory.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        SourceFile { name: name.into(), text: text.into() }
    }

    /// Reads a file; its name is the last part of the path.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read as text.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(SourceFile::new(name, text))
    }

    /// Whether Verilator compiles it (`.v`, `.sv`).
    pub(crate) fn is_module(&self) -> bool {
        self.has_extension(&["v", "sv"])
    }

    /// Whether the compiled model depends on it: modules, and what they include (`.vh`, `.svh`).
    pub(crate) fn is_verilog(&self) -> bool {
        self.is_module() || self.has_extension(&["vh", "svh"])
    }

    fn has_extension(&self, extensions: &[&str]) -> bool {
        Path::new(&self.name)
            .extension()
            .is_some_and(|found| extensions.iter().any(|extension| found == *extension))
    }
}

/// A design to simulate.
///
/// Files that are not Verilog, such as the `.hex` images of ROMs, may stand among the sources. They are read when a
/// simulation starts ([`Roms::Files`](crate::Roms::Files)) and have no part in the compiled model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// The top module.
    pub top: String,
    /// Every file, in the order in which Verilator shall read them.
    pub sources: Vec<SourceFile>,
    /// The top's clock input.
    pub clock: String,
}

impl Design {
    /// A design whose clock is `aclk`.
    pub fn new(top: impl Into<String>, sources: Vec<SourceFile>) -> Self {
        Design { top: top.into(), sources, clock: "aclk".into() }
    }

    /// Reads the given files; see [`Design::new`].
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be read.
    pub fn read<P: AsRef<Path>>(top: impl Into<String>, paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let sources = paths.into_iter().map(|path| SourceFile::read(path.as_ref())).collect::<Result<_>>()?;
        Ok(Design::new(top, sources))
    }

    /// Refuses what would reach the tools as a confusing message or as a path outside the build folder.
    pub(crate) fn check(&self) -> Result<()> {
        let error = |message: String| Err(Error::Design { top: self.top.clone(), message });
        for (what, name) in [("top module", &self.top), ("clock", &self.clock)] {
            if !is_identifier(name) {
                return error(format!("the {what} `{name}` is not a Verilog identifier"));
            }
        }
        if !self.sources.iter().any(SourceFile::is_module) {
            return error("no Verilog file (.v or .sv) among the sources".into());
        }
        for (index, source) in self.sources.iter().enumerate() {
            let name = &source.name;
            if name.is_empty() || name.starts_with(['-', '+', '.']) || name.contains(['/', '\\', '\0']) {
                return error(format!("`{name}` is not a plain file name"));
            }
            if self.sources[..index].iter().any(|earlier| earlier.name == *name) {
                return error(format!("two files are named `{name}`"));
            }
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A port of the top module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in Verilog.
    pub name: String,
    /// Its width in bits.
    pub width: u32,
    /// Seen from the unit.
    pub direction: Direction,
}

/// The direction of a port, seen from the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Driven by the bench.
    Input,
    /// Driven by the unit.
    Output,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(design: &Design) -> String {
        design.check().unwrap_err().to_string()
    }

    #[test]
    fn inconsistent_designs_are_refused_with_the_reason() {
        let module = SourceFile::new("a.v", "module a(); endmodule");
        assert!(Design::new("a", vec![module.clone()]).check().is_ok());
        assert!(message(&Design::new("a b", vec![module.clone()])).contains("top module `a b`"));
        assert!(message(&Design::new("a", vec![])).contains("no Verilog file"));
        assert!(message(&Design::new("a", vec![SourceFile::new("a.hex", "00")])).contains("no Verilog file"));
        assert!(message(&Design::new("a", vec![module.clone(), module.clone()])).contains("two files"));
        for name in ["../a.v", "-a.v", "x/a.v", ".v"] {
            let design = Design::new("a", vec![module.clone(), SourceFile::new(name, "")]);
            assert!(message(&design).contains("plain file name"), "{name}");
        }
    }

    #[test]
    fn only_verilog_counts_for_the_model() {
        let verilog: Vec<_> = ["a.v", "b.sv", "c.vh", "d.svh", "e.hex", "v"]
            .map(|name| SourceFile::new(name, ""))
            .iter()
            .map(|file| (file.is_module(), file.is_verilog()))
            .collect();
        assert_eq!(
            verilog,
            [(true, true), (true, true), (false, true), (false, true), (false, false), (false, false)]
        );
    }
}
