//! Trains emulators of the regions of a program that are worth it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use emeuro::{
    figures::{errors_json, nrmse_text},
    golden::Errors,
    regions::{Mode, Setting, SettingsFile},
    trainer::{
        Session,
        general::{Counts, Learnt},
        profile::{
            Decision, LoopErrors, Profile, ProfileTraining, RegionReport, TrainedProfile, train_regions,
        },
    },
};
use serde_json::{Value, json};

use super::{Budgeted, Common, data::learnt_json, stop_flag, values};
use crate::{
    failure::{Failure, Outcome, input},
    report::{nanoseconds, outputs_text, percent, ratio, table},
};

/// Trains emulators of a program's regions.
///
/// Those that are worth it are emulated. The program finds the files through EMEURO_SETTINGS=OUT/regions.settings.yaml.
#[derive(Args)]
pub(super) struct ProfileArgs {
    /// The folder that the program has written in profile mode.
    folder: PathBuf,
    /// Regions to emulate, whatever they save; without it those that save most time.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    regions: Vec<String>,
    #[command(flatten)]
    budgeted: Budgeted,
    #[command(flatten)]
    common: Common,
}

/// What was chosen and why.
const REPORT: &str = "training.report.yaml";

impl ProfileArgs {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let profile = Profile::read(&self.folder).map_err(input)?;
        let options = ProfileTraining {
            target: self.common.target(),
            budget: self.budgeted.budget(),
            seed: self.common.seed,
            regions: self.regions.clone(),
            command: self.command(),
        };
        let mut out = self.common.folder(&self.budgeted.out)?;
        let emulators = profile.regions.iter().map(|region| format!("{}.yaml", region.file_stem()));
        let names: Vec<String> = emulators.chain([SettingsFile::NAME, REPORT].map(str::to_owned)).collect();
        out.check(names.iter().map(String::as_str))?;
        let session = Session { progress: true, checkpoint: None, stop: stop_flag()? };
        let trained = train_regions(&profile, &options, &session).map_err(input)?;
        let report = json(&trained, out.path());
        let emulators =
            trained.emulated().map(|(region, learnt)| (file_name(region), learnt.emulator.to_yaml()));
        let mut files: Vec<(String, String)> = emulators.collect();
        files.push((SettingsFile::NAME.to_owned(), settings(&trained, self.common.target())?));
        files.push((REPORT.to_owned(), serde_yaml::to_string(&report).map_err(input)?));
        out.add(&files)?;
        let text = match self.common.json {
            true => format!("{report:#}\n"),
            false => text(&trained, out.path(), self.common.target()),
        };
        Ok(Outcome::checked(text, trained.reaches_target()))
    }

    fn command(&self) -> String {
        format!(
            "emeuro train profile DIR --target {} --seed {}{}",
            values::share_text(self.common.target()),
            self.common.seed,
            self.budgeted.command()
        )
    }
}

fn file_name(region: &RegionReport) -> String {
    format!("{}.yaml", region.file_stem)
}

/// The settings with which the program emulates what was chosen.
fn settings(trained: &TrainedProfile, target: f64) -> Result<String, Failure> {
    let setting = |region: &RegionReport| Setting {
        mode: Some(Mode::EMULATE.to_string()),
        emulator: Some(file_name(region).into()),
        target: Some(target),
    };
    let settings = trained.emulated().map(|(region, _)| (region.region.clone(), setting(region))).collect();
    serde_yaml::to_string(&SettingsFile(settings)).map_err(input)
}

fn json(trained: &TrainedProfile, out: &Path) -> Value {
    let regions = trained.regions.iter().map(|region| {
        let learnt = region.learnt.as_ref();
        json!({
            "region": region.region,
            "decision": match region.decision {
                Decision::Emulate => "emulate",
                Decision::Descend => "descend",
                Decision::Inside(_) => "inside",
                Decision::Exact => "exact",
            },
            "reason": region.reason,
            "depth": region.depth,
            "time_share": region.share,
            "calls": region.calls,
            "kept": region.kept,
            "inputs": region.sizes[0],
            "outputs": region.sizes[1],
            "nrmse_probe": region.probe,
            "nrmse": learnt.and_then(|learnt| learnt.errors().nrmse),
            "nrmse_even": learnt.and_then(|learnt| learnt.errors().even),
            "loop": region.in_loop.as_ref().zip(learnt).map(|(errors, learnt)| {
                let port = &learnt.emulator.output().port;
                json!({
                    "state": errors.state,
                    "chains": errors.chains,
                    "longest": errors.longest,
                    "calls": errors.calls,
                    "one_step": errors_json(&errors.one_step, port),
                    "in_loop": errors_json(&errors.in_loop, port),
                })
            }),
            "exact_ns": region.exact_ns,
            "emulated_ns": region.emulated_ns,
            "emulator": learnt.map(|learnt| {
                let path = out.join(file_name(region));
                learnt_json(learnt, (region.decision == Decision::Emulate).then_some(&path))
            }),
        })
    });
    json!({
        "regions": regions.collect::<Vec<_>>(),
        "seconds": trained.seconds,
        "seconds_of": if trained.whole { "program" } else { "regions" },
        "saved_seconds": trained.saved,
        "speedup": trained.speedup(),
        "reaches_target": trained.reaches_target(),
        "emulators": out.display().to_string(),
        "settings": out.join(SettingsFile::NAME).display().to_string(),
    })
}

/// What the errors were measured on.
fn tested(learnt: &Learnt) -> String {
    let Counts { train, validation, calibration, test, blocks, .. } = learnt.counts;
    let all = train + validation + calibration + test;
    match blocks {
        Some(blocks) => format!("errors on {test} of {all} calls, which were dealt out in {blocks} blocks"),
        None => format!("errors on {test} of {all} calls"),
    }
}

fn text(trained: &TrainedProfile, out: &Path, target: f64) -> String {
    let header = ["region", "time", "calls", "probe", "NRMSE", "even NRMSE", "exact", "emulated", "decision"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    let dash = || "–".to_owned();
    for region in &trained.regions {
        let learnt = region.learnt.as_ref();
        lines.push(vec![
            format!("{}{}", "  ".repeat(region.depth), region.region),
            percent(region.share),
            region.calls.to_string(),
            region.probe.map_or_else(dash, percent),
            learnt.map_or_else(dash, |learnt| nrmse_text(learnt.errors().nrmse)),
            learnt.map_or_else(dash, |learnt| nrmse_text(learnt.errors().even)),
            nanoseconds(region.exact_ns),
            region.emulated_ns.map_or_else(dash, nanoseconds),
            region.decision.to_string(),
        ]);
    }
    let mut text = table(&lines);
    for region in trained.regions.iter().filter(|region| !region.reason.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}: {}.", region.region, region.decision, region.reason);
    }
    for (region, learnt) in trained.emulated() {
        let port = &learnt.emulator.output().port;
        let (name, [inputs, outputs], macs) = (&region.region, region.sizes, learnt.emulator.macs());
        let _ =
            writeln!(text, "\n{name}: {inputs} inputs, {outputs} outputs, {macs} MACs; {}\n", tested(learnt));
        text += &outputs_text(learnt.errors(), port, "row");
    }
    for region in &trained.regions {
        let Some(errors) = &region.in_loop else { continue };
        let cells = |what: &str, errors: &Errors| {
            vec![what.to_owned(), nrmse_text(errors.nrmse), nrmse_text(errors.even)]
        };
        let LoopErrors { one_step, in_loop, longest, calls, state, .. } = errors;
        let _ = writeln!(
            text,
            "\n{}: {state} of its outputs come back as inputs: the error of one step is not that of the loop. {calls} calls of the profile, \
             played with the emulator's own state, up to {longest} in a row:\n",
            region.region
        );
        text += &table(&[
            ["", "NRMSE", "even NRMSE"].map(str::to_owned).to_vec(),
            cells("one step", one_step),
            cells("in the loop", in_loop),
        ]);
    }
    if text.lines().count() > lines.len() + 1 {
        text += "\n";
    }
    for region in &trained.regions {
        let path = out.join(file_name(region));
        if region.decision != Decision::Emulate && path.exists() {
            let _ = writeln!(
                text,
                "Note: {} is of an earlier run: with EMEURO_EMULATORS={} the region could still be emulated; remove it.",
                path.display(),
                out.display()
            );
        }
    }
    let of = if trained.whole { "the program" } else { "the regions" };
    let _ = match trained.emulated().count() {
        0 => writeln!(text, "No region is worth emulating."),
        _ => writeln!(
            text,
            "Of {:.2} s of {of}, emulators save {:.2} s: {} as fast, if calls take as long as in the profile.\nWritten: {}.",
            trained.seconds,
            trained.saved,
            ratio(trained.speedup()),
            out.display(),
        ),
    };
    let target = percent(target);
    let _ = match (trained.reaches_target(), trained.emulated().count()) {
        (false, _) => writeln!(
            text,
            "The target of {target} is not reached by what was asked for: the table says where."
        ),
        (true, 0) => Ok(()),
        (true, _) => writeln!(
            text,
            "Next: EMEURO_SETTINGS={}/{} in the environment of the program.",
            out.display(),
            SettingsFile::NAME
        ),
    };
    text
}
