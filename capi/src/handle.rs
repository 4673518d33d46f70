//! What the pointers of the C functions stand for.

use std::{ffi::CString, path::Path, sync::Arc};

use emeuro_golden::{self as golden, FileError, Value};

use crate::status::{Problem, Status};

/// An emulator: a quantised network that stands in for a function. It never changes, and threads may share it.
pub struct Emulator {
    pub(crate) emulator: Arc<golden::Emulator>,
    pub(crate) name: CString,
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
        Self { emulator: Arc::new(emulator), name }
    }

    /// Words of an input frame and of an output frame.
    pub(crate) fn sizes(&self) -> [usize; 2] {
        [self.emulator.input().size(), self.emulator.output().port.size()]
    }
}

fn refused(error: FileError) -> Problem {
    let status = match error {
        FileError::Io { .. } => Status::BadFile,
        FileError::Syntax { .. } | FileError::Invalid { .. } => Status::BadEmulator,
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
