//! Tells inputs that an emulator without a router cannot answer: by their range, and by asking the exact code now and then.

use std::sync::atomic::{AtomicU64, Ordering};

use emeuro_golden::{Emulator, Ranges};

use crate::Sample;

/// How an emulator without a router is watched: no score says whether an input is familiar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audit {
    /// One in so many inputs is answered by the exact code, too.
    pub every: u64,
    /// An input is unfamiliar if its answer errs by more than this: root mean square over the outputs, relative to the standard
    /// deviation of the outputs that the emulator began with.
    pub bound: f64,
}

impl Default for Audit {
    /// One in 16, 2 %.
    fn default() -> Self {
        Self { every: 16, bound: 0.02 }
    }
}

impl Audit {
    /// Whether `answer` errs by more than the bound, where outputs have the standard deviation `spread`; exact outputs that are NaN do
    /// not count.
    pub fn refuses(&self, answer: &[f64], exact: &[f64], spread: f64) -> bool {
        let known = || answer.iter().zip(exact).filter(|(_, exact)| !exact.is_nan());
        let squares: f64 = known().map(|(answer, exact)| (answer - exact).powi(2)).sum();
        let error = (squares / known().count().max(1) as f64).sqrt();
        error.is_nan() || error > self.bound * spread
    }

    /// Standard deviation of the targets of `samples` around the mean of each output, all outputs together; none without samples.
    pub fn spread<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Option<f64> {
        let width = samples.clone().next()?.target.len();
        let (mut sums, mut counts) = (vec![0.0; width], vec![0.0; width]);
        for (k, target) in samples.clone().flat_map(Sample::known) {
            sums[k] += f64::from(target);
            counts[k] += 1.0;
        }
        let square = |(k, target): (usize, f32)| (f64::from(target) - sums[k] / counts[k]).powi(2);
        let squares: f64 = samples.flat_map(Sample::known).map(square).sum();
        Some((squares / counts.iter().sum::<f64>().max(1.0)).sqrt())
    }
}

/// An audit under way.
pub(crate) struct Auditor {
    audit: Audit,
    ranges: Option<Ranges>,
    spread: Option<f64>,
    asked: AtomicU64,
}

impl Auditor {
    /// Of `emulator`, whose outputs have the standard deviation `spread`.
    pub(crate) fn new(audit: Audit, emulator: &Emulator, spread: Option<f64>) -> Self {
        Self { audit, ranges: Ranges::of(emulator.input()), spread, asked: AtomicU64::new(0) }
    }

    /// Whether the exact code is to be asked about an input, and whether it is outside the ranges of what was learnt.
    pub(crate) fn asks(&self, input: &[f64]) -> [bool; 2] {
        let outside = self.ranges.as_ref().is_some_and(|ranges| ranges.outside(input).is_some());
        let turn = self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.audit.every.max(1));
        [turn || outside, outside]
    }

    /// Whether an answer is too far from the exact one. Without outputs to compare with, errors are relative to the output itself.
    pub(crate) fn refuses(&self, answer: &[f64], exact: &[f64]) -> bool {
        let known = || exact.iter().filter(|exact| !exact.is_nan());
        let size = || (known().map(|v| v * v).sum::<f64>() / known().count().max(1) as f64).sqrt();
        self.audit.refuses(answer, exact, self.spread.unwrap_or_else(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_refused_by_their_error_relative_to_the_spread() {
        let samples = [[1.0, 5.0], [3.0, 5.0]].map(|target| Sample::new(&[0.0], &target));
        let spread = Audit::spread(samples.iter()).unwrap();
        assert!((spread - 0.5f64.sqrt()).abs() < 1e-12, "{spread}");
        let audit = Audit { every: 1, bound: 0.1 };
        assert!(!audit.refuses(&[1.07, 2.0], &[1.0, 2.0], spread));
        assert!(audit.refuses(&[1.11, 2.0], &[1.0, 2.0], spread));
        assert!(audit.refuses(&[f64::NAN, 2.0], &[1.0, 2.0], spread));
        assert_eq!(Audit::spread([].iter()), None);
        // What the exact code does not know counts nowhere.
        assert!(!audit.refuses(&[1.07, 99.0], &[1.0, f64::NAN], spread));
        let partly = [[1.0, f64::NAN], [3.0, 5.0]].map(|target| Sample::new(&[0.0], &target));
        assert!((Audit::spread(partly.iter()).unwrap() - (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
