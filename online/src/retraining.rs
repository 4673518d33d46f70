//! Retrains one member on what it knew and what is new, and judges the result.

use emeuro_golden::{Emulator, Runner, nrmse};
use emeuro_trainer::Frames;

use crate::{Policy, Result, Sample};

/// Errors of one member on held-out pairs, NRMSE; NaN without pairs.
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
    let train = frames(familiar.learnt.iter().chain(&new.learnt))?;
    let validation = frames(familiar.held_out.iter().chain(&new.held_out))?;
    let candidate = (policy.retrain)(emulator, member, &train, &validation)?;
    let before = errors(emulator, &familiar, &new)?;
    let after = errors(&candidate, &familiar, &new)?;
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

fn frames<'a>(samples: impl Iterator<Item = &'a &'a Sample> + Clone) -> Result<Frames> {
    let numbers = |part: fn(&Sample) -> &Vec<f32>| -> Vec<f64> {
        samples.clone().flat_map(|sample| part(sample).iter().map(|&v| f64::from(v))).collect()
    };
    let (inputs, targets) = (numbers(|sample| &sample.input), numbers(|sample| &sample.target));
    let size = |part: fn(&Sample) -> &Vec<f32>| samples.clone().next().map_or(0, |sample| part(sample).len());
    Ok(Frames::from_rows(&inputs, size(|s| &s.input), &targets, size(|s| &s.target))?)
}

fn errors(emulator: &Emulator, familiar: &Parts, new: &Parts) -> Result<Errors> {
    Ok(Errors { familiar: error(emulator, &familiar.held_out)?, new: error(emulator, &new.held_out)? })
}

fn error(emulator: &Emulator, samples: &[&Sample]) -> Result<f64> {
    let size = emulator.output().port.size();
    let mut estimates = vec![0.0; samples.len() * size];
    let mut runner = Runner::new(emulator);
    for (sample, estimate) in samples.iter().zip(estimates.chunks_exact_mut(size)) {
        runner.infer_values(&physical(&sample.input), estimate)?;
    }
    let targets: Vec<f64> = samples.iter().flat_map(|sample| physical(&sample.target)).collect();
    Ok(if targets.is_empty() { f64::NAN } else { nrmse(&targets, &estimates, size) })
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
        if runner.selected().is_some_and(|selected| selected.member == member) {
            scores.push(runner.vector(router.scores)[member]);
        }
    }
    scores.sort_unstable();
    let mut thresholds = router.thresholds;
    if let Some(&score) = scores.get((scores.len() as f64 * rejected) as usize) {
        thresholds[member] = thresholds[member].min(score);
    }
    Ok(emulator.with_thresholds(thresholds)?)
}
