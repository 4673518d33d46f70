//! map: finds the ways in which the lanes can share the work of a task.

use crate::task::{Kind, Task, Tasks};

pub(crate) const DESCRIPTION: &str = "Lists per task how many neighbouring lanes can reduce one result and along which axis results can lie, by clocks.";

/// One dimension of a task's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Axis {
    pub(crate) count: usize,
    /// Distance of the operands of neighbouring results.
    pub(crate) operand: i64,
    /// Distance of neighbouring results.
    pub(crate) result: i64,
    /// Distance of the rows of weights and of the biases of neighbouring results.
    pub(crate) row: i64,
}

impl Axis {
    const NONE: Self = Self { count: 1, operand: 0, result: 0, row: 0 };
}

/// A task's loops over operands and results, with absolute addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Address of the first operand of the first result.
    pub(crate) operand: i64,
    /// Address of the first result.
    pub(crate) result: i64,
    /// Count and operand distance of the two window dimensions, inner first.
    pub(crate) window: [(usize, i64); 2],
    /// Whether the window may be spread over lanes; an element-wise product may not.
    pub(crate) reducible: bool,
    /// Dimensions of the results with more than one element, outermost first.
    pub(crate) axes: Vec<Axis>,
}

/// A shape whose results are spread over lanes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mapping {
    /// Every result is the sum over 2^`reduce` lanes.
    pub(crate) reduce: u32,
    /// Results per tile.
    pub(crate) results: usize,
    /// Results that leave together in a clock.
    pub(crate) per_clock: usize,
    /// The axis along which the results of a tile lie.
    pub(crate) lanes: Axis,
    /// The axes that the hardware's block loops run over, innermost first.
    pub(crate) blocks: [Axis; 2],
    /// The axes that are unrolled into instructions.
    pub(crate) unrolled: Vec<Axis>,
}

impl Mapping {
    /// Tiles along the lanes' axis.
    pub(crate) fn tiles(&self) -> usize {
        self.lanes.count.div_ceil(self.results)
    }

    /// Results of the last tile along the lanes' axis.
    pub(crate) fn last_results(&self) -> usize {
        self.lanes.count - (self.tiles() - 1) * self.results
    }

    /// Steps of the inner window loop.
    pub(crate) fn inner_steps(&self, shape: &Shape) -> usize {
        shape.window[0].0.div_ceil(1 << self.reduce)
    }

    /// Idle clocks after a tile, so that the results of one tile leave before the next arrive.
    pub(crate) fn pad(&self, shape: &Shape) -> usize {
        let results = if self.tiles() > 1 { self.results } else { self.last_results() };
        self.clocks(results).saturating_sub(self.inner_steps(shape) * shape.window[1].0)
    }

    /// Clocks in which `results` results leave.
    pub(crate) fn clocks(&self, results: usize) -> usize {
        results.div_ceil(self.per_clock)
    }

    /// Clocks that the task takes, up to the pipeline's constant depth.
    fn cost(&self, shape: &Shape) -> usize {
        let tile = self.inner_steps(shape) * shape.window[1].0 + self.pad(shape);
        let blocks: usize = self.blocks.iter().map(|a| a.count).product();
        let instructions: usize = self.unrolled.iter().map(|a| a.count).product();
        let overhead = crate::timing::LOAD as usize;
        instructions * (blocks * self.tiles() * tile - self.pad(shape) + overhead)
            + self.reduce as usize
            + self.clocks(self.last_results())
    }
}

/// A window of more dimensions than the unit has loops for.
pub(crate) struct TooManyDimensions;

/// The loops of `task`, with neighbouring dimensions merged where they lie in line: where others do, they were made neighbours before.
pub(crate) fn shape(tasks: &Tasks, task: &Task) -> Result<Shape, TooManyDimensions> {
    let source = |i: usize| tasks.vectors[task.sources[i]].address as i64;
    let target = &tasks.vectors[task.target];
    let element_wise = |window| Shape {
        operand: source(0),
        result: target.address as i64,
        window,
        reducible: !matches!(task.kind, Kind::Multiply | Kind::Maximum { .. }),
        axes: vec![Axis { count: target.size, operand: 1, result: 1, row: 0 }],
    };
    let mut shape = match &task.kind {
        Kind::Scale { scales } if scales.len() == 1 => element_wise([(1, 0), (1, 0)]),
        Kind::Scale { .. } | Kind::Multiply | Kind::Maximum { .. } => {
            element_wise([(2, source(1) - source(0)), (1, 0)])
        }
        Kind::Affine { geometry: g, .. } => {
            let mut window: Vec<(usize, i64)> = vec![];
            for (&count, &step) in g.window.iter().zip(&g.in_step).filter(|(count, _)| **count > 1) {
                match window.last_mut() {
                    Some((outer, distance)) if *distance == step * count as i64 => {
                        (*outer, *distance) = (*outer * count, step);
                    }
                    _ => window.push((count, step)),
                }
            }
            let window = match window.as_slice() {
                [] => [(1, 0), (1, 0)],
                [inner] => [*inner, (1, 0)],
                [outer, inner] => [*inner, *outer],
                _ => return Err(TooManyDimensions),
            };
            let mut row = if g.shared { 0 } else { geometry_row(g.outputs, &g.repeat) };
            let mut axes: Vec<Axis> = vec![];
            for ((&count, &operand), &result) in g.repeat.iter().zip(&g.in_stride).zip(&g.out_stride) {
                row /= count as i64;
                merge(&mut axes, Axis { count, operand, result, row });
            }
            merge(&mut axes, Axis { count: g.outputs, operand: 0, result: g.out_step, row: 1 });
            Shape {
                operand: source(0) + g.offset,
                result: target.address as i64,
                window,
                reducible: true,
                axes,
            }
        }
    };
    shape.axes.retain(|axis| axis.count > 1);
    Ok(shape)
}

/// Distance of the weight rows of two sets, times the number of sets.
fn geometry_row(outputs: usize, repeat: &[usize]) -> i64 {
    (outputs * repeat.iter().product::<usize>()) as i64
}

/// Appends `axis`, or extends the last axis if both lie in line.
fn merge(axes: &mut Vec<Axis>, axis: Axis) {
    if axis.count == 1 {
        return;
    }
    let n = axis.count as i64;
    match axes.last_mut() {
        Some(outer)
            if (outer.operand, outer.result, outer.row)
                == (axis.operand * n, axis.result * n, axis.row * n) =>
        {
            *outer = Axis { count: outer.count * axis.count, ..axis };
        }
        _ => axes.push(axis),
    }
}

/// How many clocks more than the cheapest a mapping may take to be worth considering: more than a pipeline's depth, which
/// is all that it can save by letting the next task begin earlier.
const WORTHWHILE: usize = 48;

/// The mappings of `shape` to `lanes` lanes and `slots` slots that are worth considering, the cheapest by itself first.
pub(crate) fn run(shape: &Shape, lanes: usize, slots: usize) -> Vec<Mapping> {
    let axes = if shape.axes.is_empty() { vec![None] } else { (0..shape.axes.len()).map(Some).collect() };
    let widest =
        if shape.reducible { shape.window[0].0.next_power_of_two().ilog2().min(lanes.ilog2()) } else { 0 };
    let mut mappings: Vec<Mapping> = axes
        .into_iter()
        .flat_map(|axis| (0..=widest).map(move |reduce| spread(shape, axis, reduce, lanes, slots)))
        .collect();
    mappings.sort_by_key(|mapping| mapping.cost(shape));
    let limit = mappings[0].cost(shape) + WORTHWHILE;
    mappings.retain(|mapping| mapping.cost(shape) <= limit);
    mappings
}

fn spread(shape: &Shape, axis: Option<usize>, reduce: u32, lanes: usize, slots: usize) -> Mapping {
    let mut rest = shape.axes.clone();
    let along = axis.map_or(Axis::NONE, |i| rest.remove(i));
    // The longest axes run in hardware; the others cost instructions.
    let mut by_length: Vec<usize> = (0..rest.len()).collect();
    by_length.sort_by_key(|&i| std::cmp::Reverse(rest[i].count));
    let mut looped = by_length.iter().take(2).copied().collect::<Vec<_>>();
    looped.sort_unstable_by(|a, b| b.cmp(a));
    let block = |i: usize| looped.get(i).map_or(Axis::NONE, |&axis| rest[axis]);
    let unrolled: Vec<Axis> = (0..rest.len()).filter(|i| !looped.contains(i)).map(|i| rest[i]).collect();
    let results = (lanes >> reduce).min(along.count);
    // Results leave together if they lie side by side and never across two rows of memory.
    let in_row = |distance: i64| distance.rem_euclid(slots as i64) == 0;
    let tiles_in_row = results >= along.count || in_row(results as i64);
    let together = slots > 1
        && along.result == 1
        && tiles_in_row
        && in_row(shape.result)
        && rest.iter().all(|axis| in_row(axis.result));
    let per_clock = if together { slots } else { 1 };
    Mapping { reduce, results, per_clock, lanes: along, blocks: [block(0), block(1)], unrolled }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(inputs: usize, outputs: usize) -> Shape {
        Shape {
            operand: 0,
            result: 0,
            window: [(inputs, 1), (1, 0)],
            reducible: true,
            axes: vec![Axis { count: outputs, operand: 0, result: 1, row: 1 }],
        }
    }

    #[test]
    fn all_lanes_work_whatever_the_proportions() {
        // Tiles of two results leave the drain register sooner than tiles of sixteen and take no longer.
        assert_eq!(run(&dense(512, 160), 16, 1)[0].reduce, 3);
        assert_eq!(run(&dense(512, 2), 16, 1)[0].results, 2);
        assert_eq!(run(&dense(512, 2), 16, 1)[0].reduce, 3);
        // One lane per result would need two tiles, the second of them a quarter full; ten tiles of two are all full.
        assert_eq!(run(&dense(32, 20), 16, 1)[0].reduce, 3);
    }

    #[test]
    fn lanes_that_are_no_power_of_two_are_used_as_far_as_they_go() {
        let mapping = &run(&dense(64, 30), 3, 1)[0];
        assert_eq!((mapping.reduce, mapping.results, mapping.tiles()), (0, 3, 10));
    }

    #[test]
    fn axes_in_line_are_merged() {
        let mut axes = vec![];
        merge(&mut axes, Axis { count: 4, operand: 6, result: 3, row: 0 });
        merge(&mut axes, Axis { count: 3, operand: 2, result: 1, row: 0 });
        assert_eq!(axes, [Axis { count: 12, operand: 2, result: 1, row: 0 }]);
        merge(&mut axes, Axis { count: 2, operand: 0, result: 12, row: 1 });
        assert_eq!(axes.len(), 2);
    }
}
