//! Few pairs: what is learnt from all of them, with the error of what is learnt without a part of them, on that part.

use emeuro_golden::Provenance;

use super::{
    Errors, Learning, Learnt, Pairs,
    choose::{Made, Search, rounded},
    measure,
    split::Split,
};
use crate::{Result, Session};

/// Errors of the parts, each on what it has not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Folds {
    /// How many parts.
    pub count: usize,
    /// The least error of a part, as it is compared with the target.
    pub least: f64,
    /// The largest one.
    pub most: f64,
}

/// Learns from `whole`, and measures what the same way of learning makes of each of `folds`, choices included.
pub(super) fn learn(
    pairs: &Pairs,
    options: &Learning,
    session: &Session,
    folds: Vec<Split>,
    whole: Split,
) -> Result<Learnt> {
    let count = folds.len();
    let options = Learning { budget: options.budget / (count as u32 + 1), ..options.clone() };
    let (mut rows, mut estimates, mut floats, mut errors) = (vec![], vec![], vec![], vec![]);
    let mut trainings = 0;
    for split in folds {
        let search = Search::new(pairs, &options, session, split)?;
        let (Made { emulator, network, .. }, tried) = search.run()?;
        let test = search.split.test.clone();
        let found = measure::estimates(&emulator, emulator.levels() - 1, pairs, &test)?;
        errors.push(measure::of(&found, pairs, &test).deciding());
        floats.extend(search.float_estimates(&network, &test)?);
        estimates.extend(found);
        rows.extend(test);
        trainings += tried.len();
    }
    let search = Search::new(pairs, &options, session, whole)?;
    let (made, tried) = search.run()?;
    // Lower levels of the parts are those of other topologies: they would say nothing about those of the whole.
    let emulator = made.emulator.at_level(made.emulator.levels() - 1);
    let errors_of = |estimates: &[f64]| -> Errors { measure::of(estimates, pairs, &rows) };
    let (whole_errors, nrmse_float) = (errors_of(&estimates), errors_of(&floats).nrmse.map(rounded));
    let folds = Folds {
        count,
        least: errors.iter().copied().fold(f64::INFINITY, f64::min),
        most: errors.iter().copied().fold(0.0, f64::max),
    };
    let counts = super::Counts { test: rows.len(), ..search.split.counts() };
    let provenance = Provenance {
        command: options.command.clone(),
        seed: options.seed,
        data: format!(
            "{}: {} pairs, of which {} trained, {} validated and {} calibrated, dealt out by seed {}; the error is that of {count} others, \
             learnt in the same way without a part of the pairs, on that part: {:.3} to {:.3} %; {}",
            options.source,
            pairs.len(),
            counts.train,
            counts.validation,
            counts.calibration,
            options.seed,
            100.0 * folds.least,
            100.0 * folds.most,
            made.topology.name()
        ),
        nrmse: whole_errors.nrmse,
        nrmse_float,
        outputs: whole_errors.outputs.clone(),
    };
    let mut notes = search.notes();
    notes.push(format!(
        "there are few rows: the error is that of {count} emulators, each learnt without a part of the rows, on that part ({:.3} to \
         {:.3} %, {trainings} trainings); the emulator that is written has learnt from all",
        100.0 * folds.least,
        100.0 * folds.most
    ));
    Ok(Learnt {
        emulator: emulator.with_provenance(provenance),
        topology: made.topology.name(),
        quantisation: made.quantisation,
        validation: made.error,
        levels: vec![whole_errors],
        nrmse_float,
        target: options.target,
        counts,
        folds: Some(folds),
        test_rows: pairs.rows_of(&rows),
        tried,
        notes,
    })
}
