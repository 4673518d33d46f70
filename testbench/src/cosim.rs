//! Co-simulation of a generated unit: Verilator against the golden model, in values and in clocks.

use std::path::Path;

use emeuro_compiler::Cycles;
use emeuro_golden::{Emulator, Isa, Runner};

use crate::stream_bench::RESET_CLOCKS;
use crate::{
    Design, Error, Event, Model, OnMismatch, Options, Reset, Result, Roms, Run, Scenario, Sim, StreamBench,
    Timing, Traffic,
};

/// What a co-simulation has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Frames compared.
    pub frames: u64,
    /// Output words compared.
    pub words: u64,
    /// Output words that differ from the golden model's.
    pub mismatches: u64,
    /// Clocks simulated.
    pub clocks: u64,
    /// Latency and period as measured; none if words differ.
    pub timing: Option<Timing>,
}

impl Comparison {
    /// Whether every word is right and the clocks are those that the compiler predicted.
    pub fn holds(&self, predicted: Cycles) -> bool {
        let as_predicted = |t: Timing| t.latency == predicted.latency && t.period == predicted.period;
        self.mismatches == 0 && self.timing.is_some_and(as_predicted)
    }
}

/// Frames at full rate for the timing: enough to fill the overlap of input, computation and output.
const TIMED_FRAMES: usize = 12;

/// Frames that begin when the unit says that it is idle.
const IDLE_FRAMES: usize = 4;

/// Plays `inputs` (raw words) through the unit `design` under every kind of [traffic](Traffic::standard) in turn, and
/// a few of them at full rate for the timing, and compares all output words with `emulator`. A frame that begins while the unit's
/// STATUS says that it is not busy must take as long as the first.
///
/// Beats have as many words as fit the unit's `s_axis_tdata`. The hex files among the design's sources are the ROMs. `seed` decides traffic and power-up values.
///
/// # Errors
/// Verilator or the compiler fail, the unit breaks a bus rule or hangs, or a frame does not fit the emulator.
pub fn cosim(
    emulator: &Emulator,
    design: &Design,
    options: &Options,
    inputs: &[Vec<i16>],
    seed: u64,
) -> Result<Comparison> {
    let highest = emulator.levels() - 1;
    cosim_at(emulator, highest, design, options, inputs, seed)
}

/// As [`cosim`], at one quality level, 0 being the lowest.
///
/// # Errors
/// As [`cosim`].
pub fn cosim_at(
    emulator: &Emulator,
    level: usize,
    design: &Design,
    options: &Options,
    inputs: &[Vec<i16>],
    seed: u64,
) -> Result<Comparison> {
    let model = Model::build(design, options)?;
    let mut sim = Sim::new(&model, Roms::Files(&design.sources), seed)?;
    compare(emulator, level, &mut sim, inputs, seed)
}

/// As [`cosim`], and writes the waveforms of all signals to a file (FST), which appears under its name when it is complete,
/// after a failure too.
///
/// # Errors
/// As [`cosim`]; [`Error::Io`] if the file cannot be written.
pub fn cosim_traced(
    emulator: &Emulator,
    design: &Design,
    options: &Options,
    inputs: &[Vec<i16>],
    seed: u64,
    path: &Path,
) -> Result<Comparison> {
    let model = Model::build(design, &Options { trace: true, ..options.clone() })?;
    let mut sim = Sim::new(&model, Roms::Files(&design.sources), seed)?;
    sim.trace_whole(path, |sim| compare(emulator, emulator.levels() - 1, sim, inputs, seed))
}

/// The stimulus of [`cosim`], without its measurement at full rate.
pub fn cosim_scenario(inputs: &[Vec<i16>], seed: u64) -> Scenario {
    let kinds = Traffic::standard();
    let shares = inputs.chunks(share(inputs)).zip(kinds);
    let runs = shares.map(|(inputs, (_, traffic))| {
        let events = inputs.iter().cloned().map(Event::Frame).collect();
        Run { reset: Reset::port(RESET_CLOCKS), ..Run::new(seed, traffic, events) }
    });
    Scenario { power_up: seed, runs: runs.collect() }
}

/// Frames for each kind of traffic.
fn share(inputs: &[Vec<i16>]) -> usize {
    inputs.len().div_ceil(Traffic::standard().len()).max(1)
}

/// Plays everything on a simulation of the unit.
pub(crate) fn compare(
    emulator: &Emulator,
    level: usize,
    sim: &mut Sim,
    inputs: &[Vec<i16>],
    seed: u64,
) -> Result<Comparison> {
    let model = sim.model().clone();
    let (input_bits, output_bits) = (emulator.input().bits, emulator.output().port.bits);
    let words_per_beat = model.width("s_axis_tdata").unwrap_or(input_bits) / input_bits;
    let bench = StreamBench::new(&model, input_bits, output_bits)?
        .with_words_per_beat(&model, words_per_beat as usize)?
        .with_on_mismatch(OnMismatch::Count);
    let bench = if emulator.levels() > 1 { bench.with_level(level) } else { bench };
    let expected = golden(emulator, level, inputs)?;
    let kinds = Traffic::standard();
    let mut comparison = Comparison { frames: 0, words: 0, mismatches: 0, clocks: 0, timing: None };
    let share = share(inputs);
    let shares = inputs.chunks(share).zip(expected.chunks(share)).zip(kinds);
    for ((inputs, expected), (_, traffic)) in shares {
        let statistics = bench.clone().with_traffic(traffic).run(sim, inputs, expected, seed)?;
        comparison.frames += statistics.frames;
        comparison.words += statistics.words;
        comparison.mismatches += statistics.mismatches;
        comparison.clocks += statistics.cycles;
    }
    if comparison.mismatches == 0 && !inputs.is_empty() {
        let timed = |frames: &[Vec<i16>]| -> Vec<Vec<i16>> {
            frames.iter().cycle().take(TIMED_FRAMES).cloned().collect()
        };
        let timing = bench.measure(sim, &timed(inputs), &timed(&expected))?;
        let (some, answers) = (&timed(inputs)[..IDLE_FRAMES], &timed(&expected)[..IDLE_FRAMES]);
        bench.check_idle(sim, some, answers, timing.latency)?;
        comparison.timing = Some(timing);
    }
    Ok(comparison)
}

/// The output frames of the golden model's specification.
fn golden(emulator: &Emulator, level: usize, inputs: &[Vec<i16>]) -> Result<Vec<Vec<i16>>> {
    let specified = Runner::with_isa(emulator, Isa::Scalar);
    let mut runner = specified.map_err(|error| Error::Stimulus(error.to_string()))?;
    let infer = |(index, input): (usize, &Vec<i16>)| {
        let mut output = vec![0; emulator.output().port.size()];
        match runner.infer_at(level, input, &mut output) {
            Ok(()) => Ok(output),
            Err(error) => Err(Error::Stimulus(format!("frame {index}: {error}"))),
        }
    };
    inputs.iter().enumerate().map(infer).collect()
}
