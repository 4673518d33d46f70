//! Inputs of a function with its outputs, and what the numbers are called.

use ndarray::Array2;

use super::{identifier, split::Order};
use crate::{Error, Result};

/// Numbers of an input or output that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What they are called.
    pub name: String,
    /// How many there are.
    pub size: usize,
    /// Their unit, if it is known.
    pub unit: Option<String>,
}

impl Part {
    /// `size` numbers called `name`.
    pub fn new(name: impl Into<String>, size: usize) -> Self {
        Self { name: name.into(), size, unit: None }
    }

    /// The same with a unit.
    #[must_use]
    pub fn with_unit(self, unit: Option<String>) -> Self {
        Self { unit, ..self }
    }
}

/// Inputs of a function with its outputs, all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    pub(super) inputs: Array2<f64>,
    pub(super) outputs: Array2<f64>,
    pub(super) input_parts: Vec<Part>,
    pub(super) output_parts: Vec<Part>,
    /// What the user calls every row.
    rows: Vec<usize>,
    /// What the order of the rows says.
    pub(super) order: Order,
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
        let rows = (1..=inputs.nrows()).collect();
        Ok(Self { inputs, outputs, input_parts, output_parts, rows, order: Order::None })
    }

    /// The same with numbers of rows, or lines, as they stand where the pairs are from; without them, they count from 1.
    ///
    /// # Errors
    /// Another count of numbers than of pairs.
    pub fn with_rows(self, rows: Vec<usize>) -> Result<Self> {
        match rows.len() == self.len() {
            true => Ok(Self { rows, ..self }),
            false => Err(wrong(format!("{} numbers of rows for {} pairs", rows.len(), self.len()))),
        }
    }

    /// The same as calls that followed each other: neighbours stay in one set, since one may tell what another one is tested on.
    #[must_use]
    pub fn of_calls(self) -> Self {
        Self { order: Order::Calls, ..self }
    }

    /// What the user calls rows.
    pub(super) fn rows_of(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|&row| self.rows[row]).collect()
    }

    /// What every output is called: as its part, with its index if the part has more.
    pub(super) fn output_names(&self) -> Vec<String> {
        let names = |part: &Part| {
            let (name, size) = (identifier(&part.name), part.size);
            (0..size).map(move |index| if size == 1 { name.clone() } else { format!("{name}[{index}]") })
        };
        self.output_parts.iter().flat_map(names).collect()
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
