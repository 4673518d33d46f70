//! Retrains one member on what it knew and what is new, and judges the result.

use emeuro_golden::{Emulator, Runner};
use emeuro_trainer::Frames;
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Policy, Result, Sample};

/// Errors of one member on held-out pairs: root mean square over the standard deviation of all its pairs. 0 without pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// On pairs that were familiar before.
    pub familiar: f64,
    /// On pairs that were unfamiliar.
    pub new: f64,
}

/// What retraining one member gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrained {
    /// Which member.
    pub member: usize,
    /// With the weights before.
    pub before: Errors,
    /// With the weights after.
    pub after: Errors,
    /// Whether they are used: the new pairs are better, and the familiar ones hardly worse.
    pub accepted: bool,
    /// Time of the retraining, seconds.
    pub seconds: f64,
}

/// Every eighth pair is held out.
const HELD_OUT: usize = 8;

/// Pairs of one kind, in two parts.
struct Parts<'a> {
    learnt: Vec<&'a Sample>,
    held_out: Vec<&'a Sample>,
}

impl<'a> Parts<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let part = |held_out: bool| {
            let of_part = move |(index, _): &(usize, _)| (index % HELD_OUT == HELD_OUT - 1) == held_out;
            samples.iter().enumerate().filter(of_part).map(|(_, sample)| sample).collect()
        };
        Self { learnt: part(false), held_out: part(true) }
    }
}

/// `emulator` with other weights of `member`, if they are better; thresholds as low as the new pairs need.
pub(crate) fn run(
    emulator: &Emulator,
    member: usize,
    familiar: &[Sample],
    new: &[Sample],
    policy: &Policy,
) -> Result<(Option<Emulator>, Retrained)> {
    let begun = std::time::Instant::now();
    let (familiar, new) = (Parts::new(familiar), Parts::new(new));
    let between = between(emulator, member, &familiar.learnt, policy)?;
    let between: Vec<&Sample> = between.iter().collect();
    let train = frames(familiar.learnt.iter().chain(&new.learnt).chain(&between))?;
    let validation = frames(familiar.held_out.iter().chain(&new.held_out))?;
    let candidate = (policy.retrain)(emulator, member, &train, &validation)?;
    let spread = spread(&[&familiar, &new]);
    let errors = |emulator: &Emulator| -> Result<Errors> {
        let error =
            |parts: &Parts| Ok::<f64, Error>((mean_square(emulator, &parts.held_out)? / spread).sqrt());
        Ok(Errors { familiar: error(&familiar)?, new: error(&new)? })
    };
    let (before, after) = (errors(emulator)?, errors(&candidate)?);
    // Without familiar pairs there is nothing to forget.
    let remembers = familiar.held_out.is_empty() || after.familiar <= before.familiar * policy.tolerance;
    let accepted = remembers && after.new < before.new;
    let emulator = match accepted {
        true => Some(accepting(candidate, member, &new, policy.rejected)?),
        false => None,
    };
    let seconds = begun.elapsed().as_secs_f64();
    Ok((emulator, Retrained { member, before, after, accepted, seconds }))
}

/// Inputs between pairs of familiar ones, with what the emulator gives for them now: more of what it is to keep, for inputs whose
/// exact outputs nobody has computed (pseudo-rehearsal, Robins 1995).
fn between(emulator: &Emulator, member: usize, familiar: &[&Sample], policy: &Policy) -> Result<Vec<Sample>> {
    let mut rng = ChaCha8Rng::seed_from_u64(policy.seed);
    rng.set_stream(member as u64);
    let mut runner = Runner::new(emulator);
    let mut output = vec![0.0; emulator.output().port.size()];
    let mut made = vec![];
    for _ in 0..policy.between * familiar.len() {
        let [a, b] = [(); 2].map(|()| familiar[rng.random_range(0..familiar.len())]);
        let share: f32 = rng.random();
        let input: Vec<f32> = a.input.iter().zip(&b.input).map(|(a, b)| a + share * (b - a)).collect();
        runner.infer_values(&physical(&input), &mut output)?;
        // What another member answers is not this one's to keep.
        if runner.selected().is_none_or(|selected| selected.member == member) {
            made.push(Sample { input, target: output.iter().map(|&v| v as f32).collect() });
        }
    }
    Ok(made)
}

fn frames<'a>(samples: impl Iterator<Item = &'a &'a Sample> + Clone) -> Result<Frames> {
    let numbers = |part: fn(&Sample) -> &Vec<f32>| -> Vec<f64> {
        samples.clone().flat_map(|sample| part(sample).iter().map(|&v| f64::from(v))).collect()
    };
    let (inputs, targets) = (numbers(|sample| &sample.input), numbers(|sample| &sample.target));
    let size = |part: fn(&Sample) -> &Vec<f32>| samples.clone().next().map_or(0, |sample| part(sample).len());
    let shape = (samples.clone().count(), size(|s| &s.target));
    let known = Array2::from_shape_fn(shape, |(row, k)| !targets[row * shape.1 + k].is_nan());
    let targets: Vec<f64> =
        targets.into_iter().map(|target| if target.is_nan() { 0.0 } else { target }).collect();
    let all = known.iter().all(|&known| known);
    let frames = Frames::from_rows(&inputs, size(|s| &s.input), &targets, shape.1)?;
    Ok(if all { frames } else { frames.with_mask(known)? })
}

/// Mean over pairs of the squared distance between estimate and target; 0 without pairs.
fn mean_square(emulator: &Emulator, samples: &[&Sample]) -> Result<f64> {
    let mut runner = Runner::new(emulator);
    let mut estimate = vec![0.0; emulator.output().port.size()];
    let mut sum = 0.0;
    for sample in samples {
        runner.infer_values(&physical(&sample.input), &mut estimate)?;
        let errors = sample.known().map(|(k, target)| (estimate[k] - f64::from(target)).powi(2));
        sum += errors.sum::<f64>();
    }
    Ok(sum / samples.len().max(1) as f64)
}

/// Mean over all pairs of the squared distance between target and mean target.
fn spread(parts: &[&Parts]) -> f64 {
    let samples: Vec<&Sample> =
        parts.iter().flat_map(|p| p.learnt.iter().chain(&p.held_out)).copied().collect();
    let width = samples.first().map_or(0, |sample| sample.target.len());
    let variance = |k: usize| {
        let known =
            samples.iter().map(|sample| f64::from(sample.target[k])).filter(|target| !target.is_nan());
        let column: Vec<f64> = known.collect();
        let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
        column.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / samples.len().max(1) as f64
    };
    (0..width).map(variance).sum::<f64>().max(f64::MIN_POSITIVE)
}

fn physical(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Lowers the member's threshold until only the share `rejected` of its new pairs stays unfamiliar.
fn accepting(emulator: Emulator, member: usize, new: &Parts, rejected: f64) -> Result<Emulator> {
    let Some(router) = emulator.router().cloned() else { return Ok(emulator) };
    let mut scores = vec![];
    let mut runner = Runner::new(&emulator);
    let mut output = vec![0.0; emulator.output().port.size()];
    for sample in new.learnt.iter().chain(&new.held_out) {
        runner.infer_values(&physical(&sample.input), &mut output)?;
        if let (Some(selected), Some(words)) = (runner.selected(), runner.vector(router.scores))
            && selected.member == member
        {
            scores.push(words[member]);
        }
    }
    scores.sort_unstable();
    let mut thresholds = router.thresholds;
    if let Some(&score) = scores.get((scores.len() as f64 * rejected) as usize) {
        thresholds[member] = thresholds[member].min(score);
    }
    Ok(emulator.with_thresholds(thresholds)?)
}
