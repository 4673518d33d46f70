//! The cheapest emulator that reaches a target, or the best one there is.

use std::time::Duration;

use emeuro_golden::{Emulator, Provenance};
use ndarray::{Array2, Axis};

use super::{
    Counts, Errors, Pairs,
    finish::{Outputs, finish},
    measure,
    pairs::wrong,
    plan::{self, Length, Plan},
    ports::{self, Segment},
    split::{self, Split},
    topology::{self, Topology},
};
use crate::{
    Datasets, Error, Frames, Function, Network, PortSegment, Quantisation, Result, Session, TrainingSpec,
    quantise, train,
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
    /// Errors of every quality level on the test pairs, the lowest level first.
    pub levels: Vec<Errors>,
    /// NRMSE of the network in floating point on the test pairs.
    pub nrmse_float: f64,
    /// The target that it was compared with.
    pub target: f64,
    /// Pairs of every set.
    pub counts: Counts,
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
}

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

/// What has diverged is trained again at a learning rate that is lower by this factor.
const CALM: f64 = 5.0;

/// 8-bit weights do not suffice if the error is larger than that in floating point by this factor.
const ROUNDING: f64 = 1.1;

/// 16-bit weights are taken for their smaller error alone if it is smaller by this factor.
const WORTH: f64 = 0.8;

/// Makes an emulator of what `pairs` say: the cheapest one that reaches the target, otherwise the one that errs least.
///
/// The cost is that of a unit: clocks per frame, as far as they can be told from the topology. Wider weights are tried after narrow ones. Pairs for the test only measure. The same pairs and options make the same
/// bytes.
///
/// # Errors
/// Pairs of which nothing can be learnt: too few, no output that varies, numbers that no format holds. [`Error::Stopped`] if `session` says
/// so. What else training can say, if no topology could be trained.
pub fn learn(pairs: &Pairs, options: &Learning, session: &Session) -> Result<Learnt> {
    let search = Search::new(pairs, options, session)?;
    let mut tried = vec![];
    let [inputs, outputs] = [search.inputs.len(), search.outputs.varying().len()];

    let functions = [Function::Silu, Function::Relu, Function::Tanh];
    let mut function = (f64::INFINITY, Function::Silu);
    for candidate in functions {
        let topology = topology::middle(candidate, inputs, outputs);
        let error = search.error(&topology, Length::Short, functions.len() * 2, &mut tried)?;
        if error < function.0 {
            function = (error, candidate);
        }
    }

    let candidates = topology::candidates(function.1, inputs, outputs);
    let mut left: Vec<(f64, &Topology)> = vec![];
    // Of topologies without a bottleneck and of those with one, with one hidden layer and with more.
    let (mut least, mut in_vain) = ([f64::INFINITY; 4], [0; 4]);
    for topology in &candidates {
        let family = usize::from(topology.bottleneck) + 2 * usize::from(topology.hidden.len() > 1);
        if in_vain[family] == PATIENCE {
            continue;
        }
        let error = search.error(topology, Length::Short, candidates.len() * 2, &mut tried)?;
        left.push((error, topology));
        in_vain[family] = if error < GAIN * least[family] { 0 } else { in_vain[family] + 1 };
        least[family] = least[family].min(error);
        // What costs more than something that is as good as there need not be tried.
        if error <= SURE * options.target {
            break;
        }
    }

    let promising = |error: f64| error <= PROMISE * options.target;
    let mut best: Option<Made> = None;
    let trainings = left.len().min(3);
    for (error, topology) in left.iter_mut().filter(|(error, _)| promising(*error)) {
        if let Some(made) = search.best(topology, Length::Full, trainings, &mut tried)? {
            *error = error.min(made.error);
            let done = made.error <= MARGIN * options.target;
            if best.as_ref().is_none_or(|b| made.error < b.error) {
                best = Some(made);
            }
            if done {
                break;
            }
        }
    }
    if best.as_ref().is_none_or(|best| best.error > MARGIN * options.target) {
        // The target is out of reach, or only just: the two that came closest go on for longer.
        left.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, topology) in left.iter().filter(|(error, _)| error.is_finite()).take(2) {
            if let Some(made) = search.best(topology, Length::Long, 2, &mut tried)?
                && best.as_ref().is_none_or(|b| made.error < b.error)
            {
                best = Some(made);
            }
        }
    }
    match best {
        Some(made) => search.learnt(made, tried),
        None => Err(nothing(tried)),
    }
}

/// NRMSE on test pairs of what a single short training makes, and its emulator: a first idea of how hard a function is.
///
/// # Errors
/// As [`learn`].
pub(crate) fn probe(pairs: &Pairs, options: &Learning, session: &Session) -> Result<Learnt> {
    let search = Search::new(pairs, options, session)?;
    let topology = topology::middle(Function::Silu, search.inputs.len(), search.outputs.varying().len());
    let mut tried = vec![];
    match search.best(&topology, Length::Short, 1, &mut tried)? {
        Some(made) => search.learnt(made, tried),
        None => Err(nothing(tried)),
    }
}

/// Why nothing could be trained.
fn nothing(tried: Vec<Tried>) -> Error {
    let reason = tried.into_iter().find_map(|t| t.outcome.err()).unwrap_or_default();
    wrong(format!("nothing could be trained: {reason}"))
}

/// An emulator and what it was made from.
struct Made {
    topology: Topology,
    quantisation: Quantisation,
    emulator: Emulator,
    /// Over scaled outputs that vary.
    network: Network,
    spec: TrainingSpec,
    /// Frames that it was trained on.
    frames: usize,
    /// On validation pairs.
    error: f64,
}

/// What all trainings share.
struct Search<'a> {
    pairs: &'a Pairs,
    options: &'a Learning,
    session: &'a Session,
    plan: Plan,
    split: Split,
    /// As `f32`, all rows.
    inputs_f32: Array2<f32>,
    /// Scaled outputs that vary, all rows.
    targets: Array2<f32>,
    inputs: Inputs,
    outputs: Outputs,
    target_ports: Vec<PortSegment>,
    notes: Vec<String>,
}

/// The input port.
struct Inputs(Vec<PortSegment>);

impl Inputs {
    fn len(&self) -> usize {
        self.0.iter().map(|segment| segment.size).sum()
    }
}

impl<'a> Search<'a> {
    fn new(pairs: &'a Pairs, options: &'a Learning, session: &'a Session) -> Result<Self> {
        let inputs_f32 = measure::rounded(&pairs.inputs);
        let split = split::split(inputs_f32.view(), options.seed)?;
        let input_segments = ports::segments(&pairs.input_parts, &pairs.inputs, "input", false)?;
        let segments = ports::segments(&pairs.output_parts, &pairs.outputs, "output", true)?;
        let constants = pairs.outputs.axis_iter(Axis(1)).map(|column| {
            let first = column[0];
            column.iter().all(|&v| v == first).then_some(first)
        });
        let exponents = segments.iter().map(|segment| exponent(&pairs.outputs, segment)).collect();
        let outputs = Outputs { constants: constants.collect(), exponents, segments };
        let varying = outputs.varying();
        if varying.is_empty() {
            return Err(wrong(String::from("no output varies: there is nothing to learn")));
        }
        let mut scales = vec![1.0; pairs.outputs.ncols()];
        for (segment, exponent) in outputs.segments.iter().zip(&outputs.exponents) {
            scales[segment.columns.clone()].fill((-f64::from(*exponent)).exp2());
        }
        let targets = pairs.outputs.select(Axis(1), &varying)
            * &ndarray::Array1::from_iter(varying.iter().map(|&c| scales[c])).insert_axis(Axis(0));
        let target_ports = outputs.segments.iter().filter(|s| !s.constant);
        let target_ports = target_ports.map(|s| PortSegment::new(&s.name, "1", s.size())).collect();
        let notes = notes(pairs, &input_segments, &outputs, &split);
        let inputs = Inputs(input_segments.iter().map(input_port).collect());
        Ok(Self {
            pairs,
            options,
            session,
            plan: Plan { budget: options.budget },
            split,
            inputs_f32,
            targets: measure::rounded(&targets),
            inputs,
            outputs,
            target_ports,
            notes,
        })
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
            Ok(emulator) => finish(&emulator, &self.outputs, Provenance::default())?,
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
        let network = topology.network(self.inputs.len(), self.targets.ncols())?;
        let batch = plan::batch(self.split.train.len());
        let steps = self.plan.steps(&network, batch, length, trainings);
        let frames = plan::frames(steps, batch, self.split.train.len());
        let data = self.datasets(&self.split.train[..frames])?;
        let ports = [&self.inputs.0[..], &self.target_ports];
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
            let emulator = finish(&trained.emulator, &self.outputs, Provenance::default())?;
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
        let frames = |rows: &[usize]| {
            Frames::new(self.inputs_f32.select(Axis(0), rows), self.targets.select(Axis(0), rows))
        };
        let Split { validation, calibration, test, .. } = &self.split;
        Datasets::new(frames(train)?, frames(validation)?, frames(calibration)?, frames(test)?)
    }

    fn validate(&self, emulator: &Emulator) -> Result<f64> {
        let (rows, segments) = (&self.split.validation, &self.outputs.segments);
        let level = emulator.levels() - 1;
        Ok(measure::of_emulator(emulator, level, self.pairs, rows, segments)?.deciding())
    }

    fn learnt(self, made: Made, tried: Vec<Tried>) -> Result<Learnt> {
        let Made { topology, quantisation, emulator, network, .. } = made;
        let (rows, segments) = (&self.split.test, &self.outputs.segments);
        let levels = (0..emulator.levels())
            .map(|level| measure::of_emulator(&emulator, level, self.pairs, rows, segments))
            .collect::<Result<Vec<Errors>>>()?;
        let nrmse_float = self.float_errors(&network, rows)?.nrmse;
        let counts = self.split.counts();
        let Counts { train, validation, calibration, test, .. } = counts;
        let mut data = format!(
            "{}: {train} training, {validation} validation, {calibration} calibration and {test} test pairs, dealt out by seed {}; {}",
            self.options.source,
            self.options.seed,
            topology.name()
        );
        for (level, errors) in levels[..levels.len() - 1].iter().enumerate() {
            data += &format!("; error at quality level {level}: {:.3} %", 100.0 * errors.nrmse);
        }
        let provenance = Provenance {
            command: self.options.command.clone(),
            seed: self.options.seed,
            data,
            nrmse: Some(rounded(levels[levels.len() - 1].nrmse)),
            nrmse_float: Some(rounded(nrmse_float)),
        };
        Ok(Learnt {
            emulator: emulator.with_provenance(provenance),
            topology: topology.name(),
            quantisation,
            levels,
            nrmse_float,
            target: self.options.target,
            counts,
            tried,
            notes: self.notes,
        })
    }

    /// Errors of the network in floating point.
    fn float_errors(&self, network: &Network, rows: &[usize]) -> Result<Errors> {
        let estimates = network.predict(self.inputs_f32.select(Axis(0), rows).view())?;
        let Outputs { segments, exponents, constants } = &self.outputs;
        let mut all: Vec<f64> = vec![];
        for estimate in estimates.outer_iter() {
            let mut varying = estimate.iter().map(|&v| f64::from(v));
            for (segment, exponent) in segments.iter().zip(exponents) {
                let scale = f64::from(*exponent).exp2();
                all.extend(constants[segment.columns.clone()].iter().map(|constant| match constant {
                    Some(value) => *value,
                    None => varying.next().unwrap_or(f64::NAN) * scale,
                }));
            }
        }
        Ok(measure::of(&all, self.pairs, rows, segments))
    }
}

/// The power of two next to the spread of a segment's outputs.
fn exponent(outputs: &Array2<f64>, segment: &Segment) -> i32 {
    let columns = segment.columns.clone().map(|column| outputs.column(column).var(0.0));
    let variance = columns.sum::<f64>() / segment.size() as f64;
    if variance > 0.0 && !segment.constant { variance.sqrt().log2().round() as i32 } else { 0 }
}

fn input_port(segment: &Segment) -> PortSegment {
    let port = PortSegment::new(&segment.name, "1", segment.size());
    match segment.largest > 0.0 {
        true => port,
        // Nothing is known but zeros.
        false => port.within(1.0),
    }
}

/// What is remarkable about the pairs.
fn notes(pairs: &Pairs, inputs: &[Segment], outputs: &Outputs, split: &Split) -> Vec<String> {
    let list = |what: &str, columns: &[usize]| {
        let columns: Vec<String> = columns.iter().map(|column| (column + 1).to_string()).collect();
        format!("{what}{} {}", if columns.len() == 1 { "" } else { "s" }, columns.join(", "))
    };
    let mut notes = vec![];
    let constant: Vec<usize> = (0..pairs.inputs.ncols())
        .filter(|&column| pairs.inputs.column(column).iter().all(|&v| v == pairs.inputs[(0, column)]))
        .collect();
    if !constant.is_empty() {
        notes.push(format!(
            "{} never changes: what the outputs do when it does cannot be learnt",
            list("input", &constant)
        ));
    }
    let constant: Vec<usize> =
        (0..pairs.outputs.ncols()).filter(|&c| outputs.constants[c].is_some()).collect();
    if !constant.is_empty() {
        notes.push(format!(
            "{} never changes: the emulator gives the constant, whatever the input",
            list("output", &constant)
        ));
    }
    let coarse: Vec<usize> = inputs
        .iter()
        .flat_map(|segment| segment.columns.clone().map(move |column| (column, segment.largest)))
        .filter(|&(column, largest)| {
            let spread = pairs.inputs.column(column).std(0.0);
            spread > 0.0 && spread < largest / 256.0
        })
        .map(|(column, _)| column)
        .collect();
    if !coarse.is_empty() {
        notes.push(format!(
            "{} varies by few steps of its 16-bit words beside its offset or its neighbours: subtract the offset, or give it \
             another unit",
            list("input", &coarse)
        ));
    }
    let repeated = split.counts().repeated;
    if repeated > 0 {
        notes.push(format!("{repeated} rows repeat the inputs of others: they stay in one set with them"));
        let floor = split::floor(&pairs.outputs, &split.repeated);
        if floor > 1e-6 {
            notes.push(format!(
                "rows with the same inputs have different outputs: no function of the inputs errs less than about {:.3} %",
                100.0 * floor
            ));
        }
    }
    notes
}

/// To a ten-thousandth of a per cent: the digits below depend on the processor's arithmetic.
fn rounded(error: f64) -> f64 {
    (error * 1e6).round() / 1e6
}
