//! A small convolutional classifier of handwritten digits in bytes, `w8a8`, from its pictures to the integers.
//!
//! `data/digits.csv` is the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning
//! Repository, 1998, CC BY 4.0) as scikit-learn distributes it: 1797 rows of 8·8 pixels, 0 to 16, and the digit.

use std::{path::Path, sync::Arc};

use emeuro_golden::{BlockGeometry, Emulator, Runner};
use emeuro_trainer::{
    CrossEntropy, Datasets, Frames, Function, Network, Phase, PortSegment, Quantisation, Session,
    TrainingSpec, train,
};
use ndarray::{Array2, Axis, s};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

const SIDE: usize = 8;
const CLASSES: usize = 10;

/// Pictures for training, validation, calibration and test, in this order.
const COUNTS: [usize; 4] = [1100, 200, 97, 400];

fn digits() -> Datasets {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits.csv");
    let rows = emeuro_tables::read(file).unwrap().into_rows();
    assert_eq!(rows.dim(), (COUNTS.iter().sum(), SIDE * SIDE + 1));
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    let mut begin = 0;
    let [train, validation, calibration, test] = COUNTS.map(|count| {
        let rows = rows.select(Axis(0), &order[begin..begin + count]);
        begin += count;
        let pixels = rows.slice(s![.., ..SIDE * SIDE]).mapv(|pixel| pixel as f32 / 16.0);
        let class = |row: usize| rows[(row, SIDE * SIDE)] as usize;
        let one_hot =
            Array2::from_shape_fn((count, CLASSES), |(row, k)| f32::from(u8::from(class(row) == k)));
        Frames::new(pixels, one_hot).unwrap()
    });
    Datasets::new(train, validation, calibration, test).unwrap()
}

/// A convolution of 3·3 pixels without padding over a picture of `side`·`side` pixels of `channels` words each.
fn convolution(side: usize, channels: usize, outputs: usize) -> BlockGeometry {
    let (made, row) = (side - 2, (side * channels) as i64);
    BlockGeometry {
        offset: 0,
        repeat: vec![made, made],
        in_stride: vec![row, channels as i64],
        out_stride: vec![(made * outputs) as i64, outputs as i64],
        window: vec![3, 3 * channels],
        in_step: vec![row, 1],
        outputs,
        out_step: 1,
        shared: true,
    }
}

fn spec() -> TrainingSpec {
    let mut network = Network::new();
    let x = network.input(SIDE * SIDE).unwrap();
    let x = network.block(x, convolution(SIDE, 1, 16)).unwrap();
    let x = network.activate(x, Function::Relu).unwrap();
    let x = network.block(x, convolution(SIDE - 2, 16, 16)).unwrap();
    let x = network.activate(x, Function::Relu).unwrap();
    network.dense(x, CLASSES).unwrap();
    let epochs = |epochs, rate| Phase { epochs, rate, patience: None };
    TrainingSpec {
        loss: Arc::new(CrossEntropy),
        quantisation: Quantisation { weight_bits: 8, activation_bits: 8 },
        float: epochs(30, 3e-3),
        tuning: epochs(10, 5e-3),
        batch: 32,
        ..TrainingSpec::new(
            "digits",
            network,
            vec![PortSegment::new("pixel", "1", SIDE * SIDE).within(1.0)],
            vec![PortSegment::new("score", "1", CLASSES)],
        )
    }
}

/// The share of `frames` whose largest score is that of their class.
fn accuracy(emulator: &Emulator, frames: &Frames) -> f64 {
    let mut runner = Runner::new(emulator);
    let mut scores = vec![0f32; CLASSES];
    let largest = |values: &[f32]| (0..CLASSES).max_by(|&a, &b| values[a].total_cmp(&values[b]));
    let right = frames.inputs().outer_iter().zip(frames.targets().outer_iter()).filter(|(pixels, target)| {
        runner.infer_values(pixels.to_slice().unwrap(), &mut scores).unwrap();
        largest(&scores) == largest(target.to_slice().unwrap())
    });
    right.count() as f64 / frames.len() as f64
}

#[test]
fn a_convolutional_classifier_in_bytes_knows_97_of_100_digits() {
    let (spec, data) = (spec(), digits());
    let begun = std::time::Instant::now();
    let trained = train(&spec, &data, &Session::default()).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let emulator = &trained.emulator;
    let test = data.test().unwrap();
    let floats = trained.network.predict(test.inputs().view()).unwrap();
    let of_floats = floats.outer_iter().zip(test.targets().outer_iter()).filter(|(scores, target)| {
        let class = |k: &usize| target[*k] == 1.0;
        (0..CLASSES).find(class) == (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
    });
    let of_floats = of_floats.count() as f64 / test.len() as f64;
    let golden = accuracy(emulator, test);
    println!(
        "{} multiply-accumulates, {} weights and biases: {:.2} % of {} held-out digits in bytes, {:.2} % in floating \
         point; trained in {seconds:.1} s",
        emulator.macs(),
        emulator.parameters(),
        100.0 * golden,
        test.len(),
        100.0 * of_floats
    );
    let bits = |node: &emeuro_golden::Node| node.op.affine().map(|affine| affine.weights.format.bits());
    assert!(emulator.nodes().iter().filter_map(bits).all(|bits| bits == 8));
    assert!(emulator.nodes().iter().all(|node| node.format.bits() == 8));
    assert_eq!(emulator.provenance().nrmse, None, "scores do not estimate probabilities");
    assert!(golden >= 0.97, "{golden}");
}
