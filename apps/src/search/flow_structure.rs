//! Lucas–Kanade as a network with the structure of the algorithm, without training, and with choices: how its vectors are
//! laid out, how many scales its sums have, and where the scales part.
//!
//! With t = 1.02·(Sxx + Syy), c = (Sxx - Syy)/t, s = -2·Sxy/t, p = Sxt/t and q = Syt/t, the regularised system has the solution
//! u = (p - c·p + s·q)·w, v = (q + c·q + s·p)·w, w = -2/(1 - c² - s²). Quotients are products with a table of 1/t. Sums
//! that exist at two scales share 1/t between their tables.

use emeuro_golden::{
    Activation, BlockGeometry, Dense, Emulator, EmulatorError, Format, Op, VectorId, Weights,
};
use emeuro_trainer::{Function, Quantisation};

use crate::optical_flow::{
    FLOW, PATCH, REGULARISATION, WINDOW,
    emulator::{coarse_share, factor, reciprocal},
    graph::{Graph, Vector, along},
};

/// Side of the area where derivatives are needed, pixels.
const AREA: usize = FLOW + WINDOW - 1;
/// Binary points, for words of 16 bits: of products of differences, and of the normalised sums.
const PRODUCT: i32 = 16;
const NORMALISED: i32 = 13;

/// At which scales the sums exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scales {
    Fine,
    Coarse,
    Both,
}

/// How the normalised difference c comes to be, and what the solution is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// From sums of Ix² - Iy².
    Summed,
    /// The same, and the solution is u = ((1 - c)·p + s·q)·w, v = ((1 + c)·q + s·p)·w.
    Folded,
    /// From sums of Ix² alone: (Sxx + Syy)/t is known, so c = 2·Sxx/t - 1/1.02; the solution is folded.
    Derived,
}

/// The choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Structure {
    /// Words from one line of derivatives to the next: 16 leaves gaps and makes single loops, 14 leaves none.
    pub(super) area_pitch: usize,
    /// The same for the flow field: that of the derivatives, or 10, which leaves no gaps.
    pub(super) field_pitch: usize,
    /// Scales of the sums.
    pub(super) scales: Scales,
    /// The binary point, for words of 16 bits, of sums down the columns of the windows that both scales share; `None`: each
    /// scale has its own.
    pub(super) shared_columns: Option<i32>,
    /// What c is made of.
    pub(super) difference: Difference,
}

/// Formats of one scale of the sums, in binary points for words of 16 bits.
struct Scale {
    name: &'static str,
    /// Of sums down the columns of a window.
    column: i32,
    /// Of sums over the whole window.
    window: i32,
    /// Of the trace, whose words begin at 0 with the most negative number.
    trace: i32,
    /// Of 1/t.
    reciprocal: i32,
}

const FINE: Scale = Scale { name: "fine", column: 16, window: 16, trace: 17, reciprocal: 5 };
const COARSE: Scale = Scale { name: "coarse", column: 14, window: 12, trace: 13, reciprocal: 12 };

/// The emulator of a structure.
pub(super) fn build(structure: Structure, quantisation: Quantisation) -> Result<Emulator, EmulatorError> {
    Ok(Assembly::new(structure, quantisation)?.emulator(None)?.with_narrowest_accumulator())
}

/// The emulator of a structure whose solution is that of `network`, a dense layer, SiLU and a dense layer, for every pixel.
pub(super) fn build_with_network(
    structure: Structure,
    quantisation: Quantisation,
    network: &Emulator,
) -> Result<Emulator, EmulatorError> {
    Ok(Assembly::new(structure, quantisation)?.emulator(Some(network))?.with_narrowest_accumulator())
}

/// The graph as it grows.
struct Assembly {
    graph: Graph,
    structure: Structure,
}

/// Vectors of one scale of the sums over the windows: reciprocal, then difference, mixed, xt, yt.
struct Sums {
    reciprocal: Vector,
    others: [Vector; 4],
}

/// As [`along`], with repeats in several dimensions: lines that lie apart.
fn lines(
    repeat: &[usize],
    in_stride: &[usize],
    out_stride: &[usize],
    offset: usize,
    window: usize,
    step: usize,
) -> BlockGeometry {
    let signed = |values: &[usize]| values.iter().map(|&v| v as i64).collect::<Vec<_>>();
    BlockGeometry {
        repeat: repeat.to_vec(),
        in_stride: signed(in_stride),
        out_stride: signed(out_stride),
        ..along(1, offset, window, step)
    }
}

/// Words from the first pixel of a field to the last.
fn span(lines: usize, columns: usize, pitch: usize) -> usize {
    (lines - 1) * pitch + columns
}

impl Assembly {
    fn new(structure: Structure, quantisation: Quantisation) -> Result<Self, EmulatorError> {
        Ok(Self { graph: Graph::new(quantisation)?, structure })
    }

    fn emulator(mut self, network: Option<&Emulator>) -> Result<Emulator, EmulatorError> {
        let products = self.products()?;
        let scales = match self.structure.scales {
            Scales::Fine => vec![self.sums(&FINE, products, FINE.column, true)?],
            Scales::Coarse => vec![self.sums(&COARSE, products, COARSE.column, true)?],
            Scales::Both if let Some(column) = self.structure.shared_columns => {
                let columns = self.all_columns("", products, column)?;
                [&FINE, &COARSE]
                    .map(|scale| self.all_windows(scale, columns, false))
                    .into_iter()
                    .collect::<Result<_, _>>()?
            }
            Scales::Both => [&FINE, &COARSE]
                .map(|scale| self.sums(scale, products, scale.column, false))
                .into_iter()
                .collect::<Result<_, _>>()?,
        };
        let mut normalised = vec![];
        for (k, name) in ["c", "s", "p", "q"].into_iter().enumerate() {
            normalised.push(self.quotient(name, k, &scales)?);
        }
        let (sources, format) = match network {
            None => (self.solve(&normalised)?.map(|v| v.id).to_vec(), self.graph.format(NORMALISED)?),
            Some(network) => {
                let flow = self.network(&normalised, network)?;
                (vec![flow.id], flow.format)
            }
        };
        let (pitch, words) = (self.structure.field_pitch, self.field());
        let line = |line: usize| {
            let first = line / FLOW * words + line % FLOW * pitch;
            first..first + FLOW
        };
        let order = (pitch > FLOW).then(|| (0..2 * FLOW).flat_map(line).collect());
        self.graph.finish(sources, vec![], order, format)
    }

    /// Words of a vector over the flow field.
    fn field(&self) -> usize {
        span(FLOW, FLOW, self.structure.field_pitch)
    }

    /// What is summed over the windows, for every pixel of the area: trace, difference (or Ix², if c is derived), xy, xt, yt.
    fn products(&mut self) -> Result<[Vector; 5], EmulatorError> {
        let pixel = |x: usize, y: usize| y * PATCH + x;
        let word = self.graph.input.format.frac();
        let (left, above, here) = (pixel(0, 1), pixel(1, 0), pixel(1, 1));
        let ix = self.taps("ix", left, 2, [-0.5, 0.5], word)?;
        let iy = self.taps("iy", above, 2 * PATCH, [-0.5, 0.5], word)?;
        let it = self.taps("it", here, PATCH * PATCH, [-1.0, 1.0], word - 1)?;
        let xx = self.graph.multiply("xx", ix, ix, PRODUCT)?;
        let yy = self.graph.multiply("yy", iy, iy, PRODUCT)?;
        let difference = match self.structure.difference {
            Difference::Derived => xx,
            Difference::Summed | Difference::Folded => {
                let negative_iy = self.taps("negative_iy", above, 2 * PATCH, [0.5, -0.5], word)?;
                let negative_yy = self.graph.multiply("negative_yy", iy, negative_iy, PRODUCT)?;
                self.graph.add("difference", xx, negative_yy, PRODUCT)?
            }
        };
        Ok([
            self.graph.add("trace", xx, yy, PRODUCT - 1)?,
            difference,
            self.graph.multiply("xy", ix, iy, PRODUCT)?,
            self.graph.multiply("xt", ix, it, PRODUCT)?,
            self.graph.multiply("yt", iy, it, PRODUCT)?,
        ])
    }

    /// A weighted sum of two pixels that are `distance` apart, for every pixel of the area, from `offset` on.
    fn taps(
        &mut self,
        name: &str,
        offset: usize,
        distance: usize,
        weights: [f64; 2],
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let pitch = self.structure.area_pitch;
        let geometry = match pitch {
            PATCH => along(span(AREA, AREA, PATCH), offset, 2, distance),
            _ => lines(&[AREA, AREA], &[PATCH, 1], &[pitch, 1], offset, 2, distance),
        };
        self.graph.taps(name, geometry, weights, frac)
    }

    /// Sums of `products` (trace, difference, xy, xt, yt) over all windows, at one scale.
    fn sums(
        &mut self,
        scale: &Scale,
        products: [Vector; 5],
        column: i32,
        alone: bool,
    ) -> Result<Sums, EmulatorError> {
        let columns = self.all_columns(&format!("{}_", scale.name), products, column)?;
        self.all_windows(scale, columns, alone)
    }

    /// Sums of `products` down the columns of all windows.
    fn all_columns(
        &mut self,
        prefix: &str,
        products: [Vector; 5],
        frac: i32,
    ) -> Result<[Vector; 5], EmulatorError> {
        let names = ["trace", "difference", "mixed", "xt", "yt"];
        let (format, pitch) = (self.graph.format(frac)?, self.structure.area_pitch);
        let mut sums = products;
        for (name, sum) in names.iter().zip(&mut sums) {
            let geometry = along(span(FLOW, AREA, pitch), 0, WINDOW, pitch);
            *sum = self.graph.block(
                &format!("{prefix}{name}_columns"),
                *sum,
                geometry,
                &[1.0; WINDOW],
                0.0,
                format,
            )?;
        }
        Ok(sums)
    }

    /// Sums over whole windows from those of their columns.
    fn all_windows(
        &mut self,
        scale: &Scale,
        columns: [Vector; 5],
        alone: bool,
    ) -> Result<Sums, EmulatorError> {
        let [trace, difference, xy, xt, yt] = columns;
        let name = |what: &str| format!("{}_{what}", scale.name);
        let trace_format = self.graph.format(scale.trace)?;
        // The trace is never negative: the whole range is for what lies above 0.
        let zero = trace_format.value(trace_format.min() as i16);
        let trace = self.windows(&name("trace"), trace, 1.0, zero, scale.trace)?;
        let coarse = scale.name == COARSE.name;
        let share = |trace: f64| match (alone, coarse) {
            (true, _) => 1.0,
            (false, true) => coarse_share(trace),
            (false, false) => 1.0 - coarse_share(trace),
        };
        let table = |word: f64| reciprocal(word - zero) * share(word - zero);
        Ok(Sums {
            reciprocal: self.graph.table(&name("reciprocal"), trace, table, scale.reciprocal)?,
            others: [
                self.windows(&name("difference"), difference, 1.0, 0.0, scale.window)?,
                self.windows(&name("mixed"), xy, -2.0, 0.0, scale.window)?,
                self.windows(&name("xt"), xt, 1.0, 0.0, scale.window)?,
                self.windows(&name("yt"), yt, 1.0, 0.0, scale.window)?,
            ],
        })
    }

    /// Sums over whole windows from those of their columns, times `weight`, plus `bias`.
    fn windows(
        &mut self,
        name: &str,
        input: Vector,
        weight: f64,
        bias: f64,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let Structure { area_pitch, field_pitch, .. } = self.structure;
        let geometry = match field_pitch == area_pitch {
            true => along(self.field(), 0, WINDOW, 1),
            false => lines(&[FLOW, FLOW], &[area_pitch, 1], &[field_pitch, 1], 0, WINDOW, 1),
        };
        let format = self.graph.format(frac)?;
        self.graph.block(name, input, geometry, &[weight; WINDOW], bias, format)
    }

    /// The quotient of sum k and t, from all scales.
    fn quotient(&mut self, name: &str, k: usize, scales: &[Sums]) -> Result<Vector, EmulatorError> {
        let mut parts = vec![];
        for (scale, part) in scales.iter().zip(["first", "second"]) {
            let name = if scales.len() == 1 { name.to_owned() } else { format!("{part}_{name}") };
            parts.push(self.graph.multiply(&name, scale.others[k], scale.reciprocal, NORMALISED)?);
        }
        match parts[..] {
            [single] => Ok(single),
            _ => self.graph.add(name, parts[0], parts[1], NORMALISED),
        }
    }

    /// u and v of c (or Sxx/t, if c is derived), s, p, q.
    fn solve(&mut self, normalised: &[Vector]) -> Result<[Vector; 2], EmulatorError> {
        let [first, s, p, q] = [0, 1, 2, 3].map(|k| normalised[k]);
        let known = 1.0 / (1.0 + 2.0 * REGULARISATION);
        let c = match self.structure.difference {
            Difference::Summed | Difference::Folded => first,
            Difference::Derived => self.affine("difference", first, 2.0, -known)?,
        };
        // Squares are at most 1, their sum is little more.
        let cc = self.graph.multiply("cc", c, c, 15)?;
        let ss = self.graph.multiply("ss", s, s, 15)?;
        let squares = self.graph.add("squares", cc, ss, 14)?;
        let w = self.graph.table("factor", squares, |squares| factor(1.0 - squares), 10)?;
        let (less, more) = match self.structure.difference {
            Difference::Summed => {
                let negative_c = self.affine("negative_c", c, -1.0, 0.0)?;
                return Ok([self.flow("u", p, q, negative_c, s, w)?, self.flow("v", q, p, c, s, w)?]);
            }
            Difference::Folded => (self.affine("less", c, -1.0, 1.0)?, self.affine("more", c, 1.0, 1.0)?),
            Difference::Derived => (
                self.affine("less", first, -2.0, 1.0 + known)?,
                self.affine("more", first, 2.0, 1.0 - known)?,
            ),
        };
        let mut folded = |name: &str, along: Vector, factor: Vector, across: Vector| {
            let own = self.graph.multiply(&format!("{name}_own"), factor, along, NORMALISED)?;
            let other = self.graph.multiply(&format!("{name}_s"), s, across, NORMALISED)?;
            let sum = self.graph.add(&format!("{name}_sum"), own, other, NORMALISED)?;
            self.graph.multiply(name, sum, w, NORMALISED)
        };
        Ok([folded("u", p, less, q)?, folded("v", q, more, p)?])
    }

    /// u, then v, of c, s, p, q by a network. Its first layer reads four vectors: it becomes four blocks and their sum.
    fn network(&mut self, normalised: &[Vector], network: &Emulator) -> Result<Vector, EmulatorError> {
        let [first, activate, last] = network.nodes() else {
            return Err(EmulatorError::new(
                "network",
                "expected a dense layer, an activation and a dense layer",
            ));
        };
        let (
            Op::Dense(Dense { affine: first_layer, .. }),
            Op::Activate(_),
            Op::Dense(Dense { affine: last_layer, .. }),
        ) = (&first.op, &activate.op, &last.op)
        else {
            return Err(EmulatorError::new(
                "network",
                "expected a dense layer, an activation and a dense layer",
            ));
        };
        let (hidden, field) = (first_layer.bias.len(), self.field());
        let input_frac = network.input().segments[0].frac;
        // Sums of three parts may be larger than that of all four: they get four times the range, and the table follows.
        let part_format = Format::new(first.format.bits(), first.format.frac() - 2)?;
        let mut sum: Option<VectorId> = None;
        for (k, vector) in normalised.iter().enumerate() {
            let geometry =
                BlockGeometry { out_stride: vec![hidden as i64], outputs: hidden, ..along(field, 0, 1, 1) };
            let column = first_layer.weights.values.iter().skip(k).step_by(normalised.len());
            let weights = Weights { format: first_layer.weights.format, values: column.copied().collect() };
            // The bias goes with the first part; its scale follows the binary point of what is read.
            let shift = vector.format.frac() - input_frac;
            let bias = first_layer.bias.iter().map(|&b| match (k, shift) {
                (0, 0..) => b << shift,
                (0, _) => b >> -shift,
                _ => 0,
            });
            let name = format!("hidden_of_{}", ["c", "s", "p", "q"][k]);
            let part =
                self.graph.builder.block(&name, vector.id, geometry, weights, bias.collect(), part_format)?;
            sum = Some(match sum {
                None => part,
                Some(sum) => self.graph.builder.add(&format!("hidden_{k}"), sum, part, part_format)?,
            });
        }
        let sum = sum.ok_or_else(|| EmulatorError::new("network", "expected four inputs"))?;
        let silu = |x: f64| Function::Silu.value(x);
        let table = Activation::table(Function::Silu.name(), silu, part_format, activate.format)?;
        let active = self.graph.builder.activate("active", sum, table, activate.format)?;
        let geometry = BlockGeometry {
            in_stride: vec![hidden as i64],
            outputs: 2,
            out_step: field as i64,
            ..along(field, 0, hidden, 1)
        };
        let (weights, bias) = (last_layer.weights.clone(), last_layer.bias.clone());
        let id = self.graph.builder.block("flow", active, geometry, weights, bias, last.format)?;
        Ok(Vector { id, format: last.format })
    }

    /// (along + c·along + s·across)·w.
    fn flow(
        &mut self,
        name: &str,
        along: Vector,
        across: Vector,
        c: Vector,
        s: Vector,
        w: Vector,
    ) -> Result<Vector, EmulatorError> {
        let first = self.graph.multiply(&format!("{name}_c"), c, along, NORMALISED)?;
        let second = self.graph.multiply(&format!("{name}_s"), s, across, NORMALISED)?;
        let sum = self.graph.add(&format!("{name}_own"), along, first, NORMALISED)?;
        let sum = self.graph.add(&format!("{name}_sum"), sum, second, NORMALISED)?;
        self.graph.multiply(name, sum, w, NORMALISED)
    }

    /// weight·x + bias for every pixel of the flow field.
    fn affine(&mut self, name: &str, input: Vector, weight: f64, bias: f64) -> Result<Vector, EmulatorError> {
        let format = self.graph.format(NORMALISED)?;
        self.graph.block(name, input, along(self.field(), 0, 1, 1), &[weight], bias, format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Application, OpticalFlow, Split, evaluate, search::trial::clocks};

    fn structure(area_pitch: usize, field_pitch: usize) -> Structure {
        let difference = Difference::Summed;
        Structure { area_pitch, field_pitch, scales: Scales::Both, shared_columns: None, difference }
    }

    #[test]
    fn where_words_lie_changes_none_of_them() {
        let frames = OpticalFlow.frames(Split::Validation, 8, 2);
        let outputs = |structure| {
            let emulator = build(structure, Quantisation::default()).unwrap();
            frames.inputs.chunks_exact(512).map(|x| emulator.run_values(x).unwrap()).collect::<Vec<_>>()
        };
        let gapped = outputs(structure(16, 16));
        for (area, field) in [(16, 10), (14, 14), (14, 10)] {
            assert_eq!(outputs(structure(area, field)), gapped, "{area} {field}");
        }
    }

    fn error(structure: Structure) -> f64 {
        let frames = OpticalFlow.frames(Split::Validation, 64, 2);
        let emulator = build(structure, Quantisation::default()).unwrap();
        evaluate(&OpticalFlow, &emulator, &frames).unwrap().nrmse
    }

    #[test]
    fn both_scales_are_better_than_one() {
        let of = |scales, shared_columns| error(Structure { scales, shared_columns, ..structure(16, 16) });
        let both = of(Scales::Both, None);
        assert!(both < 0.01, "{both}");
        assert!(both < of(Scales::Both, Some(15)));
        assert!(both < of(Scales::Fine, None) && both < of(Scales::Coarse, None));
    }

    #[test]
    fn every_form_of_the_solution_is_the_solution_and_saves_clocks() {
        let of = |difference| Structure { difference, ..structure(16, 16) };
        let forms = [Difference::Summed, Difference::Folded, Difference::Derived].map(of);
        let clocks = forms.map(|form| clocks(&build(form, Quantisation::default()).unwrap()).unwrap());
        assert!(clocks[0] > clocks[1] && clocks[1] > clocks[2], "{clocks:?}");
        for form in forms {
            let error = error(form);
            assert!(error < 0.015, "{form:?}: {error}");
        }
    }
}
