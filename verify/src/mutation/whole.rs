//! A whole small unit against the golden model: all traffic, exact timing, frames of the wrong length, resets at any time.

use emeuro_compiler::{Cycles, Machine, UnitConfig, compile};
use emeuro_golden::{Emulator, Sampler, VectorId};
use emeuro_hdl::UnitDesign;
use emeuro_testbench::{
    Beat, Error as SimulationError, Model, Pattern, Roms, Sim, StreamBench, StreamDriver, StreamMonitor,
    Traffic,
};

use super::equivalence::Interface;
use crate::error::{Error, Result};

/// Clocks without progress after which a mutant is taken for dead.
const WATCHDOG: u64 = 4_000;

/// Frames of which some have the wrong length.
struct Wrong<'a> {
    sent: &'a [&'a [i16]],
    /// Indices of the frames that must be answered.
    answered: &'a [usize],
    /// Of short and of long frames.
    flags: [u64; 2],
}

/// A unit and the network that it must compute.
pub(crate) struct Whole {
    emulator: Emulator,
    cycles: Cycles,
    /// Verilog files: names and texts.
    pub verilog: Vec<(String, String)>,
    /// Hex files: names and texts.
    pub hex: Vec<(String, String)>,
    /// The top module.
    pub top: String,
    /// Its ports.
    pub interface: Interface,
    frames: Vec<Vec<i16>>,
    answers: Vec<Vec<i16>>,
}

impl Whole {
    /// The unit of `emulator` with so many lanes.
    ///
    /// # Errors
    /// [`Error::Unit`] if it cannot be made.
    pub(crate) fn new(emulator: Emulator, lanes: usize, frames: usize, seed: u64) -> Result<Self> {
        let config = UnitConfig::new(lanes).map_err(Error::unit)?.with_prefix("part").map_err(Error::unit)?;
        let program = compile(&emulator, &config).map_err(Error::unit)?;
        let cycles = Machine::cycles(&program).map_err(Error::unit)?;
        let design = UnitDesign::new(&program, cycles, "emeuro-verify mutate").map_err(Error::unit)?;
        let ports = |direction| -> Vec<(String, u32)> {
            let ports = design.ports.iter().filter(|port| port.direction == direction);
            ports.map(|port| (port.name.clone(), port.width)).collect()
        };
        let outputs = ports(emeuro_hdl::Direction::Output);
        let position = |name: &str| outputs.iter().position(|(port, _)| port == name);
        let meaning = ["m_axis_tdata", "m_axis_tkeep", "m_axis_tlast"];
        let meaning =
            meaning.iter().filter_map(|data| Some((position(data)?, position("m_axis_tvalid")?))).collect();
        let is_data = |(name, _): &(String, u32)| name != "aclk" && name != "aresetn";
        let interface = Interface {
            clock: "aclk".into(),
            reset: Some("aresetn".into()),
            inputs: ports(emeuro_hdl::Direction::Input).into_iter().filter(is_data).collect(),
            outputs,
            meaning,
        };
        let mut sampler = Sampler::new(seed);
        let format = emulator.format(VectorId::INPUT);
        let frames: Vec<Vec<i16>> =
            (0..frames).map(|_| sampler.frame(emulator.input().size(), format)).collect();
        let answers =
            frames.iter().map(|frame| emulator.run(frame).map_err(Error::unit)).collect::<Result<_>>()?;
        let UnitDesign { top, verilog, hex, .. } = design;
        Ok(Self { emulator, cycles, verilog, hex, top, interface, frames, answers })
    }

    /// Plays everything to mutant `number` of `model` (0: none); gives the first thing that is wrong.
    ///
    /// # Errors
    /// The model does not have the ports of the unit.
    pub(crate) fn first_fault(&self, model: &Model, number: u64, seed: u64) -> Result<Option<String>> {
        let mut sim = match Sim::new(model, Roms::None, seed) {
            Ok(sim) => sim,
            Err(error) => return noticed(error),
        };
        sim.set(model.input(super::netlist::SELECT)?, number);
        let (input_bits, output_bits) = (self.emulator.input().bits, self.emulator.output().port.bits);
        let bench = StreamBench::new(model, input_bits, output_bits)?.with_watchdog(WATCHDOG);
        let few = self.frames.len().min(10);
        match bench.measure(&mut sim, &self.frames[..few], &self.answers[..few]) {
            Ok(t) if (t.latency, t.period) == (self.cycles.latency, self.cycles.period) => {}
            Ok(timing) => return Ok(Some(format!("{timing:?}"))),
            Err(error) => return noticed(error),
        }
        for (_, traffic) in Traffic::standard() {
            let bench = bench.clone().with_traffic(traffic);
            if let Err(error) = bench.run(&mut sim, &self.frames, &self.answers, seed) {
                return noticed(error);
            }
        }
        if let Some(fault) = self.wrong_frames(&mut sim, seed)? {
            return Ok(Some(fault));
        }
        self.resets(&mut sim, seed)
    }

    /// Short and long frames between good ones: flags are set, good frames are answered.
    fn wrong_frames(&self, sim: &mut Sim, seed: u64) -> Result<Option<String>> {
        let size = self.frames[0].len();
        let [a, b, c] = [&self.frames[0], &self.frames[1], &self.frames[2]];
        // A frame of one word can't be too short.
        if size == 1 {
            return Ok(None);
        }
        let cases = [
            Wrong { sent: &[a, &b[..size - 1], c], answered: &[0, 2], flags: [1, 0] },
            Wrong { sent: &[a, &b[..1], &b[..1], c, b], answered: &[0, 2, 1], flags: [1, 0] },
            Wrong { sent: &[a, &[b.as_slice(), &[7]].concat(), c], answered: &[0, 2], flags: [0, 1] },
            Wrong {
                sent: &[a, &[b.as_slice(), c, b, &[7]].concat(), c, &b[..size - 1], a],
                answered: &[0, 2, 0],
                flags: [1, 1],
            },
        ];
        for Wrong { sent, answered, flags } in cases {
            if let Some(fault) = self.reset(sim, 2)? {
                return Ok(Some(fault));
            }
            let beats: Vec<Beat> = sent.iter().flat_map(|frame| beats(frame)).collect();
            let found = match self.play(sim, &beats, 30 * self.cycles.latency as u32 / 4 + 400, seed)? {
                Ok(found) => found,
                Err(fault) => return Ok(Some(fault)),
            };
            let expected: Vec<Vec<i16>> = answered.iter().map(|&index| self.answers[index].clone()).collect();
            if found != expected {
                return Ok(Some(format!("{} frames after wrong ones", found.len())));
            }
            for (name, flag) in ["short_frame", "long_frame"].into_iter().zip(flags) {
                if sim.get(sim.model().output(name)?) != flag {
                    return Ok(Some(format!("{name} is not {flag}")));
                }
            }
        }
        Ok(None)
    }

    /// Resets of one to three clocks at many times, each followed by two frames.
    fn resets(&self, sim: &mut Sim, seed: u64) -> Result<Option<String>> {
        let stream: Vec<Beat> = self.frames[..3].iter().flat_map(|frame| beats(frame)).collect();
        let latency = self.cycles.latency as u32;
        for round in 0..24 {
            let before = 1 + round * latency / 8;
            if let Err(fault) = self.play(sim, &stream, before, seed + u64::from(round))? {
                return Ok(Some(fault));
            }
            if let Some(fault) = self.reset(sim, 1 + round % 3)? {
                return Ok(Some(fault));
            }
            match self.play(sim, &stream, 8 * latency + 200, seed)? {
                Ok(found) if found == self.answers[..3] => {}
                Ok(found) => return Ok(Some(format!("{} right frames after a reset", found.len()))),
                Err(fault) => return Ok(Some(fault)),
            }
        }
        Ok(None)
    }

    /// A reset; flags and `tvalid` must be low after it.
    fn reset(&self, sim: &mut Sim, clocks: u32) -> Result<Option<String>> {
        let model = sim.model().clone();
        sim.set(model.input("s_axis_tvalid")?, 0);
        sim.set(model.input("aresetn")?, 0);
        for _ in 0..clocks {
            if let Err(error) = sim.tick() {
                return noticed(error);
            }
        }
        sim.set(model.input("aresetn")?, 1);
        if let Err(error) = sim.settle() {
            return noticed(error);
        }
        for name in ["short_frame", "long_frame", "m_axis_tvalid"] {
            if sim.get(model.output(name)?) != 0 {
                return Ok(Some(format!("{name} after reset")));
            }
        }
        Ok(None)
    }

    /// Sends beats for so many clocks with gaps and back-pressure, and collects complete output frames, or tells the fault.
    fn play(
        &self,
        sim: &mut Sim,
        beats: &[Beat],
        clocks: u32,
        seed: u64,
    ) -> Result<std::result::Result<Vec<Vec<i16>>, String>> {
        let model = sim.model().clone();
        let gaps = Pattern::Random { idle: 0.2 };
        let mut driver = StreamDriver::new(&model, "s_axis", beats.iter().copied(), &gaps, seed)?;
        let mut monitor = StreamMonitor::new(&model, "m_axis", &gaps, false, seed)?;
        let (mut frames, mut frame) = (vec![], vec![]);
        for _ in 0..clocks {
            driver.drive(sim);
            monitor.drive(sim);
            if let Err(error) = sim.settle() {
                return Ok(Err(error.to_string()));
            }
            driver.sample(sim);
            match monitor.sample(sim) {
                Err(fault) => return Ok(Err(fault.to_string())),
                Ok(None) => {}
                Ok(Some(beat)) => {
                    let bits = self.emulator.output().port.bits;
                    frame.push(if bits == 8 { i16::from(beat.data as i8) } else { beat.data as i16 });
                    if beat.last {
                        frames.push(std::mem::take(&mut frame));
                    }
                }
            }
            if let Err(error) = sim.edge() {
                return Ok(Err(error.to_string()));
            }
        }
        Ok(Ok(frames))
    }
}

fn beats(words: &[i16]) -> Vec<Beat> {
    let last = words.len().saturating_sub(1);
    words.iter().enumerate().map(|(i, &word)| Beat::new(word as u16 as u64, i == last)).collect()
}

/// A fault of the design is an answer; anything else is an error.
fn noticed(error: SimulationError) -> Result<Option<String>> {
    match error {
        SimulationError::Failure(_)
        | SimulationError::Simulation { .. }
        | SimulationError::Unsteady { .. } => Ok(Some(error.to_string())),
        error => Err(error.into()),
    }
}
