//! What coverage need not reach, and why: a file that is read with the same distrust as the code.

use std::path::{Path, PathBuf};

use emeuro_golden::text::{self, Aliases, TextError, from_yaml};
use serde::Deserialize;

use super::report::{CoverageReport, Covered, ModuleCoverage};
use crate::error::{Error, Result};

/// What the files are, in messages.
const KIND: &str = "a file of coverage exceptions";

/// Lines and bits of kinds of modules that need not be covered, each with its reason.
///
/// ```yaml
/// lines:
///   - module: issue_control
///     line: "state <= LOAD;"
///     reason: why it cannot run
/// toggles:
///   - module: stream_control
///     signal: m_axis_tkeep
///     reason: why it cannot change; without a bit, all bits of the signal that do not change
///   - module: control_registers
///     signal: cycles[20..]
///     reason: why these bits, from 20 on, cannot change
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoverageExceptions {
    path: PathBuf,
    file: File,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    lines: Vec<LineException>,
    #[serde(default)]
    toggles: Vec<ToggleException>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineException {
    module: String,
    line: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToggleException {
    module: String,
    signal: String,
    reason: String,
}

impl ToggleException {
    /// Whether it means a bit: `count` means `count[3]`, and `count[3]` itself; `count[14..]` means the bits from 14 on.
    fn means(&self, bit: &str) -> bool {
        let (name, index) = match bit.strip_suffix(']').and_then(|bit| bit.split_once('[')) {
            Some((name, index)) => (name, index.parse::<u32>().ok()),
            None => (bit, Some(0)),
        };
        match self.signal.strip_suffix("..]").and_then(|signal| signal.split_once('[')) {
            Some((signal, first)) => {
                let first = first.parse::<u32>().ok();
                signal == name && first.is_some() && index >= first
            }
            None => bit == self.signal || name == self.signal,
        }
    }
}

/// One kind of module, with what the exceptions leave.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Excepted {
    /// Its name.
    pub module: String,
    /// Its lines.
    pub lines: Covered,
    /// Lines that did not run and need not.
    pub lines_excepted: usize,
    /// The ways of its `if`s.
    pub branches: Covered,
    /// Its bits.
    pub toggles: Covered,
    /// Bits that did not change and need not.
    pub toggles_excepted: usize,
    /// The code of the lines that did not run and should.
    pub missed_lines: Vec<String>,
    /// The bits that did not change and should.
    pub missed_toggles: Vec<String>,
}

impl Excepted {
    /// The share of the bits that can change and have changed.
    pub fn toggle_share(&self) -> f64 {
        let total = self.toggles.total - self.toggles_excepted;
        Covered { hit: self.toggles.hit, total }.share()
    }
}

impl CoverageExceptions {
    /// Reads a file of exceptions.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Coverage`] if it is not YAML of this shape, or a reason is empty.
    pub fn load(path: &Path) -> Result<Self> {
        let text = text::read(path, KIND).map_err(|error| match error {
            TextError::Io(error) => Error::io(path)(error),
            TextError::Content(message) => Error::Coverage { path: path.to_owned(), message },
        })?;
        Self::parse(&text, path)
    }

    /// Reads the text of a file of exceptions; `path` is for messages.
    ///
    /// # Errors
    /// As [`load`](Self::load), without the first.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let error = |message: String| Error::Coverage { path: path.to_owned(), message };
        let file: File = from_yaml(text, KIND, Aliases::Followed).map_err(error)?;
        let lines = file.lines.iter().map(|e| (&e.module, &e.line, &e.reason));
        let toggles = file.toggles.iter().map(|e| (&e.module, &e.signal, &e.reason));
        for (module, what, reason) in lines.chain(toggles) {
            if reason.trim().is_empty() {
                return Err(error(format!("{module}: {what}: expected a reason")));
            }
        }
        Ok(CoverageExceptions { path: path.to_owned(), file })
    }

    /// Every kind of module with what these exceptions leave to be covered.
    ///
    /// # Errors
    /// [`Error::Coverage`] naming every exception that is not needed: what it names is covered, or does not exist.
    pub fn apply(&self, report: &CoverageReport) -> Result<Vec<Excepted>> {
        let nothing = ModuleCoverage::default();
        let coverage = |module: &str| report.module(module).unwrap_or(&nothing);
        let mut useless: Vec<String> = vec![];
        for LineException { module, line, .. } in &self.file.lines {
            let coverage = coverage(module);
            let problem = problem(coverage.missed_lines(), coverage.hit_lines(), |code| code == line);
            useless.extend(problem.map(|problem| format!("{module}: {line}: {problem}")));
        }
        for exception in &self.file.toggles {
            let ToggleException { module, signal, .. } = exception;
            let coverage = coverage(module);
            let means = |bit: &str| exception.means(bit);
            let problem = problem(coverage.missed_toggles(), coverage.hit_toggles(), means);
            useless.extend(problem.map(|problem| format!("{module}: {signal}: {problem}")));
        }
        if useless.is_empty() {
            return Ok(report.modules().map(|(name, module)| self.except(name, module)).collect());
        }
        Err(Error::Coverage { path: self.path.clone(), message: useless.join("; ") })
    }

    fn except(&self, name: &str, coverage: &ModuleCoverage) -> Excepted {
        let in_lines = |code: &&str| self.file.lines.iter().any(|e| e.module == name && e.line == **code);
        let in_toggles = |bit: &&str| self.file.toggles.iter().any(|e| e.module == name && e.means(bit));
        let (lines_excepted, missed_lines): (Vec<&str>, Vec<&str>) =
            coverage.missed_lines().partition(in_lines);
        let (toggles_excepted, missed_toggles): (Vec<&str>, Vec<&str>) =
            coverage.missed_toggles().partition(in_toggles);
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Excepted {
            module: name.to_owned(),
            lines: coverage.lines(),
            lines_excepted: lines_excepted.len(),
            branches: coverage.branches(),
            toggles: coverage.toggles(),
            toggles_excepted: toggles_excepted.len(),
            missed_lines: owned(missed_lines),
            missed_toggles: owned(missed_toggles),
        }
    }
}

/// Why an exception is not needed, if it means nothing that was missed.
fn problem<'a>(
    mut missed: impl Iterator<Item = &'a str>,
    mut hit: impl Iterator<Item = &'a str>,
    means: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    match (missed.any(&means), hit.any(&means)) {
        (true, _) => None,
        (false, true) => Some("is covered: delete the exception"),
        (false, false) => Some("does not exist"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::CoverageCounts;
    use crate::design::{Design, SourceFile};

    /// A kind `m` with a line that ran and one that did not, and bits that changed and did not.
    fn report() -> CoverageReport {
        let design = Design::new("u_unit", vec![SourceFile::new("u_m.v", "a <= 1;\nb <= 2;\nreg q;")]);
        let text = "\
            C '\x01f\x02u_m.v\x01l\x021\x01n\x021\x01page\x02v_line/m\x01o\x02block\x01S\x021' 9\n\
            C '\x01f\x02u_m.v\x01l\x022\x01n\x021\x01page\x02v_branch/m\x01o\x02if\x01S\x022' 0\n\
            C '\x01f\x02u_m.v\x01l\x023\x01n\x021\x01page\x02v_toggle/m\x01o\x02q[0]' 1\n\
            C '\x01f\x02u_m.v\x01l\x023\x01n\x021\x01page\x02v_toggle/m\x01o\x02q[1]' 0\n\
            C '\x01f\x02u_m.v\x01l\x023\x01n\x021\x01page\x02v_toggle/m\x01o\x02qq[1]' 0\n";
        let mut report = CoverageReport::default();
        report.add(&design, &CoverageCounts::parse(text, "f").unwrap());
        report
    }

    fn apply(text: &str) -> Result<Vec<Excepted>> {
        CoverageExceptions::parse(text, Path::new("x.yaml"))?.apply(&report())
    }

    #[test]
    fn what_is_excepted_is_not_missed() {
        let [module] = apply("{}").unwrap().try_into().unwrap();
        assert_eq!(module.missed_lines, ["b <= 2;"]);
        assert_eq!(module.missed_toggles, ["q[1]", "qq[1]"]);
        for signal in ["q[1]", "q[1..]", "q[0..]"] {
            let text = format!("toggles: [{{module: m, signal: '{signal}', reason: r}}]");
            assert_eq!(apply(&text).unwrap()[0].missed_toggles, ["qq[1]"], "{signal}");
        }
        let text =
            "lines: [{module: m, line: b <= 2;, reason: r}]\ntoggles: [{module: m, signal: q, reason: r}]";
        let [module] = apply(text).unwrap().try_into().unwrap();
        assert_eq!((module.lines_excepted, module.toggles_excepted), (1, 1));
        assert!(module.missed_lines.is_empty());
        assert_eq!(module.missed_toggles, ["qq[1]"]);
        assert_eq!(module.toggle_share(), 0.5);
    }

    #[test]
    fn exceptions_that_are_not_needed_are_errors() {
        for (text, expected) in [
            ("lines: [{module: m, line: a <= 1;, reason: r}]", "m: a <= 1;: is covered"),
            ("lines: [{module: m, line: c <= 3;, reason: r}]", "m: c <= 3;: does not exist"),
            ("lines: [{module: n, line: b <= 2;, reason: r}]", "n: b <= 2;: does not exist"),
            ("toggles: [{module: m, signal: 'q[0..0]', reason: r}]", "m: q[0..0]: does not exist"),
            ("toggles: [{module: m, signal: 'q[2..]', reason: r}]", "m: q[2..]: does not exist"),
            ("toggles: [{module: m, signal: z, reason: r}]", "m: z: does not exist"),
            ("lines: [{module: m, line: b <= 2;, reason: ' '}]", "m: b <= 2;: expected a reason"),
            ("lines: [{module: m, line: b <= 2;}]", "missing field `reason`"),
        ] {
            let error = apply(text).unwrap_err().to_string();
            assert!(error.starts_with("x.yaml: ") && error.contains(expected), "{text}: {error}");
        }
    }
}
