//! An emulator meets inputs of a new class, and learns them while it answers.

use std::path::Path;

use emeuro_golden::Emulator;
use emeuro_online::{Answer, Audit, Online, Policy, Retrained, Sample};
use emeuro_trainer::{Retraining, retrain, retrain_member};

use crate::{Application, Change, Frames, Result, Scenario, Split, evaluate};

/// What the user may choose about an adaptation.
#[derive(Clone, Debug)]
pub struct AdaptOptions {
    /// Unfamiliar inputs, all answered by the exact code, after which it ends.
    pub inputs: usize,
    /// Frames like those of the training that keep the members from forgetting.
    pub rehearsal: usize,
    /// Inputs between familiar ones that are rehearsed with the emulator's own answers, per familiar pair.
    pub between: usize,
    /// Held-out frames of either class that measure errors.
    pub test: usize,
    /// Inputs that the emulator has not answered after which members are retrained.
    pub patience: u64,
    /// Seed of all frames and choices.
    pub seed: u64,
    /// How a member is retrained.
    pub retraining: Retraining,
}

impl AdaptOptions {
    /// Options that suit a kind of change: a function that has changed is far from what the weights compute.
    pub fn of(change: Change) -> Self {
        let mut options = Self::default();
        if change == Change::Function {
            options.retraining.rate = 1e-2;
            options.patience = 250;
            // Its own answers are the old function's, or not yet the new one's.
            options.between = 0;
        }
        options
    }
}

impl Default for AdaptOptions {
    fn default() -> Self {
        // Most of what is learnt from are inputs between usual ones: few passes are many steps.
        let retraining = Retraining { epochs: 12, rate: 3e-3, batch: 32, ..Retraining::default() };
        Self { inputs: 1000, rehearsal: 12_000, between: 16, test: 1000, patience: 1000, seed: 7, retraining }
    }
}

/// Errors of the emulator alone at one moment, NRMSE of the golden model on held-out frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Unfamiliar inputs so far.
    pub unfamiliar: usize,
    /// On frames of the class, or by the function, that the emulator was trained on.
    pub usual: f64,
    /// On frames of the new class, or by the new function.
    pub new: f64,
    /// Share of frames of the new class that are unfamiliar.
    pub unfamiliar_share: f64,
}

/// The course of an adaptation.
#[derive(Clone, Debug)]
pub struct Adaptation {
    /// Before the first input, after every hundred unfamiliar ones, and at the end.
    pub moments: Vec<Moment>,
    /// What retraining gave, in order.
    pub retrained: Vec<Retrained>,
    /// Inputs of the new class that were asked.
    pub asked: usize,
    /// The emulator at the end.
    pub emulator: Emulator,
}

/// Unfamiliar inputs between two moments.
const STEP: usize = 100;

/// Lets `emulator` meet the new class of `scenario`, and learn it, with its state in `folder`.
///
/// The inputs are training frames of the new class; errors are measured on test frames. Members are retrained on one core in the
/// background; before every moment it is waited for, so that the same options give the same figures.
///
/// # Errors
/// An emulator of other frames, a folder that cannot be used or holds something else, or failed training.
pub fn adapt(
    scenario: &Scenario,
    emulator: &Emulator,
    folder: &Path,
    options: &AdaptOptions,
) -> Result<Adaptation> {
    let frames = |app: &dyn Application, split, count| app.frames(split, count, options.seed);
    let test = [&scenario.usual, &scenario.new].map(|app| frames(&**app, Split::Test, options.test));
    let usual = frames(&*scenario.usual, Split::Train, options.rehearsal);
    let usual = samples(&usual);
    let watch = Watch {
        audit: Audit { bound: BOUND * emulator.provenance().nrmse.unwrap_or(0.01), ..Audit::default() },
        spread: Audit::spread(usual.iter()).unwrap_or(0.0),
    };
    let policy = Policy { audit: watch.audit, ..policy(options)? };
    // What is no longer true is not rehearsed.
    let rehearsal = if scenario.change == Change::Inputs { usual } else { vec![] };
    let online = Online::open(folder, emulator, rehearsal, policy)?;
    let mut caller = online.caller();
    let mut exact = scenario.new.plan_exact();
    let mut output = vec![0.0; scenario.new.outputs()];
    let mut course =
        Adaptation { moments: vec![], retrained: vec![], asked: 0, emulator: (*online.emulator()).clone() };
    course.measure(scenario, &test, &watch, 0)?;
    let mut unfamiliar = 0;
    // New frames in portions; they end when enough were unfamiliar, or when nearly none is any more.
    for portion in 1.. {
        let wanted = options.inputs;
        let all = frames(&*scenario.new, Split::Train, portion * wanted);
        let counted = all.counted_targets();
        let pairs =
            all.inputs.chunks_exact(scenario.new.inputs()).zip(counted.chunks_exact(scenario.new.outputs()));
        for (input, counted) in pairs.skip(course.asked) {
            course.asked += 1;
            let answer = caller.infer(input, &mut output, |input, output| {
                exact.run(input, output).expect("a frame of the application");
                // Nothing is learnt from outputs that do not count.
                let not_counted = output.iter_mut().zip(counted).filter(|(_, counted)| counted.is_nan());
                not_counted.for_each(|(output, _)| *output = f64::NAN);
            })?;
            if !matches!(answer, Answer::Exact(_)) {
                continue;
            }
            unfamiliar += 1;
            if unfamiliar % STEP == 0 && unfamiliar < wanted {
                online.wait();
                course.learn(&online)?;
                course.measure(scenario, &test, &watch, unfamiliar)?;
            }
            if unfamiliar == wanted {
                break;
            }
        }
        if unfamiliar == wanted || course.asked >= MOST_PORTIONS * wanted {
            break;
        }
    }
    online.retrain_all();
    online.wait();
    course.learn(&online)?;
    course.measure(scenario, &test, &watch, unfamiliar)?;
    Ok(course)
}

/// An answer of an emulator without a router is wrong from so many times the emulator's own error on.
const BOUND: f64 = 2.0;

/// So many times the wanted number of unfamiliar inputs are asked at most.
const MOST_PORTIONS: usize = 8;

impl Adaptation {
    /// Takes over what has been learnt.
    fn learn(&mut self, online: &Online) -> Result<()> {
        for retrained in online.take_done() {
            self.retrained.push(retrained?);
        }
        self.emulator = (*online.emulator()).clone();
        Ok(())
    }

    fn measure(
        &mut self,
        scenario: &Scenario,
        test: &[Frames; 2],
        watch: &Watch,
        unfamiliar: usize,
    ) -> Result<()> {
        let [usual, new] = test;
        self.moments.push(Moment {
            unfamiliar,
            usual: evaluate(&*scenario.usual, &self.emulator, usual)?.nrmse,
            new: evaluate(&*scenario.new, &self.emulator, new)?.nrmse,
            unfamiliar_share: watch.unfamiliar_share(&self.emulator, new)?,
        });
        Ok(())
    }
}

/// What is unfamiliar to an emulator without a router.
struct Watch {
    audit: Audit,
    /// Standard deviation of the usual outputs.
    spread: f64,
}

impl Watch {
    /// Share of the frames that are unfamiliar to `emulator`: by its router, or because its answers are refused.
    fn unfamiliar_share(&self, emulator: &Emulator, frames: &Frames) -> Result<f64> {
        let mut runner = emeuro_golden::Runner::new(emulator);
        let size = emulator.output().port.size();
        let mut output = vec![0.0; size];
        let mut unfamiliar = 0;
        let targets = frames.counted_targets();
        let pairs = frames.inputs.chunks_exact(emulator.input().size()).zip(targets.chunks_exact(size));
        for (input, exact) in pairs {
            runner.infer_values(input, &mut output)?;
            let familiar = match runner.selected() {
                Some(selected) => selected.familiar,
                None => !self.audit.refuses(&output, exact, self.spread),
            };
            unfamiliar += usize::from(!familiar);
        }
        Ok(unfamiliar as f64 / frames.count.max(1) as f64)
    }
}

fn samples(frames: &Frames) -> Vec<Sample> {
    let (inputs, outputs) = (frames.inputs.len() / frames.count, frames.targets.len() / frames.count);
    let targets = frames.counted_targets();
    let pairs = frames.inputs.chunks_exact(inputs).zip(targets.chunks_exact(outputs));
    pairs.map(|(input, target)| Sample::new(input, target)).collect()
}

/// Retraining on a single core: the others belong to the program.
fn policy(options: &AdaptOptions) -> Result<Policy> {
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let retraining = options.retraining.clone();
    let policy = Policy::new(move |emulator, member, train, validation| {
        let retrained = one_core.install(|| match emulator.router() {
            Some(_) => retrain_member(emulator, member, train, validation, &retraining),
            None => retrain(emulator, train, validation, &retraining),
        })?;
        Ok(retrained.emulator)
    });
    Ok(Policy {
        patience: options.patience,
        seed: options.seed,
        between: options.between,
        capacity: options.rehearsal / 12,
        ..policy
    })
}
