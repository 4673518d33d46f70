//! The plain version of an emulator: the same network in `f32`, a matrix of `ndarray` per layer.

use emeuro_golden::{Activate, Activation, Dense, Emulator, Format, Op};
use ndarray::{Array1, Array2, ArrayView2, Zip, linalg::general_mat_mul, linalg::general_mat_vec_mul, s};

/// A network of dense layers, sums, products and ReLU in `f32`, with buffers for a number of frames.
///
/// Numbers are the values of the emulator's words, `raw · 2^-frac` with the binary point of the vector (for the input: of its
/// first segment, which is how layers see all of it). Nothing is rounded to words, and nothing saturates.
pub struct FloatNetwork {
    layers: Vec<Layer>,
    /// One per vector of the graph, `[frames][size]`.
    vectors: Vec<Array2<f32>>,
    /// The vectors that are concatenated for the output.
    sources: Vec<usize>,
}

enum Layer {
    Dense { input: usize, weights: Array2<f32>, bias: Array1<f32> },
    Add([usize; 2]),
    Multiply([usize; 2]),
    Maximum([usize; 2]),
    Relu(usize),
}

impl FloatNetwork {
    /// The network of `emulator` at its highest quality level for up to `frames` frames at once; none if it has blocks, tables,
    /// members or outputs in another order.
    pub fn new(emulator: &Emulator, frames: usize) -> Option<Self> {
        let value = |raw: i64, frac: i32| (raw as f64 * 2f64.powi(-frac)) as f32;
        if emulator.router().is_some() || emulator.output().order.is_some() {
            return None;
        }
        let layer = |op: &Op| match op {
            Op::Dense(Dense { input, inputs, affine, .. }) => {
                let frac = affine.weights.format.frac();
                let scale = frac + emulator.format(*input).frac();
                let weights = affine.weights.values.iter().map(|&w| value(i64::from(w), frac)).collect();
                let bias: Array1<f32> = affine.bias.iter().map(|&b| value(b, scale)).collect();
                let weights = Array2::from_shape_vec((bias.len(), *inputs), weights).ok()?;
                Some(Layer::Dense { input: input.index(), weights, bias })
            }
            Op::Add(add) => Some(Layer::Add(add.inputs.map(|v| v.index()))),
            Op::Multiply(multiply) => Some(Layer::Multiply(multiply.inputs.map(|v| v.index()))),
            Op::Maximum(maximum) => Some(Layer::Maximum(maximum.inputs.map(|v| v.index()))),
            Op::Activate(Activate { input, function: Activation::Relu }) => Some(Layer::Relu(input.index())),
            Op::Activate(_) | Op::Block(_) => None,
        };
        let layers = emulator.nodes().iter().map(|node| layer(&node.op)).collect::<Option<Vec<Layer>>>()?;
        let sizes = std::iter::once(emulator.input().size()).chain(emulator.nodes().iter().map(|n| n.size));
        Some(Self {
            layers,
            vectors: sizes.map(|size| Array2::zeros((frames, size))).collect(),
            sources: emulator.sources_at(usize::MAX).iter().map(|v| v.index()).collect(),
        })
    }

    /// The numbers of raw words in `format`.
    pub fn values(words: &[i16], format: Format) -> Vec<f32> {
        words.iter().map(|&word| format.value(word) as f32).collect()
    }

    /// Computes frames, one after the other in both slices, at most as many as there are buffers for.
    ///
    /// # Panics
    /// Slices that are not that many whole frames.
    pub fn run(&mut self, input: &[f32], output: &mut [f32]) {
        let width = self.vectors[0].ncols();
        let frames = input.len() / width;
        let input = ArrayView2::from_shape((frames, width), input).expect("whole frames");
        self.vectors[0].slice_mut(s![..frames, ..]).assign(&input);
        for (index, layer) in self.layers.iter().enumerate() {
            let (made, rest) = self.vectors.split_at_mut(index + 1);
            let made = |vector: usize| made[vector].slice(s![..frames, ..]);
            let mut y = rest[0].slice_mut(s![..frames, ..]);
            match layer {
                Layer::Dense { input, weights, bias } => {
                    y.assign(bias);
                    match frames {
                        1 => {
                            general_mat_vec_mul(1.0, weights, &made(*input).row(0), 1.0, &mut y.row_mut(0));
                        }
                        _ => general_mat_mul(1.0, &made(*input), &weights.t(), 1.0, &mut y),
                    }
                }
                Layer::Add([a, b]) => {
                    Zip::from(&mut y).and(made(*a)).and(made(*b)).for_each(|y, a, b| *y = a + b)
                }
                Layer::Multiply([a, b]) => {
                    Zip::from(&mut y).and(made(*a)).and(made(*b)).for_each(|y, a, b| *y = a * b);
                }
                Layer::Maximum([a, b]) => {
                    Zip::from(&mut y).and(made(*a)).and(made(*b)).for_each(|y, a, b| *y = a.max(*b));
                }
                Layer::Relu(input) => Zip::from(&mut y).and(made(*input)).for_each(|y, x| *y = x.max(0.0)),
            }
        }
        let outputs: usize = self.sources.iter().map(|&source| self.vectors[source].ncols()).sum();
        for (frame, output) in output[..frames * outputs].chunks_exact_mut(outputs).enumerate() {
            let mut rest = output;
            for &source in &self.sources {
                let row = self.vectors[source].row(frame);
                let (part, later) = rest.split_at_mut(row.len());
                part.copy_from_slice(row.to_slice().expect("rows are contiguous"));
                rest = later;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emeuro_apps::{Application, Rope, Split};
    use emeuro_golden::nrmse;

    #[test]
    fn it_computes_what_the_emulator_does_but_for_rounding() {
        let emulator = emeuro_apps::emulator("rope").unwrap();
        let frames = Rope::new().frames(Split::Test, 5, 3);
        let words: Vec<i16> =
            frames.inputs.chunks_exact(400).flat_map(|input| emulator.quantise(input).unwrap()).collect();
        let truth: Vec<f64> = words
            .chunks_exact(400)
            .flat_map(|input| emulator.dequantise(&emulator.run(input).unwrap()))
            .collect();
        let inputs = FloatNetwork::values(&words, emulator.format(emeuro_golden::VectorId::INPUT));
        let mut network = FloatNetwork::new(&emulator, 5).unwrap();
        let mut at_once = vec![0.0; 5 * 200];
        network.run(&inputs, &mut at_once);
        let mut one_by_one = vec![0.0; 5 * 200];
        for (input, output) in inputs.chunks_exact(400).zip(one_by_one.chunks_exact_mut(200)) {
            network.run(input, output);
        }
        for found in [at_once, one_by_one] {
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            let error = nrmse(&truth, &found, 200).unwrap();
            assert!(error < 0.01, "{error}");
        }
    }

    #[test]
    fn networks_of_blocks_have_no_plain_version() {
        assert!(FloatNetwork::new(&emeuro_apps::emulator("fft").unwrap(), 1).is_none());
    }
}
