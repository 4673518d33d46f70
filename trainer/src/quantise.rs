//! From a float network to integers: the search for scales and formats, and the rounding.

use emeuro_golden::Emulator;
use ndarray::{Array2, ArrayView2, Axis};

use crate::{
    Datasets, Frames, Network, Result, TrainingSpec, equalise, export,
    fixed::{self, Choice, Fixed, Groups, Observed},
};

/// Frames on which a layout is tried: enough to tell layouts apart, few enough to try hundreds.
const TRIAL_FRAMES: usize = 512;

/// Frames from which second moments for the rounding with error feedback are taken.
const MOMENT_FRAMES: usize = 8192;

/// A change must lower the squared error by this factor: smaller gains do not carry over to other frames.
const GAIN: f64 = 0.99;

/// How far below its finest binary point an input segment may go: 16-bit words keep at least 12 bits.
const COARSEST: i32 = 4;

/// Damping of the second moments, relative to their mean, that are tried when rounding with error feedback.
const DAMPINGS: [f64; 2] = [1e-4, 1e-2];

/// The emulator of a trained float network over physical inputs and outputs, without tuning.
///
/// Formats are powers of two that cover the largest value on training and calibration frames. Scales of hidden vectors,
/// binary points of input segments, and clipping of weights are chosen by the end-to-end error on calibration frames; weights
/// are rounded to the nearest or with error feedback, whichever is better there. The parameters of `spec.network` and all
/// that concerns training are ignored; provenance errors are measured on the test frames.
///
/// # Errors
/// A specification that does not fit the network or the data, or a network that no fixed-point layout serves.
pub fn quantise(network: &Network, spec: &TrainingSpec, data: &Datasets) -> Result<Emulator> {
    let spec = TrainingSpec { network: network.clone(), ..spec.clone() };
    spec.check()?;
    export::check_frames(&spec, data)?;
    let mut fixed = lay_out(&spec, network, data)?;
    fixed.network.parameters = fixed.rounded_parameters();
    export::measured(export::export(&fixed, &spec)?, network, &spec, data)
}

/// Evenly spaced frames, at most `count`.
fn sample(frames: &Frames, count: usize) -> Vec<usize> {
    let total = frames.len();
    let count = count.min(total);
    (0..count).map(|k| k * total / count).collect()
}

/// The best layout found for `network`, still with its float weights.
pub(crate) fn lay_out(spec: &TrainingSpec, network: &Network, data: &Datasets) -> Result<Fixed> {
    let sets = [data.train().inputs().view(), data.calibration().inputs().view()];
    let observed = Observed::new(network, &sets);
    let search = Search::new(spec, network, &observed, data.calibration())?;
    let choice = search.run()?;
    let plain = search.fixed(&choice)?;
    let rows = sample(data.train(), MOMENT_FRAMES);
    let moments = fixed::second_moments(network, data.train().inputs().select(Axis(0), &rows).view());
    let mut best: Option<(f64, Fixed)> = None;
    for damping in std::iter::once(None).chain(DAMPINGS.map(Some)) {
        let mut candidate = plain.clone();
        if let Some(damping) = damping {
            candidate.feed_back(&moments, damping);
        }
        candidate.pass_on();
        candidate.correct_biases(&observed);
        let error = search.error(&candidate);
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, candidate));
        }
    }
    Ok(best.map_or(plain, |(_, fixed)| fixed))
}

/// Greedy search: one change at a time, kept if the end-to-end error on calibration frames falls.
struct Search<'a> {
    spec: &'a TrainingSpec,
    network: &'a Network,
    groups: Groups,
    observed: &'a Observed,
    inputs: Array2<f32>,
    /// Of every quality level.
    references: Vec<Array2<f32>>,
    mask: Option<Array2<f32>>,
}

impl<'a> Search<'a> {
    fn new(
        spec: &'a TrainingSpec,
        network: &'a Network,
        observed: &'a Observed,
        frames: &Frames,
    ) -> Result<Self> {
        let rows = sample(frames, TRIAL_FRAMES);
        let inputs = frames.inputs().select(Axis(0), &rows);
        let references = network.predict_levels(inputs.view())?;
        let mask = frames.mask().map(|m| m.select(Axis(0), &rows).mapv(|m| f32::from(u8::from(m))));
        Ok(Self { spec, network, groups: Groups::new(network), observed, inputs, references, mask })
    }

    fn fixed(&self, choice: &Choice) -> Result<Fixed> {
        Fixed::new(self.spec, self.network, &self.groups, self.observed, choice)
    }

    fn error(&self, fixed: &Fixed) -> f64 {
        let mask: Option<ArrayView2<f32>> = self.mask.as_ref().map(|m| m.view());
        fixed.error(self.inputs.view(), &self.references, mask, self.spec.lower_weight)
    }

    /// The error of a choice with weights rounded to the nearest; infinite if it cannot be laid out.
    fn trial(&self, choice: &Choice) -> f64 {
        self.fixed(choice).map_or(f64::INFINITY, |mut fixed| {
            fixed.pass_on();
            fixed.correct_biases(self.observed);
            self.error(&fixed)
        })
    }

    fn run(&self) -> Result<Choice> {
        let mut choice = fixed::plain_choice(self.spec, self.network, &self.groups, self.observed)?;
        let mut error = self.trial(&choice);
        // What is best for one depends on the others: a second round settles nearly everything.
        for _ in 0..2 {
            self.segments(&mut choice, &mut error);
            self.scales(&mut choice, &mut error)?;
        }
        self.clips(&mut choice, &mut error);
        Ok(choice)
    }

    fn try_choice(&self, choice: &mut Choice, error: &mut f64, trial: Choice) -> bool {
        let e = self.trial(&trial);
        let better = e < GAIN * *error;
        if better {
            (*choice, *error) = (trial, e);
        }
        better
    }

    /// Coarser binary points for input segments whose weights are small: the weights grow and round better.
    fn segments(&self, choice: &mut Choice, error: &mut f64) {
        if !self.groups.input_alone()
            || choice.input_fracs.len() < 2
            || self.spec.quantisation.activation_bits < 16
        {
            return;
        }
        let finest = match fixed::plain_choice(self.spec, self.network, &self.groups, self.observed) {
            Ok(plain) => plain.input_fracs,
            Err(_) => return,
        };
        for (segment, finest) in finest.into_iter().enumerate() {
            // A step may pay only together with the next one.
            for frac in (finest - COARSEST..=finest).rev() {
                let mut trial = choice.clone();
                trial.input_fracs[segment] = frac;
                self.try_choice(choice, error, trial);
            }
        }
    }

    fn scales(&self, choice: &mut Choice, error: &mut f64) -> Result<()> {
        for group in self.groups.free() {
            let present = choice.clone();
            let fixed = self.fixed(&present)?;
            for factors in
                equalise::candidates(&fixed, &self.groups, group, self.spec.quantisation.weight_bits)
            {
                let mut trial = present.clone();
                for i in self.groups.members(group) {
                    trial.scales[i] *= &factors;
                }
                self.try_choice(choice, error, trial);
            }
        }
        Ok(())
    }

    /// One bit of resolution against a few saturated weights or words.
    fn clips(&self, choice: &mut Choice, error: &mut f64) {
        for i in self.network.affine_nodes() {
            for clip in 1..=2 {
                let mut trial = choice.clone();
                trial.weight_clip[i] = clip;
                self.try_choice(choice, error, trial);
            }
        }
        if self.spec.quantisation.activation_bits == 8 {
            for i in 1..self.network.len() {
                let mut trial = choice.clone();
                trial.vector_clip[i] = 1;
                self.try_choice(choice, error, trial);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, PortSegment, Quantisation, gradient};
    use emeuro_golden::Runner;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Shared encoder, bypass, ReLU and table, two segments on either side.
    fn problem() -> (TrainingSpec, Datasets) {
        let mut network = Network::new();
        let x = network.input(12).unwrap();
        let encoder = network.dense(x, 8).unwrap();
        let linear = network.dense(encoder, 6).unwrap();
        let h = network.dense(encoder, 20).unwrap();
        let h = network.activate(h, Function::Relu).unwrap();
        let h = network.dense(h, 20).unwrap();
        let h = network.activate(h, Function::Silu).unwrap();
        let h = network.dense(h, 6).unwrap();
        let sum = network.add(linear, h).unwrap();
        network.dense(sum, 10).unwrap();
        network.initialise(4);
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut frames = |count| {
            let size = |c: usize| if c < 6 { 1.0 } else { 50.0 };
            let x = Array2::from_shape_fn((count, 12), |(_, c)| size(c) * rng.random_range(-1.0f32..1.0));
            let y = network.predict(x.view()).unwrap();
            Frames::new(x, y).unwrap()
        };
        let data = Datasets::new(frames(600), frames(100), frames(200), frames(100)).unwrap();
        let segment = |name: &str, size| PortSegment::new(name, "1", size);
        let spec = TrainingSpec::new(
            "net",
            network,
            vec![segment("a", 6), segment("b", 6)],
            vec![segment("c", 4), segment("d", 6)],
        );
        (spec, data)
    }

    #[test]
    fn float_passes_with_rounding_are_the_golden_model_to_the_last_place() {
        let (mut spec, data) = problem();
        for (weight_bits, activation_bits, allowed) in [(8, 16, 20), (16, 16, 100), (8, 8, 0), (4, 8, 0)] {
            spec.quantisation = Quantisation { weight_bits, activation_bits };
            let mut fixed = lay_out(&spec, &spec.network, &data).unwrap();
            fixed.network.parameters = fixed.rounded_parameters();
            let emulator = export::export(&fixed, &spec).unwrap();
            let inputs = data.test().unwrap().inputs();
            let rows = inputs.nrows();
            let mut workspace = gradient::Workspace::new(&fixed.network, rows);
            workspace.input(rows).assign(&fixed.prepare(inputs.view()));
            let roundings = fixed.roundings();
            gradient::forward(
                &fixed.network,
                &fixed.network.parameters,
                rows,
                Some(&roundings),
                &mut workspace,
            );
            let last = fixed.vectors[fixed.vectors.len() - 1];
            let mut runner = Runner::new(&emulator);
            let mut words = vec![0i16; 10];
            let mut differing = 0;
            for (frame, output) in
                inputs.outer_iter().zip(workspace.value(fixed.network.last(), rows).outer_iter())
            {
                let values: Vec<f64> = frame.iter().map(|&v| f64::from(v)).collect();
                runner.infer(&emulator.quantise(&values).unwrap(), &mut words).unwrap();
                for (&word, &value) in words.iter().zip(&output) {
                    let float = (f64::from(value) * 2f64.powi(last.frac())).round() as i32;
                    // Long sums of floats round differently once in a while, and later layers may amplify that.
                    assert!((i32::from(word) - float).abs() <= 3, "{word} {float}");
                    differing += usize::from(i32::from(word) != float);
                }
            }
            assert!(
                differing <= allowed,
                "w{weight_bits}a{activation_bits}: {differing} of 1000 words differ"
            );
        }
    }

    #[test]
    fn wide_weights_lose_nothing_and_the_search_helps_narrow_ones() {
        let (mut spec, data) = problem();
        spec.quantisation = Quantisation { weight_bits: 16, activation_bits: 16 };
        let wide = quantise(&spec.network, &spec, &data).unwrap();
        assert!(wide.provenance().nrmse.unwrap() < 1e-3, "{:?}", wide.provenance().nrmse);
        spec.quantisation.weight_bits = 8;
        let observed = Observed::new(&spec.network, &[data.train().inputs().view()]);
        let search = Search::new(&spec, &spec.network, &observed, data.calibration()).unwrap();
        let plain = fixed::plain_choice(&spec, &spec.network, &search.groups, &observed).unwrap();
        let (before, after) = (search.trial(&plain), search.trial(&search.run().unwrap()));
        assert!(after < 0.7 * before, "{after} against {before}");
        let narrow = quantise(&spec.network, &spec, &data).unwrap();
        assert!(narrow.provenance().nrmse.unwrap() < 0.02, "{:?}", narrow.provenance().nrmse);
    }
}
