//! The checked-in emulators: their ports, their errors on frames that nobody has seen, and their bytes.

use emeuro_apps::{
    Application, BuildOptions, Built, Frames, Newton, Recipe, Release, Rope, Signal, Split, application,
    applications, build_emulator, clustered_rope, emulator, evaluate,
};
use emeuro_golden::{Emulator, Port, Runner};
use emeuro_trainer::Session;

/// Parts that a set of frames is cut into to see how much its error varies.
const PARTS: usize = 16;

/// The frames of part `part` of [`PARTS`].
fn part(app: &dyn Application, frames: &Frames, part: usize) -> Frames {
    let size = frames.count / PARTS;
    let rows = |width: usize| part * size * width..(part + 1) * size * width;
    Frames {
        count: size,
        inputs: frames.inputs[rows(app.inputs())].to_vec(),
        targets: frames.targets[rows(app.outputs())].to_vec(),
        mask: frames.mask.as_ref().map(|mask| mask[rows(app.outputs())].to_vec()),
        kinds: frames.kinds[rows(1)].to_vec(),
    }
}

#[test]
fn ports_are_the_signals_of_the_application() {
    let described = |port: &Port| -> Vec<(String, String, usize)> {
        port.segments.iter().map(|s| (s.name.clone(), s.unit.clone(), s.size)).collect()
    };
    let expected = |signals: &[Signal]| -> Vec<(String, String, usize)> {
        signals.iter().map(|s| (s.name.to_owned(), s.unit.to_owned(), s.size)).collect()
    };
    for app in applications() {
        let emulator = emulator(app.name()).unwrap();
        assert_eq!(emulator.name(), app.name());
        assert_eq!(described(emulator.input()), expected(app.input_signals()), "{}", app.name());
        assert_eq!(described(&emulator.output().port), expected(app.output_signals()), "{}", app.name());
        assert_eq!((emulator.input().bits, emulator.output().port.bits), (16, 16), "{}", app.name());
    }
}

/// Fresh frames come from another seed. Their error differs from the recorded one by chance, and both are means over
/// frames: the standard error follows from how much the error varies between parts of the fresh set (each of whole images,
/// since frames of one image are alike). Five standard errors of a difference happen once in a million, and stay below a
/// quarter of the error, so that a wrong record is noticed.
#[test]
fn recorded_errors_are_those_of_fresh_frames() {
    for app in applications() {
        let emulator = emulator(app.name()).unwrap();
        let recorded = emulator.provenance().nrmse.unwrap();
        let frames = app.frames(Split::Test, 512 * PARTS, 20_001);
        let fresh = evaluate(&*app, &emulator, &frames).unwrap().nrmse;
        let parts: Vec<f64> =
            (0..PARTS).map(|k| evaluate(&*app, &emulator, &part(&*app, &frames, k)).unwrap().nrmse).collect();
        let mean = parts.iter().sum::<f64>() / PARTS as f64;
        let variance = parts.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / (PARTS - 1) as f64;
        let tolerance = 5.0 * (2.0 * variance / PARTS as f64).sqrt();
        println!("{}: recorded {recorded:.5}, fresh {fresh:.5}, tolerance {tolerance:.5}", app.name());
        assert!(tolerance < 0.25 * recorded, "{}: {tolerance} of {recorded}", app.name());
        assert!((fresh - recorded).abs() < tolerance, "{}: {fresh} instead of {recorded}", app.name());
    }
}

#[test]
fn recorded_errors_reach_the_goals() {
    // A tenth above what they are: an emulator that is made again may err a little more, not much.
    for (name, goal) in [
        ("optical_flow", 0.0075),
        ("fft", 0.0012),
        ("convolution", 0.000166),
        ("rope", 0.00506),
        ("rope_clustered", 0.00355),
        ("newton", 0.01506),
    ] {
        let nrmse = emulator(name).unwrap().provenance().nrmse.unwrap();
        assert!((0.8 * goal..goal).contains(&nrmse), "{name}: {nrmse}");
    }
}

/// Each level of the learnt emulators is better and dearer than the one before it, and the lowest is a third of the work for at
/// most three times the error.
#[test]
fn quality_levels_trade_error_for_work() {
    for name in ["rope", "newton"] {
        let (app, emulator) = (application(name).unwrap(), emulator(name).unwrap());
        let frames = app.frames(Split::Test, 4000, 20_003);
        let levels: Vec<(f64, usize)> = (0..emulator.levels())
            .map(|level| {
                let error = evaluate(&*app, &emulator.at_level(level), &frames).unwrap().nrmse;
                (error, emulator.macs_at(level))
            })
            .collect();
        println!("{name}: {levels:?}");
        assert!(levels.len() >= 3, "{name}");
        assert!(levels.is_sorted_by(|low, high| low.0 > high.0 && low.1 < high.1), "{name}: {levels:?}");
        let (lowest, full) = (levels[0], levels[levels.len() - 1]);
        assert!(3 * lowest.1 <= full.1 && lowest.0 <= 3.0 * full.0, "{name}: {levels:?}");
    }
}

/// Against the single network on the same frames, for the work of one member and a router.
#[test]
fn members_beat_a_single_network_of_the_same_work() {
    let (single, clustered) = (emulator("rope").unwrap(), emulator("rope_clustered").unwrap());
    let rope = Rope::new();
    let frames = rope.frames(Split::Test, 4000, 20_004);
    let errors = [&single, &clustered].map(|e| evaluate(&rope, e, &frames).unwrap().nrmse);
    let router: usize =
        clustered.nodes().iter().filter(|n| n.name.starts_with("router")).map(|n| n.macs()).sum();
    println!("rope: {errors:?}, router {router} of {} multiply-adds", clustered.macs());
    assert!(errors[1] < 0.75 * errors[0], "{errors:?}");
    assert!(20 * router <= clustered.macs(), "{router} of {}", clustered.macs());
}

/// Ropes that swing wider come through the usual states as well, so that only part of them is strange.
#[test]
fn usual_ropes_are_familiar_and_many_wide_ones_are_not() {
    let emulator = emulator("rope_clustered").unwrap();
    let mut runner = Runner::new(&emulator);
    let mut share = |release| {
        let frames = Rope::with_release(release).frames(Split::Test, 1000, 20_005);
        let mut output = vec![0; 200];
        let familiar = frames.inputs.chunks_exact(400).filter(|input| {
            runner.infer(&emulator.quantise(input).unwrap(), &mut output).unwrap();
            runner.selected().unwrap().familiar
        });
        familiar.count() as f64 / 1000.0
    };
    let shares = [share(Release::Usual), share(Release::WideAngle)];
    println!("familiar: {shares:?}");
    assert!(shares[0] > 0.98 && shares[1] < 0.8, "{shares:?}");
}

#[test]
fn white_noise_is_convolved_and_transformed_as_well() {
    // A tenth above what they are, as above.
    for (name, goal) in [("fft", 0.00143), ("convolution", 0.00118)] {
        let app = application(name).unwrap();
        let frames = app.frames(Split::Test, 60, 20_002);
        let evaluation = evaluate(&*app, &emulator(name).unwrap(), &frames).unwrap();
        let (kind, nrmse) = evaluation.kinds[0];
        assert!(kind == "white noise" && nrmse < goal, "{name}: {kind} {nrmse}");
    }
}

/// Levels are ordered on frames that are new to all of them.
#[test]
fn levels_of_analytic_emulators_pay_for_what_they_cost() {
    for name in ["optical_flow", "fft", "convolution"] {
        let (app, emulator) = (application(name).unwrap(), emulator(name).unwrap());
        assert_eq!(emulator.levels(), 3, "{name}");
        let frames = app.frames(Split::Test, 2048, 20_003);
        let mut last = (0, f64::INFINITY);
        for level in 0..emulator.levels() {
            let error = evaluate(&*app, &emulator.at_level(level), &frames).unwrap().nrmse;
            let macs = emulator.macs_at(level);
            println!("{name} {level}: {macs} multiply-accumulates, {:.4} %", 100.0 * error);
            assert!(macs > last.0 && error < 0.9 * last.1, "{name} {level}: {macs} {error}");
            last = (macs, error);
        }
    }
}

#[test]
fn analytic_emulators_are_what_the_code_computes() {
    let mut count = 0;
    for app in applications() {
        if let Recipe::Analytic { .. } = app.recipe().unwrap() {
            current(&*app);
            count += 1;
        }
    }
    assert_eq!(count, 3);
}

/// Bytes hold for one kind of processor: sums of another vector width round differently.
#[test]
#[ignore = "trains for minutes; run it in release mode, on the kind of machine that made the files"]
fn trained_emulators_are_what_the_recipes_give() {
    applications().iter().for_each(|app| current(&**app));
    let built = clustered_rope(&Rope::new(), &BuildOptions::default(), &Session::default()).unwrap();
    checked_in("rope_clustered", &built);
}

/// What the choice of the function has to do with the error: the same recipe where the terms are a quarter steeper.
#[test]
#[ignore = "trains for half a minute; run it in release mode"]
fn a_steeper_newton_errs_more() {
    let steep = build_emulator(&Newton::steep(), &BuildOptions::default(), &Session::default()).unwrap();
    let usual = emulator("newton").unwrap().provenance().nrmse.unwrap();
    println!("newton: {usual:.5} with rows of standard deviation 0.8, {:.5} with 1.0", steep.test.nrmse);
    assert!(steep.test.nrmse > usual && steep.test.nrmse < 0.03);
}

#[test]
#[ignore = "trains for a minute; run it in release mode"]
fn tuned_weights_are_better_than_computed_ones() {
    let (app, tune) = (application("optical_flow").unwrap(), true);
    let options = BuildOptions { tune, ..BuildOptions::default() };
    let tuned = build_emulator(&*app, &options, &Session::default()).unwrap();
    let computed = emulator("optical_flow").unwrap();
    let before = computed.provenance().nrmse.unwrap();
    println!(
        "{}: from {before:.5} to {:.5} on test frames",
        tuned.emulator.provenance().data,
        tuned.test.nrmse
    );
    assert!(tuned.test.nrmse < 0.95 * before);
    let shape = |emulator: &Emulator| emulator.nodes().iter().map(|n| (n.format, n.size)).collect::<Vec<_>>();
    assert_eq!(shape(&tuned.emulator), shape(&computed));
    let path = std::path::Path::new("tuned.yaml");
    assert_eq!(Emulator::parse(&tuned.emulator.to_yaml(), path).unwrap(), tuned.emulator);
}

fn current(app: &dyn Application) {
    checked_in(app.name(), &build_emulator(app, &BuildOptions::default(), &Session::default()).unwrap());
}

fn checked_in(name: &str, built: &Built) {
    let path = format!("{}/emulators/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_to_string(&path).unwrap();
    let command = &built.emulator.provenance().command;
    assert!(built.emulator.to_yaml() == file, "{path} is not what '{command}' makes");
}
