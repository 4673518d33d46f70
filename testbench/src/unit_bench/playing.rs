//! A run that is being played: what its streams, registers and flags do is compared in every clock.

use std::collections::VecDeque;

use emeuro_golden::Selected;

use crate::axi_lite::{Completed, ControlMaster};
use crate::axi_stream::{StreamDriver, StreamMonitor};
use crate::error::{Error, Result};
use crate::failure::{Failure, Fault};
use crate::flag_score::{FlagScore, Possible};
use crate::register_score::{RegisterScore, Seen};
use crate::scoreboard::Scoreboard;
use crate::sender::Sender;
use crate::sim::{OutPort, Sim};

/// Clocks after which a register must show what the streams have done.
const REGISTER_CLOCKS: u64 = 4;

/// One error flag: its port, if there is one, and what it may show.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) port: Option<OutPort>,
    pub(super) score: FlagScore,
}

/// An access that is on its way, and what has been seen since it was asked for.
pub(super) struct OnItsWay {
    clears: [bool; 2],
    frames: u64,
    clock: u64,
    flags: [Possible; 2],
    is_idle: bool,
}

/// How a run goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Events are under way or answers awaited.
    Playing,
    /// Everything is answered: nothing more may come.
    Quiet,
    /// Registers are read for the last time.
    Closing,
    /// Software resets the datapath: a frame may break off, flags fall.
    Resetting,
}

/// One run being played.
pub(super) struct Playing<'s, 'e> {
    pub(super) index: usize,
    pub(super) phase: Phase,
    pub(super) driver: StreamDriver<Sender<'s>>,
    pub(super) monitor: StreamMonitor,
    pub(super) master: Option<ControlMaster>,
    pub(super) access: Option<OnItsWay>,
    /// What all frames of the run must make of the router's registers.
    pub(super) routed: (Option<Selected>, u64),
    /// The frames before every change of the level that is still to come.
    pub(super) before_levels: VecDeque<usize>,
    /// The change of the level that is being written.
    pub(super) writes_level: Option<usize>,
    pub(super) board: Scoreboard<'e>,
    pub(super) flags: [Flag; 2],
    pub(super) clock: u64,
    /// Clocks that CYCLES may be ahead, since software began the reset.
    pub(super) ahead: u64,
    pub(super) last_progress: u64,
    pub(super) steps: u64,
    /// The present input frame is the rest of one that was too long before the reset.
    pub(super) is_rest: bool,
    /// Beats of the present input frame that were accepted.
    pub(super) beats: usize,
    /// When the last output frames ended.
    pub(super) recent: VecDeque<u64>,
    pub(super) quiet: u64,
}

impl Playing<'_, '_> {
    /// An error at the present place; seed and run are given later.
    pub(super) fn fault(&self, fault: Fault) -> Error {
        self.fault_in(self.board.word(), fault)
    }

    /// An error in a word of the present output frame.
    #[cold]
    fn fault_in(&self, word: usize, fault: Fault) -> Error {
        let frame = self.board.frame();
        Error::Failure(Box::new(Failure { seed: 0, run: None, frame, word, clock: self.clock, fault }))
    }

    pub(super) fn has_no_access(&self) -> bool {
        self.access.is_none() && self.driver.source().accesses.is_empty()
    }

    /// Gives the next access to the master if it has none.
    pub(super) fn begin_access(&mut self, registers: &RegisterScore) {
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
    pub(super) fn end_access(&mut self, completed: &Completed, registers: &mut RegisterScore) -> Result<()> {
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
    pub(super) fn check_member(&self, sim: &Sim, [member, unfamiliar]: [OutPort; 2]) -> Result<()> {
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
    pub(super) fn check_flags(&self, sim: &Sim) -> Result<()> {
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
    pub(super) fn sample_input(&mut self, sim: &Sim, right: usize) -> bool {
        let Some(beat) = self.driver.sample(sim) else { return false };
        self.last_progress = self.clock;
        self.beats += 1;
        let beats = self.beats;
        let [short, long] = &mut self.flags;
        if self.is_rest {
            if beat.last {
                (self.is_rest, self.beats) = (false, 0);
            }
            return beat.last;
        }
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
    pub(super) fn sample_output(&mut self, sim: &Sim) -> Result<()> {
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
