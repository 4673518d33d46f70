//! From an application to its emulator.

use emeuro_golden::{Emulator, Provenance};
use emeuro_trainer::{
    Datasets, Epoch, Quantisation, Retrained, Retraining, Session, Trained, TrainingSpec, cluster, retrain,
    train,
};
use ndarray::Array2;

use crate::{
    Analytic, AppError, Application, Evaluation, FrameCounts, Frames, Recipe, Result, Rope, Slopes, Split,
    Training, evaluate, evaluate_at, recipe::Clusters, slopes,
};

/// What the user may choose about an emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Seed of all frames, of the initial weights and of the shuffles.
    pub seed: u64,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
    /// Whether weights that were computed are tuned end to end, through the golden model's rounding, on frames of the exact kernel.
    pub tune: bool,
}

/// Seed 1, 8-bit weights and 16-bit activations, weights as they were computed: the options of the checked-in emulators.
impl Default for BuildOptions {
    fn default() -> Self {
        Self { seed: 1, quantisation: Quantisation::default(), tune: false }
    }
}

/// An emulator and its errors.
#[derive(Clone, Debug)]
pub struct Built {
    /// The emulator; its provenance holds the command, the data and both errors.
    pub emulator: Emulator,
    /// Emulation error: golden model against exact kernel on the test frames.
    pub test: Evaluation,
    /// Modelling error: NRMSE of the same network in floating point on the test frames.
    pub nrmse_float: f64,
    /// Errors epoch by epoch; empty where nothing was trained.
    pub history: Vec<Epoch>,
}

/// Builds the emulator of `app`: trains it, or computes it where it follows from the mathematics.
///
/// The same application and options give the same bytes. Test frames only measure.
///
/// # Errors
/// [`AppError::Training`] with [`Stopped`](emeuro_trainer::Error::Stopped) when `session` was told to stop, or with what
/// else training can say; [`AppError::Golden`] when the widths admit no emulator; [`AppError::Tuned`] when the recipe trains and tunes
/// already.
pub fn build_emulator(app: &dyn Application, options: &BuildOptions, session: &Session) -> Result<Built> {
    match app.recipe()? {
        Recipe::Analytic { build, test } => {
            let Analytic { mut emulator, mut unquantised } = build(options.quantisation)?;
            let mut data = "analytic, nothing was trained".to_owned();
            if options.tune {
                (emulator, data) = tuned(app, &emulator, options.seed)?;
            }
            let test = app.frames(Split::Test, test, options.seed);
            let float = Evaluation::of_kernel(app, &mut unquantised, &test)?;
            data += &format!("; {} test frames of seed {}", test.count, options.seed);
            let made = Made { emulator, data, command: command(app.name(), options) };
            finish(app, options, made, &test, float.nrmse, vec![])
        }
        Recipe::Trained(_) if options.tune => Err(AppError::Tuned(app.name())),
        Recipe::Trained(training) => build_trained(app, *training, options, session),
    }
}

/// `emulator` with tuned weights, and what was done. Lower quality levels are tuned with the highest.
fn tuned(app: &dyn Application, emulator: &Emulator, seed: u64) -> Result<(Emulator, String)> {
    // Small steps, since computed weights are near the best. The numbers were chosen by the error on validation frames.
    let (train, validation) = (2000, 1000);
    let retraining = Retraining { epochs: 10, rate: 1e-4, seed, ..Retraining::default() };
    let frames = |split, count| trainer_frames(app, app.frames(split, count, seed));
    let [fit, check] = [frames(Split::Train, train)?, frames(Split::Validation, validation)?];
    let Retrained { emulator, before, after } = retrain(emulator, &fit, &check, &retraining)?;
    let [before, after] = [before, after].map(|error| 100.0 * error);
    let data = format!(
        "analytic, then tuned on {train} training and {validation} validation frames, from {before:.3} to {after:.3} % on these"
    );
    Ok((emulator, data))
}

/// Trains the emulator of `app` as `training` says, which may differ from the recipe.
///
/// # Errors
/// As [`build_emulator`].
pub fn build_trained(
    app: &dyn Application,
    training: Training,
    options: &BuildOptions,
    session: &Session,
) -> Result<Built> {
    let Learnt { trained, test, mut data, .. } = learn(app, training, options, session)?;
    for level in 0..trained.emulator.levels() - 1 {
        let error = evaluate_at(app, &trained.emulator, level, &test)?.nrmse;
        data += &format!("; error at quality level {level}: {:.3} %", 100.0 * error);
    }
    let made = Made { emulator: trained.emulator, data, command: command(app.name(), options) };
    finish(app, options, made, &test, trained.nrmse_float, trained.history)
}

/// Builds the emulator of `rope` that has weights of its own for every part of the input space: the highest quality level of what
/// [`build_emulator`] makes, split into members that go on learning from the same frames, each from its own.
///
/// The same frames and options give the same bytes. A checkpoint holds the training of the single network. Test frames only
/// measure.
///
/// # Errors
/// As [`build_emulator`].
pub fn clustered_rope(rope: &Rope, options: &BuildOptions, session: &Session) -> Result<Built> {
    let Clusters { trunk, mut clustering } = rope.clusters();
    clustering.retraining.seed = options.seed;
    let mut training = rope.training()?;
    training.spec.name += "_clustered";
    let Learnt { trained, sets, test, data } = learn(rope, training, options, session)?;
    let single = highest(&trained);
    let clustered = cluster(&single, trunk, sets.train(), sets.validation(), &clustering, session)?;
    let error = evaluate(rope, &single, &test)?.nrmse;
    let data = format!("{data}; error of the single network: {:.3} %", 100.0 * error);
    let command = command(&format!("{} --clustered", rope.name()), options);
    let made = Made { emulator: clustered.emulator, data, command };
    finish(rope, options, made, &test, trained.nrmse_float, trained.history)
}

/// The single network of [`clustered_rope`] and what it becomes with each number of members, with errors on the test frames.
///
/// # Errors
/// As [`build_emulator`].
pub fn clusters_of_rope(
    rope: &Rope,
    members: &[usize],
    options: &BuildOptions,
    session: &Session,
) -> Result<Vec<(Emulator, Evaluation)>> {
    let Clusters { trunk, mut clustering } = rope.clusters();
    clustering.retraining.seed = options.seed;
    let Learnt { trained, sets, test, .. } = learn(rope, rope.training()?, options, session)?;
    let single = highest(&trained);
    let mut emulators = vec![single.clone()];
    for &members in members {
        clustering.members = members;
        let clustered = cluster(&single, trunk, sets.train(), sets.validation(), &clustering, session)?;
        emulators.push(clustered.emulator);
    }
    emulators
        .into_iter()
        .map(|emulator| evaluate(rope, &emulator, &test).map(|error| (emulator, error)))
        .collect()
}

/// The highest quality level alone.
fn highest(trained: &Trained) -> Emulator {
    trained.emulator.at_level(trained.emulator.levels() - 1)
}

/// A trained emulator, and what it was trained on and is measured with.
struct Learnt {
    trained: Trained,
    sets: Datasets,
    test: Frames,
    data: String,
}

fn learn(
    app: &dyn Application,
    Training { mut spec, frames: counts }: Training,
    options: &BuildOptions,
    session: &Session,
) -> Result<Learnt> {
    let test = app.frames(Split::Test, counts.test, options.seed);
    let sets = datasets(app, &spec, &counts, &test, options.seed)?;
    spec.seed = options.seed;
    spec.quantisation = options.quantisation;
    let trained = train(&spec, &sets, session)?;
    let data = format!(
        "{} training, {} validation, {} calibration and {} test frames of seed {}",
        counts.train, counts.validation, counts.calibration, counts.test, options.seed
    );
    Ok(Learnt { trained, sets, test, data })
}

/// The four sets of frames; those of training with slopes if they are to be learnt.
fn datasets(
    app: &dyn Application,
    spec: &TrainingSpec,
    counts: &FrameCounts,
    test: &Frames,
    seed: u64,
) -> Result<Datasets> {
    let frames = |split, count| app.frames(split, count, seed);
    Ok(Datasets::new(
        training_set(app, spec, counts.train, seed)?,
        trainer_frames(app, frames(Split::Validation, counts.validation))?,
        trainer_frames(app, frames(Split::Calibration, counts.calibration))?,
        trainer_frames(app, test.clone())?,
    )?)
}

/// `count` training frames, with directions and slopes if `spec` wants them to be learnt and the application knows them.
pub(crate) fn training_set(
    app: &dyn Application,
    spec: &TrainingSpec,
    count: usize,
    seed: u64,
) -> Result<emeuro_trainer::Frames> {
    let frames = trainer_frames(app, app.frames(Split::Train, count, seed))?;
    let wanted = spec.gradients.and_then(|_| slopes(app, Split::Train, count, seed));
    let Some(Slopes { directions, slopes }) = wanted else { return Ok(frames) };
    let rows = emeuro_trainer::Frames::from_rows(&directions, app.inputs(), &slopes, app.outputs())?;
    let (directions, slopes) = (rows.inputs().clone(), rows.targets().clone());
    Ok(frames.with_slopes(directions, slopes)?)
}

pub(crate) fn trainer_frames(app: &dyn Application, frames: Frames) -> Result<emeuro_trainer::Frames> {
    let rows =
        emeuro_trainer::Frames::from_rows(&frames.inputs, app.inputs(), &frames.targets, app.outputs())?;
    match frames.mask {
        Some(mask) => {
            let mask = Array2::from_shape_vec((frames.count, app.outputs()), mask)
                .expect("masks have the shape of the targets");
            Ok(rows.with_mask(mask)?)
        }
        None => Ok(rows),
    }
}

/// An emulator, what it was made from, and the command that makes it.
struct Made {
    emulator: Emulator,
    data: String,
    command: String,
}

/// Measures the emulator and writes its provenance.
fn finish(
    app: &dyn Application,
    options: &BuildOptions,
    Made { emulator, mut data, command }: Made,
    test: &Frames,
    nrmse_float: f64,
    history: Vec<Epoch>,
) -> Result<Built> {
    let test = evaluate(app, &emulator, test)?;
    if test.share < 1.0 {
        data += &format!("; errors over the {:.1} % of outputs that count", 100.0 * test.share);
    }
    let provenance = Provenance {
        command,
        seed: options.seed,
        data,
        nrmse: Some(rounded(test.nrmse)),
        nrmse_float: Some(rounded(nrmse_float)),
        outputs: vec![],
    };
    Ok(Built { emulator: emulator.with_provenance(provenance), test, nrmse_float, history })
}

/// The command line that makes the emulator; options that have their default value are left out.
fn command(what: &str, options: &BuildOptions) -> String {
    let mut command = format!("emeuro train {what} --seed {}", options.seed);
    if options.quantisation != Quantisation::default() {
        let Quantisation { weight_bits, activation_bits } = options.quantisation;
        command += &format!(" --quantisation w{weight_bits}a{activation_bits}");
    }
    if options.tune {
        command += " --tune";
    }
    command
}

/// To a ten-thousandth of a per cent: the digits below depend on the processor's arithmetic.
pub(crate) fn rounded(error: f64) -> f64 {
    (error * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Newton;
    use std::sync::atomic::Ordering;

    #[test]
    fn the_command_names_what_is_not_default() {
        let mut options = BuildOptions::default();
        assert_eq!(command("newton", &options), "emeuro train newton --seed 1");
        let quantisation = Quantisation { weight_bits: 8, activation_bits: 8 };
        options = BuildOptions { seed: 9, quantisation, tune: true };
        assert_eq!(command("fft", &options), "emeuro train fft --seed 9 --quantisation w8a8 --tune");
    }

    #[test]
    fn only_computed_weights_are_tuned() {
        let options = BuildOptions { tune: true, ..BuildOptions::default() };
        let refused = build_emulator(&Newton::new(), &options, &Session::default()).unwrap_err();
        assert!(matches!(refused, AppError::Tuned("newton")), "{refused}");
    }

    #[test]
    fn a_session_that_is_stopped_ends_the_build() {
        let session = Session::default();
        session.stop.store(true, Ordering::Relaxed);
        let error = build_emulator(&Newton::new(), &BuildOptions::default(), &session).unwrap_err();
        assert!(matches!(error, AppError::Training(emeuro_trainer::Error::Stopped { .. })), "{error}");
    }
}
