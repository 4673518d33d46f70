//! From the profile of a program with nested regions to emulators that the program uses.

use std::path::{Path, PathBuf};

use emeuro_regions::{Mode, approximate};
use emeuro_trainer::{
    Error, Session,
    profile::{Decision, Profile, ProfileTraining, RegionReport, TrainedProfile, train_regions},
};
use std::time::Duration;

/// Something that takes a while: the angle of a driven pendulum after many small steps.
#[approximate]
fn swing(angle: f64, speed: f64, push: f64) -> [f64; 2] {
    let (mut a, mut v) = (angle, speed);
    for _ in 0..4000 {
        v += 2.5e-4 * (push - a.sin() - 0.1 * v);
        a += 2.5e-4 * v;
    }
    [a, v]
}

/// Nothing that can be learnt: bits of the input.
#[approximate]
fn scramble(x: f64) -> f64 {
    let mut bits = x.to_bits();
    for _ in 0..4500 {
        bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (bits % 1000) as f64
}

/// Calls both; its result is as hard to learn as that of the second.
#[approximate]
fn machine(angle: f64, speed: f64, push: f64) -> [f64; 2] {
    let [a, v] = swing(angle, speed, push);
    [a + v, scramble(push) / 1000.0]
}

fn arguments(index: usize) -> [f64; 3] {
    let t = index as f64;
    [(0.731 * t).sin(), 1.3 * (1.117 * t).cos(), 0.8 * (0.377 * t).sin()]
}

fn options(regions: &[&str]) -> ProfileTraining {
    ProfileTraining {
        target: 0.03,
        // Those that are named may err.
        budget: Duration::from_millis(if regions.is_empty() { 1000 } else { 200 }),
        seed: 1,
        regions: regions.iter().map(|&name| name.to_owned()).collect(),
        command: "emeuro train --profile profile".to_owned(),
    }
}

fn trained(folder: &Path, regions: &[&str]) -> TrainedProfile {
    train_regions(&Profile::read(folder).unwrap(), &options(regions), &Session::default()).unwrap()
}

fn of<'a>(trained: &'a TrainedProfile, name: &str) -> &'a RegionReport {
    trained.regions.iter().find(|region| region.region.ends_with(&format!("::{name}"))).unwrap()
}

/// All in one test: the regions of a program are global.
#[test]
fn a_program_is_profiled_trained_and_emulated() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    emeuro_regions::set_mode("machine", Mode::Profile).unwrap();
    emeuro_regions::set_mode("swing", Mode::Profile).unwrap();
    emeuro_regions::set_mode("scramble", Mode::Profile).unwrap();
    for index in 0..1000 {
        let [a, v, push] = arguments(index);
        std::hint::black_box(machine(a, v, push));
    }
    emeuro_regions::write_profile(&profile).unwrap();

    // The whole cannot be learnt: it is descended into, and what can be learnt is emulated.
    let chosen = trained(&profile, &[]);
    let names: Vec<&str> = chosen.regions.iter().map(|r| r.region.rsplit("::").next().unwrap()).collect();
    assert_eq!(names, ["machine", "swing", "scramble"], "callers before what they call");
    let [machine_report, swing_report, scramble_report] =
        ["machine", "swing", "scramble"].map(|n| of(&chosen, n));
    assert_eq!(machine_report.decision, Decision::Descend, "{}", machine_report.reason);
    assert_eq!(swing_report.decision, Decision::Emulate, "{}", swing_report.reason);
    assert_eq!(scramble_report.decision, Decision::Exact, "{}", scramble_report.reason);
    assert!(scramble_report.reason.contains("out of reach"), "{}", scramble_report.reason);
    assert_eq!((swing_report.calls, swing_report.kept, swing_report.depth), (1000, 1000, 1));
    assert!(chosen.whole && machine_report.share > 0.5 && machine_report.share <= 1.0);
    assert!(swing_report.share < machine_report.share);
    assert!(swing_report.emulated_ns.unwrap() < swing_report.exact_ns);
    // Amdahl, from the figures of the report.
    let saved = 1000.0 * 1e-9 * (swing_report.exact_ns - swing_report.emulated_ns.unwrap());
    assert!((chosen.saved / saved - 1.0).abs() < 1e-6);
    let speedup = chosen.seconds / (chosen.seconds - saved);
    assert!((chosen.speedup() / speedup - 1.0).abs() < 1e-6 && speedup > 1.1, "{speedup}");

    // The emulator is the one that the region loads, and errs as reported on inputs that were not in the profile.
    let (report, learnt) = chosen.emulated().next().unwrap();
    let path = folder.path().join(format!("{}.yaml", report.file_stem));
    learnt.emulator.save(&path).unwrap();
    emeuro_regions::load("swing", &path).unwrap();
    let error = {
        let inputs: Vec<[f64; 3]> = (20_000..20_500).map(arguments).collect();
        let run = |mode| {
            emeuro_regions::set_mode("swing", mode).unwrap();
            inputs.iter().map(|&[a, v, push]| swing(a, v, push)).collect::<Vec<_>>()
        };
        let (exact, emulated) = (run(Mode::Exact), run(Mode::Emulate { quality: 9 }));
        let column = |k: usize| {
            let mean = exact.iter().map(|y| y[k]).sum::<f64>() / 500.0;
            let spread: f64 = exact.iter().map(|y| (y[k] - mean).powi(2)).sum();
            (exact.iter().zip(&emulated).map(|(e, y)| (e[k] - y[k]).powi(2)).sum::<f64>() / spread).sqrt()
        };
        column(0).max(column(1))
    };
    assert!(error < 0.05 && learnt.reaches_target(), "{error}, {:?}", learnt.errors());

    // Regions that are named are emulated, however well or badly.
    let named = trained(&profile, &["machine"]);
    assert_eq!(of(&named, "machine").decision, Decision::Emulate);
    assert!(of(&named, "machine").reason.contains("not reached"), "{}", of(&named, "machine").reason);
    assert_eq!(of(&named, "swing").decision, Decision::Inside("machine".into()));
    assert!(of(&named, "machine").misses && !named.reaches_target() && chosen.reaches_target());
    // But for what the means of the outputs would do as well.
    let scrambled = trained(&profile, &["scramble"]);
    let report = of(&scrambled, "scramble");
    let useless = report.learnt.as_ref().unwrap().is_hopeless();
    assert_eq!(report.decision, if useless { Decision::Exact } else { Decision::Emulate });
    assert!(report.reason.contains(if useless { "the means" } else { "not reached" }), "{}", report.reason);
    assert!(!scrambled.reaches_target() && report.is_named);
    assert!(chosen.regions.iter().all(|region| region.in_loop.is_none()));
    let read = Profile::read(&profile).unwrap();
    let error = train_regions(&read, &options(&["swim"]), &Session::default()).unwrap_err().to_string();
    assert!(error.contains("\"swim\"") && error.contains("swing"), "{error}");

    // Exact code inside, and calls that are too few.
    let yaml = profile.join("profile.yaml");
    let text = std::fs::read_to_string(&yaml).unwrap();
    let entry = "- region: profile::swing\n  calls: 1000\n";
    std::fs::write(&yaml, text.replace(entry, &format!("{entry}  exact_code:\n  - log_line\n"))).unwrap();
    let exact = trained(&profile, &["swing"]);
    assert_eq!(of(&exact, "swing").decision, Decision::Exact);
    assert!(of(&exact, "swing").reason.contains("exact code (log_line)"), "{}", of(&exact, "swing").reason);
    std::fs::write(&yaml, text).unwrap();
    shorten(&profile, "swing");
    let few = trained(&profile, &[]);
    assert!(of(&few, "swing").reason.contains("15 rows"), "{}", of(&few, "swing").reason);
    assert_eq!(few.emulated().count(), 0);

    refuses_what_is_no_profile(&profile);
}

/// Leaves the first 15 calls of a region.
fn shorten(profile: &Path, region: &str) {
    use ndarray::{Array2, s};
    use ndarray_npy::{read_npy, write_npy};
    for what in ["inputs", "outputs"] {
        let path = array(profile, region, what);
        let rows: Array2<f64> = read_npy(&path).unwrap();
        write_npy(&path, &rows.slice(s![..15, ..]).to_owned()).unwrap();
    }
}

fn array(profile: &Path, region: &str, what: &str) -> PathBuf {
    profile.join(format!("profile.{region}.{what}.npy"))
}

fn refuses_what_is_no_profile(profile: &Path) {
    let refused = |folder: &Path| match Profile::read(folder) {
        Err(error @ (Error::Profile { .. } | Error::Table(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    std::fs::remove_file(array(profile, "swing", "outputs")).unwrap();
    assert!(refused(profile).contains("profile.swing.outputs.npy"));
    std::fs::write(profile.join("profile.yaml"), "calls: 3\n").unwrap();
    assert!(refused(profile).contains("profile.yaml"));
    assert!(refused(&profile.join("nowhere")).contains("profile mode"));
}
