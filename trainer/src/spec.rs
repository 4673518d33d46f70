//! What to train: graph, ports, number formats, schedule, seed.

use std::sync::Arc;

use crate::{
    Adam, Cosine, Error, Fingerprint, Loss, MeanSquare, Network, Optimiser, Result, Schedule, Whitening,
};

/// Widths of weights and activations.
///
/// ```
/// use emeuro_trainer::Quantisation;
/// assert_eq!(Quantisation::default(), Quantisation { weight_bits: 8, activation_bits: 16 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantisation {
    /// 4, 8 or 16.
    pub weight_bits: u32,
    /// 8 or 16: input, output and everything between.
    pub activation_bits: u32,
}

impl Default for Quantisation {
    fn default() -> Self {
        Self { weight_bits: 8, activation_bits: 16 }
    }
}

/// A part of an input or output frame with one meaning, and one binary point that training chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct PortSegment {
    /// What the numbers are, for example `position`.
    pub name: String,
    /// The physical unit, `1` if there is none.
    pub unit: String,
    /// How many numbers.
    pub size: usize,
    /// The largest magnitude that must not saturate; `None`: the largest of the training and calibration
    /// frames, with a quarter more in 16-bit ports.
    pub limit: Option<f64>,
}

impl PortSegment {
    /// A segment whose range is taken from the data.
    pub fn new(name: impl Into<String>, unit: impl Into<String>, size: usize) -> Self {
        Self { name: name.into(), unit: unit.into(), size, limit: None }
    }

    /// The same segment with a known range of ±`limit`.
    #[must_use]
    pub fn within(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

/// Length and learning rate of one phase of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Passes over the training frames; 0 skips the phase.
    pub epochs: usize,
    /// Peak learning rate. In the float phase per step and weight of a network with normalised inputs and outputs
    /// (1e-3 to 1e-2); in the tuning phase relative to the root mean square of a layer's weights (2e-3 to 2e-2).
    pub rate: f64,
    /// Epochs without a better validation error after which the phase ends; `None`: never early.
    pub patience: Option<usize>,
}

/// Everything that determines the bytes of an emulator, besides the data. Two specifications are equal if they print the same.
#[derive(Clone, Debug)]
pub struct TrainingSpec {
    /// Name of the emulator: an identifier.
    pub name: String,
    /// The graph; its parameters are replaced.
    pub network: Network,
    /// Parts of an input frame, in order.
    pub inputs: Vec<PortSegment>,
    /// Parts of an output frame, in order.
    pub outputs: Vec<PortSegment>,
    /// Number formats.
    pub quantisation: Quantisation,
    /// Seed of initialisation and shuffles.
    pub seed: u64,
    /// Frames per step.
    pub batch: usize,
    /// Training in floating point.
    pub float: Phase,
    /// Quantisation-aware tuning of the integers.
    pub tuning: Phase,
    /// What training makes small.
    pub loss: Arc<dyn Loss>,
    /// How a gradient changes the parameters.
    pub optimiser: Arc<dyn Optimiser>,
    /// The learning rate over the steps of either phase.
    pub schedule: Arc<dyn Schedule>,
    /// Decoupled weight decay of the float phase.
    pub weight_decay: f64,
    /// Preconditioning of the inputs.
    pub whitening: Whitening,
    /// Whether the linear path starts at the regression.
    pub linear_start: bool,
    /// Weight of the squared error of every lower quality level in the loss; that of the highest level has weight 1.
    pub lower_weight: f64,
    /// Weight in the float phase's loss of the relative squared error of slopes, of training frames that have them
    /// ([`Frames::with_slopes`](crate::Frames::with_slopes)); `None`: values alone are learnt.
    pub gradients: Option<f64>,
    /// The command that makes the emulator, for its provenance.
    pub command: String,
    /// What the data are, for the provenance.
    pub data: String,
}

impl PartialEq for TrainingSpec {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl TrainingSpec {
    /// A specification with defaults that suit networks of 10 k to 100 k weights: w8a16, batches of 128, 100 float and 20
    /// tuning epochs.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        network: Network,
        inputs: Vec<PortSegment>,
        outputs: Vec<PortSegment>,
    ) -> Self {
        Self {
            name: name.into(),
            network,
            inputs,
            outputs,
            quantisation: Quantisation::default(),
            seed: 1,
            batch: 128,
            float: Phase { epochs: 100, rate: 2e-3, patience: None },
            tuning: Phase { epochs: 20, rate: 1e-2, patience: None },
            loss: Arc::new(MeanSquare),
            optimiser: Arc::new(Adam::default()),
            schedule: Arc::new(Cosine { warm_up: 0.03 }),
            weight_decay: 0.0,
            whitening: Whitening::default(),
            linear_start: true,
            lower_weight: 0.2,
            gradients: None,
            command: String::new(),
            data: String::new(),
        }
    }

    /// Checks everything that does not need data.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::Spec { name: self.name.clone(), what });
        if self.network.graph().levels().is_empty() {
            return wrong(String::from("the network is empty"));
        }
        self.network.check()?;
        for (port, segments, width) in [
            ("input", &self.inputs, self.network.inputs()),
            ("output", &self.outputs, self.network.outputs()),
        ] {
            let total: usize = segments.iter().map(|s| s.size).sum();
            if total != width || segments.iter().any(|s| s.size == 0) {
                return wrong(format!("the {port} segments hold {total} numbers, the network {width}"));
            }
            if let Some(s) = segments.iter().find(|s| s.limit.is_some_and(|l| !l.is_finite() || l <= 0.0)) {
                return wrong(format!("the limit of segment '{}' must be positive", s.name));
            }
        }
        let Quantisation { weight_bits, activation_bits } = self.quantisation;
        if !matches!((weight_bits, activation_bits), (4 | 8 | 16, 8 | 16)) {
            return wrong(format!(
                "w{weight_bits}a{activation_bits}: expected weights of 4, 8 or 16 and activations of 8 or 16 bits"
            ));
        }
        let Whitening { power, ridge } = self.whitening;
        let ranges = [
            ("the float learning rate", self.float.rate, 0.0, 1.0),
            ("the tuning learning rate", self.tuning.rate, 0.0, 1.0),
            ("the weight decay", self.weight_decay, 0.0, 100.0),
            ("the weight of slopes", self.gradients.unwrap_or(0.0), 0.0, 100.0),
            ("the weight of lower levels", self.lower_weight, 0.0, 1.0),
            ("the whitening power", power, 0.0, 0.5),
            ("the whitening ridge", ridge, 0.0, 1.0),
        ];
        for (what, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return wrong(format!("{what} is {value}, expected {least} to {most}"));
            }
        }
        if self.batch == 0 {
            return wrong(String::from("a batch needs at least one frame"));
        }
        Ok(())
    }

    /// Folds everything that influences the result into `hash`.
    pub(crate) fn fingerprint(&self, hash: &mut Fingerprint) {
        // The debug text names every field; the parameters of the graph do not matter, they are replaced.
        let graph = self.network.with_inputs(self.network.inputs());
        hash.add_bytes(format!("{:?}", Self { network: graph, ..self.clone() }).as_bytes());
    }
}
