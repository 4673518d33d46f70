//! Plays scenarios through a unit and keeps score: every word, every bus rule, every flag, every register.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

use emeuro_golden::{Emulator, Isa, Runner, Selected};
use emeuro_hdl::register_map::{CONTROL, FRAMES, MEMBER, QUALITY, STATUS, UNFAMILIAR, UnitNumbers};

use crate::axi_lite::{Completed, ControlMaster, Transaction};
use crate::axi_stream::{StreamDriver, StreamMonitor};
use crate::design::Design;
use crate::error::{Error, Result};
use crate::failure::{Failure, Fault};
use crate::flag_score::{FlagScore, Possible};
use crate::model::{Model, Options};
use crate::register_score::{RegisterScore, Seen};
use crate::scenario::{Event, Reset, Run, Scenario};
use crate::scoreboard::Scoreboard;
use crate::sender::Sender;
use crate::sim::{InPort, OutPort, PowerUp, Roms, Sim};
use crate::traffic::Traffic;
use crate::words::fits;

/// Clocks after a run in which another word is noticed, unless set otherwise.
const QUIET_CLOCKS: u64 = 64;
/// Clocks without progress, unless set otherwise.
const WATCHDOG_CLOCKS: u64 = 1_000_000;
/// Clocks after which a register must show what the streams have done.
const REGISTER_CLOCKS: u64 = 4;

/// The frames that a unit takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameShape {
    /// Words of an input frame.
    pub input_words: usize,
    /// Bits of an input word, 1 to 16, two's complement.
    pub input_bits: u32,
    /// Words of an output frame.
    pub output_words: usize,
    /// Bits of an output word.
    pub output_bits: u32,
    /// Words per beat of both streams.
    pub words_per_beat: usize,
}

impl FrameShape {
    /// That of a unit for an emulator.
    pub fn of(emulator: &Emulator, words_per_beat: usize) -> Self {
        FrameShape {
            input_words: emulator.input().size(),
            input_bits: emulator.input().bits,
            output_words: emulator.output().port.size(),
            output_bits: emulator.output().port.bits,
            words_per_beat,
        }
    }

    /// Beats of an input frame of the right length.
    pub fn input_beats(&self) -> usize {
        self.input_words.div_ceil(self.words_per_beat)
    }
}

/// What a bench has seen, without a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// Output frames that were complete and right.
    pub frames: u64,
    /// Output words that were right, those of interrupted frames too.
    pub words: u64,
    /// Input frames of the wrong length, dropped as they must be.
    pub dropped: u64,
    /// Accesses to registers that were answered rightly.
    pub accesses: u64,
    /// Resets.
    pub resets: u64,
    /// Clocks.
    pub clocks: u64,
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Score) {
        self.frames += other.frames;
        self.words += other.words;
        self.dropped += other.dropped;
        self.accesses += other.accesses;
        self.resets += other.resets;
        self.clocks += other.clocks;
    }
}

/// What a unit must make of a frame.
#[derive(Clone, Debug)]
struct Answer {
    words: Vec<i16>,
    /// The member that it is routed to, if there are any.
    selected: Option<Selected>,
}

/// The answer to a frame at a quality level.
type Golden<'a> = Box<dyn Fn(usize, &[i16]) -> Result<Answer> + Sync + 'a>;

/// A bench for units that answer each input frame of one length with one output frame, and drop all others.
///
/// The unit has the ports of a [`StreamBench`](crate::StreamBench). If it has ports `short_frame` and `long_frame`, they must
/// show which frames were dropped; if its [registers](UnitBench::with_registers) are known, so must they.
///
/// [`play`](UnitBench::play) plays one [`Scenario`]; [`check`](UnitBench::check) also shrinks one that fails.
pub struct UnitBench<'a> {
    pub(crate) design: &'a Design,
    pub(crate) options: Options,
    model: Model,
    shape: FrameShape,
    golden: Golden<'a>,
    levels: usize,
    numbers: Option<UnitNumbers>,
    watchdog: u64,
    quiet: u64,
}

impl fmt::Debug for UnitBench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.design.top;
        f.debug_struct("UnitBench").field("top", name).field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl<'a> UnitBench<'a> {
    /// A bench for a design whose answers are those of `golden`, which is given frames of `input_words` words. The hex
    /// files among the design's sources are the ROMs.
    ///
    /// # Errors
    /// The model cannot be built, or its ports are not those of such a unit.
    pub fn new(
        design: &'a Design,
        options: &Options,
        shape: FrameShape,
        golden: impl Fn(&[i16]) -> Result<Vec<i16>> + Sync + 'a,
    ) -> Result<Self> {
        let golden = move |_: usize, frame: &[i16]| Ok(Answer { words: golden(frame)?, selected: None });
        UnitBench::of_model(Model::build(design, options)?, design, options, shape, golden)
    }

    fn of_model(
        model: Model,
        design: &'a Design,
        options: &Options,
        shape: FrameShape,
        golden: impl Fn(usize, &[i16]) -> Result<Answer> + Sync + 'a,
    ) -> Result<Self> {
        crate::StreamBench::new(&model, shape.input_bits, shape.output_bits)?
            .with_words_per_beat(&model, shape.words_per_beat)?;
        if shape.input_words == 0 || shape.output_words == 0 {
            return Err(Error::Stimulus("frames of no words: expected at least one".into()));
        }
        let golden = Box::new(golden);
        let (watchdog, quiet) = (WATCHDOG_CLOCKS, QUIET_CLOCKS);
        Ok(UnitBench {
            design,
            options: options.clone(),
            model,
            shape,
            golden,
            levels: 1,
            numbers: None,
            watchdog,
            quiet,
        })
    }

    /// A bench for the unit of an emulator.
    ///
    /// # Errors
    /// As [`new`](UnitBench::new).
    pub fn of_emulator(emulator: &'a Emulator, design: &'a Design, options: &Options) -> Result<Self> {
        let model = Model::build(design, options)?;
        let words_per_beat = model.width("s_axis_tdata").unwrap_or(0) / emulator.input().bits;
        let shape = FrameShape::of(emulator, words_per_beat as usize);
        let bench = UnitBench::of_model(model, design, options, shape, move |level, frame| {
            let specified = Runner::with_isa(emulator, Isa::Scalar);
            let mut runner = specified.map_err(|error| Error::Stimulus(error.to_string()))?;
            let mut words = vec![0; emulator.output().port.size()];
            let ran = runner.infer_at(level, frame, &mut words);
            ran.map_err(|error| Error::Stimulus(error.to_string()))?;
            Ok(Answer { words, selected: runner.selected() })
        })?;
        Ok(UnitBench { levels: emulator.levels(), ..bench })
    }

    /// The same bench for a unit with the registers of [`emeuro_hdl::register_map`], whose numbers are given.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] if it has no control port.
    pub fn with_registers(mut self, numbers: UnitNumbers) -> Result<Self> {
        ControlMaster::new(&self.model, &crate::Pattern::Always, 0)?;
        self.numbers = Some(numbers);
        Ok(self)
    }

    /// The same bench with another limit of clocks without progress.
    #[must_use]
    pub fn with_watchdog(self, clocks: u64) -> Self {
        UnitBench { watchdog: clocks, ..self }
    }

    /// The same bench with another number of clocks for which the output must stay silent after a run: at least the latency
    /// of the unit, so that the answer to a frame that it should have dropped is seen.
    #[must_use]
    pub fn with_quiet(self, clocks: u64) -> Self {
        UnitBench { quiet: clocks, ..self }
    }

    /// The frames of the unit.
    pub fn shape(&self) -> FrameShape {
        self.shape
    }

    /// What the registers of the unit depend on, if they are known.
    pub fn numbers(&self) -> Option<UnitNumbers> {
        self.numbers
    }

    /// Quality levels of the unit.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// The model that is simulated.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Plays a scenario from power-up.
    ///
    /// # Errors
    /// [`Error::Failure`] with the first fault and its place, [`Error::Stimulus`] if the scenario makes no sense for the unit.
    pub fn play(&self, scenario: &Scenario) -> Result<Score> {
        self.play_watched(scenario, scenario.power_up(), |_| {})
    }

    /// As [`play`](UnitBench::play), from a given state at power-up; `watch` sees the simulation in every clock, settled before
    /// its rising edge.
    ///
    /// # Errors
    /// As [`play`](UnitBench::play).
    pub fn play_watched(
        &self,
        scenario: &Scenario,
        power_up: PowerUp,
        watch: impl FnMut(&Sim),
    ) -> Result<Score> {
        self.check_scenario(scenario)?;
        let mut sim = Sim::new(&self.model, Roms::Files(&self.design.sources), power_up)?;
        Player::new(self, &mut sim, scenario, watch)?.play()
    }

    /// As [`play`](UnitBench::play), on a simulation of [the model](UnitBench::model) that goes on from where it is: its state
    /// at the beginning is what it has done before, and coverage adds up.
    ///
    /// # Errors
    /// As [`play`](UnitBench::play).
    pub fn play_on(&self, sim: &mut Sim, scenario: &Scenario) -> Result<Score> {
        self.check_scenario(scenario)?;
        Player::new(self, sim, scenario, |_| {})?.play()
    }

    /// As [`play`](UnitBench::play), and writes the waveforms of all signals to a file (FST), which appears under its name when it
    /// is complete, after a failure too.
    ///
    /// # Errors
    /// As [`play`](UnitBench::play); [`Error::Io`] if the file cannot be written.
    pub fn trace(&self, scenario: &Scenario, path: &Path) -> Result<Score> {
        self.check_scenario(scenario)?;
        let model = Model::build(self.design, &Options { trace: true, ..self.options.clone() })?;
        let mut sim = Sim::new(&model, Roms::Files(&self.design.sources), scenario.power_up())?;
        sim.trace_whole(path, |sim| Player::new(self, sim, scenario, |_| {})?.play())
    }

    /// Refuses what no unit could be blamed for.
    fn check_scenario(&self, scenario: &Scenario) -> Result<()> {
        let registers = self.numbers.map(RegisterScore::new);
        let refused = |run: usize, message: String| Err(Error::Stimulus(format!("run {run}: {message}")));
        for (index, run) in scenario.runs.iter().enumerate() {
            if run.reset == Reset::Register && (index == 0 || registers.is_none()) {
                let expected = "expected a reset by the port, at power-up and for units without registers";
                return refused(index, expected.into());
            }
            for (number, event) in run.events.iter().enumerate() {
                let problem = match (event, &registers) {
                    (Event::Frame(words), _) if words.is_empty() => Some("a frame of no words".to_owned()),
                    (Event::Frame(words), _) => words
                        .iter()
                        .find(|&&word| !fits(word, self.shape.input_bits))
                        .map(|word| format!("{word} does not fit in {} bits", self.shape.input_bits)),
                    (Event::Access(_), None) => Some("an access to a unit without known registers".into()),
                    (Event::Access(access), Some(registers)) => registers.refuses(*access).map(str::to_owned),
                    (Event::Pause(_), _) => None,
                    (Event::Level(level), _) if *level < self.levels && self.can_set_level() => None,
                    (Event::Level(level), _) => {
                        Some(format!("level {level} of a unit with {} that can be set", self.levels))
                    }
                };
                if let Some(problem) = problem {
                    return refused(index, format!("event {number}: {problem}"));
                }
            }
        }
        Ok(())
    }

    /// Whether the level has a pin or a register.
    fn can_set_level(&self) -> bool {
        self.model.input(LEVEL_PIN).is_ok() || self.numbers.is_some_and(|numbers| numbers.levels > 1)
    }

    /// What must come of the frames of a run that begins at a level, as the unit sees them: whole beats.
    fn expected(&self, rest: &[i16], run: &Run, mut level: usize) -> Result<Expected> {
        let shape = &self.shape;
        let right = |frame: &[i16]| frame.len().div_ceil(shape.words_per_beat) == shape.input_beats();
        let answer = |level: usize, frame: &[i16]| {
            let padded: Vec<i16> =
                frame.iter().copied().chain(std::iter::repeat(-1)).take(shape.input_words).collect();
            let answer = (self.golden)(level, &padded)?;
            let fits = answer.words.iter().all(|&word| fits(word, shape.output_bits));
            if answer.words.len() != shape.output_words || !fits {
                let expected = format!("{} words of {} bits", shape.output_words, shape.output_bits);
                return Err(Error::Stimulus(format!("the golden model's answer is not {expected}")));
            }
            Ok(answer)
        };
        let mut expected = Expected::default();
        if !rest.is_empty() && right(rest) {
            expected.push(answer(level, rest)?);
        }
        for event in &run.events {
            match event {
                Event::Frame(words) if right(words) => expected.push(answer(level, words)?),
                Event::Level(next) => {
                    level = *next;
                    expected.before_levels.push(expected.frames.len());
                }
                Event::Frame(_) | Event::Pause(_) | Event::Access(_) => {}
            }
        }
        Ok(expected)
    }
}

/// The port of a quality level.
const LEVEL_PIN: &str = "quality";

/// What must come of the frames of a run.
#[derive(Debug, Default)]
struct Expected {
    frames: Vec<Vec<i16>>,
    /// Where the last frame was routed to, and how many frames were unfamiliar.
    routed: (Option<Selected>, u64),
    /// The frames that come before every change of the level.
    before_levels: Vec<usize>,
}

impl Expected {
    fn push(&mut self, answer: Answer) {
        self.frames.push(answer.words);
        if let Some(selected) = answer.selected {
            self.routed = (Some(selected), self.routed.1 + u64::from(!selected.familiar));
        }
    }
}

/// One error flag: its port, if there is one, and what it may show.
struct Flag {
    name: &'static str,
    port: Option<OutPort>,
    score: FlagScore,
}

/// An access that is on its way, and what has been seen since it was asked for.
struct OnItsWay {
    clears: [bool; 2],
    frames: u64,
    clock: u64,
    flags: [Possible; 2],
    is_idle: bool,
}

/// How a run goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Events are under way or answers awaited.
    Playing,
    /// Everything is answered: nothing more may come.
    Quiet,
    /// Registers are read for the last time.
    Closing,
    /// Software resets the datapath: a frame may break off, flags fall.
    Resetting,
}

/// One scenario being played.
struct Player<'b, 'a, W> {
    bench: &'b UnitBench<'a>,
    scenario: &'b Scenario,
    sim: &'b mut Sim,
    watch: W,
    reset: InPort,
    score: Score,
    registers: Option<RegisterScore>,
    /// The quality level of frames that begin.
    level: usize,
    level_pin: Option<InPort>,
    /// What the router says about the last frame, if it has pins.
    member_pins: Option<[OutPort; 2]>,
}

/// One run being played.
struct Playing<'s, 'e> {
    index: usize,
    phase: Phase,
    driver: StreamDriver<Sender<'s>>,
    monitor: StreamMonitor,
    master: Option<ControlMaster>,
    access: Option<OnItsWay>,
    /// What all frames of the run must make of the router's registers.
    routed: (Option<Selected>, u64),
    /// The frames before every change of the level that is still to come.
    before_levels: VecDeque<usize>,
    /// The change of the level that is being written.
    writes_level: Option<usize>,
    board: Scoreboard<'e>,
    flags: [Flag; 2],
    clock: u64,
    /// Clocks that CYCLES may be ahead, since software began the reset.
    ahead: u64,
    last_progress: u64,
    steps: u64,
    /// Beats of the present input frame that were accepted.
    beats: usize,
    /// When the last output frames ended.
    recent: VecDeque<u64>,
    quiet: u64,
}

impl<'b, 'a, W: FnMut(&Sim)> Player<'b, 'a, W> {
    fn new(bench: &'b UnitBench<'a>, sim: &'b mut Sim, scenario: &'b Scenario, watch: W) -> Result<Self> {
        let reset = sim.model().input("aresetn")?;
        let registers = bench.numbers.map(RegisterScore::new);
        let level_pin = sim.model().input(LEVEL_PIN).ok();
        let member_pin = |name| sim.model().output(name).ok();
        let member_pins = member_pin("member").zip(member_pin("unfamiliar")).map(|(a, b)| [a, b]);
        let (score, level) = (Score::default(), bench.levels - 1);
        Ok(Player { bench, scenario, sim, watch, reset, score, registers, level, level_pin, member_pins })
    }

    fn play(mut self) -> Result<Score> {
        let begin = self.sim.clocks();
        let mut rest: &'b [i16] = &[];
        let mut ahead = 0;
        for (index, run) in self.scenario.runs.iter().enumerate() {
            let next = self.scenario.runs.get(index + 1).map(|run| run.reset);
            if !run.resumes {
                rest = &[];
            }
            if let (Some(_), Reset::Port { .. }) = (&self.registers, run.reset) {
                self.level = self.bench.levels - 1;
            }
            let expected = self.bench.expected(rest, run, self.level)?;
            (rest, ahead) = self.play_run(index, run, rest, ahead, next, &expected)?;
        }
        self.score.clocks = self.sim.clocks() - begin;
        Ok(self.score)
    }

    /// Plays one run; returns what is left of a frame that was interrupted, and the clocks that a reset by software took.
    fn play_run(
        &mut self,
        index: usize,
        run: &'b Run,
        rest: &'b [i16],
        ahead: u64,
        next: Option<Reset>,
        expected: &Expected,
    ) -> Result<(&'b [i16], u64)> {
        let (model, shape) = (self.sim.model(), self.bench.shape);
        let sender = Sender::new(rest, &run.events, shape.input_bits, shape.words_per_beat);
        let flag = |name| Flag { name, port: model.output(name).ok(), score: FlagScore::new() };
        let Traffic { input, output, ready_after_valid } = &run.traffic;
        let master = self.registers.is_some().then(|| ControlMaster::new(model, &run.control, run.seed));
        let mut playing = Playing {
            index,
            phase: Phase::Playing,
            driver: StreamDriver::new(model, "s_axis", sender, input, run.seed)?,
            monitor: StreamMonitor::new(model, "m_axis", output, *ready_after_valid, run.seed)?,
            master: master.transpose()?,
            access: None,
            routed: expected.routed,
            before_levels: expected.before_levels.iter().copied().collect(),
            writes_level: None,
            board: Scoreboard::new(&expected.frames, shape.output_bits, shape.words_per_beat),
            flags: [flag("short_frame"), flag("long_frame")],
            clock: 0,
            ahead,
            last_progress: 0,
            steps: 0,
            beats: 0,
            recent: VecDeque::new(),
            quiet: 0,
        };
        if let Reset::Port { clocks } = run.reset {
            self.reset(&mut playing, clocks.get()).map_err(|error| self.located(&playing, error))?;
        }
        if let Some(pin) = self.level_pin {
            self.sim.set(pin, self.level as u64);
        }
        self.score.resets += 1;
        let mut begun = 0;
        let played = self.play_events(&mut playing, run.interrupted_after).and_then(|()| {
            if next == Some(Reset::Register) {
                begun = playing.clock;
                self.reset_by_software(&mut playing)?;
            }
            Ok(())
        });
        played.map_err(|error| self.located(&playing, error))?;
        self.score.frames += playing.board.frame() as u64;
        self.score.words += playing.board.words();
        let rest = match playing.beats {
            0 => &[],
            beats => playing.driver.source().rest_after(beats),
        };
        Ok((rest, playing.clock - begun))
    }

    /// Gives an error of the unit its place.
    fn located(&self, playing: &Playing<'_, '_>, error: Error) -> Error {
        let (frame, word) = (playing.board.frame(), playing.board.word());
        let (seed, run, clock) = (self.scenario.power_up, Some(playing.index), playing.clock);
        let at = |fault| Error::Failure(Box::new(Failure { seed, run, frame, word, clock, fault }));
        match error {
            Error::Simulation { message, .. } => at(Fault::Simulation { message }),
            Error::Control { fault, .. } => at(Fault::Control(fault)),
            Error::Failure(mut failure) => {
                failure.seed = seed;
                failure.run = run;
                Error::Failure(failure)
            }
            other => other,
        }
    }

    /// A reset by the port.
    fn reset(&mut self, playing: &mut Playing<'_, '_>, clocks: u32) -> Result<()> {
        self.registers = self.bench.numbers.map(RegisterScore::new);
        self.sim.set(self.reset, 0);
        for clock in 1..=clocks {
            playing.driver.idle(self.sim);
            playing.monitor.drive(self.sim);
            if let Some(master) = &mut playing.master {
                master.reset(self.sim);
            }
            self.sim.settle()?;
            (self.watch)(self.sim);
            if clock > 1 && playing.monitor.offered(self.sim).is_some() {
                return Err(playing.fault(Fault::ValidInReset));
            }
            self.sim.edge()?;
        }
        self.sim.set(self.reset, 1);
        Ok(())
    }

    /// Everything from reset to the last answer, or to the interruption.
    fn play_events(&mut self, playing: &mut Playing<'_, '_>, interrupted_after: Option<u64>) -> Result<()> {
        let end = interrupted_after.unwrap_or(u64::MAX);
        while playing.clock < end {
            self.clock(playing)?;
            self.change_level(playing);
            let is_done = playing.driver.is_idle() && playing.driver.source().is_done();
            match playing.phase {
                Phase::Playing if is_done && playing.board.is_complete() && playing.has_no_access() => {
                    playing.phase = Phase::Quiet;
                }
                Phase::Quiet => {
                    playing.quiet += 1;
                    playing.last_progress = playing.clock;
                    if playing.quiet >= self.bench.quiet {
                        if playing.master.is_none() {
                            return Ok(());
                        }
                        let members = self.bench.numbers.is_some_and(|numbers| numbers.members > 0);
                        let of_members = [MEMBER, UNFAMILIAR].into_iter().filter(|_| members);
                        let registers = [STATUS, FRAMES].into_iter().chain(of_members);
                        let closing = registers.map(|register| Transaction::read(register.offset));
                        playing.driver.source_mut().accesses.extend(closing);
                        playing.phase = Phase::Closing;
                    }
                }
                Phase::Closing if playing.has_no_access() => return Ok(()),
                Phase::Playing | Phase::Closing | Phase::Resetting => {}
            }
        }
        Ok(())
    }

    /// Sets the level that comes next, once all frames before have been answered.
    fn change_level(&mut self, playing: &mut Playing<'_, '_>) {
        let (Some(level), Some(&before)) = (playing.driver.source().level, playing.before_levels.front())
        else {
            return;
        };
        if playing.writes_level.is_some() {
            // A write that has been answered.
            if playing.has_no_access() {
                playing.writes_level = None;
                self.level_is(level, playing);
            }
            return;
        }
        let is_idle = playing.board.frame() == before && playing.driver.is_idle() && playing.has_no_access();
        match self.level_pin {
            _ if !is_idle => {}
            Some(pin) => {
                self.sim.set(pin, level as u64);
                self.level_is(level, playing);
            }
            None => {
                let write = Transaction::write(QUALITY.offset, level as u32);
                playing.driver.source_mut().accesses.push_back(write);
                playing.writes_level = Some(level);
            }
        }
    }

    fn level_is(&mut self, level: usize, playing: &mut Playing<'_, '_>) {
        self.level = level;
        playing.before_levels.pop_front();
        playing.driver.source_mut().level = None;
        playing.last_progress = playing.clock;
    }

    /// Software writes to CONTROL, after the beat and the access that are on their way.
    fn reset_by_software(&mut self, playing: &mut Playing<'_, '_>) -> Result<()> {
        playing.driver.source_mut().is_stopped = true;
        playing.driver.source_mut().accesses.clear();
        playing.phase = Phase::Playing;
        if playing.access.is_some()
            && let Some(level) = playing.writes_level
        {
            // The write of the level is answered first.
            self.level = level;
        }
        while !playing.driver.is_idle() || playing.access.is_some() {
            self.clock(playing)?;
        }
        playing.phase = Phase::Resetting;
        playing.driver.source_mut().accesses.push_back(Transaction::write(CONTROL.offset, 1));
        while !playing.has_no_access() {
            self.clock(playing)?;
        }
        if let Some(registers) = &mut self.registers {
            registers.reset_datapath();
        }
        Ok(())
    }

    /// One clock of a run.
    fn clock(&mut self, playing: &mut Playing<'_, '_>) -> Result<()> {
        let sim = &mut *self.sim;
        playing.clock += 1;
        let clock = playing.clock;
        playing.flags.iter_mut().for_each(|flag| flag.score.tick(clock));
        playing.driver.drive(sim);
        playing.monitor.drive(sim);
        if let Some(registers) = &self.registers {
            playing.begin_access(registers);
        }
        if let Some(master) = &mut playing.master {
            master.drive(sim);
        }
        sim.settle()?;
        (self.watch)(sim);
        playing.check_flags(sim)?;
        if let (Some(pins), Phase::Quiet) = (self.member_pins, playing.phase) {
            playing.check_member(sim, pins)?;
        }
        if let (Some(master), Some(registers)) = (&mut playing.master, &mut self.registers) {
            master.sample(sim)?;
            for completed in master.take_completed() {
                playing.end_access(&completed, registers)?;
                self.score.accesses += 1;
            }
        }
        if playing.sample_input(sim, self.bench.shape.input_beats()) {
            self.score.dropped += 1;
        }
        playing.sample_output(sim)?;
        let steps = playing.driver.source().steps;
        if steps != playing.steps {
            (playing.steps, playing.last_progress) = (steps, clock);
        }
        if clock - playing.last_progress >= self.bench.watchdog {
            return Err(playing.fault(Fault::Stalled { clocks: self.bench.watchdog }));
        }
        sim.edge()
    }
}

impl Playing<'_, '_> {
    /// An error at the present place; seed and run are given later.
    fn fault(&self, fault: Fault) -> Error {
        self.fault_in(self.board.word(), fault)
    }

    /// An error in a word of the present output frame.
    #[cold]
    fn fault_in(&self, word: usize, fault: Fault) -> Error {
        let frame = self.board.frame();
        Error::Failure(Box::new(Failure { seed: 0, run: None, frame, word, clock: self.clock, fault }))
    }

    fn has_no_access(&self) -> bool {
        self.access.is_none() && self.driver.source().accesses.is_empty()
    }

    /// Gives the next access to the master if it has none.
    fn begin_access(&mut self, registers: &RegisterScore) {
        let Some(master) = &mut self.master else { return };
        let flags = [0, 1].map(|flag: usize| self.flags[flag].score.now());
        if let Some(access) = &mut self.access {
            access.flags = [0, 1].map(|flag: usize| access.flags[flag].or(flags[flag]));
            return;
        }
        let Some(transaction) = self.driver.source_mut().accesses.pop_front() else { return };
        master.push(transaction);
        let clears = registers.clears(transaction);
        for (flag, clears) in self.flags.iter_mut().zip(clears) {
            if clears {
                flag.score.begin_clear();
            }
        }
        let settled = self.clock.saturating_sub(REGISTER_CLOCKS);
        let unsettled = self.recent.iter().filter(|&&end| end >= settled).count();
        let frames = (self.board.frame() - unsettled) as u64;
        let is_idle = self.phase == Phase::Closing;
        self.access = Some(OnItsWay { clears, frames, clock: settled, flags, is_idle });
    }

    /// Compares an answer with what may be answered.
    fn end_access(&mut self, completed: &Completed, registers: &mut RegisterScore) -> Result<()> {
        let Some(access) = self.access.take() else { return Ok(()) };
        for (flag, clears) in self.flags.iter_mut().zip(access.clears) {
            if clears {
                flag.score.end_clear();
            }
        }
        let [short_frame, long_frame] = access.flags;
        let seen = Seen {
            frames: access.frames..=self.board.frame() as u64,
            cycles: access.clock..=self.clock + self.ahead,
            short_frame,
            long_frame,
            routed: self.routed,
            is_idle: access.is_idle,
        };
        self.last_progress = self.clock;
        registers.check(completed, &seen).map_or(Ok(()), |fault| Err(self.fault(fault)))
    }

    /// All frames have been answered: the router stands at the last one that it has seen.
    fn check_member(&self, sim: &Sim, [member, unfamiliar]: [OutPort; 2]) -> Result<()> {
        let selected = self.routed.0.unwrap_or(Selected { member: 0, familiar: true });
        let (got, expected) = (sim.get(member), selected.member as u64);
        if got != expected {
            return Err(self.fault(Fault::Member { expected, got }));
        }
        match sim.get(unfamiliar) != 0 {
            got if got == selected.familiar => Err(self.fault(Fault::Flag { flag: "unfamiliar", got })),
            _ => Ok(()),
        }
    }

    #[inline]
    fn check_flags(&self, sim: &Sim) -> Result<()> {
        for flag in &self.flags {
            let Some(port) = flag.port else { continue };
            let got = sim.get(port) != 0;
            if !flag.score.now().contains(got) && self.phase != Phase::Resetting {
                return Err(self.fault(Fault::Flag { flag: flag.name, got }));
            }
        }
        Ok(())
    }

    /// Counts the beats of the input; whether one has ended a frame of the wrong length.
    #[inline]
    fn sample_input(&mut self, sim: &Sim, right: usize) -> bool {
        let Some(beat) = self.driver.sample(sim) else { return false };
        self.last_progress = self.clock;
        self.beats += 1;
        let beats = self.beats;
        let [short, long] = &mut self.flags;
        if !beat.last {
            if beats == right {
                long.score.goes_wrong();
            }
            return false;
        }
        self.beats = 0;
        if beats < right {
            short.score.goes_wrong();
            short.score.went_wrong(self.clock);
        } else if beats > right {
            long.score.went_wrong(self.clock);
        }
        beats != right
    }

    #[inline]
    fn sample_output(&mut self, sim: &Sim) -> Result<()> {
        let accepted = match self.monitor.sample(sim) {
            Ok(accepted) => accepted,
            // The reset has taken it back.
            Err(Fault::ValidDropped) if self.phase == Phase::Resetting => None,
            Err(fault) => return Err(self.fault(fault)),
        };
        let Some(beat) = accepted else {
            let is_extra = self.board.is_complete() && self.monitor.offered(sim).is_some();
            return if is_extra { Err(self.fault(Fault::Extra)) } else { Ok(()) };
        };
        self.last_progress = self.clock;
        match self.board.take(beat, Err) {
            Ok(false) => Ok(()),
            Ok(true) => {
                if self.master.is_some() {
                    self.recent.push_back(self.clock);
                    if self.recent.len() > REGISTER_CLOCKS as usize + 1 {
                        self.recent.pop_front();
                    }
                }
                Ok(())
            }
            Err((word, fault)) => Err(self.fault_in(word, fault)),
        }
    }
}
