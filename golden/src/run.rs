//! The golden model: what the hardware computes, word for word.

use crate::{
    Affine, BlockGeometry, Emulator, EmulatorError, Format, Op, VectorId, accumulator_bits, requantise,
};

/// Runs an emulator frame by frame without allocating.
#[derive(Clone, Debug)]
pub struct Runner<'a> {
    emulator: &'a Emulator,
    /// One per vector of the graph.
    vectors: Vec<Vec<i16>>,
    /// For every output word, the vector and the word that it is.
    outputs: Vec<(usize, usize)>,
    /// Inputs of one application of a block.
    window: Vec<i16>,
    /// Formats of the input and output words, for physical values.
    formats: [Vec<Format>; 2],
    /// Whether the sums of a node fit 32 bits; sums of 64 bits are equal and slower.
    narrow: Vec<bool>,
}

impl<'a> Runner<'a> {
    /// Buffers for `emulator`.
    pub fn new(emulator: &'a Emulator) -> Self {
        let vectors = (0..=emulator.nodes.len()).map(|v| vec![0; emulator.size(VectorId(v))]).collect();
        let words: Vec<(usize, usize)> = emulator
            .output
            .sources
            .iter()
            .flat_map(|v| (0..emulator.size(*v)).map(move |word| (v.0, word)))
            .collect();
        let outputs = match &emulator.output.order {
            Some(order) => order.iter().map(|&i| words[i]).collect(),
            None => words,
        };
        let row = |op: &Op| match op {
            Op::Block { geometry, .. } => geometry.window_len(),
            Op::Dense { input, .. } => emulator.size(*input),
            _ => 0,
        };
        let narrow = emulator.nodes.iter().map(|node| match &node.op {
            Op::Dense { input, affine } | Op::Block { input, affine, .. } => {
                accumulator_bits(affine, row(&node.op), emulator.format(*input)) <= 32
            }
            _ => true,
        });
        let narrow = narrow.collect();
        let longest = emulator.nodes.iter().map(|node| row(&node.op)).max().unwrap_or(0);
        let formats = [&emulator.input, &emulator.output.port].map(|port| port.formats().collect());
        Self { emulator, vectors, outputs, window: vec![0; longest], formats, narrow }
    }

    /// One frame: raw input words in, raw output words out.
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or an input word that does not fit the port's width.
    pub fn infer(&mut self, input: &[i16], output: &mut [i16]) -> Result<(), EmulatorError> {
        check_len("input", input.len(), self.vectors[0].len())?;
        check_len("output", output.len(), self.outputs.len())?;
        let word = self.emulator.format(VectorId::INPUT);
        if let Some(i) = input.iter().position(|&x| !word.holds(i64::from(x))) {
            let problem = format!("{} does not fit {} bits", input[i], word.bits());
            return Err(EmulatorError::new(format!("input word {i}"), problem));
        }
        self.vectors[0].copy_from_slice(input);
        self.compute_all();
        for (word, &(vector, index)) in output.iter_mut().zip(&self.outputs) {
            *word = self.vectors[vector][index];
        }
        Ok(())
    }

    /// One frame of physical values: quantised by the input port, run, and scaled by the output port.
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or a value that is not finite.
    pub fn infer_values(&mut self, input: &[f64], output: &mut [f64]) -> Result<(), EmulatorError> {
        check_len("input", input.len(), self.vectors[0].len())?;
        check_len("output", output.len(), self.outputs.len())?;
        check_finite(input)?;
        for ((word, &value), format) in self.vectors[0].iter_mut().zip(input).zip(&self.formats[0]) {
            *word = format.quantise(value);
        }
        self.compute_all();
        let words = self.outputs.iter().map(|&(vector, index)| self.vectors[vector][index]);
        for ((value, word), format) in output.iter_mut().zip(words).zip(&self.formats[1]) {
            *value = format.value(word);
        }
        Ok(())
    }

    fn compute_all(&mut self) {
        for index in 0..self.emulator.nodes.len() {
            self.compute(index);
        }
    }

    /// The words of a vector after the last frame.
    pub fn vector(&self, vector: VectorId) -> &[i16] {
        &self.vectors[vector.0]
    }

    fn compute(&mut self, index: usize) {
        let node = &self.emulator.nodes[index];
        let (made, rest) = self.vectors.split_at_mut(index + 1);
        let y = &mut rest[0];
        match &node.op {
            Op::Dense { input, affine } => dense(affine, self.narrow[index], &made[input.0], node.format, y),
            Op::Block { input, geometry, affine } => {
                let window = &mut self.window[..geometry.window_len()];
                block(geometry, affine, self.narrow[index], &made[input.0], window, node.format, y);
            }
            Op::Add { inputs: [a, b], align, shift } => {
                for (y, (&a, &b)) in y.iter_mut().zip(made[a.0].iter().zip(&made[b.0])) {
                    let sum = (i64::from(a) << align[0]) + (i64::from(b) << align[1]);
                    *y = requantise(sum, *shift, node.format);
                }
            }
            Op::Multiply { inputs: [a, b], shift } => {
                for (y, (&a, &b)) in y.iter_mut().zip(made[a.0].iter().zip(&made[b.0])) {
                    *y = requantise(i64::from(a) * i64::from(b), *shift, node.format);
                }
            }
            Op::Activate { input, activation } => {
                let format = self.emulator.format(*input);
                for (y, &x) in y.iter_mut().zip(&made[input.0]) {
                    *y = activation.apply(x, format);
                }
            }
        }
    }
}

impl Emulator {
    /// One frame of raw words; see [`Runner`] for many.
    ///
    /// # Errors
    /// As [`Runner::infer`].
    pub fn run(&self, input: &[i16]) -> Result<Vec<i16>, EmulatorError> {
        let mut runner = Runner::new(self);
        let mut output = vec![0; runner.outputs.len()];
        runner.infer(input, &mut output)?;
        Ok(output)
    }

    /// One frame of physical values: quantised by the input port, run, and scaled by the output port.
    ///
    /// # Errors
    /// A frame of the wrong length, or a value that is not finite.
    pub fn run_values(&self, input: &[f64]) -> Result<Vec<f64>, EmulatorError> {
        let mut output = vec![0.0; self.output.port.size()];
        Runner::new(self).infer_values(input, &mut output)?;
        Ok(output)
    }

    /// Physical input values as raw words, saturating.
    ///
    /// # Errors
    /// A frame of the wrong length, or a value that is not finite.
    pub fn quantise(&self, input: &[f64]) -> Result<Vec<i16>, EmulatorError> {
        check_len("input", input.len(), self.input.size())?;
        check_finite(input)?;
        Ok(input.iter().zip(self.input.formats()).map(|(&x, format)| format.quantise(x)).collect())
    }

    /// Raw output words as physical values.
    pub fn dequantise(&self, output: &[i16]) -> Vec<f64> {
        output.iter().zip(self.output.port.formats()).map(|(&y, format)| format.value(y)).collect()
    }
}

fn check_len(place: &str, found: usize, expected: usize) -> Result<(), EmulatorError> {
    if found == expected {
        return Ok(());
    }
    Err(EmulatorError::new(place, format!("expected {expected} words, found {found}")))
}

fn check_finite(input: &[f64]) -> Result<(), EmulatorError> {
    match input.iter().position(|x| !x.is_finite()) {
        Some(i) => {
            let problem = format!("expected a finite number, found {}", input[i]);
            Err(EmulatorError::new(format!("input word {i}"), problem))
        }
        None => Ok(()),
    }
}

fn dense(affine: &Affine, narrow: bool, x: &[i16], format: Format, y: &mut [i16]) {
    let rows = affine.weights.values.chunks_exact(x.len()).zip(&affine.bias);
    for (y, (weights, &bias)) in y.iter_mut().zip(rows) {
        *y = requantise(bias + dot(weights, x, narrow), affine.shift, format);
    }
}

fn block(
    geometry: &BlockGeometry,
    affine: &Affine,
    narrow: bool,
    x: &[i16],
    window: &mut [i16],
    format: Format,
    y: &mut [i16],
) {
    let per_set = if geometry.shared { 0 } else { geometry.outputs };
    for (repeat, (read, write)) in geometry.origins().enumerate() {
        for (x_w, offset) in window.iter_mut().zip(geometry.window_offsets()) {
            *x_w = x[(read + offset) as usize];
        }
        for output in 0..geometry.outputs {
            let row = repeat * per_set + output;
            let weights = &affine.weights.values[row * window.len()..][..window.len()];
            let acc = affine.bias[row] + dot(weights, window, narrow);
            y[(write + output as i64 * geometry.out_step) as usize] = requantise(acc, affine.shift, format);
        }
    }
}

fn dot(weights: &[i16], x: &[i16], narrow: bool) -> i64 {
    let products = weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
    if narrow { i64::from(products.sum::<i32>()) } else { products.map(i64::from).sum() }
}
