//! Learning while running, with an emulator of two members: y = x for x in [0, 1] and for x in [-1, 0], each within a radius of
//! 0.5 around ±0.5. What training gives is put in its place here, so that only what happens around it is tested.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    sync::{Arc, Mutex, mpsc},
};

use emeuro_golden::{Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights};
use emeuro_online::{Alarm, Answer, Audit, Error, Online, Policy, Sample};
use emeuro_trainer::Frames;

const TEXT: &str = include_str!("radius.yaml");

fn emulator() -> Emulator {
    Emulator::parse(TEXT, "radius.yaml").unwrap()
}

/// The same with y = slope/16 · x in member `member`.
fn with_slope(member: usize, slope: i16) -> Emulator {
    let rows = "        - [16]\n        - [16]\n    bias: [0, 0]\noutput";
    let mut slopes = [16, 16];
    slopes[member] = slope;
    let other = format!("        - [{}]\n        - [{}]\n    bias: [0, 0]\noutput", slopes[0], slopes[1]);
    assert!(TEXT.contains(rows));
    Emulator::parse(&TEXT.replace(rows, &other), "other.yaml").unwrap()
}

/// Pairs of y = x + 1/64, evenly spaced over what both members know: they are good at them, not perfect.
fn familiar() -> impl Iterator<Item = Sample> {
    (-32..32).map(|step| {
        let x = (step as f32 + 0.5) / 32.0;
        Sample { input: vec![x], target: vec![x + 1.0 / 64.0] }
    })
}

/// Retrains every 16 new pairs, to the given emulator; there is no alarm.
fn policy(result: Emulator) -> Policy {
    let retrain = move |_: &Emulator, _, _: &Frames, _: &Frames| Ok(result.clone());
    Policy { patience: 16, least: 1, capacity: 64, alarm: None, ..Policy::new(retrain) }
}

/// Asks for `count` frames evenly spaced in `from..to`, where the exact code gives `exact(x)`; how many of them it answered.
fn ask(online: &Online, from: f64, to: f64, count: usize, exact: fn(f64) -> f64) -> usize {
    let mut caller = online.caller();
    let mut exactly = 0;
    for step in 0..count {
        let x = from + (to - from) * (step as f64 + 0.5) / count as f64;
        let mut y = [f64::NAN];
        let answer = caller.infer(&[x], &mut y, |x, y| y[0] = exact(x[0])).unwrap();
        if let Answer::Exact(_) = answer {
            exactly += 1;
            assert_eq!(y[0], exact(x));
        }
    }
    exactly
}

fn open(folder: &Path, policy: Policy) -> Online {
    Online::open(folder, &emulator(), familiar(), policy).unwrap()
}

#[test]
fn familiar_inputs_are_emulated_and_others_computed() {
    let folder = tempfile::tempdir().unwrap();
    let online = open(folder.path(), policy(emulator()));
    assert_eq!(ask(&online, -1.0, 1.0, 100, |_| f64::NAN), 0);
    assert_eq!(ask(&online, 1.1, 1.5, 10, |x| 2.0 * x), 10);
    assert_eq!(ask(&online, -1.5, -1.1, 10, |x| 2.0 * x), 10);
    let mut caller = online.caller();
    let answer = caller.infer(&[-1.3], &mut [0.0], |_, y| y[0] = 1.0).unwrap();
    assert_eq!(answer, Answer::Exact(1));
    assert!(caller.infer(&[f64::NAN], &mut [0.0], |_, _| ()).is_err());
    assert!(caller.infer(&[0.0, 0.0], &mut [0.0], |_, _| ()).is_err());
}

#[test]
fn a_better_member_is_swapped_in_and_knows_its_new_inputs() {
    let folder = tempfile::tempdir().unwrap();
    // What is new follows y = 2x, and retraining finds that; on familiar pairs it is worse, which is allowed here.
    let online = open(folder.path(), Policy { tolerance: 1e9, ..policy(with_slope(0, 32)) });
    assert_eq!(ask(&online, 1.05, 1.5, 16, |x| 2.0 * x), 16);
    online.wait();
    let done = online.take_done();
    let retrained = done[0].as_ref().unwrap();
    assert_eq!((done.len(), retrained.member, retrained.accepted), (1, 0, true));
    assert!(retrained.after.new < retrained.before.new / 100.0, "{retrained:?}");
    let (now, expected) = (online.emulator(), with_slope(0, 32));
    assert_eq!(now.nodes(), expected.nodes());
    let thresholds = &now.router().unwrap().thresholds;
    assert!(thresholds[0] < -64 && thresholds[1] == -64, "{thresholds:?}");
    assert_eq!(ask(&online, 1.1, 1.45, 20, |_| f64::NAN), 0);
    assert_eq!(ask(&online, -1.5, -1.1, 10, |x| 2.0 * x), 10, "the other member has learnt nothing");
}

#[test]
fn a_member_that_forgets_or_learns_nothing_is_refused() {
    for result in [with_slope(0, 32), emulator()] {
        let folder = tempfile::tempdir().unwrap();
        let online = open(folder.path(), policy(result));
        ask(&online, 1.05, 1.5, 16, |x| 2.0 * x);
        online.wait();
        let done = online.take_done();
        assert!(!done[0].as_ref().unwrap().accepted, "{done:?}");
        assert_eq!(*online.emulator(), emulator());
    }
}

#[test]
fn what_was_learnt_survives_and_pairs_too() {
    let folder = tempfile::tempdir().unwrap();
    let tolerant = || Policy { tolerance: 1e9, ..policy(with_slope(0, 32)) };
    let online = open(folder.path(), tolerant());
    ask(&online, 1.05, 1.5, 10, |x| 2.0 * x);
    drop(online);
    let online = open(folder.path(), tolerant());
    assert_eq!(online.take_done().len(), 0);
    // Six more make sixteen.
    ask(&online, 1.05, 1.5, 6, |x| 2.0 * x);
    online.wait();
    let learnt = online.emulator();
    assert_eq!(online.take_done().len(), 1);
    drop(online);
    assert_eq!(*open(folder.path(), tolerant()).emulator(), *learnt);
}

#[test]
fn what_is_not_finite_is_answered_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let online = open(folder.path(), policy(emulator()));
    // Also what single precision does not hold.
    for truth in [f64::NAN, f64::INFINITY, 1e300] {
        let mut y = [0.0];
        let answer = online.caller().infer(&[1.3], &mut y, |_, y| y[0] = truth).unwrap();
        assert_eq!((answer, y[0].to_bits()), (Answer::Exact(0), truth.to_bits()));
    }
    drop(online);
    // The folder can be read again, and sixteen more pairs are needed.
    let online = open(folder.path(), policy(emulator()));
    ask(&online, 1.05, 1.5, 15, |x| 2.0 * x);
    online.wait();
    assert_eq!(online.take_done().len(), 0);
    ask(&online, 1.05, 1.5, 1, |x| 2.0 * x);
    online.wait();
    assert_eq!(online.take_done().len(), 1);
}

#[test]
fn familiar_pairs_that_do_not_fit_are_refused() {
    for target in [vec![], vec![1.0, 2.0], vec![f32::NAN]] {
        let folder = tempfile::tempdir().unwrap();
        let pair = Sample { input: vec![0.5], target };
        let error = Online::open(folder.path(), &emulator(), [pair], policy(emulator())).err().unwrap();
        assert!(error.to_string().starts_with("pair: expected"), "{error}");
    }
}

#[test]
fn frames_are_answered_while_a_member_learns() {
    let folder = tempfile::tempdir().unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let better = with_slope(0, 32);
    let slow = Policy::new(move |_, _, _, _| {
        wait.lock().unwrap().recv().unwrap();
        Ok(better.clone())
    });
    let policy = Policy { patience: 16, least: 1, tolerance: 1e9, alarm: None, ..slow };
    let online = Arc::new(open(folder.path(), policy));
    ask(&online, 1.05, 1.5, 16, |x| 2.0 * x);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                ask(&online, -1.0, 1.0, 1000, |_| f64::NAN);
                answered.fetch_add(ask(&online, -1.5, -1.1, 3, |x| x), Ordering::Relaxed);
            });
        }
    });
    // All that with the retraining still waiting.
    assert_eq!(answered.into_inner(), 12);
    assert_eq!(*online.emulator(), emulator());
    go.send(()).unwrap();
    online.wait();
    assert_eq!(online.emulator().nodes(), with_slope(0, 32).nodes());
}

#[test]
fn an_alarm_sends_everything_to_the_exact_code_until_the_members_have_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let alarm = Some(Alarm { window: 10, share: 0.2 });
    let online = open(folder.path(), Policy { alarm, ..policy(emulator()) });
    assert_eq!(ask(&online, -1.0, 1.0, 100, |_| f64::NAN), 0);
    assert_eq!(ask(&online, 1.1, 1.5, 3, |x| x), 3);
    assert_eq!(ask(&online, 0.0, 1.0, 12, |x| x), 12, "familiar, but not to be trusted");
    assert_eq!(online.take_done().len(), 0);
    // The sixteenth pair.
    assert_eq!(ask(&online, 0.0, 1.0, 1, |x| x), 1);
    online.wait();
    assert_eq!(online.take_done().len(), 1);
    assert_eq!(ask(&online, -1.0, 1.0, 100, |_| f64::NAN), 0);
}

#[test]
fn a_failure_of_training_is_reported_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let failing =
        Policy::new(|_, _, _, _| Err(emeuro_trainer::Error::Diverged { epoch: 3, phase: "tuning" }));
    let online = open(folder.path(), Policy { patience: 16, least: 1, ..failing });
    ask(&online, 1.05, 1.5, 16, |x| 2.0 * x);
    online.wait();
    assert!(matches!(online.take_done()[..], [Err(Error::Training(_))]));
    assert_eq!(*online.emulator(), emulator());
}

/// y = slope/16 · x, without a router.
fn plain(slope: i16) -> Emulator {
    let word = Format::new(16, 12).unwrap();
    let mut builder = EmulatorBuilder::new("plain", Port::new("x", 1, word), 32).unwrap();
    let weights = Weights { format: Format::new(8, 4).unwrap(), values: vec![slope] };
    let y = builder.dense("y", VectorId::INPUT, weights, vec![0], word).unwrap();
    let output = OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 1, word) };
    builder.finish(output, Provenance::default()).unwrap()
}

#[test]
fn an_emulator_without_router_is_audited_and_learns_as_one_member() {
    let folder = tempfile::tempdir().unwrap();
    // Targets from -63/64 to 65/64: their standard deviation is about 0.58, and 5 % of it 0.029.
    let audit = Audit { every: 4, bound: 0.05 };
    let policy = |alarm| Policy { audit, alarm, patience: 100, ..policy(plain(24)) };
    let online = Online::open(folder.path(), &plain(16), familiar(), policy(None)).unwrap();
    // A quarter is checked; errors of 1/64 are within the bound.
    let mut checked = 0;
    for step in 0..100 {
        let (x, mut y) = (step as f64 / 100.0, [0.0]);
        let exact = |x: &[f64], y: &mut [f64]| (checked, y[0]) = (checked + 1, x[0] + 1.0 / 64.0);
        let answer = online.caller().infer(&[x], &mut y, exact).unwrap();
        assert!(answer == Answer::Emulated(0) && (y[0] - x).abs() < 1e-3, "{x}: {answer:?} {y:?}");
    }
    assert_eq!(checked, 25);
    // What errs more is learnt from: with the alarm, which one of the first checks rings, from all inputs.
    assert_eq!(ask(&online, 0.5, 1.0, 40, |x| 1.5 * x), 10);
    online.retrain_all();
    online.wait();
    let done: Vec<_> = online.take_done().into_iter().map(Result::unwrap).collect();
    assert!(matches!(done[..], [ref retrained] if retrained.member == 0), "{done:?}");
    drop(online);
    let folder = tempfile::tempdir().unwrap();
    let alarm = Some(Alarm { window: 10, share: 0.0 });
    let online = Online::open(folder.path(), &plain(16), familiar(), policy(alarm)).unwrap();
    assert_eq!(ask(&online, 0.5, 1.0, 40, |x| 1.5 * x), 40);
    assert_eq!(ask(&online, 0.0, 1.0, 3, |x| x), 3);
}

#[test]
fn what_is_outside_the_ranges_of_training_is_unfamiliar_without_a_router_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = plain(16).to_yaml();
    let ranged = text.replacen("size: 1, frac: 12", "size: 1, frac: 12, ranges: [[-1.0, 1.0]]", 1);
    let emulator = Emulator::parse(&ranged.replacen("emeuro: 1", "emeuro: 2", 1), "ranged.yaml").unwrap();
    let audit = Audit { every: u64::MAX, bound: 1e9 };
    let policy = Policy { audit, ..policy(plain(24)) };
    let online = Online::open(folder.path(), &emulator, familiar(), policy).unwrap();
    // The very first input is checked.
    assert_eq!(ask(&online, -1.0, 1.0, 10, |x| x), 0);
    assert_eq!(ask(&online, 1.0, 1.5, 10, |x| x), 10);
}

#[test]
fn outputs_that_the_exact_code_does_not_know_are_not_learnt_from() {
    let folder = tempfile::tempdir().unwrap();
    let word = Format::new(16, 12).unwrap();
    let mut builder = EmulatorBuilder::new("twice", Port::new("x", 1, word), 32).unwrap();
    let weights = Weights { format: Format::new(8, 4).unwrap(), values: vec![16, 16] };
    let y = builder.dense("y", VectorId::INPUT, weights, vec![0, 0], word).unwrap();
    let spec = OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 2, word) };
    let emulator = builder.finish(spec, Provenance::default()).unwrap();
    let seen = Arc::new(Mutex::new(vec![]));
    let frames = Arc::clone(&seen);
    let retrain = move |emulator: &Emulator, _, train: &Frames, _: &Frames| {
        frames.lock().unwrap().push(train.mask().map(|mask| mask.column(1).iter().all(|counts| !counts)));
        Ok(emulator.clone())
    };
    let audit = Audit { every: 1, bound: 0.1 };
    let policy = || Policy { audit, alarm: None, patience: 100, least: 1, ..Policy::new(retrain.clone()) };
    let online = Online::open(folder.path(), &emulator, [], policy()).unwrap();
    let mut y = [0.0; 2];
    for x in (1..=16).map(|step| f64::from(step) / 16.0) {
        // The first output is wrong, the second one is not known.
        let answer =
            online.caller().infer(&[x], &mut y, |x, y| (y[0], y[1]) = (2.0 * x[0], f64::NAN)).unwrap();
        assert_eq!(answer, Answer::Exact(0));
        // The first one is right.
        let answer = online.caller().infer(&[x], &mut y, |x, y| (y[0], y[1]) = (x[0], f64::NAN)).unwrap();
        assert_eq!(answer, Answer::Emulated(0));
        // Nothing is known.
        let answer = online.caller().infer(&[x], &mut y, |_, y| y.fill(f64::NAN)).unwrap();
        assert_eq!(answer, Answer::Emulated(0));
    }
    drop(online);
    let online = Online::open(folder.path(), &emulator, [], policy()).unwrap();
    online.retrain_all();
    online.wait();
    assert_eq!(*seen.lock().unwrap(), [Some(true)]);
}
