//! The golden model: what the hardware computes, word for word.

use std::borrow::Borrow;

use crate::{
    Affine, BlockGeometry, Emulator, EmulatorError, Format, Isa, Op, Selected, VectorId, accumulator_bits,
    requantise,
};

/// Runs an emulator frame by frame without allocating. It borrows the emulator, owns it or shares it.
#[derive(Clone, Debug)]
pub struct Runner<E> {
    emulator: E,
    isa: Isa,
    /// One per vector of the graph.
    vectors: Vec<Vec<i16>>,
    levels: Vec<Level>,
    /// What the router said about the last frame.
    selected: Option<Selected>,
    /// Inputs of one application of a block.
    window: Vec<i16>,
    /// Formats of the input and output words, for physical values.
    formats: [Vec<Format>; 2],
    /// Whether the sums of a node fit 32 bits; sums of 64 bits are equal and slower.
    narrow: Vec<bool>,
}

/// What a quality level computes.
#[derive(Clone, Debug)]
struct Level {
    /// The nodes that it needs, in order.
    nodes: Vec<usize>,
    /// For every output word, the vector and the word that it is.
    outputs: Vec<(usize, usize)>,
}

impl Level {
    fn new(emulator: &Emulator, level: usize) -> Self {
        let needed = emulator.needed_at(level);
        let sources = emulator.output.sources_at(level);
        let words: Vec<(usize, usize)> =
            sources.iter().flat_map(|v| (0..emulator.size(*v)).map(move |word| (v.0, word))).collect();
        let outputs = match &emulator.output.order {
            Some(order) => order.iter().map(|&i| words[i]).collect(),
            None => words,
        };
        Self { nodes: (0..needed.len()).filter(|&node| needed[node]).collect(), outputs }
    }
}

impl<E: Borrow<Emulator>> Runner<E> {
    /// Buffers for `emulator`, which is computed with the best instructions of this machine.
    pub fn new(owner: E) -> Self {
        Self::of(owner, Isa::best())
    }

    /// The same with given instructions; [`Isa::Scalar`] is the specification.
    ///
    /// # Errors
    /// Instructions that this machine does not have.
    pub fn with_isa(owner: E, isa: Isa) -> Result<Self, EmulatorError> {
        if !isa.is_available() {
            return Err(EmulatorError::new("isa", format!("this machine has no {isa}")));
        }
        Ok(Self::of(owner, isa))
    }

    fn of(owner: E, isa: Isa) -> Self {
        let emulator: &Emulator = owner.borrow();
        let vectors = (0..=emulator.nodes.len()).map(|v| vec![0; emulator.size(VectorId(v))]).collect();
        let levels = (0..emulator.levels()).map(|level| Level::new(emulator, level)).collect();
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
        Self {
            emulator: owner,
            isa,
            vectors,
            levels,
            selected: None,
            window: vec![0; longest],
            formats,
            narrow,
        }
    }

    /// One frame: raw input words in, raw output words out, at the highest quality level.
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or an input word that does not fit the port's width.
    pub fn infer(&mut self, input: &[i16], output: &mut [i16]) -> Result<(), EmulatorError> {
        self.infer_at(self.levels.len() - 1, input, output)
    }

    /// One frame: raw input words in, raw output words out, at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer`](Self::infer).
    pub fn infer_at(&mut self, level: usize, input: &[i16], output: &mut [i16]) -> Result<(), EmulatorError> {
        check_len("input", input.len(), self.vectors[0].len())?;
        check_len("output", output.len(), self.formats[1].len())?;
        let word = self.emulator.borrow().format(VectorId::INPUT);
        if let Some(i) = input.iter().position(|&x| !word.holds(i64::from(x))) {
            let problem = format!("{} does not fit {} bits", input[i], word.bits());
            return Err(EmulatorError::new(format!("input word {i}"), problem));
        }
        self.vectors[0].copy_from_slice(input);
        let level = self.compute_all(level);
        for (word, &(vector, index)) in output.iter_mut().zip(&self.levels[level].outputs) {
            *word = self.vectors[vector][index];
        }
        Ok(())
    }

    /// One frame of physical values: quantised by the input port, run at the highest quality level, and scaled by the output
    /// port.
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or a value that is not finite.
    pub fn infer_values(&mut self, input: &[f64], output: &mut [f64]) -> Result<(), EmulatorError> {
        self.infer_values_at(self.levels.len() - 1, input, output)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer_values`](Self::infer_values).
    pub fn infer_values_at(
        &mut self,
        level: usize,
        input: &[f64],
        output: &mut [f64],
    ) -> Result<(), EmulatorError> {
        check_len("input", input.len(), self.vectors[0].len())?;
        check_len("output", output.len(), self.formats[1].len())?;
        check_finite(input)?;
        for ((word, &value), format) in self.vectors[0].iter_mut().zip(input).zip(&self.formats[0]) {
            *word = format.quantise(value);
        }
        let level = self.compute_all(level);
        let words = self.levels[level].outputs.iter().map(|&(vector, index)| self.vectors[vector][index]);
        for ((value, word), format) in output.iter_mut().zip(words).zip(&self.formats[1]) {
            *value = format.value(word);
        }
        Ok(())
    }

    /// Many frames one after the other in `inputs`, as many in `outputs`, at the highest quality level.
    ///
    /// # Errors
    /// Slices that are not as many whole frames, or an input word that does not fit the port's width.
    pub fn infer_batch(&mut self, inputs: &[i16], outputs: &mut [i16]) -> Result<(), EmulatorError> {
        self.infer_batch_at(self.levels.len() - 1, inputs, outputs)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer_batch`](Self::infer_batch).
    pub fn infer_batch_at(
        &mut self,
        level: usize,
        inputs: &[i16],
        outputs: &mut [i16],
    ) -> Result<(), EmulatorError> {
        let frame = self.check_frames(inputs.len(), outputs.len())?;
        for (index, (x, y)) in inputs.chunks(frame[0]).zip(outputs.chunks_mut(frame[1])).enumerate() {
            self.infer_at(level, x, y).map_err(|e| of_frame(index, e))?;
        }
        Ok(())
    }

    /// Many frames of physical values, at the highest quality level.
    ///
    /// # Errors
    /// Slices that are not as many whole frames, or a value that is not finite.
    pub fn infer_values_batch(&mut self, inputs: &[f64], outputs: &mut [f64]) -> Result<(), EmulatorError> {
        self.infer_values_batch_at(self.levels.len() - 1, inputs, outputs)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer_values_batch`](Self::infer_values_batch).
    pub fn infer_values_batch_at(
        &mut self,
        level: usize,
        inputs: &[f64],
        outputs: &mut [f64],
    ) -> Result<(), EmulatorError> {
        let frame = self.check_frames(inputs.len(), outputs.len())?;
        for (index, (x, y)) in inputs.chunks(frame[0]).zip(outputs.chunks_mut(frame[1])).enumerate() {
            self.infer_values_at(level, x, y).map_err(|e| of_frame(index, e))?;
        }
        Ok(())
    }

    /// The instructions that frames are computed with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Lengths of an input and an output frame, of which the slices hold as many.
    fn check_frames(&self, inputs: usize, outputs: usize) -> Result<[usize; 2], EmulatorError> {
        let frame = [self.formats[0].len(), self.formats[1].len()];
        if !inputs.is_multiple_of(frame[0]) {
            let problem = format!("expected frames of {} words, found {inputs} words", frame[0]);
            return Err(EmulatorError::new("inputs", problem));
        }
        check_len("outputs", outputs, inputs / frame[0] * frame[1])?;
        Ok(frame)
    }

    /// Computes a level, or the highest one, and says which.
    fn compute_all(&mut self, level: usize) -> usize {
        let level = level.min(self.levels.len() - 1);
        self.selected = None;
        for position in 0..self.levels[level].nodes.len() {
            self.compute(self.levels[level].nodes[position]);
        }
        level
    }

    /// What the router said about the last frame; none without a router, or if the frame's level needs no members.
    pub fn selected(&self) -> Option<Selected> {
        self.selected
    }

    /// The words of a vector after the last frame; those of an earlier frame if its level did not need the vector.
    pub fn vector(&self, vector: VectorId) -> &[i16] {
        &self.vectors[vector.0]
    }

    fn compute(&mut self, index: usize) {
        let emulator: &Emulator = self.emulator.borrow();
        let node = &emulator.nodes[index];
        let (made, rest) = self.vectors.split_at_mut(index + 1);
        let y = &mut rest[0];
        let (member, narrow) = (self.selected.map_or(0, |selected| selected.member), self.narrow[index]);
        match &node.op {
            Op::Dense { input, affine } => {
                dense(Sums::new(affine, member, narrow, node.format), &made[input.0], y)
            }
            Op::Block { input, geometry, affine } => {
                let sums = Sums::new(affine, member, narrow, node.format);
                block(geometry, sums, &made[input.0], &mut self.window[..geometry.window_len()], y);
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
                let format = emulator.format(*input);
                for (y, &x) in y.iter_mut().zip(&made[input.0]) {
                    *y = activation.apply(x, format);
                }
            }
        }
        if let Some(router) = emulator.router.as_ref().filter(|router| router.scores.0 == index + 1) {
            self.selected = Some(router.select(&self.vectors[index + 1]));
        }
    }
}

impl Emulator {
    /// One frame of raw words; see [`Runner`] for many.
    ///
    /// # Errors
    /// As [`Runner::infer`].
    pub fn run(&self, input: &[i16]) -> Result<Vec<i16>, EmulatorError> {
        self.run_at(self.levels() - 1, input)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`Runner::infer`].
    pub fn run_at(&self, level: usize, input: &[i16]) -> Result<Vec<i16>, EmulatorError> {
        let mut output = vec![0; self.output.port.size()];
        Runner::new(self).infer_at(level, input, &mut output)?;
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

fn of_frame(index: usize, error: EmulatorError) -> EmulatorError {
    EmulatorError::new(format!("frame {index}: {}", error.place), error.problem)
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

/// The weights and biases of a frame's member, and what happens to the sums.
struct Sums<'a> {
    weights: &'a [i16],
    bias: &'a [i64],
    narrow: bool,
    shift: u32,
    format: Format,
}

impl<'a> Sums<'a> {
    fn new(affine: &'a Affine, member: usize, narrow: bool, format: Format) -> Self {
        let member = if affine.members > 1 { member } else { 0 };
        let (weights, bias) = (affine.weights_of(member), affine.bias_of(member));
        Self { weights, bias, narrow, shift: affine.shift, format }
    }

    /// The output word of row `row` of the weights.
    fn word(&self, row: usize, x: &[i16]) -> i16 {
        let weights = &self.weights[row * x.len()..][..x.len()];
        requantise(self.bias[row] + dot(weights, x, self.narrow), self.shift, self.format)
    }
}

fn dense(sums: Sums, x: &[i16], y: &mut [i16]) {
    for (row, y) in y.iter_mut().enumerate() {
        *y = sums.word(row, x);
    }
}

fn block(geometry: &BlockGeometry, sums: Sums, x: &[i16], window: &mut [i16], y: &mut [i16]) {
    let per_set = if geometry.shared { 0 } else { geometry.outputs };
    for (repeat, (read, write)) in geometry.origins().enumerate() {
        for (x_w, offset) in window.iter_mut().zip(geometry.window_offsets()) {
            *x_w = x[(read + offset) as usize];
        }
        for output in 0..geometry.outputs {
            let word = sums.word(repeat * per_set + output, window);
            y[(write + output as i64 * geometry.out_step) as usize] = word;
        }
    }
}

fn dot(weights: &[i16], x: &[i16], narrow: bool) -> i64 {
    let products = weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
    if narrow { i64::from(products.sum::<i32>()) } else { products.map(i64::from).sum() }
}
