//! Whole sequences of calls, which show what comes back.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::feedback::{self, Link};
use crate::{Part, size};

/// Sequences of a region that are kept at most.
const SEQUENCES: usize = 8;

/// Calls of a sequence at most,
const CALLS: usize = 4096;

/// and numbers of all sequences of a region, 64 megabytes.
const NUMBERS: usize = 1 << 23;

/// Calls of a region that follow each other in one thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// Inputs, one call after the other.
    pub inputs: Vec<f64>,
    /// The outputs for them.
    pub outputs: Vec<f64>,
}

/// A region whose outputs come back as inputs: its error grows from call to call.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// What comes back.
    pub links: Vec<Link>,
    /// Calls that follow each other.
    pub sequences: Vec<Sequence>,
}

/// The sequences of a region while it is recorded. Of more than are kept, a fair choice is (Vitter, algorithm R), as long as something
/// comes back.
#[derive(Default)]
pub(super) struct Sequences {
    kept: Vec<(u64, Sequence)>,
    /// By thread, what it is writing.
    writing: HashMap<u64, Writing>,
    /// Sequences that have begun, kept or not.
    begun: u64,
    /// The first one was whole, and nothing in it came back.
    is_off: bool,
}

/// The present sequence of a thread.
#[derive(Default)]
struct Writing {
    number: u64,
    /// None if it is not kept.
    place: Option<usize>,
    /// Calls that are still to come.
    left: usize,
}

impl Sequences {
    /// The next call of a thread.
    pub(super) fn add(&mut self, thread: u64, parts: [&[Part]; 2], inputs: &[f64], outputs: &[f64]) {
        let most = CALLS.min(NUMBERS / SEQUENCES / (inputs.len() + outputs.len()).max(1));
        if self.is_off || most < 2 {
            return;
        }
        let writing = self.writing.entry(thread).or_default();
        if writing.left == 0 {
            let number = self.begun;
            self.begun += 1;
            let place = match number < SEQUENCES as u64 {
                true => number as usize,
                false => ChaCha8Rng::seed_from_u64(number).random_range(0..=number) as usize,
            };
            *writing = Writing { number, place: (place < SEQUENCES).then_some(place), left: most };
            match writing.place {
                Some(place) if place == self.kept.len() => self.kept.push((number, Sequence::default())),
                Some(place) => self.kept[place] = (number, Sequence::default()),
                None => {}
            }
        }
        writing.left -= 1;
        let is_whole = writing.left == 0;
        // Another thread may have got the place.
        let number = writing.number;
        let place = writing.place.and_then(|place| self.kept.get_mut(place));
        let Some((_, sequence)) = place.filter(|(kept, _)| *kept == number) else { return };
        sequence.inputs.extend(inputs);
        sequence.outputs.extend(outputs);
        if number == 0 && is_whole && feedback::links(parts, std::slice::from_ref(sequence)).is_empty() {
            *self = Self { is_off: true, ..Self::default() };
        }
    }

    /// What came back, if anything did.
    pub(super) fn take(self, parts: [&[Part]; 2]) -> Option<Feedback> {
        let sequences: Vec<Sequence> = self.kept.into_iter().map(|(_, sequence)| sequence).collect();
        let links = feedback::links(parts, &sequences);
        (!links.is_empty()).then_some(Feedback { links, sequences })
    }
}

impl Sequence {
    /// How many calls.
    pub(super) fn calls(&self, inputs: &[Part]) -> usize {
        self.inputs.len() / size(inputs).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &[Part] = &[Part { name: "state", size: 1 }, Part { name: "push", size: 1 }];
    const OUT: &[Part] = &[Part { name: "state", size: 1 }];

    fn step(state: f64, push: f64) -> f64 {
        0.5 * state + push
    }

    #[test]
    fn sequences_are_whole_and_bounded_and_of_one_thread() {
        let mut sequences = Sequences::default();
        let mut states = [1.0, -1.0];
        for call in 0..40 * CALLS {
            let thread = call % 3 % 2;
            let push = (call as f64).sin();
            let next = step(states[thread], push);
            sequences.add(thread as u64 + 1, [STATE, OUT], &[states[thread], push], &[next]);
            states[thread] = next;
        }
        let Feedback { links, sequences } = sequences.take([STATE, OUT]).unwrap();
        assert_eq!(links, [Link { input: 0, output: 0, size: 1 }]);
        assert_eq!(sequences.len(), SEQUENCES);
        assert!(sequences.iter().any(|sequence| sequence.calls(STATE) == CALLS));
        for sequence in sequences {
            let calls = sequence.calls(STATE);
            assert!(calls <= CALLS && sequence.outputs.len() == calls);
            for call in 1..calls {
                assert_eq!(sequence.inputs[2 * call], sequence.outputs[call - 1]);
            }
        }
    }

    #[test]
    fn of_a_region_without_feedback_nothing_is_kept() {
        let mut sequences = Sequences::default();
        for call in 0..2 * CALLS {
            let x = [(call as f64).sin(), (call as f64).cos()];
            sequences.add(1, [STATE, OUT], &x, &[x[0] * x[1]]);
        }
        assert!(sequences.is_off && sequences.kept.is_empty());
        assert_eq!(sequences.take([STATE, OUT]), None);
    }
}
