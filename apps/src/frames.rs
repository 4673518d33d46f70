//! Frames of data, the four splits, and the random streams that keep them apart.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{Application, Kernel};

/// What a set of frames is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// To fit weights.
    Train,
    /// To decide when to stop and what to keep.
    Validation,
    /// To choose fixed-point formats.
    Calibration,
    /// To measure the error that is quoted; nothing else may look at it.
    Test,
}

/// A set of input frames with the outputs of the exact kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// Number of frames.
    pub count: usize,
    /// Inputs, row-major `[count][application inputs]`.
    pub inputs: Vec<f64>,
    /// Exact outputs, row-major `[count][application outputs]`.
    pub targets: Vec<f64>,
    /// Outputs that count in the error metric, shaped like `targets`; `None`: all of them.
    pub mask: Option<Vec<bool>>,
    /// What each frame is (`white noise`, `speech`, …), for errors per kind; `count` long.
    pub kinds: Vec<&'static str>,
}

impl Frames {
    /// Share of outputs that count in the error metric.
    pub fn share(&self) -> f64 {
        match &self.mask {
            Some(mask) => mask.iter().filter(|&&counts| counts).count() as f64 / mask.len().max(1) as f64,
            None => 1.0,
        }
    }

    /// The targets with NaN where an output does not count.
    pub fn counted_targets(&self) -> Vec<f64> {
        let mut targets = self.targets.clone();
        let mask = self.mask.iter().flatten();
        targets
            .iter_mut()
            .zip(mask)
            .filter(|(_, counts)| !**counts)
            .for_each(|(target, _)| *target = f64::NAN);
        targets
    }

    /// The frames of one kind.
    pub fn of_kind(&self, kind: &str) -> Frames {
        self.select((0..self.count).filter(|&frame| self.kinds[frame] == kind).collect())
    }

    fn select(&self, keep: Vec<usize>) -> Frames {
        Frames {
            count: keep.len(),
            inputs: gather(&self.inputs, self.count, &keep),
            targets: gather(&self.targets, self.count, &keep),
            mask: self.mask.as_ref().map(|mask| gather(mask, self.count, &keep)),
            kinds: keep.iter().map(|&frame| self.kinds[frame]).collect(),
        }
    }

    /// The first `count` frames and the others.
    pub(crate) fn split_at(&self, count: usize) -> (Frames, Frames) {
        (self.select((0..count).collect()), self.select((count..self.count).collect()))
    }

    /// Fills `count` frames in parallel: `generate(frame, input)` writes an input and names its kind,
    /// the exact kernel adds the target.
    pub(crate) fn generate(
        app: &dyn Application,
        count: usize,
        generate: impl Fn(usize, &mut [f64]) -> &'static str + Sync,
    ) -> Frames {
        let (inputs_per_frame, outputs_per_frame) = (app.inputs(), app.outputs());
        let mut inputs = vec![0.0; count * inputs_per_frame];
        let mut targets = vec![0.0; count * outputs_per_frame];
        let kinds = inputs
            .par_chunks_exact_mut(inputs_per_frame)
            .zip(targets.par_chunks_exact_mut(outputs_per_frame))
            .enumerate()
            .map_init(
                || app.plan_exact(),
                |kernel: &mut Kernel, (frame, (input, target))| {
                    let kind = generate(frame, input);
                    kernel.run(input, target).expect("chunks have the sizes of the application");
                    kind
                },
            )
            .collect();
        Frames { count, inputs, targets, mask: None, kinds }
    }
}

fn gather<T: Copy>(rows: &[T], count: usize, keep: &[usize]) -> Vec<T> {
    let width = rows.len() / count.max(1);
    keep.iter().flat_map(|&row| &rows[row * width..][..width]).copied().collect()
}

/// Number of an application in the random streams. Never renumber: the frames of a seed depend on it.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    OpticalFlow = 1,
    Fft = 2,
    Convolution = 3,
    Rope = 4,
    Newton = 5,
    DeadLeaves = 6,
}

/// The random stream of one item (a frame, an image) of a split.
///
/// ChaCha's nonce is (application, split, item), so that under one seed two different items read different
/// blocks of the cipher: splits are disjoint by construction, and items can be made in any order.
pub(crate) fn stream(source: Source, split: Split, seed: u64, item: usize) -> ChaCha8Rng {
    let split = match split {
        Split::Train => 0u64,
        Split::Validation => 1,
        Split::Calibration => 2,
        Split::Test => 3,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((source as u64) << 56 | split << 48 | (item as u64 & 0xffff_ffff_ffff));
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_in_application_split_item_and_seed() {
        let first = |source, split, seed, item| stream(source, split, seed, item).next_u64();
        let base = first(Source::Fft, Split::Train, 1, 0);
        assert_eq!(base, first(Source::Fft, Split::Train, 1, 0));
        assert_ne!(base, first(Source::Rope, Split::Train, 1, 0));
        assert_ne!(base, first(Source::Fft, Split::Test, 1, 0));
        assert_ne!(base, first(Source::Fft, Split::Train, 2, 0));
        assert_ne!(base, first(Source::Fft, Split::Train, 1, 1));
    }

    #[test]
    fn frames_of_a_kind_keep_their_rows_together() {
        let frames = Frames {
            count: 3,
            inputs: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            targets: vec![10.0, 20.0, 30.0],
            mask: Some(vec![true, false, true]),
            kinds: vec!["a", "b", "a"],
        };
        let kept = frames.of_kind("a");
        assert_eq!((kept.count, kept.kinds.len()), (2, 2));
        assert_eq!(kept.inputs, [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(kept.targets, [10.0, 30.0]);
        assert_eq!(kept.share(), 1.0);
        assert_eq!(frames.share(), 2.0 / 3.0);
        assert_eq!(frames.of_kind("c").count, 0);
    }
}
