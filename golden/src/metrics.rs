//! The error metric: NRMSE.

/// rms(estimate - target) / std(target), pooled over all outputs of all frames.
///
/// Frames of `frame_len` values follow each other in both slices. The spread is taken around each output's own mean, so
/// that a constant offset of an output does not flatter the figure.
///
/// ```
/// let targets = [1.0, 10.0, -1.0, 10.0]; // two frames of two outputs; the second output is constant
/// let estimates = [1.1, 10.0, -0.9, 10.0];
/// assert!((emeuro_golden::nrmse(&targets, &estimates, 2) - 0.1).abs() < 1e-12);
/// ```
///
/// # Panics
/// If the slices differ in length or are not whole frames.
pub fn nrmse(targets: &[f64], estimates: &[f64], frame_len: usize) -> f64 {
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
) -> f64 {
    assert_eq!(targets.len(), estimates.len(), "targets and estimates");
    assert_eq!(targets.len() % frame_len, 0, "whole frames");
    let mut moments = vec![(0.0, 0.0, 0.0); frame_len];
    let mut error = 0.0;
    for i in (0..targets.len()).filter(|&i| counts(i)) {
        let (count, sum, squares) = &mut moments[i % frame_len];
        *count += 1.0;
        *sum += targets[i];
        *squares += targets[i] * targets[i];
        error += (estimates[i] - targets[i]).powi(2);
    }
    let spread: f64 =
        moments.iter().filter(|m| m.0 > 0.0).map(|(count, sum, squares)| squares - sum * sum / count).sum();
    (error / spread).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_of_the_mean_scores_one() {
        let targets = [1.0, 5.0, 3.0, 9.0];
        assert!((nrmse(&targets, &[2.0, 7.0, 2.0, 7.0], 2) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn masked_elements_do_not_count() {
        let targets = [1.0, 5.0, -1.0, 9.0];
        let error = nrmse_masked(&targets, &[1.5, 99.0, -1.5, 0.0], 2, |i| i % 2 == 0);
        assert!((error - 0.5).abs() < 1e-12);
    }
}
