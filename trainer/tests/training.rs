//! The whole way on small synthetic problems: function to emulator, determinism, resuming, precision.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use emeuro_golden::BlockGeometry;
use emeuro_trainer::{
    Checkpointing, Datasets, Error, Frames, Function, Network, Phase, PortSegment, Quantisation, Retraining,
    Session, TrainingSpec, nrmse_float, nrmse_golden, nrmse_golden_at, quantise, retrain, train,
};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Frames of `function` on uniform inputs in ±1.
fn frames(seed: u64, count: usize, inputs: usize, function: &dyn Fn(&[f32]) -> Vec<f32>) -> Frames {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_simple_fn((count, inputs), || rng.random_range(-1.0f32..1.0));
    let rows: Vec<Vec<f32>> = x.outer_iter().map(|r| function(&r.to_vec())).collect();
    let y = Array2::from_shape_fn((count, rows[0].len()), |(r, c)| rows[r][c]);
    Frames::new(x, y).unwrap()
}

fn datasets(seed: u64, train: usize, inputs: usize, function: &dyn Fn(&[f32]) -> Vec<f32>) -> Datasets {
    let set = |k, count| frames(seed + k, count, inputs, function);
    Datasets::new(set(0, train), set(1, 400), set(2, 400), set(3, 400)).unwrap()
}

/// A smooth function of four variables with two outputs.
fn smooth(x: &[f32]) -> Vec<f32> {
    vec![(1.5 * x[0] + x[1]).sin() + 0.5 * x[2], 3.0 * x[2] * x[3] - x[0]]
}

fn bypass_network(inputs: usize, hidden: usize, outputs: usize, function: Function) -> Network {
    let mut network = Network::new();
    let x = network.input(inputs).unwrap();
    let bypass = network.dense(x, outputs).unwrap();
    let h = network.dense(x, hidden).unwrap();
    let h = network.activate(h, function).unwrap();
    let residual = network.dense(h, outputs).unwrap();
    network.add(bypass, residual).unwrap();
    network
}

fn spec(network: Network, epochs: usize, tuning: usize) -> TrainingSpec {
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let mut spec = TrainingSpec::new(
        "synthetic",
        network,
        vec![PortSegment::new("x", "1", inputs)],
        vec![PortSegment::new("y", "1", outputs)],
    );
    spec.float = Phase { epochs, rate: 1e-2, patience: None };
    spec.tuning = Phase { epochs: tuning, ..spec.tuning };
    spec.batch = 32;
    spec
}

#[test]
fn a_smooth_function_is_learnt_with_every_activation() {
    let data = datasets(1, 4000, 4, &smooth);
    for function in [Function::Relu, Function::Tanh, Function::Sigmoid, Function::Silu] {
        let spec = spec(bypass_network(4, 40, 2, function), 40, 8);
        let trained = train(&spec, &data, &Session::default()).unwrap();
        let limit = if function == Function::Relu { 0.08 } else { 0.03 };
        assert!(trained.nrmse_float < limit, "{function:?}: {}", trained.nrmse_float);
        assert!(trained.nrmse_golden < trained.nrmse_float + 0.02, "{function:?}: {}", trained.nrmse_golden);
        assert_eq!(trained.nrmse_golden, nrmse_golden(&trained.emulator, data.test().unwrap()).unwrap());
        assert_eq!(trained.nrmse_float, nrmse_float(&trained.network, data.test().unwrap()).unwrap());
        assert_eq!(trained.emulator.provenance().nrmse, Some(trained.nrmse_golden));
        assert_eq!(trained.history.len(), 41 + 9);
        // What tuning saw is what the golden model does.
        let tuned = trained.history[41..].iter().map(|h| h.validation).fold(f64::INFINITY, f64::min);
        let golden = nrmse_golden(&trained.emulator, data.validation()).unwrap();
        assert!((golden - tuned).abs() < 0.01 * tuned, "{function:?}: {golden} against {tuned}");
    }
}

#[test]
fn every_operation_is_trained_and_tuned() {
    let corners = |x: &[f32]| vec![(x[0] - x[2]).abs() + x[1] * x[3], x[0].max(0.5 * x[1] * x[3])];
    let data = datasets(21, 3000, 4, &corners);
    let mut network = Network::new();
    let x = network.input(4).unwrap();
    let a = network.dense(x, 12).unwrap();
    let b = network.dense(x, 12).unwrap();
    let product = network.multiply(a, b).unwrap();
    let product = network.dense(product, 12).unwrap();
    let larger = network.maximum(product, a).unwrap();
    let pairs = BlockGeometry { repeat: vec![6], in_stride: vec![2], ..BlockGeometry::dense(2, 2) };
    let pairs = network.block(larger, BlockGeometry { out_stride: vec![2], shared: false, ..pairs }).unwrap();
    let curved = network.activate(pairs, Function::Tanh).unwrap();
    let sum = network.add(curved, larger).unwrap();
    network.dense(sum, 2).unwrap();
    let trained = train(&spec(network, 40, 8), &data, &Session::default()).unwrap();
    let used: BTreeSet<&str> = trained.emulator.nodes().iter().map(|node| node.op.keyword()).collect();
    assert_eq!(used, BTreeSet::from(["activate", "add", "block", "dense", "maximum", "multiply"]));
    assert!(trained.nrmse_float < 0.06, "{}", trained.nrmse_float);
    assert!(trained.nrmse_golden < trained.nrmse_float + 0.01, "{}", trained.nrmse_golden);
    // Some other function of the kind, from the same integers.
    let other = |x: &[f32]| vec![(x[0] - 0.8 * x[2]).abs() + x[1] * x[3] - 0.1, x[0].max(0.7 * x[1] * x[3])];
    let [train, validation, test] = [(31, 2000), (32, 300), (33, 300)].map(|(s, n)| frames(s, n, 4, &other));
    let options = Retraining { epochs: 15, ..Retraining::default() };
    let made = retrain(&trained.emulator, &train, &validation, &options).unwrap().emulator;
    let [before, after] = [&trained.emulator, &made].map(|e| nrmse_golden(e, &test).unwrap());
    assert!(after < 0.4 * before, "{after} after {before}");
}

#[test]
fn a_linear_map_needs_no_gradient() {
    let data = datasets(5, 2000, 6, &|x| vec![x[0] - 2.0 * x[1] + 7.0, 0.3 * x[5] + x[2], x[3] + x[4] - 1.0]);
    let mut network = Network::new();
    let x = network.input(6).unwrap();
    network.dense(x, 3).unwrap();
    let mut spec = spec(network, 0, 0);
    spec.quantisation = Quantisation { weight_bits: 16, activation_bits: 16 };
    let trained = train(&spec, &data, &Session::default()).unwrap();
    assert!(trained.nrmse_float < 1e-4, "{}", trained.nrmse_float);
    assert!(trained.nrmse_golden < 1e-3, "{}", trained.nrmse_golden);
}

#[test]
fn every_precision_exports() {
    let data = datasets(7, 2000, 4, &smooth);
    let mut errors = vec![];
    for (weight_bits, activation_bits) in [(16, 16), (8, 16), (8, 8), (4, 16), (4, 8)] {
        let mut spec = spec(bypass_network(4, 24, 2, Function::Tanh), 30, 8);
        spec.quantisation = Quantisation { weight_bits, activation_bits };
        let trained = train(&spec, &data, &Session::default()).unwrap();
        errors.push(trained.nrmse_golden);
    }
    assert!(errors[0] < 0.1 && errors[1] < 0.1 && errors[2] < 0.15, "{errors:?}");
    assert!(errors[3] < 0.3 && errors[4] < 0.3, "{errors:?}");
    assert!(errors[0] <= errors[1] + 0.002 && errors[1] <= errors[3], "{errors:?}");
}

#[test]
fn same_seed_same_bytes() {
    let data = datasets(9, 1000, 4, &smooth);
    let mut spec = spec(bypass_network(4, 16, 2, Function::Silu), 3, 2);
    let file = |spec: &TrainingSpec| train(spec, &data, &Session::default()).unwrap().emulator.to_yaml();
    let first = file(&spec);
    assert_eq!(first, file(&spec));
    spec.seed = 2;
    assert_ne!(first, file(&spec));
}

#[test]
fn the_test_set_is_only_measured() {
    let data = datasets(9, 1000, 4, &smooth);
    let other = Datasets::new(
        data.train().clone(),
        data.validation().clone(),
        data.calibration().clone(),
        frames(99, 300, 4, &|x| vec![x[0], 100.0 * x[1]]),
    )
    .unwrap();
    let spec = spec(bypass_network(4, 16, 2, Function::Tanh), 3, 2);
    let [a, b] = [&data, &other].map(|d| train(&spec, d, &Session::default()).unwrap());
    assert_ne!(a.nrmse_golden, b.nrmse_golden);
    assert_eq!(a.emulator.nodes(), b.emulator.nodes());
    assert_eq!(a.emulator.input(), b.emulator.input());
}

#[test]
fn stopping_and_resuming_changes_nothing() {
    let data = datasets(11, 1000, 4, &smooth);
    let spec = spec(bypass_network(4, 16, 2, Function::Relu), 4, 3);
    let whole = train(&spec, &data, &Session::default()).unwrap().emulator.to_yaml();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.ckpt");
    // A save at every batch, and a stop a little later each time, until it gets through.
    let mut stops = 0;
    for delay in 0.. {
        let session = Session {
            checkpoint: Some(Checkpointing { path: path.clone(), every: Duration::ZERO }),
            ..Session::default()
        };
        let stop = session.stop.clone();
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30 + 10 * delay));
            stop.store(true, Ordering::Relaxed);
        });
        let result = train(&spec, &data, &session);
        timer.join().unwrap();
        match result {
            Ok(trained) => {
                assert_eq!(trained.emulator.to_yaml(), whole);
                break;
            }
            Err(Error::Stopped { checkpoint }) => {
                assert_eq!(checkpoint.as_deref(), Some(path.as_path()));
                stops += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(stops > 0, "the run was never stopped");
    // A finished checkpoint belongs to this run only.
    let session = Session { checkpoint: Some(Checkpointing::new(&path)), ..Session::default() };
    let mut other = spec.clone();
    other.seed = 77;
    let error = train(&other, &data, &session).unwrap_err().to_string();
    assert!(error.contains("synthetic.ckpt") && error.contains("another training run"), "{error}");
}

#[test]
fn tuning_beats_rounding_where_it_matters() {
    // Four-bit weights: what rounding loses, tuning finds again.
    let data = datasets(13, 3000, 4, &smooth);
    let mut spec = spec(bypass_network(4, 32, 2, Function::Tanh), 25, 15);
    spec.quantisation = Quantisation { weight_bits: 4, activation_bits: 16 };
    let trained = train(&spec, &data, &Session::default()).unwrap();
    let rounded = quantise(&trained.network, &spec, &data).unwrap();
    let rounded = nrmse_golden(&rounded, data.test().unwrap()).unwrap();
    assert!(trained.nrmse_golden < 0.75 * rounded, "{} against {rounded}", trained.nrmse_golden);
}

#[test]
fn segments_of_different_size_get_their_own_binary_points() {
    // Positions of size 1 matter as much as velocities of size 60.
    let set = |seed, count| {
        let plain = frames(seed, count, 4, &|x| vec![x[0] + x[1] * x[2], x[3] - 0.5 * x[0]]);
        let mut inputs = plain.inputs().clone();
        inputs.slice_mut(ndarray::s![.., 2..]).mapv_inplace(|v| 60.0 * v + 10.0);
        Frames::new(inputs, plain.targets().clone()).unwrap()
    };
    let data = Datasets::new(set(1, 3000), set(2, 300), set(3, 300), set(4, 300)).unwrap();
    let mut spec = spec(bypass_network(4, 32, 2, Function::Tanh), 25, 5);
    spec.inputs =
        vec![PortSegment::new("position", "m", 2).within(1.5), PortSegment::new("velocity", "m/s", 2)];
    let trained = train(&spec, &data, &Session::default()).unwrap();
    let fracs: Vec<i32> = trained.emulator.input().segments.iter().map(|s| s.frac).collect();
    assert!(fracs[0] > fracs[1] + 2, "{fracs:?}");
    assert!(trained.nrmse_golden < 0.03, "{}", trained.nrmse_golden);
}

#[test]
fn a_mask_takes_outputs_out_of_loss_and_metric() {
    // Where x0 < 0, the second output is noise: with a mask, nobody cares.
    let set = |seed, count| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 100);
        let plain = frames(seed, count, 4, &smooth);
        let mut targets = plain.targets().clone();
        let mask = Array2::from_shape_fn(targets.dim(), |(r, c)| c == 0 || plain.inputs()[(r, 0)] >= 0.0);
        for ((r, c), t) in targets.indexed_iter_mut() {
            if !mask[(r, c)] {
                *t = rng.random_range(-1e3..1e3);
            }
        }
        Frames::new(plain.inputs().clone(), targets).unwrap().with_mask(mask).unwrap()
    };
    let data = Datasets::new(set(1, 4000), set(2, 300), set(3, 300), set(4, 300)).unwrap();
    let trained =
        train(&spec(bypass_network(4, 32, 2, Function::Silu), 40, 5), &data, &Session::default()).unwrap();
    assert!(trained.nrmse_golden < 0.04, "{}", trained.nrmse_golden);
}

/// Level 0: a narrow network; level 1 adds hidden units, level 2 more of them behind a last layer of its own.
fn levelled_network() -> Network {
    let mut network = Network::new();
    let x = network.input(4).unwrap();
    let mut sum = network.dense(x, 2).unwrap();
    for width in [4, 12] {
        let h = network.dense(x, width).unwrap();
        let h = network.activate(h, Function::Silu).unwrap();
        let h = network.dense(h, 2).unwrap();
        sum = network.add(sum, h).unwrap();
        network.lower_level(sum).unwrap();
    }
    let h = network.dense(x, 24).unwrap();
    let h = network.activate(h, Function::Tanh).unwrap();
    let linear = network.dense(x, 2).unwrap();
    let h = network.dense(h, 2).unwrap();
    network.add(linear, h).unwrap();
    network
}

#[test]
fn every_quality_level_is_a_complete_answer() {
    let data = datasets(17, 4000, 4, &smooth);
    let trained = train(&spec(levelled_network(), 30, 8), &data, &Session::default()).unwrap();
    let emulator = &trained.emulator;
    assert_eq!(emulator.levels(), 3);
    let levels: Vec<(f64, usize)> = (0..3)
        .map(|k| (nrmse_golden_at(emulator, k, data.test().unwrap()).unwrap(), emulator.macs_at(k)))
        .collect();
    assert!(levels[0].0 > levels[1].0 && levels[1].0 > levels[2].0, "{levels:?}");
    assert!(levels[0].0 < 0.5 && levels[1].0 < 0.1 && levels[2].0 < 0.05, "{levels:?}");
    assert_eq!(levels[0].1, 4 * 2 + 4 * 4 + 4 * 2);
    // The highest level does not pay for sums that only the lower ones need.
    assert_eq!(levels[2].1, 4 * 24 + 4 * 2 + 24 * 2);
    // One level alone is the same emulator.
    let alone = emulator.at_level(1);
    assert_eq!(nrmse_golden(&alone, data.test().unwrap()).unwrap(), levels[1].0);
    let float = trained.network.predict_levels(data.test().unwrap().inputs().view()).unwrap();
    assert_eq!(float.len(), 3);
}

#[test]
fn levels_that_cannot_be_outputs_are_named() {
    let mut network = Network::new();
    let x = network.input(3).unwrap();
    let narrow = network.dense(x, 2).unwrap();
    network.lower_level(narrow).unwrap();
    assert!(network.lower_level(narrow).unwrap_err().to_string().contains("one more level"));
    assert!(network.lower_level(x).is_err());
    network.dense(narrow, 4).unwrap();
    let data = datasets(15, 200, 3, &|x| vec![x[0], x[1], x[2], x[0]]);
    let error = train(&spec(network, 1, 0), &data, &Session::default()).unwrap_err().to_string();
    assert!(error.contains("vector 1") && error.contains("2 elements, expected 4"), "{error}");
}

#[test]
fn a_second_linear_layer_makes_up_for_the_rounding_of_the_first() {
    let data = datasets(19, 2000, 6, &|x| vec![x[0] - 0.37 * x[1], 0.291 * x[5] + 0.713 * x[2]]);
    let errors = [1, 2].map(|layers| {
        let mut network = Network::new();
        let x = network.input(6).unwrap();
        let mut sum = network.dense(x, 2).unwrap();
        for _ in 1..layers {
            let finer = network.dense(x, 2).unwrap();
            sum = network.add(sum, finer).unwrap();
        }
        let mut spec = spec(network, 0, 0);
        spec.quantisation = Quantisation { weight_bits: 4, activation_bits: 16 };
        train(&spec, &data, &Session::default()).unwrap().nrmse_golden
    });
    assert!(errors[1] < 0.2 * errors[0], "{errors:?}");
}

#[test]
fn slopes_help_where_frames_are_few() {
    // The exact slope of `smooth` along a direction.
    let slope = |x: &[f32], v: &[f32]| {
        let wave = (1.5 * x[0] + x[1]).cos();
        vec![wave * (1.5 * v[0] + v[1]) + 0.5 * v[2], 3.0 * (v[2] * x[3] + x[2] * v[3]) - v[0]]
    };
    let few = datasets(21, 150, 4, &smooth);
    let directions = frames(25, 150, 4, &|_| vec![0.0]).inputs().clone();
    let rows: Vec<Vec<f32>> = few
        .train()
        .inputs()
        .outer_iter()
        .zip(directions.outer_iter())
        .map(|(x, v)| slope(&x.to_vec(), &v.to_vec()))
        .collect();
    let slopes = Array2::from_shape_fn((150, 2), |(r, c)| rows[r][c]);
    let train_set = few.train().clone().with_slopes(directions, slopes).unwrap();
    let more = Datasets::new(
        train_set,
        few.validation().clone(),
        few.calibration().clone(),
        few.test().unwrap().clone(),
    )
    .unwrap();
    let mut spec = spec(bypass_network(4, 40, 2, Function::Tanh), 150, 0);
    let plain = train(&spec, &more, &Session::default()).unwrap().nrmse_float;
    // Slopes that nobody asks for change nothing.
    assert_eq!(plain, train(&spec, &few, &Session::default()).unwrap().nrmse_float);
    spec.gradients = Some(0.3);
    let with = train(&spec, &more, &Session::default()).unwrap().nrmse_float;
    assert!(with < 0.7 * plain, "{with} against {plain}");
    let wrong = few.train().clone().with_slopes(Array2::zeros((150, 3)), Array2::zeros((150, 2)));
    assert!(wrong.unwrap_err().to_string().contains("expected (150, 4)"));
}

#[test]
fn mistakes_are_errors_that_say_what_was_expected() {
    let data = datasets(15, 200, 4, &smooth);
    let network = bypass_network(4, 8, 2, Function::Relu);
    let good = spec(network, 1, 0);
    let message = |change: &dyn Fn(&mut TrainingSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        train(&spec, &data, &Session::default()).unwrap_err().to_string()
    };
    assert!(message(&|s| s.inputs[0].size = 5).contains("5 numbers, the network 4"));
    assert!(message(&|s| s.quantisation.weight_bits = 5).contains("w5a16"));
    assert!(message(&|s| s.batch = 0).contains("at least one frame"));
    assert!(message(&|s| s.float.rate = f64::NAN).contains("learning rate"));
    assert!(message(&|s| s.name = String::from("not an identifier")).contains("not an identifier"));
    assert!(message(&|s| s.network = Network::new()).contains("empty"));
    assert!(message(&|s| *s = spec(bypass_network(5, 3, 2, Function::Relu), 1, 0)).contains("5 inputs"));
    let constant = datasets(15, 200, 4, &|_| vec![1.0, 2.0]);
    assert!(train(&good, &constant, &Session::default()).unwrap_err().to_string().contains("constant"));
}
