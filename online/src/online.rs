//! Answers frames, learns in the background.

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};

use emeuro_golden::{Emulator, Runner, Selected};
use emeuro_regions::{Learner, Pair, Region};
use emeuro_trainer::Frames;

use crate::{
    Alarm, Audit, Kind, Result, Retrained, Sample, Store, alarm::Lookout, audit::Auditor, retraining,
};

/// Trains a member of an emulator: emulator, member, pairs to learn from, pairs to choose the best epoch by.
type Retrain = dyn Fn(&Emulator, usize, &Frames, &Frames) -> emeuro_trainer::Result<Emulator> + Send + Sync;

/// How an emulator learns.
pub struct Policy {
    /// Trains a member.
    pub retrain: Box<Retrain>,
    /// Pairs of either kind that are kept per member.
    pub capacity: usize,
    /// New pairs, of all members together, after which those that they belong to are retrained.
    pub patience: u64,
    /// New pairs without which a member is not worth retraining.
    pub least: usize,
    /// Inputs between familiar ones that are rehearsed, per familiar pair.
    pub between: usize,
    /// What counts as a change of the inputs; `None`: nothing does.
    pub alarm: Option<Alarm>,
    /// How an emulator without a router is watched.
    pub audit: Audit,
    /// A retrained member is refused if its error on held-out familiar pairs grows by more than this factor.
    pub tolerance: f64,
    /// Share of the new pairs that may stay unfamiliar to a member that has learnt them.
    pub rejected: f64,
    /// Seed of the choice of pairs.
    pub seed: u64,
}

impl Policy {
    /// 1000 pairs of either kind per member, retraining every 500, a member at most
    /// 20 % worse on what was familiar to it.
    pub fn new(
        retrain: impl Fn(&Emulator, usize, &Frames, &Frames) -> emeuro_trainer::Result<Emulator>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            retrain: Box::new(retrain),
            capacity: 1000,
            patience: 500,
            least: 16,
            between: 16,
            alarm: Some(Alarm::default()),
            audit: Audit::default(),
            tolerance: 1.2,
            rejected: 0.01,
            seed: 1,
        }
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The emulator, with the weights of this member.
    Emulated(usize),
    /// The exact code: the input was unfamiliar to this member, or the alarm rings.
    Exact(usize),
}

/// An emulator that answers familiar inputs and learns the others.
pub struct Online {
    shared: Arc<Shared>,
    requests: Option<Sender<Vec<usize>>>,
    worker: Option<JoinHandle<()>>,
}

struct Shared {
    emulator: RwLock<Arc<Emulator>>,
    store: Mutex<Store>,
    progress: Mutex<Progress>,
    changed: Condvar,
    policy: Policy,
    lookout: Mutex<Lookout>,
    /// Of an emulator without a router.
    auditor: Option<Auditor>,
    /// Those that take every new emulator.
    regions: Mutex<Vec<&'static Region>>,
    /// New pairs since the members were last sent to be retrained.
    new: AtomicU64,
}

/// What the background has to do and has done.
#[derive(Default)]
struct Progress {
    waiting: Vec<usize>,
    done: Vec<Result<Retrained>>,
}

/// A lock whose holder panicked still guards whole values here: nothing is changed in two steps.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Online {
    /// Goes on with what is in `folder`, or begins there with `emulator` and the `familiar` pairs, which keep the members from
    /// forgetting.
    ///
    /// # Errors
    /// Pairs that do not fit the emulator, or a folder that cannot be used.
    pub fn open(
        folder: &Path,
        emulator: &Emulator,
        familiar: impl IntoIterator<Item = Sample>,
        policy: Policy,
    ) -> Result<Self> {
        let mut store = Store::open(folder, emulator, policy.capacity, policy.seed)?;
        if store.is_new() {
            let mut runner = Runner::new(emulator);
            let mut output = vec![0.0; emulator.output().port.size()];
            for sample in familiar {
                let input: Vec<f64> = sample.input.iter().map(|&v| f64::from(v)).collect();
                runner.infer_values(&input, &mut output)?;
                let member = runner.selected().map_or(0, |selected| selected.member);
                store.offer(member, Kind::Familiar, sample)?;
            }
        }
        let new = (0..store.members()).map(|member| store.offered(member, Kind::New)).sum();
        let auditor = emulator.router().is_none().then(|| {
            let spread = Audit::spread(store.samples(0, Kind::Familiar).iter());
            Auditor::new(policy.audit, store.emulator(), spread)
        });
        let shared = Arc::new(Shared {
            emulator: RwLock::new(Arc::new(store.emulator().clone())),
            store: Mutex::new(store),
            progress: Mutex::default(),
            changed: Condvar::new(),
            policy,
            lookout: Mutex::default(),
            auditor,
            regions: Mutex::default(),
            new: AtomicU64::new(new),
        });
        let (requests, received) = channel::<Vec<usize>>();
        let background = Arc::clone(&shared);
        let worker = std::thread::spawn(move || {
            for members in received {
                background.retrain(&members);
            }
        });
        Ok(Self { shared, requests: Some(requests), worker: Some(worker) })
    }

    /// The emulator as it is now.
    pub fn emulator(&self) -> Arc<Emulator> {
        Arc::clone(&self.shared.emulator.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something that answers, one per thread.
    pub fn caller(&self) -> Caller<'_> {
        // Asked for once: a swap in between would leave the runner behind for good.
        let emulator = self.emulator();
        Caller { online: self, runner: Runner::new(Arc::clone(&emulator)), emulator }
    }

    /// Loads the emulator into `region`, now and whenever it is a better one, and learns what it cannot answer there: unfamiliar inputs, and
    /// checked ones whose answer was worse than the region's target.
    ///
    /// # Errors
    /// A region with frames of another size.
    pub fn teach(self: &Arc<Self>, region: &'static Region) -> Result<()> {
        // No swap comes between loading this emulator and being told of the next.
        let mut regions = locked(&self.shared.regions);
        region.load(self.emulator())?;
        region.set_learner(Some(Arc::clone(self) as Arc<dyn Learner>));
        regions.retain(|other| !std::ptr::eq(*other, region));
        regions.push(region);
        Ok(())
    }

    /// Waits until the background has nothing to do.
    pub fn wait(&self) {
        let progress = locked(&self.shared.progress);
        let idle = self.shared.changed.wait_while(progress, |progress| !progress.waiting.is_empty());
        drop(idle);
    }

    /// What the background has done since this was last asked.
    pub fn take_done(&self) -> Vec<Result<Retrained>> {
        std::mem::take(&mut locked(&self.shared.progress).done)
    }

    /// Keeps a pair that the emulator has not answered; when there are enough, members are retrained. What is not finite cannot be
    /// learnt.
    fn keep(&self, member: usize, sample: Sample) -> Result<()> {
        if !sample.can_be_learnt() {
            return Ok(());
        }
        locked(&self.shared.store).offer(member, Kind::New, sample)?;
        if self.shared.new.fetch_add(1, Ordering::Relaxed) + 1 >= self.shared.policy.patience {
            self.retrain_all();
        }
        Ok(())
    }

    /// Has the background retrain every member that has enough new pairs.
    pub fn retrain_all(&self) {
        self.shared.new.store(0, Ordering::Relaxed);
        let store = locked(&self.shared.store);
        let least = self.shared.policy.least.max(1);
        let due = (0..store.members()).filter(|&member| store.samples(member, Kind::New).len() >= least);
        let due: Vec<usize> = due.collect();
        drop(store);
        self.request(due);
    }

    fn request(&self, mut members: Vec<usize>) {
        let mut progress = locked(&self.shared.progress);
        members.retain(|member| !progress.waiting.contains(member));
        progress.waiting.extend(&members);
        // The worker ends with the sender, so it is there.
        if let Some(requests) = &self.requests {
            let _ = requests.send(members);
        }
    }
}

impl Drop for Online {
    /// Ends after the retraining that is under way.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Retrains members one after the other, and swaps in those that are better together.
    fn retrain(&self, members: &[usize]) {
        let mut emulator = locked(&self.store).emulator().clone();
        let (mut better, mut done) = (vec![], vec![]);
        for &member in members {
            let store = locked(&self.store);
            let [familiar, new] =
                [Kind::Familiar, Kind::New].map(|kind| store.samples(member, kind).to_vec());
            // Frames are answered and pairs are kept while the member learns.
            drop(store);
            if new.is_empty() {
                continue;
            }
            done.push(retraining::run(&emulator, member, &familiar, &new, &self.policy).map(
                |(candidate, retrained)| {
                    if let Some(candidate) = candidate {
                        emulator = candidate;
                        better.push(member);
                    }
                    retrained
                },
            ));
        }
        if !better.is_empty()
            && let Err(error) = self.swap(emulator, &better)
        {
            done.push(Err(error));
        }
        let mut progress = locked(&self.progress);
        progress.waiting.retain(|waiting| !members.contains(waiting));
        progress.done.extend(done);
        if progress.waiting.is_empty() {
            locked(&self.lookout).reset();
        }
        self.changed.notify_all();
    }

    fn swap(&self, emulator: Emulator, relearnt: &[usize]) -> Result<()> {
        // On the disk first: what has been used survives.
        locked(&self.store).swap(emulator.clone(), relearnt)?;
        let emulator = Arc::new(emulator);
        let regions = locked(&self.regions);
        *self.emulator.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&emulator);
        for region in regions.iter() {
            region.load(Arc::clone(&emulator))?;
        }
        Ok(())
    }

    /// Whether the emulator's answer to such an input is to be used: it is familiar, and no alarm rings.
    fn trusts(&self, selected: Selected) -> bool {
        let rings = self.see(!selected.familiar);
        selected.familiar && !rings
    }

    /// Whether the alarm rings.
    fn rings(&self) -> bool {
        locked(&self.lookout).rings()
    }

    /// Sees an input, and says whether the alarm rings.
    fn see(&self, unfamiliar: bool) -> bool {
        self.policy.alarm.as_ref().is_some_and(|alarm| locked(&self.lookout).see(alarm, unfamiliar))
    }
}

impl Learner for Online {
    fn trusts(&self, selected: Selected) -> bool {
        self.shared.trusts(selected)
    }

    /// What goes wrong is in [`take_done`](Online::take_done): the region's caller has its answer already.
    fn learn(&self, pair: Pair<'_>) {
        if let Err(error) = self.keep(pair.member, Sample::new(pair.inputs, pair.outputs)) {
            let mut progress = locked(&self.shared.progress);
            // A full disk fails for every pair; it is told once.
            if !matches!(progress.done.last(), Some(Err(_))) {
                progress.done.push(Err(error));
            }
        }
    }
}

/// Answers frames for one thread, without allocating while the emulator stays the same and inputs are familiar.
pub struct Caller<'a> {
    online: &'a Online,
    emulator: Arc<Emulator>,
    runner: Runner<Arc<Emulator>>,
}

impl Caller<'_> {
    /// One frame in physical units: emulated if it is familiar and no alarm rings, otherwise computed by `exact`, and kept
    /// if it is finite.
    ///
    /// # Errors
    /// A frame of the wrong size, a number that is not finite, or a journal that cannot be written.
    pub fn infer(
        &mut self,
        input: &[f64],
        output: &mut [f64],
        exact: impl FnOnce(&[f64], &mut [f64]),
    ) -> Result<Answer> {
        let now = self.online.emulator();
        if !Arc::ptr_eq(&now, &self.emulator) {
            self.runner = Runner::new(Arc::clone(&now));
            self.emulator = now;
        }
        self.runner.infer_values(input, output)?;
        if let Some(auditor) = &self.online.shared.auditor {
            return self.audited(auditor, input, output, exact);
        }
        // A level without members needs no router.
        let Some(selected) = self.runner.selected() else { return Ok(Answer::Emulated(0)) };
        if self.online.shared.trusts(selected) {
            return Ok(Answer::Emulated(selected.member));
        }
        exact(input, output);
        self.online.keep(selected.member, Sample::new(input, output))?;
        Ok(Answer::Exact(selected.member))
    }

    /// The same with an emulator without a router, whose answer is in `output`.
    fn audited(
        &self,
        auditor: &Auditor,
        input: &[f64],
        output: &mut [f64],
        exact: impl FnOnce(&[f64], &mut [f64]),
    ) -> Result<Answer> {
        let shared = &self.online.shared;
        let [asked, outside] = auditor.asks(input);
        let rings = shared.rings();
        if !asked && !rings {
            return Ok(Answer::Emulated(0));
        }
        let answer = output.to_vec();
        exact(input, output);
        let refused = outside || auditor.refuses(&answer, output);
        // While the alarm rings, what is answered well is of the new class, too.
        if shared.see(refused) || refused {
            self.online.keep(0, Sample::new(input, output))?;
            return Ok(Answer::Exact(0));
        }
        output.copy_from_slice(&answer);
        Ok(Answer::Emulated(0))
    }
}
