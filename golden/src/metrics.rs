//! The error metric: NRMSE, of single outputs and of several together, and what stands beside it.

use std::ops::Range;

/// rms(estimate - target) / std(target), pooled over all outputs of all frames.
///
/// Frames of `frame_len` values follow each other in both slices. The spread is taken around each output's own mean, so
/// that a constant offset of an output does not flatter the figure. None if no output varies: there is nothing to relate errors to.
///
/// ```
/// let targets = [1.0, 10.0, -1.0, 10.0]; // two frames of two outputs; the second output is constant
/// let estimates = [1.1, 10.0, -0.9, 10.0];
/// assert!((emeuro_golden::nrmse(&targets, &estimates, 2).unwrap() - 0.1).abs() < 1e-12);
/// assert_eq!(emeuro_golden::nrmse(&[3.0, 3.0], &[3.1, 2.9], 1), None);
/// ```
///
/// # Panics
/// If the slices differ in length or are not whole frames.
pub fn nrmse(targets: &[f64], estimates: &[f64], frame_len: usize) -> Option<f64> {
    nrmse_masked(targets, estimates, frame_len, |_| true)
}

/// [`nrmse`] over the elements for which `counts` holds, by index in the slices.
///
/// # Panics
/// As [`nrmse`].
pub fn nrmse_masked(
    targets: &[f64],
    estimates: &[f64],
    frame_len: usize,
    counts: impl Fn(usize) -> bool,
) -> Option<f64> {
    Moments::of(targets, estimates, frame_len, &counts).into_iter().sum::<Moments>().ratio()
}

/// How far the estimates of one output are from its exact values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputErrors {
    /// What the output is called, for example `angle` or `y[1]`.
    pub name: String,
    /// NRMSE; none if the exact values are all the same.
    pub nrmse: Option<f64>,
    /// 95 % of the frames err by so much or less, in the output's own unit.
    pub p95: f64,
    /// The same of 99 %.
    pub p99: f64,
    /// The largest error, in the output's own unit.
    pub largest: f64,
    /// Where the largest error occurs first: the index of the frame, or what [`Errors::in_rows`] has made of it.
    pub row: usize,
}

/// Errors of the outputs of some frames.
///
/// All figures have six significant digits, so that wherever they are shown or kept they are the same.
///
/// ```
/// use emeuro_golden::Errors;
/// let names = ["angle".to_owned(), "reach".to_owned()];
/// let targets = [1.0, 500.0, -1.0, 700.0]; // two frames of two outputs
/// let errors = Errors::of(&names, &targets, &[1.5, 500.0, -1.5, 701.0]);
/// assert_eq!((errors.outputs[0].nrmse, errors.outputs[1].nrmse), (Some(0.5), Some(0.00707107)));
/// assert_eq!((errors.outputs[1].largest, errors.outputs[1].row), (1.0, 1));
/// // What has the largest spread decides the pooled figure, not the other one.
/// assert_eq!((errors.nrmse, errors.even), (Some(0.00865982), Some(0.353589)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errors {
    /// [NRMSE](nrmse) pooled over all outputs: what has the largest spread decides. None if all outputs are constant.
    pub nrmse: Option<f64>,
    /// [Even NRMSE](even_nrmse). None if all outputs are constant.
    pub even: Option<f64>,
    /// Every output.
    pub outputs: Vec<OutputErrors>,
    moments: Vec<Moments>,
}

impl Errors {
    /// Of frames that follow each other in both slices, one number for each of `names`.
    ///
    /// # Panics
    /// If the slices differ in length or are not whole frames.
    pub fn of(names: &[String], targets: &[f64], estimates: &[f64]) -> Self {
        Self::of_masked(names, targets, estimates, |_| true)
    }

    /// [`Self::of`] the elements for which `counts` holds, by index in the slices.
    ///
    /// # Panics
    /// As [`Self::of`].
    pub fn of_masked(
        names: &[String],
        targets: &[f64],
        estimates: &[f64],
        counts: impl Fn(usize) -> bool,
    ) -> Self {
        let width = names.len();
        let moments = Moments::of(targets, estimates, width, &counts);
        let outputs = names.iter().zip(&moments).enumerate().map(|(column, (name, moments))| {
            let mut errors: Vec<f64> = vec![];
            let (mut largest, mut row) = (0.0, 0);
            for i in (column..targets.len()).step_by(width).filter(|&i| counts(i)) {
                let error = (estimates[i] - targets[i]).abs();
                // What is not a number is larger than any.
                if errors.is_empty() || error.total_cmp(&largest).is_gt() {
                    (largest, row) = (error, i / width);
                }
                errors.push(error);
            }
            OutputErrors {
                name: name.clone(),
                nrmse: moments.nrmse(),
                p95: digits(percentile(&mut errors, 95)),
                p99: digits(percentile(&mut errors, 99)),
                largest: digits(largest),
                row,
            }
        });
        let outputs: Vec<OutputErrors> = outputs.collect();
        Self {
            nrmse: moments.iter().copied().sum::<Moments>().nrmse(),
            even: even_nrmse(&outputs),
            outputs,
            moments,
        }
    }

    /// NRMSE pooled over some of the outputs; none if all of them are constant.
    ///
    /// # Panics
    /// If there are fewer outputs.
    pub fn nrmse_of(&self, outputs: Range<usize>) -> Option<f64> {
        self.moments[outputs].iter().copied().sum::<Moments>().nrmse()
    }

    /// The larger one of [`nrmse`](Self::nrmse) and [`even`](Self::even): what a target is compared with. Infinite if no output varies, as
    /// nothing can be said then.
    pub fn deciding(&self) -> f64 {
        match (self.nrmse, self.even) {
            (Some(nrmse), Some(even)) => nrmse.max(even),
            _ => f64::INFINITY,
        }
    }

    /// Whether the means of the exact values would be as good an answer.
    pub fn is_useless(&self) -> bool {
        self.deciding() >= 1.0
    }

    /// The same with other rows for the frames: `rows[frame]`.
    ///
    /// # Panics
    /// If there are fewer rows than frames.
    pub fn in_rows(mut self, rows: &[usize]) -> Self {
        self.outputs.iter_mut().for_each(|output| output.row = rows[output.row]);
        self
    }
}

/// Even NRMSE: the root mean square of the outputs' NRMSE, every output counting alike whatever its unit; none if all are constant.
pub fn even_nrmse(outputs: &[OutputErrors]) -> Option<f64> {
    let single = outputs.iter().filter_map(|output| output.nrmse);
    let (count, squares) = single.fold((0, 0.0), |(count, sum), e| (count + 1, sum + e * e));
    (count > 0).then(|| digits((squares / f64::from(count)).sqrt()))
}

/// The smallest one of the errors that `percent` per cent of them do not exceed.
fn percentile(errors: &mut [f64], percent: usize) -> f64 {
    if errors.is_empty() {
        return 0.0;
    }
    let index = (errors.len() * percent).div_ceil(100) - 1;
    *errors.select_nth_unstable_by(index, f64::total_cmp).1
}

/// Six significant digits of a number that is not negative.
fn digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Sums over the elements of an output, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    /// Of squared errors.
    squares: f64,
    /// Of squared distances of targets from the mean of their output.
    spread: f64,
}

impl Moments {
    /// Of every output. Sums of squares would lose the digits of a small spread on a large offset: the mean comes first.
    fn of(targets: &[f64], estimates: &[f64], width: usize, counts: &dyn Fn(usize) -> bool) -> Vec<Self> {
        assert_eq!(targets.len(), estimates.len(), "targets and estimates");
        assert_eq!(targets.len() % width, 0, "whole frames");
        let counted = || (0..targets.len()).filter(|&i| counts(i));
        // Distances from the first target: those of a constant are exactly zero.
        let mut first = vec![None; width];
        let mut sums = vec![(0.0, 0.0); width];
        for i in counted() {
            let first = *first[i % width].get_or_insert(targets[i]);
            let (count, sum) = &mut sums[i % width];
            *count += 1.0;
            *sum += targets[i] - first;
        }
        let mut moments = vec![Self::default(); width];
        for i in counted() {
            let (first, (count, sum)) = (first[i % width].unwrap_or(0.0), sums[i % width]);
            let Self { squares, spread } = &mut moments[i % width];
            *squares += (estimates[i] - targets[i]).powi(2);
            *spread += (targets[i] - first - sum / count).powi(2);
        }
        moments
    }

    /// With all its digits.
    fn ratio(self) -> Option<f64> {
        (self.spread > 0.0).then(|| (self.squares / self.spread).sqrt())
    }

    fn nrmse(self) -> Option<f64> {
        self.ratio().map(digits)
    }
}

impl std::iter::Sum for Moments {
    fn sum<I: Iterator<Item = Self>>(moments: I) -> Self {
        moments.fold(Self::default(), |a, b| Self {
            squares: a.squares + b.squares,
            spread: a.spread + b.spread,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("y[{index}]")).collect()
    }

    #[test]
    fn an_estimate_of_the_mean_scores_one() {
        let targets = [1.0, 5.0, 3.0, 9.0];
        assert!((nrmse(&targets, &[2.0, 7.0, 2.0, 7.0], 2).unwrap() - 1.0).abs() < 1e-12);
        assert!(Errors::of(&names(2), &targets, &[2.0, 7.0, 2.0, 7.0]).is_useless());
    }

    #[test]
    fn masked_elements_do_not_count() {
        let targets = [1.0, 5.0, -1.0, 9.0];
        let estimates = [1.5, 99.0, -1.5, 0.0];
        let error = nrmse_masked(&targets, &estimates, 2, |i| i % 2 == 0).unwrap();
        assert!((error - 0.5).abs() < 1e-12);
        let errors = Errors::of_masked(&names(2), &targets, &estimates, |i| i % 2 == 0);
        assert_eq!((errors.nrmse, errors.even), (Some(0.5), Some(0.5)));
        assert_eq!((errors.outputs[1].nrmse, errors.outputs[1].largest), (None, 0.0));
    }

    #[test]
    fn every_output_has_its_own_figures() {
        // 100 frames: errors of 1 to 100 in the first output, of a hundredth of the spread in the second, a constant third.
        let targets: Vec<f64> =
            (0..100).flat_map(|k| [(k as f64).sin(), (k % 2) as f64 * 2e6, 7.0]).collect();
        let estimates: Vec<f64> = (0..100)
            .flat_map(|k| {
                let error = ((k * 37) % 100 + 1) as f64;
                [(k as f64).sin() + error, (k % 2) as f64 * 2e6 - 1e4, 7.5]
            })
            .collect();
        let errors = Errors::of(&names(3), &targets, &estimates);
        let [first, second, third] = &errors.outputs[..] else { panic!("{errors:?}") };
        assert_eq!((first.p95, first.p99, first.largest), (95.0, 99.0, 100.0));
        assert_eq!(first.row, 27, "37 · 27 = 999");
        assert_eq!((second.nrmse, second.largest, second.row), (Some(0.01), 1e4, 0));
        assert_eq!((third.nrmse, third.largest), (None, 0.5));
        // The pooled figure follows the largest spread; the even one does not.
        assert!((errors.nrmse.unwrap() - 0.01).abs() < 1e-6 && errors.even.unwrap() > 10.0, "{errors:?}");
        assert_eq!(errors.nrmse_of(1..2), second.nrmse);
        assert_eq!(errors.nrmse_of(0..3), errors.nrmse);
        assert_eq!(errors.nrmse_of(2..3), None);
        assert_eq!(errors.even, even_nrmse(&errors.outputs));
        let rows: Vec<usize> = (0..100).map(|frame| 3 * frame + 2).collect();
        assert_eq!(errors.in_rows(&rows).outputs[0].row, 83);
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        for offset in [0.0, 1e4, 1e9, -1e12] {
            let targets: Vec<f64> = (0..1000).map(|k| offset + ((k % 2) * 2) as f64 - 1.0).collect();
            let estimates: Vec<f64> = targets.iter().map(|t| t + 0.0078125).collect();
            assert_eq!(Errors::of(&names(1), &targets, &estimates).nrmse, Some(0.0078125), "{offset}");
            assert!((nrmse(&targets, &estimates, 1).unwrap() - 0.0078125).abs() < 1e-12, "{offset}");
        }
        // What is constant is, whatever its binary fraction.
        let errors = Errors::of(&names(1), &[0.1; 999], &[0.2; 999]);
        assert_eq!((errors.nrmse, errors.even, errors.deciding()), (None, None, f64::INFINITY));
    }

    #[test]
    fn scale_changes_no_relative_figure() {
        let targets: Vec<f64> = (0..500).map(|k| (k as f64 * 0.7).sin()).collect();
        let estimates: Vec<f64> = targets.iter().map(|t| 1.01 * t).collect();
        let at = |scale: f64| {
            let scaled = |values: &[f64]| values.iter().map(|v| v * scale).collect::<Vec<f64>>();
            Errors::of(&names(1), &scaled(&targets), &scaled(&estimates)).nrmse.unwrap()
        };
        for scale in [1e-100, 1e-30, 1e30, 1e100] {
            assert!((at(scale) / at(1.0) - 1.0).abs() < 2e-6, "{scale}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_the_largest_error_and_no_frame_has_none() {
        let errors = Errors::of(&names(1), &[1.0, 2.0, 3.0], &[1.5, f64::NAN, 3.0]);
        assert!(errors.outputs[0].largest.is_nan() && errors.outputs[0].row == 1);
        let none = Errors::of(&names(2), &[], &[]);
        assert_eq!((none.nrmse, none.outputs[1].p99), (None, 0.0));
    }
}
