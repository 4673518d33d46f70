//! Programs of sampled networks that have, between them, everything that an instruction can say.

use emeuro_compiler::{Function, Machine, Program, UnitConfig, compile};
use emeuro_golden::{Emulator, sample_emulator};
use emeuro_hdl::units::reducer::Tap;

/// Seeds and numbers of lanes; all of the networks are small enough for the direct loop.
const SAMPLES: [(u64, usize); 3] = [(280, 8), (392, 2), (204, 3)];

pub(crate) fn samples() -> Vec<(Emulator, Program)> {
    let sample = |(seed, lanes)| {
        let emulator = sample_emulator(seed);
        let program = compile(&emulator, &UnitConfig::new(lanes).unwrap()).unwrap();
        (emulator, program)
    };
    SAMPLES.map(sample).into()
}

pub(crate) fn programs() -> Vec<Program> {
    samples().into_iter().map(|(_, program)| program).collect()
}

/// The levels of the adder tree that a program uses, with the most results of a tile at each.
pub(crate) fn taps(program: &Program) -> Vec<Tap> {
    let drains = || program.instructions.iter().map(|i| &i.drain);
    let results = |level| drains().filter(|d| d.reduce == level).map(|d| d.results).max();
    (0..8).filter_map(|level| results(level).map(|results| Tap { level, results })).collect()
}

#[test]
fn samples_have_everything() {
    let programs = programs();
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
