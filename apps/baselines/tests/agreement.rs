//! All baselines of an application compute the same function.

use emeuro_apps::{Frames, Split, applications};
use emeuro_baselines::{Inputs, Kind, baselines};
use emeuro_golden::nrmse_masked;

/// NRMSE of the outputs that count.
fn error(frames: &Frames, found: &[f64]) -> f64 {
    let width = frames.targets.len() / frames.count;
    nrmse_masked(&frames.targets, found, width, |i| frames.mask.as_ref().is_none_or(|mask| mask[i]))
        .expect("outputs vary")
}

#[test]
fn every_baseline_is_as_near_to_the_exact_kernel_as_it_says() {
    for app in applications() {
        let frames = app.frames(Split::Test, 12, 5);
        for baseline in baselines(app.name()) {
            let mut code = baseline.plan();
            let mut found = vec![0.0; frames.targets.len()];
            let rows = frames.inputs.chunks_exact(app.inputs()).zip(found.chunks_exact_mut(app.outputs()));
            rows.for_each(|(input, output)| code.run(input, output));
            let error = error(&frames, &found);
            println!("{} {}: {error:.1e}", app.name(), baseline.name);
            assert!(error <= baseline.tolerance, "{} {}: {error}", app.name(), baseline.name);
        }
    }
}

#[test]
fn every_application_has_a_textbook_and_optimised_code_and_names_are_unique() {
    for app in applications() {
        let all = baselines(app.name());
        for kind in [Kind::Textbook, Kind::Optimised] {
            assert!(all.iter().any(|baseline| baseline.kind == kind), "{}: {kind}", app.name());
        }
        let names: std::collections::HashSet<&str> = all.iter().map(|baseline| baseline.name).collect();
        assert_eq!(names.len(), all.len(), "{}", app.name());
        assert!(all.iter().all(|baseline| baseline.app == app.name() && !baseline.about.is_empty()));
    }
}

#[cfg(feature = "library-baselines")]
#[test]
fn the_libraries_of_the_original_work_are_there() {
    let expected = [("fft", "fftw", Kind::Library), ("convolution", "alglib", Kind::Library)];
    for (app, name, kind) in expected.into_iter().chain([("optical_flow", "opencv", Kind::Other)]) {
        let first = &baselines(app)[0];
        assert_eq!((first.name, first.kind), (name, kind));
    }
}

/// The timed form computes the same frames: those of the numbers that it is given, without a look beyond.
#[test]
fn planned_frames_are_run_by_number() {
    for app in applications() {
        let frames = app.frames(Split::Test, 3, 6);
        let inputs = Inputs::new(&frames.inputs, app.inputs());
        for baseline in baselines(app.name()) {
            baseline.plan().on(&inputs, app.outputs())(0..3);
        }
    }
}
