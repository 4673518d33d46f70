//! Regions whose emulators learn while the program runs: y = x within a radius of 0.5 around ±0.5 (`radius.yaml`). What training
//! gives is put in its place.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use emeuro_golden::{Emulator, Selected};
use emeuro_online::{Alarm, Online, Policy, Sample};
use emeuro_regions::{Learner, Mode, Pair, Region, Target, approximate, region};
use emeuro_trainer::Frames;

const TEXT: &str = include_str!("radius.yaml");

fn emulator() -> Emulator {
    Emulator::parse(TEXT, "radius.yaml").unwrap()
}

/// The same with y = 2x in both members.
fn twice() -> Emulator {
    Emulator::parse(&TEXT.replace("- [16]\n        - [16]", "- [32]\n        - [32]"), "twice.yaml").unwrap()
}

/// Retrains every 16 new pairs, to `result`.
fn online(folder: &tempfile::TempDir, result: Emulator, alarm: Option<Alarm>) -> Arc<Online> {
    let retrain = move |_: &Emulator, _, _: &Frames, _: &Frames| Ok(result.clone());
    let policy =
        Policy { patience: 16, least: 1, capacity: 64, alarm, tolerance: 1e9, ..Policy::new(retrain) };
    let familiar = (-32..32).map(|step| {
        let x = (f64::from(step) + 0.5) / 32.0;
        Sample::new(&[x], &[x + 1.0 / 64.0])
    });
    Arc::new(Online::open(folder.path(), &emulator(), familiar, policy).unwrap())
}

fn set(region: &Region, mode: &str) {
    region.set_mode(mode.parse().unwrap()).unwrap();
}

#[test]
fn unfamiliar_inputs_are_learnt_and_the_better_emulator_answers_them() {
    #[approximate]
    fn unfamiliar(x: f64) -> f64 {
        2.0 * x + 0.0625
    }
    let folder = tempfile::tempdir().unwrap();
    let online = online(&folder, twice(), None);
    let region = region("unfamiliar").unwrap();
    online.teach(region).unwrap();
    set(region, "emulate");
    assert_eq!(unfamiliar(0.5), 0.5);
    assert_eq!(region.counts().learnt, 0);
    // 15 pairs are not enough; the next one is.
    let exactly = |x: f64| assert_eq!(unfamiliar(x), 2.0 * x + 0.0625, "{x}");
    (0..15).for_each(|step| exactly(1.05 + 0.025 * f64::from(step)));
    online.wait();
    assert_eq!(online.take_done().len(), 0);
    exactly(1.45);
    online.wait();
    assert!(online.take_done()[0].as_ref().unwrap().accepted);
    let counts = region.counts();
    assert_eq!((counts.emulated, counts.unfamiliar, counts.learnt), (1, 16, 16));
    // It is the region's now, in this thread and in others.
    assert!(Arc::ptr_eq(&region.emulator().unwrap(), &online.emulator()));
    assert_eq!(unfamiliar(1.25), 2.5);
    assert_eq!(thread::spawn(|| unfamiliar(1.25)).join().unwrap(), 2.5);
    assert_eq!(region.counts().emulated, 3);
}

#[test]
fn checked_answers_that_are_bad_are_learnt() {
    #[approximate]
    fn inaccurate(x: f64) -> f64 {
        if x > 0.5 { 2.0 * x } else { x }
    }
    let folder = tempfile::tempdir().unwrap();
    let online = online(&folder, twice(), None);
    let region = region("inaccurate").unwrap();
    online.teach(region).unwrap();
    region.set_target(Target { nrmse: 0.2 });
    set(region, "check:1");
    // All of them are familiar; those above a half are answered badly. The first ones tell how much outputs differ.
    (0..20).for_each(|step| assert!(inaccurate(f64::from(step) / 40.0) <= 0.5));
    assert_eq!(region.counts().learnt, 0);
    (0..15)
        .for_each(|step| assert_eq!(inaccurate(0.6 + f64::from(step) / 40.0), 1.2 + f64::from(step) / 20.0));
    assert_eq!((region.counts().unfamiliar, region.counts().learnt), (0, 15));
    assert_eq!(inaccurate(0.25), 0.25);
    assert_eq!(region.counts().learnt, 15);
    inaccurate(0.9);
    online.wait();
    assert!(online.take_done()[0].as_ref().unwrap().accepted);
    set(region, "emulate");
    assert_eq!(inaccurate(0.75), 1.5);
}

#[test]
fn an_alarm_sends_everything_to_the_exact_code() {
    #[approximate]
    fn alarmed(x: f64) -> f64 {
        x + 0.25
    }
    let folder = tempfile::tempdir().unwrap();
    let online = online(&folder, twice(), Some(Alarm { window: 10, share: 0.2 }));
    let region = region("alarmed").unwrap();
    online.teach(region).unwrap();
    set(region, "emulate");
    assert_eq!(alarmed(0.5), 0.5);
    (0..3).for_each(|_| assert_eq!(alarmed(1.25), 1.5));
    assert_eq!(alarmed(0.5), 0.75, "familiar, but not to be trusted");
    assert_eq!((region.counts().unfamiliar, region.counts().learnt), (3, 4));
    // Without the learner, nobody knows.
    region.set_learner(None);
    assert_eq!(alarmed(0.5), 0.5);
    assert_eq!(alarmed(1.25), 1.5);
}

#[test]
fn many_threads_go_on_while_the_emulator_is_swapped() {
    #[approximate]
    fn busy(x: f64) -> f64 {
        if x.is_nan() { f64::NAN } else { 2.0 * x + 0.0625 }
    }
    let folder = tempfile::tempdir().unwrap();
    let online = online(&folder, twice(), None);
    let region = region("busy").unwrap();
    online.teach(region).unwrap();
    set(region, "check:7");
    region.set_target(Target { nrmse: 100.0 });
    let learnt = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for step in 0.. {
                    let x = f64::from(step % 13) / 8.0;
                    let y = busy(x);
                    assert!([x, 2.0 * x, 2.0 * x + 0.0625].contains(&y), "{x} {y}");
                    assert!(busy(f64::NAN).is_nan());
                    if step > 1000 && learnt.load(Relaxed) {
                        break;
                    }
                }
            });
        }
        while online.take_done().is_empty() {
            thread::yield_now();
        }
        learnt.store(true, Relaxed);
    });
    online.wait();
    set(region, "emulate");
    assert_eq!(busy(1.25), 2.5);
}

/// Asks the region itself, once a call.
#[derive(Default)]
struct Curious {
    asks: AtomicBool,
    heard: AtomicUsize,
}

impl Learner for Curious {
    fn trusts(&self, selected: Selected) -> bool {
        if !self.asks.swap(true, Relaxed) {
            self.ask(0.5);
            self.asks.store(false, Relaxed);
        }
        selected.familiar
    }

    fn learn(&self, pair: Pair<'_>) {
        if !self.asks.swap(true, Relaxed) {
            self.ask(pair.inputs[0] / 4.0);
            self.asks.store(false, Relaxed);
        }
    }
}

#[approximate]
fn asked(x: f64) -> f64 {
    2.0 * x + 0.0625
}

impl Curious {
    fn ask(&self, x: f64) {
        assert!(asked(x).is_finite());
        self.heard.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_learner_may_call_its_region() {
    let region = region("asked").unwrap();
    region.load(Arc::new(emulator())).unwrap();
    let learner = Arc::new(Curious::default());
    region.set_learner(Some(Arc::clone(&learner) as Arc<dyn Learner>));
    set(region, "emulate");
    assert_eq!(asked(0.5), 0.5);
    // What is unfamiliar is asked about, answered exactly, and learnt.
    assert_eq!(asked(1.05), 2.0 * 1.05 + 0.0625);
    assert_eq!(learner.heard.load(Relaxed), 3);
    let counts = region.counts();
    assert_eq!((counts.emulated, counts.exact, counts.learnt), (4, 1, 1), "{counts:?}");
    set(region, "exact");
}

#[test]
fn a_region_of_another_shape_is_not_taught() {
    #[approximate]
    fn wide(x: [f64; 2]) -> f64 {
        x[0]
    }
    let folder = tempfile::tempdir().unwrap();
    let online = online(&folder, twice(), None);
    let error = online.teach(region("wide").unwrap()).unwrap_err().to_string();
    assert!(error.contains("2 inputs and 1 outputs") && error.contains("1 and 1"), "{error}");
    assert_eq!((wide([1.0, 2.0]), region("wide").unwrap().mode()), (1.0, Mode::Exact));
}
