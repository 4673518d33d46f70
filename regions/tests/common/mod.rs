//! Emulators for the tests.

use std::sync::Arc;

use emeuro_golden::{Emulator, EmulatorBuilder, Format, OutputSpec, Port, Provenance, VectorId, Weights};

/// y = factors · x, every row of `factors` an output of two levels: the lower one gives half of it.
pub(crate) fn emulator(name: &str, inputs: usize, factors: &[f64]) -> Arc<Emulator> {
    let outputs = factors.len() / inputs;
    let word = Format::new(16, 10).unwrap();
    let port = |size| Port::new("x", size, word);
    let mut builder = EmulatorBuilder::new(name, port(inputs), 32).unwrap();
    let mut layer = |name: &str, share: f64| {
        let format = Format::new(8, 5).unwrap();
        let values = factors.iter().map(|f| format.quantise(f * share)).collect();
        builder.dense(name, VectorId::INPUT, Weights { format, values }, vec![0; outputs], word).unwrap()
    };
    let (half, all) = (layer("half", 0.5), layer("all", 1.0));
    let spec = OutputSpec { sources: vec![all], lower: vec![vec![half]], order: None, port: port(outputs) };
    Arc::new(builder.finish(spec, Provenance::default()).unwrap())
}
