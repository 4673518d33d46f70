//! `emeuro adapt`: lets an emulator meet inputs of a new class, and learn them.

use std::path::PathBuf;

use clap::Args;
use emeuro::{
    apps::{AdaptOptions, Adaptation, Change, Moment, Scenario, Split, adapt, evaluate, scenario},
    golden::{Emulator, FileKind},
};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, input, refuse_own_input, unwritten},
    report::{percent, table},
};

/// Lets an emulator meet inputs of a class that it was not trained on, or a function that has changed.
///
/// Unfamiliar inputs are answered by the exact code and kept; the member that they belong to is retrained on one core in the
/// background and swapped in. An emulator without a router is one member, whose answers are checked now and then. Prints errors on both classes before, during and after.
#[derive(Args)]
#[command(after_help = "Example: emeuro adapt rope --scenario wide-angle")]
pub(crate) struct Adapt {
    /// The application.
    app: String,
    /// What changes: wide-angle of rope, tilted of newton, echo of convolution, response of fft or frame-rate of optical_flow.
    #[arg(long)]
    scenario: String,
    /// An emulator; by default the checked-in one of the application, that with members if there is one.
    #[arg(long)]
    emulator: Option<PathBuf>,
    /// Another emulator, trained offline on both classes, to compare with at the end.
    #[arg(long)]
    offline: Option<PathBuf>,
    /// Unfamiliar inputs after which it ends.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    inputs: u32,
    /// Held-out frames of either class.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Seed of all frames and choices.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Folder that keeps what is learnt; the same command goes on from there. By default nothing is kept.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Where to write the emulator as it is at the end.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Adapt {
    /// Lets the emulator adapt.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let scenario = scenario(&self.app, &self.scenario).map_err(input)?;
        let emulator = match &self.emulator {
            Some(path) => Emulator::load(path).map_err(input)?,
            None => {
                let clustered = emeuro::apps::emulator(&format!("{}_clustered", self.app));
                clustered.or_else(|_| emeuro::apps::emulator(&self.app)).map_err(input)?
            }
        };
        // Adapting takes long: what cannot be written is refused before.
        if let Some(path) = &self.out {
            for (option, read) in [("--emulator", &self.emulator), ("--offline", &self.offline)] {
                if let Some(read) = read {
                    refuse_own_input("--out", path, option, read)?;
                }
            }
            FileKind::EMULATOR.check(path).map_err(|e| unwritten(path, e))?;
        }
        let offline = self.offline.as_ref().map(Emulator::load).transpose().map_err(input)?;
        let temporary = tempfile::tempdir().map_err(input)?;
        let folder = self.state.clone().unwrap_or_else(|| temporary.path().to_owned());
        let options = AdaptOptions {
            inputs: self.inputs as usize,
            test: self.frames as usize,
            seed: self.seed,
            ..AdaptOptions::of(scenario.change)
        };
        let course = adapt(&scenario, &emulator, &folder, &options).map_err(input)?;
        if let Some(path) = &self.out {
            course.emulator.save(path).map_err(input)?;
        }
        let mut summary = Summary::new(&course);
        if let Some(offline) = &offline {
            let test = scenario.new.frames(Split::Test, options.test, options.seed);
            summary.offline = Some(evaluate(&*scenario.new, offline, &test).map_err(input)?.nrmse);
        }
        let text = match self.json {
            true => format!("{}\n", summary.json(&self, &course)),
            false => summary.text(&scenario, &course),
        };
        Ok(Outcome::success(text))
    }
}

/// What an adaptation comes to.
struct Summary {
    before: Moment,
    after: Moment,
    /// Time of every retraining, seconds.
    seconds: Vec<f64>,
    accepted: usize,
    /// Error on the new class of an emulator that was trained offline on both.
    offline: Option<f64>,
}

impl Summary {
    fn new(course: &Adaptation) -> Self {
        Self {
            before: course.moments[0],
            after: course.moments[course.moments.len() - 1],
            seconds: course.retrained.iter().map(|retrained| retrained.seconds).collect(),
            accepted: course.retrained.iter().filter(|retrained| retrained.accepted).count(),
            offline: None,
        }
    }

    /// How much larger the error on the usual class has become, relative to what it was.
    fn forgetting(&self) -> f64 {
        self.after.usual / self.before.usual - 1.0
    }

    fn longest(&self) -> f64 {
        self.seconds.iter().fold(0.0, |longest, &seconds| seconds.max(longest))
    }

    fn json(&self, command: &Adapt, course: &Adaptation) -> Value {
        let moment = |m: &Moment| {
            json!({
                "unfamiliar": m.unfamiliar,
                "nrmse_usual": m.usual,
                "nrmse_new": m.new,
                "unfamiliar_share": m.unfamiliar_share,
            })
        };
        let retrained = course.retrained.iter().map(|r| {
            json!({
                "member": r.member,
                "accepted": r.accepted,
                "seconds": r.seconds,
                "nrmse_usual": [r.before.familiar, r.after.familiar],
                "nrmse_new": [r.before.new, r.after.new],
            })
        });
        json!({
            "app": command.app,
            "scenario": command.scenario,
            "before": moment(&self.before),
            "during": course.moments.iter().map(moment).collect::<Vec<Value>>(),
            "after": moment(&self.after),
            "asked": course.asked,
            "retrained": retrained.collect::<Vec<Value>>(),
            "retraining_s": self.seconds.iter().sum::<f64>(),
            "longest_retraining_s": self.longest(),
            "old_class_change": self.forgetting(),
            "nrmse_new_offline": self.offline,
            "ratio_to_offline": self.offline.map(|offline| self.after.new / offline),
        })
    }

    fn text(&self, scenario: &Scenario, course: &Adaptation) -> String {
        let [new, usual] = match scenario.change {
            Change::Inputs => ["new class", "usual class"],
            Change::Function => ["new function", "old function"],
        };
        let mut lines = vec![["unfamiliar inputs", new, usual, "unfamiliar"].map(str::to_owned).to_vec()];
        lines.extend(course.moments.iter().map(|m| {
            vec![m.unfamiliar.to_string(), percent(m.new), percent(m.usual), percent(m.unfamiliar_share)]
        }));
        let mut text = format!("{}\n{}", scenario.title, table(&lines));
        text += &format!(
            "{} of {} retrainings accepted, {:.2} s of one core in all, the longest {:.2} s\n",
            self.accepted,
            self.seconds.len(),
            self.seconds.iter().sum::<f64>(),
            self.longest()
        );
        if scenario.change == Change::Inputs {
            text += &format!("error on the usual class: {:+.1} % relative\n", 100.0 * self.forgetting());
        }
        if let Some(offline) = self.offline {
            let ratio = self.after.new / offline;
            text += &format!(
                "trained offline on both: {} on the new class; {ratio:.2} times that here\n",
                percent(offline)
            );
        }
        text
    }
}
