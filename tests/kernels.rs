//! Convolutions with kernels of the user's own, in files and in units with writable weights.

use std::process::Command;

use emeuro::{
    apps::{Application, Convolution, Split},
    compiler::{Control, Machine, UnitConfig, WeightMemory, WritableMemory, compile, rewrite},
    golden::Emulator,
    trainer::Quantisation,
};

/// A decaying sound: another shape and another scale than the kernel of the application.
fn ringing() -> Vec<f64> {
    (0..512).map(|j| 40.0 * (-f64::from(j) / 60.0).exp() * (f64::from(j) * 0.7).sin()).collect()
}

#[test]
fn train_makes_the_emulator_of_a_kernel_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room.csv");
    let taps: Vec<String> = ringing().iter().map(f64::to_string).collect();
    std::fs::write(&file, taps.join(",")).unwrap();
    let train = |app: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emeuro"));
        command.args(["train", app, "--kernel"]).arg(&file).arg("--out").arg(folder.path());
        command.output().unwrap()
    };
    assert!(train("convolution").status.success());
    let emulator = Emulator::load(folder.path().join("room.yaml")).unwrap();
    assert_eq!(emulator.provenance().command, "emeuro train convolution --kernel room.csv --seed 1");
    assert!(emulator.provenance().nrmse.unwrap() < 0.02);
    let words = emulator.run_values(&Convolution.frames(Split::Test, 1, 5).inputs).unwrap();
    let truth = Convolution::frames_of(&ringing(), Split::Test, 1, 5).unwrap().targets;
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let error = power(&mut words.iter().zip(&truth).map(|(a, b)| a - b));
    assert!(error < 4e-4 * power(&mut truth.iter().copied()));
    let refused = train("fft");
    assert!(!refused.status.success());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--kernel: fft has none"));
}

/// The words that turn one kernel into the other, written into the memories of the unit of the first, give the second's results.
#[test]
fn a_rewritten_unit_convolves_with_the_other_kernel() {
    let config = UnitConfig::new(16).unwrap().with_control(Control::AxiLite, WeightMemory::Ram).unwrap();
    let smooth = Convolution::kernel();
    let [old, new] =
        [smooth, ringing()].map(|kernel| Convolution::emulator_of(&kernel, Quantisation::default()).unwrap());
    let [mut unit, target] = [&old, &new].map(|emulator| compile(emulator, &config).unwrap());
    let writes = rewrite(&unit, &target).unwrap();
    // At most a copy of every weight in every lane.
    assert!((1..=16 * old.parameters()).contains(&writes.len()), "{}", writes.len());
    for write in &writes {
        match write.memory {
            WritableMemory::Lane(lane) => unit.weights[lane][write.address] = write.word as i16,
            WritableMemory::Biases(slot) => unit.bias[slot][write.address] = write.word,
        }
    }
    let frame = &Convolution.frames(Split::Test, 1, 1).inputs;
    let words = new.quantise(frame).unwrap();
    let run = Machine::new(&unit).run(std::slice::from_ref(&words)).unwrap();
    assert_eq!(run.frames[0], new.run(&words).unwrap());
    assert_ne!(run.frames[0], old.run(&words).unwrap());
}
