//! From an application to its emulator.

use emeuro_golden::{Emulator, Provenance};
use emeuro_trainer::{Datasets, Epoch, Quantisation, Session, TrainingSpec, train};
use ndarray::Array2;

use crate::{
    Analytic, Application, Evaluation, Frames, Recipe, Result, Slopes, Split, Training, evaluate, slopes,
};

/// What the user may choose about an emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Seed of all frames, of the initial weights and of the shuffles.
    pub seed: u64,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
}

/// Seed 1, 8-bit weights and 16-bit activations: the options of the checked-in emulators.
impl Default for BuildOptions {
    fn default() -> Self {
        Self { seed: 1, quantisation: Quantisation::default() }
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
/// [`AppError::Training`](crate::AppError::Training) with [`Stopped`](emeuro_trainer::Error::Stopped) when `session` was told to stop, or with what
/// else training can say; [`AppError::Golden`](crate::AppError::Golden) when the widths admit no emulator.
pub fn build_emulator(app: &dyn Application, options: &BuildOptions, session: &Session) -> Result<Built> {
    match app.recipe()? {
        Recipe::Analytic { build, test } => {
            let Analytic { emulator, mut unquantised } = build(options.quantisation)?;
            let test = app.frames(Split::Test, test, options.seed);
            let float = Evaluation::of_kernel(app, &mut unquantised, &test)?;
            let data =
                format!("analytic, nothing was trained; {} test frames of seed {}", test.count, options.seed);
            finish(app, options, emulator, data, &test, float.nrmse, vec![])
        }
        Recipe::Trained(training) => train_emulator(app, *training, options, session),
    }
}

fn train_emulator(
    app: &dyn Application,
    training: Training,
    options: &BuildOptions,
    session: &Session,
) -> Result<Built> {
    let Training { mut spec, frames: counts } = training;
    let frames = |split, count| app.frames(split, count, options.seed);
    let test = frames(Split::Test, counts.test);
    let data = format!(
        "{} training, {} validation, {} calibration and {} test frames of seed {}",
        counts.train, counts.validation, counts.calibration, counts.test, options.seed
    );
    let sets = Datasets::new(
        training_set(app, &spec, frames(Split::Train, counts.train), options.seed)?,
        trainer_frames(app, frames(Split::Validation, counts.validation))?,
        trainer_frames(app, frames(Split::Calibration, counts.calibration))?,
        trainer_frames(app, test.clone())?,
    )?;
    spec.seed = options.seed;
    spec.quantisation = options.quantisation;
    let trained = train(&spec, &sets, session)?;
    finish(app, options, trained.emulator, data, &test, trained.nrmse_float, trained.history)
}

/// Training frames, with directions and slopes if `spec` wants them to be learnt.
pub(crate) fn training_set(
    app: &dyn Application,
    spec: &TrainingSpec,
    frames: Frames,
    seed: u64,
) -> Result<emeuro_trainer::Frames> {
    if spec.gradients.is_none() {
        return trainer_frames(app, frames);
    }
    let Slopes { directions, slopes } = slopes(app, &frames, seed);
    let rows = emeuro_trainer::Frames::from_rows(&directions, app.inputs(), &slopes, app.outputs())?;
    let (directions, slopes) = (rows.inputs().clone(), rows.targets().clone());
    Ok(trainer_frames(app, frames)?.with_slopes(directions, slopes)?)
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

/// Measures the emulator and writes its provenance.
fn finish(
    app: &dyn Application,
    options: &BuildOptions,
    emulator: Emulator,
    mut data: String,
    test: &Frames,
    nrmse_float: f64,
    history: Vec<Epoch>,
) -> Result<Built> {
    let test = evaluate(app, &emulator, test)?;
    if test.share < 1.0 {
        data += &format!("; errors over the {:.1} % of outputs that count", 100.0 * test.share);
    }
    let provenance = Provenance {
        command: command(app, options),
        seed: options.seed,
        data,
        nrmse: Some(rounded(test.nrmse)),
        nrmse_float: Some(rounded(nrmse_float)),
    };
    Ok(Built { emulator: emulator.with_provenance(provenance), test, nrmse_float, history })
}

/// The command line that makes the emulator; options that have their default value are left out.
fn command(app: &dyn Application, options: &BuildOptions) -> String {
    let mut command = format!("emeuro train {} --seed {}", app.name(), options.seed);
    if options.quantisation != Quantisation::default() {
        let Quantisation { weight_bits, activation_bits } = options.quantisation;
        command += &format!(" --quantisation w{weight_bits}a{activation_bits}");
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
    use crate::{AppError, Newton};
    use std::sync::atomic::Ordering;

    #[test]
    fn the_command_names_what_is_not_default() {
        let mut options = BuildOptions::default();
        assert_eq!(command(&Newton::new(), &options), "emeuro train newton --seed 1");
        options = BuildOptions { seed: 9, quantisation: Quantisation { weight_bits: 8, activation_bits: 8 } };
        assert_eq!(command(&Newton::new(), &options), "emeuro train newton --seed 9 --quantisation w8a8");
    }

    #[test]
    fn a_session_that_is_stopped_ends_the_build() {
        let session = Session::default();
        session.stop.store(true, Ordering::Relaxed);
        let error = build_emulator(&Newton::new(), &BuildOptions::default(), &session).unwrap_err();
        assert!(matches!(error, AppError::Training(emeuro_trainer::Error::Stopped { .. })), "{error}");
    }
}
