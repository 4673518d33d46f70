//! The error of an emulator whose outputs come back as inputs: sequences of calls, played with the emulator's own state.

use std::{collections::HashMap, ops::Range};

use emeuro_golden::{Emulator, Errors, Runner};
use emeuro_regions::Link;
use ndarray::{Array2, ArrayView1};

use crate::Result;

/// Calls of a region that follow each other, and which outputs come back as inputs of a later one.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// Which numbers come back.
    pub links: Vec<Link>,
    /// Rows of every sequence.
    pub sequences: Vec<Range<usize>>,
    /// Inputs of all sequences, one call per row.
    pub inputs: Array2<f64>,
    /// The outputs for them.
    pub outputs: Array2<f64>,
}

/// How far an emulator is from the exact code, from call to call.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopErrors {
    /// Every call with the recorded state.
    pub one_step: Errors,
    /// Every call with the state that the emulator itself has come to, from the first call of a chain on; all other inputs are those that were
    /// recorded.
    pub in_loop: Errors,
    /// Chains of calls, each of which goes on with the state that the one before has left.
    pub chains: usize,
    /// Calls of the longest one.
    pub longest: usize,
    /// Calls of all.
    pub calls: usize,
    /// Numbers that come back.
    pub state: usize,
}

impl Feedback {
    fn row_of(values: ArrayView1<f64>, parts: impl Iterator<Item = (usize, usize)>) -> Vec<u64> {
        parts.flat_map(|(start, size)| start..start + size).map(|column| values[column].to_bits()).collect()
    }

    /// Rows of calls that go on with each other's state; several instances may take turns. Calls with a number that is not finite are left
    /// out.
    fn chains(&self) -> Vec<Vec<usize>> {
        let mut chains: Vec<Vec<usize>> = vec![];
        for rows in &self.sequences {
            // What calls have left, and the chains that they are the ends of.
            let mut ends: HashMap<Vec<u64>, usize> = HashMap::new();
            for row in rows.clone() {
                let (input, output) = (self.inputs.row(row), self.outputs.row(row));
                if !input.iter().chain(output).all(|value| value.is_finite()) {
                    continue;
                }
                let found = Self::row_of(input, self.links.iter().map(|link| (link.input, link.size)));
                let left = Self::row_of(output, self.links.iter().map(|link| (link.output, link.size)));
                let chain = ends.remove(&found).unwrap_or_else(|| {
                    chains.push(vec![]);
                    chains.len() - 1
                });
                chains[chain].push(row);
                ends.insert(left, chain);
            }
        }
        chains.retain(|chain| chain.len() > 1);
        chains
    }

    /// Plays every chain; none if there is none.
    pub(super) fn measure(&self, emulator: &Emulator) -> Result<Option<LoopErrors>> {
        let chains = self.chains();
        if chains.is_empty() {
            return Ok(None);
        }
        let mut runner = Runner::new(emulator);
        let (mut one_step, mut in_loop, mut targets) = (vec![], vec![], vec![]);
        let mut answer = vec![0.0; self.outputs.ncols()];
        for chain in &chains {
            for (place, &row) in chain.iter().enumerate() {
                let mut input = self.inputs.row(row).to_vec();
                if place > 0 {
                    // What the emulator has left at the call before.
                    for Link { input: to, output: from, size } in &self.links {
                        input[*to..to + size].copy_from_slice(&answer[*from..from + size]);
                    }
                }
                runner.infer_values(&input, &mut answer)?;
                in_loop.extend_from_slice(&answer);
                let mut single = answer.clone();
                runner.infer_values(&self.inputs.row(row).to_vec(), &mut single)?;
                one_step.extend(single);
                targets.extend(self.outputs.row(row));
            }
        }
        let names = emulator.output_names();
        let rows: Vec<usize> = chains.iter().flatten().map(|row| row + 1).collect();
        let errors = |estimates: &[f64]| Errors::of(&names, &targets, estimates).in_rows(&rows);
        Ok(Some(LoopErrors {
            one_step: errors(&one_step),
            in_loop: errors(&in_loop),
            chains: chains.len(),
            longest: chains.iter().map(Vec::len).max().unwrap_or(0),
            calls: rows.len(),
            state: self.links.iter().map(|link| link.size).sum(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_golden::{EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights};

    /// state' = state + u in steps of 1/16, with a bias of `steps` of them.
    fn adder(steps: i64) -> Emulator {
        let word = Format::new(16, 4).unwrap();
        let mut builder = EmulatorBuilder::new("adder", Port::new("x", 2, word), 40).unwrap();
        let weights = Weights { format: Format::new(8, 4).unwrap(), values: vec![16, 16] };
        let sum = builder.dense("sum", VectorId::INPUT, weights, vec![16 * steps], word).unwrap();
        let spec =
            OutputSpec { sources: vec![sum], lower: vec![], order: None, port: Port::new("y", 1, word) };
        builder.finish(spec, Provenance::default()).unwrap()
    }

    /// Sums of ±1 by `instances` that take turns.
    fn feedback(instances: usize, calls: usize) -> Feedback {
        let mut states: Vec<f64> = (0..instances).map(|k| 100.0 * k as f64).collect();
        let rows: Vec<[f64; 3]> = (0..calls)
            .map(|call| {
                let state = &mut states[call % instances];
                let (before, u) = (*state, if call / instances % 7 < 4 { 1.0 } else { -1.0 });
                *state += u;
                [before, u, *state]
            })
            .collect();
        Feedback {
            links: vec![Link { input: 0, output: 0, size: 1 }],
            sequences: vec![0..calls / 2, calls / 2..calls],
            inputs: Array2::from_shape_fn((calls, 2), |(r, c)| rows[r][c]),
            outputs: Array2::from_shape_fn((calls, 1), |(r, _)| rows[r][2]),
        }
    }

    #[test]
    fn a_step_that_is_off_adds_up_in_the_loop() {
        let errors = feedback(1, 200).measure(&adder(1)).unwrap().unwrap();
        assert_eq!((errors.chains, errors.longest, errors.calls, errors.state), (2, 100, 200, 1));
        // A sixteenth in one step, a hundred of them at the end of a sequence.
        assert_eq!(errors.one_step.outputs[0].largest, 0.0625);
        assert_eq!((errors.in_loop.outputs[0].largest, errors.in_loop.outputs[0].row), (6.25, 100));
        let exact = feedback(1, 200).measure(&adder(0)).unwrap().unwrap();
        assert_eq!((exact.one_step.nrmse, exact.in_loop.nrmse), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn instances_that_take_turns_are_told_apart() {
        let errors = feedback(3, 300).measure(&adder(1)).unwrap().unwrap();
        assert_eq!((errors.chains, errors.longest, errors.calls), (6, 50, 300));
        assert_eq!(errors.in_loop.outputs[0].largest, 50.0 / 16.0);
    }

    #[test]
    fn calls_that_are_not_finite_are_left_out_and_nothing_is_told_of_no_chain() {
        let mut broken = feedback(1, 40);
        broken.outputs[(9, 0)] = f64::NAN;
        let errors = broken.measure(&adder(1)).unwrap().unwrap();
        assert_eq!((errors.chains, errors.longest, errors.calls), (3, 20, 39));
        let mut apart = feedback(1, 40);
        apart.outputs.fill(1e6);
        assert_eq!(apart.measure(&adder(1)).unwrap(), None);
    }
}
