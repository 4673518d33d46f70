//! Multiply-accumulates per nanosecond of every kernel, and their share of the most that the machine can do.
//!
//! The tables come first: all ways take turns over the same frames, one call for each frame or one for all, and the best of
//! many short rounds counts. Criterion's own figures follow, with their spread.

use std::{hint::black_box, path::Path, time::Instant};

use criterion::{Criterion, Throughput};
use emeuro_golden::{
    Activation, BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, Isa, OutputSpec, Port,
    Provenance, Runner, Sampler, VectorId, Weights,
};

/// A network of one layer, or of a file.
struct Case {
    name: String,
    emulator: Emulator,
}

/// The emulator of one layer, which `layer` adds to a builder with `inputs` words of `bits`.
fn alone(
    inputs: usize,
    bits: u32,
    layer: impl Fn(&mut EmulatorBuilder, Format) -> Result<VectorId, EmulatorError>,
    outputs: usize,
) -> Result<Emulator, EmulatorError> {
    let format = Format::new(bits, bits as i32 - 2)?;
    let mut builder = EmulatorBuilder::new("alone", Port::new("x", inputs, format), 40)?;
    let y = layer(&mut builder, format)?;
    let output =
        OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", outputs, format) };
    builder.finish(output, Provenance::default())
}

fn weights(bits: u32, rows: usize, row: usize) -> Result<Weights, EmulatorError> {
    let mut sampler = Sampler::new(1);
    let most = 100 << (bits - 8);
    let values = (0..rows * row).map(|_| sampler.range(-most, most) as i16).collect();
    Ok(Weights { format: Format::new(bits, bits as i32 - 1)?, values })
}

fn dense(weight: u32, bits: u32, inputs: usize, outputs: usize) -> Result<Case, EmulatorError> {
    let layer = |builder: &mut EmulatorBuilder, format| {
        builder.dense("y", VectorId::INPUT, weights(weight, outputs, inputs)?, vec![0; outputs], format)
    };
    let name = format!("dense w{weight}a{bits}, {inputs} to {outputs}");
    Ok(Case { name, emulator: alone(inputs, bits, layer, outputs)? })
}

fn block(name: &str, inputs: usize, geometry: BlockGeometry) -> Result<Case, EmulatorError> {
    let layer = |builder: &mut EmulatorBuilder, format| {
        let rows = geometry.weight_sets() * geometry.outputs;
        let weights = weights(8, rows, geometry.window_len())?;
        builder.block("y", VectorId::INPUT, geometry.clone(), weights, vec![0; rows], format)
    };
    Ok(Case { name: name.into(), emulator: alone(inputs, 16, layer, geometry.output_len())? })
}

/// A block in one dimension.
fn line(repeat: usize, strides: [i64; 2], window: usize, in_step: i64, outputs: [usize; 2]) -> BlockGeometry {
    BlockGeometry {
        offset: 0,
        repeat: vec![repeat],
        in_stride: vec![strides[0]],
        out_stride: vec![strides[1]],
        window: vec![window],
        in_step: vec![in_step],
        outputs: outputs[0],
        out_step: outputs[1] as i64,
        shared: true,
    }
}

fn elementwise() -> Result<Vec<Case>, EmulatorError> {
    let words = 1024;
    let case =
        |name: &str, layer: &dyn Fn(&mut EmulatorBuilder, Format) -> Result<VectorId, EmulatorError>| {
            Ok(Case { name: format!("{name}, {words} words"), emulator: alone(words, 16, layer, words)? })
        };
    let x = VectorId::INPUT;
    let table = |segments: u32| {
        move |builder: &mut EmulatorBuilder, format: Format| {
            let knots = (0..=1 << segments).map(|i| (i * 7919 % 30000) as i16).collect();
            let table = Activation::Table { function: "table".into(), knots };
            builder.activate("y", x, table, format)
        }
    };
    Ok(vec![
        case("add", &|builder, format| builder.add("y", x, x, Format::new(16, format.frac() - 1)?))?,
        case("multiply", &|builder, format| builder.multiply("y", x, x, format))?,
        case("relu", &|builder, format| builder.activate("y", x, Activation::Relu, format))?,
        case("table of 2 segments", &table(1))?,
        case("table of 1024 segments", &table(10))?,
    ])
}

fn kernels() -> Result<Vec<Case>, EmulatorError> {
    let butterflies = BlockGeometry { shared: false, ..line(24, [16, 16], 16, 1, [16, 1]) };
    let mut cases = vec![
        dense(8, 8, 64, 64)?,
        dense(8, 8, 128, 128)?,
        dense(8, 8, 256, 128)?,
        dense(8, 16, 64, 64)?,
        dense(8, 16, 128, 128)?,
        dense(8, 16, 256, 128)?,
        dense(16, 16, 64, 64)?,
        dense(16, 16, 128, 128)?,
        dense(16, 16, 256, 128)?,
        block("box of 5 neighbours, 512 times", 516, line(512, [1, 1], 5, 1, [1, 1]))?,
        block("box of 5 rows, 512 times", 576, line(512, [1, 1], 5, 16, [1, 1]))?,
        block("8 by 8 across, 64 times", 512, line(64, [1, 1], 8, 64, [8, 64]))?,
        block("4 by 4 along, 128 times", 131, line(128, [1, 4], 4, 1, [4, 1]))?,
        block("16 by 16 of its own, 24 times", 384, butterflies)?,
    ];
    cases.extend(elementwise()?);
    Ok(cases)
}

fn networks() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let applications = ["optical_flow", "fft", "convolution", "rope", "newton", "rope_clustered"];
    let plain = ["16-16-8", "20-32-20", "64-16-64", "200-24-200", "512-16-2"];
    let files = applications.map(|name| format!("apps/emulators/{name}.yaml")).into_iter();
    files
        .chain(plain.map(|name| format!("tests/networks/{name}.yaml")))
        .chain(["black_scholes", "inverse_kinematics"].map(|name| format!("examples/emulators/{name}.yaml")))
        .map(|file| {
            let emulator = Emulator::load(root.join(&file)).expect("a checked-in emulator");
            Case { name: file, emulator }
        })
        .collect()
}

/// Nanoseconds of the best of `rounds` rounds of each of the jobs, which take turns.
fn best(rounds: usize, jobs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![f64::MAX; jobs.len()];
    for _ in 0..rounds {
        for (job, best) in jobs.iter_mut().zip(&mut best) {
            let start = Instant::now();
            job();
            *best = best.min(start.elapsed().as_nanos() as f64);
        }
    }
    best
}

/// Frames of these sizes one after the other, with a call for each.
fn each<X>(
    sizes: [usize; 2],
    x: &[X],
    y: &mut [X],
    mut infer: impl FnMut(&[X], &mut [X]) -> Result<(), EmulatorError>,
) {
    for (x, y) in black_box(x).chunks_exact(sizes[0]).zip(y.chunks_exact_mut(sizes[1])) {
        infer(x, y).expect("a frame");
    }
}

fn frames(emulator: &Emulator, count: usize) -> Vec<i16> {
    let mut sampler = Sampler::new(2);
    let format = emulator.format(VectorId::INPUT);
    let (least, most) = (i64::from(format.min() / 2), i64::from(format.max() / 2));
    (0..count * emulator.input().size()).map(|_| sampler.range(least, most) as i16).collect()
}

/// Frames of a batch of a kernel.
const BATCH: usize = 64;

/// Rounds of the peak, long enough for it to be the peak.
const BUSY: usize = 2000;

/// One line per kernel: nanoseconds, MAC/ns and share of the peak, of one frame at a time and of many at once.
fn print_kernels(isa: Isa) {
    let head = ["ns", "MAC/ns", "of peak"].map(|head| format!("{head:>10}")).concat();
    println!("\n{isa}: {:<42}{head}{head}", format!("kernel; a frame alone, and one of {BATCH}"));
    let macs_of_peak = isa.busy(BUSY);
    for Case { name, emulator } in kernels().expect("valid layers") {
        let [mut alone, mut many] = [(); 2].map(|()| Runner::with_isa(&emulator, isa).expect("available"));
        let sizes = [emulator.input().size(), emulator.output().port.size()];
        let (x, mut y_1) = (frames(&emulator, BATCH), vec![0; sizes[1] * BATCH]);
        let mut y = y_1.clone();
        let times = best(
            2000,
            &mut [
                &mut || each(sizes, &x, &mut y_1, |x, y| alone.infer(x, y)),
                &mut || many.infer_batch(black_box(&x), &mut y).expect("frames"),
                &mut || _ = black_box(isa.busy(black_box(BUSY))),
            ],
        );
        let figures = |time: f64| {
            let rate = emulator.macs() as f64 / time;
            let share = match (macs_of_peak, emulator.macs()) {
                (Some(macs), 1..) => format!("{:.0} %", 100.0 * rate / (macs as f64 / times[2])),
                _ => "-".into(),
            };
            format!("{time:>10.1}{rate:>10.1}{share:>10}")
        };
        let [alone, many] = [0, 1].map(|way| figures(times[way] / BATCH as f64));
        println!("{isa}: {name:<42}{alone}{many}");
    }
    if let Some(macs) = macs_of_peak {
        let mut busy = || _ = black_box(isa.busy(black_box(BUSY)));
        let rate = macs as f64 / best(2000, &mut [&mut busy])[0];
        println!("{isa}: peak {rate:.1} MAC/ns: dot products of bytes in registers alone");
    }
}

/// One line per network: nanoseconds per frame, one at a time and 256 at once, of words and from values to values.
fn print_networks(isa: Isa) {
    let heads = ["words", "f64", "f32", "words·256", "f64·256", "f32·256"];
    let heads = heads.map(|head| format!("{head:>11}")).concat();
    println!("\n{isa}: {:<38}{heads}", "network, ns");
    for Case { name, emulator } in networks() {
        let [mut a, mut b, mut c, mut d, mut e, mut f] =
            [(); 6].map(|()| Runner::with_isa(&emulator, isa).expect("available"));
        let sizes = [emulator.input().size(), emulator.output().port.size()];
        let words = frames(&emulator, 256);
        let formats: Vec<Format> = emulator.input().formats().collect();
        let doubles: Vec<f64> = words.iter().zip(formats.iter().cycle()).map(|(&w, f)| f.value(w)).collect();
        let singles: Vec<f32> = doubles.iter().map(|&value| value as f32).collect();
        let outputs = sizes[1] * 256;
        let (mut y, mut v, mut s) = (vec![0; outputs], vec![0f64; outputs], vec![0f32; outputs]);
        let (mut y_1, mut v_1, mut s_1) = (y.clone(), v.clone(), s.clone());
        let times = best(
            150,
            &mut [
                &mut || each(sizes, &words, &mut y_1, |x, y| a.infer(x, y)),
                &mut || each(sizes, &doubles, &mut v_1, |x, y| b.infer_values(x, y)),
                &mut || each(sizes, &singles, &mut s_1, |x, y| c.infer_values(x, y)),
                &mut || d.infer_batch(black_box(&words), &mut y).expect("frames"),
                &mut || e.infer_values_batch(black_box(&doubles), &mut v).expect("frames"),
                &mut || f.infer_values_batch(black_box(&singles), &mut s).expect("frames"),
            ],
        );
        let times: String = times.iter().map(|time| format!("{:>11.1}", time / 256.0)).collect();
        println!("{isa}: {name:<38}{times}");
    }
}

/// Criterion's figures of the kernels with the best instructions.
fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    for Case { name, emulator } in kernels().expect("valid layers") {
        let mut runner = Runner::new(&emulator);
        let (x, mut y) = (frames(&emulator, 1), vec![0; emulator.output().port.size()]);
        group.throughput(Throughput::Elements(emulator.macs().max(1) as u64));
        group.bench_function(name, |bencher| bencher.iter(|| runner.infer(black_box(&x), &mut y)));
    }
    group.finish();
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return; // `cargo test --benches` only builds this.
    }
    for isa in Isa::available().filter(|&isa| isa != Isa::Scalar) {
        print_kernels(isa);
        print_networks(isa);
    }
    let short = std::time::Duration::from_millis(500);
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(short)
        .measurement_time(short)
        .configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
}
