//! Shows on standard error that a long piece of work is still going on.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines about the same step.
const EVERY: Duration = Duration::from_secs(30);

/// A spinner with the step and the seconds that it has taken; where standard error is no terminal, a line at the beginning of every
/// step and from time to time another one.
pub(crate) struct Life(Form);

enum Form {
    Spinner(ProgressBar),
    Lines { step: Arc<Mutex<(String, Instant)>>, beat: Option<(Sender<()>, JoinHandle<()>)> },
}

impl Life {
    /// Begins without a step.
    pub(crate) fn new() -> Self {
        if stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            return Self(Form::Spinner(bar));
        }
        let step = Arc::new(Mutex::new((String::new(), Instant::now())));
        let (end, ends) = mpsc::channel::<()>();
        let told = Arc::clone(&step);
        let beat = thread::spawn(move || {
            while ends.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Ok(step) = told.lock()
                    && step.1.elapsed() >= EVERY
                {
                    eprintln!("{} ({} s)", step.0, step.1.elapsed().as_secs());
                }
            }
        });
        Self(Form::Lines { step, beat: Some((end, beat)) })
    }

    /// A step begins.
    pub(crate) fn tell(&self, text: &str) {
        match &self.0 {
            Form::Spinner(bar) => {
                bar.reset_elapsed();
                bar.set_message(text.to_owned());
            }
            Form::Lines { step, .. } => {
                eprintln!("{text}");
                if let Ok(mut step) = step.lock() {
                    *step = (text.to_owned(), Instant::now());
                }
            }
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        match &mut self.0 {
            Form::Spinner(bar) => bar.finish_and_clear(),
            Form::Lines { beat, .. } => {
                if let Some((end, beat)) = beat.take() {
                    drop(end);
                    // It does nothing but print.
                    let _ = beat.join();
                }
            }
        }
    }
}
