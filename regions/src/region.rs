//! A function that may be answered by an emulator.

use std::{
    cell::RefCell,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread::LocalKey,
};

use emeuro_golden::{Emulator, Runner};

use crate::{
    Error, Mode, Part, Quality, Result, Target,
    check::{self, Control},
    profile, size,
};

/// A function that may be answered by an emulator; made by [`approximate`](crate::approximate).
pub struct Region {
    name: &'static str,
    module: &'static str,
    inputs: &'static [Part],
    outputs: &'static [Part],
    mode: AtomicU32,
    emulator: RwLock<Option<Arc<Emulator>>>,
    /// Changes with the emulator.
    version: AtomicU32,
    control: Control,
    emulated: AtomicU64,
    exact: AtomicU64,
    not_finite: AtomicU64,
    other_size: AtomicU64,
    unfamiliar: AtomicU64,
}

/// Calls of a region, apart from those in [`Mode::Exact`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered by the emulator alone.
    pub emulated: u64,
    /// Answered by the region's own code, for whatever reason.
    pub exact: u64,
    /// Of those, with an input that was not finite.
    pub not_finite: u64,
    /// Of those, with a slice of another length than was stated.
    pub other_size: u64,
    /// Of those, unlike what the emulator was trained on.
    pub unfamiliar: u64,
}

/// What a thread keeps of a region's emulator, so that calls do not allocate.
pub struct Local {
    runner: RefCell<Option<(u32, Runner<Arc<Emulator>>)>>,
}

impl Local {
    /// Nothing yet.
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { runner: RefCell::new(None) }
    }
}

/// How a call goes on.
pub enum Plan {
    /// The answer is there.
    Emulated,
    /// The region's own code answers.
    Exact,
    /// The region's own code answers, and is watched.
    Watched(Watch),
}

/// Sees what the region's own code gives.
pub struct Watch {
    region: &'static Region,
    purpose: Purpose,
}

enum Purpose {
    Profile(profile::Call),
    /// The emulator has answered too, at this level.
    Check(usize),
}

impl Region {
    /// A region in [`Mode::Exact`], without emulator.
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        module: &'static str,
        inputs: &'static [Part],
        outputs: &'static [Part],
    ) -> Self {
        Self {
            name,
            module,
            inputs,
            outputs,
            mode: AtomicU32::new(0),
            emulator: RwLock::new(None),
            version: AtomicU32::new(0),
            control: Control::new(),
            emulated: AtomicU64::new(0),
            exact: AtomicU64::new(0),
            not_finite: AtomicU64::new(0),
            other_size: AtomicU64::new(0),
            unfamiliar: AtomicU64::new(0),
        }
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name with the module that it is in.
    pub fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// The parts of an input frame.
    pub fn inputs(&self) -> &'static [Part] {
        self.inputs
    }

    /// The parts of an output frame.
    pub fn outputs(&self) -> &'static [Part] {
        self.outputs
    }

    /// How it answers now.
    pub fn mode(&self) -> Mode {
        Mode::unpacked(self.mode.load(Relaxed))
    }

    /// Changes how it answers, from the next call on, in all threads.
    ///
    /// # Errors
    /// A mode that needs an emulator when none is loaded.
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        if mode.emulates() && self.emulator().is_none() {
            return Err(Error::NoEmulator(self.path()));
        }
        self.mode.store(mode.packed(), Relaxed);
        Ok(())
    }

    /// The emulator that is loaded.
    pub fn emulator(&self) -> Option<Arc<Emulator>> {
        self.emulator.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads an emulator; calls that are under way end with the one before.
    ///
    /// # Errors
    /// Frames of another size.
    pub fn load(&self, emulator: Arc<Emulator>) -> Result<()> {
        let expected = [size(self.inputs), size(self.outputs)];
        let found = [emulator.input().size(), emulator.output().port.size()];
        if found != expected {
            let (region, emulator) = (self.path(), emulator.name().to_owned());
            return Err(Error::Shape { region, emulator, expected, found });
        }
        self.control.begin(emulator.levels(), expected[1]);
        *self.emulator.write().unwrap_or_else(PoisonError::into_inner) = Some(emulator);
        self.version.fetch_add(1, Relaxed);
        Ok(())
    }

    /// What [`Mode::Check`] is to hold.
    pub fn set_target(&self, target: Target) {
        self.control.set_target(target);
    }

    /// What [`Mode::Check`] has found.
    pub fn quality(&self) -> Quality {
        self.control.quality()
    }

    /// Calls so far.
    pub fn counts(&self) -> Counts {
        Counts {
            emulated: self.emulated.load(Relaxed),
            exact: self.exact.load(Relaxed),
            not_finite: self.not_finite.load(Relaxed),
            other_size: self.other_size.load(Relaxed),
            unfamiliar: self.unfamiliar.load(Relaxed),
        }
    }

    /// Whether it just runs its own code.
    #[doc(hidden)]
    #[inline(always)]
    pub fn is_exact(&self) -> bool {
        self.mode.load(Relaxed) == 0
    }

    #[doc(hidden)]
    pub fn count_other_size(&self) {
        self.other_size.fetch_add(1, Relaxed);
        self.exact.fetch_add(1, Relaxed);
    }

    /// Decides how a call goes on, and answers it if the emulator does.
    #[doc(hidden)]
    pub fn begin(&'static self, local: &'static LocalKey<Local>, inputs: &[f64], answer: &mut [f64]) -> Plan {
        match self.mode() {
            Mode::Exact => Plan::Exact,
            Mode::Profile => self.watched(Purpose::Profile(profile::Call::begin(self))),
            Mode::Emulate { quality } => match self.emulate(local, quality as usize, inputs, answer) {
                true => self.emulated(),
                false => self.exactly(),
            },
            Mode::Check { every } => {
                let turn = self.control.turn(every);
                if turn == check::Turn::Exact {
                    return self.exactly();
                }
                let level = self.control.level();
                match (self.emulate(local, level, inputs, answer), turn) {
                    (false, _) => self.exactly(),
                    (true, check::Turn::Check) => self.watched(Purpose::Check(level)),
                    (true, _) => self.emulated(),
                }
            }
        }
    }

    fn emulated(&self) -> Plan {
        self.emulated.fetch_add(1, Relaxed);
        Plan::Emulated
    }

    fn exactly(&self) -> Plan {
        self.exact.fetch_add(1, Relaxed);
        Plan::Exact
    }

    fn watched(&'static self, purpose: Purpose) -> Plan {
        self.exact.fetch_add(1, Relaxed);
        Plan::Watched(Watch { region: self, purpose })
    }

    /// Runs the emulator; whether the answer is one.
    fn emulate(
        &self,
        local: &'static LocalKey<Local>,
        level: usize,
        inputs: &[f64],
        answer: &mut [f64],
    ) -> bool {
        local.with(|local| {
            let mut kept = local.runner.borrow_mut();
            let version = self.version.load(Relaxed);
            if kept.as_ref().is_none_or(|(of, _)| *of != version) {
                *kept = self.emulator().map(|emulator| (version, Runner::new(emulator)));
            }
            // A mode that emulates is only set when an emulator is loaded, and emulators are never unloaded.
            let Some((_, runner)) = kept.as_mut() else { return false };
            if runner.infer_values_at(level, inputs, answer).is_err() {
                // The sizes were compared when it was loaded: what is left is a number that is not finite.
                self.not_finite.fetch_add(1, Relaxed);
                return false;
            }
            if runner.selected().is_some_and(|selected| !selected.familiar) {
                self.unfamiliar.fetch_add(1, Relaxed);
                return false;
            }
            true
        })
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }
}

impl Watch {
    /// The exact code has answered `truth`; in checks the emulator had answered `answer`.
    #[doc(hidden)]
    pub fn end(self, inputs: &[f64], truth: &[f64], answer: &[f64]) {
        match self.purpose {
            Purpose::Profile(call) => call.end(inputs, truth),
            Purpose::Check(level) => self.region.control().observe(level, truth, answer),
        }
    }
}
