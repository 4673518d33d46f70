//! Frames per second of both training phases, for the 400-32-(linear ∥ 128-64)-16-200 network of the rope.
//!
//! `cargo run --release -p emeuro-trainer --example throughput`

use std::time::Instant;

use emeuro_trainer::{Datasets, Frames, Function, Network, Phase, PortSegment, Session, TrainingSpec, train};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Smooth random curves of 400 points, and a mildly nonlinear map of their low harmonics to 200 points.
fn frames(seed: u64, count: usize) -> emeuro_trainer::Result<Frames> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut inputs = Array2::zeros((count, 400));
    let mut targets = Array2::zeros((count, 200));
    for (mut x, mut y) in inputs.outer_iter_mut().zip(targets.outer_iter_mut()) {
        let harmonics: Vec<f32> = (1..=20).map(|k| rng.random_range(-1.0..1.0) / k as f32).collect();
        let wave = |k: usize, s: f32| (std::f32::consts::PI * (k as f32 + 0.5) * s).sin();
        for i in 0..400 {
            let (s, size) = ((i % 200) as f32 / 200.0, if i < 200 { 1.0 } else { 30.0 });
            let part = harmonics.iter().skip(i / 200).step_by(2);
            x[i] = size * part.enumerate().map(|(k, h)| h * wave(k, s)).sum::<f32>() + 0.3 * size * s;
        }
        for i in 0..200 {
            let s = i as f32 / 200.0;
            y[i] = (0..6)
                .map(|k| (1.5 * harmonics[k] + harmonics[k + 1]).sin() * wave(k, s) / (1.0 + k as f32))
                .sum();
        }
    }
    Frames::new(inputs, targets)
}

fn main() -> emeuro_trainer::Result<()> {
    let mut network = Network::new();
    let x = network.input(400)?;
    let encoder = network.dense(x, 32)?;
    let linear = network.dense(encoder, 16)?;
    let mut hidden = encoder;
    for width in [128, 64] {
        hidden = network.dense(hidden, width)?;
        hidden = network.activate(hidden, Function::Relu)?;
    }
    let residual = network.dense(hidden, 16)?;
    let sum = network.add(linear, residual)?;
    network.dense(sum, 200)?;
    let count = 20_000;
    let data = Datasets::new(frames(1, count)?, frames(2, 1000)?, frames(3, 1000)?, frames(4, 1000)?)?;
    let ports = (
        vec![PortSegment::new("position", "m", 200), PortSegment::new("velocity", "m/s", 200)],
        vec![PortSegment::new("displacement", "m", 200)],
    );
    let mut spec = TrainingSpec::new("throughput", network, ports.0, ports.1);
    let mut seconds = |float: usize, tuning: usize| {
        spec.float = Phase { epochs: float, ..spec.float };
        spec.tuning = Phase { epochs: tuning, ..spec.tuning };
        let start = Instant::now();
        let trained = train(&spec, &data, &Session { progress: true, ..Session::default() })?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{float:3} float and {tuning:2} tuning epochs: {seconds:6.2} s, NRMSE {:.3} % float, {:.3} % golden",
            100.0 * trained.nrmse_float,
            100.0 * trained.nrmse_golden
        );
        Ok::<_, emeuro_trainer::Error>(seconds)
    };
    let fixed = seconds(0, 0)?;
    let (float, tuning) = (seconds(20, 0)?, seconds(20, 10)?);
    println!("setting up, regression, choice of formats: {fixed:.2} s");
    println!("float training: {:.0} frames/s", 20.0 * count as f64 / (float - fixed));
    println!("tuning: {:.0} frames/s", 10.0 * count as f64 / (tuning - float));
    Ok(())
}
