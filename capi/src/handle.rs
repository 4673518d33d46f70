//! What the pointers of the C functions stand for.

use std::{
    ffi::{CString, c_char},
    path::Path,
    sync::Arc,
};

use emeuro_golden::{self as golden, FileError, Value};

use crate::status::{Problem, Status};

/// An emulator: a quantised network that stands in for a function. It never changes, and threads may share it.
pub struct Emulator {
    pub(crate) emulator: Arc<golden::Emulator>,
    pub(crate) name: CString,
    /// Name and unit of every segment of the input and of the output.
    texts: [Vec<[CString; 2]>; 2],
}

/// What a number of a frame is, and what the word stands for that it is computed as: value = offset + word * 2^-point.
#[repr(C)]
pub struct Word {
    /// What it is, for example `position`; belongs to the emulator.
    pub name: *const c_char,
    /// The place among the numbers of this name, from 0.
    pub index: usize,
    /// The physical unit, `1` if there is none; belongs to the emulator.
    pub unit: *const c_char,
    /// Bits of the word, two's complement.
    pub bits: u32,
    /// Binary point: a step of the word is 2^-point.
    pub point: i32,
    /// The value of the word 0.
    pub offset: f64,
    /// The least value that the emulator was made for; minus infinity if that is not known.
    pub least: f64,
    /// The largest one; infinity if that is not known.
    pub largest: f64,
}

/// Runs an emulator. It holds the buffers of a frame: one thread at a time may use it.
pub struct Runner {
    runner: golden::Runner<Arc<golden::Emulator>>,
    sizes: [usize; 2],
    /// Width of an input word.
    bits: u32,
}

impl Emulator {
    pub(crate) fn load(path: &str) -> Result<Self, Problem> {
        golden::Emulator::load(path).map(Self::new).map_err(refused)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        golden::Emulator::parse(text, Path::new("text")).map(Self::new).map_err(refused)
    }

    fn new(emulator: golden::Emulator) -> Self {
        // A name is a Verilog identifier: it has no zeros.
        let name = CString::new(emulator.name()).unwrap_or_default();
        let texts = [emulator.input(), &emulator.output().port].map(|port| {
            let text = |text: &str| CString::new(text.replace('\0', "")).unwrap_or_default();
            port.segments.iter().map(|segment| [text(&segment.name), text(&segment.unit)]).collect()
        });
        Self { emulator: Arc::new(emulator), name, texts }
    }

    /// Number `index` of the input frame, or of the output frame.
    pub(crate) fn word(&self, of_output: bool, index: usize) -> Result<Word, Problem> {
        let port = if of_output { &self.emulator.output().port } else { self.emulator.input() };
        let Some((segment, place, conversion)) = word_of(port, index) else {
            let problem = format!("index: expected less than {}, found {index}", port.size());
            return Err(Problem::new(Status::BadSize, problem));
        };
        let [name, unit] = &self.texts[usize::from(of_output)][segment];
        let ranges = &port.segments[segment].ranges;
        let [least, largest] = ranges.get(place).copied().unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        Ok(Word {
            name: name.as_ptr(),
            index: place,
            unit: unit.as_ptr(),
            bits: port.bits,
            point: conversion.point(),
            offset: conversion.offset(),
            least,
            largest,
        })
    }

    /// Words of an input frame and of an output frame.
    pub(crate) fn sizes(&self) -> [usize; 2] {
        [self.emulator.input().size(), self.emulator.output().port.size()]
    }
}

/// The number of the segment, the place in it, and the conversion of word `index`.
fn word_of(port: &golden::Port, index: usize) -> Option<(usize, usize, golden::Conversion)> {
    let (segment, place) = port.words().nth(index)?;
    let number = port.segments.iter().position(|other| std::ptr::eq(other, segment))?;
    Some((number, place, port.conversions().nth(index)?))
}

fn refused(error: FileError) -> Problem {
    let status = match error {
        FileError::Io { .. } => Status::BadFile,
        _ => Status::BadEmulator,
    };
    Problem::new(status, error)
}

impl Runner {
    pub(crate) fn new(emulator: &Emulator) -> Self {
        let shared = Arc::clone(&emulator.emulator);
        Self { bits: shared.input().bits, runner: golden::Runner::new(shared), sizes: emulator.sizes() }
    }

    /// Runs whole frames of physical values; nothing is written if one of them is refused.
    pub(crate) fn run_values<V: Value>(
        &mut self,
        level: usize,
        input: &[V],
        output: &mut [V],
    ) -> Result<(), Problem> {
        self.check_sizes(input.len(), output.len())?;
        let is_finite = |value: V| Into::<f64>::into(value).is_finite();
        if let Some(at) = input.iter().position(|&value| !is_finite(value)) {
            return Err(self.bad_value(at, format_args!("expected a finite number, found {}", input[at])));
        }
        self.runner.infer_values_batch_at(level, input, output).map_err(internal)
    }

    /// Runs whole frames of raw words; nothing is written if one of them is refused.
    pub(crate) fn run_words(
        &mut self,
        level: usize,
        input: &[i16],
        output: &mut [i16],
    ) -> Result<(), Problem> {
        self.check_sizes(input.len(), output.len())?;
        let bits = self.bits;
        let range = -(1i32 << (bits - 1))..1i32 << (bits - 1);
        if let Some(at) = input.iter().position(|&word| !range.contains(&i32::from(word))) {
            return Err(
                self.bad_value(at, format_args!("expected a word of {bits} bits, found {}", input[at]))
            );
        }
        self.runner.infer_batch_at(level, input, output).map_err(internal)
    }

    fn check_sizes(&self, input: usize, output: usize) -> Result<(), Problem> {
        let [inputs, outputs] = self.sizes;
        if input.is_multiple_of(inputs)
            && output.is_multiple_of(outputs)
            && input / inputs == output / outputs
        {
            return Ok(());
        }
        let expected = format!("expected whole frames of {inputs} inputs and as many of {outputs} outputs");
        Err(Problem::new(Status::BadSize, format!("{expected}, found {input} and {output} numbers")))
    }

    fn bad_value(&self, at: usize, problem: std::fmt::Arguments) -> Problem {
        let [inputs, _] = self.sizes;
        Problem::new(Status::BadValue, format!("frame {}, input {}: {problem}", at / inputs, at % inputs))
    }
}

/// What is left when sizes and values were checked.
fn internal(error: golden::EmulatorError) -> Problem {
    Problem::new(Status::Internal, error)
}
