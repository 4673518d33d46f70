//! Quality levels and members: every frame gets the words of its level and member, whatever came before it.

use emeuro_compiler::{
    Control, Instruction, Machine, MachineError, Program, UnitConfig, WeightMemory, WritableMemory, compile,
    rewrite,
};
use emeuro_golden::{Emulator, Runner, Sampler, VectorId, sample_clusters, sample_levels, sample_members};

/// Lanes, slots (0: as many as are worth it) and words per beat.
const SHAPES: [(usize, usize, usize); 6] =
    [(1, 1, 1), (3, 0, 2), (4, 2, 1), (8, 8, 4), (16, 0, 1), (33, 4, 2)];

fn config((lanes, slots, words_per_beat): (usize, usize, usize)) -> UnitConfig {
    let config = UnitConfig::new(lanes).and_then(|c| c.with_words_per_beat(words_per_beat)).unwrap();
    if slots > 0 { config.with_slots(slots).unwrap() } else { config }
}

/// Frames at random levels, one after the other, against the golden model.
fn check(place: &str, emulator: &Emulator, program: &Program, frames: usize) {
    let mut sampler = Sampler::new(frames as u64);
    let word = emulator.format(VectorId::INPUT);
    let inputs: Vec<Vec<i16>> = (0..frames).map(|_| sampler.frame(emulator.input().size(), word)).collect();
    let highest = emulator.levels() as i64 - 1;
    let levels: Vec<usize> = (0..frames).map(|_| sampler.range(0, highest) as usize).collect();
    let run = Machine::new(program).run_at(&inputs, &levels).unwrap_or_else(|e| panic!("{place}: {e}"));
    let mut runner = Runner::new(emulator);
    let mut expected = vec![0; emulator.output().port.size()];
    for (frame, (input, &level)) in inputs.iter().zip(&levels).enumerate() {
        runner.infer_at(level, input, &mut expected).unwrap();
        assert_eq!(run.frames[frame], expected, "{place}, frame {frame} at level {level}");
        let routed = run.routed[frame].map(|routed| (routed.member, routed.familiar));
        let selected = runner.selected().map(|selected| (selected.member, selected.familiar));
        assert_eq!(routed, selected, "{place}, frame {frame} at level {level}");
    }
}

#[test]
fn frames_of_all_levels_follow_each_other() {
    for seed in 0..150 {
        let emulator = sample_levels(seed);
        for shape in SHAPES {
            let program = compile(&emulator, &config(shape)).unwrap();
            assert_eq!(program.levels(), emulator.levels());
            assert!(program.paired.is_empty());
            check(&format!("seed {seed}, {shape:?}"), &emulator, &program, 30);
        }
    }
}

#[test]
fn every_level_alone_is_the_emulator_of_that_level() {
    for seed in 0..60 {
        let emulator = sample_levels(seed);
        for shape in SHAPES {
            let program = compile(&emulator, &config(shape)).unwrap();
            for level in 0..emulator.levels() {
                let alone = emulator.at_level(level);
                let cycles = Machine::cycles_at(&program, level).unwrap();
                let own = compile(&alone, &config(shape).with_slots(program.slots).unwrap()).unwrap();
                let layers = |instructions: &[Instruction]| -> Vec<String> {
                    let mut layers: Vec<String> = instructions.iter().map(|i| i.layer.clone()).collect();
                    layers.dedup();
                    layers
                };
                assert_eq!(layers(program.instructions_at(level)), layers(&own.instructions));
                assert_eq!(program.macs_at(level), alone.macs());
                assert!(cycles.latency > 0 && cycles.period > 0);
            }
            assert_eq!(Machine::cycles_at(&program, 99), Machine::cycles(&program));
        }
    }
}

#[test]
fn a_shared_layer_has_its_weights_once() {
    let mut shared = 0;
    for seed in 0..60 {
        let emulator = sample_levels(seed);
        let program = compile(&emulator, &config((8, 1, 1))).unwrap();
        let highest = emulator.levels() - 1;
        for level in 0..highest {
            for lower in program.instructions_at(level) {
                let Some(same) = program.instructions.iter().find(|i| i.layer == lower.layer) else {
                    continue;
                };
                if same.issue.counts == lower.issue.counts && same.drain.reduce == lower.drain.reduce {
                    let bases = |i: &Instruction| (i.issue.weight.base, i.drain.bias.base);
                    let of_layer = program.instructions.iter().filter(|i| i.layer == lower.layer);
                    assert!(
                        of_layer.map(bases).any(|found| found == bases(lower)),
                        "seed {seed}: {}",
                        lower.layer
                    );
                    shared += 1;
                }
            }
        }
    }
    assert!(shared > 60, "{shared}");
}

#[test]
fn frames_go_to_their_members() {
    for seed in 0..150 {
        let emulator = sample_clusters(seed);
        for shape in SHAPES {
            let program = compile(&emulator, &config(shape)).unwrap();
            let members = program.members.as_ref().unwrap();
            assert_eq!(members.count(), emulator.router().unwrap().members());
            assert!(program.paired.is_empty());
            check(&format!("seed {seed}, {shape:?}"), &emulator, &program, 30);
        }
    }
}

#[test]
fn rewriting_a_member_touches_no_word_of_the_others() {
    for (shape, changed) in [((4, 1, 1), 0), ((16, 4, 2), 1), ((3, 1, 4), 2), ((1, 1, 1), 1)] {
        let config = config(shape).with_control(Control::AxiLite, WeightMemory::Ram).unwrap();
        let mut seeds = [11, 12, 13];
        let old = compile(&sample_members(seeds), &config).unwrap();
        seeds[changed] = 99;
        let new = compile(&sample_members(seeds), &config).unwrap();
        let members = old.members.as_ref().unwrap();
        // Members come after what all frames share, one after the other.
        let shared = |words: usize, of_one: usize| words - members.count() * of_one;
        let writes = rewrite(&old, &new).unwrap();
        assert!(writes.len() > 50, "{shape:?}: {}", writes.len());
        for write in writes {
            let (first, words) = match write.memory {
                WritableMemory::Lane(_) => {
                    (shared(old.weights[0].len(), members.weight_words), members.weight_words)
                }
                WritableMemory::Biases(_) => {
                    (shared(old.bias[0].len(), members.bias_words), members.bias_words)
                }
            };
            let own = first + changed * words..first + (changed + 1) * words;
            assert!(own.contains(&write.address), "{shape:?}: {write:?} is not in {own:?}");
        }
    }
}

#[test]
fn other_thresholds_cannot_be_written() {
    let config = config((4, 1, 1)).with_control(Control::AxiLite, WeightMemory::Ram).unwrap();
    let old = compile(&sample_members([1, 2, 3]), &config).unwrap();
    let mut new = old.clone();
    new.members.as_mut().unwrap().thresholds[1] = 7;
    let error = rewrite(&old, &new).unwrap_err().to_string();
    assert_eq!(error, "thresholds of the members: expected the same as in the unit, which cannot change it");
}

#[test]
fn a_member_that_begins_before_it_is_known_is_an_error() {
    let mut program = compile(&sample_members([1, 2, 3]), &config((16, 1, 1))).unwrap();
    let first = program.instructions.iter_mut().find(|i| i.issue.of_member).unwrap();
    first.issue.delay -= 1;
    let layer = first.layer.clone();
    let found = Machine::new(&program).run(&[vec![0; 12]]).unwrap_err();
    assert!(matches!(&found, MachineError::Member { layer: it, .. } if *it == layer), "{found}");
}

#[test]
fn layers_of_members_are_those_of_the_network() {
    let emulator = sample_members([11, 12, 13]);
    for shape in SHAPES {
        let program = compile(&emulator, &config(shape)).unwrap();
        let members = program.members.as_ref().unwrap();
        assert!(members.weight_words > 0 && members.bias_words > 0);
        let layers: Vec<&str> = program.instructions.iter().map(|i| i.layer.as_str()).collect();
        assert!(layers.contains(&"scores"));
        let of_member = program.instructions.iter().filter(|i| i.issue.of_member);
        assert!(of_member.clone().count() > 0);
        assert!(of_member.into_iter().all(|i| ["hidden", "output"].contains(&i.layer.as_str())));
    }
}
