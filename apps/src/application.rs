//! What every application can do, and the list of the five.

use crate::{
    AppError, Convolution, Fft, Frames, Kernel, Newton, OpticalFlow, Recipe, Result, Rope, SearchSpace, Split,
};

/// A named part of a frame: `size` consecutive values in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Name, snake case.
    pub name: &'static str,
    /// Unit of the values, `1` for pure numbers.
    pub unit: &'static str,
    /// Number of values.
    pub size: usize,
}

/// A numerical region with frames of fixed size, its kernels and its data.
pub trait Application: Send + Sync {
    /// Name in snake case, as on the command line.
    fn name(&self) -> &'static str;

    /// One line that says what is computed.
    fn title(&self) -> &'static str;

    /// The parts of an input frame, in order.
    fn input_signals(&self) -> &'static [Signal];

    /// The parts of an output frame, in order.
    fn output_signals(&self) -> &'static [Signal];

    /// Values of an input frame.
    fn inputs(&self) -> usize {
        self.input_signals().iter().map(|signal| signal.size).sum()
    }

    /// Values of an output frame.
    fn outputs(&self) -> usize {
        self.output_signals().iter().map(|signal| signal.size).sum()
    }

    /// The best CPU code that we know for this region.
    fn plan_exact(&self) -> Kernel;

    /// The textbook code for this region: the baseline of an unoptimised program.
    fn plan_reference(&self) -> Kernel;

    /// Computes one frame with the exact kernel. For many frames, keep the plan.
    ///
    /// # Errors
    /// [`AppError::FrameSize`] when `input` or `output` is not one frame long.
    fn exact(&self, input: &[f64], output: &mut [f64]) -> Result<()> {
        self.plan_exact().run(input, output)
    }

    /// Computes one frame with the reference kernel. For many frames, keep the plan.
    ///
    /// # Errors
    /// [`AppError::FrameSize`] when `input` or `output` is not one frame long.
    fn reference(&self, input: &[f64], output: &mut [f64]) -> Result<()> {
        self.plan_reference().run(input, output)
    }

    /// `count` frames of `split` with the targets of the exact kernel.
    ///
    /// The same seed gives the same frames, more frames begin with the same ones, and no two splits of a
    /// seed share any of their randomness.
    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames;

    /// Writes the input of frame `frame` of `split` and `seed`, moved by `step` along a random direction in which inputs do vary;
    /// the frame itself for a step of 0. False if the application knows no such direction.
    fn nearby(&self, _split: Split, _seed: u64, _frame: usize, _step: f64, _input: &mut [f64]) -> bool {
        false
    }

    /// How the emulator of this region comes to be.
    ///
    /// # Errors
    /// [`AppError::Training`] when the network of the recipe is put together wrongly.
    fn recipe(&self) -> Result<Recipe>;

    /// What a search for a better emulator tries: by default the recipe, for several widths of weights.
    ///
    /// # Errors
    /// As [`Application::recipe`].
    fn search_space(&self) -> Result<SearchSpace> {
        SearchSpace::of_recipe(self)
    }
}

/// The five applications with their default settings, in the order of the tables.
pub fn applications() -> Vec<Box<dyn Application>> {
    vec![
        Box::new(OpticalFlow::new()),
        Box::new(Fft::new()),
        Box::new(Convolution::new()),
        Box::new(Rope::new()),
        Box::new(Newton::new()),
    ]
}

/// The application called `name`, with its default settings.
///
/// # Errors
/// [`AppError::UnknownApplication`] when there is none.
pub fn application(name: &str) -> Result<Box<dyn Application>> {
    applications()
        .into_iter()
        .find(|app| app.name() == name)
        .ok_or_else(|| AppError::UnknownApplication { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_sizes_of_the_design() {
        let sizes: Vec<_> = applications().iter().map(|a| (a.name(), a.inputs(), a.outputs())).collect();
        let expected = [
            ("optical_flow", 512, 200),
            ("fft", 512, 514),
            ("convolution", 512, 1023),
            ("rope", 400, 200),
            ("newton", 40, 20),
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn applications_are_found_by_name() {
        assert_eq!(application("rope").unwrap().name(), "rope");
        let error = application("ropes").err().unwrap().to_string();
        assert!(error.contains("'ropes'") && error.contains("newton"), "{error}");
    }

    #[test]
    fn same_seed_same_frames_and_a_longer_set_begins_with_the_shorter() {
        for app in applications() {
            let short = app.frames(Split::Validation, 3, 5);
            let long = app.frames(Split::Validation, 5, 5);
            assert_eq!(short.inputs, long.inputs[..3 * app.inputs()], "{}", app.name());
            assert_eq!(short.targets, long.targets[..3 * app.outputs()], "{}", app.name());
            assert_ne!(short.inputs, app.frames(Split::Validation, 3, 6).inputs, "{}", app.name());
        }
    }

    #[test]
    fn splits_share_no_frame() {
        let splits = [Split::Train, Split::Validation, Split::Calibration, Split::Test];
        for app in applications() {
            let mut seen = std::collections::HashSet::new();
            for split in splits {
                let frames = app.frames(split, 20, 9);
                for input in frames.inputs.chunks_exact(app.inputs()) {
                    let bits: Vec<u64> = input.iter().map(|value| value.to_bits()).collect();
                    assert!(seen.insert(bits), "{}: a frame of {split:?} was seen before", app.name());
                }
            }
        }
    }

    #[test]
    fn frames_are_finite_and_not_trivial() {
        for app in applications() {
            let frames = app.frames(Split::Train, 12, 1);
            assert!(frames.inputs.iter().chain(&frames.targets).all(|value| value.is_finite()));
            let first = &frames.targets[..app.outputs()];
            assert!(frames.targets.chunks_exact(app.outputs()).skip(1).all(|target| target != first));
        }
    }
}
