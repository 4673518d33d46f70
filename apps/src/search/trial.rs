//! One trial: an emulator is made, and its error and costs are measured.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use emeuro_compiler::{Machine, UnitConfig, compile};
use emeuro_golden::{Emulator, Runner};
use emeuro_trainer::{
    Checkpointing, Datasets, Error, Session, TrainingSpec, remove_checkpoint,
    search::{Outcome, Score, Trial},
    train,
};

use super::{Make, SearchCandidate, cpu::median_ns};
use crate::{
    AppError, Application, FrameCounts, Frames, Result, Split, Training,
    build::{trainer_frames, training_set},
    evaluate,
};

/// Rungs of trained candidates: the last one takes all frames and epochs, each of the others half of those of the next.
pub(super) const RUNGS: usize = 3;

/// Lanes of the unit whose clocks are counted.
pub(super) const LANES: usize = 16;

/// Frames of which the trainer measures an error that nobody looks at: it comes after those that choose, and none of
/// them is a test frame.
const UNUSED: usize = 16;

/// What frames of a rung depend on: the application, their numbers, and whether they have slopes.
type DataKey = (&'static str, FrameCounts, bool);

/// What trials share: frames and a folder.
pub(super) struct Bench<'a> {
    pub(super) app: &'a dyn Application,
    pub(super) seed: u64,
    /// Where emulators and checkpoints are kept.
    pub(super) folder: &'a Path,
    validation: Frames,
    /// Of every rung, and what they were made for.
    datasets: [Option<(DataKey, Arc<Datasets>)>; RUNGS],
}

impl<'a> Bench<'a> {
    pub(super) fn new(app: &'a dyn Application, seed: u64, folder: &'a Path, validation: usize) -> Self {
        let validation = app.frames(Split::Validation, validation, seed);
        Self { app, seed, folder, validation, datasets: Default::default() }
    }

    /// Makes and measures a candidate; `None` when `stop` was set first.
    pub(super) fn run(
        &mut self,
        candidate: &SearchCandidate,
        trial: Trial,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Outcome>> {
        let emulator = match &candidate.make {
            Make::Computed(compute) => compute().map_err(AppError::from),
            Make::Trained(plan) => self.train(self.app, candidate, plan()?, trial, stop),
            Make::Composed { subroutine, plan, compose } => {
                let part = self.train(&**subroutine, candidate, plan()?, trial, stop);
                part.and_then(|part| Ok(compose(&part)?))
            }
        };
        let emulator = match emulator {
            // Lower quality levels are not what is searched for.
            Ok(emulator) => emulator.at_level(emulator.levels() - 1),
            Err(AppError::Training(Error::Stopped { .. })) => return Ok(None),
            Err(AppError::Training(error @ (Error::Diverged { .. } | Error::Golden(_)))) => {
                return Ok(Some(Outcome::Refused(error.to_string())));
            }
            Err(AppError::Golden(error)) => return Ok(Some(Outcome::Refused(error.to_string()))),
            Err(error) => return Err(error),
        };
        let outcome = self.measure(&emulator)?;
        if matches!(outcome, Outcome::Scored(_)) {
            emulator.save(self.emulator_path(candidate, trial))?;
        }
        // The emulator is safe; a checkpoint that cannot be removed does no harm.
        let _ = remove_checkpoint(&self.checkpoint_path(candidate, trial));
        Ok(Some(outcome))
    }

    /// Error and costs of an emulator.
    pub(super) fn measure(&self, emulator: &Emulator) -> Result<Outcome> {
        let clocks = match clocks(emulator) {
            Ok(clocks) => clocks,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        let error = evaluate(self.app, emulator, &self.validation)?.nrmse;
        let (inputs, mut output) = (self.app.inputs(), vec![0.0; self.app.outputs()]);
        let mut runner = Runner::new(emulator);
        let cpu_ns = median_ns(self.validation.count, |frame| {
            let input = &self.validation.inputs[frame * inputs..][..inputs];
            // The evaluation has shown that the sizes fit.
            let _ = runner.infer_values(input, &mut output);
            output[0]
        });
        Ok(Outcome::Scored(Score { error, clocks, weight_bits: weight_bits(emulator), cpu_ns }))
    }

    /// Nanoseconds of the exact code.
    pub(super) fn exact_ns(&self) -> f64 {
        let (inputs, mut output) = (self.app.inputs(), vec![0.0; self.app.outputs()]);
        let mut kernel = self.app.plan_exact();
        median_ns(self.validation.count, |frame| {
            // Frames of the application have the sizes of its kernel.
            let _ = kernel.run(&self.validation.inputs[frame * inputs..][..inputs], &mut output);
            output[0]
        })
    }

    /// Where the emulator of a finished trial is.
    pub(super) fn emulator_path(&self, candidate: &SearchCandidate, trial: Trial) -> PathBuf {
        self.folder.join(format!("{}.rung{}.yaml", candidate.name, trial.rung))
    }

    fn checkpoint_path(&self, candidate: &SearchCandidate, trial: Trial) -> PathBuf {
        self.folder.join(format!("{}.rung{}.checkpoint", candidate.name, trial.rung))
    }

    /// Trains the emulator of `app`: that of the region, or of one of its subroutines.
    fn train(
        &mut self,
        app: &dyn Application,
        candidate: &SearchCandidate,
        training: Training,
        trial: Trial,
        stop: &Arc<AtomicBool>,
    ) -> Result<Emulator> {
        let Training { mut spec, frames, .. } = training;
        let share = |count: usize| (count >> (RUNGS - 1 - trial.rung)).max(1);
        let counts = FrameCounts { train: share(frames.train), ..frames };
        spec.float.epochs = share(spec.float.epochs);
        spec.tuning.epochs = share(spec.tuning.epochs);
        spec.seed = self.seed;
        spec.quantisation = candidate.quantisation;
        let sets = self.datasets(app, &spec, trial.rung, counts)?;
        let session = Session {
            progress: false,
            checkpoint: Some(Checkpointing::new(self.checkpoint_path(candidate, trial))),
            stop: Arc::clone(stop),
        };
        Ok(train(&spec, &sets, &session)?.emulator)
    }

    /// The frames of a rung, made when they are first needed.
    fn datasets(
        &mut self,
        app: &dyn Application,
        spec: &TrainingSpec,
        rung: usize,
        counts: FrameCounts,
    ) -> Result<Arc<Datasets>> {
        let key = (app.name(), counts, spec.gradients.is_some());
        if let Some((known, sets)) = &self.datasets[rung]
            && *known == key
        {
            return Ok(Arc::clone(sets));
        }
        let frames = |split, count| app.frames(split, count, self.seed);
        let (validation, unused) =
            frames(Split::Validation, counts.validation + UNUSED).split_at(counts.validation);
        let sets = Arc::new(Datasets::new(
            training_set(app, spec, counts.train, self.seed)?,
            trainer_frames(app, validation)?,
            trainer_frames(app, frames(Split::Calibration, counts.calibration))?,
            trainer_frames(app, unused)?,
        )?);
        self.datasets[rung] = Some((key, Arc::clone(&sets)));
        Ok(sets)
    }
}

/// Clocks per frame of a unit with [`LANES`], frames back to back; or why there is no unit.
pub(super) fn clocks(emulator: &Emulator) -> std::result::Result<u64, String> {
    let config = UnitConfig::new(LANES).map_err(|e| e.to_string())?;
    let program = compile(emulator, &config).map_err(|e| e.to_string())?;
    Machine::cycles(&program).map(|cycles| cycles.period).map_err(|e| e.to_string())
}

/// Bits of all weights.
pub(super) fn weight_bits(emulator: &Emulator) -> u64 {
    let bits =
        |weights: &emeuro_golden::Weights| weights.values.len() as u64 * u64::from(weights.format.bits());
    emulator.nodes().iter().filter_map(|node| node.op.affine()).map(|affine| bits(&affine.weights)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpticalFlow;

    /// The network of all pixels' solution, trained for a moment, sits between the structure and the output.
    #[test]
    fn a_subroutine_is_trained_at_its_boundary_and_composed() {
        let folder = tempfile::tempdir().unwrap();
        let space = OpticalFlow.search_space().unwrap();
        let candidate = space.candidates.iter().find(|c| c.name == "network8-w8a16").unwrap();
        let mut bench = Bench::new(&OpticalFlow, 1, folder.path(), 32);
        let trial = Trial { candidate: 0, rung: 0 };
        let outcome = bench.run(candidate, trial, &Arc::default()).unwrap();
        let Some(Outcome::Scored(score)) = outcome else { panic!("{outcome:?}") };
        // Five thousand pixels tell it most of what there is to know.
        assert!(score.error < 0.5, "{score:?}");
        let emulator = Emulator::load(bench.emulator_path(candidate, trial)).unwrap();
        assert_eq!(weight_bits(&emulator), score.weight_bits);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the checkpoint is gone");
    }

    #[test]
    fn a_trial_that_is_stopped_goes_on_to_the_same_emulator() {
        let space = OpticalFlow.search_space().unwrap();
        let candidate = space.candidates.iter().find(|c| c.name == "network8-w8a16").unwrap();
        let trial = Trial { candidate: 0, rung: 0 };
        let emulator = |stops: usize| {
            let folder = tempfile::tempdir().unwrap();
            let mut bench = Bench::new(&OpticalFlow, 1, folder.path(), 8);
            for _ in 0..stops {
                let stop = Arc::new(AtomicBool::new(true));
                assert_eq!(bench.run(candidate, trial, &stop).unwrap(), None);
            }
            bench.run(candidate, trial, &Arc::default()).unwrap().unwrap();
            Emulator::load(bench.emulator_path(candidate, trial)).unwrap()
        };
        assert_eq!(emulator(2), emulator(0));
    }
}
