//! What a call of a region costs beside its own code or its emulator, per mode.
//!
//! `cargo bench -p emeuro-regions`. First the distributions of Criterion, then a table: medians of many short rounds in which all
//! modes take turns, so that another program that takes the CPU for a while disturbs them alike.

use std::{hint::black_box, sync::Arc, time::Instant};

use criterion::Criterion;
use emeuro_golden::{
    Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, Runner, VectorId, Weights,
};
use emeuro_regions::{Mode, Region, approximate, take_profile};

/// What both functions compute; never inlined, like a function that is worth emulating.
#[inline(never)]
fn work(x: f64, y: f64) -> f64 {
    x * y + 1.0
}

#[inline(never)]
fn plain(x: f64, y: f64) -> f64 {
    work(x, y)
}

#[approximate]
#[inline(never)]
fn region(x: f64, y: f64) -> f64 {
    work(x, y)
}

/// 400 numbers in, 200 out: like a state that moves.
#[approximate(x = 400, y = 200, out(y))]
#[inline(never)]
fn wide(x: &[f64], y: &mut [f64]) {
    y.copy_from_slice(&x[..200]);
}

/// Every output is the sum of the inputs that `weight` gives it.
fn emulator(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> f64) -> Emulator {
    let word = Format::new(16, 10).expect("a valid format");
    let port = |size| Port::new("x", size, word);
    let mut builder = EmulatorBuilder::new("bench", port(inputs), 32).expect("a valid port");
    let format = Format::new(8, 5).expect("a valid format");
    let values = (0..inputs * outputs).map(|i| format.quantise(weight(i / inputs, i % inputs))).collect();
    let weights = Weights { format, values };
    let sum = builder.dense("sum", VectorId::INPUT, weights, vec![0; outputs], word).expect("sizes fit");
    let spec = OutputSpec { sources: vec![sum], lower: vec![], order: None, port: port(outputs) };
    builder.finish(spec, Provenance::default()).expect("a valid graph")
}

/// Nanoseconds per call in a round of `calls`.
fn round(calls: u32, mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..calls {
        call();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const MODES: [&str; 5] = ["exact", "emulate", "check:100", "check:1", "profile"];

fn set(region: &Region, mode: &str) {
    region.set_mode(mode.parse().expect("one of MODES")).expect("it has an emulator");
}

fn main() {
    let small = emeuro_regions::region("region").expect("above");
    let large = emeuro_regions::region("wide").expect("above");
    let small_emulator = Arc::new(emulator(2, 1, |_, _| 1.0));
    let large_emulator = Arc::new(emulator(400, 200, |row, column| f64::from(u8::from(row == column))));
    small.load(Arc::clone(&small_emulator)).expect("its shape");
    large.load(Arc::clone(&large_emulator)).expect("its shape");

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("dispatch");
    group.bench_function("plain call", |b| b.iter(|| plain(black_box(1.5), black_box(2.0))));
    for mode in MODES {
        set(small, mode);
        group.bench_function(mode, |b| b.iter(|| region(black_box(1.5), black_box(2.0))));
        set(small, "exact");
        take_profile();
    }
    group.finish();

    let mut runners = (Runner::new(small_emulator), Runner::new(large_emulator));
    let (x, mut y, mut out) = (vec![0.5; 400], vec![0.0; 200], [0.0]);
    let mut times = vec![vec![]; 2 + MODES.len()];
    let mut wide_times = vec![vec![]; 2];
    for _ in 0..301 {
        times[0].push(round(1000, || {
            black_box(plain(black_box(1.5), black_box(2.0)));
        }));
        let (runner, _) = &mut runners;
        times[1]
            .push(round(1000, || runner.infer_values(black_box(&[1.5, 2.0]), &mut out).expect("a frame")));
        for (index, mode) in MODES.iter().enumerate() {
            set(small, mode);
            let calls = if *mode == "profile" { 100 } else { 1000 };
            times[2 + index].push(round(calls, || {
                black_box(region(black_box(1.5), black_box(2.0)));
            }));
        }
        set(small, "exact");
        take_profile();
        let (_, runner) = &mut runners;
        wide_times[0].push(round(30, || runner.infer_values(black_box(&x), &mut y).expect("a frame")));
        set(large, "emulate");
        wide_times[1].push(round(30, || wide(black_box(&x), black_box(&mut y))));
    }
    let times: Vec<f64> = times.into_iter().map(median).collect();
    let wide_times: Vec<f64> = wide_times.into_iter().map(median).collect();
    let (plain, runner) = (times[0], times[1]);
    println!("\na call                          ns   over a plain call   over the runner");
    println!("plain                     {plain:8.1}");
    println!("runner alone, 2 to 1      {runner:8.1}");
    for (mode, time) in MODES.iter().zip(&times[2..]) {
        let over_runner = match mode.parse() {
            Ok(Mode::Emulate { .. } | Mode::Check { .. }) => format!("{:18.1}", time - runner),
            _ => String::new(),
        };
        println!("{mode:25} {time:8.1} {:19.1}{over_runner}", time - plain);
    }
    let [runner, emulated] = wide_times[..] else { return };
    println!("runner alone, 400 to 200  {runner:8.1}");
    println!("emulate, 400 to 200       {emulated:8.1}                    {:18.1}", emulated - runner);
}
