//! Proofs: properties of generated units, for all inputs, traffic and resets, at small widths and depths.
//!
//! The properties are modules of SystemVerilog in `verify/properties/`. Each contains the unit as the printer prints it,
//! whatever drives it, and named assertions. SymbiYosys proves them, without a bound where it can:
//!
//! * by *reachability* (property directed, ABC's `pdr`): no state that can be reached violates an assertion;
//! * by *induction* (k clocks, an SMT solver): k clocks without a violation are never followed by one;
//! * by *bounded* model checking: no violation within so many clocks of reset.

mod catalogue;
mod job;
mod sby;

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::results;
use crate::tools::Tools;
pub use catalogue::jobs;
use job::Fault;
pub use job::{Job, Method};
use sby::{Outcome, Sby};

/// What became of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds, as far as the method says.
    Proven,
    /// There is a counterexample.
    Violated,
    /// The solver gave up.
    Undecided,
}

/// One property: an assertion for one configuration of a unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Property {
    /// The job and the assertion.
    pub name: String,
    /// Of what and in which shape.
    pub about: String,
    /// How it was proven.
    pub method: &'static str,
    /// Clocks of induction or of the bound; none for reachability.
    pub depth: Option<u32>,
    /// The result.
    pub verdict: Verdict,
    /// Seconds of the job that it was proven in, together with the job's other assertions.
    pub seconds: f64,
}

/// A planted fault and whether the proof failed on it, as it must.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Control {
    /// The job.
    pub name: String,
    /// What was replaced by what.
    pub fault: String,
    /// The assertion that must fail.
    pub expected: String,
    /// Whether it fails, with all other assertions left out.
    pub found: bool,
    /// Seconds.
    pub seconds: f64,
}

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How many properties there are.
    pub properties: usize,
    /// How many of them are proven.
    pub proven: usize,
    /// How many faults were planted.
    pub faults: usize,
    /// How many of them were found.
    pub faults_found: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Every property.
    pub results: Vec<Property>,
    /// Every planted fault.
    pub controls: Vec<Control>,
}

impl Report {
    /// Whether every property is proven and every planted fault was found.
    pub fn holds(&self) -> bool {
        self.proven == self.properties && self.faults_found == self.faults
    }
}

/// Proves the properties of all jobs whose name contains `filter`, and shows that each job can fail. Traces of violations
/// stay in `folder`; so does `formal.json`. `progress` gets every line of the report as it becomes known.
///
/// # Errors
/// A program is missing or fails for another reason than a violation, or nothing matches the filter.
pub fn run(
    tools: &Tools,
    folder: &Path,
    filter: &str,
    threads: usize,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Report> {
    tools.check_for_proofs()?;
    let begin = Instant::now();
    let jobs: Vec<Job> = jobs()?.into_iter().filter(|job| job.name.contains(filter)).collect();
    if jobs.is_empty() {
        return Err(Error::Unit(format!("no proof has a name that contains `{filter}`")));
    }
    let sby = Sby::new(tools, &results::work_folder(folder)?.join("proofs"))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(Error::unit)?;
    let prove = |job: &Job| -> Result<(Vec<Property>, Vec<Control>)> {
        let properties = prove(&sby, job)?;
        properties.iter().for_each(|property| progress(&line(property)));
        let controls: Vec<Control> = job
            .faults
            .iter()
            .enumerate()
            .map(|(index, fault)| control(&sby, job, index, fault))
            .collect::<Result<_>>()?;
        controls.iter().for_each(|control| progress(&control_line(control)));
        Ok((properties, controls))
    };
    let all: Vec<_> = pool.install(|| jobs.par_iter().map(prove).collect::<Result<_>>())?;
    let (properties, controls): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let properties: Vec<Property> = properties.into_iter().flatten().collect();
    let controls: Vec<Control> = controls.into_iter().flatten().collect();
    let report = Report {
        properties: properties.len(),
        proven: properties.iter().filter(|p| p.verdict == Verdict::Proven).count(),
        faults: controls.len(),
        faults_found: controls.iter().filter(|control| control.found).count(),
        seconds: seconds(begin),
        results: properties,
        controls,
    };
    results::write(folder, "formal.json", &report)?;
    Ok(report)
}

fn seconds(begin: Instant) -> f64 {
    (begin.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

fn prove(sby: &Sby, job: &Job) -> Result<Vec<Property>> {
    let begin = Instant::now();
    let outcome = sby.run(&job.name, job, &job.design, job.method, None)?;
    let seconds = seconds(begin);
    let verdict = |assertion: &String| match &outcome {
        Outcome::Passed => Verdict::Proven,
        Outcome::Failed(failed) if failed.is_empty() || failed.contains(assertion) => Verdict::Violated,
        Outcome::Failed(_) | Outcome::Unknown => Verdict::Undecided,
    };
    let property = |assertion: &String| Property {
        name: format!("{}.{assertion}", job.name),
        about: job.about.clone(),
        method: job.method.name(),
        depth: job.method.depth(),
        verdict: verdict(assertion),
        seconds,
    };
    Ok(job.assertions().iter().map(property).collect())
}

fn control(sby: &Sby, job: &Job, index: usize, fault: &Fault) -> Result<Control> {
    let begin = Instant::now();
    let broken = job.design.clone().with(&fault.edit)?;
    let name = format!("{}_fault_{index}", job.name);
    let method = Method::BoundedBits { depth: fault.depth };
    let outcome = sby.run(&name, job, &broken, method, Some(fault.fails))?;
    Ok(Control {
        name: job.name.clone(),
        fault: format!("{}: `{}` for `{}`", fault.edit.file, fault.edit.replace, fault.edit.find),
        expected: fault.fails.to_owned(),
        found: matches!(outcome, Outcome::Failed(_)),
        seconds: seconds(begin),
    })
}

fn line(property: &Property) -> String {
    let verdict = match property.verdict {
        Verdict::Proven => "proven",
        Verdict::Violated => "VIOLATED",
        Verdict::Undecided => "UNDECIDED",
    };
    let depth = property.depth.map_or("unbounded".into(), |depth| format!("{depth} clocks"));
    let Property { name, method, seconds, .. } = property;
    format!("{name:<72} {method:<12} {depth:<10} {verdict:<9} {seconds:>6.1} s")
}

fn control_line(control: &Control) -> String {
    let name = format!("{} with a planted fault", control.name);
    let verdict = if control.found { "fails in" } else { "DOES NOT FAIL in" };
    let verdict = format!("{verdict} {}", control.expected);
    format!("{name:<72} {verdict} {:>6.1} s", control.seconds)
}
