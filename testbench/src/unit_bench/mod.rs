//! Plays scenarios through a unit and keeps score: every word, every bus rule, every flag, every register.

mod expected;
mod frame_shape;
mod player;
mod playing;
mod score;

use std::fmt;
use std::path::Path;

use emeuro_golden::{Emulator, Isa, Runner};
use emeuro_hdl::register_map::UnitNumbers;

use crate::axi_lite::ControlMaster;
use crate::design::Design;
use crate::error::{Error, Result};
use crate::model::{Model, Options};
use crate::register_score::RegisterScore;
use crate::scenario::{Event, Reset, Scenario};
use crate::sim::{PowerUp, Roms, Sim};
use crate::words::fits;
use expected::Answer;
pub use frame_shape::FrameShape;
use player::Player;
pub use score::Score;

/// Clocks after a run in which another word is noticed, unless set otherwise.
const QUIET_CLOCKS: u64 = 64;
/// Clocks without progress, unless set otherwise.
const WATCHDOG_CLOCKS: u64 = 1_000_000;
/// The port of a quality level.
const LEVEL_PIN: &str = "quality";

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
}
