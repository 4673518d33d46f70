//! Times of calls inside each other, without what recording them takes.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// The calls of a thread that are under way. What time it is, is said from outside: durations since some moment.
pub(super) struct Stopwatch {
    /// Number of the thread; 0 if it has none yet.
    thread: u64,
    /// The innermost call last.
    open: Vec<Open>,
    /// What recording has taken in the present epoch.
    recording: (u64, Duration),
}

/// A call that is under way.
struct Open {
    epoch: u64,
    node: usize,
    /// When recording it began,
    entered: Duration,
    /// and when its own code did.
    begun: Duration,
    /// Time of the regions that it has called.
    children: Duration,
    /// What recording these has taken, in the middle of its own code.
    recording: Duration,
}

/// A call whose own code has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) epoch: u64,
    pub(super) node: usize,
    /// Time in it, with the regions that it has called.
    pub(super) elapsed: Duration,
    /// Time in the regions that it has called.
    pub(super) children: Duration,
    /// What recording has taken from `entered` on,
    recording: Duration,
    /// until its code ended.
    stopped: Duration,
}

impl Stopwatch {
    pub(super) const fn new() -> Self {
        Self { thread: 0, open: vec![], recording: (0, Duration::ZERO) }
    }

    /// The number of this thread: no other one has it.
    pub(super) fn thread(&mut self) -> u64 {
        static THREADS: AtomicU64 = AtomicU64::new(1);
        if self.thread == 0 {
            self.thread = THREADS.fetch_add(1, Relaxed);
        }
        self.thread
    }

    /// Node of the call of `epoch` that the next one is inside of.
    pub(super) fn caller(&self, epoch: u64) -> Option<usize> {
        self.open.last().filter(|open| open.epoch == epoch).map(|open| open.node)
    }

    /// What recording has taken in this thread in `epoch`.
    pub(super) fn recording(&self, epoch: u64) -> Duration {
        if self.recording.0 == epoch { self.recording.1 } else { Duration::ZERO }
    }

    /// A call whose recording began at `entered`.
    pub(super) fn push(&mut self, epoch: u64, node: usize, entered: Duration) {
        let (children, recording) = (Duration::ZERO, Duration::ZERO);
        self.open.push(Open { epoch, node, entered, begun: entered, children, recording });
    }

    /// The code of the innermost call begins.
    pub(super) fn start(&mut self, now: Duration) {
        if let Some(open) = self.open.last_mut() {
            open.begun = now;
        }
    }

    /// The code of the innermost call has ended; `tick` is what a look at the clock takes.
    pub(super) fn stop(&mut self, now: Duration, tick: Duration) -> Option<Ended> {
        let Open { epoch, node, entered, begun, children, recording } = self.open.pop()?;
        // Half of the look at its begin and half of that at its end are within.
        let elapsed = now.saturating_sub(begun).saturating_sub(recording + tick);
        if let Some(caller) = self.open.last_mut() {
            caller.children += elapsed;
        }
        let recording = recording + tick + begun.saturating_sub(entered);
        Some(Ended { epoch, node, elapsed, children, recording, stopped: now })
    }

    /// Recording the innermost call, which has ended, is over.
    pub(super) fn leave(&mut self, ended: Ended, now: Duration, tick: Duration) {
        // The other halves of the looks on entering and on leaving are outside.
        let recording = ended.recording + tick + now.saturating_sub(ended.stopped);
        match self.open.last_mut() {
            Some(caller) => caller.recording += recording,
            None => self.recording = (ended.epoch, self.recording(ended.epoch) + recording),
        }
    }
}

/// Time since the first look at the clock.
pub(super) fn now() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}

/// What a look at the clock takes on this machine.
pub(super) fn tick() -> Duration {
    static TICK: OnceLock<Duration> = OnceLock::new();
    const LOOKS: u32 = 500;
    *TICK.get_or_init(|| {
        let round = |_| {
            let begun = now();
            (0..LOOKS).for_each(|_| {
                std::hint::black_box(now());
            });
            now().saturating_sub(begun) / (LOOKS + 1)
        };
        (0..9).map(round).min().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_nanos(40);

    /// A program with a clock of its own, which stands still but for what is said to take time.
    struct Program {
        clock: Duration,
        watch: Stopwatch,
        /// What recording takes before and after the code of a call.
        overhead: [u64; 2],
    }

    impl Program {
        fn new(overhead: [u64; 2]) -> Self {
            Self { clock: Duration::from_secs(5), watch: Stopwatch::new(), overhead }
        }

        fn spend(&mut self, ns: u64) {
            self.clock += Duration::from_nanos(ns);
        }

        /// A look at the clock, which takes half of its time before it has seen it.
        fn look(&mut self) -> Duration {
            self.clock += TICK / 2;
            let now = self.clock;
            self.clock += TICK / 2;
            now
        }

        /// A recorded call; its own code is `code`.
        fn call(&mut self, node: usize, code: impl FnOnce(&mut Self)) -> Ended {
            let entered = self.look();
            self.watch.push(1, node, entered);
            self.spend(self.overhead[0]);
            let now = self.look();
            self.watch.start(now);
            code(self);
            let now = self.look();
            let ended = self.watch.stop(now, TICK).unwrap();
            self.spend(self.overhead[1]);
            let now = self.look();
            self.watch.leave(ended, now, TICK);
            ended
        }
    }

    #[test]
    fn recording_counts_nowhere_however_deep_calls_are() {
        for overhead in [[0, 0], [300, 900], [7, 100_000]] {
            let mut program = Program::new(overhead);
            let begun = program.clock;
            let outer = program.call(0, |program| {
                program.spend(10);
                for _ in 0..1000 {
                    let middle = program.call(1, |program| {
                        program.spend(5);
                        let inner = program.call(2, |program| program.spend(20));
                        assert_eq!((inner.elapsed.as_nanos(), inner.children.as_nanos()), (20, 0));
                    });
                    assert_eq!((middle.elapsed.as_nanos(), middle.children.as_nanos()), (25, 20));
                }
            });
            assert_eq!(
                (outer.elapsed.as_nanos(), outer.children.as_nanos()),
                (25_010, 25_000),
                "{overhead:?}"
            );
            // All the rest was recording.
            let all = program.clock - begun;
            assert_eq!((all - program.watch.recording(1)).as_nanos(), 25_010);
            assert_eq!(program.watch.recording(2), Duration::ZERO);
        }
    }

    #[test]
    fn what_is_shorter_than_a_look_takes_no_time_rather_than_less() {
        let mut watch = Stopwatch::new();
        watch.push(1, 0, Duration::ZERO);
        watch.start(Duration::from_nanos(5));
        let ended = watch.stop(Duration::from_nanos(10), TICK).unwrap();
        assert_eq!(ended.elapsed, Duration::ZERO);
        assert!(watch.stop(Duration::ZERO, TICK).is_none());
    }

    #[test]
    fn calls_of_another_epoch_are_no_callers_and_threads_have_numbers() {
        let mut watch = Stopwatch::new();
        watch.push(1, 7, Duration::ZERO);
        assert_eq!((watch.caller(1), watch.caller(2)), (Some(7), None));
        assert_eq!(watch.thread(), watch.thread());
        assert_ne!(watch.thread(), Stopwatch::new().thread());
        assert!(tick() < Duration::from_millis(1));
    }
}
