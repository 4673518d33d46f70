//! How a training run behaves towards its surroundings: progress, stopping, checkpoints. None of it changes the result.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Where and how often the state is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpointing {
    /// The file; if it exists, training continues from it. The caller removes it
    /// ([`remove_checkpoint`](crate::remove_checkpoint)) when the emulator is saved.
    pub path: PathBuf,
    /// Time between saves.
    pub every: Duration,
}

impl Checkpointing {
    /// Saves to `path` every 20 seconds.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), every: Duration::from_secs(20) }
    }
}

/// A run's connection to its surroundings. The default is silent and unstoppable.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Whether to draw a progress bar on standard error; it hides itself where that is not a terminal.
    pub progress: bool,
    /// Resumable training.
    pub checkpoint: Option<Checkpointing>,
    /// Set it (from a Ctrl-C handler, say) to end training within one batch, with the state saved.
    pub stop: Arc<AtomicBool>,
}

/// The parts of a session that live as long as one run.
pub(crate) struct Observer<'a> {
    pub(crate) session: &'a Session,
    bar: ProgressBar,
    saved: Instant,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(session: &'a Session, name: &str, steps: u64) -> Self {
        let bar = if session.progress { ProgressBar::new(steps) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} % {eta:>4} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        Self { session, bar, saved: Instant::now() }
    }

    pub(crate) fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    pub(crate) fn position(&self, step: u64) {
        self.bar.set_position(step);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub(crate) fn stopped(&self) -> bool {
        self.session.stop.load(Ordering::Relaxed)
    }

    /// Whether it is time to save; restarts the clock if so.
    pub(crate) fn due(&mut self) -> bool {
        let due = self.session.checkpoint.as_ref().is_some_and(|c| self.saved.elapsed() >= c.every);
        if due {
            self.saved = Instant::now();
        }
        due
    }
}
