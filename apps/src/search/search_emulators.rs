//! The search for one application.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use emeuro_golden::{Emulator, Provenance};
use emeuro_trainer::{
    Quantisation,
    search::{
        Costs, Ended, Halving, Journal, Limits, Outcome, Score, SearchError, Trial, final_scores, front,
        search,
    },
};

use super::{
    Choice, Make, Point, SearchReport, SearchSpace,
    progress::Progress,
    space::Reference,
    trial::{Bench, LANES, RUNGS},
};
use crate::{AppError, Application, Recipe, Result, Split, build::rounded, evaluate};

/// Name of the point of the checked-in emulator.
const REFERENCE: &str = "reference";

/// One of so many candidates rises to the next rung: the cost of an evaluation grows by four.
const KEEP: usize = 2;

/// Validation frames for emulators that are computed.
const COMPUTED: usize = 500;

/// What the user may choose about a search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Seed of the order of candidates, of all frames, initial weights and shuffles.
    pub seed: u64,
    /// When it ends.
    pub limits: Limits,
    /// Folder for the journal, the emulators of all trials and the checkpoint of the one under way; the search goes on from what is there.
    pub folder: PathBuf,
    /// The command line, for the provenance of the chosen emulator.
    pub command: String,
    /// Whether to draw a progress bar on standard error; it hides itself where that is not a terminal.
    pub progress: bool,
    /// Ends the search soon after it is set, with all results kept.
    pub stop: Arc<AtomicBool>,
}

/// Searches for emulators of `app`.
///
/// The first point is the reference: the checked-in emulator. Validation frames score the candidates; test
/// frames only measure the front in the end. The same seed gives the same trials in the same order, however often the search is
/// interrupted; only the nanoseconds differ.
///
/// # Errors
/// [`AppError::Training`](crate::AppError::Training) with [`Stopped`](emeuro_trainer::Error::Stopped) when it was told to
/// stop, a journal that cannot be used, or an application without a checked-in emulator.
pub fn search_emulators(app: &dyn Application, options: &SearchOptions) -> Result<SearchReport> {
    let space = app.search_space()?.shuffled(options.seed);
    let reference = crate::emulator(app.name())?;
    let reference = reference.at_level(reference.levels() - 1);
    let (validation, test) = frame_counts(app)?;
    std::fs::create_dir_all(&options.folder)
        .map_err(|source| AppError::Folder { path: options.folder.clone(), source })?;
    let mut bench = Bench::new(app, options.seed, &options.folder, validation);
    let candidates = space.names();
    let Outcome::Scored(reference_score) = bench.measure(&reference)? else {
        return Err(AppError::Search(format!("{}: the checked-in emulator has no unit", app.name())));
    };
    let Score { clocks, weight_bits, .. } = reference_score;
    let settings = format!(
        "{}, seed {}, {LANES} lanes, {validation} validation frames, {RUNGS} rungs, 1 of {KEEP} rises, {clocks} clocks and \
         {weight_bits} weight bits allowed",
        app.name(),
        options.seed
    );
    let mut journal = Journal::open(&options.folder.join("journal"), &settings, &candidates)?;

    let budget = options.limits.budget;
    let mut progress = Progress::new(options.progress, app.name(), budget, journal.seconds());
    let halving = Halving { rungs: RUNGS, keep: KEEP, most: Some(Costs { clocks, weight_bits }) };
    let found = search(&candidates, &halving, &options.limits, &mut journal, &options.stop, |trial, stop| {
        let candidate = &space.candidates[trial.candidate];
        progress.begins(budget, &format!("{} on rung {}", candidate.name, trial.rung + 1));
        let outcome = bench.run(candidate, trial, stop)?;
        if let Some(outcome) = &outcome {
            progress.ended(match outcome {
                Outcome::Scored(score) => Some((score.error, score.clocks)),
                Outcome::Refused(_) => None,
            });
        }
        Ok(outcome)
    });
    progress.finish();
    let found = found.map_err(|error| match error {
        SearchError::Journal(error) => AppError::Journal(error),
        SearchError::Evaluation(error) => error,
        other => AppError::Search(other.to_string()),
    })?;
    if found.ended == Ended::Stopped {
        return Err(AppError::SearchStopped {
            folder: options.folder.clone(),
            evaluations: found.evaluations.len(),
        });
    }

    let finals = final_scores(&found.evaluations);
    let trials: Vec<Option<Trial>> =
        std::iter::once(None).chain(finals.iter().map(|(t, _)| Some(*t))).collect();
    let scores: Vec<Score> = std::iter::once(reference_score).chain(finals.iter().map(|(_, s)| *s)).collect();
    let load = |index: usize| match trials[index] {
        None => Ok(reference.clone()),
        Some(trial) => Emulator::load(bench.emulator_path(&space.candidates[trial.candidate], trial)),
    };
    let (front, chosen) = (front(&scores), Choice::among(&scores));
    let test_frames = app.frames(Split::Test, test, options.seed);
    let mut points = vec![];
    for (index, trial) in trials.iter().enumerate() {
        let on_front = front.contains(&index);
        let test = match on_front || index == chosen || index == 0 {
            true => Some(evaluate(app, &load(index)?, &test_frames)?.nrmse),
            false => None,
        };
        points.push(point(&space, *trial, scores[index], test, on_front));
    }
    let refused = found.evaluations.iter().filter_map(|evaluation| match &evaluation.outcome {
        Outcome::Refused(reason) => {
            Some((candidates[evaluation.trial.candidate].name.clone(), reason.clone()))
        }
        Outcome::Scored(_) => None,
    });
    Ok(SearchReport {
        app: app.name(),
        refused: refused.collect(),
        evaluations: found.evaluations.len(),
        candidates: candidates.len(),
        seconds: found.seconds,
        ended: found.ended,
        exact_ns: bench.exact_ns(),
        chosen,
        emulator: load(chosen)?.with_provenance(Provenance {
            command: options.command.clone(),
            seed: options.seed,
            data: format!("chosen as {:?}; {test} test frames of seed {}", points[chosen].name, options.seed),
            nrmse: points[chosen].test.map(rounded),
            ..Provenance::default()
        }),
        tree: space.tree,
        points,
    })
}

/// Validation and test frames.
fn frame_counts(app: &dyn Application) -> Result<(usize, usize)> {
    Ok(match app.recipe()? {
        Recipe::Analytic { test, .. } => (COMPUTED, test),
        Recipe::Trained(training) => (training.frames.validation, training.frames.test),
    })
}

/// The point of a trial, or of the reference.
fn point(
    space: &SearchSpace,
    trial: Option<Trial>,
    score: Score,
    test: Option<f64>,
    on_front: bool,
) -> Point {
    let Some(trial) = trial else {
        let Reference { decisions, topology } = space.reference.clone();
        let quantisation = Quantisation::default();
        return Point {
            name: String::from(REFERENCE),
            decisions,
            topology,
            quantisation,
            rung: None,
            score,
            test,
            on_front,
        };
    };
    let candidate = &space.candidates[trial.candidate];
    Point {
        name: candidate.name.clone(),
        decisions: candidate.decisions.clone(),
        topology: candidate.topology.clone(),
        quantisation: candidate.quantisation,
        rung: match candidate.make {
            Make::Computed(_) => None,
            Make::Trained(_) | Make::Composed { .. } => Some((trial.rung + 1, RUNGS)),
        },
        score,
        test,
        on_front,
    }
}
