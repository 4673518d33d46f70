//! A region learns ropes of a new class while the program runs, with the clustered emulator and real training.

use std::{cell::RefCell, sync::Arc};

use emeuro_apps::{Application, Frames, Kernel, Release, Rope, Split, emulator, evaluate};
use emeuro_online::{Online, Policy, Sample};
use emeuro_regions::{approximate, region};
use emeuro_trainer::{Retraining, retrain_member};

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Rope::new().plan_exact());
}

#[approximate]
fn motion(state: &[f64; 400]) -> [f64; 200] {
    let mut way = [0.0; 200];
    KERNEL.with_borrow_mut(|kernel| kernel.run(state, &mut way)).expect("a frame of the application");
    way
}

fn call(frames: &Frames) {
    for state in frames.inputs.chunks_exact(400) {
        let way = motion(state.try_into().expect("a frame"));
        assert!(way.iter().all(|value| value.is_finite()));
    }
}

#[test]
#[ignore = "retrains twelve members, which takes a minute; ./test --full runs it"]
fn a_region_learns_ropes_that_are_released_at_wide_angles() {
    let (usual, wide) = (Rope::new(), Rope::with_release(Release::WideAngle));
    let familiar = usual.frames(Split::Train, 6000, 7);
    let samples = familiar.inputs.chunks_exact(400).zip(familiar.targets.chunks_exact(200));
    let retraining = Retraining { epochs: 12, rate: 3e-3, batch: 32, ..Retraining::default() };
    let retrain = move |emulator: &_, member, train: &_, validation: &_| {
        Ok(retrain_member(emulator, member, train, validation, &retraining)?.emulator)
    };
    let policy = Policy { patience: 600, capacity: 500, ..Policy::new(retrain) };
    let folder = tempfile::tempdir().unwrap();
    let before = emulator("rope_clustered").unwrap();
    let samples = samples.map(|(input, target)| Sample::new(input, target));
    let online = Arc::new(Online::open(folder.path(), &before, samples, policy).unwrap());
    let region = region("motion").unwrap();
    online.teach(region).unwrap();
    region.set_mode("emulate".parse().unwrap()).unwrap();

    call(&usual.frames(Split::Validation, 300, 8));
    let counts = region.counts();
    assert!(counts.emulated > 280, "{counts:?}");
    // The alarm rings soon, and everything is learnt.
    call(&wide.frames(Split::Train, 700, 8));
    online.wait();
    assert!(region.counts().learnt >= 600, "{:?}", region.counts());
    let done = online.take_done();
    assert!(done.iter().any(|result| result.as_ref().is_ok_and(|retrained| retrained.accepted)), "{done:?}");

    let test = wide.frames(Split::Test, 500, 8);
    let error = |emulator: &_| evaluate(&wide, emulator, &test).unwrap().nrmse;
    let (error_before, error_after) = (error(&before), error(&region.emulator().unwrap()));
    assert!(error_after < 0.8 * error_before, "{error_before} {error_after}");
    assert!(Arc::ptr_eq(&region.emulator().unwrap(), &online.emulator()));
}
