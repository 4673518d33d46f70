//! select: turns nodes into tasks and fuses activations into the tasks that make their operands.

use emeuro_golden::{
    Activate, Add, Block, BlockGeometry, Dense, Emulator, Maximum, Multiply, Op, accumulator_bits,
};

use crate::task::{Kind, Place, Task, Tasks, Vector};

pub(crate) const DESCRIPTION: &str =
    "Turns nodes into tasks; an activation joins the task that makes its operand.";

pub(crate) fn run(emulator: &Emulator) -> Tasks {
    let graph = emulator.graph();
    let vectors = graph
        .vectors()
        .map(|id| {
            let is_routed = emulator.router().is_some_and(|router| router.scores == id);
            let place = match graph.maker(id) {
                None => Place::Input,
                Some(_) if is_routed => Place::Router,
                Some(_) => Place::Memory,
            };
            Vector { size: emulator.size(id), bits: emulator.format(id).bits(), place, address: 0 }
        })
        .collect();
    let outputs = emulator.sources_at(usize::MAX).iter().map(|v| v.index()).collect();
    let mut tasks = Tasks { vectors, tasks: vec![], outputs };
    for (index, node) in emulator.nodes().iter().enumerate() {
        let target = index + 1;
        let sources: Vec<usize> = node.op.operands().iter().map(|v| v.index()).collect();
        let operand = emulator.format(node.op.operands()[0]);
        let plain = |kind, shift, accumulator_bits| Task {
            name: node.name.clone(),
            kind,
            sources: sources.clone(),
            target,
            shift,
            format: node.format,
            activation: None,
            accumulator_bits,
        };
        // Operands at one binary point: their scales, and the bits of the wider one.
        let aligned = |align: &[u32; 2]| -> (Vec<i16>, u32) {
            let widest = sources.iter().zip(align).map(|(&v, a)| tasks.vectors[v].bits + a).max();
            (align.iter().map(|&a| 1 << a).collect(), widest.unwrap_or(0))
        };
        let task = match &node.op {
            Op::Dense(Dense { affine, .. }) | Op::Block(Block { affine, .. }) => {
                let geometry = match &node.op {
                    Op::Block(block) => block.geometry.clone(),
                    _ => BlockGeometry::dense(tasks.vectors[sources[0]].size, node.size),
                };
                let bits = accumulator_bits(affine, operand);
                let kind = Kind::Affine {
                    geometry,
                    weights: affine.weights.values.clone(),
                    weight_bits: affine.weights.format.bits(),
                    bias: affine.bias.clone(),
                    members: affine.members,
                };
                plain(kind, affine.shift, bits)
            }
            Op::Add(Add { align, shift, .. }) => {
                let (scales, widest) = aligned(align);
                // Two operands add a bit, and rounding can add another.
                plain(Kind::Scale { scales }, *shift, (widest + 2).max(shift + 2))
            }
            Op::Maximum(Maximum { align, shift, .. }) => {
                let (scales, widest) = aligned(align);
                // Rounding can add a bit.
                plain(Kind::Maximum { scales }, *shift, (widest + 1).max(shift + 2))
            }
            Op::Multiply(Multiply { shift, .. }) => {
                let bits = sources.iter().map(|&v| tasks.vectors[v].bits).sum::<u32>();
                plain(Kind::Multiply, *shift, (bits + 1).max(shift + 2))
            }
            Op::Activate(Activate { function, .. }) => match fusable(&mut tasks, emulator, sources[0]) {
                Some(maker) => {
                    maker.activation = Some(function.clone());
                    maker.target = target;
                    continue;
                }
                None => {
                    let copy = tasks.copy(sources[0], target, node.name.clone());
                    let format = emulator.format(node.op.operands()[0]);
                    Task { activation: Some(function.clone()), format, ..copy }
                }
            },
        };
        tasks.tasks.push(task);
    }
    tasks
}

/// The task that makes `vector`, if nothing else reads the vector and the task has no activation yet.
fn fusable<'a>(tasks: &'a mut Tasks, emulator: &Emulator, vector: usize) -> Option<&'a mut Task> {
    let readers =
        emulator.nodes().iter().flat_map(|n| n.op.operands()).filter(|v| v.index() == vector).count();
    if readers != 1 || tasks.outputs.contains(&vector) {
        return None;
    }
    tasks.tasks.iter_mut().find(|task| task.target == vector && task.activation.is_none())
}
