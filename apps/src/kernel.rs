//! A planned kernel: tables and scratch memory are made once, a call allocates nothing.

use crate::{AppError, Result};

type Body = Box<dyn FnMut(&[f64], &mut [f64]) + Send>;

/// One way to compute an application, ready to be called frame after frame.
///
/// Like a plan of RustFFT or FFTW it owns its tables and scratch memory; every thread makes its own.
pub struct Kernel {
    app: &'static str,
    inputs: usize,
    outputs: usize,
    body: Body,
}

impl Kernel {
    pub(crate) fn new(
        app: &'static str,
        inputs: usize,
        outputs: usize,
        body: impl FnMut(&[f64], &mut [f64]) + Send + 'static,
    ) -> Kernel {
        Kernel { app, inputs, outputs, body: Box::new(body) }
    }

    /// Computes one frame.
    ///
    /// # Errors
    /// [`AppError::FrameSize`] when `input` or `output` is not one frame long.
    pub fn run(&mut self, input: &[f64], output: &mut [f64]) -> Result<()> {
        let size = |what, found, expected| match found == expected {
            true => Ok(()),
            false => Err(AppError::FrameSize { app: self.app, what, found, expected }),
        };
        size("input", input.len(), self.inputs)?;
        size("output", output.len(), self.outputs)?;
        (self.body)(input, output);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_frames_of_the_wrong_length() {
        let mut kernel = Kernel::new("sum", 3, 1, |x, y| y[0] = x.iter().sum());
        let mut output = [0.0];
        kernel.run(&[1.0, 2.0, 4.0], &mut output).unwrap();
        assert_eq!(output, [7.0]);
        let short = kernel.run(&[1.0, 2.0], &mut output).unwrap_err();
        assert_eq!(short.to_string(), "sum: input has 2 values, expected 3");
        let long = kernel.run(&[1.0, 2.0, 4.0], &mut [0.0; 2]).unwrap_err();
        assert_eq!(long.to_string(), "sum: output has 2 values, expected 1");
    }
}
