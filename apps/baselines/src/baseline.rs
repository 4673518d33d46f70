//! What a baseline is, and the list of them all.

use std::{fmt, ops::Range, rc::Rc};

use emeuro_apps::Kernel;

use crate::{convolution, fft, newton, optical_flow, rope};

/// What a baseline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A library of the original work, called as its manual says.
    Library,
    /// What a program has before anybody optimised it: the definition, or a tutorial's way.
    Textbook,
    /// The best code that we know.
    Optimised,
    /// Code of a library for a function that is much like this one: it is timed and no ratio of the emulator's.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Library => "library",
            Self::Textbook => "textbook",
            Self::Optimised => "optimised",
            Self::Other => "another function",
        })
    }
}

/// One way to compute a region exactly.
pub struct Baseline {
    /// Name of the application.
    pub app: &'static str,
    /// Unique name among those of its application.
    pub name: &'static str,
    /// What it stands for.
    pub kind: Kind,
    /// What it computes with what, its source and its settings, in a sentence or two.
    pub about: &'static str,
    /// How far its outputs may be from those of the exact kernel, as NRMSE; the tests hold it to that.
    pub tolerance: f64,
    pub(crate) plan: fn() -> Code,
}

impl Baseline {
    /// Tables, buffers and plans are made here and not in the calls.
    pub fn plan(&self) -> Code {
        (self.plan)()
    }
}

type Body<X, Y> = Box<dyn FnMut(&[X], &mut [Y]) + Send>;

/// A planned baseline on the numbers that its author chose.
///
/// Calls panic when a slice is not a frame of the application.
pub enum Code {
    /// `f64` to `f64`, the numbers of the applications.
    Double(Body<f64, f64>),
    /// `f32` to `f32`.
    Single(Body<f32, f32>),
    /// Grey levels from 0 (-1) to 255 (1) to `f32`.
    Bytes(Body<u8, f32>),
}

impl Code {
    pub(crate) fn double(body: impl FnMut(&[f64], &mut [f64]) + Send + 'static) -> Self {
        Self::Double(Box::new(body))
    }

    pub(crate) fn single(body: impl FnMut(&[f32], &mut [f32]) + Send + 'static) -> Self {
        Self::Single(Box::new(body))
    }

    /// A kernel of the applications.
    pub(crate) fn of_kernel(mut kernel: Kernel) -> Self {
        Self::double(move |input, output| kernel.run(input, output).expect("frames of the application"))
    }

    /// Its numbers, as in Rust.
    pub fn numbers(&self) -> &'static str {
        match self {
            Self::Double(_) => "f64",
            Self::Single(_) => "f32",
            Self::Bytes(_) => "u8",
        }
    }

    /// Computes one frame of doubles, converting them to and fro if need be. It allocates then: for checks, not for timing.
    pub fn run(&mut self, input: &[f64], output: &mut [f64]) {
        match self {
            Self::Double(body) => body(input, output),
            Self::Single(body) => widen(body, &input.iter().map(|&x| x as f32).collect::<Vec<f32>>(), output),
            Self::Bytes(body) => widen(body, &input.iter().map(|&x| grey(x)).collect::<Vec<u8>>(), output),
        }
    }

    /// A function that computes frames of `inputs`, by number. Outputs of `outputs` numbers are thrown away.
    pub fn on(self, inputs: &Inputs, outputs: usize) -> Box<dyn FnMut(Range<usize>)> {
        match self {
            Self::Double(body) => on_frames(body, inputs.double.clone(), inputs.width, outputs),
            Self::Single(body) => on_frames(body, inputs.single.clone(), inputs.width, outputs),
            Self::Bytes(body) => on_frames(body, inputs.bytes.clone(), inputs.width, outputs),
        }
    }
}

/// Input frames in the numbers of every [`Code`], converted once. All codes read the same memory, so that caches hold them for all.
pub struct Inputs {
    width: usize,
    double: Rc<[f64]>,
    single: Rc<[f32]>,
    bytes: Rc<[u8]>,
}

impl Inputs {
    /// Frames of `width` numbers, one after the other.
    pub fn new(values: &[f64], width: usize) -> Self {
        Self {
            width,
            double: values.into(),
            single: values.iter().map(|&x| x as f32).collect(),
            bytes: values.iter().map(|&x| grey(x)).collect(),
        }
    }
}

fn widen<X>(body: &mut Body<X, f32>, input: &[X], output: &mut [f64]) {
    let mut narrow = vec![0.0; output.len()];
    body(input, &mut narrow);
    output.iter_mut().zip(narrow).for_each(|(wide, value)| *wide = f64::from(value));
}

fn on_frames<X: 'static, Y: Default + Clone + 'static>(
    mut body: Body<X, Y>,
    inputs: Rc<[X]>,
    width: usize,
    outputs: usize,
) -> Box<dyn FnMut(Range<usize>)> {
    let mut output = vec![Y::default(); outputs];
    Box::new(move |frames| {
        for frame in frames {
            body(std::hint::black_box(&inputs[frame * width..][..width]), &mut output);
            std::hint::black_box(&mut output);
        }
    })
}

/// -1 to 1 as 0 to 255.
fn grey(level: f64) -> u8 {
    // A cast saturates.
    (127.5 * (level + 1.0)).round() as u8
}

/// The baselines of application `app`: libraries first, then textbooks, then the best we know.
///
/// The first is the one that the original work measured against, if its library is there: where that was no library (`rope`,
/// `newton`), or the feature `library-baselines` is off, it is the first textbook.
pub fn baselines(app: &str) -> Vec<Baseline> {
    let mut all = match app {
        "fft" => fft::baselines(),
        "convolution" => convolution::baselines(),
        "optical_flow" => optical_flow::baselines(),
        "rope" => rope::baselines(),
        "newton" => newton::baselines(),
        _ => vec![],
    };
    #[cfg(feature = "library-baselines")]
    all.extend(crate::libraries::baselines(app));
    all.sort_by_key(|baseline| baseline.kind);
    all
}
