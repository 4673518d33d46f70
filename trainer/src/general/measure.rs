//! The error of an emulator on pairs.

use emeuro_golden::{Emulator, Errors, Runner};
use rayon::prelude::*;

use super::Pairs;
use crate::Result;

/// Errors of quality level `level` on `rows` of the pairs; what is told of them is where the user has these rows.
pub(super) fn of_emulator(
    emulator: &Emulator,
    level: usize,
    pairs: &Pairs,
    rows: &[usize],
) -> Result<Errors> {
    Ok(of(&estimates(emulator, level, pairs, rows)?, pairs, rows))
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
pub(super) fn of(estimates: &[f64], pairs: &Pairs, rows: &[usize]) -> Errors {
    let targets: Vec<f64> = rows.iter().flat_map(|&row| pairs.outputs.row(row).to_vec()).collect();
    Errors::of(&pairs.output_names(), &targets, estimates).in_rows(&pairs.rows_of(rows))
}
