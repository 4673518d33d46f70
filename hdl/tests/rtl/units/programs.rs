//! Programs of sampled networks that have, between them, everything that an instruction can say.

use emeuro_compiler::{
    AddressGenerator, DRAIN_LEVELS, Drain, Function, ISSUE_LEVELS, Instruction, Issue, Machine, Program,
    UnitConfig, compile,
};
use emeuro_golden::{Emulator, sample_emulator};
use emeuro_hdl::units::reducer::Tap;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Seeds and numbers of lanes; all of the networks are small enough for the direct loop.
const SAMPLES: [(u64, usize); 3] = [(280, 8), (392, 2), (204, 3)];

pub(crate) fn samples() -> [(Emulator, Program); 3] {
    let sample = |(seed, lanes)| {
        let emulator = sample_emulator(seed);
        let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
        (emulator, program)
    };
    SAMPLES.map(sample)
}

/// The samples' programs, and two that no compiler would make: whatever the fields say has to happen.
pub(crate) fn programs() -> [Program; 5] {
    let [(_, a), (_, b), (_, c)] = samples();
    let (d, e) = (scramble(&a, 1), scramble(&c, 2));
    [a, b, c, d, e]
}

/// A program of the same shape with arbitrary loops, addresses and pauses.
fn scramble(program: &Program, seed: u64) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (memory, weights, biases) = (program.memory_words, program.weights[0].len(), program.bias.len());
    let count = 6;
    let instruction = |index| {
        let mut counts = || [(); 5].map(|()| random.random_range(1..4));
        let (mut steps, tiles) = (counts(), counts());
        let multiply = index % 3 == 1;
        if multiply {
            // A product has two operands.
            [steps[0], steps[1]] = [2, 1];
        }
        steps[2..].copy_from_slice(&tiles[..3]);
        let reads_input = index < 2;
        let mut generator = |range: usize, levels: usize| AddressGenerator {
            base: random.random_range(0..range as i64),
            deltas: (0..levels).map(|_| random.random_range(-(range as i64)..range as i64)).collect(),
        };
        let operand = generator(if reads_input { program.input_span } else { memory }, ISSUE_LEVELS);
        let weight = generator(weights, ISSUE_LEVELS);
        let bias = generator(biases, DRAIN_LEVELS);
        let result = generator(memory, DRAIN_LEVELS);
        let results = random.random_range(1..5);
        let function = match random.random_range(0..3) {
            0 if !program.tables.is_empty() => Function::Table(random.random_range(0..program.tables.len())),
            1 => Function::Relu,
            _ => Function::Identity,
        };
        let last = index + 1 == count;
        Instruction {
            layer: String::new(),
            issue: Issue {
                delay: random.random_range(0..6),
                counts: steps,
                pad: random.random_range(0..4),
                operand,
                weight,
                pattern: random.random_range(0..program.patterns.len()),
                multiply,
                reads_input,
                waits_for_input: index == 0,
                reserves_output: index == 3,
                releases_input: index == 1,
                last,
            },
            drain: Drain {
                reduce: random.random_range(0..3),
                results,
                last_results: random.random_range(1..=results),
                counts: [tiles[0], tiles[1], tiles[2]],
                bias,
                result,
                shift: random.random_range(0..20),
                bits: if random.random() { 8 } else { program.word_bits },
                function,
                to_output: index >= 3,
                last,
            },
        }
    };
    Program { instructions: (0..count).map(instruction).collect(), ..program.clone() }
}

/// The levels of the adder tree that a program uses, with the most results of a tile at each.
pub(crate) fn taps(program: &Program) -> Vec<Tap> {
    let drains = || program.instructions.iter().map(|i| &i.drain);
    let results = |level| drains().filter(|d| d.reduce == level).map(|d| d.results).max();
    (0..8).filter_map(|level| results(level).map(|results| Tap { level, results })).collect()
}

#[test]
fn samples_have_everything() {
    let programs = samples().map(|(_, program)| program);
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
    need("product", instructions().any(|i| i.issue.multiply));
    need("no product", instructions().any(|i| !i.issue.multiply));
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
    need("head start", programs.iter().any(|p| (2..p.output.words).contains(&p.output.head_start)));
    need("several taps", programs.iter().any(|p| taps(p).len() > 1));
    need("order", programs.iter().any(|p| p.output.order.is_some()));
    need("no order", programs.iter().any(|p| p.output.order.is_none()));
    assert!(lacking.is_empty(), "{lacking:?}");
    for program in &programs {
        let cycles = Machine::cycles(program).unwrap();
        assert!(cycles.latency < 2000, "{}: {cycles:?}", program.name);
    }
}
