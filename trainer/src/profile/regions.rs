//! Which regions to emulate, and their emulators.

use std::{fmt, time::Duration};

use emeuro_regions::is_name_of;

use super::{
    LoopErrors, Profile, RegionSamples,
    timing::seconds_per_call,
    tree::{self, callers},
};
use crate::{
    Error, Result, Session,
    general::{self, Learning, Learnt, Pairs},
};

/// What is to be learnt from a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileTraining {
    /// The NRMSE that is good enough.
    pub target: f64,
    /// What the training of a region may cost; see [`Learning::budget`].
    pub budget: Duration,
    /// Seed of splits, initialisation and shuffles.
    pub seed: u64,
    /// Names of the regions to emulate, whatever they save; none: those that save most.
    pub regions: Vec<String>,
    /// The command, for the provenance.
    pub command: String,
}

/// What is done about a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its emulator answers.
    Emulate,
    /// It runs exactly, and regions that it calls are emulated.
    Descend,
    /// It is called inside this emulated region only.
    Inside(String),
    /// It runs exactly.
    Exact,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulate => write!(f, "emulate"),
            Self::Descend => write!(f, "descend"),
            Self::Inside(outer) => write!(f, "inside {outer}"),
            Self::Exact => write!(f, "exact"),
        }
    }
}

/// What was found out about a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionReport {
    /// Path of the region.
    pub region: String,
    /// Name of its emulator file, without the ending.
    pub file_stem: String,
    /// Regions around it at the first place in the call tree.
    pub depth: usize,
    /// Share of the time, with all that it calls.
    pub share: f64,
    /// Calls.
    pub calls: u64,
    /// Calls whose inputs and outputs were kept.
    pub kept: usize,
    /// Numbers per input and output.
    pub sizes: [usize; 2],
    /// Nanoseconds of a call, exactly.
    pub exact_ns: f64,
    /// NRMSE of a short training.
    pub probe: Option<f64>,
    /// Nanoseconds of a call of the emulator, or of what the short training has made.
    pub emulated_ns: Option<f64>,
    /// What was learnt, if it was trained in full.
    pub learnt: Option<Learnt>,
    /// If outputs come back to it as inputs: what that makes of the error.
    pub in_loop: Option<LoopErrors>,
    /// Whether it was asked for by name.
    pub is_named: bool,
    /// Whether it was given up, or is emulated nevertheless, with an error above the target.
    pub misses: bool,
    /// What is done.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// What was made of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedProfile {
    /// Every region, callers before what they call.
    pub regions: Vec<RegionReport>,
    /// Seconds of the program from the first call of a region on, or of its regions if the profile does not know more.
    pub seconds: f64,
    /// Whether these are the seconds of the whole program.
    pub whole: bool,
    /// Seconds that the emulators save.
    pub saved: f64,
}

impl TrainedProfile {
    /// How many times as fast the program becomes (Amdahl).
    #[must_use]
    pub fn speedup(&self) -> f64 {
        self.seconds / (self.seconds - self.saved).max(1e-3 * self.seconds)
    }

    /// Whether what is emulated reaches the target, and with it all that was asked for by name; without anything to emulate, whether that is
    /// not for errors.
    #[must_use]
    pub fn reaches_target(&self) -> bool {
        let is_emulated = |region: &RegionReport| region.decision == Decision::Emulate;
        let any = self.regions.iter().any(is_emulated);
        self.regions.iter().all(|region| match is_emulated(region) {
            true => !region.misses,
            false => !region.is_named && (any || !region.misses),
        })
    }

    /// The regions that are emulated, with their emulators.
    pub fn emulated(&self) -> impl Iterator<Item = (&RegionReport, &Learnt)> {
        let emulated = self.regions.iter().filter(|region| region.decision == Decision::Emulate);
        emulated.filter_map(|region| Some((region, region.learnt.as_ref()?)))
    }
}

/// A region that takes less of the time is not worth a training.
const SHARE: f64 = 0.01;

/// How many times the target a short training may err if a whole one is to reach it.
const PROMISE: f64 = 10.0;

/// Seconds that a short training may cost.
const PROBE: Duration = Duration::from_secs(3);

/// What is known about a region so far.
struct Candidate<'a> {
    samples: &'a RegionSamples,
    calls: u64,
    seconds: f64,
    pairs: Option<Pairs>,
    probe: Option<f64>,
    emulated: Option<f64>,
    learnt: Option<Learnt>,
    in_loop: Option<LoopErrors>,
    is_named: bool,
    misses: bool,
    /// Why it cannot be emulated.
    obstacle: Option<String>,
}

/// Trains emulators of the regions that save most time, or of those that are named.
///
/// A region that cannot be learnt is left exact, and the report says why. Emulators are the same for the same profile and options, as long as the
/// same regions are chosen; the choice depends on times.
///
/// # Errors
/// A name that no region or several have; [`Error::Stopped`] if `session` says so.
pub fn train_regions(
    profile: &Profile,
    options: &ProfileTraining,
    session: &Session,
) -> Result<TrainedProfile> {
    let named = options.regions.iter().map(|name| find(profile, name)).collect::<Result<Vec<usize>>>()?;
    let calls = &profile.calls;
    let roots: f64 = calls.iter().filter(|call| call.parent.is_none()).map(|call| call.seconds).sum();
    // Threads may add up to more than the clock says.
    let whole = profile.seconds.filter(|seconds| *seconds >= roots);
    let total = whole.unwrap_or(roots).max(1e-12);
    let mut candidates: Vec<Candidate> = vec![];
    for (index, samples) in profile.regions.iter().enumerate() {
        let wanted = named.is_empty() || named.contains(&index);
        candidates.push(candidate(samples, tree::seconds(calls, index), total, wanted, !named.is_empty()));
    }
    for candidate in &mut candidates {
        candidate.probe(options, named.is_empty(), session)?;
    }
    let chosen = loop {
        let times: Vec<Option<f64>> =
            candidates.iter().map(|c| c.emulated.filter(|_| c.obstacle.is_none())).collect();
        let chosen = match named.as_slice() {
            [] => tree::choose(calls, &times),
            named => (0..times.len()).map(|i| named.contains(&i) && times[i].is_some()).collect(),
        };
        let untrained = |i: &usize| chosen[*i] && candidates[*i].learnt.is_none();
        let Some(next) = (0..candidates.len()).find(untrained) else { break chosen };
        candidates[next].learn(options, named.is_empty(), session)?;
    };
    let times: Vec<Option<f64>> = candidates.iter().map(|c| c.emulated).collect();
    let saved = tree::saving(calls, &times, &chosen);
    let regions = report(profile, candidates, &chosen, total);
    Ok(TrainedProfile { regions, seconds: total, whole: whole.is_some(), saved })
}

/// Index of the region that is called `name`, or whose path ends so.
fn find(profile: &Profile, name: &str) -> Result<usize> {
    let found: Vec<usize> =
        (0..profile.regions.len()).filter(|&i| is_name_of(name, &profile.regions[i].region)).collect();
    let paths = |of: &mut dyn Iterator<Item = usize>| {
        of.map(|i| profile.regions[i].region.as_str()).collect::<Vec<_>>().join(", ")
    };
    match found.as_slice() {
        [region] => Ok(*region),
        [] => Err(Error::Region(format!(
            "no region of the profile is called {name:?}; there are: {}",
            paths(&mut (0..profile.regions.len()))
        ))),
        several => Err(Error::Region(format!(
            "several regions are called {name:?}: {}; name one with its module",
            paths(&mut several.iter().copied())
        ))),
    }
}

fn candidate(
    samples: &RegionSamples,
    (calls, seconds): (u64, f64),
    total: f64,
    wanted: bool,
    is_named: bool,
) -> Candidate<'_> {
    let share = seconds / total;
    let mut candidate = Candidate {
        samples,
        calls,
        seconds,
        pairs: None,
        probe: None,
        emulated: None,
        learnt: None,
        in_loop: None,
        is_named: is_named && wanted,
        misses: false,
        obstacle: None,
    };
    candidate.obstacle = if !wanted {
        Some("it was not asked for".to_owned())
    } else if !samples.exact_code.is_empty() {
        Some(format!(
            "it contains exact code ({}): only what it calls can be emulated",
            samples.exact_code.join(", ")
        ))
    } else if share < SHARE && !is_named {
        Some(format!("it takes {:.2} % of the time", 100.0 * share))
    } else {
        let RegionSamples { inputs, outputs, input_parts, output_parts, rows, .. } = samples;
        let pairs = Pairs::new(inputs.clone(), outputs.clone(), input_parts.clone(), output_parts.clone());
        match pairs.and_then(|pairs| pairs.with_rows(rows.clone())).map(Pairs::of_calls) {
            Ok(pairs) if !pairs.is_empty() => {
                candidate.pairs = Some(pairs);
                None
            }
            Ok(_) => Some("no inputs and outputs were kept".to_owned()),
            Err(error) => Some(reason(error)),
        }
    };
    candidate
}

/// What an error says about the pairs, without the name of the set.
fn reason(error: Error) -> String {
    match error {
        Error::Data { what, .. } => what,
        other => other.to_string(),
    }
}

impl Candidate<'_> {
    fn learning(&self, options: &ProfileTraining, budget: Duration) -> Learning {
        Learning {
            target: options.target,
            budget,
            seed: options.seed,
            command: options.command.clone(),
            source: format!("calls of {}", self.samples.region),
            ..Learning::new(general::identifier(self.samples.name()))
        }
    }

    /// A short training, if nothing is in the way.
    fn probe(&mut self, options: &ProfileTraining, choosy: bool, session: &Session) -> Result<()> {
        let Some(pairs) = &self.pairs else { return Ok(()) };
        match general::probe(pairs, &self.learning(options, PROBE), session) {
            Ok(learnt) => {
                let error = learnt.validation;
                self.probe = Some(error);
                self.emulated = Some(self.time(&learnt));
                if choosy && error > PROMISE * options.target {
                    self.misses = true;
                    self.obstacle = Some(format!(
                        "a short training leaves {:.1} %: {:.1} % are out of reach",
                        100.0 * error,
                        100.0 * options.target
                    ));
                }
            }
            Err(error @ Error::Stopped { .. }) => return Err(error),
            Err(error) => self.obstacle = Some(reason(error)),
        }
        Ok(())
    }

    /// The whole training.
    fn learn(&mut self, options: &ProfileTraining, choosy: bool, session: &Session) -> Result<()> {
        let Some(pairs) = &self.pairs else { return Ok(()) };
        let learnt = match general::learn(pairs, &self.learning(options, options.budget), session) {
            Ok(learnt) => learnt,
            Err(error @ Error::Stopped { .. }) => return Err(error),
            Err(error) => {
                self.obstacle = Some(reason(error));
                return Ok(());
            }
        };
        self.emulated = Some(self.time(&learnt));
        if let Some(feedback) = &self.samples.feedback {
            self.in_loop = feedback.measure(&learnt.emulator)?;
        }
        let in_loop = self.in_loop.as_ref().map(|errors| errors.in_loop.deciding());
        // Test pairs say how well it does, and nothing about what is done.
        let reaches = learnt.validation <= options.target;
        let misses = !reaches || in_loop.is_some_and(|error| error > options.target);
        self.misses = misses || !learnt.reaches_target();
        let error = 100.0 * learnt.validation;
        if learnt.is_hopeless() {
            self.obstacle = Some(format!(
                "its emulator errs {error:.2} %: the means of its outputs would be about as good an answer"
            ));
        } else if choosy && misses {
            let target = 100.0 * options.target;
            self.obstacle = Some(match &self.in_loop {
                Some(errors) if reaches => format!(
                    "its state comes back: its emulator errs {error:.2} % in one step and {:.2} % in the loop over {} calls, the target is \
                     {target:.2} %",
                    100.0 * errors.in_loop.deciding(),
                    errors.longest
                ),
                _ => format!("its emulator errs {error:.2} %, the target is {target:.2} %"),
            });
        }
        self.learnt = Some(learnt);
        Ok(())
    }

    fn time(&self, learnt: &Learnt) -> f64 {
        seconds_per_call(&learnt.emulator, self.samples.inputs.view())
    }

    fn exact(&self) -> f64 {
        self.seconds / self.calls.max(1) as f64
    }
}

/// The regions with decisions and reasons, callers before what they call.
fn report(profile: &Profile, candidates: Vec<Candidate>, chosen: &[bool], total: f64) -> Vec<RegionReport> {
    let calls = &profile.calls;
    let first = |region: usize| calls.iter().position(|call| call.region == region).unwrap_or(usize::MAX);
    // Depth first: the path of places from the root orders them.
    let path = |region: usize| {
        let place = first(region);
        if place == usize::MAX {
            return vec![place];
        }
        let mut path: Vec<usize> = std::iter::once(place).chain(callers(calls, place)).collect();
        path.reverse();
        path
    };
    let mut reports: Vec<(Vec<usize>, RegionReport)> = vec![];
    for (index, candidate) in candidates.into_iter().enumerate() {
        let path = path(index);
        let (decision, reason) = decide(profile, &candidate, index, chosen);
        let samples = candidate.samples;
        let report = RegionReport {
            region: samples.region.clone(),
            file_stem: samples.file_stem(),
            depth: path.len() - 1,
            share: candidate.seconds / total,
            calls: candidate.calls,
            kept: samples.inputs.nrows(),
            sizes: [samples.inputs.ncols(), samples.outputs.ncols()],
            exact_ns: 1e9 * candidate.exact(),
            probe: candidate.probe,
            emulated_ns: candidate.emulated.map(|seconds| 1e9 * seconds),
            learnt: candidate.learnt,
            in_loop: candidate.in_loop,
            is_named: candidate.is_named,
            misses: candidate.misses,
            decision,
            reason,
        };
        reports.push((path, report));
    }
    reports.sort_by(|a, b| a.0.cmp(&b.0));
    reports.into_iter().map(|(_, report)| report).collect()
}

fn decide(profile: &Profile, candidate: &Candidate, index: usize, chosen: &[bool]) -> (Decision, String) {
    let calls = &profile.calls;
    let places = || (0..calls.len()).filter(|&place| calls[place].region == index);
    let outer =
        |place: usize| callers(calls, place).map(|c| calls[c].region).find(|&r| r != index && chosen[r]);
    let times = candidate.emulated.map(|seconds| {
        let factor = candidate.exact() / seconds;
        match factor >= 1.0 {
            true => format!("{factor:.1} times as fast as its exact code"),
            false => format!("its emulator takes {:.1} times as long as its exact code", 1.0 / factor),
        }
    });
    if chosen[index] {
        let mut reason = times.unwrap_or_default();
        if let Some(learnt) = candidate.learnt.as_ref().filter(|_| candidate.misses) {
            let place = if learnt.reaches_target() { " in the loop" } else { "" };
            reason += &format!("; the target of {:.2} % is not reached{place}", 100.0 * learnt.target);
        }
        return (Decision::Emulate, reason);
    }
    let obstacle = || candidate.obstacle.clone();
    let covered: Vec<usize> = places().filter_map(outer).collect();
    if let Some(&region) = covered.first()
        && covered.len() == places().count()
    {
        let name = profile.regions[region].name().to_owned();
        return (Decision::Inside(name), "it is never called when that is emulated".to_owned());
    }
    let inner = |place: usize| callers(calls, place).any(|c| calls[c].region == index);
    let descends = (0..calls.len()).any(|place| chosen[calls[place].region] && inner(place));
    if descends {
        let reason = obstacle().unwrap_or_else(|| "emulating what it calls saves more".to_owned());
        return (Decision::Descend, reason);
    }
    let reason = obstacle().or(times).unwrap_or_default();
    (Decision::Exact, reason)
}
