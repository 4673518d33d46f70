//! An emulator meets inputs of a new class, and learns them while it answers.

use std::path::Path;

use emeuro_golden::Emulator;
use emeuro_online::{Answer, Online, Policy, Retrained, Sample};
use emeuro_trainer::{Retraining, retrain_member};

use crate::{Application, Frames, Result, Scenario, Split, evaluate};

/// What the user may choose about an adaptation.
#[derive(Clone, Debug)]
pub struct AdaptOptions {
    /// Unfamiliar inputs, all answered by the exact code, after which it ends.
    pub inputs: usize,
    /// Frames like those of the training that keep the members from forgetting.
    pub rehearsal: usize,
    /// Held-out frames of either class that measure errors.
    pub test: usize,
    /// Inputs that the emulator has not answered after which members are retrained.
    pub patience: u64,
    /// Seed of all frames and choices.
    pub seed: u64,
    /// How a member is retrained.
    pub retraining: Retraining,
}

impl Default for AdaptOptions {
    fn default() -> Self {
        // Most of what is learnt from are inputs between usual ones: few passes are many steps.
        let retraining = Retraining { epochs: 12, rate: 3e-3, batch: 32, ..Retraining::default() };
        Self { inputs: 1000, rehearsal: 12_000, test: 1000, patience: 1000, seed: 7, retraining }
    }
}

/// Errors of the emulator alone at one moment, NRMSE of the golden model on held-out frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Unfamiliar inputs so far.
    pub unfamiliar: usize,
    /// On frames of the class that the emulator was trained on.
    pub usual: f64,
    /// On frames of the new class.
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
/// An emulator without a router or of other frames, a folder that cannot be used or holds something else, or failed training.
pub fn adapt(
    scenario: &Scenario,
    emulator: &Emulator,
    folder: &Path,
    options: &AdaptOptions,
) -> Result<Adaptation> {
    let frames = |app: &dyn Application, split, count| app.frames(split, count, options.seed);
    let test = [&scenario.usual, &scenario.new].map(|app| frames(&**app, Split::Test, options.test));
    let rehearsal = frames(&*scenario.usual, Split::Train, options.rehearsal);
    let online = Online::open(folder, emulator, samples(&rehearsal), policy(options)?)?;
    let mut caller = online.caller();
    let mut exact = scenario.new.plan_exact();
    let mut output = vec![0.0; scenario.new.outputs()];
    let mut course =
        Adaptation { moments: vec![], retrained: vec![], asked: 0, emulator: (*online.emulator()).clone() };
    course.measure(scenario, &test, 0)?;
    let mut unfamiliar = 0;
    // New frames in portions; they end when enough were unfamiliar, or when nearly none is any more.
    for portion in 1.. {
        let wanted = options.inputs;
        let all = frames(&*scenario.new, Split::Train, portion * wanted);
        for input in all.inputs.chunks_exact(scenario.new.inputs()).skip(course.asked) {
            course.asked += 1;
            let answer = caller.infer(input, &mut output, |input, output| {
                exact.run(input, output).expect("a frame of the application");
            })?;
            if !matches!(answer, Answer::Exact(_)) {
                continue;
            }
            unfamiliar += 1;
            if unfamiliar % STEP == 0 && unfamiliar < wanted {
                online.wait();
                course.learn(&online)?;
                course.measure(scenario, &test, unfamiliar)?;
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
    course.measure(scenario, &test, unfamiliar)?;
    Ok(course)
}

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

    fn measure(&mut self, scenario: &Scenario, test: &[Frames; 2], unfamiliar: usize) -> Result<()> {
        let [usual, new] = test;
        self.moments.push(Moment {
            unfamiliar,
            usual: evaluate(&*scenario.usual, &self.emulator, usual)?.nrmse,
            new: evaluate(&*scenario.new, &self.emulator, new)?.nrmse,
            unfamiliar_share: unfamiliar_share(&self.emulator, new)?,
        });
        Ok(())
    }
}

/// Share of the frames that are unfamiliar to `emulator`.
fn unfamiliar_share(emulator: &Emulator, frames: &Frames) -> Result<f64> {
    let mut runner = emeuro_golden::Runner::new(emulator);
    let mut output = vec![0.0; emulator.output().port.size()];
    let mut unfamiliar = 0;
    for input in frames.inputs.chunks_exact(emulator.input().size()) {
        runner.infer_values(input, &mut output)?;
        unfamiliar += usize::from(runner.selected().is_some_and(|selected| !selected.familiar));
    }
    Ok(unfamiliar as f64 / frames.count.max(1) as f64)
}

fn samples(frames: &Frames) -> impl Iterator<Item = Sample> + '_ {
    let (inputs, targets) = (frames.inputs.len() / frames.count, frames.targets.len() / frames.count);
    let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
    let pairs = frames.inputs.chunks_exact(inputs).zip(frames.targets.chunks_exact(targets));
    pairs.map(move |(input, target)| Sample { input: single(input), target: single(target) })
}

/// Retraining on a single core: the others belong to the program.
fn policy(options: &AdaptOptions) -> Result<Policy> {
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let retraining = options.retraining.clone();
    let policy = Policy::new(move |emulator, member, train, validation| {
        let retrained =
            one_core.install(|| retrain_member(emulator, member, train, validation, &retraining))?;
        Ok(retrained.emulator)
    });
    Ok(Policy { patience: options.patience, seed: options.seed, capacity: options.rehearsal / 12, ..policy })
}
