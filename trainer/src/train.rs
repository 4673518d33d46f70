//! The whole way: float training, layout in fixed point, quantisation-aware tuning, emulator.

use emeuro_golden::Emulator;
use ndarray::{Array1, Array2, CowArray, Ix2};

use crate::{
    Datasets, Epoch, Error, Fingerprint, Frames, Network, Result, Session, TrainingSpec,
    checkpoint::{Checkpoint, PHASES},
    export::{check_frames, export, measured},
    fit::{Fit, Prepared, State},
    fixed::Fixed,
    fold::{OutputScaling, fold, last_layers, scaled_targets},
    linear,
    optimiser::Group,
    quantise::lay_out,
    rounded::Rounded,
    session::Observer,
    whiten::Preconditioner,
};

/// What training gives.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The emulator, its errors in its provenance.
    pub emulator: Emulator,
    /// The float network over physical inputs and outputs, before tuning.
    pub network: Network,
    /// Modelling error: NRMSE of `network` on the test frames.
    pub nrmse_float: f64,
    /// Emulation error: NRMSE of the golden model on the test frames.
    pub nrmse_golden: f64,
    /// Errors epoch by epoch.
    pub history: Vec<Epoch>,
}

/// Trains `spec` on `data`.
///
/// The result depends on `spec` and `data` only (and on the processor's kind of floating-point unit): neither the number of
/// cores, nor a checkpoint, nor being stopped and resumed changes a byte.
///
/// # Errors
/// A specification that contradicts itself or the data, divergence, an unusable checkpoint, or [`Error::Stopped`].
pub fn train(spec: &TrainingSpec, data: &Datasets, session: &Session) -> Result<Trained> {
    spec.check()?;
    check_frames(spec, data)?;
    let path = session.checkpoint.as_ref().map(|c| c.path.as_path());
    let mut hash = Fingerprint::default();
    if path.is_some() {
        spec.fingerprint(&mut hash);
        data.fingerprint(&mut hash);
    }
    let fingerprint = hash.value();
    let batches = (data.train().len() / spec.batch.min(data.train().len())) as u64;
    let [float_steps, tuning_steps] = [spec.float.epochs, spec.tuning.epochs].map(|e| e as u64 * batches);
    let mut observer = Observer::new(session, &spec.name, float_steps + tuning_steps);

    let sizes: Vec<usize> = spec.inputs.iter().map(|s| s.size).collect();
    let inputs = data.train().inputs().view();
    let preconditioner = match spec.network.only_dense_read(0) {
        true => match data.axes() {
            Some(axes) => Preconditioner::along(axes, &spec.whitening),
            None => Preconditioner::new(inputs, &sizes, &spec.whitening),
        },
        false => Preconditioner::uniform(inputs, spec.network.only_layers_read(0)),
    };
    let scaling = output_scaling(spec, data.train());
    let mut inside = spec.network.with_inputs(preconditioner.matrix.nrows());
    let (layout, remembers) = (inside.clone(), spec.optimiser.remembers());
    let resumed = match path {
        Some(path) => Checkpoint::load(path, fingerprint, &layout, remembers)?,
        None => None,
    };
    let save = |float: Option<&Vec<f32>>, state: &State| match path {
        Some(path) => {
            let checkpoint = Checkpoint { fingerprint, float: float.cloned(), state: state.clone() };
            checkpoint.save(path, &layout, remembers)
        }
        None => Ok(()),
    };
    let (float, resumed) = match resumed {
        Some(Checkpoint { float: Some(float), state, .. }) => ((float, vec![]), Some(state)),
        other => {
            let prepare = |frames: &Frames| Prepared {
                inputs: preconditioner.apply(frames.inputs().view()),
                targets: scaled_targets(frames.targets(), &scaling),
                mask: mask(frames),
                slopes: slopes(spec, frames, &preconditioner, &scaling),
            };
            let (train, validation) = (prepare(data.train()), prepare(data.validation()));
            let mut state = match other {
                Some(checkpoint) => checkpoint.state,
                None => {
                    inside.initialise(spec.seed);
                    if spec.linear_start && spec.network.only_dense_read(0) {
                        linear::start(
                            &mut inside,
                            &preconditioner.variances,
                            &pair(&train),
                            &pair(&validation),
                        );
                    }
                    State::new(inside.parameters.clone(), &*spec.optimiser, vec![])
                }
            };
            fits(path, &state, inside.parameters.len())?;
            let factor = vec![scaling.scale as f32; spec.network.outputs()];
            let offset: Vec<f32> = scaling.mean.iter().map(|&m| m as f32).collect();
            let weights =
                vec![(scaling.scale * scaling.scale / spread(data.train())) as f32; spec.network.outputs()];
            let fit = Fit {
                name: PHASES[0],
                network: &inside,
                rounded: None,
                loss: &*spec.loss,
                optimiser: &*spec.optimiser,
                schedule: &*spec.schedule,
                train: &train,
                validation: &validation,
                output_weights: &weights,
                physical: [&factor, &offset],
                lower_weight: spec.lower_weight as f32,
                groups: float_groups(&inside),
                epochs: spec.float.epochs,
                patience: spec.float.patience,
                batch: spec.batch,
                peak: spec.float.rate as f32,
                decay: spec.weight_decay as f32,
                seed: spec.seed,
                steps_before: 0,
            };
            fit.run(&mut state, &mut observer, |state| save(None, state))?;
            ((state.best, state.history), None)
        }
    };
    let (float, history) = float;
    if float.len() != inside.parameters.len() {
        return Err(inconsistent(path));
    }
    let network = fold(&inside, &float, &spec.network, &preconditioner, &scaling);

    observer.message(String::from("choosing formats"));
    let mut fixed = lay_out(spec, &network, data)?;
    inside.parameters.copy_from_slice(&float);
    let last = last_layers(&spec.network).unwrap_or_default();
    let gain = |i| if last.contains(i) { scaling.scale } else { 1.0 };
    let (rounded, start) = fixed.tunable(&inside, &preconditioner.matrix, &preconditioner.inverse, gain);
    let mut state = resumed.unwrap_or_else(|| State::new(start.clone(), &*spec.optimiser, history));
    fits(path, &state, float.len())?;
    let tuning = Tuning { spec, data, rounded: &rounded, start: &start, steps_before: float_steps };
    tuning.run(&mut fixed, &mut state, &mut observer, |state| save(Some(&float), state))?;
    save(Some(&float), &state)?;
    observer.finish();

    let emulator = measured(export(&fixed, spec)?, &network, spec, data)?;
    let (golden, float) = (emulator.provenance().nrmse, emulator.provenance().nrmse_float);
    Ok(Trained {
        nrmse_float: float.unwrap_or(f64::NAN),
        nrmse_golden: golden.unwrap_or(f64::NAN),
        emulator,
        network,
        history: state.history,
    })
}

/// Quantisation-aware tuning: training with every rounding in place.
struct Tuning<'a> {
    spec: &'a TrainingSpec,
    data: &'a Datasets,
    rounded: &'a Rounded,
    start: &'a [f32],
    steps_before: u64,
}

impl Tuning<'_> {
    /// Goes on from `state` and leaves the best rounded parameters in `fixed`.
    fn run(
        &self,
        fixed: &mut Fixed,
        state: &mut State,
        observer: &mut Observer,
        save: impl FnMut(&State) -> Result<()>,
    ) -> Result<()> {
        let Self { spec, data, rounded, start, steps_before } = *self;
        let prepare = |frames: &Frames| Prepared {
            inputs: fixed.prepare(frames.inputs().view()),
            targets: fixed.targets(frames.targets().view()),
            mask: mask(frames),
            slopes: None,
        };
        let (train, validation) = (prepare(data.train()), prepare(data.validation()));
        // On the scale of the NRMSE, as in the float phase.
        let spread = spread(data.train());
        let weights: Vec<f32> =
            fixed.output_weights().iter().map(|w| (f64::from(*w) / spread) as f32).collect();
        let factor = fixed.output_factors();
        let offset = vec![0.0; factor.len()];
        let fit = Fit {
            name: PHASES[1],
            network: &fixed.network,
            rounded: Some(rounded),
            loss: &*spec.loss,
            optimiser: &*spec.optimiser,
            schedule: &*spec.schedule,
            train: &train,
            validation: &validation,
            output_weights: &weights,
            physical: [&factor, &offset],
            lower_weight: spec.lower_weight as f32,
            groups: tuning_groups(fixed, rounded, start),
            epochs: spec.tuning.epochs,
            patience: spec.tuning.patience,
            batch: spec.batch,
            peak: spec.tuning.rate as f32,
            decay: 0.0,
            // Other shuffles than in the float phase.
            seed: spec.seed.wrapping_add(1),
            steps_before,
        };
        fit.run(state, observer, save)?;
        let (mut shadow, mut expanded) = (fixed.network.parameters.clone(), fixed.network.parameters.clone());
        rounded.expand(&fixed.network, &state.best, &mut shadow, &mut expanded);
        fixed.network.parameters = expanded;
        Ok(())
    }
}

/// Weights with decay and biases without, all at one rate.
fn float_groups(network: &Network) -> Vec<Group> {
    let group = |range, decays| Group { range, scale: 1.0, decays };
    network
        .affine_nodes()
        .flat_map(|i| [group(network.weights_range(i), true), group(network.bias_range(i), false)])
        .collect()
}

/// Rates in proportion to the size of the weights at the start, and to the range of what a bias is added to.
fn tuning_groups(fixed: &Fixed, rounded: &Rounded, start: &[f32]) -> Vec<Group> {
    let network = &rounded.inner;
    let group = |range, scale| Group { range, scale, decays: false };
    network
        .affine_nodes()
        .flat_map(|i| {
            let w = network.weights(start, i);
            let size = (w.iter().map(|w| w * w).sum::<f32>() / w.len() as f32).sqrt();
            let vector = fixed.vectors[i];
            let range = vector.max() as f32 * 2f32.powi(-vector.frac());
            // Its twin makes up for its rounding; whenever one of its weights moved on, the twin would have to follow by many of
            // its own steps at once.
            let size = if network.finer_twin(i).is_some() { 0.0 } else { size };
            [group(network.weights_range(i), size), group(network.bias_range(i), range / 8.0)]
        })
        .collect()
}

pub(crate) fn mask(frames: &Frames) -> Option<Array2<f32>> {
    frames.mask().map(|m| m.mapv(|m| f32::from(u8::from(m))))
}

/// Directions and slopes in the coordinates of the float phase. Both errors, of values and of slopes, count relative to what
/// they are errors of.
fn slopes(
    spec: &TrainingSpec,
    frames: &Frames,
    preconditioner: &Preconditioner,
    scaling: &OutputScaling,
) -> Option<(Array2<f32>, Array2<f32>, f32)> {
    let (weight, slopes) = spec.gradients.zip(frames.slopes())?;
    let directions = slopes.directions.dot(&preconditioner.matrix.mapv(|v| v as f32).t());
    let power = slopes.values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    let power = power / slopes.values.nrows() as f64 / slopes.values.ncols() as f64;
    let relative = if power > 0.0 { spread(frames) / power } else { 0.0 };
    let values = &slopes.values * (1.0 / scaling.scale) as f32;
    Some((directions, values, (weight * relative) as f32))
}

fn pair(prepared: &Prepared) -> linear::Pair<'_> {
    linear::Pair { inputs: prepared.inputs.view(), targets: counted(prepared) }
}

/// Targets with those that do not count at the mean, where they pull nowhere.
fn counted(prepared: &Prepared) -> CowArray<'_, f32, Ix2> {
    match &prepared.mask {
        Some(mask) => (&prepared.targets * mask).into(),
        None => prepared.targets.view().into(),
    }
}

/// Mean and spread of the targets that count, if an affine map of the output can be folded; else neither.
fn output_scaling(spec: &TrainingSpec, frames: &Frames) -> OutputScaling {
    match last_layers(&spec.network) {
        Some(_) => OutputScaling { scale: spread(frames).sqrt(), mean: target_means(frames) },
        None => OutputScaling { scale: 1.0, mean: Array1::zeros(spec.network.outputs()) },
    }
}

fn target_means(frames: &Frames) -> Array1<f64> {
    let columns = frames.targets().columns();
    let means = columns.into_iter().enumerate().map(|(column, values)| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (row, &v) in values.iter().enumerate() {
            if frames.counts(row, column) {
                sum += f64::from(v);
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    });
    means.collect()
}

/// Mean square of the targets that count around the means of their outputs.
pub(crate) fn spread(frames: &Frames) -> f64 {
    let means = target_means(frames);
    let (mut sum, mut count) = (0.0, 0.0);
    for ((row, column), &v) in frames.targets().indexed_iter() {
        if frames.counts(row, column) {
            sum += (f64::from(v) - means[column]).powi(2);
            count += 1.0;
        }
    }
    sum / count
}

/// Refuses a checkpoint whose parameters are not those of the network.
fn fits(path: Option<&std::path::Path>, state: &State, parameters: usize) -> Result<()> {
    if state.parameters.len() == parameters { Ok(()) } else { Err(inconsistent(path)) }
}

fn inconsistent(path: Option<&std::path::Path>) -> Error {
    Error::Checkpoint {
        path: path.map(Into::into).unwrap_or_default(),
        what: String::from("its parameters do not fit the network; delete it to start anew"),
    }
}
