//! The error of an emulator on pairs.

use emeuro_golden::{Emulator, Runner, nrmse, nrmse_masked};
use rayon::prelude::*;

use super::{Pairs, ports::Segment};
use crate::Result;

/// The error of one part of the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct PartError {
    /// Name of the output segment.
    pub name: String,
    /// NRMSE of its numbers; none if they are constant.
    pub nrmse: Option<f64>,
}

/// Errors of a golden model.
#[derive(Clone, Debug, PartialEq)]
pub struct Errors {
    /// NRMSE over all outputs in their own units: what has the largest spread decides.
    pub nrmse: f64,
    /// Root mean square of the NRMSE of the single outputs: every output counts alike, whatever its unit.
    pub even: f64,
    /// NRMSE of every output segment.
    pub parts: Vec<PartError>,
}

impl Errors {
    /// The larger one of both: what a target is compared with.
    #[must_use]
    pub fn deciding(&self) -> f64 {
        self.nrmse.max(self.even)
    }
}

/// Errors of quality level `level` on `rows` of the pairs.
pub(super) fn of_emulator(
    emulator: &Emulator,
    level: usize,
    pairs: &Pairs,
    rows: &[usize],
    segments: &[Segment],
) -> Result<Errors> {
    Ok(of(&estimates(emulator, level, pairs, rows)?, pairs, rows, segments))
}

/// What quality level `level` says on `rows` of the pairs, one frame after the other.
pub(super) fn estimates(
    emulator: &Emulator,
    level: usize,
    pairs: &Pairs,
    rows: &[usize],
) -> Result<Vec<f64>> {
    let width = pairs.outputs.ncols();
    let mut estimates = vec![0.0; rows.len() * width];
    estimates.par_chunks_exact_mut(width).zip(rows.par_iter()).try_for_each_init(
        || Runner::new(emulator),
        |runner, (estimate, &row)| runner.infer_values_at(level, &pairs.inputs.row(row).to_vec(), estimate),
    )?;
    Ok(estimates)
}

/// Errors of estimates, one frame after the other.
pub(super) fn of(estimates: &[f64], pairs: &Pairs, rows: &[usize], segments: &[Segment]) -> Errors {
    let width = pairs.outputs.ncols();
    let targets: Vec<f64> = rows.iter().flat_map(|&row| pairs.outputs.row(row).to_vec()).collect();
    let part = |counts: &dyn Fn(usize) -> bool| {
        let error = nrmse_masked(&targets, estimates, width, |i| counts(i % width));
        error.is_finite().then_some(error)
    };
    let varies = |column: usize| segments.iter().any(|s| !s.constant && s.columns.contains(&column));
    let single: Vec<f64> =
        (0..width).filter(|&c| varies(c)).filter_map(|column| part(&|c| c == column)).collect();
    let squares = single.iter().map(|e| e * e).sum::<f64>();
    let parts = segments.iter().map(|segment| PartError {
        name: segment.name.clone(),
        nrmse: if segment.constant { None } else { part(&|c| segment.columns.contains(&c)) },
    });
    Errors {
        nrmse: nrmse(&targets, estimates, width),
        even: (squares / single.len().max(1) as f64).sqrt(),
        parts: parts.collect(),
    }
}
