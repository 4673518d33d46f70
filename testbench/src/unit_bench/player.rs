//! A scenario that is being played: run after run, from reset to the last answer or to the interruption.

use std::collections::VecDeque;

use emeuro_hdl::register_map::{CONTROL, FRAMES, MEMBER, QUALITY, STATUS, UNFAMILIAR};

use super::expected::Expected;
use super::playing::{Flag, Phase, Playing};
use super::{LEVEL_PIN, Score, UnitBench};
use crate::axi_lite::{ControlMaster, Transaction};
use crate::axi_stream::{StreamDriver, StreamMonitor};
use crate::error::{Error, Result};
use crate::failure::{Failure, Fault};
use crate::flag_score::FlagScore;
use crate::register_score::RegisterScore;
use crate::scenario::{Reset, Run, Scenario};
use crate::scoreboard::Scoreboard;
use crate::sender::Sender;
use crate::sim::{InPort, OutPort, Sim};
use crate::traffic::Traffic;

/// What is left of a frame that a reset has interrupted.
#[derive(Clone, Copy, Default)]
pub(super) struct Rest<'b> {
    pub(super) words: &'b [i16],
    /// It was too long before the reset.
    pub(super) is_of_long: bool,
}

/// One scenario being played.
pub(super) struct Player<'b, 'a, W> {
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

impl<'b, 'a, W: FnMut(&Sim)> Player<'b, 'a, W> {
    pub(super) fn new(
        bench: &'b UnitBench<'a>,
        sim: &'b mut Sim,
        scenario: &'b Scenario,
        watch: W,
    ) -> Result<Self> {
        let reset = sim.model().input("aresetn")?;
        let registers = bench.numbers.map(RegisterScore::new);
        let level_pin = sim.model().input(LEVEL_PIN).ok();
        let member_pin = |name| sim.model().output(name).ok();
        let member_pins = member_pin("member").zip(member_pin("unfamiliar")).map(|(a, b)| [a, b]);
        let (score, level) = (Score::default(), bench.levels - 1);
        Ok(Player { bench, scenario, sim, watch, reset, score, registers, level, level_pin, member_pins })
    }

    pub(super) fn play(mut self) -> Result<Score> {
        let begin = self.sim.clocks();
        let mut rest = Rest::default();
        let mut ahead = 0;
        for (index, run) in self.scenario.runs.iter().enumerate() {
            let next = self.scenario.runs.get(index + 1).map(|run| run.reset);
            // A unit that software resets waits for the end of a frame that was too long.
            let is_awaited = rest.is_of_long && run.reset == Reset::Register;
            if !run.resumes && !is_awaited {
                rest = Rest::default();
            }
            rest.is_of_long = is_awaited;
            if let (Some(_), Reset::Port { .. }) = (&self.registers, run.reset) {
                self.level = self.bench.levels - 1;
            }
            let expected = self.bench.expected(&rest, run, self.level)?;
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
        rest: Rest<'b>,
        ahead: u64,
        next: Option<Reset>,
        expected: &Expected,
    ) -> Result<(Rest<'b>, u64)> {
        let (model, shape) = (self.sim.model(), self.bench.shape);
        let sender = Sender::new(rest.words, &run.events, shape.input_bits, shape.words_per_beat);
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
            is_rest: rest.is_of_long,
            beats: 0,
            recent: VecDeque::new(),
            quiet: 0,
        };
        if rest.is_of_long {
            let [_, long] = &mut playing.flags;
            long.score.goes_wrong();
            long.score.went_wrong(0);
        }
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
            0 => Rest::default(),
            beats => Rest {
                words: playing.driver.source().rest_after(beats),
                is_of_long: playing.is_rest || beats >= shape.input_beats(),
            },
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
