//! The cheapest emulator that reaches a target, or the best one there is.

use std::{cell::OnceCell, sync::Arc, time::Duration};

use emeuro_golden::{Emulator, Provenance};
use ndarray::Array2;

use super::{
    Counts, Errors, Folds, Pairs, cross,
    finish::{Outputs, finish},
    measure, notes,
    pairs::wrong,
    plan::{self, Length, Plan},
    ports::{self, Segment},
    split::{self, Deal, Split},
    topology::{self, Topology},
};
use crate::{
    Datasets, Error, Frames, Function, Network, PortSegment, Quantisation, Result, Session, TrainingSpec,
    quantise, train, whiten::Axes,
};

/// What is to be learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Name of the emulator: an identifier.
    pub name: String,
    /// The NRMSE that is good enough.
    pub target: f64,
    /// What training may cost: seconds of two cores of some 3 GHz. The seconds are counted in multiplications, so that the same budget
    /// makes the same bytes on every machine.
    pub budget: Duration,
    /// Seed of the split, of initialisation and of shuffles.
    pub seed: u64,
    /// Widths of weights and activations; `None`: 8-bit weights, and 16-bit ones where those do not suffice.
    pub quantisation: Option<Quantisation>,
    /// The command that makes the emulator, for its provenance.
    pub command: String,
    /// Where the pairs are from, for the provenance.
    pub source: String,
}

impl Learning {
    /// An NRMSE of 2 %, within a minute.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            target: 0.02,
            budget: Duration::from_secs(60),
            seed: 1,
            quantisation: None,
            command: String::new(),
            source: String::from("pairs"),
        }
    }
}

/// A training and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// What was trained, for example `silu 16x16`.
    pub topology: String,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
    /// Multiply-accumulates per frame.
    pub macs: usize,
    /// Steps of the float phase.
    pub steps: usize,
    /// What is compared with the target, on validation pairs; or why there is no emulator.
    pub outcome: std::result::Result<f64, String>,
}

/// What was learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
    /// The emulator.
    pub emulator: Emulator,
    /// What it is, for example `silu 16x16`.
    pub topology: String,
    /// Widths of weights and activations.
    pub quantisation: Quantisation,
    /// What is compared with the target, on validation pairs: whatever is to be decided is decided by it.
    pub validation: f64,
    /// Errors of every quality level on the test pairs, the lowest level first.
    pub levels: Vec<Errors>,
    /// NRMSE of the network in floating point on the test pairs; none if their outputs never change.
    pub nrmse_float: Option<f64>,
    /// The target that it was compared with.
    pub target: f64,
    /// Pairs of every set.
    pub counts: Counts,
    /// Errors of the parts if there were few pairs, each of which was tested on in its turn.
    pub folds: Option<Folds>,
    /// The test pairs, as the user calls their rows ([`Pairs::with_rows`]).
    pub test_rows: Vec<usize>,
    /// Everything that was trained, in order.
    pub tried: Vec<Tried>,
    /// What the user should know about the data.
    pub notes: Vec<String>,
}

impl Learnt {
    /// Errors of the highest quality level on the test pairs.
    #[must_use]
    pub fn errors(&self) -> &Errors {
        &self.levels[self.levels.len() - 1]
    }

    /// Whether the target is reached on the test pairs.
    #[must_use]
    pub fn reaches_target(&self) -> bool {
        self.errors().deciding() <= self.target
    }

    /// Whether, by the validation pairs, the means of the outputs would be about as good an answer. The least of several errors flatters.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.validation >= HOPELESS
    }

    /// Whether the means of the outputs would be as good an answer: then this is none.
    #[must_use]
    pub fn is_useless(&self) -> bool {
        self.errors().is_useless()
    }
}

/// The means of the outputs err 1; so does noise, of which the best of several trainings errs a little less by chance.
const HOPELESS: f64 = 0.95;

/// Short trainings that fall short of the target by more than this factor do not promise to reach it: whole ones err a half to a fifth of
/// them.
const PROMISE: f64 = 3.0;

/// What costs more is tried until so many in a row
const PATIENCE: usize = 3;

/// err no less than the best by this factor.
const GAIN: f64 = 0.95;

/// Short trainings that err less than the target times this are as good as there.
const SURE: f64 = 1.5;

/// The error on validation pairs has to be below the target by this factor, so that that on test pairs is.
const MARGIN: f64 = 0.95;

/// The budget of full trainings is for so many.
const FULL_TRAININGS: usize = 3;

/// What has diverged is trained again at a learning rate that is lower by this factor.
const CALM: f64 = 5.0;

/// 8-bit weights do not suffice if the error is larger than that in floating point by this factor.
const ROUNDING: f64 = 1.1;

/// 16-bit weights are taken for their smaller error alone if it is smaller by this factor.
const WORTH: f64 = 0.8;

/// Makes an emulator of what `pairs` say: the cheapest one that reaches the target, otherwise the one that errs least.
///
/// The cost is that of a unit: clocks per frame, as far as they can be told from the topology. Wider weights are tried after narrow ones.
/// Pairs for the test only measure; where there are fewer than [`FEW_ROWS`](super::FEW_ROWS), the error is that of what is learnt in the
/// same way from four fifths of them, in turns. The same pairs and options make the same bytes.
///
/// # Errors
/// Pairs of which nothing can be learnt: too few, no output that varies, numbers beyond all measure. [`Error::Stopped`] if `session` says
/// so. What else training can say, if no topology could be trained.
pub fn learn(pairs: &Pairs, options: &Learning, session: &Session) -> Result<Learnt> {
    match split::split(pairs.inputs.view(), pairs.order, options.seed)? {
        Deal::Once(split) => {
            let search = Search::new(pairs, options, session, split)?;
            let (made, tried) = search.run()?;
            search.learnt(made, tried)
        }
        Deal::Crossed { folds, whole } => cross::learn(pairs, options, session, folds, whole),
    }
}

/// What a single short training makes: a first idea of how hard a function is.
///
/// # Errors
/// As [`learn`].
pub(crate) fn probe(pairs: &Pairs, options: &Learning, session: &Session) -> Result<Learnt> {
    let split = split::split(pairs.inputs.view(), pairs.order, options.seed)?.into_first();
    let search = Search::new(pairs, options, session, split)?;
    let topology = topology::middle(Function::Silu, search.sizes()[0], search.sizes()[1]);
    let mut tried = vec![];
    match search.best(&topology, Length::Short, 1, &mut tried)? {
        Some(made) => search.learnt(made, tried),
        None => Err(nothing(tried)),
    }
}

/// Why nothing could be trained.
fn nothing(tried: Vec<Tried>) -> Error {
    let reason = tried.into_iter().find_map(|t| t.outcome.err());
    let reason = reason.unwrap_or_else(|| String::from("the outputs of the validation pairs never change"));
    wrong(format!("nothing could be trained: {reason}"))
}

/// An emulator and what it was made from.
pub(super) struct Made {
    pub(super) topology: Topology,
    pub(super) quantisation: Quantisation,
    pub(super) emulator: Emulator,
    /// Over scaled inputs and scaled outputs that vary.
    pub(super) network: Network,
    spec: TrainingSpec,
    /// Frames that it was trained on.
    frames: usize,
    /// On validation pairs.
    pub(super) error: f64,
}

/// A topology after its short training.
struct Candidate<'t> {
    topology: &'t Topology,
    /// The least on validation pairs so far.
    error: f64,
    /// Whether it was trained in full.
    is_full: bool,
}

/// What all trainings on one split share.
pub(super) struct Search<'a> {
    pairs: &'a Pairs,
    options: &'a Learning,
    session: &'a Session,
    plan: Plan,
    pub(super) split: Split,
    inputs: Vec<Segment>,
    pub(super) outputs: Outputs,
    /// How layers see the inputs, and the outputs that vary.
    scaled: [Scaled; 2],
    /// The ports of what is trained.
    ports: [Vec<PortSegment>; 2],
    /// The principal axes of all training inputs, as soon as they are needed.
    axes: OnceCell<Arc<Axes>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        pairs: &'a Pairs,
        options: &'a Learning,
        session: &'a Session,
        split: Split,
    ) -> Result<Self> {
        let known = split.known();
        let inputs = ports::segments(&pairs.input_parts, &pairs.inputs, &known, "input", false)?;
        let segments = ports::segments(&pairs.output_parts, &pairs.outputs, &known, "output", true)?;
        let exponents = segments.iter().map(|segment| exponent(&pairs.outputs, &known, segment)).collect();
        let spans = segments.iter().flat_map(|segment| &segment.spans);
        let constants = spans.map(|span| span.is_constant().then_some(span.low)).collect();
        let outputs = Outputs { constants, exponents, segments };
        if outputs.varying().is_empty() {
            return Err(wrong(String::from("no output varies: there is nothing to learn")));
        }
        let varying = || {
            let segments = outputs.segments.iter().zip(outputs.exponents.iter().copied());
            segments.filter(|(segment, _)| !segment.constant)
        };
        let scaled =
            [Scaled::new(inputs.iter().map(|segment| (segment, segment.scale()))), Scaled::new(varying())];
        let ports = [
            inputs.iter().map(input_port).collect(),
            varying().map(|(s, _)| PortSegment::new(&s.name, "1", s.size())).collect(),
        ];
        let plan = Plan { budget: options.budget };
        let split = split.told_apart(|row| scaled[0].of(&pairs.inputs, &[row]).row(0).to_owned());
        Ok(Self {
            pairs,
            options,
            session,
            plan,
            split,
            inputs,
            outputs,
            scaled,
            ports,
            axes: OnceCell::new(),
        })
    }

    /// Numbers per input and per output that varies.
    fn sizes(&self) -> [usize; 2] {
        [self.pairs.inputs.ncols(), self.outputs.varying().len()]
    }

    pub(super) fn notes(&self) -> Vec<String> {
        notes::notes(self.pairs, &self.inputs, &self.outputs, &self.split)
    }

    /// The inputs of `rows` as layers see them.
    fn scaled_inputs(&self, rows: &[usize]) -> Array2<f32> {
        self.scaled[0].of(&self.pairs.inputs, rows)
    }

    /// The outputs of `rows` that vary, as the last layer is to make them.
    fn scaled_outputs(&self, rows: &[usize]) -> Array2<f32> {
        self.scaled[1].of(&self.pairs.outputs, rows)
    }

    /// Looks for the cheapest topology that reaches the target, otherwise for the one that errs least; and what was tried.
    pub(super) fn run(&self) -> Result<(Made, Vec<Tried>)> {
        let [inputs, outputs] = self.sizes();
        let mut tried = vec![];
        let functions = [Function::Silu, Function::Relu, Function::Tanh];
        let mut function = (f64::INFINITY, Function::Silu);
        for candidate in functions {
            let topology = topology::middle(candidate, inputs, outputs);
            let error = self.error(&topology, Length::Short, functions.len() * 2, &mut tried)?;
            if error < function.0 {
                function = (error, candidate);
            }
        }

        let target = self.options.target;
        let topologies = topology::candidates(function.1, inputs, outputs);
        let mut best: Option<Made> = None;
        let mut candidates: Vec<Candidate> = vec![];
        // Of topologies without a bottleneck and of those with one, with one hidden layer and with more.
        let (mut least, mut in_vain) = ([f64::INFINITY; 4], [0; 4]);
        for topology in &topologies {
            let family = usize::from(topology.bottleneck) + 2 * usize::from(topology.hidden.len() > 1);
            if in_vain[family] == PATIENCE {
                continue;
            }
            let error = self.error(topology, Length::Short, topologies.len() * 2, &mut tried)?;
            candidates.push(Candidate { topology, error, is_full: false });
            in_vain[family] = if error < GAIN * least[family] { 0 } else { in_vain[family] + 1 };
            least[family] = least[family].min(error);
            // This one is as good as there: the cheapest that gets there is wanted, and if none does, what costs more is tried.
            if error <= SURE * target && self.train_in_full(&mut candidates, &mut best, &mut tried)? {
                break;
            }
        }
        if !self.is_done(best.as_ref()) && !self.train_in_full(&mut candidates, &mut best, &mut tried)? {
            // The target is out of reach, or only just: the two that came closest go on for longer, if that can help.
            candidates.sort_by(|a, b| a.error.total_cmp(&b.error));
            let can_gain =
                |c: &&Candidate| c.error.is_finite() && !(c.is_full && c.topology.hidden.is_empty());
            for candidate in candidates.iter().filter(can_gain).take(2) {
                keep(self.best(candidate.topology, Length::Long, 2, &mut tried)?, &mut best);
            }
        }
        match best {
            Some(made) => Ok((made, tried)),
            None => Err(nothing(tried)),
        }
    }

    /// Trains those that promise to reach the target and were not trained in full yet, the cheapest first, until one does; whether it does.
    fn train_in_full(
        &self,
        candidates: &mut [Candidate],
        best: &mut Option<Made>,
        tried: &mut Vec<Tried>,
    ) -> Result<bool> {
        let promises = |c: &&mut Candidate| !c.is_full && c.error <= PROMISE * self.options.target;
        for candidate in candidates.iter_mut().filter(promises) {
            candidate.is_full = true;
            if let Some(made) = self.best(candidate.topology, Length::Full, FULL_TRAININGS, tried)? {
                candidate.error = candidate.error.min(made.error);
                keep(Some(made), best);
                if self.is_done(best.as_ref()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_done(&self, best: Option<&Made>) -> bool {
        best.is_some_and(|best| best.error <= MARGIN * self.options.target)
    }

    /// Error on validation pairs of what a training makes; infinite if nothing.
    fn error(
        &self,
        topology: &Topology,
        length: Length,
        trainings: usize,
        tried: &mut Vec<Tried>,
    ) -> Result<f64> {
        let made = self.make(topology, length, trainings, tried)?;
        Ok(made.map_or(f64::INFINITY, |made| made.error))
    }

    /// What a training makes, with wider weights where those of 8 bits do not suffice.
    fn best(
        &self,
        topology: &Topology,
        length: Length,
        trainings: usize,
        tried: &mut Vec<Tried>,
    ) -> Result<Option<Made>> {
        let Some(made) = self.make(topology, length, trainings, tried)? else { return Ok(None) };
        let target = MARGIN * self.options.target;
        let rows = &self.split.validation;
        let from_rounding = made.error > ROUNDING * self.float_errors(&made.network, rows)?.deciding();
        if self.options.quantisation.is_some() || made.error <= target || !from_rounding {
            return Ok(Some(made));
        }
        let quantisation = Quantisation { weight_bits: 16, ..made.quantisation };
        let spec = TrainingSpec { quantisation, ..made.spec.clone() };
        let data = self.datasets(&self.split.train[..made.frames])?;
        let wide = match quantise(&made.network, &spec, &data) {
            Ok(emulator) => finish(&emulator, &self.inputs, &self.outputs, Provenance::default())?,
            Err(Error::Golden(_)) => return Ok(Some(made)),
            Err(error) => return Err(error),
        };
        let error = self.validate(&wide)?;
        tried.push(Tried {
            quantisation,
            outcome: Ok(error),
            ..tried.last().cloned().expect("a training has come before")
        });
        let better = error <= target || error < WORTH * made.error;
        Ok(Some(if better { Made { quantisation, emulator: wide, error, ..made } } else { made }))
    }

    /// One training; none if it fails for a reason that is the topology's.
    fn make(
        &self,
        topology: &Topology,
        length: Length,
        trainings: usize,
        tried: &mut Vec<Tried>,
    ) -> Result<Option<Made>> {
        let [inputs, outputs] = self.sizes();
        let network = topology.network(inputs, outputs)?;
        let batch = plan::batch(self.split.train.len());
        let steps = self.plan.steps(&network, batch, length, trainings);
        let frames = plan::frames(steps, batch, self.split.train.len());
        let data = self.datasets(&self.split.train[..frames])?;
        let ports = [&self.ports[0][..], &self.ports[1]];
        let mut spec = plan::spec(&self.options.name, topology, ports, steps, frames)?;
        spec.seed = self.options.seed;
        spec.quantisation = self.options.quantisation.unwrap_or_default();
        let quantisation = spec.quantisation;
        let mut note = |outcome| {
            let (topology, macs) = (topology.name(), network.macs());
            tried.push(Tried { topology, quantisation, macs, steps, outcome });
        };
        let session = Session { checkpoint: None, ..self.session.clone() };
        let mut trained = train(&spec, &data, &session);
        if let Err(Error::Diverged { .. }) = trained {
            spec.float.rate /= CALM;
            trained = train(&spec, &data, &session);
        }
        let made = trained.and_then(|trained| {
            let emulator = finish(&trained.emulator, &self.inputs, &self.outputs, Provenance::default())?;
            Ok((trained, emulator))
        });
        let (trained, emulator) = match made {
            Ok(made) => made,
            Err(error @ (Error::Diverged { .. } | Error::Golden(_))) => {
                note(Err(error.to_string()));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let error = self.validate(&emulator)?;
        note(Ok(error));
        let topology = topology.clone();
        Ok(Some(Made { topology, quantisation, emulator, network: trained.network, spec, frames, error }))
    }

    fn datasets(&self, train: &[usize]) -> Result<Datasets> {
        let frames = |rows: &[usize]| Frames::new(self.scaled_inputs(rows), self.scaled_outputs(rows));
        let Split { validation, calibration, .. } = &self.split;
        let axes = self.axes.get_or_init(|| {
            let sizes: Vec<usize> = self.ports[0].iter().map(|segment| segment.size).collect();
            Arc::new(Axes::new(self.scaled_inputs(&self.split.train).view(), &sizes))
        });
        let sets = Datasets::without_test(frames(train)?, frames(validation)?, frames(calibration)?)?;
        Ok(sets.with_axes(Arc::clone(axes)))
    }

    fn validate(&self, emulator: &Emulator) -> Result<f64> {
        let rows = &self.split.validation;
        let level = emulator.levels() - 1;
        Ok(measure::of_emulator(emulator, level, self.pairs, rows)?.deciding())
    }

    fn learnt(self, made: Made, tried: Vec<Tried>) -> Result<Learnt> {
        let Made { topology, quantisation, emulator, network, error: validation, .. } = made;
        let rows = &self.split.test;
        let levels = (0..emulator.levels())
            .map(|level| measure::of_emulator(&emulator, level, self.pairs, rows))
            .collect::<Result<Vec<Errors>>>()?;
        let nrmse_float = self.float_errors(&network, rows)?.nrmse.map(rounded);
        let notes = self.notes();
        let counts = self.split.counts();
        let Counts { train, validation: checked, calibration, test, blocks, .. } = counts;
        let blocks = blocks.map_or_else(String::new, |blocks| format!(" in {blocks} blocks of calls"));
        let mut data = format!(
            "{}: {train} training, {checked} validation, {calibration} calibration and {test} test pairs, dealt out{blocks} by seed {}; {}",
            self.options.source,
            self.options.seed,
            topology.name()
        );
        for (level, errors) in levels[..levels.len() - 1].iter().enumerate() {
            if let Some(nrmse) = errors.nrmse {
                data += &format!("; error at quality level {level}: {:.3} %", 100.0 * nrmse);
            }
        }
        let highest = &levels[levels.len() - 1];
        let provenance = Provenance {
            command: self.options.command.clone(),
            seed: self.options.seed,
            data,
            nrmse: highest.nrmse,
            nrmse_float,
            outputs: highest.outputs.clone(),
        };
        Ok(Learnt {
            emulator: emulator.with_provenance(provenance),
            topology: topology.name(),
            quantisation,
            validation,
            levels,
            nrmse_float,
            target: self.options.target,
            counts,
            folds: None,
            test_rows: self.pairs.rows_of(rows),
            tried,
            notes,
        })
    }

    /// Errors of the network in floating point.
    fn float_errors(&self, network: &Network, rows: &[usize]) -> Result<Errors> {
        Ok(measure::of(&self.float_estimates(network, rows)?, self.pairs, rows))
    }

    /// What the network in floating point says, one frame after the other.
    pub(super) fn float_estimates(&self, network: &Network, rows: &[usize]) -> Result<Vec<f64>> {
        let estimates = network.predict(self.scaled_inputs(rows).view())?;
        let Outputs { segments, exponents, constants } = &self.outputs;
        let mut all: Vec<f64> = vec![];
        for estimate in estimates.outer_iter() {
            let mut varying = estimate.iter().map(|&v| f64::from(v));
            for (segment, exponent) in segments.iter().zip(exponents) {
                let (scale, offset) = (f64::from(*exponent).exp2(), segment.span.offset());
                all.extend(constants[segment.columns.clone()].iter().map(|constant| match constant {
                    Some(value) => *value,
                    None => varying.next().unwrap_or(f64::NAN) * scale + offset,
                }));
            }
        }
        Ok(all)
    }
}

/// Keeps what errs least.
fn keep(made: Option<Made>, best: &mut Option<Made>) {
    if let Some(made) = made
        && best.as_ref().is_none_or(|b| made.error < b.error)
    {
        *best = Some(made);
    }
}

/// Columns as layers see them: of each, what is subtracted, and what the difference is multiplied by.
struct Scaled(Vec<(usize, f64, f64)>);

impl Scaled {
    /// The columns of `segments`, less their offsets, as multiples of 2^exponent.
    fn new<'s>(segments: impl Iterator<Item = (&'s Segment, i32)>) -> Self {
        let columns = segments.flat_map(|(segment, exponent)| {
            let (offset, unit) = (segment.span.offset(), f64::from(-exponent).exp2());
            segment.columns.clone().map(move |column| (column, offset, unit))
        });
        Self(columns.collect())
    }

    /// These columns of `rows`. A zero has no sign.
    fn of(&self, values: &Array2<f64>, rows: &[usize]) -> Array2<f32> {
        Array2::from_shape_fn((rows.len(), self.0.len()), |(row, k)| {
            let (column, offset, unit) = self.0[k];
            ((values[(rows[row], column)] - offset) * unit) as f32 + 0.0
        })
    }
}

/// The power of two next to the spread of a segment's outputs; of constants, its scale.
fn exponent(outputs: &Array2<f64>, rows: &[usize], segment: &Segment) -> i32 {
    let Some(largest) = segment.span.exponent().filter(|_| !segment.constant) else { return segment.scale() };
    let (offset, unit) = (segment.span.offset(), f64::from(-largest).exp2());
    let variance = |column: usize| {
        let numbers = rows.iter().map(|&row| (outputs[(row, column)] - offset) * unit);
        ndarray::Array1::from_iter(numbers).var(0.0)
    };
    let variance = segment.columns.clone().map(variance).sum::<f64>() / segment.size() as f64;
    if variance > 0.0 { largest + variance.sqrt().log2().round() as i32 } else { largest }
}

fn input_port(segment: &Segment) -> PortSegment {
    let port = PortSegment::new(&segment.name, "1", segment.size());
    match segment.span.largest() > 0.0 {
        true => port,
        // Nothing is known but zeros.
        false => port.within(1.0),
    }
}

/// To a ten-thousandth of a per cent: the digits below depend on the processor's arithmetic.
pub(super) fn rounded(error: f64) -> f64 {
    (error * 1e6).round() / 1e6
}
