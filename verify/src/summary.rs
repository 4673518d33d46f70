//! One summary of what the steps of a test run have left in the folder for results.
//!
//! Every step writes a report of its own, with figures at the top: `cosim*.json` (configurations, words, mismatches, clocks),
//! `coverage.json`, `formal.json`, `mutation.json`, and the folder `mutants.out` of cargo-mutants. A step that did not run has none.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// What a test run has seen; nothing for steps that did not run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Co-simulations.
    pub cosim: Option<Cosim>,
    /// Lines of generated modules that ran, and bits of control modules that toggled.
    pub coverage: Option<[Share; 2]>,
    /// Properties that are proven, and planted faults for which the proof fails.
    pub proofs: Option<[Share; 2]>,
    /// Mutants of the generated Verilog that were noticed, of those that are not proven equivalent.
    pub mutants: Option<Share>,
    /// Mutants of Rust code that were noticed, of those that compile.
    pub rust_mutants: Option<Share>,
}

/// Sums over all co-simulations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cosim {
    /// Units, each with a configuration.
    pub configurations: u64,
    /// Output words compared.
    pub words: u64,
    /// Those that differ.
    pub mismatches: u64,
    /// Clocks simulated.
    pub clocks: u64,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How many are as they should be.
    pub good: u64,
    /// How many there are.
    pub all: u64,
}

impl Summary {
    /// Reads what is in `folder`.
    ///
    /// # Errors
    /// A file cannot be read, or is no report; the message names it.
    pub fn read(folder: &Path) -> Result<Self> {
        let share = |report: &Report, good: &str, all: &str| -> Result<Share> {
            Ok(Share { good: report.number(good)?, all: report.number(all)? })
        };
        let coverage = |report: Report| -> Result<[Share; 2]> {
            let of = |what: &str| -> Result<Share> {
                let all = report.number(&format!("/{what}/total"))?;
                let excepted = report.number(&format!("/{what}/excepted"))?;
                Ok(Share { good: report.number(&format!("/{what}/hit"))?, all: all.saturating_sub(excepted) })
            };
            Ok([of("lines")?, of("control_toggles")?])
        };
        let proofs = |report: Report| -> Result<[Share; 2]> {
            Ok([share(&report, "/proven", "/properties")?, share(&report, "/faults_found", "/faults")?])
        };
        let mutants = |report: Report| -> Result<Share> {
            let equivalent = report.number("/equivalent")?;
            let share = share(&report, "/killed", "/mutants")?;
            Ok(Share { all: share.all.saturating_sub(equivalent), ..share })
        };
        let rust = |report: Report| -> Result<Share> {
            let caught = report.number("/caught")? + report.number("/timeout")?;
            Ok(Share { good: caught, all: caught + report.number("/missed")? })
        };
        Ok(Self {
            cosim: cosim(folder)?,
            coverage: Report::find(folder.join("coverage.json"))?.map(coverage).transpose()?,
            proofs: Report::find(folder.join("formal.json"))?.map(proofs).transpose()?,
            mutants: Report::find(folder.join("mutation.json"))?.map(mutants).transpose()?,
            rust_mutants: Report::find(folder.join("mutants.out/outcomes.json"))?.map(rust).transpose()?,
        })
    }

    /// Whether every word was right and enough mutants of Rust code were noticed; the other steps fail by themselves.
    pub fn holds(&self) -> bool {
        let noticed = |share: Share| share.good as f64 >= LEAST_RUST_MUTANTS * share.all as f64;
        self.cosim.is_none_or(|cosim| cosim.mismatches == 0) && self.rust_mutants.is_none_or(noticed)
    }

    /// The figures as JSON; null for steps that did not run.
    pub fn json(&self) -> Value {
        let share = |share: Share| json!({ "good": share.good, "all": share.all });
        json!({
            "cosim": self.cosim.map(|c| json!({
                "configurations": c.configurations,
                "words": c.words,
                "mismatches": c.mismatches,
                "clocks": c.clocks,
            })),
            "lines": self.coverage.map(|[lines, _]| share(lines)),
            "control_toggles": self.coverage.map(|[_, toggles]| share(toggles)),
            "properties": self.proofs.map(|[properties, _]| share(properties)),
            "planted_faults": self.proofs.map(|[_, faults]| share(faults)),
            "mutants": self.mutants.map(share),
            "rust_mutants": self.rust_mutants.map(share),
        })
    }
}

/// The least share of the mutants of Rust code that must be noticed.
const LEAST_RUST_MUTANTS: f64 = 0.9;

/// The sums of all reports of co-simulations.
fn cosim(folder: &Path) -> Result<Option<Cosim>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(None) };
    let mut sum: Option<Cosim> = None;
    for entry in entries {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("cosim") || !name.ends_with(".json") {
            continue;
        }
        let Some(report) = Report::find(path)? else { continue };
        let total = sum.get_or_insert_default();
        total.configurations += report.number("/configurations")?;
        total.words += report.number("/words")?;
        total.mismatches += report.number("/mismatches")?;
        total.clocks += report.number("/clocks")?;
    }
    Ok(sum)
}

/// A report and where it lies.
struct Report {
    path: PathBuf,
    value: Value,
}

impl Report {
    /// The report at `path`, if there is one.
    fn find(path: PathBuf) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(Self { path, value })),
            Err(error) => Err(Error::report(&path, error)),
        }
    }

    /// A number by its JSON pointer.
    fn number(&self, pointer: &str) -> Result<u64> {
        let number = self.value.pointer(pointer).and_then(Value::as_u64);
        number.ok_or_else(|| Error::report(&self.path, format!("{pointer}: expected a number")))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.all == 0 { 100.0 } else { 100.0 * self.good as f64 / self.all as f64 };
        write!(f, "{} of {} ({percent:.1} %)", self.good, self.all)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = |shares: Option<Share>| shares.map_or_else(|| NOT_RUN.to_owned(), |s| s.to_string());
        let cosim = self.cosim.map_or_else(
            || NOT_RUN.to_owned(),
            |c| {
                format!(
                    "{} configurations, {} words, {} mismatches, {} clocks",
                    c.configurations, c.words, c.mismatches, c.clocks
                )
            },
        );
        writeln!(f, "co-simulation    {cosim}")?;
        writeln!(f, "lines            {}", shares(self.coverage.map(|[lines, _]| lines)))?;
        writeln!(f, "control toggles  {}", shares(self.coverage.map(|[_, toggles]| toggles)))?;
        writeln!(f, "properties       {}", shares(self.proofs.map(|[properties, _]| properties)))?;
        writeln!(f, "planted faults   {}", shares(self.proofs.map(|[_, faults]| faults)))?;
        writeln!(f, "Verilog mutants  {}", shares(self.mutants))?;
        writeln!(f, "Rust mutants     {}", shares(self.rust_mutants))
    }
}

const NOT_RUN: &str = "not run";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_reports() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Summary::read(&folder.path().join("nothing")).unwrap(), Summary::default());
        let write = |name: &str, value: Value| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value.to_string()).unwrap();
        };
        write("cosim-1.json", json!({ "configurations": 2, "words": 10, "mismatches": 0, "clocks": 5 }));
        write("cosim-2.json", json!({ "configurations": 3, "words": 20, "mismatches": 1, "clocks": 6 }));
        let covered = json!({ "hit": 8, "total": 10, "excepted": 2 });
        write("coverage.json", json!({ "lines": covered, "control_toggles": covered }));
        write("mutation.json", json!({ "mutants": 9, "killed": 6, "equivalent": 2 }));
        write("mutants.out/outcomes.json", json!({ "caught": 5, "timeout": 1, "missed": 2, "unviable": 9 }));
        let summary = Summary::read(folder.path()).unwrap();
        let share = |good, all| Share { good, all };
        let cosim = Cosim { configurations: 5, words: 30, mismatches: 1, clocks: 11 };
        let expected = Summary {
            cosim: Some(cosim),
            coverage: Some([share(8, 8), share(8, 8)]),
            proofs: None,
            mutants: Some(share(6, 7)),
            rust_mutants: Some(share(6, 8)),
        };
        assert_eq!(summary, expected);
        assert!(!summary.holds(), "a word differs, and a quarter of the mutants survive");
        let text = summary.to_string();
        for line in [
            "5 configurations, 30 words, 1 mismatches, 11 clocks",
            "properties       not run",
            "6 of 8 (75.0 %)",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_report_without_its_figures_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["{}", "[", "{\"proven\": -1}"] {
            fs::write(folder.path().join("formal.json"), text).unwrap();
            let message = Summary::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains("formal.json"), "{message}");
        }
    }
}
