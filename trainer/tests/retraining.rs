//! Retraining an emulator's integers: what it gains, what it leaves alone, and what it refuses.

use emeuro_golden::{Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights};
use emeuro_trainer::{
    Datasets, Frames, Function, Network, Phase, PortSegment, Retraining, Session, TrainingSpec, nrmse_golden,
    nrmse_golden_at, retrain, retrain_member, train,
};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn frames(seed: u64, count: usize, function: &dyn Fn(&[f32]) -> [f32; 2]) -> Frames {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_simple_fn((count, 4), || rng.random_range(-1.0f32..1.0));
    let rows: Vec<[f32; 2]> = x.outer_iter().map(|r| function(&r.to_vec())).collect();
    let y = Array2::from_shape_fn((count, 2), |(r, c)| rows[r][c]);
    Frames::new(x, y).unwrap()
}

fn smooth(x: &[f32]) -> [f32; 2] {
    [(1.5 * x[0] + x[1]).sin() + 0.5 * x[2], 1.5 * x[2] * x[3] - x[0]]
}

/// The same with everything a little different.
fn shifted(x: &[f32]) -> [f32; 2] {
    [(1.3 * x[0] + 1.2 * x[1] + 0.3).sin() + 0.4 * x[2], 1.2 * x[2] * x[3] - 0.8 * x[0] + 0.2]
}

/// Two quality levels: a linear map beside a hidden layer, and a second hidden layer.
fn emulator() -> Emulator {
    let mut network = Network::new();
    let x = network.input(4).unwrap();
    let state = network.dense(x, 4).unwrap();
    let linear = network.dense(state, 2).unwrap();
    let h = network.dense(state, 12).unwrap();
    let h = network.activate(h, Function::Silu).unwrap();
    let h = network.dense(h, 2).unwrap();
    let low = network.add(linear, h).unwrap();
    network.lower_level(low).unwrap();
    let h = network.dense(state, 24).unwrap();
    let h = network.activate(h, Function::Relu).unwrap();
    let h = network.dense(h, 2).unwrap();
    network.add(low, h).unwrap();
    let mut spec = TrainingSpec::new(
        "synthetic",
        network,
        vec![PortSegment::new("x", "1", 4)],
        vec![PortSegment::new("a", "1", 1), PortSegment::new("b", "1", 1).within(8.0)],
    );
    spec.float = Phase { epochs: 25, rate: 1e-2, patience: None };
    spec.tuning = Phase { epochs: 6, ..spec.tuning };
    spec.batch = 32;
    let set = |seed, count| frames(seed, count, &smooth);
    let data = Datasets::new(set(1, 3000), set(2, 300), set(3, 300), set(4, 300)).unwrap();
    train(&spec, &data, &Session::default()).unwrap().emulator
}

fn topology(emulator: &Emulator) -> Vec<(String, Format, usize)> {
    emulator.nodes().iter().map(|n| (n.name.clone(), n.format, n.size)).collect()
}

#[test]
fn a_shifted_function_is_learnt_by_all_levels() {
    let emulator = emulator();
    assert!(nrmse_golden_at(&emulator, 0, &frames(4, 300, &smooth)).unwrap() < 0.2);
    let [train, validation, test] = [(11, 2000), (12, 300), (13, 500)].map(|(s, n)| frames(s, n, &shifted));
    let options = Retraining { epochs: 15, ..Retraining::default() };
    let made = retrain(&emulator, &train, &validation, &options).unwrap();
    for level in 0..2 {
        let before = nrmse_golden_at(&emulator, level, &test).unwrap();
        let after = nrmse_golden_at(&made.emulator, level, &test).unwrap();
        assert!(after < 0.4 * before, "level {level}: {after} after {before}");
    }
    // What training saw is what the golden model does.
    let golden = [&emulator, &made.emulator].map(|e| nrmse_golden(e, &validation).unwrap());
    assert!((golden[0] - made.before).abs() < 0.01 * golden[0], "{golden:?} {}", made.before);
    assert!((golden[1] - made.after).abs() < 0.01 * golden[1], "{golden:?} {}", made.after);
    // Integers change, nothing else.
    assert_eq!(topology(&emulator), topology(&made.emulator));
    assert_eq!((emulator.input(), emulator.output()), (made.emulator.input(), made.emulator.output()));
    assert_ne!(emulator, made.emulator);
    let again = retrain(&emulator, &train, &validation, &options).unwrap();
    assert_eq!(again.emulator.to_yaml(), made.emulator.to_yaml());
    let other = Retraining { seed: 2, ..options };
    assert_ne!(retrain(&emulator, &train, &validation, &other).unwrap().emulator, made.emulator);
}

#[test]
fn only_the_named_layers_change() {
    let emulator = emulator();
    let [train, validation] = [(11, 1000), (12, 300)].map(|(s, n)| frames(s, n, &shifted));
    let options = Retraining { layers: Some(vec![String::from("dense_6")]), ..Retraining::default() };
    let made = retrain(&emulator, &train, &validation, &options).unwrap();
    assert!(made.after < made.before);
    for (a, b) in emulator.nodes().iter().zip(made.emulator.nodes()) {
        assert_eq!(a == b, a.name != "dense_6", "{}", a.name);
    }
    // Level 0 lies before it.
    assert_eq!(emulator.at_level(0), made.emulator.at_level(0));
}

#[test]
fn an_emulator_that_cannot_get_better_is_returned_as_it_is() {
    let emulator = emulator();
    let [train, validation] = [(11, 200), (12, 300)].map(|(s, n)| frames(s, n, &smooth));
    let made =
        retrain(&emulator, &train, &validation, &Retraining { epochs: 0, ..Default::default() }).unwrap();
    assert_eq!(made.emulator, emulator);
    assert_eq!(made.before, made.after);
}

/// Four members behind a shared layer; the signs of the first two inputs choose.
fn clustered() -> Emulator {
    let word = Format::new(16, 12).unwrap();
    let byte = Format::new(8, 6).unwrap();
    let port = |name: &str, size| Port::new(name, size, word);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut weights =
        |count| Weights { format: byte, values: (0..count).map(|_| rng.random_range(-60i16..60)).collect() };
    let mut b = EmulatorBuilder::new("clustered", port("x", 4), 32).unwrap();
    let trunk = b.dense("trunk", VectorId::INPUT, weights(16), vec![0; 4], word).unwrap();
    let rows =
        Weights { format: byte, values: vec![64, 64, 0, 0, 64, -64, 0, 0, -64, 64, 0, 0, -64, -64, 0, 0] };
    let scores = b.dense("scores", VectorId::INPUT, rows, vec![0; 4], word).unwrap();
    b.route(scores, vec![0; 4]).unwrap();
    let h = b.dense_of_members("hidden", trunk, weights(4 * 48), vec![0; 48], word).unwrap();
    let h = b.activate("relu", h, emeuro_golden::Activation::Relu, word).unwrap();
    let y = b.dense_of_members("last", h, weights(4 * 24), vec![0; 8], word).unwrap();
    let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port("y", 2) };
    b.finish(output, Provenance::default()).unwrap()
}

#[test]
fn one_member_learns_and_the_others_stay_bit_for_bit() {
    let emulator = clustered();
    let mine = |x: &[f32]| x[0].abs() + x[1].abs() > 0.1 && x[0] > 0.0 && x[1] < 0.0;
    let own = |seed, count| {
        let all = frames(seed, 8 * count, &smooth);
        let rows: Vec<usize> =
            (0..all.len()).filter(|&r| mine(&all.inputs().row(r).to_vec())).take(count).collect();
        let select = |m: &Array2<f32>| m.select(ndarray::Axis(0), &rows);
        Frames::new(select(all.inputs()), select(all.targets())).unwrap()
    };
    let (train, validation, test) = (own(1, 1500), own(2, 300), own(3, 300));
    let options = Retraining { epochs: 40, ..Retraining::default() };
    let made = retrain_member(&emulator, 1, &train, &validation, &options).unwrap().emulator;
    let [before, after] = [&emulator, &made].map(|e| nrmse_golden(e, &test).unwrap());
    assert!(after < 0.35 * before, "{after} after {before}");
    for (a, b) in emulator.nodes().iter().zip(made.nodes()) {
        let (Some(x), Some(y)) = (a.op.affine(), b.op.affine()) else { continue };
        for member in 0..x.members {
            let same = x.weights_of(member) == y.weights_of(member) && x.bias_of(member) == y.bias_of(member);
            assert_eq!(same, x.members == 1 || member != 1, "{} {member}", a.name);
        }
    }
    assert!(
        retrain_member(&emulator, 4, &train, &validation, &options)
            .unwrap_err()
            .to_string()
            .contains("4 members")
    );
    assert!(retrain(&emulator, &train, &validation, &options).unwrap_err().to_string().contains("router"));
}

#[test]
fn weights_stay_in_their_formats_and_sums_in_the_accumulator() {
    // A target far outside of what eight-bit weights and this accumulator reach.
    let word = Format::new(16, 8).unwrap();
    let port = |name: &str, size| Port::new(name, size, word);
    let mut b = EmulatorBuilder::new("narrow", port("x", 4), 20).unwrap();
    let weights = Weights { format: Format::new(8, 6).unwrap(), values: vec![2; 8] };
    let y = b.dense("last", VectorId::INPUT, weights, vec![0; 2], word).unwrap();
    let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: port("y", 2) };
    let emulator = b.finish(output, Provenance::default()).unwrap();
    let steep = |x: &[f32]| [30.0 * x[0] - 10.0 * x[1] + 100.0, 50.0 * x[2]];
    let options = Retraining { epochs: 10, rate: 0.5, ..Retraining::default() };
    let made = retrain(&emulator, &frames(1, 500, &steep), &frames(2, 100, &steep), &options).unwrap();
    assert!(made.after < made.before);
    assert_eq!(made.emulator.accumulator_bits(), 20);
}

#[test]
fn mistakes_are_errors_that_say_what_was_expected() {
    let emulator = emulator();
    let (good, wide) =
        (frames(1, 20, &smooth), Frames::new(Array2::zeros((3, 5)), Array2::zeros((3, 2))).unwrap());
    let message = |train: &Frames, options: &Retraining| {
        retrain(&emulator, train, &good, options).unwrap_err().to_string()
    };
    let options = Retraining::default();
    assert!(message(&wide, &options).contains("4 inputs and 2 outputs, the frames 5 and 2"));
    let named = |name: &str| Retraining { layers: Some(vec![String::from(name)]), ..options.clone() };
    assert!(message(&good, &named("dense_99")).contains("no layer 'dense_99'"));
    assert!(message(&good, &named("silu_1")).contains("no layer 'silu_1'"));
    assert!(message(&good, &Retraining { batch: 0, ..options.clone() }).contains("at least one frame"));
    assert!(message(&good, &Retraining { rate: -1.0, ..options.clone() }).contains("rate"));
}
