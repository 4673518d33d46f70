//! Layers over fields of pixels, in formats that follow the widths of words: what optical-flow emulators without training are
//! made of.

use emeuro_golden::{
    Activation, BlockGeometry, Emulator, EmulatorBuilder, EmulatorError, Format, OutputSpec, Port,
    Provenance, Segment, VectorId, WIDEST_ACCUMULATOR, Weights,
};
use emeuro_trainer::Quantisation;

use super::{FLOW, PATCH};

/// The graph as it grows; the recipe, and the search's structures, are built on these layers.
pub(crate) struct Graph {
    pub(crate) builder: EmulatorBuilder,
    quantisation: Quantisation,
    /// Both patches.
    pub(crate) input: Vector,
}

/// A vector of the graph.
#[derive(Clone, Copy)]
pub(crate) struct Vector {
    pub(crate) id: VectorId,
    pub(crate) format: Format,
}

/// `count` neighbouring results from windows of `window` words that are `step` apart, the first at `offset`.
pub(crate) fn along(count: usize, offset: usize, window: usize, step: usize) -> BlockGeometry {
    BlockGeometry {
        offset: offset as i64,
        repeat: vec![count],
        in_stride: vec![1],
        out_stride: vec![1],
        window: vec![window],
        in_step: vec![step as i64],
        outputs: 1,
        out_step: 1,
        shared: true,
    }
}

impl Graph {
    /// The graph that has two patches and no layers.
    pub(crate) fn new(quantisation: Quantisation) -> Result<Self, EmulatorError> {
        let input = Format::covering(quantisation.activation_bits, 1.0)?;
        let segment = |name: &str| Segment::new(name, "1", PATCH * PATCH, input.frac());
        let port = Port { bits: input.bits(), segments: vec![segment("first"), segment("second")] };
        let builder = EmulatorBuilder::new("optical_flow", port, WIDEST_ACCUMULATOR)?;
        Ok(Self { builder, quantisation, input: Vector { id: VectorId::INPUT, format: input } })
    }

    /// The emulator whose flow, u then v, is made of `sources`, and on lower levels of `lower`, in an order of words.
    pub(crate) fn finish(
        self,
        sources: Vec<VectorId>,
        lower: Vec<Vec<VectorId>>,
        order: Option<Vec<usize>>,
        format: Format,
    ) -> Result<Emulator, EmulatorError> {
        let segment = Segment::new("flow", "px", 2 * FLOW * FLOW, format.frac());
        let port = Port { bits: format.bits(), segments: vec![segment] };
        self.builder.finish(OutputSpec { sources, lower, order, port }, Provenance::default())
    }

    /// Widths of weights and words.
    pub(crate) fn quantisation(&self) -> Quantisation {
        self.quantisation
    }

    /// The format with binary point `frac` for words of 16 bits, and the same range for others.
    pub(crate) fn format(&self, frac: i32) -> Result<Format, EmulatorError> {
        let bits = self.quantisation.activation_bits;
        Format::new(bits, frac - 16 + bits as i32)
    }

    /// [`format`](Self::format), but with no more than `finest` fractional bits.
    fn format_up_to(&self, frac: i32, finest: i32) -> Result<Format, EmulatorError> {
        let format = self.format(frac)?;
        Format::new(format.bits(), format.frac().min(finest))
    }

    /// A weighted sum of two words of the patches for every repeat.
    pub(crate) fn taps(
        &mut self,
        name: &str,
        geometry: BlockGeometry,
        weights: [f64; 2],
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = Format::new(self.quantisation.activation_bits, frac)?;
        self.block(name, self.input, geometry, &weights, 0.0, format)
    }

    /// One output per repeat, with weights that are halves from -2 to 2.
    pub(crate) fn block(
        &mut self,
        name: &str,
        input: Vector,
        geometry: BlockGeometry,
        weights: &[f64],
        bias: f64,
        format: Format,
    ) -> Result<Vector, EmulatorError> {
        // Only 2 itself needs another bit.
        let bits = self.quantisation.weight_bits;
        let wide = i32::from(weights.iter().any(|&weight| weight >= 2.0));
        let weight_format = Format::new(bits, bits as i32 - 2 - wide)?;
        let values = weights.iter().map(|&value| weight_format.quantise(value)).collect();
        let frac = weight_format.frac() + input.format.frac();
        let bias = (bias * f64::from(frac).exp2()).round() as i64;
        let weights = Weights { format: weight_format, values };
        let id = self.builder.block(name, input.id, geometry, weights, vec![bias], format)?;
        Ok(Vector { id, format })
    }

    /// Products have no finer binary point than their operands give, which only words of 8 bits notice; so have sums.
    pub(crate) fn multiply(
        &mut self,
        name: &str,
        a: Vector,
        b: Vector,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = self.format_up_to(frac, a.format.frac() + b.format.frac())?;
        let id = self.builder.multiply(name, a.id, b.id, format)?;
        Ok(Vector { id, format })
    }

    pub(crate) fn add(
        &mut self,
        name: &str,
        a: Vector,
        b: Vector,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = self.format_up_to(frac, a.format.frac().max(b.format.frac()))?;
        let id = self.builder.add(name, a.id, b.id, format)?;
        Ok(Vector { id, format })
    }

    pub(crate) fn table(
        &mut self,
        name: &str,
        input: Vector,
        f: impl Fn(f64) -> f64,
        frac: i32,
    ) -> Result<Vector, EmulatorError> {
        let format = self.format(frac)?;
        let table = Activation::table(name, f, input.format, format)?;
        let id = self.builder.activate(name, input.id, table, format)?;
        Ok(Vector { id, format })
    }
}
