//! Co-simulation of a generated unit: Verilator against the golden model, in values and in clocks.

use emeuro_compiler::Cycles;
use emeuro_golden::{Emulator, Runner};

use crate::{Design, Error, Model, OnMismatch, Options, Result, Roms, Sim, StreamBench, Timing, Traffic};

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
const TIMED_FRAMES: usize = 10;

/// Plays `inputs` (raw words) through the unit `design` under every kind of [traffic](Traffic::standard) in turn, and
/// a few of them at full rate for the timing, and compares all output words with `emulator`.
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
    let model = Model::build(design, options)?;
    let mut sim = Sim::new(&model, Roms::Files(&design.sources), seed)?;
    compare(emulator, &mut sim, inputs, seed)
}

/// Plays everything on a simulation of the unit.
pub(crate) fn compare(
    emulator: &Emulator,
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
    let expected = golden(emulator, inputs)?;
    let kinds = Traffic::standard();
    let mut comparison = Comparison { frames: 0, words: 0, mismatches: 0, clocks: 0, timing: None };
    let share = inputs.len().div_ceil(kinds.len()).max(1);
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
        comparison.timing = Some(bench.measure(sim, &timed(inputs), &timed(&expected))?);
    }
    Ok(comparison)
}

/// The golden model's output frames.
fn golden(emulator: &Emulator, inputs: &[Vec<i16>]) -> Result<Vec<Vec<i16>>> {
    let mut runner = Runner::new(emulator);
    let infer = |(index, input): (usize, &Vec<i16>)| {
        let mut output = vec![0; emulator.output().port.size()];
        match runner.infer(input, &mut output) {
            Ok(()) => Ok(output),
            Err(error) => Err(Error::Stimulus(format!("frame {index}: {error}"))),
        }
    };
    inputs.iter().enumerate().map(infer).collect()
}
