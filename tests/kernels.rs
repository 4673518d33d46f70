//! A unit with writable weights changes its convolution kernel.

use emeuro::{
    apps::{Application, Convolution, Split},
    compiler::{Control, Machine, UnitConfig, WeightMemory, WritableMemory, compile, rewrite},
    trainer::Quantisation,
};

/// The words that turn one kernel into the other, written into the memories of the unit of the first, give the second's results.
#[test]
fn a_rewritten_unit_convolves_with_the_other_kernel() {
    let config = UnitConfig::new(16).unwrap().with_control(Control::AxiLite, WeightMemory::Ram).unwrap();
    let smooth = Convolution::kernel();
    // A decaying sound: another shape, another scale.
    let ringing: Vec<f64> =
        (0..512).map(|j| 40.0 * (-f64::from(j) / 60.0).exp() * (f64::from(j) * 0.7).sin()).collect();
    let [old, new] =
        [&smooth, &ringing].map(|kernel| Convolution::emulator_of(kernel, Quantisation::default()).unwrap());
    let [mut unit, target] = [&old, &new].map(|emulator| compile(emulator, &config).unwrap());
    let writes = rewrite(&unit, &target).unwrap();
    // No more than there are weights: nothing else differs.
    assert!((1..=old.parameters()).contains(&writes.len()), "{}", writes.len());
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
