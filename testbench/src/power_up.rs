//! After reset, nothing may show what state a unit happened to hold before: the same stimulus from many power-up states.

use crate::design::Direction;
use crate::error::{Error, Result};
use crate::failure::{Failure, Fault};
use crate::model::Model;
use crate::scenario::Scenario;
use crate::sim::{OutPort, PowerUp, Sim};
use crate::unit_bench::{Score, UnitBench};

/// Outputs that count only while another one is high, by the ends of their names.
const QUALIFIED: [(&str, &[&str], &str); 3] = [
    ("m_axis_", &["tdata", "tlast", "tkeep"], "tvalid"),
    ("s_axi_r", &["data", "resp"], "valid"),
    ("s_axi_b", &["resp"], "valid"),
];

/// One output, and the one that says whether it counts.
struct Output {
    name: String,
    port: OutPort,
    words: usize,
    qualifier: Option<OutPort>,
}

/// All outputs of a model.
fn outputs(model: &Model) -> Result<Vec<Output>> {
    let names = model.ports().iter().filter(|port| port.direction == Direction::Output);
    names
        .map(|port| {
            let qualifier = QUALIFIED.iter().find_map(|(prefix, ends, qualifier)| {
                let end = port.name.strip_prefix(prefix)?;
                ends.contains(&end).then(|| format!("{prefix}{qualifier}"))
            });
            Ok(Output {
                name: port.name.clone(),
                port: model.output(&port.name)?,
                words: port.width.div_ceil(32) as usize,
                qualifier: qualifier.map(|name| model.output(&name)).transpose()?,
            })
        })
        .collect()
}

/// What the outputs show in one clock; 0 where it does not count.
fn observe(sim: &Sim, outputs: &[Output], seen: &mut Vec<u32>) {
    for output in outputs {
        let start = seen.len();
        seen.resize(start + output.words, 0);
        if output.qualifier.is_none_or(|qualifier| sim.get(qualifier) != 0) {
            sim.get_words(output.port, &mut seen[start..]);
        }
    }
}

impl UnitBench<'_> {
    /// Plays a scenario from every one of the power-up states, and compares all outputs in all clocks from the first edge in
    /// reset on with those of the first state. What is on a bus without its `valid` does not count.
    ///
    /// # Errors
    /// [`Error::Failure`] with [`Fault::PowerUp`], or with whatever goes wrong in one of the plays; [`Error::Stimulus`].
    pub fn check_power_up(&self, scenario: &Scenario, power_ups: &[PowerUp]) -> Result<Score> {
        let outputs = outputs(self.model())?;
        let per_clock: usize = outputs.iter().map(|output| output.words).sum();
        let mut score = Score::default();
        let mut first: Option<(PowerUp, Vec<u32>)> = None;
        for &power_up in power_ups {
            let mut seen = vec![];
            let played = self.play_watched(scenario, power_up, |sim| {
                if sim.clocks() > 0 {
                    observe(sim, &outputs, &mut seen);
                }
            });
            // A difference is told first: it is why the play has failed.
            if let Some((reference, expected)) = &first
                && let Some(at) = (0..expected.len().min(seen.len())).find(|&at| expected[at] != seen[at])
            {
                let mut word = at % per_clock;
                let mut output = outputs.iter();
                let port = loop {
                    match output.next() {
                        Some(output) if word >= output.words => word -= output.words,
                        found => break found.map_or_else(String::new, |output| output.name.clone()),
                    }
                };
                let fault = Fault::PowerUp {
                    port,
                    first: expected[at].into(),
                    second: seen[at].into(),
                    power_ups: (*reference, power_up),
                };
                let clock = (at / per_clock) as u64 + 1;
                let place = Failure { seed: scenario.power_up, run: None, frame: 0, word: 0, clock, fault };
                return Err(Error::Failure(Box::new(place)));
            }
            score += played?;
            if first.is_none() {
                first = Some((power_up, seen));
            }
        }
        Ok(score)
    }
}
