//! A bounded, fair choice from a stream of pairs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Deserializer, Serialize};

/// An input frame and the exact output frame, in physical units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The input frame.
    pub input: Vec<f32>,
    /// What the exact code gives for it; NaN where it does not know, which nothing is learnt from.
    #[serde(deserialize_with = "with_unknown")]
    pub target: Vec<f32>,
}

/// Numbers, and NaN where there is none: JSON has no other way to say so.
fn with_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let numbers = Vec::<Option<f32>>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.unwrap_or(f32::NAN)).collect())
}

impl Sample {
    /// In single precision, which is enough to learn from.
    pub fn new(input: &[f64], target: &[f64]) -> Self {
        let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        Self { input: single(input), target: single(target) }
    }

    /// Whether something can be learnt from it: all inputs are finite, and all targets that are known, of which there is one. Large
    /// numbers may not be finite in single precision.
    pub(crate) fn can_be_learnt(&self) -> bool {
        let mut known = self.known().peekable();
        known.peek().is_some() && self.input.iter().copied().chain(known.map(|(_, v)| v)).all(f32::is_finite)
    }

    /// The targets that are known, and which they are.
    pub(crate) fn known(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.target.iter().copied().enumerate().filter(|(_, target)| !target.is_nan())
    }
}

/// At most `capacity` pairs of all that were offered, every one with the same probability (Vitter, "Random sampling with a
/// reservoir", 1985, algorithm R).
///
/// Where a pair goes depends on the seed and on how many came before, on nothing else: replaying the offers gives the same
/// reservoir.
///
/// ```
/// use emeuro_online::{Reservoir, Sample};
/// let mut reservoir = Reservoir::new(2, 7);
/// for value in 0..5 {
///     reservoir.offer(Sample { input: vec![value as f32], target: vec![0.0] });
/// }
/// assert_eq!((reservoir.samples().len(), reservoir.offered()), (2, 5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reservoir {
    capacity: usize,
    seed: u64,
    offered: u64,
    samples: Vec<Sample>,
}

impl Reservoir {
    /// An empty reservoir for `capacity` pairs.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self { capacity, seed, offered: 0, samples: vec![] }
    }

    /// Keeps `sample` in an empty place, in place of another one, or not at all.
    pub fn offer(&mut self, sample: Sample) {
        // What a journal says may be as large as a number can be.
        self.offered = self.offered.saturating_add(1);
        if self.samples.len() < self.capacity {
            self.samples.push(sample);
            return;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.offered);
        let place = rng.random_range(0..self.offered);
        if let Some(kept) = usize::try_from(place).ok().and_then(|place| self.samples.get_mut(place)) {
            *kept = sample;
        }
    }

    /// Puts back a pair that was kept after `offered` offers.
    pub(crate) fn restore(&mut self, sample: Sample, offered: u64) {
        self.samples.push(sample);
        self.offered = offered;
    }

    /// The pairs that are kept.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// How many were offered.
    pub fn offered(&self) -> u64 {
        self.offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400 reservoirs of 10 out of 100: every offer is kept about 40 times.
    #[test]
    fn every_offer_is_kept_equally_often() {
        let mut kept = [0; 100];
        for seed in 0..400 {
            let mut reservoir = Reservoir::new(10, seed);
            for value in 0..100 {
                reservoir.offer(Sample { input: vec![value as f32], target: vec![] });
            }
            assert_eq!((reservoir.samples().len(), reservoir.offered()), (10, 100));
            reservoir.samples().iter().for_each(|sample| kept[sample.input[0] as usize] += 1);
        }
        // Binomial with mean 40 and standard deviation 6; the first and the last tenth together 400 ± 19.
        assert!(kept.iter().all(|&count| (14..=68).contains(&count)), "{kept:?}");
        assert!((330..=470).contains(&kept[..10].iter().sum::<i32>()), "{kept:?}");
        assert!((330..=470).contains(&kept[90..].iter().sum::<i32>()), "{kept:?}");
    }
}
