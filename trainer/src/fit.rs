//! The training loop: seeded mini-batches, two fixed shards, best weights on the validation set.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    Error, Result,
    gradient::{Workspace, backward, forward},
    loss::{Counted, Loss, MeanSquare},
    network::Network,
    optimiser::{Group, Memory, Optimiser},
    rounded::Rounded,
    schedule::Schedule,
    session::Observer,
    tangent::{self, Tangents},
};

/// Frames as a phase sees them.
pub(crate) struct Prepared {
    /// `[frames, inputs]`.
    pub(crate) inputs: Array2<f32>,
    /// `[frames, outputs]`.
    pub(crate) targets: Array2<f32>,
    /// 1 where an output counts, 0 where not; `None`: all count.
    pub(crate) mask: Option<Array2<f32>>,
    /// Directions `[frames, inputs]`, slopes `[frames, outputs]` and the weight of a slope's squared error beside a value's.
    pub(crate) slopes: Option<(Array2<f32>, Array2<f32>, f32)>,
}

/// One phase of training.
pub(crate) struct Fit<'a> {
    pub(crate) name: &'static str,
    pub(crate) network: &'a Network,
    pub(crate) rounded: Option<&'a Rounded>,
    pub(crate) train: &'a Prepared,
    pub(crate) validation: &'a Prepared,
    pub(crate) loss: &'a dyn Loss,
    pub(crate) optimiser: &'a dyn Optimiser,
    pub(crate) schedule: &'a dyn Schedule,
    /// Weight of every output's squared error.
    pub(crate) output_weights: &'a [f32],
    /// Factor from every output to the physical one, and what is added then.
    pub(crate) physical: [&'a [f32]; 2],
    /// Weight of the squared errors of every lower quality level beside those of the highest.
    pub(crate) lower_weight: f32,
    pub(crate) groups: Vec<Group>,
    pub(crate) epochs: usize,
    pub(crate) patience: Option<usize>,
    pub(crate) batch: usize,
    pub(crate) peak: f32,
    pub(crate) decay: f32,
    pub(crate) seed: u64,
    /// Steps of earlier phases, for the progress bar.
    pub(crate) steps_before: u64,
}

/// Errors after one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// `float` or `tuning`.
    pub phase: &'static str,
    /// Counted from 1 within the phase; 0 is the start of the phase.
    pub epoch: usize,
    /// Over the training batches, on the scale of `validation`; NaN for epoch 0.
    pub train: f64,
    /// On the validation set: the NRMSE, or what the [`Loss`] says.
    pub validation: f64,
}

/// Everything that a phase needs to go on: what a checkpoint holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) parameters: Vec<f32>,
    pub(crate) memory: Memory,
    pub(crate) best: Vec<f32>,
    /// Of all quality levels together.
    pub(crate) best_error: f64,
    pub(crate) best_epoch: usize,
    /// Complete epochs.
    pub(crate) epoch: usize,
    /// Complete batches of the epoch under way.
    pub(crate) batch: usize,
    /// Sum of the losses of these batches.
    pub(crate) loss: f64,
    pub(crate) history: Vec<Epoch>,
}

impl State {
    pub(crate) fn new(parameters: Vec<f32>, optimiser: &dyn Optimiser, history: Vec<Epoch>) -> Self {
        let memory = optimiser.memory(parameters.len());
        Self {
            best: parameters.clone(),
            parameters,
            memory,
            best_error: f64::INFINITY,
            best_epoch: 0,
            epoch: 0,
            batch: 0,
            loss: 0.0,
            history,
        }
    }
}

impl State {
    /// NRMSE on the validation frames after the best epoch of the phase under way.
    pub(crate) fn best_validation(&self) -> f64 {
        let best = self.history.iter().rev().find(|h| h.epoch == self.best_epoch);
        best.map_or(f64::NAN, |h| h.validation)
    }
}

/// How far rounded weights are pulled towards their integers per step when the learning rate has come down.
const SETTLING: f32 = 0.02;

/// Why rows are slices.
const ROWS: &str = "matrices of frames are row-major";

/// Frames per shard in evaluations.
const CHUNK: usize = 512;

/// The two halves of every batch. Two whatever the machine, and summed in order: results do not depend on the cores.
struct Shards {
    workspaces: [Workspace; 2],
    /// Without room where no slopes are learnt.
    tangents: [Tangents; 2],
}

impl Shards {
    fn new(network: &Network, capacity: usize, tangents: usize) -> Self {
        let workspace = || Workspace::new(network, capacity);
        let tangents = || Tangents::new(network, tangents);
        Self { workspaces: [workspace(), workspace()], tangents: [tangents(), tangents()] }
    }
}

/// Buffers between the parameters that are trained and those that the network runs with; unused without rounding.
struct Effective {
    shadow: Vec<f32>,
    expanded: Vec<f32>,
    contracted: Vec<f32>,
}

impl Effective {
    fn new(fit: &Fit, parameters: usize) -> Self {
        let (outer, inner) =
            if fit.rounded.is_some() { (fit.network.parameters.len(), parameters) } else { (0, 0) };
        Self { shadow: vec![0.0; outer], expanded: vec![0.0; outer], contracted: vec![0.0; inner] }
    }

    fn parameters<'a>(&'a mut self, fit: &Fit, parameters: &'a [f32]) -> &'a [f32] {
        match fit.rounded {
            Some(r) => {
                r.expand(fit.network, parameters, &mut self.shadow, &mut self.expanded);
                &self.expanded
            }
            None => parameters,
        }
    }

    fn gradient<'a>(&'a mut self, fit: &Fit, gradient: &'a [f32]) -> &'a [f32] {
        match fit.rounded {
            Some(r) => {
                r.contract(fit.network, gradient, &mut self.contracted);
                &self.contracted
            }
            None => gradient,
        }
    }
}

impl Fit<'_> {
    /// Batches per epoch: whole ones, at least one.
    pub(crate) fn batches(&self) -> usize {
        (self.train.inputs.nrows() / self.batch_size()).max(1)
    }

    fn batch_size(&self) -> usize {
        self.batch.min(self.train.inputs.nrows())
    }

    /// Runs the phase from `state` to its end; `save` writes a checkpoint.
    pub(crate) fn run(
        &self,
        state: &mut State,
        observer: &mut Observer,
        mut save: impl FnMut(&State) -> Result<()>,
    ) -> Result<()> {
        let batches = self.batches();
        let total = (batches * self.epochs) as u64;
        let size = self.batch_size();
        let tangents = if self.train.slopes.is_some() { size.div_ceil(2) } else { 0 };
        let mut shards = Shards::new(self.network, CHUNK.max(size.div_ceil(2)), tangents);
        let mut effective = Effective::new(self, state.parameters.len());
        let counted = self.counted_per_frame();
        let spread = self.spread();
        if state.epoch == 0 && state.batch == 0 && state.history.last().is_none_or(|h| h.phase != self.name) {
            let [validation, score] =
                self.validation_errors(&state.parameters, &mut effective, &mut shards, spread);
            state.best_error = score;
            state.history.push(Epoch { phase: self.name, epoch: 0, train: f64::NAN, validation });
        }
        while state.epoch < self.epochs {
            if self.patience.is_some_and(|p| state.epoch - state.best_epoch > p) {
                break;
            }
            let order = self.order(state.epoch);
            while state.batch < batches {
                if observer.stopped() {
                    save(state)?;
                    let checkpoint = observer.session.checkpoint.as_ref().map(|c| c.path.clone());
                    return Err(Error::Stopped { checkpoint });
                }
                if observer.due() {
                    save(state)?;
                }
                let rows = &order[state.batch * size..(state.batch + 1) * size];
                let step = (state.epoch * batches + state.batch) as u64;
                let normaliser = 1.0 / (size as f64 * counted);
                let loss = self.step(
                    state,
                    rows,
                    self.schedule.rate(self.peak, step, total),
                    normaliser,
                    &mut effective,
                    &mut shards,
                );
                state.loss += loss;
                state.batch += 1;
                observer.position(self.steps_before + step + 1);
            }
            state.epoch += 1;
            let [validation, score] =
                self.validation_errors(&state.parameters, &mut effective, &mut shards, spread);
            let train = self.loss.summary(state.loss / batches as f64 * counted, 1, counted);
            if !score.is_finite() || !train.is_finite() {
                return Err(Error::Diverged { epoch: state.epoch, phase: self.name });
            }
            (state.batch, state.loss) = (0, 0.0);
            state.history.push(Epoch { phase: self.name, epoch: state.epoch, train, validation });
            if score < state.best_error {
                state.best_error = score;
                state.best_epoch = state.epoch;
                state.best.copy_from_slice(&state.parameters);
            }
            let best = self.loss.text(state.best_validation());
            observer.message(format!("{} {}: {best}", self.name, state.epoch));
        }
        Ok(())
    }

    /// The order of the training frames in an epoch: a stream of its own per epoch, so that resuming needs no state.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch as u64 + 1);
        let mut order: Vec<usize> = (0..self.train.inputs.nrows()).collect();
        order.shuffle(&mut rng);
        order
    }

    /// One update; the loss of the batch before it.
    fn step(
        &self,
        state: &mut State,
        rows: &[usize],
        rate: f32,
        normaliser: f64,
        effective: &mut Effective,
        shards: &mut Shards,
    ) -> f64 {
        let parameters = effective.parameters(self, &state.parameters);
        let (first, second) = rows.split_at(rows.len().div_ceil(2));
        let [left, right] = &mut shards.workspaces;
        let [left_tangents, right_tangents] = &mut shards.tangents;
        let (a, b) = rayon::join(
            || self.differentiate(parameters, first, normaliser, left, left_tangents),
            || self.differentiate(parameters, second, normaliser, right, right_tangents),
        );
        if !second.is_empty() {
            left.gradient.iter_mut().zip(&right.gradient).for_each(|(l, r)| *l += r);
        }
        let gradient = effective.gradient(self, &left.gradient);
        self.optimiser.step(
            &mut state.memory,
            &mut state.parameters,
            gradient,
            &self.groups,
            rate,
            self.decay,
        );
        if let Some(r) = self.rounded {
            let pull = SETTLING * (1.0 - rate / self.peak);
            let Effective { shadow, expanded, .. } = effective;
            r.settle(self.network, &mut state.parameters, shadow, expanded, pull);
            r.clamp(&mut state.parameters);
        }
        a + b
    }

    /// Loss and, in the workspace, gradient of the frames `rows`.
    fn differentiate(
        &self,
        parameters: &[f32],
        rows: &[usize],
        normaliser: f64,
        workspace: &mut Workspace,
        tangents: &mut Tangents,
    ) -> f64 {
        let n = rows.len();
        if n == 0 {
            return 0.0;
        }
        workspace.fill(self.network, self.train.inputs.view(), rows.iter().copied());
        forward(self.network, parameters, n, self.rounded.map(|r| &r.nodes[..]), workspace);
        let outlets = self.network.outlets();
        workspace.begin(&outlets, n);
        let mut dy = Array2::zeros((n, self.train.targets.ncols()));
        let mut loss = 0.0;
        for (level, outlet) in outlets.iter().enumerate() {
            let highest = level + 1 == outlets.len();
            let y = outlet.take(&workspace.values, n);
            let error = self.losses(self.loss, &self.train.targets, rows, y.view(), dy.view_mut());
            let share = if highest { 1.0 } else { self.lower_weight };
            let factor = share * normaliser as f32;
            dy.mapv_inplace(|d| d * factor);
            outlet.put(dy.view(), &mut workspace.deltas);
            if highest {
                loss = error;
            }
        }
        let Some((directions, slopes, weight)) = &self.train.slopes else {
            backward(self.network, parameters, n, workspace);
            return loss * normaliser;
        };
        for (mut to, &from) in tangents.direction(n).outer_iter_mut().zip(rows) {
            to.assign(&directions.row(from));
        }
        tangent::forward(self.network, parameters, n, workspace, tangents);
        tangents.begin(&outlets, n);
        for (level, outlet) in outlets.iter().enumerate() {
            let highest = level + 1 == outlets.len();
            let slope = outlet.take(&tangents.slopes, n);
            self.losses(&MeanSquare, slopes, rows, slope.view(), dy.view_mut());
            let share = if highest { 1.0 } else { self.lower_weight };
            let factor = share * weight * normaliser as f32;
            dy.mapv_inplace(|d| d * factor);
            outlet.put(dy.view(), &mut tangents.deltas);
        }
        tangent::backward(self.network, parameters, n, workspace, tangents);
        loss * normaliser
    }

    /// The losses of the outputs `y` for the frames `rows` of `targets`, whose derivatives go to `dy`.
    fn losses(
        &self,
        loss: &dyn Loss,
        targets: &Array2<f32>,
        rows: &[usize],
        y: ArrayView2<f32>,
        mut dy: ArrayViewMut2<f32>,
    ) -> f64 {
        let frames = y.outer_iter().zip(dy.outer_iter_mut()).zip(rows);
        frames.fold(0.0, |total, ((y, mut dy), &row)| {
            let counted =
                self.counted(self.train.mask.as_ref().map(|mask| mask.row(row).to_slice().expect(ROWS)));
            let (y, target) = (y.to_slice().expect(ROWS), targets.row(row));
            let dy = dy.as_slice_mut().expect(ROWS);
            total + f64::from(loss.frame(y, target.to_slice().expect(ROWS), &counted, dy))
        })
    }

    fn counted<'a>(&'a self, mask: Option<&'a [f32]>) -> Counted<'a> {
        Counted { weights: self.output_weights, physical: self.physical, mask }
    }

    /// Outputs that count, per frame on average.
    fn counted_per_frame(&self) -> f64 {
        match &self.train.mask {
            None => self.train.targets.ncols() as f64,
            Some(mask) => {
                (mask.iter().map(|&m| f64::from(m)).sum::<f64>() / mask.nrows() as f64).max(f64::MIN_POSITIVE)
            }
        }
    }

    /// Weighted sum of squares of the validation targets around the mean of each output.
    fn spread(&self) -> f64 {
        let Prepared { targets, mask, .. } = self.validation;
        let mut spread = 0.0;
        for (column, &weight) in self.output_weights.iter().enumerate() {
            // The mean comes first: sums of squares would lose the digits of a small spread.
            let counted = || {
                let share = |row: usize| mask.as_ref().map_or(1.0, |m| f64::from(m[(row, column)]));
                (0..targets.nrows()).map(move |row| (share(row), f64::from(targets[(row, column)])))
            };
            let (count, sum) = counted().fold((0.0, 0.0), |(count, sum), (m, t)| (count + m, sum + m * t));
            let squares = counted().map(|(m, t)| m * (t - sum / count).powi(2)).sum::<f64>();
            if count > 0.0 {
                spread += f64::from(weight) * squares;
            }
        }
        spread
    }

    /// Error of the highest level on the validation frames, and of all levels together as the loss weights them.
    fn validation_errors(
        &self,
        parameters: &[f32],
        effective: &mut Effective,
        shards: &mut Shards,
        spread: f64,
    ) -> [f64; 2] {
        let parameters = effective.parameters(self, parameters);
        let rows = self.validation.inputs.nrows();
        let half = rows.div_ceil(2);
        let [left, right] = &mut shards.workspaces;
        let (a, b) = rayon::join(
            || self.squared_errors(parameters, 0..half, left),
            || self.squared_errors(parameters, half..rows, right),
        );
        [0, 1].map(|k| self.loss.summary(a[k] + b[k], rows, spread))
    }

    /// Weighted squared errors over a stretch of the validation frames: of the highest level, and of all levels together.
    fn squared_errors(
        &self,
        parameters: &[f32],
        rows: std::ops::Range<usize>,
        workspace: &mut Workspace,
    ) -> [f64; 2] {
        let nodes = self.rounded.map(|r| &r.nodes[..]);
        let outlets = self.network.outlets();
        let mut derivative = vec![0.0; self.validation.targets.ncols()];
        let mut totals = [0.0; 2];
        for start in rows.clone().step_by(CHUNK) {
            let end = (start + CHUNK).min(rows.end);
            workspace.fill(self.network, self.validation.inputs.view(), start..end);
            forward(self.network, parameters, end - start, nodes, workspace);
            for (level, outlet) in outlets.iter().enumerate() {
                let y = outlet.take(&workspace.values, end - start);
                let error = y.outer_iter().zip(start..end).fold(0.0, |total, (y, row)| {
                    let Prepared { targets, mask, .. } = self.validation;
                    let mask = mask.as_ref().map(|mask| mask.row(row).to_slice().expect(ROWS));
                    let (y, target) = (y.to_slice().expect(ROWS), targets.row(row));
                    let frame = self.counted(mask);
                    let loss = self.loss.frame(y, target.to_slice().expect(ROWS), &frame, &mut derivative);
                    total + f64::from(loss)
                });
                if level + 1 == outlets.len() {
                    totals[0] += error;
                    totals[1] += error;
                } else {
                    totals[1] += f64::from(self.lower_weight) * error;
                }
            }
        }
        totals
    }
}

/// Σ mask · weight · (estimate - target)².
pub(crate) fn weighted_error(
    estimates: ArrayView2<f32>,
    targets: ArrayView2<f32>,
    mask: Option<ArrayView2<f32>>,
    weights: &[f32],
) -> f64 {
    let mut total = 0.0;
    for (row, (y, t)) in estimates.outer_iter().zip(targets.outer_iter()).enumerate() {
        let errors = y.iter().zip(&t).zip(weights).map(|((y, t), w)| w * (y - t) * (y - t));
        total += match &mask {
            None => f64::from(errors.sum::<f32>()),
            Some(mask) => f64::from(errors.zip(mask.row(row)).map(|(e, m)| e * m).sum::<f32>()),
        };
    }
    total
}
