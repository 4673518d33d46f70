//! What every layer of a unit takes: lanes, clocks, weight words.

use emeuro_compiler::{Function, Instruction, Program};
use emeuro_golden::{Block, Emulator, Op};

/// One layer of a compiled network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerClocks {
    /// Its name.
    pub name: String,
    /// What it does: the operation, or `copy` for a copy that the compiler has put in; and the function that follows.
    pub kind: String,
    /// Inputs and outputs.
    pub shape: String,
    /// Lanes that work on one result.
    pub lanes_per_result: usize,
    /// Results that are computed at once.
    pub results_per_tile: usize,
    /// Instructions that it consists of.
    pub instructions: usize,
    /// Clocks before its first steps, in which it waits for operands or for the layer before to leave.
    pub delay: usize,
    /// All its clocks in the issue sequencer, the delay among them.
    pub clocks: usize,
    /// Useful multiply-accumulates.
    pub macs: usize,
    /// Words in the weight memory of every lane.
    pub weight_words: usize,
}

/// The layers of `program` in the order in which they run. They are those of a frame
/// that comes alone; their clocks add up to [`Program::clocks_alone`].
pub fn layers(emulator: &Emulator, program: &Program) -> Vec<LayerClocks> {
    program
        .instructions
        .chunk_by(|a, b| a.layer == b.layer)
        .map(|instructions| layer(emulator, program, instructions))
        .collect()
}

fn layer(emulator: &Emulator, program: &Program, instructions: &[Instruction]) -> LayerClocks {
    let first = &instructions[0];
    let node = emulator.nodes().iter().find(|node| node.name == first.layer);
    let (kind, shape) = match node.map(|node| (node, &node.op)) {
        Some((_, op @ Op::Dense(dense))) => (op.keyword(), format!("{} → {}", dense.inputs, dense.outputs)),
        Some((_, op @ Op::Block(Block { geometry, .. }))) => {
            let block = format!("({} → {})", geometry.window_len(), geometry.outputs);
            (op.keyword(), format!("{block} × {}", geometry.repeats()))
        }
        Some((node, op)) => (op.keyword(), node.size.to_string()),
        None => ("copy", instructions.iter().map(results).sum::<usize>().to_string()),
    };
    let function = match first.drain.function {
        Function::Identity => String::new(),
        Function::Relu => ", relu".to_owned(),
        Function::Table(index) => {
            program.tables.get(index).map_or_else(String::new, |table| format!(", {}", table.function))
        }
    };
    let words = instructions.iter().map(|i| i.issue.weight_words());
    let begin = words.clone().map(|range| range.start).min().unwrap_or(0);
    let end = words.map(|range| range.end).max().unwrap_or(0);
    LayerClocks {
        name: first.layer.clone(),
        kind: kind.to_owned() + &function,
        shape,
        lanes_per_result: 1 << first.drain.reduce,
        results_per_tile: first.drain.results,
        instructions: instructions.len(),
        delay: instructions.iter().map(|i| i.issue.delay as usize).sum(),
        clocks: instructions.iter().map(Instruction::clocks).sum(),
        macs: node.map_or(0, |node| node.macs()),
        weight_words: end - begin,
    }
}

/// Results of an instruction.
fn results(instruction: &Instruction) -> usize {
    let drain = &instruction.drain;
    let [tiles, low, high] = drain.counts;
    ((tiles - 1) * drain.results + drain.last_results) * low * high
}
