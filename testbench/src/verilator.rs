//! Finds Verilator at run time, and says what a test does when there is none.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::error::{Error, Result};

/// The environment variable with the path of Verilator; without it, `verilator` is looked up in `PATH`.
const PROGRAM_VARIABLE: &str = "VERILATOR";
/// The environment variable that turns skipped tests into failures.
const REQUIRE_VARIABLE: &str = "EMEURO_REQUIRE_RTL";
/// `VerilatedContext` per model and its scheduler as used here came with version 5.
const OLDEST_MAJOR_VERSION: u32 = 5;
/// The part of the run-time by which a Verilator is known.
const RUNTIME_HEADER: &str = "verilated.h";

/// An installed Verilator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verilator {
    program: PathBuf,
    version: String,
    include: PathBuf,
}

impl Verilator {
    /// The Verilator that the environment variable `VERILATOR` names, or else the one in `PATH`. Looks once per process.
    ///
    /// # Errors
    /// [`Error::VerilatorNotFound`], [`Error::VerilatorTooOld`].
    pub fn detect() -> Result<&'static Self> {
        static FOUND: OnceLock<Option<Verilator>> = OnceLock::new();
        let program = env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| OsString::from("verilator"));
        match FOUND.get_or_init(|| Verilator::at(Path::new(&program)).ok()) {
            Some(found) => Ok(found),
            // The reason is found again rather than kept, since errors cannot be cloned.
            None => Err(Verilator::at(Path::new(&program))
                .err()
                .unwrap_or(Error::VerilatorNotFound { tried: program.to_string_lossy().into_owned() })),
        }
    }

    /// The Verilator at a given path or name.
    ///
    /// # Errors
    /// [`Error::VerilatorNotFound`], [`Error::VerilatorTooOld`].
    pub fn at(program: &Path) -> Result<Self> {
        let not_found = || Error::VerilatorNotFound { tried: program.display().to_string() };
        let ask = |arguments: &[&str]| -> Result<String> {
            let output = Command::new(program).args(arguments).output().map_err(|_| not_found())?;
            if !output.status.success() {
                return Err(not_found());
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let version = ask(&["--version"])?;
        let include = Path::new(&ask(&["--getenv", "VERILATOR_ROOT"])?).join("include");
        // What a Verilator prints depends on how it was built; that it has a run-time does not.
        if !include.join(RUNTIME_HEADER).is_file() {
            return Err(not_found());
        }
        match major_version(&version) {
            Some(major) if major < OLDEST_MAJOR_VERSION => Err(Error::VerilatorTooOld { found: version }),
            _ => Ok(Verilator { program: program.to_owned(), version, include }),
        }
    }

    /// Its version as it prints it, for example `Verilator 5.006 2023-01-22 rev (Debian 5.006-3)`; some builds print no
    /// number.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder with its C++ run-time.
    pub fn include(&self) -> &Path {
        &self.include
    }

    /// A command that starts it.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.program)
    }

    /// Lints Verilog files with all warnings on (`--lint-only -Wall`) and returns what it says: empty when clean.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be started.
    pub fn lint<P: AsRef<Path>>(&self, top: &str, files: impl IntoIterator<Item = P>) -> Result<String> {
        let mut command = self.command();
        command.args(["--lint-only", "-Wall", "--top-module", top]);
        command.args(files.into_iter().map(|file| file.as_ref().to_owned()));
        let output = command.output().map_err(Error::io(&self.program))?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    }
}

/// The first number of `Verilator 5.006 …`; none of a line that is something else.
fn major_version(text: &str) -> Option<u32> {
    text.strip_prefix("Verilator ")?.split('.').next()?.parse().ok()
}

/// What a test that needs Verilator does on this machine.
///
/// ```
/// use emeuro_testbench::RtlPolicy;
///
/// let Some(verilator) = RtlPolicy::current().verilator_or_skip() else { return };
/// println!("{}", verilator.version());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtlPolicy {
    /// Run: Verilator is there.
    Run(&'static Verilator),
    /// Pass without running.
    Skip,
    /// Fail: the environment says `EMEURO_REQUIRE_RTL=1`, but there is no Verilator.
    Fail,
}

impl RtlPolicy {
    /// The policy of this machine and environment.
    pub fn current() -> Self {
        let required = env::var(REQUIRE_VARIABLE).ok();
        RtlPolicy::decide(Verilator::detect().ok(), required.as_deref())
    }

    fn decide(found: Option<&'static Verilator>, required: Option<&str>) -> Self {
        match (found, required) {
            (Some(verilator), _) => RtlPolicy::Run(verilator),
            (None, None | Some("" | "0")) => RtlPolicy::Skip,
            (None, Some(_)) => RtlPolicy::Fail,
        }
    }

    /// For tests: Verilator, or `None` after printing `skipped: Verilator not found` to standard error.
    ///
    /// # Panics
    /// When the policy is [`RtlPolicy::Fail`]: that is how the test fails.
    pub fn verilator_or_skip(self) -> Option<&'static Verilator> {
        match self {
            RtlPolicy::Run(verilator) => Some(verilator),
            RtlPolicy::Skip => {
                // Not `println!`, which the test runner hides when a test passes. If nobody reads it, so be it.
                let _ = writeln!(io::stderr(), "skipped: Verilator not found");
                None
            }
            RtlPolicy::Fail => panic!("Verilator not found, and {REQUIRE_VARIABLE} is set"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_verilators_banner() {
        assert_eq!(major_version("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"), Some(5));
        assert_eq!(major_version("Verilator 4.038 2020-07-11 rev v4.036-114-g0cd4a57ad"), Some(4));
        assert_eq!(major_version("something else 5.0"), None);
        assert_eq!(major_version("rev vUNKNOWN-built20260516-4e853d8"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_version_that_cannot_be_read_is_used() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("verilator");
        let install = |version: &str| {
            let answer = format!(
                "#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' || echo '{}'\n",
                root.path().display()
            );
            std::fs::write(&program, answer).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            // A process that another test begins has the file open for a moment.
            let is_busy = |e: std::io::Error| e.kind() == std::io::ErrorKind::ExecutableFileBusy;
            while Command::new(&program).output().is_err_and(is_busy) {}
        };
        install(" rev vUNKNOWN-built20260516-4e853d8");
        // Without a run-time it is nothing.
        assert!(matches!(Verilator::at(&program), Err(Error::VerilatorNotFound { .. })));
        std::fs::create_dir(root.path().join("include")).unwrap();
        std::fs::write(root.path().join("include/verilated.h"), "").unwrap();
        assert_eq!(Verilator::at(&program).unwrap().version(), "rev vUNKNOWN-built20260516-4e853d8");
        for version in ["Verilator", "Verilator devel", "Verilator 5.006", "Verilator 5"] {
            install(version);
            assert_eq!(Verilator::at(&program).unwrap().version(), version);
        }
        install("Verilator 4.038 2020-07-11 rev v4.036");
        assert!(matches!(Verilator::at(&program), Err(Error::VerilatorTooOld { .. })));
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = Verilator::at(Path::new("/nonexistent/verilator")).unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/verilator`"), "{error}");
    }

    #[test]
    fn an_unrelated_program_is_not_verilator() {
        assert!(matches!(Verilator::at(Path::new("true")), Err(Error::VerilatorNotFound { .. })));
    }

    #[test]
    fn without_verilator_tests_skip_unless_it_is_required() {
        for unset in [None, Some(""), Some("0")] {
            assert_eq!(RtlPolicy::decide(None, unset), RtlPolicy::Skip);
        }
        assert_eq!(RtlPolicy::decide(None, Some("1")), RtlPolicy::Fail);
        assert_eq!(RtlPolicy::Skip.verilator_or_skip(), None);
    }

    #[test]
    #[should_panic(expected = "EMEURO_REQUIRE_RTL")]
    fn the_failing_policy_fails_the_test() {
        RtlPolicy::Fail.verilator_or_skip();
    }
}
