//! Faults that need a certain stimulus are found by random scenarios, which shrink to that stimulus and nothing else.

mod common;

use std::fs;

use common::{design, options};
use emeuro_testbench::{
    Error, Event, Evidence, Fault, Finding, FrameShape, Pattern, Recipe, Reset, RtlPolicy, Run, Scenario,
    Traffic, UnitBench,
};

const SHAPE: FrameShape =
    FrameShape { input_words: 4, input_bits: 16, output_words: 4, output_bits: 16, words_per_beat: 1 };

fn mirrored(frame: &[i16]) -> Result<Vec<i16>, Error> {
    Ok(frame.iter().rev().copied().collect())
}

/// The first of the random scenarios that fails, shrunk.
fn first_finding(bug: &str) -> Finding {
    let mut options = options();
    options.verilator_flags.push(format!("+define+{bug}"));
    let design = design("frame_mirror");
    let bench = UnitBench::new(&design, &options, SHAPE, mirrored).unwrap().with_watchdog(1000);
    let folder = tempfile::tempdir().unwrap();
    let evidence = Evidence::new(folder.path(), |scenario, waveform| {
        assert!(scenario.starts_with(folder.path()));
        format!("replay {}", waveform.file_name().unwrap().display())
    });
    let recipe = Recipe::of(&bench);
    let found = (0..100).find_map(|seed| bench.check(&recipe.draw(seed), &evidence).err());
    let Some(Error::Finding(finding)) = found else { panic!("{bug}: {found:?}") };
    println!("{bug}: {finding}\n");

    // What was kept is what is told, and it fails as told.
    assert_eq!(Scenario::load(&finding.scenario_file).unwrap(), finding.scenario);
    let Err(Error::Failure(again)) = bench.play(&finding.scenario) else { panic!("{bug}") };
    assert_eq!(*again, finding.failure);
    let waveform = fs::read(&finding.waveform).unwrap();
    assert_eq!(waveform[..9], [0, 0, 0, 0, 0, 0, 0, 1, 73], "the header of an FST file");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half-written");
    assert!(finding.to_string().contains(&format!("reproduce: {}", finding.command)));
    *finding
}

/// The events of a scenario of one run at full rate.
fn only_run(finding: &Finding) -> &[Event] {
    let [run] = &finding.scenario.runs[..] else { panic!("{finding}") };
    assert_eq!((&run.traffic, run.reset), (&Traffic::full(), Reset::port(1)), "{finding}");
    &run.events
}

#[test]
fn the_right_unit_passes_all_scenarios() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let design = design("frame_mirror");
    let bench = UnitBench::new(&design, &options(), SHAPE, mirrored).unwrap();
    let recipe = Recipe::of(&bench);
    let mut total = emeuro_testbench::Score::default();
    for seed in 0..200 {
        total += bench.check(&recipe.draw(seed), &Evidence::of_this_test()).unwrap();
    }
    assert!(total.frames > 1000 && total.dropped > 300 && total.resets > 400, "{total:?}");
}

#[test]
fn a_value_shrinks_to_one_frame_with_one_word() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let finding = first_finding("BUG_VALUE");
    let [Event::Frame(words)] = only_run(&finding) else { panic!("{finding}") };
    let &[0, 0, word, 0] = &words[..] else { panic!("{finding}") };
    assert_eq!(word & 0x1f, 0x1a);
    assert_eq!(finding.failure.fault, Fault::Word { expected: word, got: 0 });
    assert_eq!((finding.failure.run, finding.failure.frame, finding.failure.word), (Some(0), 0, 1));
}

#[test]
fn a_fault_after_a_long_frame_shrinks_to_that_and_two_frames() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let finding = first_finding("BUG_SECOND_AFTER_LONG");
    let frames = [vec![0; 5], vec![0; 4], vec![0; 4]].map(Event::Frame);
    assert_eq!(only_run(&finding), frames);
    assert_eq!(finding.failure.fault, Fault::Word { expected: 0, got: 1 });
    assert_eq!((finding.failure.frame, finding.failure.word), (1, 1));
}

#[test]
fn a_reset_that_forgets_shrinks_to_a_frame_that_it_interrupts_and_another() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let finding = first_finding("BUG_RESET_KEEPS_COUNT");
    let [first, second] = &finding.scenario.runs[..] else { panic!("{finding}") };
    let frame = || vec![Event::Frame(vec![0; 4])];
    let clocks = first.interrupted_after.unwrap();
    assert!((1..4).contains(&clocks), "{finding}");
    let expected = Run { interrupted_after: Some(clocks), ..Run::new(first.seed, Traffic::full(), frame()) };
    assert_eq!(*first, expected, "{finding}");
    assert!(second.events.len() <= 1 && second.traffic == Traffic::full(), "{finding}");
    assert_eq!(finding.failure.run, Some(1));
}

#[test]
fn a_fault_under_back_pressure_keeps_the_back_pressure() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let finding = first_finding("BUG_THIRD_WAIT");
    let [run] = &finding.scenario.runs[..] else { panic!("{finding}") };
    assert_eq!(run.events, [Event::Frame(vec![0; 4])], "{finding}");
    assert_eq!(run.traffic.input, Pattern::Always);
    assert!(run.traffic.output != Pattern::Always || run.traffic.ready_after_valid);
    assert_eq!(finding.failure.fault, Fault::Word { expected: 0, got: 1 });
}

#[test]
fn a_register_without_reset_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let finding = first_finding("BUG_INDEX_WITHOUT_RESET");
    assert!(finding.scenario.events() == 1, "{finding}");
}

#[test]
fn a_test_that_fails_tells_its_own_command() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let mut options = options();
    options.verilator_flags.push("+define+BUG_VALUE".into());
    let design = design("frame_mirror");
    let bench = UnitBench::new(&design, &options, SHAPE, mirrored).unwrap();
    let evidence = Evidence::of_this_test();
    let scenario = Scenario::of_frames(u64::MAX, Traffic::full(), &[vec![1, 1, 0x1a, 1]]);
    let Err(Error::Finding(finding)) = bench.check(&scenario, &evidence) else { panic!() };
    let command =
        "cargo test -p emeuro-testbench a_test_that_fails_tells_its_own_command -- --include-ignored";
    assert_eq!(finding.command, command);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("waves");
    let folder = std::env::var_os("EMEURO_KEEP_WAVES").map_or(folder, Into::into);
    for file in [&finding.scenario_file, &finding.waveform] {
        assert_eq!(file.parent().unwrap(), folder);
        fs::remove_file(file).unwrap();
    }
}
