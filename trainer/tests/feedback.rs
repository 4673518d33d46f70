//! A region with state: the error of one step, of the loop, and what is decided by it.

use std::{path::Path, time::Duration};

use emeuro_golden::nrmse;
use emeuro_regions::{Frame, Mode, approximate};
use emeuro_trainer::{
    Session,
    profile::{Decision, Profile, ProfileTraining, TrainedProfile, train_regions},
};

/// What a controller remembers.
#[derive(Clone, Copy, Frame)]
struct Memory {
    sum: f64,
    last: f64,
}

/// A PID controller that takes its time.
#[approximate]
fn pid(memory: &mut Memory, error: f64) -> f64 {
    let mut work = error;
    for _ in 0..3000 {
        work = std::hint::black_box(0.999 * work);
    }
    memory.sum += 0.01 * error;
    let slope = (error - memory.last) / 0.01;
    memory.last = error;
    (2.0 * error + 1.5 * memory.sum + 0.05 * slope).clamp(-3.0, 3.0) + 1e-30 * work
}

/// Places of a plant that the controller leads, step by step.
fn run(steps: usize, seed: f64) -> Vec<f64> {
    let mut memory = Memory { sum: 0.0, last: 0.0 };
    let (mut place, mut speed) = (0.0, 0.0);
    (0..steps)
        .map(|step| {
            let t = step as f64 * 0.01 + seed;
            let wanted = (0.9 * t).sin() + if (t * 0.31).fract() < 0.5 { 0.5 } else { -0.5 };
            let push = pid(&mut memory, wanted - place);
            speed += 0.01 * (4.0 * push - 2.0 * speed);
            place += 0.01 * speed;
            place
        })
        .collect()
}

fn trained(folder: &Path, regions: &[&str]) -> TrainedProfile {
    let options = ProfileTraining {
        target: 0.06,
        budget: Duration::from_millis(700),
        seed: 1,
        regions: regions.iter().map(|&name| name.to_owned()).collect(),
        command: "emeuro train --profile profile".to_owned(),
    };
    train_regions(&Profile::read(folder).unwrap(), &options, &Session::default()).unwrap()
}

/// All in one test: the regions of a program are global.
#[test]
fn the_error_of_the_loop_is_measured_and_decides() {
    let folder = tempfile::tempdir().unwrap();
    emeuro_regions::set_mode("pid", Mode::Profile).unwrap();
    run(3000, 0.0);
    emeuro_regions::set_mode("pid", Mode::Exact).unwrap();
    emeuro_regions::write_profile(folder.path()).unwrap();

    let named = trained(folder.path(), &["pid"]);
    let report = &named.regions[0];
    let errors = report.in_loop.as_ref().unwrap();
    assert_eq!((errors.state, errors.chains, errors.longest, errors.calls), (2, 1, 3000, 3000));
    let (step, all) = (errors.one_step.nrmse.unwrap(), errors.in_loop.nrmse.unwrap());
    println!("one step {:.3} %, in the loop {:.3} %", 100.0 * step, 100.0 * all);
    let learnt = report.learnt.as_ref().unwrap();
    assert!(learnt.reaches_target(), "{:?}", learnt.errors());
    assert!(all > 2.0 * step, "{step} {all}");
    let names: Vec<&str> = errors.in_loop.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["memory[0]", "memory[1]", "result"]);
    // What the sum has drifted by is the controller's error.
    assert!(errors.in_loop.outputs[0].largest > errors.one_step.outputs[0].largest);
    // The target is that of the loop: what is named is emulated nevertheless, and said to miss it.
    assert_eq!(report.decision, Decision::Emulate, "{}", report.reason);
    assert!(report.reason.contains("is not reached in the loop"), "{}", report.reason);
    assert!(report.misses && !named.reaches_target());
    let missed = trained(folder.path(), &[]);
    let report = &missed.regions[0];
    assert_eq!(report.decision, Decision::Exact, "{}", report.reason);
    assert!(report.reason.contains("in the loop over 3000 calls"), "{}", report.reason);
    assert!(report.misses && !missed.reaches_target());

    // In the program itself the plant answers to the emulator: that is another error, of the same kind.
    let exact = run(3000, 40.0);
    let path = folder.path().join("pid.yaml");
    learnt.emulator.save(&path).unwrap();
    emeuro_regions::load("pid", &path).unwrap();
    emeuro_regions::set_mode("pid", Mode::Emulate { quality: 9 }).unwrap();
    let emulated = run(3000, 40.0);
    println!("of the plant {:.3} %", 100.0 * nrmse(&exact, &emulated, 1).unwrap());
}
