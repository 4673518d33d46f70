//! Searches for better emulators of applications.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use clap::Args;
use emeuro::{
    apps::{Application, SearchOptions, SearchReport, search_emulators},
    compiler::DEFAULT_LANES,
    trainer::search::Limits,
};
use serde_json::{Value, json};

use super::{Applications, Common, stop_flag, values};
use crate::{
    failure::{Failure, Outcome, input},
    front_file,
    owned_folder::SharedFolder,
    report::{nanoseconds, percent, table},
};

/// Searches for better emulators of applications.
///
/// Other topologies, splits into subroutines and number formats are tried for as long as the budget lasts. The Pareto front of error and
/// clocks goes to OUT/APP.front.yaml and OUT/APP.front.svg, everything else to OUT/APP.search, from where the same command continues.
#[derive(Args)]
pub(super) struct Search {
    #[command(flatten)]
    applications: Applications,
    #[command(flatten)]
    common: Common,
    /// Time per application, for example 90s, 10m or 2h: 10m without it. Earlier runs count.
    #[arg(long, value_parser = values::duration)]
    budget: Option<Duration>,
    /// Evaluations at most, those of earlier runs included.
    #[arg(long, value_name = "N")]
    evaluations: Option<usize>,
    /// Writes the chosen emulator to OUT/APP.yaml.
    #[arg(long)]
    adopt: bool,
}

/// Time per application.
const BUDGET: Duration = Duration::from_secs(600);

impl Search {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let apps = self.applications.named()?;
        let mut folder = self.common.folder(&self.applications.out)?;
        let stop = stop_flag()?;
        for app in &apps {
            let files = self.search_files(&**app);
            folder.check(files.iter().map(String::as_str))?;
        }
        let reports = apps
            .iter()
            .map(|app| self.search_one(&**app, &mut folder, &stop))
            .collect::<Result<Vec<SearchReport>, Failure>>()?;
        // What is written is not taken back: a front has points for every taste.
        let errs = |report: &SearchReport| {
            let chosen = &report.points[report.chosen];
            chosen.test.unwrap_or(chosen.score.error)
        };
        let misses = |report: &&SearchReport| self.common.target.is_some_and(|target| errs(report) > target);
        let passed = !reports.iter().any(|report| misses(&report));
        let out = folder.path();
        if self.common.json {
            let searches: Vec<Value> = reports.iter().map(|report| search_json(report, out)).collect();
            return Ok(Outcome::checked(format!("{}\n", json!({ "searches": searches })), passed));
        }
        let header = ["app", "point", "NRMSE", "test", "clocks", "weight bits", "emulated", "exact"];
        let mut lines = vec![header.map(str::to_owned).to_vec()];
        let mut summary = String::new();
        for report in &reports {
            for (what, index) in [("reference", 0), ("chosen", report.chosen)] {
                let point = &report.points[index];
                lines.push(vec![
                    report.app.to_owned(),
                    if index == 0 { what.to_owned() } else { format!("{what}: {}", point.name) },
                    percent(point.score.error),
                    point.test.map_or_else(|| "–".to_owned(), percent),
                    point.score.clocks.to_string(),
                    point.score.weight_bits.to_string(),
                    nanoseconds(point.score.cpu_ns),
                    nanoseconds(report.exact_ns),
                ]);
            }
            summary += &format!(
                "{}: {} evaluations of {} candidates in {:.0} s, {} points on the front: {}.\n",
                report.app,
                report.evaluations,
                report.candidates,
                report.seconds,
                front_file::front(report).len(),
                out.join(format!("{}.front.yaml", report.app)).display()
            );
        }
        for report in reports.iter().filter(misses) {
            let target = percent(self.common.target.unwrap_or_default());
            summary +=
                &format!("{}: the target of {target} is not reached by what was chosen.\n", report.app);
        }
        Ok(Outcome::checked(table(&lines) + &summary, passed))
    }

    /// Names of the files that a search writes.
    fn search_files(&self, app: &dyn Application) -> Vec<String> {
        let endings = ["front.yaml", "front.svg"].into_iter().chain(self.adopt.then_some("yaml"));
        endings.map(|ending| format!("{}.{ending}", app.name())).collect()
    }

    /// Searches, and writes the files.
    fn search_one(
        &self,
        app: &dyn Application,
        folder: &mut SharedFolder,
        stop: &Arc<AtomicBool>,
    ) -> Result<SearchReport, Failure> {
        let budget = self.budget.unwrap_or(BUDGET);
        let command = format!(
            "emeuro train {} --search --seed {} --budget {}s{}",
            app.name(),
            self.common.seed,
            budget.as_secs_f64(),
            self.evaluations.map_or_else(String::new, |most| format!(" --evaluations {most}"))
        );
        let options = SearchOptions {
            seed: self.common.seed,
            limits: Limits { budget, evaluations: self.evaluations },
            folder: folder.path().join(format!("{}.search", app.name())),
            command: command.clone(),
            progress: true,
            stop: Arc::clone(stop),
        };
        let report = search_emulators(app, &options).map_err(input)?;
        let seconds = budget.as_secs_f64();
        let front =
            front_file::yaml(&report, &command, self.common.seed, seconds, DEFAULT_LANES).map_err(input)?;
        let texts = [front, front_file::svg(&report).map_err(input)?, report.emulator.to_yaml()];
        let files: Vec<(String, String)> = self.search_files(app).into_iter().zip(texts).collect();
        folder.add(&files)?;
        Ok(report)
    }
}

fn search_json(report: &SearchReport, out: &Path) -> Value {
    let point = |index: usize| {
        let point = &report.points[index];
        json!({
            "name": point.name,
            "nrmse": point.score.error,
            "nrmse_test": point.test,
            "clocks": point.score.clocks,
            "weight_bits": point.score.weight_bits,
            "cpu_ns": point.score.cpu_ns,
        })
    };
    let file = |ending: &str| out.join(format!("{}.{ending}", report.app)).display().to_string();
    json!({
        "app": report.app,
        "evaluations": report.evaluations,
        "candidates": report.candidates,
        "seconds": report.seconds,
        "exact_ns": report.exact_ns,
        "reference": point(0),
        "chosen": point(report.chosen),
        "front": front_file::front(report).iter().map(|point| point.name.clone()).collect::<Vec<_>>(),
        "file": file("front.yaml"),
        "picture": file("front.svg"),
    })
}
