//! Emulators from pairs alone: what is reached, what is chosen, what is refused.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use emeuro_golden::Runner;
use emeuro_trainer::{
    Error, Quantisation, Session,
    general::{Learning, Learnt, Pairs, Part, learn},
};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Inputs within `ranges`, uniform, with the outputs of `function`.
fn pairs(count: usize, seed: u64, ranges: &[(f64, f64)], function: &dyn Fn(&[f64]) -> Vec<f64>) -> Pairs {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_fn((count, ranges.len()), |(_, c)| rng.random_range(ranges[c].0..ranges[c].1));
    let rows: Vec<Vec<f64>> = x.outer_iter().map(|row| function(&row.to_vec())).collect();
    let y = Array2::from_shape_fn((count, rows[0].len()), |(r, c)| rows[r][c]);
    let parts = [Part::new("x", x.ncols()), Part::new("y", y.ncols())];
    let [inputs, outputs] = parts.map(|part| vec![part]);
    Pairs::new(x, y, inputs, outputs).unwrap()
}

/// A target that a small network reaches within a short budget.
fn quick(target: f64) -> Learning {
    Learning { target, budget: Duration::from_secs(1), ..Learning::new("function") }
}

fn learnt(pairs: &Pairs, options: &Learning) -> Learnt {
    learn(pairs, options, &Session::default()).unwrap()
}

/// Root mean square error of output `column` over the spread of its exact values, on inputs that the trainer has never seen.
fn fresh_error(
    learnt: &Learnt,
    level: usize,
    column: usize,
    ranges: &[(f64, f64)],
    function: &dyn Fn(&[f64]) -> Vec<f64>,
) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mut runner = Runner::new(&learnt.emulator);
    let (mut squares, mut values) = (0.0, vec![]);
    let mut output = vec![0.0; learnt.emulator.output().port.size()];
    for _ in 0..2000 {
        let x: Vec<f64> = ranges.iter().map(|r| rng.random_range(r.0..r.1)).collect();
        let exact = function(&x)[column];
        runner.infer_values_at(level, &x, &mut output).unwrap();
        squares += (output[column] - exact).powi(2);
        values.push(exact);
    }
    let mean = values.iter().sum::<f64>() / 2000.0;
    (squares / values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()).sqrt()
}

/// Two links of lengths 1 and 0.8 whose hand is at x, y: angles of shoulder and elbow, and the reach in millimetres.
fn arm(x: &[f64]) -> Vec<f64> {
    let square = x[0] * x[0] + x[1] * x[1];
    let elbow = ((square - 1.64) / 1.6).clamp(-1.0, 1.0).acos();
    let shoulder = x[1].atan2(x[0]) - (0.8 * elbow.sin()).atan2(1.0 + 0.8 * elbow.cos());
    vec![shoulder, elbow, 1000.0 * square.sqrt()]
}

const REACH: [(f64, f64); 2] = [(0.4, 1.2), (-1.1, 1.1)];

/// The normal distribution (Abramowitz and Stegun, 26.2.17).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429].iter().rev();
    let tail =
        series.fold(0.0, |sum, b| (sum + b) * t) * (-x * x / 2.0).exp() / (std::f64::consts::PI * 2.0).sqrt();
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Prices of a call and a put by Black and Scholes: spot, strike, rate, volatility, years.
fn black_scholes(x: &[f64]) -> Vec<f64> {
    let [spot, strike, rate, volatility, years] = *x else { panic!("five inputs") };
    let width = volatility * years.sqrt();
    let d = ((spot / strike).ln() + (rate + volatility * volatility / 2.0) * years) / width;
    let discounted = strike * (-rate * years).exp();
    let call = spot * normal(d) - discounted * normal(d - width);
    vec![call, call - spot + discounted]
}

const MARKET: [(f64, f64); 5] = [(50.0, 150.0), (50.0, 150.0), (0.0, 0.1), (0.05, 0.6), (0.05, 2.0)];

#[test]
fn a_nonlinear_function_is_learnt_for_every_output_whatever_its_unit() {
    let learnt = learnt(&pairs(3000, 1, &REACH, &arm), &quick(0.03));
    assert!(learnt.reaches_target(), "{:?}", learnt.errors());
    for column in 0..3 {
        let error = fresh_error(&learnt, usize::MAX, column, &REACH, &arm);
        assert!(error < 0.05, "output {column}: {error}");
    }
    // Millimetres would hide the angles in a common figure.
    let errors = learnt.errors();
    let [shoulder, _, reach] = &errors.outputs[..] else { panic!("{errors:?}") };
    assert_eq!((shoulder.name.as_str(), reach.name.as_str()), ("y[0]", "y[2]"));
    assert!((errors.nrmse.unwrap() - reach.nrmse.unwrap()).abs() < 1e-4, "{errors:?}");
    for (column, output) in errors.outputs.iter().enumerate() {
        let fresh = fresh_error(&learnt, usize::MAX, column, &REACH, &arm);
        assert!((fresh / output.nrmse.unwrap() - 1.0).abs() < 0.3, "{output:?}: {fresh}");
        assert!(
            output.p95 <= output.p99 && output.p99 <= output.largest && output.largest > 0.0,
            "{output:?}"
        );
        // The row of the largest error is one of the test, and errs so much.
        assert!(learnt.test_rows.contains(&output.row), "{output:?}");
    }
    assert_eq!(learnt.emulator.provenance().outputs, errors.outputs);
    assert_eq!(learnt.emulator.provenance().nrmse, errors.nrmse);
    // The reported figure is that of inputs nobody has seen.
    let fresh = (0..3).map(|c| fresh_error(&learnt, usize::MAX, c, &REACH, &arm).powi(2)).sum::<f64>() / 3.0;
    let even = errors.even.unwrap();
    assert!((fresh.sqrt() / even - 1.0).abs() < 0.2, "{} against {even}", fresh.sqrt());
}

#[test]
fn a_linear_function_needs_no_hidden_layer_and_quality_levels_come_with_hidden_ones() {
    let linear = |x: &[f64]| vec![3.0 * x[0] - x[1] + 0.5, x[1] + 40.0 * x[2]];
    let ranges = [(-1.0, 1.0), (0.0, 100.0), (-0.5, 0.5)];
    let learnt_linear = learnt(&pairs(800, 1, &ranges, &linear), &quick(0.01));
    assert_eq!(learnt_linear.topology, "linear");
    assert!(learnt_linear.reaches_target() && learnt_linear.emulator.macs() == 6);
    let wave = |x: &[f64]| vec![(2.0 * x[0]).sin() + x[1] * x[1]];
    let ranges = [(-1.5, 1.5), (-1.0, 1.0)];
    let learnt = learnt(&pairs(1500, 1, &ranges, &wave), &quick(0.03));
    assert!(learnt.reaches_target(), "{:?}", learnt.tried);
    assert_eq!(learnt.levels.len(), learnt.emulator.levels());
    if learnt.emulator.levels() > 1 {
        let low = fresh_error(&learnt, 0, 0, &ranges, &wave);
        assert!(
            learnt.levels[1].nrmse.unwrap() < learnt.levels[0].nrmse.unwrap() && low < 0.3,
            "{:?}",
            learnt.levels
        );
        assert!(learnt.emulator.macs_at(0) < learnt.emulator.macs());
    }
}

#[test]
fn a_wide_function_that_no_bottleneck_serves_is_learnt_without_one() {
    // Every output is a difference of neighbours: all directions of the input matter.
    let differences = |x: &[f64]| (0..50).map(|k| x[k] - 0.5 * x[(k + 1) % 50]).collect();
    let ranges = [(-1.0, 1.0); 50];
    let learnt = learnt(&pairs(800, 1, &ranges, &differences), &quick(0.02));
    assert!(learnt.reaches_target() && learnt.topology == "linear", "{} {:?}", learnt.topology, learnt.tried);
    assert!(learnt.tried.iter().any(|tried| tried.topology.contains("through")));
}

/// The error of a surface of two inputs, of which every number is `scale` times as large and `offset` away.
fn error_in_units(of_inputs: (f64, f64), of_outputs: (f64, f64)) -> f64 {
    let [(x_scale, x_offset), (y_scale, y_offset)] = [of_inputs, of_outputs];
    let inside = |x: f64| (x - x_offset) / x_scale;
    let wave = |x: &[f64]| vec![y_offset + y_scale * ((2.0 * inside(x[0])).sin() + inside(x[1]).powi(2))];
    let ranges = [1.0, 1.5].map(|r| (x_offset - r * x_scale, x_offset + r * x_scale));
    let options = Learning { budget: Duration::from_millis(200), ..quick(0.02) };
    let learnt = learnt(&pairs(700, 1, &ranges, &wave), &options);
    // The file says it all.
    let text = learnt.emulator.to_yaml();
    assert_eq!(emeuro_golden::Emulator::parse(&text, "wave.yaml").unwrap(), learnt.emulator);
    let input = &learnt.emulator.input().segments[0];
    assert!(
        input.ranges.iter().zip(&ranges).all(|(range, (low, high))| range[0] >= *low && range[1] <= *high)
    );
    fresh_error(&learnt, usize::MAX, 0, &ranges, &wave)
}

#[test]
fn units_and_offsets_do_not_matter() {
    let plain = error_in_units((1.0, 0.0), (1.0, 0.0));
    assert!(plain < 0.02, "{plain}");
    for of in [
        [(1e-30, 0.0), (1e30, 0.0)],
        [(1e11, 0.0), (1.0, 1e3)],
        [(1.0, 1e3), (1e-3, 0.0)],
        [(1e5, -1e11), (1e5, -1e11)],
    ] {
        let error = error_in_units(of[0], of[1]);
        assert!(error < 1.2 * plain.max(0.015), "{of:?}: {error} instead of {plain}");
    }
}

/// Rows of numbers behind a header; the last `outputs` are outputs.
fn table(text: &str, inputs: usize) -> Pairs {
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    let matrix = |columns: std::ops::Range<usize>| {
        Array2::from_shape_fn((rows.len(), columns.len()), |(r, c)| rows[r][columns.start + c])
    };
    let [x, y] = [0..inputs, inputs..rows[0].len()].map(matrix);
    let parts = [Part::new("x", x.ncols()), Part::new("y", y.ncols())];
    let [inputs, outputs] = parts.map(|part| vec![part]);
    Pairs::new(x, y, inputs, outputs).unwrap()
}

#[test]
fn files_in_any_unit_and_with_any_offset_are_learnt_alike() {
    let error = |text: &str| {
        let options = Learning { budget: Duration::from_secs(1), ..Learning::new("function") };
        let learnt = learnt(&table(text, 2), &options);
        println!("{} {:?}", learnt.topology, learnt.errors().deciding());
        learnt.errors().deciding()
    };
    let plain = error(include_str!("data/scale-1.csv"));
    assert!(plain < 0.03, "{plain}");
    // The same function of stress in pascals, and with 10 000 added to its result.
    for text in [include_str!("data/scale-1e11.csv"), include_str!("data/offset-out-1e4.csv")] {
        let other = error(text);
        assert!(other < 1.2 * plain.max(0.02), "{other} instead of {plain}");
    }
}

#[test]
fn a_linear_network_that_nearly_reaches_the_target_does_not_end_the_search() {
    let sensor = table(include_str!("data/near-target-sensor.csv"), 2);
    let target = 0.02;
    let learnt = learnt(&sensor, &Learning { target, ..Learning::new("sensor") });
    assert!(learnt.reaches_target(), "{:?}", learnt.tried);
    let linear = learnt.tried.iter().find(|t| t.topology == "linear").unwrap().outcome.clone().unwrap();
    assert!((target..1.5 * target).contains(&linear), "{linear}: not near the target, no test");
    assert_ne!(learnt.topology, "linear");
}

#[test]
fn a_table_of_33_points_is_learnt_and_every_point_is_tested_on() {
    let points = table(include_str!("data/table-33-points.csv"), 1);
    let learnt = learnt(&points, &Learning { ..Learning::new("thermistor") });
    let folds = learnt.folds.unwrap();
    assert_eq!((folds.count, learnt.counts.test), (5, 33));
    let error = learnt.errors().deciding();
    assert!(folds.least < error && error < folds.most, "{folds:?} {error}");
    // The points themselves, most of which it has learnt.
    let mut squares = 0.0;
    for line in include_str!("data/table-33-points.csv").lines().skip(1) {
        let (x, y) = line.split_once(',').unwrap();
        let estimate = learnt.emulator.run_values(&[x.parse().unwrap()]).unwrap()[0];
        squares += (estimate - y.parse::<f64>().unwrap()).powi(2) / 33.0;
    }
    println!(
        "{}: {error} by folds {folds:?}, {} °C on the points themselves",
        learnt.topology,
        squares.sqrt()
    );
    assert!(squares.sqrt() < 3.0, "{}", squares.sqrt());
    assert!(learnt.notes.iter().any(|note| note.starts_with("there are few rows")), "{:?}", learnt.notes);
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_one_others() {
    let data = pairs(600, 1, &REACH, &arm);
    let options = Learning { budget: Duration::from_millis(300), ..quick(0.2) };
    let yaml = |seed: u64| learnt(&data, &Learning { seed, ..options.clone() }).emulator.to_yaml();
    let first = yaml(1);
    assert_eq!(first, yaml(1));
    assert_ne!(first, yaml(2));
}

#[test]
fn constant_outputs_are_exact_wherever_they_stand() {
    let function = |x: &[f64]| vec![-7.5, x[0] + x[1], 0.0, 100.0 * x[0] - 1.0, 1024.0];
    let learnt = learnt(&pairs(400, 1, &[(-1.0, 1.0), (2.0, 3.0)], &function), &quick(0.01));
    for x in [[0.3, 2.5], [-0.9, 2.1], [5.0, -5.0]] {
        let y = learnt.emulator.run_values(&x).unwrap();
        assert_eq!((y[0], y[2], y[4]), (-7.5, 0.0, 1024.0));
    }
    let y = learnt.emulator.run_values(&[0.5, 2.25]).unwrap();
    assert!((y[1] - 2.75).abs() < 0.02 && (y[3] - 49.0).abs() < 1.0, "{y:?}");
    assert!(
        learnt.notes.iter().any(|note| note.starts_with("outputs 1, 3, 5 never changes")),
        "{:?}",
        learnt.notes
    );
    let constants = learnt.errors().outputs.iter().filter(|output| output.nrmse.is_none());
    assert_eq!(constants.map(|output| output.name.as_str()).collect::<Vec<_>>(), ["y[0]", "y[2]", "y[4]"]);
    // It is an emulator like any other.
    let text = learnt.emulator.to_yaml();
    assert_eq!(emeuro_golden::Emulator::parse(&text, "function.yaml").unwrap(), learnt.emulator);
}

#[test]
fn what_is_odd_about_the_data_is_said() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    // A column that never changes, one over six decades, one of which few numbers are large, two that hardly differ, rows that come twice
    // with other outputs.
    let x = Array2::from_shape_fn((600, 5), |(r, c)| match ((r / 2) as f64, c) {
        (_, 0) => 4.0,
        (r, 1) => 10f64.powf(3.0 * (r * 0.7).sin()),
        (r, 2) => (r * 0.9).sin().powi(31) + 1e-3 * (r * 1.7).sin(),
        (r, 3) => (r * 1.3).cos(),
        (r, _) => (r * 1.3).cos() + 1e-3 * (r * 2.1).sin(),
    });
    let y = Array2::from_shape_fn((600, 1), |(r, _)| x[(r, 3)] + rng.random_range(-0.2..0.2));
    let data = Pairs::new(x, y, vec![Part::new("x", 5)], vec![Part::new("y", 1)]).unwrap();
    let learnt = learnt(&data, &Learning { budget: Duration::from_millis(300), ..quick(0.5) });
    assert_eq!(learnt.counts.repeated, 300);
    for part in [
        "input 1 never changes",
        "half of the numbers of input 2 lie in the lowest eighth of their range: its words tell most of them hardly apart; give the log",
        "half of the numbers of input 3 are below a sixty-fourth of the largest: its words tell most of them hardly apart; clip",
        "inputs 4, 5 move together",
        "300 rows repeat",
        "different outputs",
    ] {
        assert!(learnt.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", learnt.notes);
    }
}

#[test]
fn the_largest_error_is_in_the_row_that_is_named_as_the_user_names_rows() {
    // One pair is far off: whatever is learnt errs most there, if it is a test pair.
    let data = pairs(700, 1, &REACH, &arm);
    let first = learnt(&data, &Learning { budget: Duration::from_millis(300), ..quick(0.3) });
    let bad = first.test_rows[11];
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let x = Array2::from_shape_fn((700, 2), |(_, c)| rng.random_range(REACH[c].0..REACH[c].1));
    let y = Array2::from_shape_fn((700, 3), |(r, c)| {
        arm(&x.row(r).to_vec())[c] + if r + 1 == bad { 100.0 } else { 0.0 }
    });
    let parts = || vec![Part::new("angle", 1), Part::new("rest", 2)];
    let data = Pairs::new(x, y, vec![Part::new("x", 2)], parts()).unwrap();
    let data = data.with_rows((1..=700).map(|row| 10 * row + 3).collect()).unwrap();
    let learnt = learnt(&data, &Learning { budget: Duration::from_millis(300), ..quick(0.3) });
    let names: Vec<&str> = learnt.errors().outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["angle", "rest[0]", "rest[1]"]);
    for output in &learnt.errors().outputs[..2] {
        assert!(output.row == 10 * bad + 3 && (output.largest - 100.0).abs() < 20.0, "{output:?}, {bad}");
    }
    let few = pairs(200, 1, &REACH, &arm).with_rows(vec![1, 2]).unwrap_err().to_string();
    assert!(few.contains("2 numbers of rows for 200 pairs"), "{few}");
}

#[test]
fn what_is_as_bad_as_the_means_is_told() {
    // Bits of the input: nothing that can be learnt.
    let noise = |x: &[f64]| vec![(x[0].to_bits().wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64];
    let learnt = learnt(
        &pairs(1500, 1, &[(-1.0, 1.0)], &noise),
        &Learning { budget: Duration::from_millis(300), ..quick(0.02) },
    );
    let error = learnt.errors().deciding();
    assert!(!learnt.reaches_target() && error > 0.95, "{error}");
    assert_eq!(learnt.is_useless(), error >= 1.0);
}

#[test]
fn the_widths_that_were_asked_for_are_used() {
    let data = pairs(500, 1, &REACH, &arm);
    let quantisation = Quantisation { weight_bits: 4, activation_bits: 8 };
    let options =
        Learning { quantisation: Some(quantisation), budget: Duration::from_millis(300), ..quick(0.3) };
    let learnt = learnt(&data, &options);
    assert_eq!(learnt.quantisation, quantisation);
    assert_eq!(learnt.emulator.input().bits, 8);
}

#[test]
fn what_cannot_be_learnt_is_refused_with_the_reason() {
    let refused = |data: &Pairs| learn(data, &quick(0.02), &Session::default()).unwrap_err().to_string();
    let few = refused(&pairs(19, 1, &REACH, &arm));
    assert!(few.contains("19 rows with 19 different inputs: expected at least 20"), "{few}");
    let constant = refused(&pairs(200, 1, &REACH, &|_| vec![1.0, 2.0]));
    assert!(constant.contains("no output varies"), "{constant}");
    let tiny = refused(&pairs(200, 1, &REACH, &|x| vec![1e-250 * x[0]]));
    assert!(tiny.contains("output 1: its numbers are from"), "{tiny}");
    let matrix = |value: f64| Array2::from_elem((3, 1), value);
    let parts = || vec![Part::new("v", 1)];
    let nan = Pairs::new(matrix(1.0), matrix(f64::NAN), parts(), parts()).unwrap_err().to_string();
    assert!(nan.contains("row 1, output 1: expected a finite number, found NaN"), "{nan}");
    assert!(Pairs::new(matrix(1.0), Array2::zeros((2, 1)), parts(), parts()).is_err());
    assert!(Pairs::new(matrix(1.0), matrix(2.0), vec![Part::new("v", 2)], parts()).is_err());
}

#[test]
fn a_session_that_is_stopped_ends_the_search() {
    let session = Session::default();
    session.stop.store(true, Ordering::Relaxed);
    let error = learn(&pairs(500, 1, &REACH, &arm), &quick(0.02), &session).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
}

/// The two general tests: their budget is half a minute each.
#[test]
#[ignore = "a minute: the figures of docs/src/own-data.md"]
fn inverse_kinematics_and_black_scholes_reach_one_per_cent() {
    type Case<'a> = (&'a str, &'a [(f64, f64)], fn(&[f64]) -> Vec<f64>);
    let functions: [Case; 2] =
        [("inverse kinematics", &REACH, arm), ("Black-Scholes", &MARKET, black_scholes)];
    for (name, ranges, function) in functions {
        for target in [0.02, 0.01] {
            let data = pairs(20_000, 1, ranges, &function);
            let begin = Instant::now();
            let learnt = learnt(&data, &Learning { target, ..Learning::new("function") });
            let seconds = begin.elapsed().as_secs_f64();
            let fresh = fresh_error(&learnt, usize::MAX, 0, ranges, &function);
            println!(
                "{name}, target {target}: {} {:?}, NRMSE {:.3} % ({:.3} % alike, first output afresh {:.3} %, float {:.3} %), levels {:?}, \
                 {} MACs, {} trainings, {seconds:.1} s",
                learnt.topology,
                learnt.quantisation,
                100.0 * learnt.errors().nrmse.unwrap(),
                100.0 * learnt.errors().even.unwrap(),
                100.0 * fresh,
                100.0 * learnt.nrmse_float.unwrap(),
                learnt.levels.iter().map(|l| l.nrmse).collect::<Vec<_>>(),
                learnt.emulator.macs(),
                learnt.tried.len()
            );
            assert!(learnt.reaches_target() && fresh < 1.2 * target, "{name}: {:?}", learnt.errors());
        }
    }
}

#[test]
fn the_normal_distribution_of_these_tests_is_one() {
    assert!((normal(0.0) - 0.5).abs() < 1e-7 && (normal(1.0) - 0.841_344_746).abs() < 1e-6);
    // Put and call of an option at the money, without a rate, cost about 0.4 · S · width.
    let [call, put] = black_scholes(&[100.0, 100.0, 0.0, 0.2, 1.0])[..] else { panic!() };
    assert!((call - put).abs() < 1e-9 && (call - 100.0 * (2.0 * normal(0.1) - 1.0)).abs() < 1e-4);
}
