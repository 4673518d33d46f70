//! The golden model, frame by frame.

use std::borrow::Borrow;

use crate::{
    Conversion, Emulator, EmulatorError, Format, Isa, Selected, Value, VectorId,
    simd::{Engine, unsupported},
    specification::Specification,
};

/// Runs an emulator frame by frame without allocating. It borrows the emulator, owns it or shares it.
#[derive(Clone, Debug)]
pub struct Runner<E> {
    emulator: E,
    isa: Isa,
    words: Words,
    /// What the input and output words stand for.
    ports: [Vec<Conversion>; 2],
}

/// Where the words are, and how they are computed.
#[derive(Clone, Debug)]
enum Words {
    /// One after the other.
    Specified(Specification),
    /// With vector instructions.
    Fast(Engine),
}

impl<E: Borrow<Emulator>> Runner<E> {
    /// Buffers for `emulator`, which is computed with the best instructions of this machine, or by the specification if layers have
    /// words of other widths than 8 and 16 bits in two's complement.
    pub fn new(owner: E) -> Self {
        Self::of(owner, Isa::best())
    }

    /// The same with given instructions; [`Isa::Scalar`] is the specification.
    ///
    /// # Errors
    /// Instructions that this machine does not have, or without kernels for the words of a layer.
    pub fn with_isa(owner: E, isa: Isa) -> Result<Self, EmulatorError> {
        if !isa.is_available() {
            return Err(EmulatorError::new("isa", format!("this machine has no {isa}")));
        }
        if let (true, Some(node)) = (isa != Isa::Scalar, unsupported(owner.borrow())) {
            let problem = format!(
                "has {}; kernels take 8 or 16 bits in two's complement, {} computes it",
                node.format,
                Isa::Scalar
            );
            return Err(EmulatorError::new(format!("layer {:?}", node.name), problem));
        }
        Ok(Self::of(owner, isa))
    }

    fn of(owner: E, isa: Isa) -> Self {
        let emulator: &Emulator = owner.borrow();
        let (words, isa) = match Engine::new(emulator, isa) {
            Some(engine) => (Words::Fast(engine), isa),
            None => (Words::Specified(Specification::new(emulator)), Isa::Scalar),
        };
        let ports = [&emulator.input, &emulator.output.port].map(|port| port.conversions().collect());
        Self { emulator: owner, isa, words, ports }
    }

    /// The instructions that frames are computed with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// One frame: raw input words in, raw output words out, at the highest quality level.
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or an input word that does not fit the port's width.
    pub fn infer(&mut self, input: &[i16], output: &mut [i16]) -> Result<(), EmulatorError> {
        self.infer_at(usize::MAX, input, output)
    }

    /// One frame: raw input words in, raw output words out, at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer`](Self::infer).
    pub fn infer_at(&mut self, level: usize, input: &[i16], output: &mut [i16]) -> Result<(), EmulatorError> {
        match &mut self.words {
            Words::Specified(words) => {
                let emulator: &Emulator = self.emulator.borrow();
                let level = level.min(emulator.levels() - 1);
                check_frame(&self.ports, input.len(), output.len())?;
                check_words(self.ports[0][0].format(), input)?;
                words.vectors[0].copy_from_slice(input);
                words.run(emulator, level);
                output.iter_mut().zip(words.outputs(level)).for_each(|(y, word)| *y = word);
            }
            Words::Fast(engine) => {
                if !engine.infer(level, input, output) {
                    let frame = check_frame(&self.ports, input.len(), output.len());
                    return Err(refusal(frame.and_then(|()| check_words(self.ports[0][0].format(), input))));
                }
            }
        }
        Ok(())
    }

    /// One frame of physical values in single or double precision: quantised by the input port, run at the highest quality level,
    /// and scaled by the output port, exactly: see [`Value`].
    ///
    /// # Errors
    /// A slice that is not as long as its frame, or a value that is not finite.
    pub fn infer_values<V: Value>(&mut self, input: &[V], output: &mut [V]) -> Result<(), EmulatorError> {
        self.infer_values_at(usize::MAX, input, output)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer_values`](Self::infer_values).
    pub fn infer_values_at<V: Value>(
        &mut self,
        level: usize,
        input: &[V],
        output: &mut [V],
    ) -> Result<(), EmulatorError> {
        match &mut self.words {
            Words::Specified(words) => {
                let emulator: &Emulator = self.emulator.borrow();
                let level = level.min(emulator.levels() - 1);
                check_frame(&self.ports, input.len(), output.len())?;
                check_finite(input)?;
                for ((word, &value), of) in words.vectors[0].iter_mut().zip(input).zip(&self.ports[0]) {
                    *word = of.quantise(value.into());
                }
                words.run(emulator, level);
                for ((value, word), of) in output.iter_mut().zip(words.outputs(level)).zip(&self.ports[1]) {
                    *value = V::of(of.value(word));
                }
            }
            Words::Fast(engine) => {
                if !engine.infer_values(level, input, output) {
                    let frame = check_frame(&self.ports, input.len(), output.len());
                    return Err(refusal(frame.and_then(|()| check_finite(input))));
                }
            }
        }
        Ok(())
    }

    /// Many frames one after the other in `inputs`, as many in `outputs`, at the highest quality level.
    ///
    /// # Errors
    /// Slices that are not as many whole frames, or an input word that does not fit the port's width; then the
    /// outputs are arbitrary.
    pub fn infer_batch(&mut self, inputs: &[i16], outputs: &mut [i16]) -> Result<(), EmulatorError> {
        self.infer_batch_at(usize::MAX, inputs, outputs)
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
        let (count, [x, y]) = self.check_frames(inputs.len(), outputs.len())?;
        match &mut self.words {
            Words::Specified(_) => {
                of_frames(inputs.chunks(x).zip(outputs.chunks_mut(y)), |(x, y)| self.infer_at(level, x, y))
            }
            Words::Fast(engine) => match engine.infer_batch(level, count, inputs, outputs) {
                true => Ok(()),
                false => {
                    let word = self.ports[0][0].format();
                    Err(refusal(of_frames(inputs.chunks(x), |input| check_words(word, input))))
                }
            },
        }
    }

    /// Many frames of physical values in single or double precision, at the highest quality level.
    ///
    /// # Errors
    /// Slices that are not as many whole frames, or a value that is not finite; then the outputs are arbitrary.
    pub fn infer_values_batch<V: Value>(
        &mut self,
        inputs: &[V],
        outputs: &mut [V],
    ) -> Result<(), EmulatorError> {
        self.infer_values_batch_at(usize::MAX, inputs, outputs)
    }

    /// The same at quality level `level`; the highest one for any beyond.
    ///
    /// # Errors
    /// As [`infer_values_batch`](Self::infer_values_batch).
    pub fn infer_values_batch_at<V: Value>(
        &mut self,
        level: usize,
        inputs: &[V],
        outputs: &mut [V],
    ) -> Result<(), EmulatorError> {
        let (count, [x, y]) = self.check_frames(inputs.len(), outputs.len())?;
        match &mut self.words {
            Words::Specified(_) => {
                let frames = inputs.chunks(x).zip(outputs.chunks_mut(y));
                of_frames(frames, |(x, y)| self.infer_values_at(level, x, y))
            }
            Words::Fast(engine) => match engine.infer_values_batch(level, count, inputs, outputs) {
                true => Ok(()),
                false => Err(refusal(of_frames(inputs.chunks(x), check_finite))),
            },
        }
    }

    /// What the router said about the last frame; none without a router, or if the frame's level needs no members.
    pub fn selected(&self) -> Option<Selected> {
        match &self.words {
            Words::Specified(words) => words.selected,
            Words::Fast(engine) => engine.selected(),
        }
    }

    /// The words of a layer's vector after the last frame; arbitrary ones if its level did not need the vector. None for the input,
    /// which need not have been words, and for a vector of another emulator that has more of them.
    pub fn vector(&self, vector: VectorId) -> Option<&[i16]> {
        if vector == VectorId::INPUT {
            return None;
        }
        match &self.words {
            Words::Specified(words) => words.vectors.get(vector.0).map(Vec::as_slice),
            Words::Fast(engine) => engine.vector(vector),
        }
    }

    /// How many frames slices of these lengths hold, and the lengths of an input and an output frame.
    fn check_frames(&self, inputs: usize, outputs: usize) -> Result<(usize, [usize; 2]), EmulatorError> {
        let frame = [self.ports[0].len(), self.ports[1].len()];
        if !inputs.is_multiple_of(frame[0]) {
            return Err(EmulatorError::expected(
                "inputs",
                format_args!("frames of {} words", frame[0]),
                format_args!("{inputs} words"),
            ));
        }
        let count = inputs / frame[0];
        check_len("outputs", outputs, count * frame[1])?;
        Ok((count, frame))
    }
}

impl Emulator {
    /// One frame of raw words; see [`Runner`] for many.
    ///
    /// # Errors
    /// As [`Runner::infer`].
    pub fn run(&self, input: &[i16]) -> Result<Vec<i16>, EmulatorError> {
        self.run_at(usize::MAX, input)
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
        Ok(input.iter().zip(self.input.conversions()).map(|(&x, of)| of.quantise(x)).collect())
    }

    /// Raw output words as physical values.
    pub fn dequantise(&self, output: &[i16]) -> Vec<f64> {
        output.iter().zip(self.output.port.conversions()).map(|(&y, of)| of.value(y)).collect()
    }
}

#[inline(always)]
fn check_frame(ports: &[Vec<Conversion>; 2], input: usize, output: usize) -> Result<(), EmulatorError> {
    check_len("input", input, ports[0].len())?;
    check_len("output", output, ports[1].len())
}

#[inline(always)]
fn check_len(place: &str, found: usize, expected: usize) -> Result<(), EmulatorError> {
    if found == expected { Ok(()) } else { Err(wrong_len(place, found, expected)) }
}

#[cold]
#[inline(never)]
fn wrong_len(place: &str, found: usize, expected: usize) -> EmulatorError {
    EmulatorError::expected(place, format_args!("{expected} words"), found)
}

/// Why the kernels refused an input, as a check of it has found.
#[cold]
fn refusal(found: Result<(), EmulatorError>) -> EmulatorError {
    let unnamed = || EmulatorError::new("input", "expected what the input port holds");
    found.err().unwrap_or_else(unnamed)
}

/// Does it for every frame up to the first that is wrong, and names it.
fn of_frames<F>(
    frames: impl Iterator<Item = F>,
    mut check: impl FnMut(F) -> Result<(), EmulatorError>,
) -> Result<(), EmulatorError> {
    for (index, frame) in frames.enumerate() {
        check(frame).map_err(|e| e.within(&format!("frame {index}")))?;
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn check_words(word: Format, input: &[i16]) -> Result<(), EmulatorError> {
    match input.iter().position(|&x| !word.holds(i64::from(x))) {
        Some(i) => {
            let problem = format!("{} does not fit {} bits", input[i], word.bits());
            Err(EmulatorError::new(format!("input word {i}"), problem))
        }
        None => Ok(()),
    }
}

fn check_finite<V: Value>(input: &[V]) -> Result<(), EmulatorError> {
    match input.iter().position(|x| !x.is_bounded()) {
        Some(i) => Err(EmulatorError::expected(format!("input word {i}"), "a finite number", input[i])),
        None => Ok(()),
    }
}
