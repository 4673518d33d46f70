//! The error of an emulator on frames of its application.

use emeuro_golden::{Emulator, Errors, Runner, nrmse_masked};
use rayon::prelude::*;

use crate::{AppError, Application, Frames, Kernel, Result};

/// How far estimates are from exact outputs, over the outputs that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of frames.
    pub frames: usize,
    /// Root mean square of the error over the standard deviation of the exact outputs.
    pub nrmse: f64,
    /// Share of outputs that count, by the mask of the frames.
    pub share: f64,
    /// Of every output, and what stands beside NRMSE; rows are frames.
    pub errors: Errors,
    /// NRMSE of every kind of frame, in the order of first appearance.
    pub kinds: Vec<(&'static str, f64)>,
}

/// Runs the golden model of `emulator` on `frames` of `app` at the highest quality level and compares with the exact outputs.
///
/// # Errors
/// [`AppError::OtherEmulator`] when the emulator's frames are not those of `app`.
pub fn evaluate(app: &dyn Application, emulator: &Emulator, frames: &Frames) -> Result<Evaluation> {
    evaluate_at(app, emulator, emulator.levels() - 1, frames)
}

/// The same at quality level `level`.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_at(
    app: &dyn Application,
    emulator: &Emulator,
    level: usize,
    frames: &Frames,
) -> Result<Evaluation> {
    let sizes = [
        ("input", emulator.input().size(), app.inputs()),
        ("output", emulator.output().port.size(), app.outputs()),
    ];
    if let Some(&(port, found, expected)) = sizes.iter().find(|(_, found, expected)| found != expected) {
        let emulator = emulator.name().to_owned();
        return Err(AppError::OtherEmulator { app: app.name(), emulator, port, found, expected });
    }
    let mut estimates = vec![0.0; frames.targets.len()];
    estimates
        .par_chunks_exact_mut(app.outputs())
        .zip(frames.inputs.par_chunks_exact(app.inputs()))
        .try_for_each_init(
            || (Runner::new(emulator), vec![0; app.outputs()]),
            |(runner, words), (estimate, input)| {
                runner.infer_at(level, &emulator.quantise(input)?, words)?;
                estimate.copy_from_slice(&emulator.dequantise(words));
                Ok::<(), AppError>(())
            },
        )?;
    Ok(Evaluation::of(&estimates, frames, &emulator.output_names()))
}

impl Evaluation {
    /// The same for the outputs of a kernel.
    pub(crate) fn of_kernel(app: &dyn Application, kernel: &mut Kernel, frames: &Frames) -> Result<Self> {
        let mut estimates = vec![0.0; frames.targets.len()];
        let rows = estimates.chunks_exact_mut(app.outputs()).zip(frames.inputs.chunks_exact(app.inputs()));
        for (estimate, input) in rows {
            kernel.run(input, estimate)?;
        }
        let names: Vec<String> = (0..app.outputs()).map(|index| format!("output[{index}]")).collect();
        Ok(Self::of(&estimates, frames, &names))
    }

    fn of(estimates: &[f64], frames: &Frames, names: &[String]) -> Self {
        let width = names.len();
        let counts = |i: usize| frames.mask.as_ref().is_none_or(|mask| mask[i]);
        let error = |of: &dyn Fn(usize) -> bool| {
            nrmse_masked(&frames.targets, estimates, width, of).unwrap_or(f64::INFINITY)
        };
        let mut kinds: Vec<(&'static str, f64)> = Vec::new();
        for &kind in &frames.kinds {
            if kinds.iter().all(|(known, _)| *known != kind) {
                kinds.push((kind, error(&|i| counts(i) && frames.kinds[i / width] == kind)));
            }
        }
        let errors = Errors::of_masked(names, &frames.targets, estimates, counts);
        Self { frames: frames.count, nrmse: error(&counts), share: frames.share(), errors, kinds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Newton, Rope, Split};

    #[test]
    fn other_code_for_the_function_has_nearly_no_error_and_the_mean_has_all_of_it() {
        let app = Newton::new();
        let frames = app.frames(Split::Test, 50, 1);
        // Differences instead of derivatives: written by itself, and off by some last places.
        let other = Evaluation::of_kernel(&app, &mut app.plan_reference(), &frames).unwrap();
        assert_eq!((other.frames, other.share), (50, 1.0));
        assert!(other.nrmse > 0.0 && other.nrmse < 1e-4, "{}", other.nrmse);
        assert!(
            other.errors.outputs.iter().all(|output| output.largest > 0.0 && output.nrmse.unwrap() < 1e-4)
        );
        let mut means = [0.0; 20];
        for target in frames.targets.chunks_exact(20) {
            means.iter_mut().zip(target).for_each(|(mean, t)| *mean += t / 50.0);
        }
        let mut constant = Kernel::new("newton", 40, 20, move |_, output| output.copy_from_slice(&means));
        let mean = Evaluation::of_kernel(&app, &mut constant, &frames).unwrap();
        assert!((mean.nrmse - 1.0).abs() < 1e-12 && mean.kinds == [("base", mean.nrmse)], "{mean:?}");
    }

    #[test]
    fn masked_outputs_do_not_count() {
        let frames = Frames {
            count: 2,
            inputs: vec![0.0; 2],
            targets: vec![1.0, 5.0, -1.0, 9.0],
            mask: Some(vec![true, false, true, true]),
            kinds: vec!["a", "b"],
        };
        let evaluation = Evaluation::of(&[1.0, 77.0, -1.0, 9.5], &frames, &["a".into(), "b".into()]);
        let [a, b] = &evaluation.errors.outputs[..] else { panic!("{evaluation:?}") };
        assert_eq!((evaluation.share, a.largest, b.largest, b.row), (0.75, 0.0, 0.5, 1));
        assert!((evaluation.nrmse - (0.25f64 / 2.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_emulator_of_another_application_is_refused() {
        let emulator = crate::emulator("newton").unwrap();
        let rope = Rope::new();
        let error = evaluate(&rope, &emulator, &rope.frames(Split::Test, 1, 1)).unwrap_err().to_string();
        assert!(error.contains("'newton' have 40 values, expected 400"), "{error}");
    }
}
