//! The integers as an emulator, and its errors on frames that nothing was learnt from.

use emeuro_golden::{
    Activation, Add, Emulator, EmulatorBuilder, Maximum, Multiply, Op, OutputSpec, Port, Provenance, Runner,
    Segment, VectorId, WIDEST_ACCUMULATOR, Weights, nrmse_masked,
};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::{Datasets, Error, Frames, Network, PortSegment, Result, TrainingSpec, fixed::Fixed};

/// Checks that the frames are those of the specification.
pub(crate) fn check_frames(spec: &TrainingSpec, data: &Datasets) -> Result<()> {
    let frames = data.train();
    let (found, expected) = (
        (frames.inputs().ncols(), frames.targets().ncols()),
        (spec.network.inputs(), spec.network.outputs()),
    );
    if found != expected {
        return Err(Error::Spec {
            name: spec.name.clone(),
            what: format!(
                "the network has {} inputs and {} outputs, the frames {} and {}",
                expected.0, expected.1, found.0, found.1
            ),
        });
    }
    let test = data.test().map(|test| ("test", test));
    for (set, frames) in [("train", data.train()), ("validation", data.validation())].into_iter().chain(test)
    {
        error(set, frames, frames.targets().view())?;
    }
    Ok(())
}

/// Builds the emulator of `fixed`.
pub(crate) fn export(fixed: &Fixed, spec: &TrainingSpec) -> Result<Emulator> {
    Ok(build(fixed, spec)?.with_narrowest_accumulator())
}

fn build(fixed: &Fixed, spec: &TrainingSpec) -> Result<Emulator> {
    let bits = spec.quantisation.activation_bits;
    let port = |segments: &[PortSegment], fracs: &mut dyn Iterator<Item = i32>| Port {
        bits,
        segments: segments
            .iter()
            .zip(fracs)
            .map(|(s, frac)| Segment::new(&s.name, &s.unit, s.size, frac))
            .collect(),
    };
    let input = port(&spec.inputs, &mut fixed.inputs.iter().map(|f| f.frac()));
    let mut builder = EmulatorBuilder::new(&spec.name, input, WIDEST_ACCUMULATOR)?;
    let mut vectors = vec![VectorId::INPUT];
    for (node, i) in fixed.network.graph().nodes().iter().zip(1..) {
        let (name, format) = (&node.name, fixed.vectors[i]);
        let weights = || {
            let (format, values, bias) = fixed.integers(i).expect("layers with weights have formats of them");
            (Weights { format, values }, bias)
        };
        vectors.push(match &node.op {
            Op::Dense(dense) => {
                let (weights, bias) = weights();
                builder.dense(name, vectors[dense.input.index()], weights, bias, format)?
            }
            Op::Block(block) => {
                let (weights, bias) = weights();
                let geometry = block.geometry.clone();
                builder.block(name, vectors[block.input.index()], geometry, weights, bias, format)?
            }
            Op::Activate(activate) => {
                let activation = fixed.tables[i].clone().unwrap_or(Activation::Relu);
                builder.activate(name, vectors[activate.input.index()], activation, format)?
            }
            Op::Add(Add { inputs: [a, b], .. }) => {
                builder.add(name, vectors[a.index()], vectors[b.index()], format)?
            }
            Op::Maximum(Maximum { inputs: [a, b], .. }) => {
                builder.maximum(name, vectors[a.index()], vectors[b.index()], format)?
            }
            Op::Multiply(Multiply { inputs: [a, b], .. }) => {
                builder.multiply(name, vectors[a.index()], vectors[b.index()], format)?
            }
        });
    }
    let mut levels: Vec<Vec<VectorId>> = fixed.network.levels().map(|i| vec![vectors[i]]).collect();
    let output = OutputSpec {
        sources: levels.pop().unwrap_or_default(),
        lower: levels,
        order: None,
        port: port(&spec.outputs, &mut fixed.outputs.iter().copied()),
    };
    let provenance = Provenance {
        command: spec.command.clone(),
        seed: spec.seed,
        data: spec.data.clone(),
        ..Provenance::default()
    };
    Ok(builder.finish(output, provenance)?)
}

/// The emulator with its errors on the test frames, if there are any, in its provenance.
pub(crate) fn measured(
    emulator: Emulator,
    network: &Network,
    spec: &TrainingSpec,
    data: &Datasets,
) -> Result<Emulator> {
    let test = data.test().filter(|_| spec.loss.estimates());
    let provenance = Provenance {
        command: spec.command.clone(),
        seed: spec.seed,
        data: spec.data.clone(),
        nrmse: test.map(|test| nrmse_golden(&emulator, test)).transpose()?,
        nrmse_float: test.map(|test| nrmse_float(network, test)).transpose()?,
        outputs: vec![],
    };
    Ok(emulator.with_provenance(provenance))
}

/// NRMSE of the float network on `frames`.
///
/// # Errors
/// Frames of another size than the network's, or whose targets are constant.
pub fn nrmse_float(network: &Network, frames: &Frames) -> Result<f64> {
    error("frames", frames, network.predict(frames.inputs().view())?.view())
}

/// NRMSE of the emulator, run bit for bit, on `frames`.
///
/// # Errors
/// Frames of another size than the emulator's, or whose targets are constant.
pub fn nrmse_golden(emulator: &Emulator, frames: &Frames) -> Result<f64> {
    nrmse_golden_at(emulator, emulator.levels() - 1, frames)
}

/// NRMSE of quality level `level` of the emulator (the highest one for any beyond), run bit for bit, on `frames`.
///
/// # Errors
/// Frames of another size than the emulator's, or whose targets are constant.
pub fn nrmse_golden_at(emulator: &Emulator, level: usize, frames: &Frames) -> Result<f64> {
    let half = frames.len().div_ceil(2);
    let inputs = frames.inputs().view();
    let (a, b) = rayon::join(
        || run(emulator, level, inputs.slice(s![..half, ..])),
        || run(emulator, level, inputs.slice(s![half.., ..])),
    );
    let estimates = ndarray::concatenate![Axis(0), a?, b?];
    if estimates.dim() != frames.targets().dim() {
        return Err(Error::Data {
            set: String::from("frames"),
            what: format!(
                "{} targets per frame, the emulator has {}",
                frames.targets().ncols(),
                estimates.ncols()
            ),
        });
    }
    error("frames", frames, estimates.view())
}

/// The emulator's physical outputs for physical inputs.
fn run(emulator: &Emulator, level: usize, inputs: ArrayView2<f32>) -> Result<Array2<f32>> {
    let mut runner = Runner::new(emulator);
    let size = emulator.output().port.size();
    let mut words = vec![0i16; size];
    let mut outputs = Array2::zeros((inputs.nrows(), size));
    for (frame, mut output) in inputs.outer_iter().zip(outputs.outer_iter_mut()) {
        let values: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
        runner.infer_at(level, &emulator.quantise(&values)?, &mut words)?;
        output.iter_mut().zip(emulator.dequantise(&words)).for_each(|(o, v)| *o = v as f32);
    }
    Ok(outputs)
}

/// NRMSE on the frames of `set`.
fn error(set: &str, frames: &Frames, estimates: ArrayView2<f32>) -> Result<f64> {
    let flat = |m: ArrayView2<f32>| m.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let columns = frames.targets().ncols();
    let counts = |k: usize| frames.counts(k / columns, k % columns);
    nrmse_masked(&flat(frames.targets().view()), &flat(estimates), columns, counts).ok_or_else(|| {
        let what = "the targets that count are constant: there is no spread to relate errors to";
        Error::Data { set: set.to_owned(), what: what.to_owned() }
    })
}
