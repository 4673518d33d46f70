//! An operation in a file: the fields of a layer, read and written.

use std::fmt::{Display, Write};

use serde::Deserialize;

use super::{Activation, Affine, Weights};
use crate::{
    error::EmulatorError,
    format::{Format, Kind},
    geometry::BlockGeometry,
    vector::{Vector, VectorId},
};

/// What operations are read against.
pub(crate) trait Known {
    /// The input or an earlier layer.
    fn vector(&self, name: &str) -> Option<(VectorId, Vector<Format>)>;

    /// Number of members of the router, if there is one yet.
    fn members(&self) -> Result<usize, EmulatorError>;
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct FormatFields {
    bits: u32,
    frac: i32,
    signed: Option<bool>,
    bipolar: Option<bool>,
}

impl FormatFields {
    fn format(self) -> Result<Format, EmulatorError> {
        let kind = match (self.signed, self.bipolar) {
            (None | Some(true), None | Some(false)) => Kind::Signed,
            (Some(false), None | Some(false)) => Kind::Unsigned,
            (None, Some(true)) => Kind::Bipolar,
            (Some(_), Some(true)) => {
                return Err(EmulatorError::new("format: signed", "not a field of bipolar words"));
            }
        };
        Format::of(kind, self.bits, self.frac)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightFields {
    format: FormatFields,
    rows: Vec<Vec<i16>>,
}

/// All fields that some operation has; an operation takes those that it needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    name: String,
    op: String,
    format: FormatFields,
    input: Option<String>,
    inputs: Option<Vec<String>>,
    offset: Option<i64>,
    repeat: Option<Vec<usize>>,
    in_stride: Option<Vec<i64>>,
    out_stride: Option<Vec<i64>>,
    window: Option<Vec<usize>>,
    in_step: Option<Vec<i64>>,
    outputs: Option<usize>,
    out_step: Option<i64>,
    shared: Option<bool>,
    members: Option<usize>,
    weights: Option<WeightFields>,
    bias: Option<Vec<i64>>,
    function: Option<String>,
    knots: Option<Vec<i16>>,
}

impl Record {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The keyword of the operation.
    pub(crate) fn op(&self) -> &str {
        &self.op
    }

    /// The format of the vector.
    pub(crate) fn format(&self) -> Result<Format, EmulatorError> {
        self.format.format()
    }

    fn need<T>(&self, field: &str, value: Option<T>) -> Result<T, EmulatorError> {
        value.ok_or_else(|| EmulatorError::new(field, format!("missing; op {} needs it", self.op)))
    }

    /// Refuses fields that the operation does not have.
    pub(super) fn allow(&self, fields: &[&str]) -> Result<(), EmulatorError> {
        let given = [
            ("input", self.input.is_some()),
            ("inputs", self.inputs.is_some()),
            ("offset", self.offset.is_some()),
            ("repeat", self.repeat.is_some()),
            ("in_stride", self.in_stride.is_some()),
            ("out_stride", self.out_stride.is_some()),
            ("window", self.window.is_some()),
            ("in_step", self.in_step.is_some()),
            ("outputs", self.outputs.is_some()),
            ("out_step", self.out_step.is_some()),
            ("shared", self.shared.is_some()),
            ("members", self.members.is_some()),
            ("weights", self.weights.is_some()),
            ("bias", self.bias.is_some()),
            ("function", self.function.is_some()),
            ("knots", self.knots.is_some()),
        ];
        match given.iter().find(|(field, given)| *given && !fields.contains(field)) {
            Some((field, _)) => {
                let problem = format!("not a field of op {}; expected {}", self.op, fields.join(", "));
                Err(EmulatorError::new(*field, problem))
            }
            None => Ok(()),
        }
    }

    /// The operand.
    pub(super) fn operand(&mut self, known: &dyn Known) -> Result<(VectorId, Vector<Format>), EmulatorError> {
        let input = self.input.take();
        find(known, &self.need("input", input)?, "input")
    }

    /// Both operands.
    pub(super) fn operands(
        &mut self,
        known: &dyn Known,
    ) -> Result<[(VectorId, Vector<Format>); 2], EmulatorError> {
        let inputs = self.inputs.take();
        let inputs = self.need("inputs", inputs)?;
        let [a, b] = inputs.as_slice() else {
            return Err(EmulatorError::expected("inputs", "2 names", inputs.len()));
        };
        Ok([find(known, a, "inputs")?, find(known, b, "inputs")?])
    }

    /// How many sets of weights there are; as many as the router has members, or one.
    pub(super) fn members(&self, known: &dyn Known) -> Result<usize, EmulatorError> {
        let Some(found) = self.members else { return Ok(1) };
        let expected = known.members()?;
        if found != expected {
            return Err(EmulatorError::expected(
                "members",
                format_args!("{expected} as the router has"),
                found,
            ));
        }
        Ok(expected)
    }

    /// Weights in rows of `row` values, and biases.
    pub(super) fn affine(&mut self, row: usize) -> Result<(Weights, Vec<i64>), EmulatorError> {
        let fields = self.weights.take();
        let WeightFields { format, rows } = self.need("weights", fields)?;
        let format = format.format().map_err(|e| e.within("weights"))?;
        if let Some(i) = rows.iter().position(|values| values.len() != row) {
            return Err(EmulatorError::expected(
                format!("weights: rows[{i}]"),
                format_args!("{row} values"),
                rows[i].len(),
            ));
        }
        let bias = self.bias.take();
        let bias = self.need("bias", bias)?;
        Ok((Weights { format, values: rows.concat() }, bias))
    }

    /// Where a block reads and writes.
    pub(super) fn geometry(&mut self) -> Result<BlockGeometry, EmulatorError> {
        let (repeat, window) = (self.repeat.take(), self.window.take());
        let (in_stride, out_stride, in_step) =
            (self.in_stride.take(), self.out_stride.take(), self.in_step.take());
        Ok(BlockGeometry {
            offset: self.need("offset", self.offset)?,
            repeat: self.need("repeat", repeat)?,
            in_stride: self.need("in_stride", in_stride)?,
            out_stride: self.need("out_stride", out_stride)?,
            window: self.need("window", window)?,
            in_step: self.need("in_step", in_step)?,
            outputs: self.need("outputs", self.outputs)?,
            out_step: self.need("out_step", self.out_step)?,
            shared: self.need("shared", self.shared)?,
        })
    }

    /// The function of every element.
    pub(super) fn activation(&mut self) -> Result<Activation, EmulatorError> {
        let function = self.function.take();
        let function = self.need("function", function)?;
        match (function.as_str(), self.knots.take()) {
            ("relu", None) => Ok(Activation::Relu),
            ("relu", Some(_)) => Err(EmulatorError::new("knots", "not a field of relu")),
            (_, Some(knots)) => Ok(Activation::Table { function, knots }),
            (_, None) => Err(EmulatorError::new("knots", format!("missing; {function:?} is a table"))),
        }
    }
}

/// The vector called `name`, for the field at `place`.
pub(crate) fn find(
    known: &dyn Known,
    name: &str,
    place: &str,
) -> Result<(VectorId, Vector<Format>), EmulatorError> {
    known.vector(name).ok_or_else(|| {
        EmulatorError::expected(place, "\"input\" or an earlier layer", format_args!("{name:?}"))
    })
}

/// The text of an emulator file.
#[derive(Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// A field of a layer.
    pub(crate) fn field(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "    {name}: {value}");
    }

    /// Where a block reads and writes.
    pub(super) fn geometry(&mut self, geometry: &BlockGeometry) {
        let g = geometry;
        self.field("offset", g.offset);
        self.field("repeat", list(&g.repeat));
        self.field("in_stride", list(&g.in_stride));
        self.field("out_stride", list(&g.out_stride));
        self.field("window", list(&g.window));
        self.field("in_step", list(&g.in_step));
        self.field("outputs", g.outputs);
        self.field("out_step", g.out_step);
        self.field("shared", g.shared);
    }

    /// Weights, one row a line, and biases.
    pub(super) fn affine(&mut self, affine: &Affine) {
        if affine.members > 1 {
            self.field("members", affine.members);
        }
        let format = format_map(affine.weights.format);
        let _ = writeln!(self.0, "    weights:\n      format: {format}\n      rows:");
        for row in affine.weights.values.chunks(affine.row()) {
            let _ = writeln!(self.0, "        - {}", list(row));
        }
        self.field("bias", list(&affine.bias));
    }

    /// The function of every element.
    pub(super) fn activation(&mut self, function: &Activation) {
        self.field("function", quoted(function.name()));
        if let Activation::Table { knots, .. } = function {
            self.field("knots", list(knots));
        }
    }
}

/// A format as its fields.
pub(crate) fn format_map(format: Format) -> String {
    let kind = match format.kind() {
        Kind::Signed => "",
        Kind::Unsigned => ", signed: false",
        Kind::Bipolar => ", bipolar: true",
    };
    format!("{{bits: {}, frac: {}{kind}}}", format.bits(), format.frac())
}

/// Items in one line.
pub(crate) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// Text that YAML reads as nothing but text.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
