//! A function that may be answered by an emulator.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread::LocalKey,
};

use emeuro_golden::{Emulator, Ranges, Runner};

use crate::{
    Error, Learner, Mode, Pair, Part, Quality, Result, Target, Why,
    check::{self, Control},
    exact, file_stem_of, profile, regions, size,
};

/// A function that may be answered by an emulator; made by [`approximate`](macro@crate::approximate).
pub struct Region {
    source: Source,
    mode: AtomicU32,
    emulator: RwLock<Option<Arc<Emulator>>>,
    learner: RwLock<Option<Arc<dyn Learner>>>,
    /// Changes with the emulator and the learner.
    version: AtomicU32,
    control: Control,
    /// Whether its own code was watched, or need not be because the program has no exact code.
    tried: AtomicBool,
    /// Exact code that ran inside it, as far as somebody watched.
    met: Mutex<BTreeSet<String>>,
    emulated: AtomicU64,
    exact: AtomicU64,
    not_finite: AtomicU64,
    other_size: AtomicU64,
    unfamiliar: AtomicU64,
    outside: AtomicU64,
    learnt: AtomicU64,
}

/// What the attribute has seen of a function.
#[doc(hidden)]
pub struct Source {
    /// Of the region.
    pub name: &'static str,
    /// Of the function.
    pub function: &'static str,
    pub module: &'static str,
    pub inputs: &'static [Part],
    pub outputs: &'static [Part],
    /// Places of `#[exact]` in its code.
    pub marks: &'static [&'static str],
    /// What it calls, as far as that can be seen: `name` of a function, `.name` of a method.
    pub calls: &'static [&'static str],
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
    /// Of those, handed to the [`Learner`].
    pub learnt: u64,
    /// Computed by the emulator for an input outside the range that it was made for, whoever answered.
    pub outside: u64,
}

/// What a thread keeps of a region, so that calls do not allocate.
pub struct Local {
    kept: RefCell<Option<Kept>>,
    buffer: Cell<Vec<f64>>,
}

struct Kept {
    version: u32,
    /// Of the inputs that the emulator was made for.
    ranges: Option<Ranges>,
    runner: Runner<Arc<Emulator>>,
    learner: Option<Arc<dyn Learner>>,
}

impl Local {
    /// Nothing yet.
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { kept: RefCell::new(None), buffer: Cell::new(vec![]) }
    }
}

/// The frames of a call: inputs, the emulator's answer, and the truth. They come from the thread's [`Local`] and go back there: the
/// stack has no room for large ones.
pub struct Buffers {
    local: &'static LocalKey<Local>,
    values: Vec<f64>,
    inputs: usize,
    outputs: usize,
    /// When the call began, if it is profiled.
    entered: Option<profile::Entered>,
}

impl Buffers {
    /// Room for the input frame.
    #[doc(hidden)]
    pub fn inputs(&mut self) -> &mut [f64] {
        &mut self.values[..self.inputs]
    }

    /// The emulator's output frame.
    #[doc(hidden)]
    pub fn answer(&self) -> &[f64] {
        &self.values[self.inputs..][..self.outputs]
    }

    /// Room for the exact output frame.
    #[doc(hidden)]
    pub fn truth(&mut self) -> &mut [f64] {
        &mut self.values[self.inputs + self.outputs..][..self.outputs]
    }

    /// Inputs, answer and truth.
    fn frames(&self) -> (&[f64], &[f64], &[f64]) {
        let (inputs, outputs) = self.values.split_at(self.inputs);
        let (answer, truth) = outputs.split_at(self.outputs);
        (inputs, answer, truth)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        // A thread that ends has no more use for it.
        let _ = self.local.try_with(|local| local.buffer.set(values));
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

/// Sees what the region's own code gives, and which exact code it runs.
pub struct Watch {
    region: &'static Region,
    purpose: Purpose,
    inside: exact::Inside,
}

enum Purpose {
    Profile(profile::Call),
    /// To see whether it contains exact code.
    Look,
    /// The emulator has answered too, at this level, with the weights of this member.
    Check {
        level: usize,
        member: usize,
        learner: Option<Arc<dyn Learner>>,
    },
    /// What the emulator could not answer, which belongs to this member.
    Learn {
        member: usize,
        learner: Arc<dyn Learner>,
    },
}

/// What an emulator made of an input.
enum Attempt {
    /// An answer, of this member.
    Answered(usize),
    /// None, for this reason.
    NotFinite,
    /// An answer that is not to be trusted.
    Doubtful(usize),
    /// There is no emulator, or the thread ends.
    Missing,
}

impl Region {
    /// A region in [`Mode::Exact`], without emulator.
    #[doc(hidden)]
    pub const fn new(source: Source) -> Self {
        Self {
            source,
            mode: AtomicU32::new(0),
            emulator: RwLock::new(None),
            learner: RwLock::new(None),
            version: AtomicU32::new(0),
            control: Control::new(),
            tried: AtomicBool::new(false),
            met: Mutex::new(BTreeSet::new()),
            emulated: AtomicU64::new(0),
            exact: AtomicU64::new(0),
            not_finite: AtomicU64::new(0),
            other_size: AtomicU64::new(0),
            unfamiliar: AtomicU64::new(0),
            outside: AtomicU64::new(0),
            learnt: AtomicU64::new(0),
        }
    }

    /// The name of the function, or the one that its attribute gives.
    pub fn name(&self) -> &'static str {
        self.source.name
    }

    /// The name with the module that it is in.
    pub fn path(&self) -> String {
        format!("{}::{}", self.source.module, self.source.name)
    }

    /// The path as the beginning of file names: dots instead of colons.
    pub fn file_stem(&self) -> String {
        file_stem_of(&self.path())
    }

    /// The parts of an input frame.
    pub fn inputs(&self) -> &'static [Part] {
        self.source.inputs
    }

    /// The parts of an output frame.
    pub fn outputs(&self) -> &'static [Part] {
        self.source.outputs
    }

    /// The exact code inside it: places of `#[exact]` in its own code or in that of regions that it calls, functions with `#[exact]` that they
    /// call by name, and those that ran inside them when they were profiled or checked.
    ///
    /// A region with exact code is split around it: it is never emulated as a whole; the regions that it calls are.
    pub fn exact_code(&self) -> Vec<String> {
        exact::inside(self).into_iter().collect()
    }

    /// The exact code that ran inside it.
    pub(crate) fn met(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exact code runs inside it: from now on its own code always does, and that of the regions that call it.
    pub(crate) fn meet(&self, code: impl IntoIterator<Item = String>) {
        let before = self.met().len();
        self.met().extend(code);
        if self.met().len() != before {
            regions().iter().for_each(|region| region.keep_exact());
        }
    }

    /// Runs its own code, if it contains exact code by now.
    fn keep_exact(&self) {
        if !self.mode().emulates() {
            return;
        }
        let code = self.exact_code();
        if !code.is_empty() {
            self.mode.store(Mode::Exact.packed(), Relaxed);
            // The program asked for something else: it is told, though nobody waits for an error here.
            let (path, code) = (self.path(), code.join(", "));
            let _ = writeln!(
                io::stderr(),
                "region {path:?} runs its own code from now on: it contains exact code ({code})"
            );
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// How it answers now.
    pub fn mode(&self) -> Mode {
        Mode::unpacked(self.mode.load(Relaxed))
    }

    /// Changes how it answers, from the next call on, in all threads.
    ///
    /// # Errors
    /// A mode that needs an emulator when none is loaded, or for a region that contains [exact code](Self::exact_code).
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        if mode.emulates() {
            let exact = self.exact_code();
            if !exact.is_empty() {
                let nested = exact::called_regions(&self.source).map(Region::path).collect();
                return Err(Error::ContainsExact { region: self.path(), exact, nested });
            }
            if self.emulator().is_none() {
                return Err(Error::NoEmulator(self.path()));
            }
            if !exact::is_any() {
                self.tried.store(true, Relaxed);
            }
        }
        self.mode.store(mode.packed(), Relaxed);
        // Another thread may have met exact code since it was looked for.
        self.keep_exact();
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
        let expected = [size(self.inputs()), size(self.outputs())];
        let found = [emulator.input().size(), emulator.output().port.size()];
        if found != expected {
            let (region, emulator) = (self.path(), emulator.name().to_owned());
            return Err(Error::Shape { region, emulator, expected, found });
        }
        self.control.begin(emulator.levels(), expected[1]);
        *self.emulator.write().unwrap_or_else(PoisonError::into_inner) = Some(emulator);
        self.version.fetch_add(1, Release);
        Ok(())
    }

    /// Hands what the emulator cannot answer to `learner`, or to nobody.
    pub fn set_learner(&self, learner: Option<Arc<dyn Learner>>) {
        *self.learner.write().unwrap_or_else(PoisonError::into_inner) = learner;
        self.version.fetch_add(1, Release);
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
            learnt: self.learnt.load(Relaxed),
            outside: self.outside.load(Relaxed),
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

    /// Says that its own code runs, which has exact code in it.
    #[doc(hidden)]
    pub fn runs_marked(&self) {
        exact::is_inside(|outer| {
            if !std::ptr::eq(outer, self) {
                outer.meet(self.source.marks.iter().map(|place| (*place).to_owned()));
            }
        });
    }

    /// The thread's buffers for a call; other ones for a call inside a call.
    #[doc(hidden)]
    pub fn buffers(&self, local: &'static LocalKey<Local>) -> Buffers {
        let entered = matches!(self.mode(), Mode::Profile).then(profile::Entered::now);
        let (inputs, outputs) = (size(self.inputs()), size(self.outputs()));
        // Calls while the thread ends find nothing kept.
        let mut values = local.try_with(|local| local.buffer.take()).unwrap_or_default();
        values.resize(inputs + 2 * outputs, 0.0);
        Buffers { local, values, inputs, outputs, entered }
    }

    /// Decides how a call goes on, and answers it if the emulator does.
    #[doc(hidden)]
    pub fn begin(&'static self, local: &'static LocalKey<Local>, buffers: &mut Buffers) -> Plan {
        match self.mode() {
            Mode::Exact => Plan::Exact,
            Mode::Profile => {
                let entered = buffers.entered.unwrap_or_else(profile::Entered::now);
                self.watched(Purpose::Profile(profile::Call::begin(self, entered)))
            }
            // Once, to see what it contains, if the program has exact code at all.
            Mode::Emulate { .. } if !self.tried.load(Relaxed) && !self.tried.swap(true, Relaxed) => {
                self.watched(Purpose::Look)
            }
            Mode::Emulate { quality } => match self.emulate(local, quality as usize, buffers) {
                Attempt::Answered(_) => self.emulated(),
                attempt => self.exactly(local, attempt),
            },
            Mode::Check { every } => {
                let turn = self.control.turn(every);
                if turn == check::Turn::Exact {
                    self.exact.fetch_add(1, Relaxed);
                    return Plan::Exact;
                }
                let level = self.control.level();
                match (self.emulate(local, level, buffers), turn) {
                    (Attempt::Answered(member), check::Turn::Check) => {
                        self.watched(Purpose::Check { level, member, learner: learner(local) })
                    }
                    (Attempt::Answered(_), _) => self.emulated(),
                    (attempt, _) => self.exactly(local, attempt),
                }
            }
        }
    }

    fn emulated(&self) -> Plan {
        self.emulated.fetch_add(1, Relaxed);
        Plan::Emulated
    }

    /// The region's own code answers after the emulator could not.
    fn exactly(&'static self, local: &'static LocalKey<Local>, attempt: Attempt) -> Plan {
        if let Attempt::Doubtful(member) = attempt
            && let Some(learner) = learner(local)
        {
            return self.watched(Purpose::Learn { member, learner });
        }
        self.exact.fetch_add(1, Relaxed);
        Plan::Exact
    }

    fn watched(&'static self, purpose: Purpose) -> Plan {
        self.exact.fetch_add(1, Relaxed);
        self.tried.store(true, Relaxed);
        Plan::Watched(Watch { region: self, purpose, inside: exact::Inside::enter(self) })
    }

    /// Runs the emulator.
    fn emulate(&self, local: &'static LocalKey<Local>, level: usize, buffers: &mut Buffers) -> Attempt {
        let answered = local.try_with(|local| {
            let mut kept = local.kept.borrow_mut();
            let version = self.version.load(Acquire);
            if kept.as_ref().is_none_or(|kept| kept.version != version) {
                *kept = self.kept(version);
            }
            // A mode that emulates is only set when an emulator is loaded, and emulators are never unloaded.
            let Some(Kept { runner, learner, ranges, .. }) = kept.as_mut() else {
                return Err(Attempt::Missing);
            };
            let (inputs, outputs) = buffers.values.split_at_mut(buffers.inputs);
            if runner.infer_values_at(level, inputs, &mut outputs[..buffers.outputs]).is_err() {
                // The sizes were compared when it was loaded: what is left is a number that is not finite.
                self.not_finite.fetch_add(1, Relaxed);
                return Err(Attempt::NotFinite);
            }
            if ranges.as_ref().is_some_and(|ranges| ranges.outside(inputs).is_some()) {
                self.outside.fetch_add(1, Relaxed);
            }
            let selected = runner.selected().ok_or(Attempt::Answered(0))?;
            Ok((selected, learner.clone()))
        });
        // What the thread keeps is free again: a learner may call the region.
        let (selected, learner) = match answered.unwrap_or(Err(Attempt::Missing)) {
            Ok(answered) => answered,
            Err(attempt) => return attempt,
        };
        if learner.map_or(selected.familiar, |learner| learner.trusts(selected)) {
            return Attempt::Answered(selected.member);
        }
        if !selected.familiar {
            self.unfamiliar.fetch_add(1, Relaxed);
        }
        Attempt::Doubtful(selected.member)
    }

    fn kept(&self, version: u32) -> Option<Kept> {
        let learner = self.learner.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.emulator().map(|emulator| {
            let ranges = Ranges::of(emulator.input());
            Kept { version, ranges, runner: Runner::new(emulator), learner }
        })
    }

    fn teach(&self, learner: &dyn Learner, pair: Pair) {
        // What is not finite cannot be learnt.
        if pair.outputs.iter().all(|value| value.is_finite()) {
            self.learnt.fetch_add(1, Relaxed);
            learner.learn(pair);
        }
    }
}

/// The learner of the runner that a thread keeps.
fn learner(local: &'static LocalKey<Local>) -> Option<Arc<dyn Learner>> {
    let kept = local.try_with(|local| local.kept.borrow().as_ref().and_then(|kept| kept.learner.clone()));
    kept.unwrap_or_default()
}

impl Watch {
    /// Runs the exact code.
    #[doc(hidden)]
    #[inline(always)]
    pub fn run<T>(&mut self, exact: impl FnOnce() -> T) -> T {
        if let Purpose::Profile(call) = &self.purpose {
            call.start();
        }
        let result = exact();
        if let Purpose::Profile(call) = &mut self.purpose {
            call.stop();
        }
        result
    }

    /// The exact code has answered.
    #[doc(hidden)]
    pub fn end(self, buffers: &Buffers) {
        let Self { region, purpose, inside } = self;
        // Before the time of recording is taken: it is a part of that.
        drop(inside);
        let (inputs, answer, outputs) = buffers.frames();
        match purpose {
            Purpose::Profile(call) => call.end(inputs, outputs),
            Purpose::Look => {}
            Purpose::Check { level, member, learner } => {
                let is_good = region.control.observe(level, outputs, answer);
                if let Some(learner) = learner.filter(|_| !is_good) {
                    region.teach(&*learner, Pair { inputs, outputs, member, why: Why::Inaccurate });
                }
            }
            Purpose::Learn { member, learner } => {
                region.teach(&*learner, Pair { inputs, outputs, member, why: Why::Unfamiliar });
            }
        }
    }
}
