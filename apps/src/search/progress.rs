//! The progress bar of a search, in seconds of its budget.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error; it hides itself where that is not a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    finished: usize,
    best: Option<(f64, u64)>,
}

impl Progress {
    pub(super) fn new(show: bool, name: &str, budget: Duration, spent: f64) -> Self {
        let bar = if show { ProgressBar::new(budget.as_secs().max(1)) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {elapsed:>4} of {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        let spent = Duration::from_secs_f64(spent);
        bar.set_position(spent.as_secs());
        let bar = bar.with_elapsed(spent);
        Self { bar, finished: 0, best: None }
    }

    /// An evaluation begins.
    pub(super) fn begins(&self, budget: Duration, what: &str) {
        let best = match self.best {
            Some((error, clocks)) => format!(", best product {:.2} % in {clocks} clocks", 100.0 * error),
            None => String::new(),
        };
        self.bar.set_position(self.bar.elapsed().as_secs());
        self.bar.set_message(format!("{}s: {} done{best}, now {what}", budget.as_secs(), self.finished));
        self.bar.tick();
    }

    /// An evaluation has ended with an error and a number of clocks, or was refused.
    pub(super) fn ended(&mut self, result: Option<(f64, u64)>) {
        self.finished += 1;
        let product = |(error, clocks): (f64, u64)| error * clocks as f64;
        if let Some(result) = result
            && self.best.is_none_or(|best| product(result) < product(best))
        {
            self.best = Some(result);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
