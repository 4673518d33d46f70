//! The stream bench: correct units pass under all traffic, each planted bug is found and named, timing is exact.

mod common;

use common::{adder_answers, build, build_with, fixtures, random_frames, sum_answers};
use emeuro_testbench::{
    Error, Failure, Fault, Model, OnMismatch, Roms, RtlPolicy, Sim, SourceFile, Statistics, StreamBench,
    Timing, Traffic,
};

fn start(model: &Model, seed: u64) -> Sim {
    Sim::new(model, Roms::Folder(&fixtures()), seed).unwrap()
}

fn failure(result: Result<Statistics, Error>) -> Failure {
    match result {
        Err(Error::Failure(failure)) => *failure,
        other => panic!("expected a fault of the unit, got {other:?}"),
    }
}

/// Plays random frames through the adder with a bug under all standard traffic, and returns the failures.
fn failures_with(bug: &str) -> Vec<(&'static str, Failure)> {
    let model = build_with("frame_adder", &[&format!("+define+{bug}")]);
    let inputs = random_frames(400, common::ADDER_WORDS, 16, 11);
    let expected = adder_answers(&inputs);
    let mut failures = Vec::new();
    for (name, traffic) in Traffic::standard() {
        let bench = StreamBench::new(&model, 16, 16).unwrap().with_traffic(traffic).with_watchdog(1000);
        match bench.run(&mut start(&model, 1), &inputs, &expected, 3) {
            Ok(_) => {}
            Err(Error::Failure(failure)) => failures.push((name, *failure)),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!failures.is_empty(), "{bug} was not detected");
    failures
}

#[test]
fn correct_units_pass_under_all_traffic_and_seeds() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let (adder, sum) = (build("frame_adder"), build("frame_sum"));
    for (name, traffic) in Traffic::standard() {
        for seed in 0..4 {
            let inputs = random_frames(100, common::ADDER_WORDS, 16, seed);
            let bench = StreamBench::new(&adder, 16, 16).unwrap().with_traffic(traffic.clone());
            let statistics =
                bench.run(&mut start(&adder, seed), &inputs, &adder_answers(&inputs), seed).unwrap();
            assert_eq!((statistics.frames, statistics.words, statistics.mismatches), (100, 800, 0), "{name}");
            assert!(statistics.cycles > 800, "{name}");

            let inputs = random_frames(100, 20, 8, seed);
            let bench = StreamBench::new(&sum, 8, 16).unwrap().with_traffic(traffic.clone());
            let statistics = bench.run(&mut start(&sum, seed), &inputs, &sum_answers(&inputs), seed).unwrap();
            assert_eq!((statistics.frames, statistics.words, statistics.mismatches), (100, 100, 0), "{name}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_clocks_and_another_seed_others() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("frame_adder");
    let inputs = random_frames(200, common::ADDER_WORDS, 16, 1);
    let expected = adder_answers(&inputs);
    let bench = StreamBench::new(&model, 16, 16).unwrap().with_traffic(Traffic::random(0.4, 0.4));
    let mut sim = start(&model, 1);
    let cycles = |sim: &mut Sim, seed| bench.run(sim, &inputs, &expected, seed).unwrap().cycles;
    let first = cycles(&mut sim, 8);
    assert_eq!(cycles(&mut sim, 8), first);
    assert_eq!(cycles(&mut start(&model, 2), 8), first);
    assert_ne!(cycles(&mut sim, 9), first);
}

#[test]
fn latency_and_period_are_exact() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let adder = build("frame_adder");
    let inputs = random_frames(7, common::ADDER_WORDS, 16, 1);
    let bench = StreamBench::new(&adder, 16, 16).unwrap().with_traffic(Traffic::bursts());
    let timing = bench.measure(&mut start(&adder, 1), &inputs, &adder_answers(&inputs)).unwrap();
    assert_eq!(timing, Timing { latency: 9, period: 8 });
    let too_few = bench.measure(&mut start(&adder, 1), &inputs[..2], &adder_answers(&inputs[..2]));
    assert!(matches!(too_few, Err(Error::Stimulus(_))));

    let sum = build("frame_sum");
    let bench = StreamBench::new(&sum, 8, 16).unwrap();
    for words in [1, 5, 64] {
        let inputs = random_frames(7, words, 8, 1);
        let timing = bench.measure(&mut start(&sum, 1), &inputs, &sum_answers(&inputs)).unwrap();
        assert_eq!(timing, Timing { latency: words as u64 + 4, period: words as u64 + 4 });
    }
    // Frames of different lengths have no steady state.
    let inputs = [random_frames(5, 5, 8, 1), random_frames(1, 6, 8, 1), random_frames(2, 5, 8, 1)].concat();
    let unsteady = bench.measure(&mut start(&sum, 1), &inputs, &sum_answers(&inputs));
    assert!(matches!(unsteady, Err(Error::Unsteady { previous: 18, last: 19 })), "{unsteady:?}");
}

#[test]
fn a_dropped_valid_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (traffic, failure) in failures_with("BUG_VALID_DROPS") {
        assert_eq!(failure.fault, Fault::ValidDropped, "{traffic}");
        assert_eq!(failure.word, 4, "{traffic}");
    }
}

#[test]
fn data_that_changes_while_it_waits_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (traffic, failure) in failures_with("BUG_DATA_CHANGES") {
        assert!(matches!(failure.fault, Fault::DataChanged { .. }), "{traffic}: {failure}");
    }
}

#[test]
fn a_last_that_changes_while_it_waits_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (traffic, failure) in failures_with("BUG_LAST_CHANGES") {
        assert_eq!((failure.fault, failure.word), (Fault::LastChanged, 7), "{traffic}");
    }
}

#[test]
fn a_wrong_word_is_found_with_its_place() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let inputs = random_frames(400, common::ADDER_WORDS, 16, 11);
    let is_hit = |word: &i16| word & 0xff == 0x5a;
    let frame = inputs.iter().position(|frame| frame.iter().any(is_hit)).unwrap();
    let word = inputs[frame].iter().position(is_hit).unwrap();
    let (got, expected) = (inputs[frame][word], adder_answers(&inputs)[frame][word]);
    let failures = failures_with("BUG_WRONG_WORD");
    assert_eq!(failures.len(), Traffic::standard().len());
    for (traffic, failure) in failures {
        assert_eq!((failure.frame, failure.word, failure.seed), (frame, word, 3), "{traffic}");
        assert_eq!(failure.fault, Fault::Word { expected, got }, "{traffic}");
        let text = failure.to_string();
        let place = format!("seed 3, output frame {frame}, word {word}, clock {}", failure.clock);
        assert!(text.contains(&place) && text.contains(&format!("expected {expected}, got {got}")), "{text}");
    }
}

#[test]
fn mismatches_are_counted_when_asked() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build_with("frame_adder", &["+define+BUG_WRONG_WORD"]);
    let inputs = random_frames(400, common::ADDER_WORDS, 16, 11);
    let wrong = inputs.iter().flatten().filter(|&word| word & 0xff == 0x5a).count() as u64;
    let bench = StreamBench::new(&model, 16, 16).unwrap().with_on_mismatch(OnMismatch::Count);
    let statistics = bench.run(&mut start(&model, 1), &inputs, &adder_answers(&inputs), 3).unwrap();
    assert!(wrong > 3);
    assert_eq!((statistics.frames, statistics.words, statistics.mismatches), (400, 3200, wrong));

    // One altered word of a ROM: one mismatch per frame.
    let good = build("frame_adder");
    let rom = [SourceFile::new("frame_adder.hex", "0001 0010 0100 1001 7fff 8000 ffff 00ff\n")];
    let mut sim = Sim::new(&good, Roms::Files(&rom), 1).unwrap();
    assert_eq!(bench.run(&mut sim, &inputs, &adder_answers(&inputs), 3).unwrap().mismatches, 400);
    let stopped =
        failure(StreamBench::new(&good, 16, 16).unwrap().run(&mut sim, &inputs, &adder_answers(&inputs), 3));
    assert_eq!((stopped.frame, stopped.word), (0, 3));
}

#[test]
fn a_unit_that_looks_at_data_without_valid_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    assert!(failures_with("BUG_IGNORES_VALID").iter().any(|(traffic, _)| *traffic == "starved"));
}

#[test]
fn a_missing_last_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (traffic, failure) in failures_with("BUG_LOSES_LAST") {
        assert_eq!(
            (failure.fault, failure.word),
            (Fault::Last { expected: true, got: false }, 7),
            "{traffic}"
        );
    }
}

#[test]
fn an_extra_word_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let failures = failures_with("BUG_EXTRA_WORD");
    // At full rate only the end of the stream leaves room for one.
    let (_, at_end) = failures.iter().find(|(traffic, _)| *traffic == "full").unwrap();
    assert_eq!((&at_end.fault, at_end.frame), (&Fault::Extra, 400));
}

#[test]
fn a_lost_word_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    assert_eq!(failures_with("BUG_STUCK").len(), Traffic::standard().len());
}

#[test]
fn a_unit_that_waits_for_ready_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let failures = failures_with("BUG_WAITS_FOR_READY");
    let (_, late) = failures.iter().find(|(traffic, _)| *traffic == "late").unwrap();
    assert_eq!(late.fault, Fault::Stalled { clocks: 1000 });
}

#[test]
fn valid_in_reset_is_found() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    for (traffic, failure) in failures_with("BUG_VALID_IN_RESET") {
        assert_eq!(failure.fault, Fault::ValidInReset, "{traffic}");
    }
}

#[test]
fn a_silent_unit_ends_at_the_watchdog() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("frame_adder");
    let bench =
        StreamBench::new(&model, 16, 16).unwrap().with_watchdog(500).with_traffic(Traffic::random(0.0, 1.0));
    let inputs = random_frames(1, common::ADDER_WORDS, 16, 1);
    let failure = failure(bench.run(&mut start(&model, 1), &inputs, &adder_answers(&inputs), 1));
    assert_eq!((failure.fault, failure.clock), (Fault::Stalled { clocks: 500 }, 501));
}

#[test]
fn frames_that_make_no_sense_are_refused() {
    if RtlPolicy::current().verilator_or_skip().is_none() {
        return;
    }
    let model = build("frame_sum");
    let bench = StreamBench::new(&model, 8, 16).unwrap();
    let mut sim = start(&model, 1);
    let mut message = |inputs: &[Vec<i16>], expected: &[Vec<i16>]| {
        bench.run(&mut sim, inputs, expected, 0).unwrap_err().to_string()
    };
    assert!(message(&[vec![1]], &[]).contains("1 input frames, but 0 expected"));
    assert!(message(&[vec![1], vec![]], &[vec![1], vec![1]]).contains("input frame 1 is empty"));
    assert!(message(&[vec![1]], &[vec![]]).contains("output frame 0 is empty"));
    assert!(message(&[vec![128]], &[vec![128]]).contains("128 does not fit in 8 bits"));
    assert_eq!(bench.run(&mut sim, &[], &[], 0).unwrap(), Statistics::default());

    for (input, output) in [(0, 16), (8, 17), (9, 16)] {
        assert!(
            matches!(StreamBench::new(&model, input, output), Err(Error::Stimulus(_))),
            "{input} {output}"
        );
    }
    let widths = build("widths");
    assert!(matches!(StreamBench::new(&widths, 8, 8), Err(Error::NoSuchPort { .. })));
}
