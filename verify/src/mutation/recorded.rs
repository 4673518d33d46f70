//! What a unit was seen to do in its own bench, as `hdl/tests/rtl/record.rs` leaves it.

use std::fs;
use std::path::Path;

use emeuro_testbench::{Error as SimulationError, InPort, Model, OutPort, Roms, Sim};
use serde::Deserialize;

use crate::error::{Error, Result};

/// A unit and what was recorded of it.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// Verilog files: names and texts.
    pub verilog: Vec<(String, String)>,
    /// Hex files: names and texts.
    pub hex: Vec<(String, String)>,
    /// Ports and times.
    pub case: Case,
    /// Inputs and outputs of every clock, in the order of the ports.
    vectors: Vec<(Vec<u64>, Vec<u64>)>,
}

/// Ports and times of a recording.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Name of the top module.
    pub top: String,
    /// Its clock: units without one are tested with what contains them.
    pub clock: String,
    /// Names and widths of inputs.
    pub inputs: Vec<(String, u32)>,
    /// Names and widths of outputs.
    pub outputs: Vec<(String, u32)>,
    /// Clocks at the start in which outputs may be anything.
    warm_up: usize,
    /// Outputs that mean nothing while another one is 0: the positions of both.
    pub meaning: Vec<(usize, usize)>,
    verilog: Vec<String>,
    hex: Vec<String>,
}

impl Recorded {
    /// Reads the recording in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::File`] if a file is not what the recorder writes.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(Error::io(&path))
        };
        let wrong = |name: &str, message: String| Error::File {
            file: folder.join(name).display().to_string(),
            message,
        };
        let case: Case =
            serde_json::from_str(&text("case.json")?).map_err(|e| wrong("case.json", e.to_string()))?;
        let files = |names: &[String]| -> Result<Vec<(String, String)>> {
            names.iter().map(|name| Ok((name.clone(), text(name)?))).collect()
        };
        let count = case.inputs.len() + case.outputs.len();
        let vector = |(index, line): (usize, &str)| {
            let words: Option<Vec<u64>> =
                line.split(' ').map(|word| u64::from_str_radix(word, 16).ok()).collect();
            match words {
                Some(mut words) if words.len() == count => {
                    let outputs = words.split_off(case.inputs.len());
                    Ok((words, outputs))
                }
                _ => Err(wrong("vectors", format!("line {}: expected {count} hexadecimal words", index + 1))),
            }
        };
        let vectors: Vec<_> = text("vectors")?.lines().enumerate().map(vector).collect::<Result<_>>()?;
        if vectors.len() <= case.warm_up {
            return Err(wrong("vectors", format!("expected more than {} lines", case.warm_up)));
        }
        Ok(Self { verilog: files(&case.verilog)?, hex: files(&case.hex)?, case, vectors })
    }

    /// Plays the recording to mutant `number` of `model` (0: none); gives the clock of the first wrong output.
    ///
    /// # Errors
    /// A port is missing.
    pub(crate) fn first_difference(&self, model: &Model, number: u64, seed: u64) -> Result<Option<usize>> {
        let mut sim = match Sim::new(model, Roms::None, seed) {
            Ok(sim) => sim,
            Err(SimulationError::Simulation { .. }) => return Ok(Some(0)),
            Err(error) => return Err(error.into()),
        };
        sim.set(model.input(super::netlist::SELECT)?, number);
        let inputs: Vec<InPort> =
            self.case.inputs.iter().map(|(name, _)| model.input(name)).collect::<Result<_, _>>()?;
        let outputs: Vec<OutPort> =
            self.case.outputs.iter().map(|(name, _)| model.output(name)).collect::<Result<_, _>>()?;
        for (clock, (given, expected)) in self.vectors.iter().enumerate() {
            for (port, word) in inputs.iter().zip(given) {
                sim.set(*port, *word);
            }
            // A mutant that does not settle has been noticed.
            if sim.settle().is_err() {
                return Ok(Some(clock));
            }
            let mut found: Vec<u64> = outputs.iter().map(|port| sim.get(*port)).collect();
            for &(data, valid) in &self.case.meaning {
                found[data] *= found[valid];
            }
            if clock >= self.case.warm_up && found != *expected {
                return Ok(Some(clock));
            }
            if sim.edge().is_err() {
                return Ok(Some(clock));
            }
        }
        Ok(None)
    }
}
