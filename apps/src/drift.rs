//! Functions that change under the emulator: what a sensor sees, or how it is corrected, is no longer what it was.

use crate::{AppError, Application, Frames, Kernel, Recipe, Result, Signal, Split};

/// An application whose outputs have changed: the same inputs, other answers.
pub(crate) struct Drifted<A> {
    pub(crate) app: A,
    /// What becomes of the outputs of a frame.
    pub(crate) change: fn(&mut [f64]),
}

impl<A: Application> Drifted<A> {
    fn changed(&self, mut kernel: Kernel) -> Kernel {
        let change = self.change;
        Kernel::new(self.name(), self.inputs(), self.outputs(), move |input, output| {
            kernel.run(input, output).expect("frames of the application");
            change(output);
        })
    }
}

impl<A: Application> Application for Drifted<A> {
    fn name(&self) -> &'static str {
        self.app.name()
    }

    fn title(&self) -> &'static str {
        self.app.title()
    }

    fn input_signals(&self) -> &'static [Signal] {
        self.app.input_signals()
    }

    fn output_signals(&self) -> &'static [Signal] {
        self.app.output_signals()
    }

    fn plan_exact(&self) -> Kernel {
        self.changed(self.app.plan_exact())
    }

    fn plan_reference(&self) -> Kernel {
        self.changed(self.app.plan_reference())
    }

    fn frames(&self, split: Split, count: usize, seed: u64) -> Frames {
        let mut frames = self.app.frames(split, count, seed);
        frames.targets.chunks_exact_mut(self.outputs()).for_each(self.change);
        frames
    }

    fn recipe(&self) -> Result<Recipe> {
        Err(AppError::NoRecipe(self.name()))
    }
}

/// A reflection: an echo of a third of the strength, 64 samples later, and the sound as loud as before.
pub(crate) fn echo(samples: &mut [f64]) {
    for k in (0..samples.len()).rev() {
        let earlier = k.checked_sub(64).map_or(0.0, |k| samples[k]);
        samples[k] = 0.75 * samples[k] + 0.25 * earlier;
    }
}

/// A microphone that hears high notes less and less, down to half: bins are pairs of a real and an imaginary part.
pub(crate) fn response(bins: &mut [f64]) {
    let highest = (bins.len() / 2 - 1) as f64;
    for (k, bin) in bins.chunks_exact_mut(2).enumerate() {
        bin.iter_mut().for_each(|part| *part *= 1.0 - 0.5 * k as f64 / highest);
    }
}

/// A camera that takes five pictures where it took four: less moves from one to the next.
pub(crate) fn frame_rate(flow: &mut [f64]) {
    flow.iter_mut().for_each(|component| *component *= 0.8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Convolution, Fft};

    #[test]
    fn changes_are_linear_and_those_that_they_say() {
        let mut impulse = vec![0.0; 200];
        impulse[100] = 1.0;
        echo(&mut impulse);
        let found: Vec<(usize, f64)> = impulse.into_iter().enumerate().filter(|(_, v)| *v != 0.0).collect();
        assert_eq!(found, [(100, 0.75), (164, 0.25)]);
        let mut bins = vec![1.0; 6];
        response(&mut bins);
        assert_eq!(bins, [1.0, 1.0, 0.75, 0.75, 0.5, 0.5]);
    }

    #[test]
    fn kernels_and_frames_have_changed_alike() {
        let check = |app: &dyn Application| {
            let frames = app.frames(Split::Test, 2, 1);
            let mut output = vec![0.0; app.outputs()];
            for (input, target) in
                frames.inputs.chunks_exact(app.inputs()).zip(frames.targets.chunks_exact(app.outputs()))
            {
                app.exact(input, &mut output).unwrap();
                assert_eq!(output, target, "{}", app.name());
            }
        };
        check(&Drifted { app: Convolution::new(), change: echo });
        check(&Drifted { app: Fft::new(), change: response });
    }
}
