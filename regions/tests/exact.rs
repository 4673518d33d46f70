//! Code that is never replaced. Every test counts what was noted: nothing may be skipped.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::emulator;
use emeuro_regions::*;

/// Reads a number of notes and sets it to 0.
fn take(notes: &AtomicUsize) -> usize {
    notes.swap(0, Relaxed)
}

fn refused(region: &Region, mode: &str) -> String {
    region.set_mode(mode.parse().unwrap()).unwrap_err().to_string()
}

static PRINTED: AtomicUsize = AtomicUsize::new(0);

#[approximate]
fn before(x: f64) -> f64 {
    x + 1.0
}

#[approximate]
fn marked(x: f64) -> f64 {
    let mut y = before(x);
    #[exact]
    PRINTED.fetch_add(1, Relaxed);
    if y > 100.0 {
        #[emeuro_regions::exact]
        {
            PRINTED.fetch_add(1, Relaxed);
            y = 100.0;
        }
    }
    2.0 * y
}

#[test]
fn a_region_with_a_marked_statement_is_split_around_it() {
    let region = region("marked").unwrap();
    let code = region.exact_code();
    assert_eq!(code.len(), 2);
    let lines = [("    #[ex", 0), ("        #[em", 1)].map(|(begins, mark)| {
        let line = include_str!("exact.rs").lines().position(|line| line.starts_with(begins)).unwrap() + 1;
        assert!(code[mark].ends_with(&format!("tests/exact.rs:{line}")), "{code:?}");
        line
    });
    region.load(emulator("zero", 1, &[0.0])).unwrap();
    for mode in ["emulate", "emulate:0", "check:9"] {
        let error = refused(region, mode);
        let place = format!("exact.rs:{}", lines[0]);
        for expected in ["exact::marked", &place, "regions that it calls instead: exact::before"] {
            assert!(error.contains(expected), "{error}");
        }
    }
    // What is left of it is emulated.
    let inner = emeuro_regions::region("before").unwrap();
    inner.load(emulator("three", 1, &[3.0])).unwrap();
    set_mode("before", Mode::Emulate { quality: 9 }).unwrap();
    assert_eq!(before(0.0), 1.0, "once by its own code, to see what it contains");
    assert_eq!(marked(0.5), 3.0);
    region.set_mode(Mode::Profile).unwrap();
    assert_eq!(marked(0.25), 1.5);
    assert_eq!(take(&PRINTED), 2);
}

static CALLED: AtomicUsize = AtomicUsize::new(0);

#[exact]
fn note(count: usize) {
    CALLED.fetch_add(count, Relaxed);
}

#[approximate]
fn calls_it(x: f64) -> f64 {
    note(1);
    x
}

#[approximate]
fn calls_who_calls_it(x: f64) -> f64 {
    if x > 0.0 { calls_it(x) } else { 0.0 }
}

struct Log;

impl Log {
    #[exact]
    fn append<T: Into<f64>>(&self, value: T) -> f64 {
        CALLED.fetch_add(1, Relaxed);
        value.into()
    }
}

#[approximate]
fn calls_a_method(x: f32) -> f64 {
    Log.append(x)
}

#[approximate]
fn calls_with_types(x: f32) -> f64 {
    Log.append::<f32>(x)
}

#[test]
fn calls_by_name_are_known_before_anything_runs() {
    for (name, code) in [
        ("calls_it", "exact::note"),
        ("calls_who_calls_it", "exact::note"),
        ("calls_a_method", "exact::append"),
        ("calls_with_types", "exact::append"),
    ] {
        let region = region(name).unwrap();
        region.load(emulator("zero", 1, &[0.0])).unwrap();
        assert_eq!(region.exact_code(), [code], "{name}");
        let error = refused(region, "emulate");
        assert!(error.contains(code), "{error}");
    }
    assert!(refused(region("calls_it").unwrap(), "emulate").contains("functions of their own"));
    assert_eq!(calls_a_method(1.5) + calls_with_types(0.5) + calls_who_calls_it(3.0), 5.0);
    assert_eq!(region("before").unwrap().exact_code(), [""; 0]);
}

static HIDDEN: AtomicUsize = AtomicUsize::new(0);

#[exact]
fn hidden() {
    HIDDEN.fetch_add(1, Relaxed);
}

/// Nobody sees from a region that calls it what is inside.
fn helper(x: f64) -> f64 {
    hidden();
    x
}

#[approximate]
fn is_emulated(x: f64) -> f64 {
    helper(x)
}

#[approximate]
fn is_checked(x: f64) -> f64 {
    helper(x)
}

#[approximate]
fn is_profiled(x: f64) -> f64 {
    helper(x)
}

#[approximate]
fn is_inside(x: f64) -> f64 {
    inside(x)
}

#[approximate]
fn calls_what_calls_a_helper(x: f64) -> f64 {
    if x < 0.0 { x } else { seen_late(x) }
}

#[approximate]
fn seen_late(x: f64) -> f64 {
    helper(x)
}

fn inside(x: f64) -> f64 {
    is_profiled(x)
}

#[test]
fn what_only_running_shows_is_never_skipped_either() {
    for (name, mode, call) in [
        ("is_emulated", "emulate", is_emulated as fn(f64) -> f64),
        ("is_checked", "check:1000", is_checked),
        ("is_inside", "check:1000", is_inside),
    ] {
        let region = region(name).unwrap();
        region.load(emulator("zero", 1, &[0.0])).unwrap();
        assert!(region.exact_code().is_empty(), "{name}");
        region.set_mode(mode.parse().unwrap()).unwrap();
        assert!((1..20).all(|x| call(f64::from(x)) == f64::from(x)), "{name}");
        assert_eq!(take(&HIDDEN), 19, "{name}");
        assert_eq!((region.mode(), region.exact_code()), (Mode::Exact, vec!["exact::hidden".to_owned()]));
        assert!(refused(region, mode).contains("exact::hidden"));
    }
    // Nor inside a region whose emulator would have been asked instead.
    let outer = region("calls_what_calls_a_helper").unwrap();
    outer.load(emulator("zero", 1, &[0.0])).unwrap();
    assert_eq!(outer.exact_code(), [""; 0]);
    outer.set_mode("emulate".parse().unwrap()).unwrap();
    set_mode("seen_late", Mode::Profile).unwrap();
    assert_eq!(calls_what_calls_a_helper(-1.0), -1.0, "the first call, which meets nothing");
    assert_eq!(calls_what_calls_a_helper(1.0), 0.0, "nobody can know");
    assert_eq!((seen_late(1.0), take(&HIDDEN)), (1.0, 1));
    assert_eq!((calls_what_calls_a_helper(1.0), take(&HIDDEN)), (1.0, 1));
    assert_eq!(outer.exact_code(), ["exact::hidden"]);
    // The profile says so to whoever trains.
    take_profile();
    set_mode("is_profiled", Mode::Profile).unwrap();
    assert_eq!(is_profiled(4.0), 4.0);
    let folder = tempfile::tempdir().unwrap();
    write_profile(folder.path()).unwrap();
    let yaml = std::fs::read_to_string(folder.path().join("profile.yaml")).unwrap();
    assert!(
        yaml.contains("region: exact::is_profiled") && yaml.contains("exact_code:\n  - exact::hidden"),
        "{yaml}"
    );
}
