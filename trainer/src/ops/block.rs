//! Block: one affine function at many places, [`BlockGeometry`](emeuro_golden::BlockGeometry).
//!
//! Windows are gathered into the rows of a matrix. Repeats that share their weights are then one matrix product (as in Chellapilla
//! et al., "High performance convolutional neural networks for document processing", 2006); others are computed one by one.

use emeuro_golden::{Block, BlockGeometry};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, linalg::general_mat_mul};

use super::{Backward, Forward, OnFloats, Tangent, TangentBackward};
use crate::network::{Floats, bias, bias_mut, weights, weights_mut};

/// Where a block reads and writes, element by element.
struct Places {
    /// For every repeat, the elements of its window.
    windows: Vec<Vec<usize>>,
    /// For every repeat, its outputs.
    outputs: Vec<Vec<usize>>,
}

impl Places {
    fn new(geometry: &BlockGeometry) -> Self {
        let window: Vec<i64> = geometry.window_offsets().collect();
        let place = |index: i64| usize::try_from(index).expect("a checked geometry stays in its vectors");
        let windows = geometry.origins().map(|(read, _)| window.iter().map(|w| place(read + w)).collect());
        let outputs = geometry.origins().map(|(_, write)| {
            (0..geometry.outputs).map(|o| place(write + o as i64 * geometry.out_step)).collect()
        });
        Self { windows: windows.collect(), outputs: outputs.collect() }
    }

    /// Rows `[frame][repeat]` of the elements that `places` names of `vectors`, `[frames, elements]`.
    fn gather(vectors: ArrayView2<f32>, places: &[Vec<usize>]) -> Array2<f32> {
        let columns = places.first().map_or(0, Vec::len);
        let mut rows = Vec::with_capacity(vectors.nrows() * places.len() * columns);
        for vector in vectors.outer_iter() {
            rows.extend(places.iter().flatten().map(|&element| vector[element]));
        }
        Array2::from_shape_vec((vectors.nrows() * places.len(), columns), rows)
            .expect("a row per frame and repeat")
    }

    /// Adds such rows to the elements that they are of.
    fn scatter(rows: &Array2<f32>, places: &[Vec<usize>], mut vectors: ArrayViewMut2<f32>) {
        let mut values = rows.iter();
        for mut vector in vectors.outer_iter_mut() {
            places.iter().flatten().zip(&mut values).for_each(|(&element, value)| vector[element] += value);
        }
    }
}

/// y = W·x for every window of the operand's vectors `x`.
fn apply(block: &Block<Floats>, parameters: &[f32], x: ArrayView2<f32>, mut y: ArrayViewMut2<f32>) {
    let (places, weights) = (Places::new(&block.geometry), weights(&block.affine, parameters));
    y.fill(0.0);
    if block.geometry.shared {
        let results = Places::gather(x, &places.windows).dot(&weights.t());
        Places::scatter(&results, &places.outputs, y);
        return;
    }
    for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
        let mut rows = weights.outer_iter();
        for (window, outputs) in places.windows.iter().zip(&places.outputs) {
            for (&output, row) in outputs.iter().zip(&mut rows) {
                y[output] = row.iter().zip(window).map(|(w, &element)| w * x[element]).sum();
            }
        }
    }
}

/// dW = dY·X, or more of it, and what Wᵀ·dY adds to `dx`.
fn pull_back(
    block: &Block<Floats>,
    parameters: &[f32],
    [x, dy]: [ArrayView2<f32>; 2],
    (gradient, keep): (&mut [f32], f32),
    dx: Option<ArrayViewMut2<f32>>,
) {
    let (places, weights) = (Places::new(&block.geometry), weights(&block.affine, parameters));
    let mut dw = weights_mut(&block.affine, gradient);
    if block.geometry.shared {
        let (windows, dy) = (Places::gather(x, &places.windows), Places::gather(dy, &places.outputs));
        general_mat_mul(1.0, &dy.t(), &windows, keep, &mut dw);
        if let Some(dx) = dx {
            Places::scatter(&dy.dot(&weights), &places.windows, dx);
        }
        return;
    }
    if keep == 0.0 {
        dw.fill(0.0);
    }
    for (x, dy) in x.outer_iter().zip(dy.outer_iter()) {
        let mut rows = dw.outer_iter_mut();
        for (window, outputs) in places.windows.iter().zip(&places.outputs) {
            for (&output, mut row) in outputs.iter().zip(&mut rows) {
                row.iter_mut().zip(window).for_each(|(dw, &element)| *dw += dy[output] * x[element]);
            }
        }
    }
    let Some(mut dx) = dx else { return };
    for (mut dx, dy) in dx.outer_iter_mut().zip(dy.outer_iter()) {
        let mut rows = weights.outer_iter();
        for (window, outputs) in places.windows.iter().zip(&places.outputs) {
            for (&output, row) in outputs.iter().zip(&mut rows) {
                row.iter().zip(window).for_each(|(w, &element)| dx[element] += dy[output] * w);
            }
        }
    }
}

/// For every element of a block's vector, its row of the weights and biases.
fn rows(geometry: &BlockGeometry) -> Vec<usize> {
    let mut rows = vec![0; geometry.output_len()];
    for (repeat, outputs) in Places::new(geometry).outputs.iter().enumerate() {
        let first = if geometry.shared { 0 } else { repeat * geometry.outputs };
        outputs.iter().enumerate().for_each(|(k, &element)| rows[element] = first + k);
    }
    rows
}

impl OnFloats for Block<Floats> {
    fn forward(&self, at: &Forward, mut y: ArrayViewMut2<f32>) {
        apply(self, at.parameters, at.value(self.input), y.view_mut());
        let (bias, rows) = (bias(&self.affine, at.parameters), rows(&self.geometry));
        for mut y in y.outer_iter_mut() {
            y.iter_mut().zip(&rows).for_each(|(y, &row)| *y += bias[row]);
        }
    }

    fn backward(&self, at: &mut Backward) {
        let (x, dy) = (at.value(self.input.index()), at.dy);
        let mut db = bias_mut(&self.affine, at.gradient);
        db.fill(0.0);
        dy.sum_axis(Axis(0)).iter().zip(rows(&self.geometry)).for_each(|(dy, row)| db[row] += dy);
        let dx = (self.input.index() >= at.inputs)
            .then(|| at.before[self.input.index()].slice_mut(ndarray::s![..at.rows, ..]));
        pull_back(self, at.parameters, [x, dy], (at.gradient, 0.0), dx);
    }

    fn tangent(&self, at: &Tangent, slope: ArrayViewMut2<f32>) {
        apply(self, at.parameters, at.slope(self.input), slope);
    }

    fn tangent_backward(&self, at: &mut TangentBackward) {
        let (slope, ds) = (at.slope(self.input), at.ds);
        let dx = (self.input.index() >= at.back.inputs)
            .then(|| at.before[self.input.index()].slice_mut(ndarray::s![..at.back.rows, ..]));
        pull_back(self, at.back.parameters, [slope, ds], (at.back.gradient, 1.0), dx);
    }
}
