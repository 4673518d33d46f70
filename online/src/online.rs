//! Answers frames, learns in the background.

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};

use emeuro_golden::{Emulator, Runner};
use emeuro_trainer::Frames;

use crate::{Error, Kind, Result, Retrained, Sample, Store, retraining};

/// Trains a member of an emulator: emulator, member, pairs to learn from, pairs to choose the best epoch by.
type Retrain = dyn Fn(&Emulator, usize, &Frames, &Frames) -> emeuro_trainer::Result<Emulator> + Send + Sync;

/// How an emulator learns.
pub struct Policy {
    /// Trains a member.
    pub retrain: Box<Retrain>,
    /// Pairs of either kind that are kept per member.
    pub capacity: usize,
    /// New pairs of a member after which it is retrained.
    pub patience: u64,
    /// A retrained member is refused if its error on familiar pairs grows by more than this factor.
    pub tolerance: f64,
    /// Share of the new pairs that may stay unfamiliar to a member that has learnt them.
    pub rejected: f64,
    /// Seed of the choice of pairs.
    pub seed: u64,
}

impl Policy {
    /// 1000 pairs of either kind per member, retraining every 250, at most 5 % more error on what was familiar.
    pub fn new(
        retrain: impl Fn(&Emulator, usize, &Frames, &Frames) -> emeuro_trainer::Result<Emulator>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            retrain: Box::new(retrain),
            capacity: 1000,
            patience: 250,
            tolerance: 1.05,
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
    /// The exact code; the input was unfamiliar to this member.
    Exact(usize),
}

/// An emulator that answers familiar inputs and learns the others.
pub struct Online {
    shared: Arc<Shared>,
    members: Option<Sender<usize>>,
    worker: Option<JoinHandle<()>>,
}

struct Shared {
    emulator: RwLock<Arc<Emulator>>,
    store: Mutex<Store>,
    progress: Mutex<Progress>,
    changed: Condvar,
    policy: Policy,
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
    /// An emulator without a router, pairs that do not fit it, or a folder that cannot be used.
    pub fn open(
        folder: &Path,
        emulator: &Emulator,
        familiar: impl IntoIterator<Item = Sample>,
        policy: Policy,
    ) -> Result<Self> {
        if emulator.router().is_none() {
            return Err(Error::NoRouter(emulator.name().to_owned()));
        }
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
        let shared = Arc::new(Shared {
            emulator: RwLock::new(Arc::new(store.emulator().clone())),
            store: Mutex::new(store),
            progress: Mutex::default(),
            changed: Condvar::new(),
            policy,
        });
        let (members, requests) = channel();
        let background = Arc::clone(&shared);
        let worker = std::thread::spawn(move || {
            for member in requests {
                background.retrain(member);
            }
        });
        Ok(Self { shared, members: Some(members), worker: Some(worker) })
    }

    /// The emulator as it is now.
    pub fn emulator(&self) -> Arc<Emulator> {
        Arc::clone(&self.shared.emulator.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something that answers, one per thread.
    pub fn caller(&self) -> Caller<'_> {
        Caller { online: self, runner: Runner::new(self.emulator()), emulator: self.emulator() }
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

    /// Keeps an unfamiliar pair; its member is retrained when it has enough of them.
    fn keep(&self, member: usize, sample: Sample) -> Result<()> {
        let mut store = locked(&self.shared.store);
        store.offer(member, Kind::New, sample)?;
        let due = store.offered(member, Kind::New).is_multiple_of(self.shared.policy.patience.max(1));
        drop(store);
        if due {
            self.request(member);
        }
        Ok(())
    }

    /// Has the background retrain every member that has new pairs.
    pub fn retrain_all(&self) {
        let store = locked(&self.shared.store);
        let members = store.emulator().router().map_or(0, |router| router.members());
        let due: Vec<usize> = (0..members).filter(|&m| !store.samples(m, Kind::New).is_empty()).collect();
        drop(store);
        due.into_iter().for_each(|member| self.request(member));
    }

    fn request(&self, member: usize) {
        let mut progress = locked(&self.shared.progress);
        if progress.waiting.contains(&member) {
            return;
        }
        progress.waiting.push(member);
        // The worker ends with the sender, so it is there.
        if let Some(members) = &self.members {
            let _ = members.send(member);
        }
    }
}

impl Drop for Online {
    /// Ends after the retraining that is under way.
    fn drop(&mut self) {
        self.members = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn retrain(&self, member: usize) {
        let store = locked(&self.store);
        let emulator = store.emulator().clone();
        let [familiar, new] = [Kind::Familiar, Kind::New].map(|kind| store.samples(member, kind).to_vec());
        // Frames are answered and pairs are kept while the member learns.
        drop(store);
        let result = match new.is_empty() {
            true => None,
            false => Some(self.learn(&emulator, member, &familiar, &new)),
        };
        let mut progress = locked(&self.progress);
        progress.waiting.retain(|&waiting| waiting != member);
        progress.done.extend(result);
        self.changed.notify_all();
    }

    fn learn(
        &self,
        emulator: &Emulator,
        member: usize,
        familiar: &[Sample],
        new: &[Sample],
    ) -> Result<Retrained> {
        let (better, retrained) = retraining::run(emulator, member, familiar, new, &self.policy)?;
        if let Some(better) = better {
            // On the disk first: what has been used survives.
            locked(&self.store).swap(better.clone(), member)?;
            *self.emulator.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(better);
        }
        Ok(retrained)
    }
}

/// Answers frames for one thread, without allocating while the emulator stays the same and inputs are familiar.
pub struct Caller<'a> {
    online: &'a Online,
    emulator: Arc<Emulator>,
    runner: Runner<Arc<Emulator>>,
}

impl Caller<'_> {
    /// One frame in physical units: emulated if it is familiar, otherwise computed by `exact`, and kept.
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
        let Some(selected) = self.runner.selected().filter(|selected| !selected.familiar) else {
            return Ok(Answer::Emulated(self.runner.selected().map_or(0, |selected| selected.member)));
        };
        exact(input, output);
        let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        self.online.keep(selected.member, Sample { input: single(input), target: single(output) })?;
        Ok(Answer::Exact(selected.member))
    }
}
