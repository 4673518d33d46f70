//! Frames to learn from, and the four disjoint sets of them.

use std::{collections::HashMap, sync::Arc};

use ndarray::{Array2, ArrayView1, Axis};

use crate::{Error, Result, whiten::Axes};

/// Input frames, their exact output frames and, optionally, which outputs count and how they change along a direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    inputs: Array2<f32>,
    targets: Array2<f32>,
    mask: Option<Array2<bool>>,
    slopes: Option<Slopes>,
}

/// What the exact code does along one direction per frame: J · direction, J its matrix of derivatives at the frame's inputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slopes {
    /// `[frames, inputs]`.
    pub(crate) directions: Array2<f32>,
    /// `[frames, outputs]`.
    pub(crate) values: Array2<f32>,
}

impl Frames {
    /// Frames from matrices `[frames, inputs]` and `[frames, outputs]`.
    ///
    /// # Errors
    /// No frames, different numbers of frames, or a number that is NaN or infinite.
    pub fn new(inputs: Array2<f32>, targets: Array2<f32>) -> Result<Self> {
        if inputs.is_empty() || targets.is_empty() || inputs.nrows() != targets.nrows() {
            return Err(data_error(
                "frames",
                format!(
                    "{} input frames of {} numbers and {} target frames of {}: expected as many of both, none empty",
                    inputs.nrows(),
                    inputs.ncols(),
                    targets.nrows(),
                    targets.ncols()
                ),
            ));
        }
        for (what, matrix) in [("input", &inputs), ("target", &targets)] {
            if let Some(((row, column), v)) = matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(data_error(
                    "frames",
                    format!("{what} {column} of frame {row} is {v}, expected a finite number"),
                ));
            }
        }
        // Row-major rows, whatever came in: batches are gathered row by row.
        let [inputs, targets] = [inputs, targets].map(|m| m.as_standard_layout().into_owned());
        Ok(Self { inputs, targets, mask: None, slopes: None })
    }

    /// Frames from consecutive numbers: `inputs` holds frames of `input_size`, `targets` frames of `target_size`.
    ///
    /// # Errors
    /// As [`Frames::new`], or a length that is not whole frames.
    pub fn from_rows(inputs: &[f64], input_size: usize, targets: &[f64], target_size: usize) -> Result<Self> {
        let matrix = |what: &str, values: &[f64], size: usize| {
            if size == 0 || !values.len().is_multiple_of(size) {
                return Err(data_error(
                    "frames",
                    format!("{} {what} numbers are not whole frames of {size}", values.len()),
                ));
            }
            let rows = values.len() / size;
            let values = values.iter().map(|&v| v as f32).collect();
            Ok(Array2::from_shape_vec((rows, size), values).expect("whole frames"))
        };
        Self::new(matrix("input", inputs, input_size)?, matrix("target", targets, target_size)?)
    }

    /// The same frames, of which only the outputs count where `mask` `[frames, outputs]` is true.
    ///
    /// # Errors
    /// Another shape than the targets, or nothing counts.
    pub fn with_mask(self, mask: Array2<bool>) -> Result<Self> {
        if mask.dim() != self.targets.dim() || !mask.iter().any(|&m| m) {
            return Err(data_error(
                "frames",
                format!(
                    "the mask has {:?} entries, expected {:?} with at least one that counts",
                    mask.dim(),
                    self.targets.dim()
                ),
            ));
        }
        Ok(Self { mask: Some(mask.as_standard_layout().into_owned()), ..self })
    }

    /// The same frames with the slopes `[frames, outputs]` of the exact outputs along `directions` `[frames, inputs]`: one
    /// direction per frame, of any length.
    ///
    /// # Errors
    /// Other shapes than those of inputs and targets, or a number that is NaN or infinite.
    pub fn with_slopes(self, directions: Array2<f32>, slopes: Array2<f32>) -> Result<Self> {
        if directions.dim() != self.inputs.dim() || slopes.dim() != self.targets.dim() {
            let what = format!(
                "directions {:?} and slopes {:?}, expected {:?} and {:?}",
                directions.dim(),
                slopes.dim(),
                self.inputs.dim(),
                self.targets.dim()
            );
            return Err(data_error("frames", what));
        }
        if directions.iter().chain(&slopes).any(|v| !v.is_finite()) {
            return Err(data_error("frames", String::from("directions and slopes must be finite")));
        }
        let [directions, values] = [directions, slopes].map(|m| m.as_standard_layout().into_owned());
        Ok(Self { slopes: Some(Slopes { directions, values }), ..self })
    }

    /// Slopes along a direction, where they are known.
    pub(crate) fn slopes(&self) -> Option<&Slopes> {
        self.slopes.as_ref()
    }

    /// Inputs `[frames, inputs]`.
    #[must_use]
    pub fn inputs(&self) -> &Array2<f32> {
        &self.inputs
    }

    /// Targets `[frames, outputs]`.
    #[must_use]
    pub fn targets(&self) -> &Array2<f32> {
        &self.targets
    }

    /// Which outputs count `[frames, outputs]`; `None`: all.
    #[must_use]
    pub fn mask(&self) -> Option<&Array2<bool>> {
        self.mask.as_ref()
    }

    /// Frames `rows`, in that order.
    ///
    /// # Errors
    /// No rows, a row that does not exist, or none whose outputs count.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(data_error("frames", format!("frame {row} was asked for, there are {}", self.len())));
        }
        let frames = Self::new(self.inputs.select(Axis(0), rows), self.targets.select(Axis(0), rows))?;
        let frames = match &self.mask {
            Some(mask) => frames.with_mask(mask.select(Axis(0), rows))?,
            None => frames,
        };
        match &self.slopes {
            Some(Slopes { directions, values }) => {
                frames.with_slopes(directions.select(Axis(0), rows), values.select(Axis(0), rows))
            }
            None => Ok(frames),
        }
    }

    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inputs.nrows()
    }

    /// Never: frames are refused when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether output `column` of frame `row` counts.
    pub(crate) fn counts(&self, row: usize, column: usize) -> bool {
        self.mask.as_ref().is_none_or(|m| m[(row, column)])
    }
}

fn data_error(set: &str, what: String) -> Error {
    Error::Data { set: String::from(set), what }
}

/// Disjoint sets, each for one purpose only.
#[derive(Clone, Debug)]
pub struct Datasets {
    /// Gradients, whitening, least squares and second moments.
    train: Frames,
    /// Early stopping.
    validation: Frames,
    /// Ranges and the choice of formats.
    calibration: Frames,
    /// The errors that are reported; nothing is learnt from it.
    test: Option<Frames>,
    /// Principal axes of training inputs, if they are known: many trainings share them.
    axes: Option<Arc<Axes>>,
}

impl Datasets {
    /// The sets for training.
    ///
    /// # Errors
    /// Sets of different frame sizes, or an input frame that occurs in two sets (constant frames may).
    pub fn new(train: Frames, validation: Frames, calibration: Frames, test: Frames) -> Result<Self> {
        Self { train, validation, calibration, test: Some(test), axes: None }.checked()
    }

    /// The sets for a training whose error is measured elsewhere.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn without_test(train: Frames, validation: Frames, calibration: Frames) -> Result<Self> {
        Self { train, validation, calibration, test: None, axes: None }.checked()
    }

    /// The same with principal axes of training inputs, of these or of more.
    pub(crate) fn with_axes(self, axes: Arc<Axes>) -> Self {
        Self { axes: Some(axes), ..self }
    }

    pub(crate) fn axes(&self) -> Option<&Axes> {
        self.axes.as_deref()
    }

    fn checked(self) -> Result<Self> {
        let size = |f: &Frames| (f.inputs.ncols(), f.targets.ncols());
        let expected = size(&self.train);
        let mut seen: HashMap<u64, (&str, usize)> = HashMap::new();
        for (name, frames) in self.named() {
            if size(frames) != expected {
                return Err(data_error(
                    name,
                    format!("frames of {:?} inputs and outputs, expected {expected:?}", size(frames)),
                ));
            }
            for (row, frame) in frames.inputs.outer_iter().enumerate() {
                // Flat patches and silence may repeat: they carry nothing that could leak.
                if frame.iter().all(|&v| v == frame[0]) && frame.len() > 1 {
                    continue;
                }
                let (other, first) = *seen.entry(Fingerprint::of_frame(frame)).or_insert((name, row));
                if other != name {
                    return Err(data_error(
                        &format!("{other} and {name}"),
                        format!(
                            "frame {first} of the one is frame {row} of the other; they must be disjoint"
                        ),
                    ));
                }
            }
        }
        Ok(self)
    }

    /// Frames for gradients, whitening, least squares and second moments.
    #[must_use]
    pub fn train(&self) -> &Frames {
        &self.train
    }

    /// Frames for early stopping.
    #[must_use]
    pub fn validation(&self) -> &Frames {
        &self.validation
    }

    /// Frames for ranges and the choice of formats.
    #[must_use]
    pub fn calibration(&self) -> &Frames {
        &self.calibration
    }

    /// Frames for the errors that are reported, and for nothing else; none if those are measured elsewhere.
    #[must_use]
    pub fn test(&self) -> Option<&Frames> {
        self.test.as_ref()
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Frames)> {
        let sets =
            [("train", &self.train), ("validation", &self.validation), ("calibration", &self.calibration)];
        sets.into_iter().chain(self.test.iter().map(|test| ("test", test)))
    }

    /// A number that differs when anything that training sees differs.
    pub(crate) fn fingerprint(&self, hash: &mut Fingerprint) {
        for (_, frames) in self.named() {
            hash.add(frames.len() as u64);
            for matrix in [&frames.inputs, &frames.targets] {
                hash.add(matrix.ncols() as u64);
                matrix.iter().for_each(|v| hash.add(u64::from(v.to_bits())));
            }
            frames.mask.iter().flatten().for_each(|&m| hash.add(u64::from(m)));
            for matrix in frames.slopes.iter().flat_map(|s| [&s.directions, &s.values]) {
                matrix.iter().for_each(|v| hash.add(u64::from(v.to_bits())));
            }
        }
    }
}

/// A 64-bit hash that is the same on every run (FNV-1a over words, with a final mix).
#[derive(Clone, Debug)]
pub(crate) struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    pub(crate) fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.add(u64::from(b)));
    }

    /// Of the numbers of a frame.
    pub(crate) fn of_frame(frame: ArrayView1<f32>) -> u64 {
        let mut hash = Self::default();
        frame.iter().for_each(|v| hash.add(u64::from(v.to_bits())));
        hash.value()
    }

    pub(crate) fn value(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(start: usize) -> Frames {
        let matrix = |columns| Array2::from_shape_fn((4, columns), |(r, c)| (start + 10 * r + c) as f32);
        Frames::new(matrix(3), matrix(2)).unwrap()
    }

    #[test]
    fn shared_frames_are_refused() {
        assert!(Datasets::new(frames(0), frames(100), frames(200), frames(300)).is_ok());
        let error = Datasets::new(frames(0), frames(100), frames(200), frames(30)).unwrap_err().to_string();
        assert!(error.contains("train and test") && error.contains("frame 3"), "{error}");
    }

    #[test]
    fn bad_numbers_are_refused_with_their_place() {
        let error = Frames::from_rows(&[1.0, 2.0, 3.0, f64::NAN], 2, &[1.0, 2.0], 1).unwrap_err().to_string();
        assert!(error.contains("input 1 of frame 1"), "{error}");
        assert!(Frames::from_rows(&[1.0, 2.0, 3.0], 2, &[1.0], 1).is_err());
        assert!(Frames::from_rows(&[], 2, &[], 1).is_err());
        assert!(frames(0).with_mask(Array2::from_elem((4, 2), false)).is_err());
    }
}
