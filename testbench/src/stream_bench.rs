//! Plays frames through a stream unit and compares every output word with the golden model's.

use emeuro_hdl::register_map::{QUALITY, STATUS};

use crate::axi_lite::ControlMaster;
use crate::axi_stream::{Beat, StreamDriver, StreamMonitor};
use crate::error::{Error, Result};
use crate::failure::{Failure, Fault};
use crate::model::Model;
use crate::scoreboard::Scoreboard;
use crate::sim::Sim;
use crate::traffic::{Pattern, Traffic};
use crate::words::{fits, packed};

/// The synchronous reset, active low.
const RESET: &str = "aresetn";
/// Clocks in reset: more than any pipeline of a control path needs.
pub(crate) const RESET_CLOCKS: u32 = 8;
/// Clocks after the last expected word in which a further one is noticed.
const DRAIN_CLOCKS: u32 = 64;
/// Clocks without progress, unless set otherwise: a large frame on a single lane takes about a tenth of that.
const WATCHDOG_CLOCKS: u64 = 1_000_000;

/// The bit of STATUS that says that a frame is in the unit.
const BUSY: u32 = 1;

/// What a bench does when a word or a `tlast` is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMismatch {
    /// Stops with an error that names it.
    #[default]
    Stop,
    /// Counts it in [`Statistics::mismatches`] and goes on. Broken bus rules, missing and extra words still stop.
    Count,
}

/// What a bench has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Statistics {
    /// Output frames compared.
    pub frames: u64,
    /// Output words compared.
    pub words: u64,
    /// Output words whose value or `tlast` was wrong.
    pub mismatches: u64,
    /// Clocks from the end of reset to the last output word, both included.
    pub cycles: u64,
}

/// The speed of a unit at full rate: no gaps, no back-pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Timing {
    /// Clocks that an idle unit is busy with one frame: from the rising edge that accepts its first input word to the
    /// rising edge on which its last output word is accepted, both edges counted. For frames of N words, a wire has latency N.
    pub latency: u64,
    /// Clocks between the last output words of consecutive frames that are streamed back to back: half of what two frames
    /// take, rounded up, since units with two buffers may be faster every other frame.
    pub period: u64,
}

/// A bench for units with the ports `aclk`, `aresetn`, `s_axis_*` (frames in) and `m_axis_*` (frames out), one word or
/// several per beat in the low bits of `tdata`, the first lowest, frames ended by `tlast`.
///
/// ```no_run
/// use std::path::Path;
/// use emeuro_testbench::{Cache, Design, Model, Options, Roms, Sim, StreamBench, Traffic};
///
/// # fn main() -> emeuro_testbench::Result<()> {
/// let folder = Path::new("rtl-out/doubler");
/// let design = Design::read("doubler", [folder.join("doubler.v")])?;
/// let model = Model::build(&design, &Options::new(Cache::from_env_or("target/emeuro-cache")))?;
/// let mut sim = Sim::new(&model, Roms::Folder(folder), 7)?;
/// let bench = StreamBench::new(&model, 16, 16)?.with_traffic(Traffic::random(0.3, 0.3));
/// let statistics = bench.run(&mut sim, &[vec![1, 2, 3]], &[vec![2, 4, 6]], 7)?;
/// assert_eq!(statistics.mismatches, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StreamBench {
    input_bits: u32,
    output_bits: u32,
    words_per_beat: usize,
    traffic: Traffic,
    on_mismatch: OnMismatch,
    watchdog: u64,
    level: Option<usize>,
}

/// One run in full detail.
struct Record {
    statistics: Statistics,
    /// Per frame, the clock that accepted its first input word.
    starts: Vec<u64>,
    /// Per frame, the clock that accepted its last output word.
    ends: Vec<u64>,
}

impl StreamBench {
    /// A bench for a model, with words of the given numbers of bits (two's complement, 1 to 16). Full traffic; stops at
    /// the first mismatch.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] if a port is missing, [`Error::Stimulus`] if the words do not fit `tdata`.
    pub fn new(model: &Model, input_bits: u32, output_bits: u32) -> Result<Self> {
        for (bits, port) in [(input_bits, "s_axis_tdata"), (output_bits, "m_axis_tdata")] {
            if !(1..=16).contains(&bits) {
                return Err(Error::Stimulus(format!("words of {bits} bits: expected 1 to 16")));
            }
            match model.width(port) {
                Some(width) if width > 64 || width < bits => {
                    let message = format!("words of {bits} bits do not fit `{port}` of {width} bits");
                    return Err(Error::Stimulus(message));
                }
                // A missing port is reported by the driver or monitor, below.
                _ => {}
            }
        }
        let bench = StreamBench {
            input_bits,
            output_bits,
            words_per_beat: 1,
            traffic: Traffic::full(),
            on_mismatch: OnMismatch::Stop,
            watchdog: WATCHDOG_CLOCKS,
            level: None,
        };
        model.input(RESET)?;
        bench.driver(model, &bench.traffic, &[], 0)?;
        bench.monitor(model, &bench.traffic, 0)?;
        Ok(bench)
    }

    /// The same bench with `words` words per beat in both streams. Unused words of the last input beat are all ones; in the
    /// last output beat, `tkeep` must say which bytes count.
    ///
    /// # Errors
    /// [`Error::Stimulus`] if so many words do not fit 64 bits or the model's `tdata`.
    pub fn with_words_per_beat(mut self, model: &Model, words: usize) -> Result<Self> {
        for (bits, port) in [(self.input_bits, "s_axis_tdata"), (self.output_bits, "m_axis_tdata")] {
            let needed = bits as usize * words;
            if words == 0 || needed > model.width(port).unwrap_or(0).min(64) as usize {
                let message = format!("{words} words of {bits} bits do not fit `{port}`");
                return Err(Error::Stimulus(message));
            }
        }
        self.words_per_beat = words;
        Ok(self)
    }

    /// The same bench with other traffic.
    #[must_use]
    pub fn with_traffic(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// The same bench with another reaction to mismatches.
    #[must_use]
    pub fn with_on_mismatch(mut self, on_mismatch: OnMismatch) -> Self {
        self.on_mismatch = on_mismatch;
        self
    }

    /// The same bench at a quality level, 0 being the lowest, of a unit with a port `quality` or a register for it; in others it
    /// means nothing.
    #[must_use]
    pub fn with_level(mut self, level: usize) -> Self {
        self.level = Some(level);
        self
    }

    /// The same bench with another limit of clocks in which no beat moves at either side.
    #[must_use]
    pub fn with_watchdog(mut self, clocks: u64) -> Self {
        self.watchdog = clocks;
        self
    }

    /// Resets the unit, plays the input frames and compares every output word and `tlast` with the expected frames.
    ///
    /// `seed` decides the traffic. Bits of the output `tdata` above the word are not compared.
    ///
    /// # Errors
    /// [`Error::Failure`] with the fault and its place; [`Error::Simulation`] if an assertion of the design fails;
    /// [`Error::Stimulus`] if the frames are empty, differ in number or do not fit the words.
    pub fn run(
        &self,
        sim: &mut Sim,
        inputs: &[Vec<i16>],
        expected: &[Vec<i16>],
        seed: u64,
    ) -> Result<Statistics> {
        Ok(self.play(sim, &self.traffic, inputs, expected, seed, None)?.statistics)
    }

    /// As [`run`](StreamBench::run), with `master` at work beside the streams. Accesses that are not over when the last word
    /// has come stay with the master.
    ///
    /// # Errors
    /// As [`run`](StreamBench::run); [`Error::Control`] if the control port breaks a rule.
    pub fn run_beside(
        &self,
        sim: &mut Sim,
        inputs: &[Vec<i16>],
        expected: &[Vec<i16>],
        seed: u64,
        master: &mut ControlMaster,
    ) -> Result<Statistics> {
        Ok(self.play(sim, &self.traffic, inputs, expected, seed, Some(master))?.statistics)
    }

    /// Plays frames at full rate, compares them as [`run`](StreamBench::run) does, and measures.
    ///
    /// The latency is that of the first frame, which is played alone; the period that of the last two that have two
    /// frames behind them, since a unit may take frames in pairs. Give enough frames (at least 7) to reach the steady state.
    ///
    /// # Errors
    /// As [`run`](StreamBench::run); [`Error::Stimulus`] for fewer than 7 frames, [`Error::Unsteady`] if these two frames
    /// take another time than the two before them.
    pub fn measure(&self, sim: &mut Sim, inputs: &[Vec<i16>], expected: &[Vec<i16>]) -> Result<Timing> {
        let record = self.play(sim, &Traffic::full(), inputs, expected, 0, None)?;
        let &[.., fifth, _, third, _, first, _, _] = record.ends.as_slice() else {
            return Err(Error::Stimulus(format!("{} frames: measuring needs at least 7", inputs.len())));
        };
        let (previous, last) = (third - fifth, first - third);
        if previous != last {
            return Err(Error::Unsteady { previous, last });
        }
        let alone = self.play(sim, &Traffic::full(), &inputs[..1], &expected[..1], 0, None)?;
        Ok(Timing { latency: alone.ends[0] - alone.starts[0] + 1, period: last.div_ceil(2) })
    }

    /// Plays frames one at a time at full rate, each as soon as STATUS says that the unit is not busy, and compares words as
    /// [`run`](StreamBench::run) does: all of them must take `latency` clocks. Does nothing with a unit without a control port.
    ///
    /// # Errors
    /// As [`run`](StreamBench::run); [`Error::NotIdle`]; [`Error::Control`] if the control port breaks a rule.
    pub fn check_idle(
        &self,
        sim: &mut Sim,
        inputs: &[Vec<i16>],
        expected: &[Vec<i16>],
        latency: u64,
    ) -> Result<()> {
        // Polls at all distances.
        let pattern = Pattern::Random { idle: 0.5 };
        let Ok(mut master) = ControlMaster::new(sim.model(), &pattern, 0) else { return Ok(()) };
        self.check_frames(inputs, expected)?;
        let full = Traffic::full();
        for (frame, (input, expected)) in inputs.chunks(1).zip(expected.chunks(1)).enumerate() {
            let mut driver = self.driver(sim.model(), &full, input, 0)?;
            let mut monitor = self.monitor(sim.model(), &full, 0)?;
            if frame == 0 {
                self.reset(sim, &mut driver, &mut monitor, Some(&mut master), 0)?;
                self.set_level(sim)?;
            }
            let record = self.stream(sim, &mut driver, &mut monitor, None, expected, 0)?;
            let found = record.ends[0] - record.starts[0] + 1;
            if found != latency {
                return Err(Error::NotIdle { frame, expected: latency, found });
            }
            while master.read(sim, STATUS.offset)?.data & BUSY != 0 {}
        }
        Ok(())
    }

    /// Tells the unit the level, before anything is sent.
    fn set_level(&self, sim: &mut Sim) -> Result<()> {
        let Some(level) = self.level else { return Ok(()) };
        if let Ok(pin) = sim.model().input("quality") {
            sim.set(pin, level as u64);
        } else if let Ok(mut master) = ControlMaster::new(sim.model(), &Pattern::Always, 0) {
            // A unit without levels refuses.
            master.write(sim, QUALITY.offset, level as u32)?;
        }
        Ok(())
    }

    fn driver<'a>(
        &self,
        model: &Model,
        traffic: &Traffic,
        frames: &'a [Vec<i16>],
        seed: u64,
    ) -> Result<StreamDriver<impl Iterator<Item = Beat> + use<'a>>> {
        let (per_beat, bits) = (self.words_per_beat, self.input_bits);
        let beats = frames.iter().flat_map(move |frame| {
            let end = frame.len().div_ceil(per_beat) - 1;
            let beats = frame.chunks(per_beat).enumerate();
            beats.map(move |(index, words)| Beat::new(packed(words, bits), index == end))
        });
        StreamDriver::new(model, "s_axis", beats, &traffic.input, seed)
    }

    fn monitor(&self, model: &Model, traffic: &Traffic, seed: u64) -> Result<StreamMonitor> {
        StreamMonitor::new(model, "m_axis", &traffic.output, traffic.ready_after_valid, seed)
    }

    /// Refuses frames that no unit could answer.
    fn check_frames(&self, inputs: &[Vec<i16>], expected: &[Vec<i16>]) -> Result<()> {
        if inputs.len() != expected.len() {
            let message =
                format!("{} input frames, but {} expected output frames", inputs.len(), expected.len());
            return Err(Error::Stimulus(message));
        }
        for (what, frames, bits) in
            [("input", inputs, self.input_bits), ("output", expected, self.output_bits)]
        {
            for (index, frame) in frames.iter().enumerate() {
                if frame.is_empty() {
                    return Err(Error::Stimulus(format!("{what} frame {index} is empty")));
                }
                if let Some(word) = frame.iter().find(|&&word| !fits(word, bits)) {
                    let message = format!("{what} frame {index}: {word} does not fit in {bits} bits");
                    return Err(Error::Stimulus(message));
                }
            }
        }
        Ok(())
    }

    fn play(
        &self,
        sim: &mut Sim,
        traffic: &Traffic,
        inputs: &[Vec<i16>],
        expected: &[Vec<i16>],
        seed: u64,
        mut master: Option<&mut ControlMaster>,
    ) -> Result<Record> {
        self.check_frames(inputs, expected)?;
        let mut driver = self.driver(sim.model(), traffic, inputs, seed)?;
        let mut monitor = self.monitor(sim.model(), traffic, seed)?;
        self.reset(sim, &mut driver, &mut monitor, master.as_deref_mut(), seed)?;
        self.set_level(sim)?;
        let record = self.stream(sim, &mut driver, &mut monitor, master.as_deref_mut(), expected, seed)?;
        for extra in 1..=u64::from(DRAIN_CLOCKS) {
            drive(sim, &mut driver, &mut monitor, master.as_deref_mut())?;
            driver.sample(sim);
            if monitor.offered(sim).is_some() {
                let clock = record.statistics.cycles + extra;
                return Err(failure(seed, expected.len(), 0, clock, Fault::Extra));
            }
            sim.edge()?;
        }
        Ok(record)
    }

    /// Some clocks of reset, with idle streams.
    fn reset(
        &self,
        sim: &mut Sim,
        driver: &mut StreamDriver<impl Iterator<Item = Beat>>,
        monitor: &mut StreamMonitor,
        mut master: Option<&mut ControlMaster>,
        seed: u64,
    ) -> Result<()> {
        let reset = sim.model().input(RESET)?;
        sim.set(reset, 0);
        for clock in 1..=RESET_CLOCKS {
            driver.idle(sim);
            monitor.drive(sim);
            if let Some(master) = &mut master {
                master.reset(sim);
            }
            sim.settle()?;
            if clock == RESET_CLOCKS && monitor.offered(sim).is_some() {
                return Err(failure(seed, 0, 0, 0, Fault::ValidInReset));
            }
            sim.edge()?;
        }
        sim.set(reset, 1);
        Ok(())
    }

    /// Plays until all expected frames have come.
    fn stream(
        &self,
        sim: &mut Sim,
        driver: &mut StreamDriver<impl Iterator<Item = Beat>>,
        monitor: &mut StreamMonitor,
        mut master: Option<&mut ControlMaster>,
        expected: &[Vec<i16>],
        seed: u64,
    ) -> Result<Record> {
        let mut statistics = Statistics::default();
        let (mut starts, mut ends) = (Vec::with_capacity(expected.len()), Vec::with_capacity(expected.len()));
        let mut board = Scoreboard::new(expected, self.output_bits, self.words_per_beat);
        let mut clock = 0u64;
        let mut last_progress = 0;
        let mut at_start_of_input = true;
        while !board.is_complete() {
            clock += 1;
            drive(sim, driver, monitor, master.as_deref_mut())?;
            if let Some(beat) = driver.sample(sim) {
                last_progress = clock;
                if at_start_of_input {
                    starts.push(clock);
                }
                at_start_of_input = beat.last;
            }
            let at = |fault| failure(seed, board.frame(), board.word(), clock, fault);
            let accepted = monitor.sample(sim).map_err(at)?;
            if let Some(beat) = accepted {
                last_progress = clock;
                let stops = self.on_mismatch == OnMismatch::Stop;
                let mismatches = &mut statistics.mismatches;
                let frame = board.frame();
                let taken = board.take(beat, |wrong| {
                    *mismatches += 1;
                    if stops { Err(wrong) } else { Ok(()) }
                });
                if taken.map_err(|(word, fault)| failure(seed, frame, word, clock, fault))? {
                    ends.push(clock);
                }
            } else if clock - last_progress >= self.watchdog {
                return Err(at(Fault::Stalled { clocks: self.watchdog }));
            }
            sim.edge()?;
        }
        statistics.frames = board.frame() as u64;
        statistics.words = board.words();
        statistics.cycles = clock;
        Ok(Record { statistics, starts, ends })
    }
}

/// Gives the unit what comes next, up to where the outputs of this clock can be seen.
fn drive(
    sim: &mut Sim,
    driver: &mut StreamDriver<impl Iterator<Item = Beat>>,
    monitor: &mut StreamMonitor,
    mut master: Option<&mut ControlMaster>,
) -> Result<()> {
    driver.drive(sim);
    monitor.drive(sim);
    if let Some(master) = &mut master {
        master.drive(sim);
    }
    sim.settle()?;
    if let Some(master) = master {
        master.sample(sim)?;
    }
    Ok(())
}

#[cold]
fn failure(seed: u64, frame: usize, word: usize, clock: u64, fault: Fault) -> Error {
    Error::Failure(Box::new(Failure { seed, run: None, frame, word, clock, fault }))
}
