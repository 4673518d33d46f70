//! Runs SymbiYosys on a design with its property module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::job::{Job, Method};
use crate::error::{Error, Result};
use crate::printed::Printed;
use crate::tools::{Program, Tools, failed, said};

/// Seconds after which a solver gives up.
const TIMEOUT: u32 = 900;

/// What a solver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All assertions hold.
    Passed,
    /// Some do not: their names, as far as the solver says them.
    Failed(Vec<String>),
    /// Neither is known.
    Unknown,
}

/// SymbiYosys, and where it works.
pub(crate) struct Sby {
    tools: Tools,
    folder: PathBuf,
    abc: PathBuf,
}

impl Sby {
    /// Works in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ToolNotFound`].
    pub(crate) fn new(tools: &Tools, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(Error::io(folder))?;
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let abc = write_abc(&folder, &tools.find(Program::Abc)?)?;
        Ok(Self { tools: tools.clone(), folder, abc })
    }

    /// Checks the properties of `job`, or `only` one of them, on `design`. The files, the log and the trace of a violation stay in the folder `name`.
    ///
    /// # Errors
    /// [`Error::ToolFailed`] if it does not come to an answer for another reason than the solver's patience.
    pub(crate) fn run(
        &self,
        name: &str,
        job: &Job,
        design: &Printed,
        method: Method,
        only: Option<&str>,
    ) -> Result<Outcome> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::io(&path))
        };
        let (module, text) = job.module;
        let properties = format!("{module}_properties.sv");
        write(&properties, text)?;
        for (name, text) in design.files() {
            write(name, text)?;
        }
        write("job.sby", &script(job, design, &properties, method, only))?;
        let answer = self.start(&folder, name, method)?;
        // A violation that the solver of bits found has no readable trace yet, and no name.
        match (answer, method) {
            (Outcome::Failed(_), _) if only.is_some() => {
                Ok(Outcome::Failed(only.iter().map(|&name| name.to_owned()).collect()))
            }
            (Outcome::Failed(names), Method::Reachability | Method::BoundedBits { .. })
                if names.is_empty() =>
            {
                let depth = method.depth().unwrap_or(60);
                write("job.sby", &script(job, design, &properties, Method::Bounded { depth }, None))?;
                match self.start(&folder, name, Method::Bounded { depth })? {
                    Outcome::Failed(names) => Ok(Outcome::Failed(names)),
                    _ => Ok(Outcome::Failed(vec![])),
                }
            }
            (answer, _) => Ok(answer),
        }
    }

    fn start(&self, folder: &Path, name: &str, method: Method) -> Result<Outcome> {
        let sby = self.tools.find(Program::Sby)?;
        let find = |program| self.tools.find(program);
        let output = Command::new(&sby)
            .args(["-f", "-d", "run"])
            .arg("--yosys")
            .arg(find(Program::SbyYosys)?)
            .arg("--smtbmc")
            .arg(find(Program::Smtbmc)?)
            .arg("--witness")
            .arg(find(Program::Witness)?)
            .arg("--abc")
            .arg(&self.abc)
            .arg("job.sby")
            .env("PATH", self.tools.search_path())
            .current_dir(folder)
            .output()
            .map_err(Error::io(&sby))?;
        let text = said(&output);
        let by_bits = matches!(method, Method::Reachability | Method::BoundedBits { .. });
        match text.as_str() {
            text if text.contains("DONE (PASS") => Ok(Outcome::Passed),
            text if text.contains("DONE (FAIL") => Ok(Outcome::Failed(failed_assertions(text))),
            // The converter of traces does not read those of every ABC.
            text if by_bits && text.contains("Status returned by engine: FAIL") => {
                Ok(Outcome::Failed(vec![]))
            }
            text if text.contains("DONE (UNKNOWN") || text.contains("DONE (TIMEOUT") => Ok(Outcome::Unknown),
            _ => Err(failed("SymbiYosys", name, &output)),
        }
    }
}

/// A starter of ABC that leaves out the option of `pdr` that shortens its log: Debian's ABC does not know it.
fn write_abc(folder: &Path, abc: &Path) -> Result<PathBuf> {
    let path = folder.join("abc.sh");
    let text = format!(
        "#!/bin/sh\n\
         # SymbiYosys asks for `pdr -v -l`; older versions of ABC have no `-l`, which only shortens the log.\n\
         exec '{}' \"$1\" \"$(printf '%s' \"$2\" | sed 's/pdr -v -l/pdr -v/')\"\n",
        abc.display()
    );
    fs::write(&path, text).map_err(Error::io(&path))?;
    let mut permissions = fs::metadata(&path).map_err(Error::io(&path))?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&path, permissions).map_err(Error::io(&path))?;
    Ok(path)
}

fn script(job: &Job, design: &Printed, properties: &str, method: Method, only: Option<&str>) -> String {
    let (mode, depth, engine) = match method {
        Method::Reachability => ("prove", None, "abc pdr"),
        Method::Induction { depth } => ("prove", Some(depth), "smtbmc z3"),
        Method::Bounded { depth } => ("bmc", Some(depth), "smtbmc z3"),
        Method::BoundedBits { depth } => ("bmc", Some(depth), "abc bmc3"),
    };
    let top = format!("{}_properties", job.module.0);
    let depth = depth.map_or(String::new(), |depth| format!("depth {depth}\n"));
    let names = |files: &[(String, String)]| -> Vec<String> { files.iter().map(|f| f.0.clone()).collect() };
    let verilog = names(&design.verilog).join(" ");
    let parameters: String =
        job.parameters.iter().map(|(name, value)| format!("chparam -set {name} {value} {top}\n")).collect();
    let others = only.map_or(String::new(), |name| format!("chformal -assert -remove */c:* */c:{name} %d\n"));
    let files = [names(&design.verilog), names(&design.hex), vec![properties.to_owned()]].concat().join("\n");
    format!(
        "[options]\nmode {mode}\n{depth}timeout {TIMEOUT}\n\n[engines]\n{engine}\n\n\
         [script]\nread -formal {verilog} {properties}\n{parameters}prep -flatten -top {top}\nmemory_map -rom-only\n{others}setundef -anyseq\n\n[files]\n{files}\n"
    )
}

/// The labels of the assertions that failed: `Assert failed in requantiser_properties: some.path.label (…)`.
fn failed_assertions(said: &str) -> Vec<String> {
    let label = |line: &str| {
        let (_, place) = line.split_once("Assert failed in ")?.1.split_once(": ")?;
        let name = place.split_once(" (").map_or(place, |(name, _)| name);
        Some(name.rsplit('.').next().unwrap_or(name).trim().to_owned())
    };
    said.lines().filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_assertions_are_read_from_the_log() {
        let said = "SBY [x] engine_0: ##   0:00:00  Assert failed in mac_properties: sum_is (mac.sv:44.13-44.60)\nmore";
        assert_eq!(failed_assertions(said), ["sum_is"]);
        assert!(failed_assertions("Status: passed").is_empty());
    }
}
