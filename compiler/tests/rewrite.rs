//! The writes that make one network of another: the rewritten program is the new one and computes what its emulator does.

use emeuro_compiler::{
    Control, Machine, Program, RewriteError, UnitConfig, WeightMemory, WritableMemory, compile, rewrite,
};
use emeuro_golden::{Emulator, Sampler, VectorId, sample_emulator, sample_weights};

fn config(lanes: usize) -> UnitConfig {
    UnitConfig::new(lanes).unwrap().with_control(Control::AxiLite, WeightMemory::Ram).unwrap()
}

fn program(emulator: &Emulator, lanes: usize) -> Program {
    compile(emulator, &config(lanes)).unwrap()
}

/// The contents of `old` after the writes.
fn rewritten(old: &Program, new: &Program) -> Program {
    let mut program = old.clone();
    for write in rewrite(old, new).unwrap() {
        match write.memory {
            WritableMemory::Lane(lane) => {
                program.weights[lane][write.address] = write.word.try_into().unwrap()
            }
            WritableMemory::Biases(slot) => program.bias[slot][write.address] = write.word,
        }
    }
    program
}

#[test]
fn rewritten_programs_compute_the_new_network() {
    for seed in 0..150 {
        let emulator = sample_emulator(seed);
        let other = sample_weights(&emulator, seed + 1000);
        for lanes in [1, 3, 16] {
            let (old, new) = (program(&emulator, lanes), program(&other, lanes));
            let program = rewritten(&old, &new);
            assert_eq!((&program.weights, &program.bias), (&new.weights, &new.bias), "seed {seed}");
            let bits = program.bias_bits();
            assert!(
                program.bias.iter().flatten().all(|b| b >> (bits - 1) == 0 || b >> (bits - 1) == -1),
                "seed {seed}"
            );
            let mut sampler = Sampler::new(seed);
            let word = other.format(VectorId::INPUT);
            let input = sampler.frame(other.input().size(), word);
            let run = Machine::new(&program).run(std::slice::from_ref(&input)).unwrap();
            assert_eq!(run.frames, [other.run(&input).unwrap()], "seed {seed}, {lanes} lanes");
        }
    }
}

#[test]
fn equal_biases_have_words_of_their_own_where_they_can_change() {
    // Two element-wise layers have the same rounding constant, which one word holds in a ROM.
    let shared = |seed: &u64| {
        let emulator = sample_emulator(*seed);
        let rom = compile(&emulator, &UnitConfig::new(2).unwrap()).unwrap();
        rom.bias[0].len() < program(&emulator, 2).bias[0].len()
    };
    assert!((0..100).any(|seed| shared(&seed)));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let samples = (0..).map(sample_emulator).map(|emulator| (program(&emulator, 4), emulator));
    let has_all = |(program, _): &(Program, _)| !program.tables.is_empty() && program.instructions.len() > 1;
    let (old, emulator) = samples.into_iter().find(has_all).unwrap();
    let rom = compile(&emulator, &UnitConfig::new(4).unwrap()).unwrap();
    assert_eq!(rewrite(&rom, &rom), Err(RewriteError::Rom));
    let message = |new: &Program| rewrite(&old, new).unwrap_err().to_string();
    assert!(message(&program(&emulator, 3)).starts_with("configuration: expected"), "{old:?}");
    assert_eq!(
        message(&Program { accumulator_bits: 47, ..old.clone() }),
        format!("bits of an accumulator: expected {} as in the unit, found 47", old.accumulator_bits)
    );
    let mut new = old.clone();
    new.tables[0].values[0] ^= 1;
    assert_eq!(message(&new), "tables: expected the same as in the unit, which cannot change it");
    let mut new = old.clone();
    new.instructions[1].drain.shift += 1;
    new.instructions[1].layer = "late".into();
    assert!(
        message(&new).starts_with("instruction 1, layer \"late\": the shift differs"),
        "{}",
        message(&new)
    );
    let mut new = old.clone();
    new.instructions[0].issue.delay += 1;
    assert!(message(&new).contains("the reading half differs"));
    let mut new = old.clone();
    new.bias[0].pop();
    assert!(message(&new).starts_with("biases: expected"));
    // Another name is no obstacle.
    let named = compile(&emulator, &config(4).with_prefix("other").unwrap()).unwrap();
    assert_eq!(rewrite(&old, &named), Ok(vec![]));
    // Any two networks either share everything but their weights, or are told apart.
    for seed in 0..40 {
        let new = program(&sample_emulator(seed), 4);
        let is_same = new.instructions == old.instructions;
        assert_eq!(rewrite(&old, &new).is_ok(), is_same, "seed {seed}");
    }
}

#[test]
fn units_of_other_names_can_be_rewritten() {
    let emulator = sample_emulator(3);
    let other = sample_weights(&emulator, 1003);
    let named =
        |emulator: &Emulator, name: &str| compile(emulator, &config(4).with_prefix(name).unwrap()).unwrap();
    let (old, new) = (named(&emulator, "first"), named(&other, "second"));
    assert_eq!(rewritten(&old, &new).weights, new.weights);
}
