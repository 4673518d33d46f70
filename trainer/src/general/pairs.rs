//! Inputs of a function with its outputs, and what the numbers are called.

use ndarray::Array2;

use crate::{Error, Result};

/// Numbers of an input or output that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What they are called.
    pub name: String,
    /// How many there are.
    pub size: usize,
}

impl Part {
    /// `size` numbers called `name`.
    pub fn new(name: impl Into<String>, size: usize) -> Self {
        Self { name: name.into(), size }
    }
}

/// Inputs of a function with its outputs, all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    pub(super) inputs: Array2<f64>,
    pub(super) outputs: Array2<f64>,
    pub(super) input_parts: Vec<Part>,
    pub(super) output_parts: Vec<Part>,
}

impl Pairs {
    /// Pairs from matrices `[rows, inputs]` and `[rows, outputs]`, and what the columns are called.
    ///
    /// # Errors
    /// Different numbers of rows, no columns, parts that do not add up to the columns, or a number that is not finite.
    pub fn new(
        inputs: Array2<f64>,
        outputs: Array2<f64>,
        input_parts: Vec<Part>,
        output_parts: Vec<Part>,
    ) -> Result<Self> {
        if inputs.nrows() != outputs.nrows() {
            let (inputs, outputs) = (inputs.nrows(), outputs.nrows());
            return Err(wrong(format!("{inputs} rows of inputs and {outputs} of outputs")));
        }
        for (what, matrix, parts) in [("input", &inputs, &input_parts), ("output", &outputs, &output_parts)] {
            let total: usize = parts.iter().map(|part| part.size).sum();
            if matrix.ncols() == 0 || total != matrix.ncols() {
                let columns = matrix.ncols();
                return Err(wrong(format!("{columns} {what}s in parts of {total}: expected at least one")));
            }
            if let Some(((row, column), v)) = matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
                let (row, column) = (row + 1, column + 1);
                return Err(wrong(format!(
                    "row {row}, {what} {column}: expected a finite number, found {v}"
                )));
            }
        }
        Ok(Self { inputs, outputs, input_parts, output_parts })
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inputs.nrows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers per input and per output.
    #[must_use]
    pub fn sizes(&self) -> [usize; 2] {
        [self.inputs.ncols(), self.outputs.ncols()]
    }
}

/// An error about pairs.
pub(super) fn wrong(what: String) -> Error {
    Error::Data { set: String::from("pairs"), what }
}
