//! Regions from the outside. Regions and the profile belong to the whole program, so every test has its own regions, and those
//! that profile take turns.

mod common;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::emulator;
use emeuro_golden::Emulator;
use emeuro_regions::*;

static PROFILING: Mutex<()> = Mutex::new(());

fn profiling() -> MutexGuard<'static, ()> {
    PROFILING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_region_emulates_at_any_level_and_goes_back() {
    #[approximate]
    fn twice(x: f64) -> f64 {
        2.0 * x + 1.0
    }

    assert_eq!(twice(1.5), 4.0);
    let region = region("twice").unwrap();
    let none = region.set_mode(Mode::Emulate { quality: 0 }).unwrap_err().to_string();
    assert!(none.contains("twice") && none.contains("no emulator"), "{none}");
    region.load(emulator("twice", 1, &[2.0])).unwrap();
    assert_eq!(twice(1.5), 4.0, "loading changes nothing");
    set_mode("twice", Mode::Emulate { quality: 1 }).unwrap();
    assert_eq!(twice(1.5), 3.0);
    region.set_mode(Mode::Emulate { quality: 0 }).unwrap();
    assert_eq!(twice(1.5), 1.5);
    region.load(emulator("twice", 1, &[3.0])).unwrap();
    region.set_mode("emulate".parse().unwrap()).unwrap();
    assert_eq!(twice(1.5), 4.5);
    region.set_mode(Mode::Exact).unwrap();
    assert_eq!(twice(1.5), 4.0);
}

#[derive(Clone, Debug, PartialEq, Frame)]
struct State {
    position: [f64; 2],
    speed: f32,
}

#[derive(Frame)]
struct Pair(f64, (f64, f64));

#[test]
fn parameters_and_results_of_all_kinds_are_frames() {
    #[approximate(weights = 2, out = 2)]
    fn everything(
        mut a: f64,
        state: &State,
        pair: Pair,
        weights: &[f64],
        out: &mut [f64],
        last: &mut State,
    ) -> (f64, [f32; 2]) {
        a += weights[0] + pair.0 + pair.1.1;
        out[0] += a;
        last.speed += state.speed;
        (a, [weights[1] as f32, 0.0])
    }

    let region = region("everything").unwrap();
    let part = |name, size| Part { name, size };
    assert_eq!(
        region.inputs(),
        [
            part("a", 1),
            part("state", 3),
            part("pair", 3),
            part("weights", 2),
            part("out", 2),
            part("last", 3)
        ]
    );
    assert_eq!(region.outputs(), [part("out", 2), part("last", 3), part("result", 3)]);
    // Output k is input k.
    let mut identity = vec![0.0; 14 * 8];
    (0..8).for_each(|k| identity[k * 14 + k] = 1.0);
    region.load(emulator("identity", 14, &identity)).unwrap();
    let call = || {
        let state = State { position: [1.0, 2.0], speed: 3.0 };
        let (mut out, mut last) = ([7.0, 8.0], state.clone());
        let pair = Pair(4.0, (5.0, 6.0));
        let result = everything(0.5, &state, pair, &[0.25, 0.75], &mut out, &mut last);
        (result, out, last)
    };
    let state = |x, y, speed| State { position: [x, y], speed };
    assert_eq!(call(), ((10.75, [0.75, 0.0]), [17.75, 8.0], state(1.0, 2.0, 6.0)));
    region.set_mode(Mode::Emulate { quality: 9 }).unwrap();
    assert_eq!(call(), ((5.0, [6.0, 0.25]), [0.5, 1.0], state(2.0, 3.0, 4.0)));
    // A slice of another length goes to the exact code.
    let (mut out, mut last) = ([7.0, 8.0], state(0.0, 0.0, 0.0));
    everything(0.5, &state(0.0, 0.0, 0.0), Pair(0.0, (0.0, 0.0)), &[0.25, 0.75, 0.5], &mut out, &mut last);
    assert_eq!(out[0], 7.75);
    assert_eq!(region.counts(), Counts { emulated: 1, exact: 1, other_size: 1, ..Counts::default() });
}

#[test]
fn what_is_not_finite_goes_to_the_exact_code() {
    #[approximate]
    fn negate(x: [f64; 2]) -> [f64; 2] {
        [-x[0], -x[1]]
    }
    let region = region("negate").unwrap();
    region.load(emulator("zero", 2, &[0.0; 4])).unwrap();
    region.set_mode(Mode::Emulate { quality: 0 }).unwrap();
    assert_eq!(negate([1.0, 2.0]), [0.0, 0.0]);
    assert_eq!(negate([1.0, f64::INFINITY]), [-1.0, f64::NEG_INFINITY]);
    assert!(negate([f64::NAN, 1.0])[0].is_nan());
    assert_eq!(region.counts(), Counts { emulated: 1, exact: 2, not_finite: 2, ..Counts::default() });
}

#[test]
fn inputs_outside_the_range_of_the_emulator_are_counted() {
    #[approximate]
    fn shrink(x: [f64; 2]) -> [f64; 2] {
        [x[0] / 2.0, x[1] / 2.0]
    }
    let text = emulator("shrink", 2, &[0.5, 0.0, 0.0, 0.5]).to_yaml();
    let text = text.replacen("frac: 10}", "frac: 10, ranges: [[-1.0, 1.0], [0.0, 2.0]]}", 1);
    let region = region("shrink").unwrap();
    region.load(Arc::new(Emulator::parse(&text, "shrink.yaml").unwrap())).unwrap();
    region.set_mode(Mode::Emulate { quality: 9 }).unwrap();
    for x in [[-1.0, 2.0], [1.0, 0.0], [1.001, 0.0], [0.5, -0.25]] {
        assert!((shrink(x)[0] - x[0] / 2.0).abs() < 1e-3);
    }
    assert_eq!(region.counts(), Counts { emulated: 4, outside: 2, ..Counts::default() });
}

#[test]
fn emulators_of_another_shape_and_unknown_names_are_refused() {
    #[approximate]
    fn shaped(x: [f64; 3]) -> f64 {
        x[0]
    }
    let _ = shaped([0.0; 3]);
    let error = region("shaped").unwrap().load(emulator("other", 2, &[0.0; 4])).unwrap_err().to_string();
    assert!(error.contains("3 inputs and 1 outputs") && error.contains("2 and 2"), "{error}");
    let error = region("shapely").err().unwrap().to_string();
    assert!(error.contains("\"shapely\"") && error.contains("regions::shaped"), "{error}");
    assert!(load("shaped", "no/such/file.yaml").unwrap_err().to_string().contains("no/such/file.yaml"));
}

mod one {
    #[emeuro_regions::approximate]
    pub(super) fn same(x: f64) -> f64 {
        x
    }
}

mod other {
    #[emeuro_regions::approximate(name = "same")]
    pub(super) fn another(x: f64) -> f64 {
        x
    }
}

#[test]
fn equal_names_need_their_module() {
    assert_eq!(one::same(1.0) + other::another(1.0), 2.0);
    let error = region("same").err().unwrap().to_string();
    assert!(error.contains("one::same") && error.contains("other::same"), "{error}");
    assert_eq!(region("one::same").unwrap().path(), "regions::one::same");
}

#[approximate]
fn inner(x: f64) -> f64 {
    std::thread::sleep(std::time::Duration::from_millis(2));
    if x < 0.0 { panic!("negative") } else { x.sqrt() }
}

#[approximate]
fn outer(x: f64, y: f64) -> f64 {
    inner(x) + inner(y)
}

#[approximate]
fn counted(x: f64) -> f64 {
    2.0 * x
}

#[test]
fn of_many_calls_a_fair_choice_is_kept_in_their_order() {
    let _turn = profiling();
    take_profile();
    set_mode("counted", Mode::Profile).unwrap();
    (0..30_000).for_each(|call| _ = counted(f64::from(call)));
    set_mode("counted", Mode::Exact).unwrap();
    let profile = take_profile();
    let [region] = &profile.regions[..] else { panic!("{:?}", profile.regions.len()) };
    let (inputs, outputs) = (&region.input_values, &region.output_values);
    assert_eq!((region.calls, inputs.len()), (30_000, 20_000));
    assert!(inputs.is_sorted_by(|a, b| a < b));
    assert!(inputs.iter().zip(outputs).all(|(x, y)| *y == 2.0 * x));
    let late = inputs.iter().filter(|&&call| call >= 15_000.0).count();
    assert!((9_500..10_500).contains(&late), "{late} of 20000 are of the second half");
}

#[test]
fn a_profile_is_the_call_tree_with_values() {
    let _turn = profiling();
    take_profile();
    for name in ["inner", "outer"] {
        set_mode(name, Mode::Profile).unwrap();
    }
    assert_eq!(outer(4.0, 9.0), 5.0);
    assert_eq!(outer(16.0, 0.0), 4.0);
    inner(1.0);
    assert!(std::panic::catch_unwind(|| outer(1.0, -1.0)).is_err());
    let folder = tempfile::tempdir().unwrap();
    let profile = take_profile();
    let tree: Vec<_> = profile.calls.iter().map(|n| (n.region.as_str(), n.parent, n.calls)).collect();
    assert_eq!(
        tree,
        [("regions::outer", None, 3), ("regions::inner", Some(0), 6), ("regions::inner", None, 1)],
        "the call that panicked counts"
    );
    let [outer_node, inner_node, _] = &profile.calls[..] else { panic!() };
    assert!(outer_node.seconds >= inner_node.seconds && inner_node.seconds >= 0.012, "{profile:?}");
    assert!((outer_node.own_seconds - (outer_node.seconds - inner_node.seconds)).abs() < 1e-6);
    // The exact code of the inner region ends before that of the outer one.
    assert_eq!(profile.regions[0].input_values, [4.0, 9.0, 16.0, 0.0, 1.0, 1.0]);
    assert_eq!(profile.regions[0].output_values, [2.0, 3.0, 4.0, 0.0, 1.0, 1.0]);
    assert_eq!(profile.regions[1].input_values, [4.0, 9.0, 16.0, 0.0]);
    assert_eq!(profile.regions[1].output_values, [5.0, 4.0]);

    outer(1.0, 4.0);
    // What would take the place of something else is not written, and not lost.
    for name in ["profile.yaml", "regions.outer.outputs.npy"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "mine: 1\n").unwrap();
        let message = write_profile(folder.path()).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains("stays"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine: 1\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::remove_file(path).unwrap();
    }
    write_profile(folder.path()).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let files = ["regions.inner.inputs.npy", "regions.inner.outputs.npy", "regions.outer.inputs.npy"];
    assert_eq!(names[1..4], files.map(str::to_owned));
    let yaml = std::fs::read_to_string(folder.path().join("profile.yaml")).unwrap();
    assert!(yaml.contains("region: regions::outer") && yaml.contains("kept: 2"), "{yaml}");
    // The next profile takes its place, and that of the files of the first versions.
    for first in [yaml.as_str(), "seconds: 2.5\ncalls: []\n", "calls: []\n"] {
        std::fs::write(folder.path().join("profile.yaml"), first).unwrap();
        outer(1.0, 4.0);
        write_profile(folder.path()).unwrap();
        let yaml = std::fs::read_to_string(folder.path().join("profile.yaml")).unwrap();
        assert!(yaml.contains("kept: 1"), "{yaml}");
    }
    for name in ["inner", "outer"] {
        set_mode(name, Mode::Exact).unwrap();
    }
    take_profile();
}

#[test]
fn many_threads_and_changes_of_mode_give_one_of_the_answers() {
    #[approximate]
    fn shared(x: f64) -> f64 {
        x + 1.0
    }
    let _turn = profiling();
    let region = region("shared").unwrap();
    region.load(emulator("double", 1, &[2.0])).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for step in 0..20_000 {
                    // Three times the largest one still is a word.
                    let x = f64::from(thread * 2 + step % 4);
                    let y = shared(x);
                    // Exact, level 1, level 0, level 1 of the other emulator, its level 0.
                    let all = [x + 1.0, 2.0 * x, x, 3.0 * x, 1.5 * x];
                    assert!(all.contains(&y), "{x} {y}");
                }
            });
        }
        let modes = ["exact", "emulate", "emulate:0", "check:3", "profile"];
        for step in 0..400 {
            region.set_mode(modes[step % modes.len()].parse().unwrap()).unwrap();
            if step % 20 == 0 {
                region.load(emulator("other", 1, &[if step % 40 == 0 { 3.0 } else { 2.0 }])).unwrap();
            }
        }
    });
    region.set_mode(Mode::Exact).unwrap();
    take_profile();
}

#[test]
fn checks_lower_the_level_and_fall_back_to_the_exact_code() {
    #[approximate]
    fn checked(x: f64) -> f64 {
        x
    }
    let region = region("checked").unwrap();
    region.load(emulator("same", 1, &[1.0])).unwrap();
    region.set_mode(Mode::Check { every: 2 }).unwrap();
    let run =
        |calls: i32| (0..calls).for_each(|step| assert!(checked(f64::from(step % 17) - 8.0).is_finite()));
    // The lower level halves everything: an error of half the spread, which is allowed here.
    region.set_target(Target { nrmse: 1.5 });
    run(200);
    let quality = region.quality();
    assert_eq!(quality.level, Some(0));
    assert!(
        (0.3..0.7).contains(&quality.nrmse) && quality.low <= quality.nrmse && quality.nrmse <= quality.high
    );
    // Not any more.
    region.set_target(Target { nrmse: 0.1 });
    run(200);
    assert_eq!(region.quality().level, Some(1));
    // An emulator that is wrong at every level.
    region.load(emulator("wrong", 1, &[-1.0])).unwrap();
    run(400);
    assert_eq!(region.quality().level, None);
    let before = region.counts();
    assert_eq!(checked(3.0) + checked(3.0), 6.0);
    assert_eq!(region.counts().emulated, before.emulated);
}

/// State of a controller: the sum of its errors and the last one.
#[derive(Clone, Copy, Frame)]
struct Memory {
    sum: f64,
    last: f64,
}

#[test]
fn state_that_comes_back_is_seen_and_whole_sequences_are_kept() {
    #[approximate]
    fn controller(memory: &mut Memory, error: f64) -> f64 {
        memory.sum = (memory.sum + 0.01 * error).clamp(-2.0, 2.0);
        let slope = error - memory.last;
        memory.last = error;
        1.2 * error + memory.sum + 0.3 * slope
    }

    #[approximate]
    fn filter(state: [f64; 2], input: f64) -> [f64; 2] {
        [0.9 * state[0] + 0.1 * input, state[0] - state[1]]
    }

    #[approximate]
    fn stateless(x: f64) -> f64 {
        x * x
    }

    let _turn = profiling();
    drop(take_profile());
    let regions = ["controller", "filter", "stateless"].map(|name| region(name).unwrap());
    regions.iter().for_each(|region| region.set_mode(Mode::Profile).unwrap());
    // Two controllers in turn, each with a plant, and a filter whose state goes by value.
    let mut loops = [(Memory { sum: 0.0, last: 0.0 }, 0.0), (Memory { sum: 0.5, last: 0.0 }, 1.0)];
    let mut state = [0.0; 2];
    for step in 0..500 {
        let wanted = (step as f64 * 0.02).sin();
        for (memory, place) in &mut loops {
            let push = controller(memory, wanted - *place);
            *place += 0.05 * (push - *place);
        }
        state = filter(state, wanted);
        stateless(wanted);
    }
    regions.iter().for_each(|region| region.set_mode(Mode::Exact).unwrap());
    let folder = tempfile::tempdir().unwrap();
    write_profile(folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join(ProfileFile::NAME)).unwrap();
    let file: ProfileFile = serde_yaml::from_str(&text).unwrap();
    assert_eq!(file.version, ProfileFile::VERSION);
    let [controller, filter, stateless] = ["controller", "filter", "stateless"]
        .map(|name| file.regions.iter().find(|entry| entry.region.ends_with(&format!("::{name}"))).unwrap());
    let feedback = controller.feedback.as_ref().unwrap();
    assert_eq!(feedback.links, [Link { input: 0, output: 0, size: 2 }]);
    assert_eq!(feedback.lengths, [1000]);
    assert!(
        folder.path().join(&feedback.input_file).is_file()
            && folder.path().join(&feedback.output_file).is_file()
    );
    assert_eq!(filter.feedback.as_ref().unwrap().links, [Link { input: 0, output: 0, size: 2 }]);
    assert_eq!(stateless.feedback, None);
}

#[test]
#[ignore = "a measurement: times of the profile against those without it"]
fn times_of_the_profile_are_those_of_the_code() {
    #[approximate]
    fn leaf(x: f64) -> f64 {
        (0..40).fold(x, |x, _| std::hint::black_box(0.5 * x + 0.1))
    }

    #[approximate]
    fn tree(x: f64) -> f64 {
        (0..200).fold(x, |x, _| leaf(x))
    }

    let _turn = profiling();
    drop(take_profile());
    let regions = ["leaf", "tree"].map(|name| region(name).unwrap());
    let run = || {
        let begun = std::time::Instant::now();
        let sum: f64 = (0..500).map(|k| tree(k as f64)).sum();
        std::hint::black_box(sum);
        begun.elapsed().as_secs_f64()
    };
    let exact = (0..9).map(|_| run()).fold(f64::INFINITY, f64::min);
    regions.iter().for_each(|region| region.set_mode(Mode::Profile).unwrap());
    let least = (0..9).map(|_| {
        let whole = run();
        let profile = take_profile();
        [whole, profile.seconds, profile.calls[0].seconds, profile.calls[1].seconds]
    });
    let [whole, program, tree, leaf] =
        least.fold([f64::INFINITY; 4], |a, b| std::array::from_fn(|k| a[k].min(b[k])));
    regions.iter().for_each(|region| region.set_mode(Mode::Exact).unwrap());
    println!(
        "exact {:.2} ms, with the profile {:.2} ms; of the profile: program {:.2}, tree {:.2}, leaf {:.2} ms",
        1e3 * exact,
        1e3 * whole,
        1e3 * program,
        1e3 * tree,
        1e3 * leaf
    );
}
