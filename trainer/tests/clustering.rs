//! Clusters on a function that is another one in every corner of its inputs.

use emeuro_golden::{Emulator, Runner, Selected};
use emeuro_trainer::{
    Clustered, Clustering, Datasets, Error, Frames, Function, Network, Phase, PortSegment, Retraining,
    Session, TrainingSpec, cluster, nrmse_golden, retrain, train,
};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Four heaps of inputs, and a wave of its own for each.
fn frames(seed: u64, count: usize) -> Frames {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_fn((count, 3), |(row, column)| {
        let heap = if column < 2 && (row >> column) & 1 == 1 { 1.0 } else { -1.0 };
        heap + rng.random_range(-0.7f32..0.7)
    });
    let y = Array2::from_shape_fn((count, 2), |(r, c)| {
        let (a, b, d) = (x[(r, 0)], x[(r, 1)], x[(r, 2)]);
        let phase = if a > 0.0 { 2.5 * b } else { 4.0 * b * d };
        if c == 0 { (phase + 3.0 * a).sin() + d } else { (3.0 * d + a).cos() * b }
    });
    Frames::new(x, y).unwrap()
}

fn single() -> Emulator {
    let mut network = Network::new();
    let x = network.input(3).unwrap();
    let state = network.dense(x, 3).unwrap();
    let linear = network.dense(state, 2).unwrap();
    let h = network.dense(state, 16).unwrap();
    let h = network.activate(h, Function::Tanh).unwrap();
    let h = network.dense(h, 2).unwrap();
    network.add(linear, h).unwrap();
    let mut spec = TrainingSpec::new(
        "heaps",
        network,
        vec![PortSegment::new("x", "1", 3)],
        vec![PortSegment::new("y", "1", 2)],
    );
    spec.float = Phase { epochs: 30, rate: 1e-2, patience: None };
    spec.tuning = Phase { epochs: 8, ..spec.tuning };
    spec.batch = 32;
    let data = Datasets::new(frames(1, 4000), frames(2, 300), frames(3, 300), frames(4, 300)).unwrap();
    train(&spec, &data, &Session::default()).unwrap().emulator
}

fn split(emulator: &Emulator, options: &Clustering) -> emeuro_trainer::Result<Clustered> {
    cluster(emulator, "dense_1", &frames(11, 6000), &frames(12, 600), options, &Session::default())
}

fn options() -> Clustering {
    let retraining = Retraining { epochs: 15, rate: 2e-2, batch: 32, ..Retraining::default() };
    Clustering { members: 4, coordinates: 3, retraining, ..Clustering::default() }
}

fn selected(emulator: &Emulator, frames: &Frames) -> Vec<Selected> {
    let mut runner = Runner::new(emulator);
    let mut output = vec![0; 2];
    let rows = frames.inputs().outer_iter().map(|frame| {
        let frame: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
        runner.infer(&emulator.quantise(&frame).unwrap(), &mut output).unwrap();
        runner.selected().unwrap()
    });
    rows.collect()
}

#[test]
fn members_beat_the_single_network_and_know_what_is_strange() {
    let emulator = single();
    let made = split(&emulator, &options()).unwrap();
    let test = frames(13, 800);
    // The single network on the same frames, as long.
    let more = retrain(&emulator, &frames(11, 6000), &frames(12, 600), &options().retraining).unwrap();
    let [before, after] = [&more.emulator, &made.emulator].map(|e| nrmse_golden(e, &test).unwrap());
    assert!(after < 0.75 * before, "{after} against {before}");
    assert_eq!(made.frames.iter().sum::<usize>(), 6000);
    assert!(made.errors.iter().all(|[before, after]| after <= before), "{:?}", made.errors);

    // Every heap has a member of its own, and nearly all of its frames are familiar.
    let chosen = selected(&made.emulator, &test);
    let members: Vec<usize> = (0..4).map(|heap| chosen[heap].member).collect();
    assert!((0..4).all(|m| members.contains(&m)), "{members:?}");
    let right = chosen.iter().enumerate().filter(|(row, s)| s.member == members[row % 4]).count();
    assert_eq!(right, 800);
    assert!(chosen.iter().filter(|s| s.familiar).count() > 780);
    // In the middle between the heaps and far outside of all, nothing is.
    let strange = |values: [f32; 3]| {
        Frames::new(Array2::from_shape_fn((1, 3), |(_, c)| values[c]), Array2::zeros((1, 2))).unwrap()
    };
    for values in [[0.0, 0.0, 0.0], [1.0, -1.0, 1.9], [100.0, 1.0, 0.0], [-9.0, 9.0, 99.0]] {
        assert!(!selected(&made.emulator, &strange(values))[0].familiar, "{values:?}");
    }
    // The router costs little beside any real network: here all it may cost is what its layers have.
    let router: usize =
        made.emulator.nodes().iter().filter(|n| n.name.starts_with("router")).map(|n| n.macs()).sum();
    assert_eq!(router, 3 * 3 + 3 + 2 * 3 * 4);
    assert_eq!(made.emulator.macs(), emulator.macs() + router);
}

#[test]
fn same_seed_same_bytes() {
    let emulator = single();
    let quick = |seed| {
        let retraining = Retraining { epochs: 1, seed, ..options().retraining };
        split(&emulator, &Clustering { retraining, ..options() }).unwrap().emulator.to_yaml()
    };
    assert_eq!(quick(1), quick(1));
    assert_ne!(quick(1), quick(2));
}

#[test]
fn mistakes_are_errors_that_say_what_was_expected() {
    let emulator = single();
    let message = |options: &Clustering| split(&emulator, options).unwrap_err().to_string();
    assert!(message(&Clustering { members: 1, ..options() }).contains("at least 2 members"));
    let frames = (frames(1, 100), frames(2, 100));
    let trunk = |name: &str, session: &Session| {
        cluster(&emulator, name, &frames.0, &frames.1, &options(), session).unwrap_err()
    };
    assert!(trunk("dense_9", &Session::default()).to_string().contains("no layer 'dense_9'"));
    let session = Session::default();
    session.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(trunk("dense_1", &session), Error::Stopped { checkpoint: None }));
}
