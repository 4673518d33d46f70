//! straighten: puts the dimensions of windows and repeats that lie in line next to each other, so that they can be merged.

use emeuro_golden::BlockGeometry;

use crate::task::{Kind, Tasks};

pub(crate) const DESCRIPTION: &str = "Reorders the dimensions of windows and repeats, and the weights with them, so that those that lie in line are neighbours.";

pub(crate) fn run(mut tasks: Tasks) -> Tasks {
    for task in &mut tasks.tasks {
        if let Kind::Affine { geometry, weights, bias, members, .. } = &mut task.kind {
            straighten_window(geometry, weights);
            straighten_repeats(geometry, weights, bias, *members);
        }
    }
    tasks
}

/// One dimension.
#[derive(Clone, Copy, Debug)]
struct Dimension {
    count: usize,
    /// Distances of neighbours: of their operands and of their results, which windows do not have.
    distance: [i64; 2],
    /// Distance of their columns or rows of weights.
    weights: i64,
}

impl Dimension {
    /// Whether the two are one longer dimension if `inner` follows.
    fn continues_in(&self, inner: &Self) -> bool {
        self.distance == inner.distance.map(|distance| distance * inner.count as i64)
    }
}

/// An element of the window may be read at any time: all dimensions are walked upwards, those in line as one.
fn straighten_window(geometry: &mut BlockGeometry, weights: &mut [i16]) {
    let size = geometry.window_len();
    let mut rest = size;
    let mut first = 0;
    let mut backwards = false;
    let dimensions: Vec<Dimension> = geometry
        .window
        .iter()
        .zip(&geometry.in_step)
        .map(|(&count, &step)| {
            rest /= count;
            let mut dimension = Dimension { count, distance: [step, 0], weights: rest as i64 };
            if step < 0 && count > 1 {
                let last = count as i64 - 1;
                geometry.offset += last * step;
                first += last * dimension.weights;
                (dimension.distance[0], dimension.weights) = (-step, -dimension.weights);
                backwards = true;
            }
            dimension
        })
        .collect();
    let order = order(&dimensions);
    if order.is_sorted() && !backwards {
        return;
    }
    let dimensions: Vec<Dimension> = order.iter().map(|&i| dimensions[i]).collect();
    geometry.window = dimensions.iter().map(|d| d.count).collect();
    geometry.in_step = dimensions.iter().map(|d| d.distance[0]).collect();
    let columns: Vec<usize> = walk(&dimensions).into_iter().map(|column| (first + column) as usize).collect();
    for row in weights.chunks_mut(size) {
        let old = row.to_vec();
        row.iter_mut().zip(&columns).for_each(|(weight, &column)| *weight = old[column]);
    }
}

/// Results may be computed in any order. Where every repeat has weights of its own, its outputs are one more dimension.
fn straighten_repeats(geometry: &mut BlockGeometry, weights: &mut [i16], bias: &mut [i64], members: usize) {
    let mut rest = if geometry.shared { 0 } else { geometry.repeats() * geometry.outputs };
    let repeats = geometry.repeat.iter().zip(geometry.in_stride.iter().zip(&geometry.out_stride));
    let mut dimensions: Vec<Dimension> = repeats
        .map(|(&count, (&operand, &result))| {
            rest /= count;
            Dimension { count, distance: [operand, result], weights: rest as i64 }
        })
        .collect();
    if !geometry.shared {
        let distance = [0, geometry.out_step];
        dimensions.push(Dimension { count: geometry.outputs, distance, weights: 1 });
    }
    let order = order(&dimensions);
    if order.is_sorted() {
        return;
    }
    let dimensions: Vec<Dimension> = order.iter().map(|&i| dimensions[i]).collect();
    geometry.repeat = dimensions.iter().map(|d| d.count).collect();
    geometry.in_stride = dimensions.iter().map(|d| d.distance[0]).collect();
    geometry.out_stride = dimensions.iter().map(|d| d.distance[1]).collect();
    if geometry.shared {
        return;
    }
    (geometry.outputs, geometry.out_step) = (1, 0);
    let rows = walk(&dimensions);
    let (row, rows_of_member) = (weights.len() / bias.len(), bias.len() / members);
    for (weights, bias) in weights.chunks_mut(rows_of_member * row).zip(bias.chunks_mut(rows_of_member)) {
        let (old_weights, old_bias) = (weights.to_vec(), bias.to_vec());
        for ((weights, bias), &from) in weights.chunks_mut(row).zip(bias).zip(&rows) {
            let from = from as usize;
            weights.copy_from_slice(&old_weights[from * row..(from + 1) * row]);
            *bias = old_bias[from];
        }
    }
}

/// The dimensions in an order in which as many as possible continue in the next one; those that cannot, or do already, stay
/// where they are.
fn order(dimensions: &[Dimension]) -> Vec<usize> {
    let count = dimensions.len();
    // Dimensions of distance 0 continue in each other: in one direction only, or they would run in a circle.
    let continues = |outer: usize, inner: usize| {
        let (a, b) = (&dimensions[outer], &dimensions[inner]);
        a.count > 1 && b.count > 1 && a.continues_in(b) && (b.distance != [0, 0] || outer < inner)
    };
    let mut outer_of: Vec<Option<usize>> = vec![None; count];
    for outer in 0..count.saturating_sub(1) {
        if continues(outer, outer + 1) {
            outer_of[outer + 1] = Some(outer);
        }
    }
    // Whoever continues in one of two continues in the other, so that the first choice is as good as any.
    for outer in (0..count).filter(|&outer| !outer_of.contains(&Some(outer))).collect::<Vec<_>>() {
        if let Some(inner) = (0..count).find(|&inner| outer_of[inner].is_none() && continues(outer, inner)) {
            outer_of[inner] = Some(outer);
        }
    }
    let inner_of = |outer: usize| outer_of.iter().position(|&found| found == Some(outer));
    let mut lines: Vec<Vec<usize>> = (0..count)
        .filter(|&first| outer_of[first].is_none())
        .map(|first| std::iter::successors(Some(first), |&outer| inner_of(outer)).collect())
        .collect();
    lines.sort_by_key(|line| line.iter().min().copied());
    lines.concat()
}

/// The columns or rows of weights, the last dimension fastest, from the first.
fn walk(dimensions: &[Dimension]) -> Vec<i64> {
    dimensions.iter().fold(vec![0], |places, dimension| {
        let along = |place: &i64| {
            let place = *place;
            (0..dimension.count as i64).map(move |i| place + i * dimension.weights)
        };
        places.iter().flat_map(along).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(dimensions: &[(usize, i64)]) -> Vec<usize> {
        let dimension = |&(count, step): &(usize, i64)| Dimension { count, distance: [step, 0], weights: 0 };
        order(&dimensions.iter().map(dimension).collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_found_in_any_order() {
        assert_eq!(order_of(&[(2, 1), (2, 2), (2, 4)]), [2, 1, 0]);
        assert_eq!(order_of(&[(2, 2), (2, 4), (2, 1)]), [1, 0, 2]);
        // Two lines of two.
        assert_eq!(order_of(&[(3, 1), (2, 100), (4, 3), (5, 200)]), [2, 0, 3, 1]);
    }

    #[test]
    fn what_is_in_order_stays() {
        assert_eq!(order_of(&[(2, 4), (2, 2), (2, 1)]), [0, 1, 2]);
        assert_eq!(order_of(&[(3, 1), (3, 10)]), [0, 1]);
        assert_eq!(order_of(&[(1, 1), (2, 7), (1, 14)]), [0, 1, 2]);
        assert_eq!(order_of(&[(2, 0), (3, 0), (4, 0)]), [0, 1, 2]);
        assert_eq!(order_of(&[]), [0; 0]);
    }
}
