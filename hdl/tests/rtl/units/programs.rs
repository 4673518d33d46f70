//! Programs of sampled networks that have, between them, everything that an instruction can say.

use emeuro_compiler::{
    AddressGenerator, Combine, DRAIN_LEVELS, Drain, Function, ISSUE_LEVELS, Instruction, Issue, Machine,
    Program, UnitConfig, compile,
};
use emeuro_golden::{Emulator, sample_clusters, sample_emulator, sample_levels};
use emeuro_hdl::units::reducer::Tap;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Seed, lanes, slots, words per beat, and whether frames may be taken in pairs; all of the networks are small enough for the direct loop.
const SAMPLES: [(u64, usize, usize, usize, bool); 9] = [
    (280, 8, 1, 1, true),
    (392, 2, 1, 1, false),
    (204, 3, 1, 1, true),
    (399, 16, 8, 4, false),
    (385, 8, 2, 2, true),
    (221, 4, 2, 4, true),
    (392, 2, 1, 4, false),
    (1061, 16, 2, 1, true),
    (510, 4, 1, 1, true),
];

pub(crate) fn samples() -> Vec<(Emulator, Program)> {
    let sample = |(seed, lanes, slots, words_per_beat, pairs)| {
        let config = UnitConfig::new(lanes).and_then(|c| c.with_slots(slots)).unwrap();
        let config = config.with_words_per_beat(words_per_beat).unwrap().with_pairs(pairs);
        let emulator = sample_emulator(seed);
        let program = compile(&emulator, &config).unwrap();
        (emulator, program)
    };
    SAMPLES.into_iter().map(sample).collect()
}

/// Programs with quality levels and members, with the seeds, lanes, slots and words per beat of their networks.
pub(crate) fn choices() -> Vec<(Emulator, Program)> {
    let compiled = |emulator: Emulator, (lanes, slots, words_per_beat): (usize, usize, usize)| {
        let config = UnitConfig::new(lanes).and_then(|c| c.with_slots(slots)).unwrap();
        let program = compile(&emulator, &config.with_words_per_beat(words_per_beat).unwrap()).unwrap();
        (emulator, program)
    };
    let levels = [(1, (4, 1, 1)), (2, (8, 2, 2)), (5, (3, 1, 4))];
    let members = [(22, (4, 1, 1)), (23, (8, 4, 2)), (27, (16, 1, 1))];
    let levels = levels.into_iter().map(|(seed, shape)| compiled(sample_levels(seed), shape));
    levels.chain(members.into_iter().map(|(seed, shape)| compiled(sample_clusters(seed), shape))).collect()
}

#[test]
fn choices_have_everything() {
    let programs: Vec<Program> = choices().into_iter().map(|(_, program)| program).collect();
    let instructions = || programs.iter().flat_map(Program::all_instructions);
    assert!(programs.iter().any(|p| p.levels() > 2) && programs.iter().any(|p| p.levels() == 2));
    assert!(programs.iter().any(|p| p.members.is_some() && p.levels() > 1));
    assert!(programs.iter().any(|p| p.members.is_some() && p.levels() == 1));
    assert!(programs.iter().any(|p| p.members.is_some() && p.slots > 1));
    let distinct = |p: &Program| (0..p.levels()).any(|k| p.writes_at(k) != p.writes_at(p.levels() - 1));
    assert!(programs.iter().any(distinct), "levels that write their output differently");
    assert!(instructions().any(|i| i.issue.of_member) && instructions().any(|i| i.drain.to_router));
    assert!(instructions().any(|i| i.issue.of_member && i.issue.delay > 0), "members that are waited for");
}

/// The samples' programs, and some that no compiler would make: whatever the fields say has to happen.
pub(crate) fn programs() -> Vec<Program> {
    let samples: Vec<Program> = samples().into_iter().map(|(_, program)| program).collect();
    let scrambled = samples.iter().zip(1..).map(|(program, seed)| scramble(program, seed));
    samples.iter().cloned().chain(scrambled).collect()
}

/// A program of the same shape with arbitrary loops, addresses and pauses.
fn scramble(program: &Program, seed: u64) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (memory, weights, biases) = (program.memory_words, program.weights[0].len(), program.bias[0].len());
    // Every other program forks after its third instruction.
    let (count, fork) = (6, seed.is_multiple_of(2).then_some(2));
    let instruction = |index: usize| {
        let mut counts = || [(); 5].map(|()| random.random_range(1..4));
        let (mut steps, tiles) = (counts(), counts());
        let combine = [Combine::Sum, Combine::Product, Combine::Maximum][index % 3];
        if combine == Combine::Product {
            // It has two operands.
            [steps[0], steps[1]] = [2, 1];
        }
        steps[2..].copy_from_slice(&tiles[..3]);
        // After the others come those for the rest of two frames, in turn.
        let joint = index.checked_sub(count);
        let second = joint.is_some_and(|joint| joint % 2 == 0);
        let reads_input = index < 2 || joint == Some(0);
        let mut generator = |range: usize, levels: usize| AddressGenerator {
            base: random.random_range(0..range as i64),
            deltas: (0..levels).map(|_| random.random_range(-(range as i64)..range as i64)).collect(),
        };
        let operand = generator(if reads_input { program.input_span } else { memory }, ISSUE_LEVELS);
        let weight = generator(weights, ISSUE_LEVELS);
        let bias = generator(biases, DRAIN_LEVELS);
        let result = generator(memory, DRAIN_LEVELS);
        // Only the last tile of a block may leave slots empty.
        let per_clock = if random.random() { program.slots } else { 1 };
        let mut results = per_clock * random.random_range(1..5);
        if tiles[0] == 1 {
            results -= random.random_range(0..per_clock);
        }
        let function = match random.random_range(0..3) {
            0 if !program.tables.is_empty() => Function::Table(random.random_range(0..program.tables.len())),
            1 => Function::Relu,
            _ => Function::Identity,
        };
        let forks = fork == Some(index);
        let last = index + 1 == count || joint == Some(4);
        Instruction {
            layer: String::new(),
            issue: Issue {
                delay: random.random_range(0..6),
                counts: steps,
                pad: random.random_range(0..4),
                operand,
                weight,
                pattern: random.random_range(0..program.patterns.len()),
                combine,
                reads_input,
                waits_for_input: index == 0,
                reserves_output: [3, count + 1, count + 2].contains(&index),
                of_member: false,
                releases_input: index == 1 || joint == Some(0),
                forks,
                last,
            },
            drain: Drain {
                reduce: random.random_range(0..3),
                results,
                last_results: random.random_range(1..=results),
                per_clock,
                counts: [tiles[0], tiles[1], tiles[2]],
                bias,
                result,
                shift: random.random_range(0..20),
                bits: if random.random() { 8 } else { program.word_bits },
                function,
                to_output: index >= 3 && joint != Some(0),
                to_router: false,
                of_member: false,
                forks,
                last,
            },
            second,
        }
    };
    let mut instructions: Vec<Instruction> =
        (0..count + if fork.is_some() { 5 } else { 0 }).map(instruction).collect();
    let paired = instructions.split_off(count);
    Program { instructions, paired, ..program.clone() }
}

/// The levels of the adder tree that a program uses, for one slot and for all, with the most results of a tile at each.
pub(crate) fn taps(program: &Program) -> Vec<Tap> {
    let drains = || program.all_instructions().map(|i| &i.drain);
    let kinds = (0..8).flat_map(|level| (1..=program.slots).map(move |per_clock| (level, per_clock)));
    let tap = |(level, per_clock)| {
        let its = drains().filter(|d| (d.reduce, d.per_clock) == (level, per_clock));
        its.map(|d| d.results).max().map(|results| Tap { level, per_clock, results })
    };
    kinds.filter_map(tap).collect()
}

/// The instructions that a frame of a level, or two if another one joins, are worked on with.
pub(crate) fn course(program: &Program, level: usize, joins: bool) -> Vec<usize> {
    let alone = program.instructions.len();
    match joins {
        false => {
            let first = program.entry(level);
            (first..first + program.instructions_at(level).len()).collect()
        }
        true => (0..program.head().len()).chain(alone..alone + program.paired.len()).collect(),
    }
}

/// An instruction by its place in the ROMs.
pub(crate) fn instruction(program: &Program, index: usize) -> &Instruction {
    program.all_instructions().nth(index).unwrap()
}

/// How many results the last clock of an instruction's last tile has.
fn last_count(drain: &Drain) -> usize {
    (drain.last_results - 1) % drain.per_clock + 1
}

#[test]
fn samples_have_everything() {
    let programs: Vec<Program> = samples().into_iter().map(|(_, program)| program).collect();
    let instructions = || programs.iter().flat_map(|p| &p.instructions);
    let mut lacking = vec![];
    let mut need = |what, found: bool| {
        if !found {
            lacking.push(what);
        }
    };
    need("many instructions", programs.iter().any(|p| p.instructions.len() > 3));
    need("delay", instructions().any(|i| i.issue.delay > 0));
    need("no delay", instructions().any(|i| i.issue.delay == 0));
    need("pad", instructions().any(|i| i.issue.pad > 0));
    let combined = [("sum", Combine::Sum), ("product", Combine::Product), ("maximum", Combine::Maximum)];
    for (what, combine) in combined {
        need(what, instructions().any(|i| i.issue.combine == combine));
    }
    need("outer window", instructions().any(|i| i.issue.counts[1] > 1));
    need("tiles", instructions().any(|i| i.issue.counts[2] > 1));
    need("blocks", instructions().any(|i| i.issue.counts[3] > 1));
    need("outer blocks", instructions().any(|i| i.issue.counts[4] > 1));
    need("ways back", instructions().any(|i| i.issue.operand.deltas.iter().any(|&delta| delta < 0)));
    need("shared biases", instructions().any(|i| i.drain.bias.deltas[2] < 0));
    need("partial tiles", instructions().any(|i| i.drain.last_results < i.drain.results));
    need("relu", instructions().any(|i| i.drain.function == Function::Relu));
    need("table", instructions().any(|i| matches!(i.drain.function, Function::Table(_))));
    need(
        "narrow results",
        programs.iter().any(|p| p.instructions.iter().any(|i| i.drain.bits < p.word_bits)),
    );
    need("several tables", programs.iter().any(|p| p.tables.len() > 1));
    need("narrow input", programs.iter().any(|p| p.input_bits < p.word_bits));
    need("narrow output", programs.iter().any(|p| p.output_bits < p.word_bits));
    need("pairs", programs.iter().any(|p| !p.paired.is_empty()));
    need("no pairs", programs.iter().any(|p| p.paired.is_empty()));
    need("head start", programs.iter().any(|p| (2..p.output.writes).contains(&p.output.head_start)));
    need("several taps", programs.iter().any(|p| taps(p).len() > 1));
    need("order", programs.iter().any(|p| p.output.order.is_some()));
    need("no order", programs.iter().any(|p| p.output.order.is_none()));
    let grouped = |i: &&Instruction| i.drain.per_clock > 1;
    need("grouped results", instructions().any(|i| grouped(&i)));
    need("groups to memory", instructions().filter(grouped).any(|i| !i.drain.to_output));
    need("groups to the output", instructions().filter(grouped).any(|i| i.drain.to_output));
    need(
        "several groups of a tile",
        instructions().filter(grouped).any(|i| i.drain.results > i.drain.per_clock),
    );
    need("partial groups", instructions().filter(grouped).any(|i| last_count(&i.drain) < i.drain.per_clock));
    need(
        "partial groups of several results",
        instructions().filter(grouped).any(|i| (2..i.drain.per_clock).contains(&last_count(&i.drain))),
    );
    need("tiles of groups", instructions().filter(grouped).any(|i| i.drain.counts[0] > 1));
    need("blocks of groups", instructions().filter(grouped).any(|i| i.drain.counts[1] > 1));
    need(
        "groups and single results in one unit",
        programs.iter().any(|p| p.slots > 1 && p.instructions.iter().any(|i| i.drain.per_clock == 1)),
    );
    need(
        "single results to the output of a unit with slots",
        programs.iter().any(|p| {
            p.slots > 1 && p.instructions.iter().any(|i| i.drain.per_clock == 1 && i.drain.to_output)
        }),
    );
    need(
        "one level tapped for one slot and for all",
        programs.iter().any(|p| taps(p).windows(2).any(|two| two[0].level == two[1].level)),
    );
    need(
        "biases of its own in every slot",
        programs
            .iter()
            .any(|p| p.slots > 2 && p.bias.iter().all(|a| p.bias.iter().filter(|b| *b == a).count() == 1)),
    );
    need("tables in several slots", programs.iter().any(|p| p.slots > 1 && !p.tables.is_empty()));
    let beat = |p: &Program| p.config.words_per_beat();
    need("slots as wide as a beat", programs.iter().any(|p| p.slots > 1 && p.slots == beat(p)));
    need("slots wider than a beat", programs.iter().any(|p| p.slots > beat(p) && beat(p) > 1));
    need("beats wider than the slots", programs.iter().any(|p| beat(p) > p.slots));
    need("beats of two", programs.iter().any(|p| beat(p) == 2));
    need("beats of four", programs.iter().any(|p| beat(p) == 4));
    need("partial input beats", programs.iter().any(|p| !p.input_words.is_multiple_of(beat(p))));
    need("partial output beats", programs.iter().any(|p| !p.output.frame_words().is_multiple_of(beat(p))));
    need("beats without slots", programs.iter().any(|p| p.slots == 1 && beat(p) > 1));
    need("order with beats", programs.iter().any(|p| beat(p) > 1 && p.output.order.is_some()));
    need("no order with beats", programs.iter().any(|p| beat(p) > 1 && p.output.order.is_none()));
    need("beats of bytes to words", programs.iter().any(|p| beat(p) > 1 && p.input_bits < p.word_bits));
    assert!(lacking.is_empty(), "{lacking:?}");
    for program in &programs {
        let cycles = Machine::cycles(program).unwrap();
        assert!(cycles.latency < 2000, "{}: {cycles:?}", program.name);
    }
}
