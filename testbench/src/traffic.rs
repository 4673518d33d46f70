//! When the two ends of a stream are idle: none, random, in bursts.

use std::fmt;
use std::ops::RangeInclusive;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// When one end of a stream is willing to move a beat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pattern {
    /// On every clock.
    Always,
    /// On each clock independently, idle with this probability (0 to 1).
    Random {
        /// The probability of an idle clock.
        idle: f64,
    },
    /// Runs of willing clocks and runs of idle clocks in turn, each of a random length in its range.
    Bursts {
        /// Willing clocks in a row.
        active: RangeInclusive<u32>,
        /// Idle clocks in a row.
        idle: RangeInclusive<u32>,
    },
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Always => write!(f, "always"),
            Pattern::Random { idle } => write!(f, "idle {:.0} %", 100.0 * idle),
            Pattern::Bursts { active, idle } => {
                let range = |range: &RangeInclusive<u32>| format!("{} to {}", range.start(), range.end());
                write!(f, "bursts of {} and pauses of {}", range(active), range(idle))
            }
        }
    }
}

/// The traffic at both ends of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// When input words are offered.
    pub input: Pattern,
    /// When output words are accepted.
    pub output: Pattern,
    /// Accept an output word only from the clock after it was offered: finds units that wait for `tready` before they
    /// offer, which the bus forbids.
    pub ready_after_valid: bool,
}

impl Traffic {
    /// No gaps and no back-pressure.
    pub fn full() -> Self {
        Traffic { input: Pattern::Always, output: Pattern::Always, ready_after_valid: false }
    }

    /// Random idle clocks at both ends, with the given probabilities.
    pub fn random(input_idle: f64, output_idle: f64) -> Self {
        Traffic {
            input: Pattern::Random { idle: input_idle },
            output: Pattern::Random { idle: output_idle },
            ready_after_valid: false,
        }
    }

    /// Bursts and pauses at both ends, long enough to fill and drain small buffers.
    pub fn bursts() -> Self {
        let pattern = || Pattern::Bursts { active: 1..=24, idle: 1..=24 };
        Traffic { input: pattern(), output: pattern(), ready_after_valid: false }
    }

    /// A set that reaches the corners of stream units: full rate, starved, blocked, both, bursts, a late receiver.
    /// The names are for messages.
    pub fn standard() -> Vec<(&'static str, Self)> {
        vec![
            ("full", Traffic::full()),
            ("starved", Traffic::random(0.8, 0.0)),
            ("blocked", Traffic::random(0.0, 0.8)),
            ("random", Traffic::random(0.3, 0.3)),
            ("bursts", Traffic::bursts()),
            ("late", Traffic { ready_after_valid: true, ..Traffic::random(0.0, 0.2) }),
        ]
    }
}

/// A pattern in progress.
#[derive(Debug)]
pub(crate) struct Gate {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Always,
    /// Idle when a random 32-bit number is below the threshold (up to 2^32).
    Random(u64),
    Bursts {
        active: RangeInclusive<u32>,
        idle: RangeInclusive<u32>,
        open: bool,
        left: u32,
    },
}

impl Gate {
    pub(crate) fn new(pattern: &Pattern) -> Self {
        let kind = match pattern {
            Pattern::Always => Kind::Always,
            // A float to integer conversion saturates, NaN to 0: any number is safe here.
            Pattern::Random { idle } => {
                Kind::Random((idle.clamp(0.0, 1.0) * (1u64 << 32) as f64).round() as u64)
            }
            Pattern::Bursts { active, idle } => {
                Kind::Bursts { active: active.clone(), idle: idle.clone(), open: false, left: 0 }
            }
        };
        Gate { kind }
    }

    /// Whether this clock is a willing one. Called once per clock.
    #[inline]
    pub(crate) fn open(&mut self, random: &mut ChaCha8Rng) -> bool {
        match &mut self.kind {
            Kind::Always => true,
            Kind::Random(threshold) => u64::from(random.random::<u32>()) >= *threshold,
            Kind::Bursts { active, idle, open, left } => {
                if *left == 0 {
                    *open = !*open;
                    let range = if *open { active } else { idle };
                    // An empty or zero range counts as one clock, so that every pattern makes progress.
                    *left = if range.is_empty() { 1 } else { random.random_range(range.clone()).max(1) };
                }
                *left -= 1;
                *open
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn opened(pattern: &Pattern, clocks: usize) -> Vec<bool> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut gate = Gate::new(pattern);
        (0..clocks).map(|_| gate.open(&mut random)).collect()
    }

    fn share(pattern: &Pattern) -> f64 {
        opened(pattern, 100_000).iter().filter(|&&open| open).count() as f64 / 100_000.0
    }

    #[test]
    fn random_gates_are_idle_as_often_as_asked() {
        assert_eq!(share(&Pattern::Always), 1.0);
        assert_eq!(share(&Pattern::Random { idle: 0.0 }), 1.0);
        assert_eq!(share(&Pattern::Random { idle: 1.0 }), 0.0);
        assert!((share(&Pattern::Random { idle: 0.3 }) - 0.7).abs() < 0.01);
        assert_eq!(share(&Pattern::Random { idle: f64::NAN }), 1.0);
    }

    #[test]
    fn bursts_have_the_lengths_of_their_ranges() {
        let clocks = opened(&Pattern::Bursts { active: 2..=5, idle: 7..=7 }, 10_000);
        let runs: Vec<(bool, usize)> =
            clocks.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        for &(open, length) in &runs[..runs.len() - 1] {
            assert!(if open { (2..=5).contains(&length) } else { length == 7 }, "{open} {length}");
        }
        for length in 2..=5 {
            assert!(runs.contains(&(true, length)));
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges)]
    fn degenerate_ranges_still_alternate() {
        assert_eq!(opened(&Pattern::Bursts { active: 0..=0, idle: 3..=2 }, 4), [true, false, true, false]);
    }
}
