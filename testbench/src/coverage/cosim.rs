//! A co-simulation that counts.

use emeuro_golden::Emulator;

use super::counts::CoverageCounts;
use crate::cosim::{Comparison, compare};
use crate::design::Design;
use crate::error::Result;
use crate::model::{Coverage, Model, Options};
use crate::sim::{Roms, Sim};

/// Clocks in reset before toggles count: every register that has a reset has its value.
const RESET_CLOCKS: u32 = 8;

/// As [`cosim`](crate::cosim), with lines, branches and toggles counted, at all quality levels; the comparison is that of the
/// highest.
///
/// A model of its own is built, and it is slow: a few dozen frames show what there is to see. The changes from random
/// power-up values to those of the first reset do not count.
///
/// # Errors
/// As [`cosim`](crate::cosim).
pub fn cosim_with_coverage(
    emulator: &Emulator,
    design: &Design,
    options: &Options,
    inputs: &[Vec<i16>],
    seed: u64,
) -> Result<(Comparison, CoverageCounts)> {
    let options = Options { coverage: Coverage::LineAndToggle, ..options.clone() };
    let model = Model::build(design, &options)?;
    let mut sim = Sim::new(&model, Roms::Files(&design.sources), seed)?;
    sim.set(model.input("aresetn")?, 0);
    for _ in 0..RESET_CLOCKS {
        sim.tick()?;
    }
    let mut counts = sim.coverage()?.without_toggles();
    sim.clear_coverage()?;
    let highest = emulator.levels() - 1;
    for level in 0..highest {
        compare(emulator, level, &mut sim, inputs, seed)?;
    }
    let comparison = compare(emulator, highest, &mut sim, inputs, seed)?;
    counts.add(&sim.coverage()?);
    Ok((comparison, counts))
}
