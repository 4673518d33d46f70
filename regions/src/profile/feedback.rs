//! Which outputs of a call are inputs of a later one.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::sequences::Sequence;
use crate::{Part, size};

/// Outputs that come back as inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The first of the inputs.
    pub input: usize,
    /// The first of the outputs.
    pub output: usize,
    /// How many.
    pub size: usize,
}

/// A sequence with fewer calls says nothing.
const LEAST: usize = 8;

/// A parameter behind `&mut` is state if at least this share of the calls have it as an earlier call has left it.
const NAMED: f64 = 0.5;

/// Numbers of other parameters are, if at least this share have them as the call before has given them.
const UNNAMED: f64 = 0.9;

/// So many pairs of inputs and outputs are compared at most.
const PAIRS: usize = 4096;

/// So many calls are looked at.
const LOOKED_AT: usize = 1024;

/// What of the `parts` of inputs and outputs comes back: parameters behind `&mut`, or else results that the program hands in again.
pub(super) fn links([inputs, outputs]: [&[Part]; 2], sequences: &[Sequence]) -> Vec<Link> {
    let calls: Vec<Calls> = sequences
        .iter()
        .map(|sequence| {
            let count = sequence.calls(inputs).min(LOOKED_AT);
            Calls { sequence, count, inputs: size(inputs), outputs: size(outputs) }
        })
        .filter(|calls| calls.count >= LEAST)
        .collect();
    if calls.is_empty() {
        return vec![];
    }
    let named: Vec<Link> = same_names(inputs, outputs).filter(|link| comes_back(&calls, *link)).collect();
    if named.is_empty() { unnamed(&calls) } else { named }
}

/// The first calls of a sequence.
struct Calls<'a> {
    sequence: &'a Sequence,
    count: usize,
    inputs: usize,
    outputs: usize,
}

impl Calls<'_> {
    fn input(&self, call: usize, link: Link) -> &[f64] {
        &self.sequence.inputs[call * self.inputs + link.input..][..link.size]
    }

    fn output(&self, call: usize, link: Link) -> &[f64] {
        &self.sequence.outputs[call * self.outputs + link.output..][..link.size]
    }
}

/// Parts that are input and output.
fn same_names<'a>(inputs: &'a [Part], outputs: &'a [Part]) -> impl Iterator<Item = Link> + 'a {
    let places = |parts: &'a [Part]| {
        parts.iter().scan(0, |start, part| {
            let place = *start;
            *start += part.size;
            Some((place, part))
        })
    };
    places(inputs).filter_map(move |(input, part)| {
        let (output, _) = places(outputs).find(|(_, other)| *other == part)?;
        (part.size > 0).then_some(Link { input, output, size: part.size })
    })
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Whether most calls have what an earlier one has left, whichever one: there may be several instances. What never changes shows nothing.
fn comes_back(calls: &[Calls], link: Link) -> bool {
    let (mut found, mut all, mut changes) = (0, 0, false);
    for calls in calls {
        let mut left = HashMap::new();
        left.insert(bits(calls.output(0, link)), ());
        for call in 1..calls.count {
            let input = bits(calls.input(call, link));
            changes |= input != bits(calls.input(call - 1, link));
            all += 1;
            found += usize::from(left.contains_key(&input));
            left.insert(bits(calls.output(call, link)), ());
        }
    }
    changes && found as f64 >= NAMED * f64::from(all)
}

/// Single numbers that the next call has again, in runs.
fn unnamed(calls: &[Calls]) -> Vec<Link> {
    let Calls { inputs, outputs, .. } = calls[0];
    if inputs * outputs > PAIRS {
        return vec![];
    }
    let mut links: Vec<Link> = vec![];
    let mut taken = vec![false; outputs];
    for input in 0..inputs {
        let found = (0..outputs)
            .filter(|&output| !taken[output])
            .find(|&output| follows(calls, Link { input, output, size: 1 }));
        let Some(output) = found else { continue };
        taken[output] = true;
        match links.last_mut() {
            Some(last) if last.input + last.size == input && last.output + last.size == output => {
                last.size += 1
            }
            _ => links.push(Link { input, output, size: 1 }),
        }
    }
    links
}

fn follows(calls: &[Calls], link: Link) -> bool {
    let (mut missed, mut all) = (0, 0);
    let mut seen = std::collections::HashSet::new();
    let most = calls.iter().map(|calls| calls.count - 1).sum::<usize>() as f64 * (1.0 - UNNAMED);
    for calls in calls {
        for call in 1..calls.count {
            let input = calls.input(call, link)[0];
            all += 1;
            missed += usize::from(input.to_bits() != calls.output(call - 1, link)[0].to_bits());
            if missed as f64 > most {
                return false;
            }
            if seen.len() < LEAST {
                seen.insert(input.to_bits());
            }
        }
    }
    // A switch that rarely changes would look the same.
    all > 0 && seen.len() >= LEAST.min(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Part = Part { name: "x", size: 2 };
    const RESULT: Part = Part { name: "result", size: 3 };
    const U: Part = Part { name: "u", size: 1 };

    /// Calls of `step`, which maps state and input to a state and a result; `next` says which instance is called.
    fn sequence(instances: usize, next: impl Fn(usize) -> usize) -> Sequence {
        let mut states: Vec<[f64; 2]> = (0..instances).map(|k| [k as f64, 1.0]).collect();
        let mut sequence = Sequence::default();
        for call in 0..300 {
            let state = &mut states[next(call)];
            let u = (call as f64 * 0.37).sin();
            sequence.inputs.extend([u, state[0], state[1]]);
            *state = [0.9 * state[0] + 0.1 * state[1], state[1] + u];
            sequence.outputs.extend([state[0], state[1], state[0] * u]);
        }
        sequence
    }

    #[test]
    fn state_behind_a_reference_is_found_whoever_is_called_next() {
        let parts: [&[Part]; 2] = [&[U, X], &[X, U]];
        let expected = [Link { input: 1, output: 0, size: 2 }];
        assert_eq!(links(parts, &[sequence(1, |_| 0)]), expected);
        assert_eq!(links(parts, &[sequence(7, |call| call % 7)]), expected);
        assert_eq!(links(parts, &[sequence(5, |call| call * call % 5)]), expected);
    }

    #[test]
    fn state_that_is_handed_on_by_value_is_found_at_the_next_call() {
        let parts: [&[Part]; 2] = [&[U, X], &[RESULT]];
        assert_eq!(links(parts, &[sequence(1, |_| 0)]), [Link { input: 1, output: 0, size: 2 }]);
    }

    #[test]
    fn what_is_the_same_by_chance_or_for_ever_does_not_come_back() {
        let mut sequence = Sequence::default();
        for call in 0..300 {
            let u = (call as f64 * 0.37).sin();
            // The state is set anew for every call, and a constant goes in and out.
            sequence.inputs.extend([u, u * u, 1.0]);
            sequence.outputs.extend([u + 1.0, 1.0, 1.0]);
        }
        assert_eq!(links([&[U, X], &[X, U]], &[sequence.clone()]), []);
        assert_eq!(links([&[U, X], &[RESULT]], &[sequence]), []);
        let few = Sequence { inputs: vec![1.0, 2.0], outputs: vec![2.0, 3.0] };
        assert_eq!(links([&[U], &[U]], &[few]), []);
    }
}
