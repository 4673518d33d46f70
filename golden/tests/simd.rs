//! The golden model with vector instructions against its specification, word for word.

use emeuro_golden::*;

#[test]
fn random_emulators_agree() {
    for isa in Isa::available().filter(|&isa| isa != Isa::Scalar) {
        for seed in 0..300 {
            for (kind, emulator) in [
                ("any", sample_emulator(seed)),
                ("levels", sample_levels(seed)),
                ("clusters", sample_clusters(seed)),
            ] {
                let mut specified = Runner::with_isa(&emulator, Isa::Scalar).unwrap();
                let mut fast = Runner::with_isa(&emulator, isa).unwrap();
                let mut sampler = Sampler::new(seed);
                let size = emulator.output().port.size();
                for frame in 0..4 {
                    let input = sampler.frame(emulator.input().size(), emulator.format(VectorId::INPUT));
                    let level = frame % emulator.levels();
                    let (mut expected, mut found) = (vec![0; size], vec![0; size]);
                    specified.infer_at(level, &input, &mut expected).unwrap();
                    fast.infer_at(level, &input, &mut found).unwrap();
                    for node in emulator.at_level(level).nodes() {
                        let index =
                            emulator.nodes().iter().position(|other| other.name == node.name).unwrap();
                        let vector = emulator.vector_of(index);
                        let place = || format!("{isa}, {kind} {seed}, {}", node.name);
                        assert_eq!(specified.vector(vector), fast.vector(vector), "{}", place());
                    }
                    assert_eq!(expected, found, "{isa} {kind} {seed}");
                    assert_eq!(specified.selected(), fast.selected());
                }
            }
        }
    }
}
