//! Puts emulators together: a residual stage on top of an emulator.

use crate::{Conversion, Emulator, EmulatorBuilder, EmulatorError, Output, OutputSpec, VectorId};

impl Emulator {
    /// One more quality level: its output is that of `self` plus that of `residual` for the same input, in the format of `self`.
    ///
    /// What the highest level of `self` gives stays the level below; lower levels stay. Nodes of `residual` are called
    /// `<prefix>_<name>`, the sum `<prefix>_sum`. The provenance is that of `self`, without errors of outputs.
    ///
    /// # Errors
    /// Ports that differ in more than names and units, outputs of more than one vector or in another order, a router or more than
    /// one level in `residual`, binary points that no addition takes, names that are taken, or an accumulator that could overflow.
    pub fn with_residual(&self, residual: &Self, prefix: &str) -> Result<Self, EmulatorError> {
        let wrong =
            |place: &str, problem: &str| Err(EmulatorError::new(format!("residual: {place}"), problem));
        if !self.input.conversions().eq(residual.input.conversions()) {
            return wrong("input", "expected the formats of the emulator that it corrects");
        }
        if residual.router().is_some() || residual.levels() > 1 {
            return wrong("levels", "expected one level and no router");
        }
        if residual.output.port.conversions().any(|word| word.offset() != 0.0) {
            return wrong("output", "expected words without an offset");
        }
        let same_points = |a: &Output, b: &Output| {
            let shifted = |output: &Output| {
                let points: Vec<i32> = output.port.conversions().map(Conversion::point).collect();
                points.iter().map(|point| point - points[0]).collect::<Vec<_>>()
            };
            shifted(a) == shifted(b)
        };
        if !same_points(&self.output, &residual.output) {
            return wrong(
                "output",
                "expected words whose binary points differ from each other as those of the emulator do",
            );
        }
        let [lower] = *self.sources_at(usize::MAX) else {
            return wrong("output", "expected an emulator whose output is one vector");
        };
        let [correction] = *residual.sources_at(usize::MAX) else {
            return wrong("output", "expected one vector");
        };
        if self.output.order.is_some() || residual.output.order.is_some() {
            return wrong("output", "expected words in the order of their vector");
        }
        let mut builder = EmulatorBuilder::continued(self, residual.accumulator_bits);
        let shift = self.nodes().len();
        let placed = |v: VectorId| if v == VectorId::INPUT { v } else { VectorId(v.0 + shift) };
        for node in residual.nodes() {
            builder.copy(&format!("{prefix}_{}", node.name), node, placed, 1)?;
        }
        let correction = placed(correction);
        let sum = builder.add(&format!("{prefix}_sum"), lower, correction, self.format(lower))?;
        let output = OutputSpec {
            sources: vec![sum],
            lower: self.graph.levels.clone(),
            order: None,
            port: self.output.port.clone(),
        };
        builder.finish(output, self.provenance.of_another())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Port, Provenance, Weights};

    /// y = weight · x for two words with `frac` fractional bits, output in `output`.
    fn scaling(weight: i16, output: Format) -> Emulator {
        let word = Format::new(16, 8).unwrap();
        let mut builder = EmulatorBuilder::new("scaling", Port::new("x", 2, word), 32).unwrap();
        let weights = Weights { format: Format::new(8, 4).unwrap(), values: vec![weight, 0, 0, weight] };
        let y = builder.dense("y", VectorId::INPUT, weights, vec![0, 0], output).unwrap();
        let spec =
            OutputSpec { sources: vec![y], lower: vec![], order: None, port: Port::new("y", 2, output) };
        builder.finish(spec, Provenance::default()).unwrap()
    }

    #[test]
    fn a_residual_is_added_and_the_level_below_stays() {
        // Three times x, then 3.25 times x.
        let coarse = scaling(48, Format::new(16, 8).unwrap());
        let fine = scaling(4, Format::new(16, 12).unwrap());
        let both = coarse.with_residual(&fine, "stage_1").unwrap();
        assert_eq!(both.levels(), 2);
        assert_eq!(both.run_at(0, &[100, -40]).unwrap(), [300, -120]);
        assert_eq!(both.run(&[100, -40]).unwrap(), [325, -130]);
        assert_eq!((both.macs_at(0), both.macs()), (4, 8));
        assert_eq!(both.at_level(0), coarse);
        assert_eq!(both.at_level(9).run(&[100, -40]).unwrap(), [325, -130]);
        let third = both.with_residual(&fine, "stage_2").unwrap();
        assert_eq!((third.levels(), third.run(&[100, -40]).unwrap()), (3, vec![350, -140]));
        assert_eq!(Emulator::parse(&third.to_yaml(), "third.yaml").unwrap(), third);
    }

    #[test]
    fn residuals_that_do_not_fit_are_refused() {
        let word = Format::new(16, 8).unwrap();
        let emulator = scaling(48, word);
        let refused = |residual: &Emulator| emulator.with_residual(residual, "r").unwrap_err().to_string();
        let twice = emulator.with_residual(&scaling(1, word), "r").unwrap();
        assert_eq!(refused(&twice), "residual: levels: expected one level and no router");
        let fine = scaling(1, Format::new(16, 11).unwrap()).with_residual(&scaling(1, word), "r");
        assert!(fine.is_ok(), "{fine:?}");
        let taken = twice.with_residual(&scaling(1, word), "r").unwrap_err().to_string();
        assert_eq!(taken, "layer \"r_y\": the name is taken");
    }
}
